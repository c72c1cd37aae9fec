local app = require "support.app"

describe("access", function()
  it("of a person ends by revoke_user, of a token by revoke_token", function()
    local school = app.new { dir = "examples/elearning" }
    local ada, bob = school:connect { id = "ada", jti = "1" }, school:connect { id = "bob", jti = "2" }
    assert.same({ disconnected = 1 }, school.api.revoke_user "ada")
    assert.is_false(ada.socket.connected)
    assert.is_true(bob.socket.connected)
    assert.same({ disconnected = 1 }, school.api.revoke_token "2")
    assert.is_false(bob.socket.connected)
    assert.same({ disconnected = 0 }, school.api.revoke_token "2")
    for _, call in ipairs { "revoke_user", "revoke_token" } do
      assert.equal("invalid", (select(3, school.api[call] {})))
    end
  end)
end)
