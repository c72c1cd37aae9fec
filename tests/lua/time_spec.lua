local app = require "support.app"

describe("time", function()
  local time

  before_each(function()
    app.core()
    time = require "lectern.time"
  end)

  it("reads what JavaScript's Date and others write", function()
    for text, ms in pairs {
      ["1970-01-01T00:00:00Z"] = 0,
      ["2026-11-22T19:44:05.123Z"] = 1795376645123,
      ["2026-11-22T19:44:05.1Z"] = 1795376645100,
      ["2026-11-22T19:44:05.123456+00:00"] = 1795376645123,
      ["2026-11-22T20:44:05+01:00"] = 1795376645000,
      ["2026-11-22T14:14-0530"] = 1795376640000,
      ["2026-11-22t19:44:05z"] = 1795376645000,
      ["2024-02-29T00:00:00Z"] = 1709164800000,
      ["2000-02-29T23:59:59Z"] = 951868799000,
      ["2000-03-01T00:00:00Z"] = 951868800000,
      ["9999-12-31T23:59:59.999Z"] = 253402300799999,
    } do
      assert.equal(ms, time.read(text), text)
    end
    assert.equal(5, time.read(5.9))
  end)

  it("writes what it reads", function()
    for _, text in ipairs { "1970-01-01T00:00:00.000Z", "2100-02-28T23:59:59.999Z" } do
      assert.equal(text, time.text(time.read(text)))
    end
    assert.equal("2027-01-15T08:00:00.000Z", time.text(time.now()))
  end)

  it("refuses what is no moment", function()
    for _, value in ipairs {
      "", "soon", "2026-11-22", "2026-11-22T19:44:05", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T00:60:00Z",
      "2026-11-22T00:00:60Z", "2026-11-22T00:00.5Z", "2026-11-22T00:00:00+24:00", "2026-11-22T00:00:00+1",
      "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "1969-12-31T23:59:59Z", "2026-11-22T00:00:00Zx",
      "1970-01-01T00:00:00+01:00", ("2"):rep(60), -1, 0 / 0, math.huge, true, {},
    } do
      assert.is_nil(time.read(value), tostring(value))
    end
  end)
end)
