local app = require "support.app"

describe("store", function()
  local store

  before_each(function()
    app.core()
    store = require "lectern.store"
  end)

  it("gives copies, so that nobody changes what is kept", function()
    local mine = { id = "1", title = "a", isRead = false }
    store.add_notification("user:1", mine)
    mine.title = "changed"
    local read = store.notifications("user:1", 10)[1]
    assert.equal("a", read.title)
    read.title = "changed"
    assert.equal("a", store.notifications("user:1", 10)[1].title)
  end)

  it("counts unread ones, also when the oldest are dropped", function()
    for i = 1, 250 do
      store.add_notification("user:1", { id = "n" .. i, isRead = false })
    end
    assert.equal(200, store.unread_count "user:1")
    assert.is_nil(store.mark_read("user:1", "n50"))
    assert.is_true(store.mark_read("user:1", "n51"))
    assert.is_false(store.mark_read("user:1", "n51"))
    assert.equal(199, store.unread_count "user:1")
    assert.equal(0, store.unread_count "user:2")
    assert.equal(199, store.mark_all_read "user:1")
    assert.equal(0, store.unread_count "user:1")
    assert.equal(0, #store.notifications("user:1", 10, nil, true))
  end)

  it("keeps one person's same reaction once, and tallies people", function()
    local function react(user, reaction, discussion, message)
      store.add_reaction("course:1", {
        discussionId = discussion or "d", userId = user, reaction = reaction, messageId = message,
      })
    end
    react("ada", "+")
    react("ada", "+")
    react("bob", "+")
    react("bob", "-")
    react("bob", "+", "other")
    assert.same({ ["+"] = 2, ["-"] = 1 }, store.reactions("course:1", "d"))
    assert.same({}, store.reactions("course:2", "d"))
  end)

  it("remembers grants: yes, no, and nobody has said", function()
    assert.is_nil(store.grant("user:1", "course:1"))
    store.set_grant("user:1", "course:1", true)
    assert.is_true(store.grant("user:1", "course:1"))
    store.set_grant("user:1", "course:1", false)
    assert.is_false(store.grant("user:1", "course:1"))
    assert.is_nil(store.grant("user:1", "course:2"))
  end)

  it("lies in lectern.state: a module loaded anew finds it all", function()
    store.add_message("course:1", { id = "m", content = "hello" })
    package.loaded["lectern.store"] = nil
    local again = require "lectern.store"
    assert.not_equal(store, again)
    assert.equal("hello", again.messages("course:1", 1)[1].content)
  end)
end)
