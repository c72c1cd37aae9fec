---@meta lectern
-- Types of everything a handler may use (LuaCATS: LuaLS and others read it; nothing loads it at run
-- time). tests/lua/meta_spec.lua holds it against the functions that the server really has.
--
-- Failures that can happen come back as `nil, message, code`: a sentence for people and a word for
-- programs ("closed", "full", "too_big", "timeout" …). Wrong use (a missing argument, a number where
-- a name belongs) raises an error that names the caller's line.
--
-- Functions that wait (lectern.sleep, emit_with_ack, http.request) suspend the handler they are called from; others
-- go on meanwhile. They work in handlers, timers and spawned functions; not in a coroutine of your own,
-- nor in a function that sort, gsub or require calls. While a file loads, nothing that has an effect
-- works: on_start is for that.
--
-- Handlers make no globals: assigning to a name that was not declared raises, with file and line. What
-- one file has for others goes into a module (`require`), what is to last into `lectern.state`.

---The part of the API that everything goes through: `local lectern = require "lectern"`.
---@class lectern
---@field null lightuserdata JSON's null; the same value as `cjson.null`
---@field version string of the server, like "0.1.0"
---@field config table all settings, read-only: `lectern.config.jwt.issuer`; what `lectern.lua` has under `app` is `lectern.config.app`
---@field state table anything kept here survives a reload of the handlers (not a restart). What a file writes here while it loads stays even if the reload then fails, so write what is safe twice: `state.votes = state.votes or {}`
---@field api table<string, function> the server API calls of all handlers, and those that are built in: `lectern.api.send_course_update(id, update)`; unknown names raise
---@field log lectern.Log
---@field json lectern.Json
---@field http lectern.Http
---@field db lectern.Db
local lectern = {}

---Sends an event to everybody in the main namespace.
---@param event string
---@param ... any JSON values, `lectern.binary` ones included; nil is sent as null
---@return integer receivers
function lectern.emit(event, ...) end

---Chooses rooms of the main namespace to send to; sockets in several of them receive once. A
---socket's id is a room of its own. An empty list is nobody.
---@param room string|string[]
---@return lectern.Broadcast
function lectern.to(room) end

---Sends an event to everybody in the main namespace and waits for their answers, as
---`Broadcast:emit_with_ack`.
---@param event string
---@param ... any
---@return lectern.Answer[] answers, lectern.Missing[] missing
function lectern.emit_with_ack(event, ...) end

---Everybody in the main namespace, with a time for `emit_with_ack`.
---@param seconds number
---@return lectern.Broadcast
function lectern.timeout(seconds) end

---Everybody but the sockets in these rooms.
---@param room string|string[]
---@return lectern.Broadcast
function lectern.except(room) end

---All sockets of one person, on whatever device: the room `user:{id}`. An id is taken literally.
---@param id string|number raises if nobody can have it
---@return lectern.Broadcast
function lectern.user(id) end

---A namespace, made if it is new: clients may then join it. One that a pattern matches is never made so, as
---only clients make those: sending to one that does not live reaches nobody. The pattern itself
---("/course-*") means all of its namespaces that live; it raises if no module has it.
---@param name string like "/whiteboard"
---@return lectern.Broadcast namespace everybody in it; narrow it with `:to` and `:except`
function lectern.of(name) end

---The sockets in some rooms (all, without any), as a list; a snapshot.
---@param filter? { room?: string|string[], except?: string|string[], namespace?: string }
---@return lectern.Socket[]
function lectern.sockets(filter) end

---@param id string
---@param namespace? string default "/"
---@return lectern.Socket? socket nil if there is none connected
function lectern.socket(id, namespace) end

---How many sockets are in a room (in the namespace, without one).
---@param room? string
---@param namespace? string default "/"
---@return integer
function lectern.count(room, namespace) end

---The rooms that somebody is in, with their numbers of sockets.
---@param namespace? string default "/"
---@return table<string, integer>
function lectern.rooms(namespace) end

---Disconnects all sockets of one person, in all namespaces, and refuses the tokens that were issued
---(`iat`) to them until now; tokens without `iat` too. They may come back with a newer one. Their
---sockets are heard no more, and go right after the running handler's turn. It is kept in the database,
---for after a restart, before it returns; in force it is even if that fails.
---@param id string|number
---@return integer? sockets how many were connected, string? message, string? code
function lectern.revoke_user(id) end

---Disconnects the sockets that came with one token, and refuses it until it would have expired.
---Otherwise as `revoke_user`.
---@param jti string|number the token's own id, its claim `jti`
---@return integer? sockets how many were connected, string? message, string? code
function lectern.revoke_token(jti) end

---Runs a function once, later, in a coroutine of its own. It survives reloads of the handlers. A
---string names a server API call, looked up anew each time, so that a reload changes what runs; it
---raises if there is none of that name.
---@param seconds number at least 0
---@param fn function|string
---@param ... any its arguments
---@return lectern.Timer
function lectern.after(seconds, fn, ...) end

---Runs a function again and again; a run that takes longer than the period delays the next.
---@param seconds number at least 0.001
---@param fn function|string as for `after`
---@param ... any its arguments
---@return lectern.Timer
function lectern.every(seconds, fn, ...) end

---Waits.
---@param seconds number
function lectern.sleep(seconds) end

---Runs a function in a coroutine of its own, from now on, up to its first wait.
---@param fn function
---@param ... any its arguments
function lectern.spawn(fn, ...) end

---Lets the running handler go on waiting when its socket disconnects. Without it, what it waits
---for is cancelled: the wait raises an error, which ends the handler silently unless it is caught.
function lectern.detach() end

---@return number seconds since 1970, with milliseconds
function lectern.now() end

---A moment as clients expect it: "2026-11-22T19:44:05.123Z".
---@param seconds? number default now
---@return string
function lectern.date(seconds) end

---For what is stored: each is greater than those before it, byte by byte, so that they sort by the time when
---they were made; which they tell to whoever knows how.
---@return string id 20 characters that nobody can guess
function lectern.id() end

---Bytes that travel as a binary attachment, not as text.
---@param bytes string
---@return lectern.Binary
function lectern.binary(bytes) end

---Marks a table as a JSON array, which matters when it is empty. Arrays that came from a client are
---marked already; an unmarked empty table is sent as {}.
---@generic T: table
---@param t? T default a new one
---@return T
function lectern.array(t) end

---Whether a table is a JSON array: marked, or a sequence that is not empty.
---@param t any
---@return boolean
function lectern.is_array(t) end

---A client in a namespace. Kept handles are safe: when the client has left, `connected` is false,
---`id`, `user`, `data` and `handshake` still answer, and methods return `nil, "socket is closed", "closed"`.
---A client that is recovered is the same value again, with `user` and `handshake` of its new connection.
---@class lectern.Socket
---@field id string public; 20 characters, or what a Socket.IO 2 client makes of them: `/namespace#id`
---@field user table the verified claims of its token, with `id`; another token (`refresh_token`) changes it in place
---@field data table for handlers to keep what they like
---@field rooms string[] a snapshot, its own id first
---@field handshake lectern.Handshake
---@field namespace string like "/whiteboard"; where a pattern matched it, the name that the client gave: "/course-7"
---@field namespace_match string[] what the stars of the pattern stand for: { "7" } in "/course-7"; empty without a pattern
---@field transport "polling"|"websocket"
---@field connected boolean
---@field recovered boolean it lost its connection, came back in time, and has got what it missed: same `id`, `rooms` and `data`
---@field recovery_failed? "unknown"|"expired"|"no_offset"|"offset_lost"|"too_much"|"user_changed" it asked to be recovered and could not be: it has missed events, and should fetch what it shows
---@field broadcast lectern.Broadcast everybody else in its namespace
local Socket = {}

---Sends an event to this client. In `on_connect` it waits until the client is let in.
---@param event string
---@param ... any
---@return true? ok, string? message, string? code "closed"; "full" when the client was cut off as too slow
function Socket:emit(event, ...) end

---`emit("message", ...)`.
---@param ... any
---@return true? ok, string? message, string? code
function Socket:send(...) end

---Sends an event and waits for the client's answer, `config.ack_timeout` at most, or as long as
---`socket:timeout(seconds)` says. Not in `on_connect`: the client answers once it is let in.
---@param event string
---@param ... any
---@return any ... what the client answered; or nil, message, code: "timeout", "closed"
function Socket:emit_with_ack(event, ...) end

---An emitter whose `emit_with_ack` waits this long.
---@param seconds number
---@return lectern.Emitter
function Socket:timeout(seconds) end

---An emitter whose `emit` is dropped when the client cannot receive at once.
---@return lectern.Emitter
function Socket:volatile() end

---@param room string|string[]
---@return true? ok, string? message, string? code "full" (config.max_rooms), "too_big" (the name), "closed"
function Socket:join(room) end

---@param room string|string[]
---@return true? ok, string? message, string? code "not_found": was not in it
function Socket:leave(room) end

---@param room string
---@return boolean
function Socket:has_joined(room) end

---Everybody else in these rooms.
---@param room string|string[]
---@return lectern.Broadcast
function Socket:to(room) end

---Everybody else but the sockets in these rooms.
---@param room string|string[]
---@return lectern.Broadcast
function Socket:except(room) end

---Takes the client out of this namespace; with `close`, ends its whole connection.
---@param close? boolean
function Socket:disconnect(close) end

---@class lectern.Emitter
local Emitter = {}
---@param event string
---@param ... any
---@return true? ok, string? message, string? code "again": a volatile event was dropped
function Emitter:emit(event, ...) end
---@param event string
---@param ... any
---@return any ...
function Emitter:emit_with_ack(event, ...) end

---Whom to send to. Never changes: `to`, `except`, `volatile` and `timeout` return another one.
---@class lectern.Broadcast
local Broadcast = {}
---@param room string|string[]
---@return lectern.Broadcast
function Broadcast:to(room) end
---@param room string|string[]
---@return lectern.Broadcast
function Broadcast:except(room) end
---@return lectern.Broadcast
function Broadcast:volatile() end
---How long `emit_with_ack` waits; `config.ack_timeout` otherwise.
---@param seconds number
---@return lectern.Broadcast
function Broadcast:timeout(seconds) end
---@param event string
---@param ... any
---@return integer receivers
function Broadcast:emit(event, ...) end
---Sends an event to all of them and waits until each has answered, has left, or the time is over. Who
---leaves is not waited for. With nobody to ask, both lists are empty at once. It is never volatile.
---@param event string
---@param ... any
---@return lectern.Answer[] answers in the order they came
---@return lectern.Missing[] missing
function Broadcast:emit_with_ack(event, ...) end
---The sockets that it would reach now.
---@return lectern.Socket[]
function Broadcast:sockets() end
---@return integer
function Broadcast:count() end
---Makes all of them join.
---@param room string|string[]
---@return integer sockets that are in it now; others are in too many rooms
function Broadcast:join(room) end
---Makes all of them leave.
---@param room string|string[]
---@return integer sockets that were in it
function Broadcast:leave(room) end
---Takes all of them out of the namespace; with `close`, ends their connections.
---@param close? boolean
---@return integer sockets
function Broadcast:disconnect(close) end

---One client's answer to a broadcast.
---@class lectern.Answer
---@field socket lectern.Socket whose it is
---@field value any the first argument of its ack; nil if it has none
---@field more? any[] the further ones, if there are any

---A client without an answer to a broadcast.
---@class lectern.Missing
---@field socket lectern.Socket
---@field code "timeout"|"closed"|"full"|"too_big"|"script" "closed": it left; "full": not asked, as it was too slow or `max_acks` answers were awaited from it already; "too_big", "script": its answer could not be read, or there was no memory for it

---Whom a handler sends an event to: a socket, or a broadcast's rooms.
---@class lectern.Target
---@field namespace string
---@field receivers integer
---@field socket? lectern.Socket the only receiver
---@field rooms? string[] nil is everybody
---@field except? string[] whom it passes over; with the id of the sender for `socket:to` and `socket.broadcast`

---@class lectern.Handshake
---@field headers table<string, string> names in lower case
---@field query table<string, string|string[]> of the URL, decoded; a name that comes again has the list of its values
---@field auth table what the client gave as `auth`, without `token`
---@field url string
---@field address string
---@field secure boolean it came over TLS, at least to the trusted proxy
---@field certificate? { subject: string, issuer: string, serial: string, fingerprint: string, san: string[] } of the client's TLS certificate, with `tls.client_ca`: "CN=ada,O=School", SHA-256 as "AB:CD:…", "DNS:…", "email:…"
---@field xdomain boolean
---@field issued number milliseconds since 1970
---@field time string
local Handshake = {}

---@class lectern.Timer
local Timer = {}
---Stops it; harmless when it has run or was cancelled.
function Timer:cancel() end

---Bytes; `#b` is their number, `tostring(b)` the bytes.
---@class lectern.Binary

---Log lines bear the handler's connection and user by themselves. Never log a token.
---@class lectern.Log
local Log = {}
---@param message string
---@param fields? table<string, any> printed as key=value
function Log.debug(message, fields) end
---@param message string
---@param fields? table<string, any>
function Log.info(message, fields) end
---@param message string
---@param fields? table<string, any>
function Log.warn(message, fields) end
---@param message string
---@param fields? table<string, any>
function Log.error(message, fields) end

---The codec of the wire, for a script's own use: [] stays [], {} stays {}, integers to 2^53 exact.
---@class lectern.Json
local Json = {}
---@param value any
---@return string? text, string? message, string? code
function Json.encode(value) end
---@param text string
---@return any value, string? message, string? code
function Json.decode(text) end

---Requests to other servers. Nobody else waits meanwhile; when the handler's socket disconnects the
---request is given up, unless it called `lectern.detach()`.
---@class lectern.Http
local Http = {}
---Asks another server and waits for its answer, whatever its status. Certificates of https:// are always
---verified (`config.http.client_ca`); proxies are those of `https_proxy`, `http_proxy` and `no_proxy`. GET and HEAD follow up to five
---redirects, never from https:// to http://, other methods none; `authorization` and `cookie` then stay behind
---if the host is another, further headers do not. `config.http.client_allow`, if it is set, names the only hosts
---that may be asked, by requests and by their redirects.
---
---An address that somebody else has a say in (a client, or what it stored) may lead to machines that only this
---server can reach, as may a redirect: ask it with `untrusted = true`. The request then goes only to public
---addresses, not to this machine, its network or a private one; that is judged after the name is looked up, each
---time a connection is opened. It goes to the ports 80, 443 and from 1024 on, uses no proxy, which would look names
---up itself, and no connection that other requests opened.
---`method` is "GET", with a body "POST", unless given; `json` is sent as the body, with its content type;
---`timeout` in seconds, `config.http.client_timeout` unless given.
---@param request { url: string, method?: "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE"|"OPTIONS", headers?: table<string, string|number>, body?: string, json?: any, timeout?: number, untrusted?: boolean }
---@return lectern.Response? response, string? message, string? code "timeout"; "too_big" (`config.http.client_max_bytes`); "full" (`config.http.client_max_requests`); "forbidden": it may not go there; "invalid": no such address; "io": not reached, not trusted, or no proper answer
function Http.request(request) end

---An answer of a route, where a table of JSON is not enough: another status, headers, a body that is text.
---Without any body it has none. Raises for what HTTP cannot say.
---@param given { status?: integer, headers?: table<string, string|number>, body?: string, json?: any }
---@return table response to be returned by the route's function
function lectern.response(given) end

---@class lectern.Response
---@field status integer
---@field headers table<string, string> names in lower case; repeated ones joined by ", "
---@field body string
local Response = {}
---The body as JSON.
---@return any value, string? message, string? code
function Response:json() end

---What a route's function gets. The caller is verified: of a route that is not public, one of `user` and `key`
---is there.
---@class lectern.Request
---@field method string "GET", …
---@field path string as it came, percent-encoded
---@field params table<string, string> of the path, decoded
---@field query table<string, string> decoded; of a name that comes several times the last
---@field query_string string as it came
---@field headers table<string, string> names in lower case: the standard ones, and those of `config.http.headers`
---@field body string
---@field user? table the claims of the token, with `id`
---@field key? { id: string, name: string } the API key
---@field caller? string who calls, as in the log: "user:42", "service:billing", "key:…"
---@field id string of this request, in the log and in the header X-Request-Id
---@field address string
---@field json fun(self: lectern.Request): any, string?, string? the body as JSON; `nil, message, code` without one

---What a file in `handlers/` returns. `on_<event>(socket, ...)` handles the client event of that
---name: what it returns is the ack; `nil, message, code` refuses. Every other function is a server API
---call, unless its name begins with `_`. Several modules may handle one event: they run in the order of
---their file names, and the first refusal ends it.
---SQL, in the server's database (setting `database`). Parameters are `$1`, `$2` … in the statement: text,
---`lectern.binary`, numbers (integral ones as integers), booleans, nil or `lectern.null`; tables are for you to encode.
---
---All functions that ask wait, so they are for handlers, timers, spawned functions, on_start, on_stop and API calls.
---To its own socket a call takes no time: what the client sends meanwhile is handled after it. What you got wrong raises;
---what the database says is nil, a message and a code: "conflict" (a constraint), "invalid" (the SQL, or an integer
---beyond 2^53), "timeout" (what it would have changed may have happened), "busy" (too much waits), "too_big"
---(`db.max_rows`, `db.max_result_bytes`), "unavailable" (the database is away), "full" (no room on the disk).
---@class lectern.Db
local Db = {}
---Runs one statement. Each row is a table by the names of columns; NULL is `lectern.null`, a BLOB `lectern.binary`.
---What it changed is on the disk when this returns.
---@param sql string
---@param ... any its parameters
---@return table[]? rows, integer|string changes how many rows it changed; or the message, string? code
function Db.query(sql, ...) end
---Runs several statements as one transaction, in one go: all of them take effect, or none does.
---@param statements table[] each is { sql, parameters …, n = how many parameters }; n is only needed if nils are among them
---@return table[][]? results the rows of each; results.changes[i] is how many rows the i-th changed, string? message, string? code
function Db.batch(statements) end
---The same for who cannot wait as long as `db.timeout` says: `lectern.db.timeout(2).query(sql, …)`. What has not answered
---in time is refused as "timeout", whatever the database does.
---@param seconds number
---@return { query: fun(sql: string, ...): (table[]?, integer|string, string?), batch: fun(statements: table[]): (table[][]?, string?, string?) }
function Db.timeout(seconds) end
---Runs fn(tx) in a transaction of its own: what it finds with `tx:query` nobody else changes until it ends. It is committed
---when fn returns, and rolled back when fn raises, returns nil and a message, or a statement fails. Nobody else writes
---meanwhile, so do not wait for anything else inside. Begins with its first statement.
---@generic T
---@param fn fun(tx: lectern.Transaction): T?, ...
---@param options? { timeout: number } seconds for all of it, `config.db.transaction_timeout` unless given; then it is rolled back
---@return T? result what fn returned, any message, any code
function Db.transaction(fn, options) end
---Whether the database can be reached now.
---@return boolean
function Db.available() end

---@class lectern.Transaction
local Transaction = {}
---As `lectern.db.query`, in the transaction. A failure ends it: all that follows fails likewise, and nothing takes effect.
---@param sql string
---@param ... any
---@return table[]? rows, integer|string changes, string? code
function Transaction:query(sql, ...) end

---@class lectern.Handlers
---@field namespace? string default "/". "/course-*" is every namespace that the pattern matches, each with its own sockets and rooms, made when its first client joins and gone when nobody is left. `*` stands for one or more characters but "/", once in each part between slashes. A module with the very name wins; of patterns, the one with more characters that stand for themselves, then the first in file order
---@field routes? table<string, (fun(request: lectern.Request): any, string?, string?)|{ public?: boolean, handler: function }> by method and path, like "GET /reports/:id". What the function returns is the JSON of the answer, nothing is 204, `nil, message, code` a refusal (`invalid` 400, `forbidden` 403, `not_found` 404, `conflict` 409, others 422), `lectern.response{…}` anything else. Callers need a token or an API key unless it is public
---@field on_start? fun() once, when the server starts
---@field on_stop? fun() when it begins to drain; clients are still there, and leave over `drain_spread`
---@field on_connect? fun(socket: lectern.Socket, auth: table): any, string?, string? before a new client is let in; `nil, message, code` refuses it, and so does `false`; not for one that is recovered. The id that it leaves in `socket.user.id` is the person from then on
---@field on_connected? fun(socket: lectern.Socket) right after it was let in; `socket.recovered`: it is back, in its rooms already
---@field on_disconnect? fun(socket: lectern.Socket, reason: string) its rooms are still known; also when it may come back
---@field on_token_refreshed? fun(socket: lectern.Socket) the client presented another token: `socket.user` says what it says
---@field before_event? fun(socket: lectern.Socket, event: string, ...): any, string?, string? before each client event that has a handler (Socket.IO's `socket.use`); those of several modules run in the order of their file names; `nil, message, code` refuses it, and so does `false`
---@field on_any? fun(socket: lectern.Socket, event: string, ...) hears each client event first, those without a handler too; runs by itself, so it neither refuses nor holds up anything. No event of this name can have a handler
---@field on_any_outgoing? fun(target: lectern.Target, event: string, ...) hears each event that handlers send, once for each call; not acks, nor what the server or a listener like this one sends
---@field on_typing? fun(socket: lectern.Socket, typing: { isTyping: boolean, room?: string, discussionId?: string, conversationId?: string, receiverId?: string }) both `typing_start` and `typing_stop`

return lectern
