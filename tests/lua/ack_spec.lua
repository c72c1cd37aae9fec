local ack = require "lectern.ack"

describe("acks", function()
  it("say that it is done", function()
    assert.same({ ok = true }, ack.done({ id = "m1" }, true))
  end)

  it("have what came of it, by its name", function()
    assert.same({ ok = true, message = { id = "m1" } }, ack.with("message", { id = "m1" }))
  end)

  it("are the answer itself", function()
    local page = { messages = {}, hasMore = false }
    assert.same({ page }, { ack.of(page, true) })
    assert.same({ ok = true, messages = {}, hasMore = false }, page)
    assert.equal(page, (ack.of(page)))
  end)

  it("let a refusal through", function()
    for _, answered in ipairs {
      { ack.done(nil, "no such thing", "not_found") },
      { ack.with("message", nil, "no such thing", "not_found") },
      { ack.of(nil, "no such thing", "not_found") },
    } do
      assert.same({ nil, "no such thing", "not_found" }, answered)
    end
  end)
end)
