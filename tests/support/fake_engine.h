/* An in-memory stand-in for an Engine.IO engine and its loop: engineio/session.h and what Socket.IO
 * uses of net/loop.h, with a clock that the test sets. Link it in place of those libraries.
 *
 * A test holds peers: the other ends of sessions. They live until fake_engine_fini, their sessions
 * only to the end of the turn in which they close, as real ones do, so that AddressSanitizer sees
 * any use after that. */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

#include "base/buf.h"
#include "base/msg.h"
#include "engineio/session.h"

struct fake_peer {
    struct eio_session *session; /* NULL once it is over */
    enum eio_reason why;         /* then */
    bool discarded;              /* closed by us, with discard */
    bool kept;                   /* eio_session_keep was called */
    bool writable;
    uint64_t answered;                  /* what eio_session_answered says */
    size_t room;                        /* bytes it takes before it is closed as too slow */
    struct lec_buf text;                /* what was sent since the last fake_sent */
    struct lec_buf shown;               /* what fake_sent returned last */
    struct lec_msg *last, *last_binary; /* the last messages sent, referenced */
    struct fake_peer *next;             /* of the engine */
    unsigned number;
};

struct fake_engine {
    struct lec_loop *loop;
    const struct eio_events *events;
    void *ctx;
    struct fake_peer *peers;
    unsigned count;
};

void fake_engine_init(struct fake_engine *e, const struct eio_events *events, void *ctx);
/* The events and their context, if fake_engine_init could not know them yet. */
void fake_engine_set(struct fake_engine *e, const struct eio_events *events, void *ctx);
/* Closes all sessions (EIO_SERVER_SHUTDOWN) and ends the turn. */
void fake_engine_shutdown(struct fake_engine *e);
/* Fails the test if a timer still runs or a session is left. */
void fake_engine_fini(struct fake_engine *e);

struct fake_peer *fake_open(struct fake_engine *e);
/* An Engine.IO 3 client; whether its sid is bound (eio_session_is_bound). The sid is 20 characters. */
struct fake_peer *fake_open3(struct fake_engine *e, bool bound);
void fake_text(struct fake_engine *e, struct fake_peer *p, const char *packet);
void fake_binary(struct fake_engine *e, struct fake_peer *p, const void *bytes, size_t n);
void fake_close(struct fake_engine *e, struct fake_peer *p, enum eio_reason why);

/* What the peer was sent since the last call, one packet a word: text as it is, binary as
 * <hex>. "" for nothing. Valid until the next call for this peer. */
const char *fake_sent(struct fake_peer *p);

/* Ends the turn, lets ms pass, and runs the timers that are due, each in its own turn. */
void fake_turn(struct fake_engine *e, uint64_t ms);

#endif
