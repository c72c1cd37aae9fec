local app = require "support.app"

describe("the chat", function()
  local school, ada, phone, bob, eve

  before_each(function()
    school = app.new { dir = "examples/elearning" }
    ada, phone = school:connect { id = "ada", name = "Ada" }, school:connect { id = "ada" }
    bob, eve = school:connect { id = "bob" }, school:connect { id = "eve" }
  end)

  local function code(ack)
    return ack.error and ack.error.code
  end

  it("lets the two of a conversation in and out, and tells the socket so", function()
    for _, payload in ipairs { "ada.bob", { conversationId = "ada.bob" } } do
      assert.same({ ok = true, conversationId = "ada.bob" }, ada:ask("join_conversation", payload))
      assert.is_true(ada.socket:has_joined "conversation:ada.bob")
      assert.same({ ok = true, conversationId = "ada.bob" }, ada:ask("leave_conversation", payload))
      assert.is_false(ada.socket:has_joined "conversation:ada.bob")
    end
    local one = { conversationId = "ada.bob" }
    assert.same({ one, one }, ada:got "joined_conversation")
    assert.equal(2, #ada:got "left_conversation")
    ada:emit("leave_conversation", "ada.bob")
    assert.equal(3, #ada:got "left_conversation")
    assert.same({}, ada:got "error")
    assert.same({}, phone:got "joined_conversation")
    assert.equal("forbidden", code(eve:ask("join_conversation", "ada.bob")))
    assert.equal("forbidden", code(eve:ask("join_room", "conversation:ada.bob")))
    assert.equal("conversation:ada.bob", bob:ask("join_room", "conversation:ada.bob").room)
    assert.equal("invalid", code(eve:ask("join_conversation", {})))
    assert.same({}, eve:got "joined_conversation")
  end)

  it("lets nobody into a platform's own without a grant, and out when that ends", function()
    assert.equal("forbidden", code(ada:ask("join_conversation", 9)))
    school.api.grant_room("ada", "conversation:9")
    assert.same({ ok = true, conversationId = "9" }, ada:ask("join_conversation", 9))
    school.api.revoke_room("ada", "conversation:9")
    assert.is_false(ada.socket:has_joined "conversation:9")
    assert.equal("forbidden", code(ada:ask("join_conversation", "9")))
  end)

  it("hears of a message by the guide's event, on all devices of both", function()
    local message = ada:ask("private_message", { to = "bob", content = "hi", attachments = { "a" } }).message
    for _, client in ipairs { ada, phone } do
      assert.equal(message.id, client:got("message_sent")[1].message.id)
      assert.same({}, client:got "new_message")
    end
    local told = bob:got("new_message")[1]
    assert.same({ "ada.bob", "Ada", { "a" }, "TEXT" }, {
      told.conversationId, told.message.sender.firstName, told.message.attachments, told.message.messageType,
    })
    assert.same({}, eve:got "new_message")
    ada:ask("join_conversation", "ada.bob")
    bob:ask("mark_room_read", { room = "private:ada:bob" })
    assert.same({ { conversationId = "ada.bob", readBy = "bob", count = 1 } }, ada:got "messages_read")
    assert.same({}, phone:got "messages_read")
  end)

  it("is off where private messages are", function()
    school.lectern.config.app.private_messages = false
    assert.equal("forbidden", code(ada:ask("join_conversation", "ada.bob")))
  end)
end)
