/* The Engine.IO server: takes HTTP requests below its path, makes and finds sessions, refuses
 * what the protocol refuses. Sessions and transports: engineio/session.h.
 *
 * Owner: who made it. It borrows loop, config, log and counters. */
#ifndef EIO_ENGINE_H
#define EIO_ENGINE_H

#include "base/bucket.h"
#include "base/counters.h"
#include "base/log.h"
#include "engineio/query.h"
#include "net/cors.h"
#include "net/encoding.h"

struct eio_session;

struct eio_config {
    unsigned ping_interval_ms;   /* 25000 */
    unsigned ping_timeout_ms;    /* 20000 */
    unsigned upgrade_timeout_ms; /* 10000: a probe that does not finish is dropped */
    unsigned max_payload;        /* 1000000: bytes of a POST body and of a WebSocket message */
    unsigned max_first_payload; /* the same until eio_session_keep: a stranger's costs memory too */
    unsigned max_queue_bytes;   /* what a session may have waiting to be sent */
    unsigned
        close_timeout_ms; /* 30000: how long a closing session waits for its client's next poll */
    unsigned max_sessions;
    unsigned max_per_site;      /* sessions of each address (lec_address_site); 0: no limit */
    struct lec_rate handshakes; /* of all together */
    bool polling, websocket;    /* transports offered */
    bool allow_upgrades;
    bool allow_eio3; /* serve Engine.IO 3 clients too */
    struct lec_cors cors;
    const char *cookie;            /* name of one that tells proxies the sid; NULL for none */
    const char *cookie_same_site;  /* its SameSite: "Lax", "Strict" or "None" */
    struct lec_deflater *deflater; /* of large answers to polls; NULL for none */
    size_t user_size;              /* bytes that each session has for its user */
};

enum eio_reason { /* why a session ended; texts of the reference by eio_reason_text */
                  EIO_TRANSPORT_CLOSE,
                  EIO_TRANSPORT_ERROR,
                  EIO_PING_TIMEOUT,
                  EIO_PARSE_ERROR,
                  EIO_FORCED_CLOSE, /* eio_session_close */
                  EIO_SERVER_SHUTDOWN,
                  EIO_SLOW_CONSUMER, /* its queue reached max_queue_bytes */
};

/* Every callback may call any eio function, end any session, its own included. */
struct eio_events {
    /* A session opened; its open packet is on its way. */
    void (*on_open)(void *ctx, struct eio_session *s);
    /* A message arrived: text (valid UTF-8) or binary; valid during the call. */
    void (*on_message)(void *ctx, struct eio_session *s, struct lec_slice data, bool binary);
    /* The session is over; the pointer dies at the end of this turn. Last call; comes exactly
     * once for each on_open, possibly from inside an eio_session call. */
    void (*on_close)(void *ctx, struct eio_session *s, enum eio_reason why);
};

struct eio_engine;

struct eio_engine *eio_engine_new(struct lec_loop *loop, const struct eio_config *cfg,
                                  const struct eio_events *events, void *ctx,
                                  struct lec_counters *counters, struct lec_log *log);
/* All sessions must be closed. */
void eio_engine_free(struct eio_engine *e);

/* Serves one request whose path belongs to this engine. */
void eio_engine_request(struct eio_engine *e, struct lec_http *http);

/* From now on handshakes are refused with 503, and so is what belongs to no session here: a proxy may
 * try its other servers. Sessions go on, put in random order for _shed. */
void eio_engine_drain(struct eio_engine *e);

/* Closes n of the open sessions, each as eio_engine_close(e, true) does. */
void eio_engine_shed(struct eio_engine *e, size_t n);

/* Closes every session: polls are answered "1", WebSockets get a close frame without code.
 * flush: what is queued is sent first; polling clients that are owed nothing are not waited for.
 * Without it everything ends now, what is CLOSING already too. */
void eio_engine_close(struct eio_engine *e, bool flush);

size_t eio_engine_count(const struct eio_engine *e);                          /* open sessions */
size_t eio_engine_count_on(const struct eio_engine *e, enum eio_transport t); /* walks them */
/* Sessions that are over but still have something to send. */
size_t eio_engine_closing(const struct eio_engine *e);

const char *eio_reason_text(enum eio_reason why); /* "transport close" */

#endif
