local class = require "support.class"

describe("conversations", function()
  local conversations

  before_each(function()
    class.new()
    conversations = require "lectern.conversations"
  end)

  describe("have an id", function()
    it("that is the same whoever is named first, and may stand in a URL", function()
      assert.equal("alice.bob", conversations.id("bob", "alice"))
      assert.equal("10.9", conversations.id(9, 10))
      assert.equal("user~3A1.~C3~A9", conversations.id("é", "user:1"))
      assert.equal("a~2Eb.a~7E2Eb", conversations.id("a~2Eb", "a.b"))
    end)

    it("that says whose it is, of any two people", function()
      local long = ("%:"):rep(127)
      local pairs_of = {
        { "user", "user-" }, { "a:b", "a%3Ab" }, { "a ", " a" }, { long .. 1, long .. 2 }, { "a.b", "a" },
        { "~41", "A" }, { "é", "e\204\129" }, { "\255", "\254" }, { "👩‍🏫", "0" }, { ".", "~" }, { "/", "?" },
      }
      local seen = {}
      for _, pair in ipairs(pairs_of) do
        local id = conversations.id(pair[1], pair[2])
        assert.equal(id, conversations.id(pair[2], pair[1]))
        assert.matches("^[%w_~.-]+$", id)
        assert.is_nil(seen[id])
        seen[id] = true
        local a, b = conversations.pair(id)
        assert.is_true(a == pair[1] and b == pair[2] or a == pair[2] and b == pair[1], id)
        assert.is_true(#"conversation:" + #id <= 1544)
      end
    end)

    it("unless they are not two people", function()
      assert.equal("invalid", select(3, conversations.id("ada", "ada")))
      assert.equal("invalid", select(3, conversations.id(7, "7")))
      for _, nobody in ipairs { "", "a\nb", ("x"):rep(256), {}, true, 1.5 } do
        assert.equal("invalid", select(3, conversations.id("ada", nobody)))
        assert.equal("invalid", select(3, conversations.id(nobody, "ada")))
      end
    end)

    it("that nothing else is taken for", function()
      local others = {
        "", ".", "alice", "alice.", ".bob", "bob.alice", "alice.alice", "alice.bob.eve", "alice.bob ",
        " alice.bob", "alice:bob", "alice.b~6Fb", "~c3~a9.user", "alice.~", "alice.~4", "alice.~GG",
        "alice.~00", "alice.b~0Ab", "alice.bob\n", "é.user", "0190f3a2-7c11-7d4e", ("a"):rep(256) .. ".b",
        5, {}, true,
      }
      for _, other in ipairs(others) do
        assert.is_nil((conversations.pair(other)), tostring(other))
      end
      assert.is_nil((conversations.pair(nil)))
    end)
  end)
end)
