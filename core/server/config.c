/* The table of settings, and how one is set. */
#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/suggest.h"

#define DAY_MS        86400000u
#define MIB           1048576u
#define AT(member)    offsetof(struct lec_config, member)
#define PLACE         "Where and for whom"
#define AUTH          "Who people are"
#define LOGS          "Logs"
#define TRANSPORTS    "Connections"
#define LIMITS        "Limits"
#define RATE          "Limits on what one client sends"
#define RECOVERY      "Lost connections"
#define API           "Server API and routes"
#define REQUESTS      "Requests to others"
#define DATABASE      "Database and plugins"
#define SCRIPTS       "Handlers"
#define ELEARNING     "E-learning library"
#define TEXT(v, d)    .kind = LEC_STRING, .offset = AT(v), .fallback = d
#define FLAG(v)       .kind = LEC_BOOL, .offset = AT(v)
#define CHOICE(v, c)  .kind = LEC_CHOICE, .offset = AT(v), .choices = c
#define UINT(v, a, b) .kind = LEC_UINT, .offset = AT(v), .min = (a), .max = (b)
#define MS(v, a)      UINT(v, a, DAY_MS), .unit = "ms"
#define BYTES(v, a)   UINT(v, a, 1024u * MIB), .unit = "bytes"
#define COUNT(v)      UINT(v, 1, 1000000)
#define COUNT_0(v)    UINT(v, 0, 1000000)
#define RATES(v, d)   .kind = LEC_RATES, .offset = AT(v), .fallback = d

/* clang-format off */
static const struct lec_setting settings[] = {
    { "host", "LECTERN_HOST", TEXT(host, ""), .group = PLACE,
      .help = "address to listen on; empty is every address, IPv4 and IPv6" },
    { "port", "PORT", UINT(port, 0, 65535), .fallback = "3001", .group = PLACE,
      .help = "port to listen on; 0 lets the system choose one" },
    { "frontend_url", "FRONTEND_URL", TEXT(frontend_url, ""), .group = PLACE,
      .help = "origins whose pages may connect, separated by commas, like https://school.example or "
              "https://*.school.example; * is any" },
    { "path", "LECTERN_PATH", TEXT(path, "/socket.io"), .group = PLACE,
      .help = "where Socket.IO clients connect, as their option path" },
    { "public_dir", "LECTERN_PUBLIC_DIR", TEXT(public_dir, "public"), .group = PLACE,
      .help = "static files, relative to the script directory; empty serves none" },
    { "serve_client", "LECTERN_SERVE_CLIENT", FLAG(serve_client), .fallback = "true", .group = PLACE,
      .help = "give the Socket.IO client to pages, as /socket.io/socket.io.min.js" },

    { "jwt.secret", "JWT_SECRET", TEXT(jwt_secret, ""), .group = AUTH, .secret = true,
      .help = "secret that tokens are signed with" },
    { "jwt.public_key_file", "JWT_PUBLIC_KEY_FILE", TEXT(jwt_public_key_file, ""), .group = AUTH,
      .help = "PEM file of a public key instead: RSA, P-256, P-384, P-521 or Ed25519" },
    { "jwt.jwks_file", "JWT_JWKS_FILE", TEXT(jwt_jwks_file, ""), .group = AUTH,
      .help = "JSON Web Key Set instead: keys by kid, read again when the file changes" },
    { "jwt.jwks_url", "JWT_JWKS_URL", TEXT(jwt_jwks_url, ""), .group = AUTH,
      .help = "address of a JSON Web Key Set instead, https:// (or http://localhost): fetched, and kept fresh" },
    { "jwt.jwks_refresh", "LECTERN_JWT_JWKS_REFRESH", MS(jwt_jwks_refresh, 1),
      .fallback = "600000", .group = AUTH,
      .help = "longest that a fetched set is used before it is fetched anew; its max-age may say less" },
    { "jwt.jwks_cooldown", "LECTERN_JWT_JWKS_COOLDOWN", MS(jwt_jwks_cooldown, 1),
      .fallback = "15000", .group = AUTH,
      .help = "shortest that it is used, and least time between two fetches for keys that tokens name and it lacks" },
    { "jwt.algorithms", "LECTERN_JWT_ALGORITHMS", TEXT(jwt_algorithms, ""), .group = AUTH,
      .help = "allowed algorithms, separated by commas: a key without an alg of its own takes the "
              "first that fits; empty is HS256, RS256, ES256, ES384, ES512, EdDSA by the kind of key" },
    { "jwt.issuer", "LECTERN_JWT_ISSUER", TEXT(jwt_issuer, ""), .group = AUTH,
      .help = "required issuer (iss); empty is any" },
    { "jwt.audience", "LECTERN_JWT_AUDIENCE", TEXT(jwt_audience, ""), .group = AUTH,
      .help = "required audience (aud); empty is any" },
    { "jwt.required_claims", "LECTERN_JWT_REQUIRED_CLAIMS", TEXT(jwt_required_claims, ""),
      .group = AUTH, .help = "claims that a token must have, separated by commas, like exp,jti" },
    { "jwt.id_claim", "LECTERN_JWT_ID_CLAIM", TEXT(jwt_id_claim, "sub"), .group = AUTH,
      .help = "claim that holds a person's id" },
    { "jwt.role_claim", "LECTERN_JWT_ROLE_CLAIM", TEXT(jwt_role_claim, "role"), .group = AUTH,
      .help = "claim that holds a person's role" },
    { "jwt.leeway", "LECTERN_JWT_LEEWAY", UINT(jwt_leeway_s, 0, 3600), .fallback = "10",
      .unit = "seconds", .group = AUTH, .help = "difference of clocks forgiven in exp, nbf and iat" },
    { "jwt.warn", "LECTERN_JWT_WARN", UINT(jwt_warn_s, 0, 86400), .fallback = "60",
      .unit = "seconds", .group = AUTH,
      .help = "time before a token expires that its socket hears token_expiring; 0 is never" },
    { "jwt.max_bytes", "LECTERN_JWT_MAX_BYTES", BYTES(jwt_max_bytes, 64), .fallback = "8192",
      .group = AUTH, .help = "longest token" },

    { "debug", "DEBUG", TEXT(debug, ""), .group = LOGS,
      .help = "categories to log in detail, like socket.io:*,-socket.io:client" },
    { "log.level", "LECTERN_LOG_LEVEL", CHOICE(log_level, "error|warn|info|debug"), .fallback = "info",
      .group = LOGS, .help = "least level that is logged" },
    { "log.format", "LECTERN_LOG_FORMAT", CHOICE(log_format, "text|json"), .fallback = "text",
      .group = LOGS, .help = "for people or for programs, one line an event unless on a terminal" },

    { "polling", "LECTERN_POLLING", FLAG(polling), .fallback = "true", .group = TRANSPORTS,
      .help = "offer HTTP long-polling" },
    { "websocket", "LECTERN_WEBSOCKET", FLAG(websocket), .fallback = "true", .group = TRANSPORTS,
      .help = "offer WebSocket" },
    { "allow_upgrades", "LECTERN_ALLOW_UPGRADES", FLAG(allow_upgrades), .fallback = "true",
      .group = TRANSPORTS, .help = "let clients move from polling to WebSocket" },
    { "allow_eio3", "LECTERN_ALLOW_EIO3", FLAG(allow_eio3), .fallback = "false",
      .group = TRANSPORTS, .help = "serve Socket.IO 2 clients (Engine.IO 3) too" },
    { "ping_interval", "LECTERN_PING_INTERVAL", MS(ping_interval, 1), .fallback = "25000",
      .group = TRANSPORTS, .help = "time between two heartbeats" },
    { "ping_timeout", "LECTERN_PING_TIMEOUT", MS(ping_timeout, 1), .fallback = "20000",
      .group = TRANSPORTS, .help = "time a client has to answer a heartbeat" },
    { "upgrade_timeout", "LECTERN_UPGRADE_TIMEOUT", MS(upgrade_timeout, 1), .fallback = "10000",
      .group = TRANSPORTS, .help = "time an upgrade may take" },
    { "connect_timeout", "LECTERN_CONNECT_TIMEOUT", MS(connect_timeout, 1), .fallback = "45000",
      .group = TRANSPORTS, .help = "time a connection has to join a namespace" },
    { "tls.cert", "LECTERN_TLS_CERT", TEXT(tls_cert, ""), .group = TRANSPORTS,
      .help = "PEM file of the certificate chain; empty serves plain HTTP" },
    { "tls.key", "LECTERN_TLS_KEY", TEXT(tls_key, ""), .group = TRANSPORTS,
      .help = "PEM file of its private key" },
    { "tls.client_ca", "LECTERN_TLS_CLIENT_CA", TEXT(tls_client_ca, ""), .group = TRANSPORTS,
      .help = "PEM file of authorities; clients must then have a certificate of one of them" },
    { "trusted_proxies", "LECTERN_TRUSTED_PROXIES", TEXT(trusted_proxies, ""), .group = TRANSPORTS,
      .help = "addresses and networks of proxies, like 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto count" },
    { "proxy_protocol", "LECTERN_PROXY_PROTOCOL", FLAG(proxy_protocol), .fallback = "false",
      .group = TRANSPORTS,
      .help = "connections of trusted proxies begin with the PROXY protocol, version 1 or 2" },
    { "http.headers", "LECTERN_HTTP_HEADERS", TEXT(http_headers, ""), .group = TRANSPORTS,
      .help = "further request headers to keep for handlers, like x-request-id, separated by commas" },
    { "http.compression", "LECTERN_HTTP_COMPRESSION", FLAG(http_compression), .fallback = "true",
      .group = TRANSPORTS, .help = "compress large answers to polls, and static files" },
    { "http.compression_threshold", "LECTERN_HTTP_COMPRESSION_THRESHOLD",
      BYTES(http_compression_threshold, 0), .fallback = "1024", .group = TRANSPORTS,
      .help = "least size of what is compressed" },
    { "cookie", "LECTERN_COOKIE", TEXT(cookie, ""), .group = TRANSPORTS,
      .help = "name of a cookie with the session's id, for load balancers; empty is none" },
    { "cookie_same_site", "LECTERN_COOKIE_SAME_SITE", CHOICE(cookie_same_site, "lax|strict|none"),
      .fallback = "lax", .group = TRANSPORTS,
      .help = "its SameSite; none is for pages of other sites, and needs TLS" },

    { "max_http_buffer_size", "LECTERN_MAX_HTTP_BUFFER_SIZE", BYTES(max_http_buffer_size, 1),
      .fallback = "1000000", .group = LIMITS, .help = "largest message of a client" },
    { "max_connect_bytes", "LECTERN_MAX_CONNECT_BYTES", BYTES(max_connect_bytes, 1),
      .fallback = "65536", .group = LIMITS,
      .help = "largest message of a client that has joined no namespace yet" },
    { "max_connections", "LECTERN_MAX_CONNECTIONS", COUNT(max_connections), .fallback = "10000",
      .group = LIMITS, .help = "connections at a time; more are closed" },
    { "max_connections_per_address", "LECTERN_MAX_CONNECTIONS_PER_ADDRESS",
      COUNT_0(max_connections_per_address), .fallback = "0", .group = LIMITS,
      .help = "clients of one address (IPv6: network of 64 bits) at a time, and four times as many "
              "TCP connections; 0 is any number, as a whole school may have one address" },
    { "max_connections_per_user", "LECTERN_MAX_CONNECTIONS_PER_USER",
      COUNT_0(max_connections_per_user), .fallback = "0", .group = LIMITS,
      .help = "connections of one person to a namespace at a time; 0 is any number" },
    { "max_handshakes_per_second", "LECTERN_MAX_HANDSHAKES_PER_SECOND",
      COUNT_0(max_handshakes_per_second), .fallback = "0", .group = LIMITS,
      .help = "new clients a second, of all together; others are told to come back; 0 is any number" },
    { "max_queue_bytes", "LECTERN_MAX_QUEUE_BYTES", BYTES(max_queue_bytes, 1024),
      .fallback = "1048576", .group = LIMITS,
      .help = "what may wait for one client before it is cut off as too slow" },
    { "max_header_bytes", "LECTERN_MAX_HEADER_BYTES", UINT(max_header_bytes, 1024, 65536),
      .unit = "bytes", .fallback = "16384", .group = LIMITS, .help = "a request's line and headers" },
    { "header_timeout", "LECTERN_HEADER_TIMEOUT", MS(header_timeout, 1), .fallback = "10000",
      .group = LIMITS, .help = "time a connection has to send a request's headers" },
    { "body_timeout", "LECTERN_BODY_TIMEOUT", MS(body_timeout, 1), .fallback = "30000",
      .group = LIMITS, .help = "time a connection has to send a request's body" },
    { "keepalive_timeout", "LECTERN_KEEPALIVE_TIMEOUT", MS(keepalive_timeout, 1),
      .fallback = "30000", .group = LIMITS, .help = "time a connection may idle between requests" },
    { "send_timeout", "LECTERN_SEND_TIMEOUT", MS(send_timeout, 1), .fallback = "30000",
      .group = LIMITS, .help = "time a client's system has to acknowledge what was sent" },
    { "close_timeout", "LECTERN_CLOSE_TIMEOUT", MS(close_timeout, 1), .fallback = "30000",
      .group = LIMITS, .help = "time a client that is disconnected has to take what was sent to it" },
    { "linger_timeout", "LECTERN_LINGER_TIMEOUT", MS(linger_timeout, 1), .fallback = "2000",
      .group = LIMITS, .help = "time a connection that is closed has to take the last answer" },
    { "max_namespaces", "LECTERN_MAX_NAMESPACES", COUNT(max_namespaces), .fallback = "20",
      .group = LIMITS, .help = "namespaces one client may be in" },
    { "max_dynamic_namespaces", "LECTERN_MAX_DYNAMIC_NAMESPACES", COUNT(max_dynamic_namespaces),
      .fallback = "10000", .group = LIMITS, .help = "namespaces by pattern that live at a time" },
    { "max_namespace_name", "LECTERN_MAX_NAMESPACE_NAME", UINT(max_namespace_name, 1, 65536),
      .unit = "bytes", .fallback = "256", .group = LIMITS,
      .help = "longest name of a namespace by pattern" },
    { "max_rooms", "LECTERN_MAX_ROOMS", COUNT(max_rooms), .fallback = "1000", .group = LIMITS,
      .help = "rooms one socket may be in" },
    { "max_room_name", "LECTERN_MAX_ROOM_NAME", UINT(max_room_name, 1, 65536), .unit = "bytes",
      .fallback = "1600", .group = LIMITS, .help = "longest name of a room; that of two long ids has 1,539" },
    { "max_event_name", "LECTERN_MAX_EVENT_NAME", UINT(max_event_name, 1, 65536), .unit = "bytes",
      .fallback = "128", .group = LIMITS, .help = "longest name of an event" },
    { "max_acks", "LECTERN_MAX_ACKS", COUNT(max_acks), .fallback = "1000", .group = LIMITS,
      .help = "answers that may be awaited from one socket" },
    { "max_attachments", "LECTERN_MAX_ATTACHMENTS", UINT(max_attachments, 0, 1000),
      .fallback = "10", .group = LIMITS, .help = "binary attachments of one message" },
    { "max_attachment_bytes", "LECTERN_MAX_ATTACHMENT_BYTES", BYTES(max_attachment_bytes, 1),
      .fallback = "5000000", .group = LIMITS, .help = "all binary attachments of one message" },
    { "attachment_timeout", "LECTERN_ATTACHMENT_TIMEOUT", MS(attachment_timeout, 1),
      .fallback = "60000", .group = LIMITS, .help = "time each attachment of a message may take" },
    { "max_arguments", "LECTERN_MAX_ARGUMENTS", UINT(max_arguments, 1, 1000), .fallback = "128",
      .group = LIMITS, .help = "arguments of one event or answer" },
    { "max_tasks", "LECTERN_MAX_TASKS", COUNT(max_tasks), .fallback = "1000", .group = LIMITS,
      .help = "events of one socket whose handlers have not ended; more are refused as full" },
    { "max_refusals", "LECTERN_MAX_REFUSALS", COUNT(max_refusals), .fallback = "32",
      .group = LIMITS, .help = "times in a row that a client may be refused by namespaces" },
    { "max_revocations", "LECTERN_MAX_REVOCATIONS", UINT(max_revocations, 1, 100000000),
      .fallback = "100000", .group = LIMITS,
      .help = "revoked tokens kept in memory, and as many people; others are looked up" },
    /* below LEC_JSON_MAX_DEPTH, as packets wrap what handlers send */
    { "max_json_depth", "LECTERN_MAX_JSON_DEPTH", UINT(max_json_depth, 2, 250), .fallback = "64",
      .group = LIMITS, .help = "deepest nesting of a message" },
    { "drain_spread", "LECTERN_DRAIN_SPREAD", MS(drain_spread, 0), .fallback = "0",
      .group = LIMITS, .help = "time over which clients are closed when the server stops" },
    { "drain_timeout", "LECTERN_DRAIN_TIMEOUT", MS(drain_timeout, 0), .fallback = "10000",
      .group = LIMITS, .help = "time that clients then have for their last messages" },

    { "limits.events_per_second", "LECTERN_LIMITS_EVENTS_PER_SECOND", COUNT_0(rate_events),
      .fallback = "100", .group = RATE,
      .help = "events, and requests to join a namespace; more are refused as rate_limited; 0 is any "
              "number" },
    { "limits.bytes_per_second", "LECTERN_LIMITS_BYTES_PER_SECOND",
      UINT(rate_bytes, 0, 100000000), .unit = "bytes", .fallback = "2000000", .group = RATE,
      .help = "messages; events past it are refused as rate_limited; 0 is any number" },
    { "limits.events", "LECTERN_LIMITS_EVENTS", RATES(rate_by_event, ""), .group = RATE,
      .help = "single events by name, a second, like typing_start=5, send_message=10; refresh_token "
              "is 1 unless given" },
    { "limits.burst", "LECTERN_LIMITS_BURST", UINT(rate_burst_s, 1, 3600), .unit = "seconds",
      .fallback = "10", .group = RATE,
      .help = "so many seconds' worth of each may come at once, after as long a silence" },

    { "recovery.window", "LECTERN_RECOVERY_WINDOW", MS(recovery_window, 0), .fallback = "0",
      .group = RECOVERY, .help = "time a client may be gone and still get what it missed, like 120000; 0 is off" },
    { "recovery.max_bytes", "LECTERN_RECOVERY_MAX_BYTES", BYTES(recovery_max_bytes, 0),
      .fallback = "16777216", .group = RECOVERY, .help = "events kept for them, in each namespace" },
    { "recovery.max_dynamic_bytes", "LECTERN_RECOVERY_MAX_DYNAMIC_BYTES",
      BYTES(recovery_max_dynamic_bytes, 0), .fallback = "268435456", .group = RECOVERY,
      .help = "events kept in namespaces by pattern, which have equal parts of it, max_bytes at most" },

    { "api.listen", "LECTERN_API_LISTEN", TEXT(api_listen, ""), .group = API,
      .help = "address that carries the server API alone, like 127.0.0.1:3002 or unix:/run/school/api.sock; "
              "empty: it is at the port of all" },
    { "api.service_role", "LECTERN_API_SERVICE_ROLE", TEXT(api_service_role, "service"), .group = API,
      .help = "role of tokens that may call the server API; empty lets only API keys call" },
    { "api.max_bytes", "LECTERN_API_MAX_BYTES", BYTES(api_max_bytes, 1), .fallback = "1048576",
      .group = API, .help = "largest body of a call or of a request to a route" },
    { "api.max_values", "LECTERN_API_MAX_VALUES", COUNT(api_max_values), .fallback = "100000",
      .group = API, .help = "values in such a body, counted through all lists and objects" },
    { "api.max_calls", "LECTERN_API_MAX_CALLS", COUNT(api_max_calls), .fallback = "500",
      .group = API, .help = "calls under way at a time, and as many requests to routes; more get 503 and may come again" },
    { "api.timeout", "LECTERN_API_TIMEOUT", MS(api_timeout, 1), .fallback = "30000", .group = API,
      .help = "time a call may take; after it the caller gets 504" },
    { "api.idempotency_ttl", "LECTERN_API_IDEMPOTENCY_TTL", MS(api_idempotency_ttl, 1000),
      .fallback = "86400000", .group = API,
      .help = "time that the answer to an Idempotency-Key is kept" },
    { "api.max_kept", "LECTERN_API_MAX_KEPT", COUNT(api_max_kept), .fallback = "100", .group = API,
      .help = "such answers kept for one person, the newest; those of back ends all are" },

    { "http.client_ca", "LECTERN_HTTP_CLIENT_CA", TEXT(http_client_ca, ""), .group = REQUESTS,
      .help = "PEM file of authorities that servers we ask must be certified by; empty is the system's" },
    { "http.client_allow", "LECTERN_HTTP_CLIENT_ALLOW", TEXT(http_client_allow, ""), .group = REQUESTS,
      .help = "the only hosts that handlers may ask, like api.school.example, *.push.example, 10.0.0.0/8; empty is any" },
    { "http.client_timeout", "LECTERN_HTTP_CLIENT_TIMEOUT", MS(http_client_timeout, 1),
      .fallback = "10000", .group = REQUESTS,
      .help = "time that a request to another server may take, unless a handler says otherwise" },
    { "http.client_max_bytes", "LECTERN_HTTP_CLIENT_MAX_BYTES", BYTES(http_client_max_bytes, 1),
      .fallback = "1048576", .group = REQUESTS, .help = "longest body of an answer" },
    { "http.client_max_requests", "LECTERN_HTTP_CLIENT_MAX_REQUESTS",
      COUNT(http_client_max_requests), .fallback = "100", .group = REQUESTS,
      .help = "requests of handlers at a time" },

    { "database", "LECTERN_DATABASE", TEXT(database, "sqlite:lectern.db"), .group = DATABASE,
      .secret = true,
      .help = "what must last: sqlite: and a file in state_dir, memory: for nothing that lasts, or a URL that a plugin knows" },
    { "state_dir", "LECTERN_STATE_DIR", TEXT(state_dir, ""), .group = DATABASE,
      .help = "folder for data that must last; empty is systemd's STATE_DIRECTORY, else .state in the script directory" },
    { "plugin_dir", "LECTERN_PLUGIN_DIR", TEXT(plugin_dir, ""), .group = DATABASE,
      .help = "folder of the server's own plugins; empty is where it was installed" },
    { "db.timeout", "LECTERN_DB_TIMEOUT", MS(db_timeout, 1), .fallback = "5000",
      .group = DATABASE, .help = "longest that a call of the database may take" },
    { "db.transaction_timeout", "LECTERN_DB_TRANSACTION_TIMEOUT", MS(db_transaction_timeout, 1),
      .fallback = "2000", .group = DATABASE,
      .help = "longest that a transaction may hold the database between two of its calls" },
    { "db.max_calls", "LECTERN_DB_MAX_CALLS", COUNT(db_max_calls), .fallback = "10000",
      .group = DATABASE, .help = "calls that may wait; more are refused as busy" },
    { "db.max_queued_bytes", "LECTERN_DB_MAX_QUEUED_BYTES", BYTES(db_max_queued_bytes, 1024),
      .fallback = "67108864", .group = DATABASE, .help = "size of all calls that wait" },
    { "db.max_rows", "LECTERN_DB_MAX_ROWS", COUNT(db_max_rows), .fallback = "10000",
      .group = DATABASE, .help = "rows of one answer; more are refused as too_big" },
    { "db.max_result_bytes", "LECTERN_DB_MAX_RESULT_BYTES", BYTES(db_max_result_bytes, 1024),
      .fallback = "8388608", .group = DATABASE, .help = "size of one answer" },
    { "db.max_bytes", "LECTERN_DB_MAX_BYTES", UINT(db_max_bytes, 0, 1ull << 50), .unit = "bytes",
      .fallback = "0", .group = DATABASE,
      .help = "size of the database's file; what does not fit is refused as full; 0 is any" },

    { "script.time", "LECTERN_SCRIPT_TIME", MS(script_time, 1), .fallback = "500",
      .group = SCRIPTS, .help = "longest a handler may run without waiting" },
    { "script.load_time", "LECTERN_SCRIPT_LOAD_TIME", MS(script_load_time, 1), .fallback = "5000",
      .group = SCRIPTS, .help = "longest that loading all handlers may take" },
    { "script.watchdog", "LECTERN_SCRIPT_WATCHDOG", MS(script_watchdog, 0), .fallback = "10000",
      .group = SCRIPTS, .help = "how much longer a call that cannot be stopped may run before it "
                                "ends the process; 0 is for ever" },
    { "script.memory", "LECTERN_SCRIPT_MEMORY", UINT(script_memory, MIB, 65536ull * MIB),
      .unit = "bytes", .fallback = "268435456", .group = SCRIPTS, .help = "memory of all handlers" },
    { "script.unsafe", "LECTERN_SCRIPT_UNSAFE", FLAG(script_unsafe), .fallback = "false",
      .group = SCRIPTS, .help = "let handlers use io, os, ffi and C modules" },
    { "ack_timeout", "LECTERN_ACK_TIMEOUT", MS(ack_timeout, 1), .fallback = "10000",
      .group = SCRIPTS, .help = "time a client has to answer emit_with_ack" },

    { "rooms.default", "LECTERN_ROOMS_DEFAULT", CHOICE(rooms_default, "allow|deny"),
      .fallback = "allow", .group = ELEARNING,
      .help = "whether people may join rooms that neither token nor grant names" },
    { "presence.grace", "LECTERN_PRESENCE_GRACE", MS(presence_grace, 0), .fallback = "10000",
      .group = ELEARNING, .help = "time somebody may be gone before being offline" },
    { "typing.timeout", "LECTERN_TYPING_TIMEOUT", MS(typing_timeout, 1), .fallback = "5000",
      .group = ELEARNING, .help = "time after which typing stops by itself" },
    { "typing.interval", "LECTERN_TYPING_INTERVAL", MS(typing_interval, 0), .fallback = "1000",
      .group = ELEARNING, .help = "least time between two typing indicators of a person in a room" },
    { "content.max_text", "LECTERN_CONTENT_MAX_TEXT", BYTES(content_max_text, 1),
      .fallback = "8000", .group = ELEARNING, .help = "longest text of a message or notification" },
    { "content.max_data", "LECTERN_CONTENT_MAX_DATA", BYTES(content_max_data, 2),
      .fallback = "16000", .group = ELEARNING, .help = "largest data of an event, as JSON" },
    { "store.notifications", "LECTERN_STORE_NOTIFICATIONS", COUNT(store_notifications),
      .fallback = "200", .group = ELEARNING, .help = "notifications kept for each person" },
    { "store.messages", "LECTERN_STORE_MESSAGES", COUNT(store_messages), .fallback = "10000",
      .group = ELEARNING, .help = "messages kept in each room, and announcements; the oldest go" },
    { "store.reactions", "LECTERN_STORE_REACTIONS", COUNT(store_reactions), .fallback = "10000",
      .group = ELEARNING, .help = "reactions kept in each room; the oldest go" },
    { "store.conversations", "LECTERN_STORE_CONVERSATIONS", COUNT(store_conversations),
      .fallback = "100", .group = ELEARNING,
      .help = "conversations without a message kept for each person; the oldest go" },
};
/* clang-format on */

#define N_SETTINGS (sizeof settings / sizeof settings[0])
_Static_assert(N_SETTINGS <= sizeof((struct lec_config *)NULL)->source, "source[] is too short");

const struct lec_setting *lec_settings(size_t *n)
{
    *n = N_SETTINGS;
    return settings;
}

static void *member(const struct lec_config *cfg, const struct lec_setting *s)
{
    return (char *)cfg + s->offset;
}

static const struct lec_setting *find(const char *key)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

/* --- setting ------------------------------------------------------------------------------- */

/* The name that the person used, to begin a complaint with. Who reads a file puts its name and line
 * in front. */
static const char *place(const struct lec_setting *s, enum lec_source from, struct lec_buf *out)
{
    char flag[LEC_FLAG_SIZE];
    switch (from) {
    case LEC_FROM_FLAG:
        lec_setting_flag(s, flag);
        lec_buf_adds(out, flag);
        break;
    case LEC_FROM_ENV:
        lec_buf_printf(out, "%s in the environment", s->env);
        break;
    case LEC_FROM_DOTENV:
        lec_buf_adds(out, s->env);
        break;
    case LEC_FROM_LUA:
    case LEC_FROM_DEFAULT:
        lec_buf_adds(out, s->key);
        break;
    }
    return lec_buf_str(out);
}

static int unknown(const char *key, char *err, size_t err_size)
{
    struct lec_suggest suggest;
    size_t len = strlen(key);
    for (size_t i = 0; i < N_SETTINGS && len > 0; i++)
        if (strncmp(settings[i].key, key, len) == 0 && settings[i].key[len] == '.') {
            snprintf(err, err_size, "\"%s\" is a table of settings: %s = { %s = … }", key, key,
                     settings[i].key + len + 1);
            return LEC_EINVAL;
        }
    lec_suggest_init(&suggest, key);
    for (size_t i = 0; i < N_SETTINGS; i++)
        lec_suggest_try(&suggest, settings[i].key);
    if (suggest.best)
        snprintf(err, err_size, "unknown setting \"%.60s\"; did you mean \"%s\"?", key,
                 suggest.best);
    else
        snprintf(err, err_size, "unknown setting \"%.60s\"", key);
    return LEC_ENOTFOUND;
}

int lec_config_set(struct lec_config *cfg, const char *key, const char *value, enum lec_source from,
                   char *err, size_t err_size)
{
    const struct lec_setting *s = find(key);
    if (!s)
        return unknown(key, err, err_size);

    struct lec_buf string = { 0 };
    uint64_t number = 0;
    bool flag = false;
    int rc = LEC_OK;
    unsigned char *source = &cfg->source[s - settings];
    if (!lec_setting_parse(s, value, &number, &flag, &string)) {
        struct lec_buf where = { 0 }, why = { 0 };
        lec_setting_complain(s, value, &why);
        snprintf(err, err_size, "%s: %s", place(s, from, &where), lec_buf_str(&why));
        lec_buf_fini(&where);
        lec_buf_fini(&why);
        rc = LEC_EINVAL;
    } else if (from >= *source) {
        void *at = member(cfg, s);
        *source = (unsigned char)from;
        if (s->kind == LEC_UINT) {
            *(uint64_t *)at = number;
        } else if (s->kind == LEC_BOOL) {
            *(bool *)at = flag;
        } else {
            free(*(char **)at);
            *(char **)at = lec_strndup(lec_buf_str(&string), string.n);
        }
    }
    lec_buf_fini(&string);
    return rc;
}

void lec_config_init(struct lec_config *cfg)
{
    char err[256];
    memset(cfg, 0, sizeof *cfg);
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (lec_config_set(cfg, settings[i].key, settings[i].fallback, LEC_FROM_DEFAULT, err,
                           sizeof err) != LEC_OK) {
            fprintf(stderr, "lectern: the table of settings is wrong: %s\n", err);
            abort();
        }
}

void lec_config_fini(struct lec_config *cfg)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (settings[i].kind != LEC_UINT && settings[i].kind != LEC_BOOL)
            free(*(char **)member(cfg, &settings[i]));
    for (size_t i = 0; i < cfg->n_plugin_values; i++) {
        free(cfg->plugin_values[i].key);
        free(cfg->plugin_values[i].value);
    }
    free(cfg->plugin_values);
    lec_buf_fini(&cfg->warnings);
    memset(cfg, 0, sizeof *cfg);
}

const char *lec_config_plugin_value(const struct lec_config *cfg, const char *key)
{
    for (size_t i = 0; i < cfg->n_plugin_values; i++)
        if (strcmp(cfg->plugin_values[i].key, key) == 0)
            return cfg->plugin_values[i].value;
    return NULL;
}

void lec_config_set_plugin(struct lec_config *cfg, const char *key, const char *value)
{
    struct lec_plugin_value *v = NULL;
    for (size_t i = 0; i < cfg->n_plugin_values && !v; i++)
        if (strcmp(cfg->plugin_values[i].key, key) == 0)
            v = &cfg->plugin_values[i];
    if (!v) {
        cfg->plugin_values = lec_realloc(cfg->plugin_values,
                                         (cfg->n_plugin_values + 1) * sizeof *cfg->plugin_values);
        v = &cfg->plugin_values[cfg->n_plugin_values++];
        *v = (struct lec_plugin_value){ .key = lec_strndup(key, strlen(key)) };
    }
    free(v->value);
    v->value = lec_strndup(value, strlen(value));
}

int lec_config_check(const struct lec_config *cfg, bool serving, char *err, size_t err_size)
{
    const char *why = NULL;
    int keys = !!*cfg->jwt_secret + !!*cfg->jwt_public_key_file + !!*cfg->jwt_jwks_file +
               !!*cfg->jwt_jwks_url;
    if (serving && keys == 0)
        why = "nobody could log in: set JWT_SECRET to the secret that your application signs its "
              "tokens with, or JWT_PUBLIC_KEY_FILE, JWT_JWKS_FILE or JWT_JWKS_URL to its public "
              "keys (to try things out, `lectern serve --dev` makes a secret of its own)";
    else if (keys > 1)
        why = "of JWT_SECRET, JWT_PUBLIC_KEY_FILE, JWT_JWKS_FILE and JWT_JWKS_URL more than one is "
              "set; tokens are checked with one of them, so take the others away";
    else if (!*cfg->tls_cert != !*cfg->tls_key)
        why = "tls.cert and tls.key belong together: set both or none";
    else if (*cfg->tls_client_ca && !*cfg->tls_cert)
        why = "tls.client_ca asks clients for certificates, which takes TLS: set tls.cert and "
              "tls.key";
    else if (cfg->proxy_protocol && !*cfg->trusted_proxies)
        why = "proxy_protocol is on, but no proxy may speak it: name it in trusted_proxies";
    else if (!cfg->polling && !cfg->websocket)
        why = "polling and websocket are both off, so no client could connect";
    if (!why)
        return LEC_OK;
    snprintf(err, err_size, "%s", why);
    return LEC_EINVAL;
}
