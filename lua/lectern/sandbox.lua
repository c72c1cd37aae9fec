-- The part of the sandbox that must be Lua, because a coroutine may wait inside it. LuaJIT calls the
-- message handler of xpcall from within the hook that stops a script for running too long, and no
-- hook fires there: a handler that loops would never end. So it is called through `guarded`, which
-- skips it then.

local xpcall, guarded = ...

return function(fn, handler, ...)
  return xpcall(fn, guarded(handler), ...)
end
