/* What the files of this folder share and nobody else sees.
 *
 * Lifetimes. The engine owns its sessions; net owns exchanges (lec_http) and connections (lec_ws).
 *   get, post   net's. The session is their owner argument and forgets them before it answers and
 *               in on_abort; a session that ends answers both. So none outlives its session, and
 *               no dead pointer is kept.
 *   eio_link    ours, one for each WebSocket, from lec_http_accept_ws to its on_close, where it is
 *               freed. It may outlive its session (session is NULL then) and the other way round.
 *   eio_probe   the session's, until it is upgraded, gives up, or ends.
 *   eio_session freed by lec_loop_free_later once CLOSED: any callback, ours to the user or net's to
 *               us, may end its session, and code behind it may still look at `state`. A link may be
 *               gone after such a callback: nothing looks at it again. */
#ifndef EIO_INTERNAL_H
#define EIO_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "base/id.h"
#include "base/outq.h"
#include "base/tally.h"
#include "engineio/packet.h"
#include "engineio/session.h"
#include "net/ws.h"

enum {
    EIO_LOG_ID_LEN = 6,           /* of the sid's 20 characters: the rest stays secret */
    EIO_SCRATCH_KEEP = 64 * 1024, /* bytes that a scratch buffer keeps between two uses */
};

/* Lines of the log on pages of other origins: as many refusals as pages, which may be a flood. */
struct eio_foreign {
    uint64_t since;   /* when the period began, by the loop's clock */
    unsigned logged;  /* in it */
    unsigned skipped; /* since the last line, which the next one tells */
};

struct eio_engine {
    struct lec_loop *loop;
    const struct eio_config *cfg;
    struct eio_events events;
    void *ctx;
    struct lec_counters *counters;
    struct lec_log *log;
    struct lec_map by_sid;   /* OPENING, ALIVE and CLOSING sessions */
    struct lec_tally sites;  /* how many of them each address has; empty without max_per_site */
    uint64_t handshakes;     /* bucket */
    struct lec_list all;     /* the same, to walk while they end */
    struct lec_list unknown; /* ALIVE ones that the user does not want kept yet, oldest first */
    size_t open;             /* the ALIVE ones */
    bool draining;           /* no more handshakes */
    struct eio_foreign foreign;
    struct lec_msg *ping;   /* "2" */
    struct lec_msg *pong;   /* "3" */
    struct lec_msg *noop;   /* "6" */
    struct lec_msg *close;  /* "1" */
    struct lec_msg *probed; /* "3probe" */
    struct lec_buf in, out; /* scratch: decoded base64; an answer's body */
    struct lec_buf headers; /* scratch: an answer's header lines */
};

/* A WebSocket and the session it serves, or probes for. */
struct eio_link {
    struct eio_session *session; /* NULL when it has ended */
    struct lec_ws *ws;           /* NULL before on_open */
    bool base64;                 /* its query asked for text in place of raw binary */
};

/* What a link needs while it is no more than a probe. */
struct eio_probe {
    struct eio_link *link;
    struct lec_timer tick;
    uint64_t deadline; /* of the upgrade */
    unsigned noops;    /* polls that may be answered "6" at once */
    bool probed;       /* "2probe" came, "3probe" is to be sent */
};

enum eio_state {
    EIO_OPENING, /* a WebSocket's 101 is on its way; the user does not know it yet */
    EIO_ALIVE,
    EIO_CLOSING, /* over for the user; sends what is queued, or waits for the client's next poll */
    EIO_CLOSED,  /* over; memory goes at the end of the turn */
};

struct eio_session {
    struct eio_engine *engine;
    struct lec_list node;    /* in engine->all */
    struct lec_list unknown; /* in engine->unknown, or in none */
    char sid[LEC_ID_LEN + 1];
    char log_id[EIO_LOG_ID_LEN + 1];
    enum eio_state state;
    enum eio_transport transport; /* the one that drains `out` */
    bool base64;                  /* that one takes no raw binary: its own query said so (b64) */
    bool awaits_beat; /* the client is to be heard before `beat`: its pong, or version 3's ping */
    bool late;        /* CLOSING, and no poll was there to tell it to */
    bool hasty;       /* CLOSING with the server: does not wait for a poll only to say so */
    bool in_body;     /* packets of `post` are being handled */
    bool kept;        /* eio_session_keep */
    /* Attachments in it are raw while polling, since each poll encodes what it takes; for a WebSocket
     * they are as they leave. */
    struct lec_outq out;
    struct lec_later flush, free;
    struct lec_timer beat;   /* ALIVE: next ping or missing heartbeat. CLOSING: giving up */
    uint64_t pinged;         /* when the last ping was queued */
    uint64_t answered;       /* the last `pinged` that a pong answered */
    struct lec_http *get;    /* parked poll */
    struct lec_http *post;   /* request whose body is coming in, or being handled */
    struct eio_link *link;   /* transport is WEBSOCKET */
    struct eio_probe *probe; /* upgrading: transport is POLLING still */
    struct eio_handshake handshake;
    _Alignas(max_align_t) char user[]; /* user_size bytes; behind them what handshake points into */
};

/* engine.c */

/* Answers with the CORS lines of this request; type may be NULL, body empty. */
void eio_answer(struct eio_engine *e, struct lec_http *http, unsigned status, const char *type,
                struct lec_slice body);
/* The same for a body of packets or "ok": not to be stored by anybody, compressed if it is worth it.
 * sid: of the session that this answer opens, for its cookie; else NULL. */
void eio_answer_fresh(struct eio_engine *e, struct lec_http *http, const char *sid,
                      const char *type, struct lec_slice body);

/* handshake.c */

/* Whether a request proves to be this client's, where the sid does not (eio_session_is_bound). */
bool eio_session_knows(const struct eio_session *s, const struct lec_http *http,
                       const struct eio_query *query);

/* session.c */

/* A session for this handshake, in the engine's table, OPENING. */
struct eio_session *eio_session_new(struct eio_engine *e, struct lec_http *http,
                                    const struct eio_query *query, enum eio_transport transport);
/* Makes it ALIVE, starts the heartbeat and tells the user. */
void eio_session_opened(struct eio_session *s);
/* Queues the open packet ("0{…}"), first of all. */
void eio_session_put_open(struct eio_session *s);
/* Takes one packet that came by the current transport, as text or as bytes; may end the session.
 * LEC_EPROTO: it was malformed, and has ended it. */
int eio_session_take(struct eio_session *s, struct lec_slice data, bool binary) LEC_CHECK;
void eio_session_bad_packet(struct eio_session *s);
/* Ends it at once, whatever its state: what is queued is offered to the transport a last time, a
 * parked poll gets `last` ("1", or "6" if the client asked), WebSockets are closed. */
void eio_session_end(struct eio_session *s, enum eio_reason why, const struct lec_msg *last);
/* As eio_session_close, with the reason. */
void eio_session_leave(struct eio_session *s, enum eio_reason why);
/* Whether the heartbeat is overdue, in which case it has ended the session: called when a request
 * comes in, since timers of this very turn may fire behind it. */
bool eio_session_expired(struct eio_session *s);
/* Queues a packet of our own and sees to it that it leaves. */
void eio_session_push(struct eio_session *s, struct lec_msg *m);
void eio_session_flush_later(struct eio_session *s);
/* How long a body or message may be now. */
unsigned eio_session_max_payload(const struct eio_session *s);
/* Goes on on this link; what is queued leaves there. */
void eio_session_upgrade(struct eio_session *s, struct eio_link *link);

#define EIO_WHO(s) ((struct lec_who){ (s)->log_id, NULL })

/* polling.c */

/* Answers the handshake of a new session and opens it. */
void eio_polling_accept(struct eio_session *s, struct lec_http *http);
/* A request with the sid of a polling session. */
void eio_polling_request(struct eio_session *s, struct lec_http *http);
/* Answers the parked poll, if there is one and something to say. */
void eio_polling_flush(struct eio_session *s);
/* Ends the parked poll with a close packet, since the session goes on elsewhere. */
void eio_polling_release(struct eio_session *s);
/* The session has ended: answers what is open. */
void eio_polling_end(struct eio_session *s, const struct lec_msg *last);

/* websocket.c */

/* Accepts a WebSocket: for a new session (OPENING), or as probe of a polling one. */
void eio_ws_accept(struct eio_session *s, struct lec_http *http, const struct eio_query *query);
/* Opens a WebSocket that belongs to no session, and closes it. */
void eio_ws_turn_away(struct eio_engine *e, struct lec_http *http);
void eio_ws_flush(struct eio_session *s);
/* Answers "2probe", if it came. */
void eio_probe_flush(struct eio_session *s);
/* Closes the link, which thereby leaves its session; NULL is fine. It may be freed on return. */
void eio_link_close(struct eio_link *link);
/* Ends the probe, if there is one, and closes its link. */
void eio_probe_close(struct eio_session *s);

#endif
