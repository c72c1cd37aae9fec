-- How a wait ends. A C function that waits is resumed by the host with (cancelled, results): this
-- turns them into an error or into plain results, which C cannot do behind a yield in Lua 5.1.
-- Loaded once by the host; it keeps the returned mark, by which it knows a cancelled coroutine.

local cancelled_mark = setmetatable({}, {
  __tostring = function() return "cancelled: the socket has disconnected" end,
  __metatable = false,
})

local function resumed(cancelled, results)
  if cancelled then error(cancelled_mark, 0) end
  if results then return unpack(results, 1, results.n) end
end

return function(core)
  local sleep, emit_with_ack, http_request = core.sleep, core.emit_with_ack, core.http_request
  local methods = core.socket_methods
  local emit_with_ack_for = methods.emit_with_ack_for

  function core.sleep(seconds)
    return resumed(sleep(seconds))
  end

  function core.emit_with_ack(...)
    return resumed(emit_with_ack(...))
  end

  function core.http_request(...)
    return resumed(http_request(...))
  end

  local db_call = core.db_call

  function core.db_call(...)
    return resumed(db_call(...))
  end

  function methods.emit_with_ack_for(socket, seconds, event, ...)
    return resumed(emit_with_ack_for(socket, seconds, event, ...))
  end

  return cancelled_mark
end
