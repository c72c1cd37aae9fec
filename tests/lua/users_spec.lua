local class = require "support.class"

local BACK_END = { url = "https://school.example/internal/users", key = "let-us-in" }

local function reply(school, query, status, body)
  school.core.replies[BACK_END.url .. "?" .. query] = { status = status, body = body }
end

describe("users of the platform", function()
  local school, users

  before_each(function()
    school = class.new()
    users = require "lectern.users"
    local ada = '{"id": 42, "firstName": "Ada", "role": "teacher", "email": null, "x": 1}'
    reply(school, "account=acc_1", 200, ada)
  end)

  it("give who came the platform's id and role", function()
    local user = { id = "acc_1", sub = "acc_1", role = "student" }
    assert.is_true(users.identify(user, BACK_END))
    assert.same({ id = "42", sub = "acc_1", role = "teacher", name = "Ada" }, user)
    assert.equal("Bearer let-us-in", school.core.requests[1].headers.authorization)
  end)

  it("stay who they are with another token, and get the role again", function()
    local people = require "lectern.people"
    users.use(BACK_END)
    reply(school, "account=42", 200, '{"id": "1", "role": "admin"}') -- an account that is called as she is
    reply(school, "id=42", 200, '[{"id": "42", "role": "teacher"}]')
    local user = { id = "42", sub = "acc_1" } -- as the server makes it of the token
    assert.is_true(people.renew(user))
    assert.same({ id = "42", sub = "acc_1", role = "teacher" }, user)
    reply(school, "id=43", 200, "[]")
    user = { id = "43", sub = "acc_3" }
    local ok, _, code = people.renew(user)
    assert.same({ nil, "not_found" }, { ok, code })
    assert.same({ id = "43", sub = "acc_3" }, user)
  end)

  it("who were revoked do not ask over HTTP by an older token of their account", function()
    local people = require "lectern.people"
    users.use(BACK_END)
    local now = math.floor(school.lectern.now())
    assert.is_truthy(require "lectern.store.revocations".add("person", "42", now))
    local function ask(issued)
      return people.asking { user = { id = "acc_1", sub = "acc_1", iat = issued } }
    end
    for _, issued in ipairs { now - 60, now, now + 0.5, false } do
      local person, why, code = ask(issued)
      assert.same({ nil, "unauthorized" }, { person, code })
      assert.is_truthy(why:find "token was revoked")
    end
    assert.equal("42", ask(now + 1))
    school.core.db_failure = { "away", "unavailable" }
    assert.same({ nil, "away", "unavailable" }, { ask(now + 1) })
  end)

  it("ask as often as they like in one request", function()
    local people = require "lectern.people"
    users.use(BACK_END)
    local request = { user = { id = "acc_1", sub = "acc_1" } }
    assert.same({ "42", "42" }, { people.asking(request), people.asking(request) })
  end)

  it("who were erased are remembered no more", function()
    users.use(BACK_END)
    reply(school, "id=42&id=7", 200, '[{"id": "42", "email": "ada@school.example"}, {"id": "7"}]')
    users.of_account(BACK_END, "acc_1")
    users.of_ids(BACK_END, { "42", "7" })
    assert.is_truthy(require "lectern.privacy".erase "42")
    reply(school, "account=acc_1", 404, "")
    local found, _, code = users.of_account(BACK_END, "acc_1")
    assert.same({ nil, "not_found" }, { found, code })
    reply(school, "id=42", 200, "[]")
    assert.same({ ["7"] = { id = "7" } }, users.of_ids(BACK_END, { "7", "42" }))
  end)

  it("are asked for once in a minute", function()
    for _ = 1, 3 do
      assert.same({ id = "42", firstName = "Ada", role = "teacher" }, users.of_account(BACK_END, "acc_1"))
    end
    assert.equal(1, #school.core.requests)
    school.core.advance(61)
    users.of_account(BACK_END, "acc_1")
    assert.equal(2, #school.core.requests)
  end)

  it("that are none are refused, and looked for again", function()
    reply(school, "account=acc_2", 404, "{}")
    local user = { id = "acc_2", sub = "acc_2" }
    local ok, why, code = users.identify(user, BACK_END)
    assert.same({ nil, "Authentication error: user not found", "unauthorized" }, { ok, why, code })
    reply(school, "account=acc_2", 200, '{"id": "7"}')
    assert.is_true(users.identify(user, BACK_END))
    assert.equal("7", user.id)
  end)

  it("cannot be told while the back end is away, or answers nonsense", function()
    for _, body in ipairs { "", "[", '{"id": ""}', '{"id": "a\\nb"}', "7" } do
      reply(school, "account=acc_3", body == "" and 500 or 200, body)
      local user = { id = "acc_3", sub = "acc_3" }
      local ok, _, code = users.identify(user, BACK_END)
      assert.same({ nil, "unavailable", "acc_3" }, { ok, code, user.id })
    end
    local _, _, code = users.of_ids(BACK_END, { "9" })
    assert.equal("unavailable", code)
    assert.equal(6, #school.core.logged)
  end)

  it("have no more said of them than a message may bear", function()
    local body = '[{"id": "7", "firstName": "Bo", "profileImage": "%s"}]'
    reply(school, "id=7", 200, body:format(("x"):rep(2001)))
    assert.same({ ["7"] = { id = "7", firstName = "Bo" } }, users.of_ids(BACK_END, { "7" }))
  end)

  it("need an address to be asked for", function()
    for _, wrong in ipairs { "https://school.example", {}, { url = 7 }, { url = BACK_END.url, key = 7 } } do
      local ok, why = pcall(users.use, wrong)
      assert.is_false(ok)
      assert.is_truthy(why:find("url = ", 1, true))
    end
  end)

  it("are asked for by whatever an id has in it", function()
    reply(school, "id=a%20b%26c%2F%C3%A9", 200, '[{"id": "a b&c/é"}]')
    assert.same({ ["a b&c/é"] = { id = "a b&c/é" } }, users.of_ids(BACK_END, { "a b&c/é" }))
  end)

  it("are asked for together, and each once", function()
    reply(school, "id=1&id=2&id=3", 200, '[{"id": "1", "lastName": "One"}, {"id": 3}, {"no": "id"}, 7]')
    assert.same({ ["1"] = { id = "1", lastName = "One" }, ["3"] = { id = "3" } },
      users.of_ids(BACK_END, { "1", "2", "3" }))
    reply(school, "id=2", 404, "")
    assert.same({ ["1"] = { id = "1", lastName = "One" } }, users.of_ids(BACK_END, { "1", "2" }))
    assert.equal(2, #school.core.requests)
  end)

  it("are asked for in requests that servers take", function()
    local ids, longest = {}, 0
    for i = 1, 100 do
      ids[i] = ("é"):rep(127) .. i % 10
    end
    school.core.http_request = function(_, url)
      longest = math.max(longest, #url)
      return { status = 200, headers = {}, body = "[]" }
    end
    assert.same({}, users.of_ids(BACK_END, ids))
    assert.is_true(longest < 4000)
  end)

  it("are who people are, and what they are called", function()
    local people = require "lectern.people"
    users.use(BACK_END)
    local user = { id = "acc_1", sub = "acc_1" }
    assert.equal("42", people.asking { user = user })
    reply(school, "id=42&id=43", 200, '[{"id": "42", "firstName": "Ada", "email": "ada@school.example"}]')
    local profiles = people.profiles { "42", "43" }
    assert.equal("ada@school.example", profiles["42"].email)
    assert.is_nil(profiles["43"])
  end)

  it("wait for their turn when too many are asked for", function()
    local answers = 0
    school.core.http_request = function()
      answers = answers + 1
      if answers < 4 then
        return nil, "too many requests are under way", "full"
      end
      return { status = 200, headers = {}, body = '{"id": "8"}' }
    end
    local found
    school.lectern.spawn(function()
      found = users.of_account(BACK_END, "acc_8")
    end)
    assert.is_nil(found)
    school.core.advance(1)
    assert.same({ id = "8" }, found)
    assert.equal(4, answers)
  end)

  it("are the token's own without it", function()
    local people = require "lectern.people"
    local user = { id = "acc_1", sub = "acc_1" }
    assert.is_true(people.identify(user))
    assert.equal("acc_1", people.asking { user = user })
    assert.same({}, school.core.requests)
  end)
end)
