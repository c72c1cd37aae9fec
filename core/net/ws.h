/* One WebSocket connection (RFC 6455), of whole messages.
 *
 * net owns it, from on_open to on_close; after on_close the pointer is dead. lec_ws_close may be
 * called any time in between, from its own callbacks too: on_close follows at the latest at the end
 * of the turn, and no other callback before it. Pings of the client are answered here. */
#ifndef LEC_NET_WS_H
#define LEC_NET_WS_H

#include <stdbool.h>

#include "base/outq.h"
#include "net/http.h"

struct lec_ws;

enum lec_ws_end {
    LEC_WS_CLOSED, /* the client sent a close frame, or lec_ws_close was called */
    LEC_WS_GONE,   /* the connection ended without one */
    LEC_WS_ERROR,  /* the client broke the protocol or a limit, and was told so */
};

struct lec_ws_events {
    void (*on_open)(void *owner, struct lec_ws *ws);
    /* One message, put together; bytes valid during the call. Text is valid UTF-8. */
    void (*on_message)(void *owner, struct lec_ws *ws, struct lec_slice data, bool binary);
    /* After lec_ws_write said LEC_EAGAIN: the kernel took the rest, write on. */
    void (*on_writable)(void *owner, struct lec_ws *ws);
    void (*on_close)(void *owner, struct lec_ws *ws, enum lec_ws_end why);
};

/* Hands over what q holds, in as few system calls as may be, and drops from q what was taken.
 * LEC_OK: q is empty. LEC_EAGAIN: the kernel is full; on_writable follows. LEC_ECLOSED. Call it
 * from flush_later functions and on_writable, so that a turn's output leaves in one write. */
int lec_ws_write(struct lec_ws *ws, struct lec_outq *q) LEC_CHECK;

/* Whether a write would go out at once: nothing is left behind in the kernel's way. */
bool lec_ws_writable(const struct lec_ws *ws);

/* How long messages may be that begin from now on; at first what lec_http_accept_ws was told. */
void lec_ws_set_max_message(struct lec_ws *ws, size_t max_message);

/* Sends a close frame (code 0: one without code and reason) and ends the connection. */
void lec_ws_close(struct lec_ws *ws, unsigned code, const char *reason);

#endif
