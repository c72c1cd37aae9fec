/* What the server counts. Plain numbers, always on, one set a server, incremented where the thing
 * happens; formatting is for others. Add a line here and increment it: that is all. */
#ifndef LEC_BASE_COUNTERS_H
#define LEC_BASE_COUNTERS_H

#include <stdint.h>

/* X(name, what it counts) */
#define LEC_COUNTERS(X)                                                                            \
    X(connections_accepted, "TCP connections accepted")                                            \
    X(connections_refused, "TCP connections closed at accept: over the limit")                     \
    X(connections_refused_address, "TCP connections closed at accept: too many of that address")   \
    X(http_requests, "HTTP requests")                                                              \
    X(http_refused, "HTTP requests closed by a guard: malformed, too large, slow")                 \
    X(http_unread, "HTTP answers cut off: the client took nothing of them in time")                \
    X(ws_opened, "WebSocket connections opened")                                                   \
    X(ws_errors, "WebSocket connections ended by a protocol error")                                \
    X(sessions_opened, "Engine.IO sessions opened")                                                \
    X(sessions_opened_eio3, "Engine.IO 3 sessions among them: older clients")                      \
    X(sessions_refused, "Engine.IO handshakes refused")                                            \
    X(sessions_refused_rate, "of these: too many handshakes a second")                             \
    X(sessions_refused_address, "of these: too many sessions of that address")                     \
    X(sessions_gave_way, "Engine.IO sessions that had joined nothing, closed to let others in")    \
    X(requests_refused, "Engine.IO requests of an unknown session, or wrong for it")               \
    X(payloads_too_big, "Engine.IO POST bodies over max_payload")                                  \
    X(sessions_upgraded, "Engine.IO sessions moved from polling to WebSocket")                     \
    X(sessions_bad_packet, "Engine.IO sessions closed by a malformed packet")                      \
    X(sessions_ping_timeout, "Engine.IO sessions closed by a missing heartbeat")                   \
    X(sessions_slow, "Engine.IO sessions closed at their queue bound")                             \
    X(packets_in, "Engine.IO packets received")                                                    \
    X(packets_out, "Engine.IO packets sent")                                                       \
    X(volatile_dropped, "volatile messages dropped: the client was not writable")                  \
    X(namespaces_made, "namespaces that a pattern matched, made by who joined first")              \
    X(namespaces_removed, "namespaces of a pattern removed, as nobody was left")                   \
    X(sockets_connected, "Socket.IO sockets let in")                                               \
    X(sockets_refused, "Socket.IO CONNECTs refused")                                               \
    X(sockets_refused_user, "of these: too many connections of that person")                       \
    X(sockets_recovered, "Socket.IO sockets that came back with what they had missed")             \
    X(recoveries_failed, "Socket.IO CONNECTs that asked to be recovered and could not be")         \
    X(clients_bad_packet, "Socket.IO clients closed by a malformed packet")                        \
    X(events_in, "events received")                                                                \
    X(events_rate_limited, "events refused: too many, or too many bytes, a second")                \
    X(clients_flooding, "Socket.IO clients disconnected: they went far over their rates")          \
    X(events_unhandled, "events received that no handler wants")                                   \
    X(events_held, "events that waited for the database: a call of their socket was under way")    \
    X(events_dropped, "of these: their socket left before they ran")                               \
    X(events_out, "events sent, each receiver of a broadcast counted")                             \
    X(acks_timed_out, "acks that no client sent in time")                                          \
    X(tokens_refused, "tokens refused: forged, expired, not yet valid, wrong")                     \
    X(tokens_refreshed, "tokens that took the place of one that ran out")                          \
    X(tokens_waited, "tokens that waited for the key they name to be fetched")                     \
    X(jwks_fetches, "requests for the keys of jwt.jwks_url")                                       \
    X(jwks_failed, "those that brought no keys")                                                   \
    X(sockets_expired, "sockets disconnected when their token ran out")                            \
    X(sockets_revoked, "sockets disconnected by a revocation")                                     \
    X(fetches, "requests of handlers to other servers")                                            \
    X(fetches_failed, "those without an answer: not reached, too slow, too large")                 \
    X(db_calls, "calls of handlers to the database")                                               \
    X(db_failures, "those that the database answered by an error, or not in time")                 \
    X(handler_refusals, "events that a handler refused")                                           \
    X(handler_errors, "handlers that failed")                                                      \
    X(handler_timeouts, "handlers stopped at their time budget")                                   \
    X(api_calls, "calls of the server API")                                                        \
    X(route_requests, "requests for routes of handlers")                                           \
    X(api_refused, "calls and requests refused for who called: 401, 403, 503")                     \
    X(api_rate_limited, "calls and requests refused: too many a second")                           \
    X(api_failed, "calls and requests answered with 500 or above")                                 \
    X(reloads, "reloads that were taken")                                                          \
    X(reloads_failed, "reloads of which handlers or certificate were refused")

struct lec_counters {
#define X(name, help) uint64_t name;
    LEC_COUNTERS(X)
#undef X
};

#endif
