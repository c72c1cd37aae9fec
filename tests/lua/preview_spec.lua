local preview = require "lectern.preview"

describe("the beginning of a text", function()
  it("has so many characters, not bytes", function()
    assert.equal("abc", preview.of("abc", 3))
    assert.equal("abc", preview.of("abcd", 3))
    assert.equal("", preview.of("", 3))
    assert.equal(("é"):rep(100), preview.of(("é"):rep(100), 100))
    assert.equal(("é"):rep(100), preview.of(("é"):rep(101), 100))
    assert.equal(("€"):rep(100), preview.of(("€"):rep(5000), 100))
    assert.equal(("😀"):rep(100), preview.of(("😀"):rep(101), 100))
    assert.equal("a\0b", preview.of("a\0bc", 3))
  end)

  it("never has half a one", function()
    local teacher, wave, flag, accent = "👩‍🏫", "👋🏽", "🇩🇪", "e\204\129"
    for _, char in ipairs { teacher, wave, flag, accent, "❤️", "👨‍👩‍👧‍👦" } do
      for before = 0, 8 do
        local text = ("x"):rep(before) .. char .. ("y"):rep(20)
        for most = 1, 20 do
          local cut = preview.of(text, most)
          local rest = cut:gsub("^x+", "")
          assert.is_true(before == 0 and #cut > 0 or rest == "" or rest:sub(1, #char) == char,
            ("%s %d %d: %s"):format(char, before, most, cut))
        end
      end
    end
    assert.equal("ab", preview.of("ab" .. teacher, 3))
    assert.equal("ab" .. flag, preview.of("ab" .. flag .. flag, 5))
  end)

  it("ends even where a character does not", function()
    local endless = "e" .. ("\204\129"):rep(500)
    assert.equal("e" .. ("\204\129"):rep(99), preview.of(endless, 100))
    assert.equal(400, #preview.of(("🇩"):rep(5001), 100))
    assert.is_true(#preview.of(("\255\128"):rep(500), 100) > 0)
  end)
end)
