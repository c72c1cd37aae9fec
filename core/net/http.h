/* One HTTP exchange: a request and its answer.
 *
 * net owns it. The handler may keep the pointer from on_request until it has answered, or until
 * on_abort, whichever comes first; after either the pointer is dead. States:
 *
 *   NEW --answer--> gone
 *   NEW --hold--> HELD --answer--> gone              (a long poll)
 *   NEW --read_body--> BODY --on_body--> HELD …      (a POST)
 *   NEW --accept_ws--> the exchange becomes a lec_ws (net/ws.h)
 *   BODY --on_too_big--> HELD …                     (longer than its limit)
 *   HELD, BODY --client went away--> on_abort, gone
 *
 * While an exchange is HELD its client's disappearance is noticed at once (but half_closed). */
#ifndef LEC_NET_HTTP_H
#define LEC_NET_HTTP_H

#include "base/slice.h"
#include "net/net.h"

enum lec_method {
    LEC_GET,
    LEC_HEAD,
    LEC_POST,
    LEC_PUT,
    LEC_PATCH,
    LEC_DELETE,
    LEC_OPTIONS,
    LEC_METHOD_OTHER
};

struct lec_ws_events;

struct lec_http_events {
    /* The whole body is here, valid during the call. The exchange is HELD now. */
    void (*on_body)(void *owner, struct lec_http *http, struct lec_slice body);
    /* The body, which came without a length, is longer than the limit. The exchange is HELD now, to be
     * answered 413. */
    void (*on_too_big)(void *owner, struct lec_http *http);
    /* The client went away, was too slow, or the server closes. Last call; no answer is
     * possible. */
    void (*on_abort)(void *owner, struct lec_http *http);
    /* A client that ends its side behind the request (nc -N, some of HTTP/1.0) still gets its answer.
     * Nobody can tell it from one that has gone altogether before the answer is sent, so on_abort comes
     * then only if the connection breaks. Without it such a client counts as gone. */
    bool half_closed;
};

/* A body that is sent from its file, piece by piece as the client takes it. While very many are, it is
 * answered 503. */
struct lec_reply_file {
    int fd; /* of a regular file, borrowed for the call */
    size_t size;
};

/* The answer. Date, Content-Length and Connection are net's; nothing else is added. All borrowed for
 * the call. The body is one of three; a large one should be one of the last two, as of the first what a
 * slow client does not take is copied. */
struct lec_reply {
    unsigned status;                   /* 200 … */
    const char *type;                  /* Content-Type, NULL for none */
    struct lec_slice headers;          /* further lines, each with its \r\n */
    struct lec_slice body;             /* not sent for HEAD, nor are these: */
    struct lec_msg *shared;            /* net takes a reference while it needs it; NULL for none */
    const struct lec_reply_file *file; /* NULL for none */
    bool close;                        /* end the connection after it */
};

/* The request. Slices are valid until the exchange is gone. */
enum lec_method lec_http_method(const struct lec_http *http);
/* Before '?', percent-encoded, in one form: unreserved characters plain, others encoded, "//" and
 * "/../" resolved (net/target.h). "*" for OPTIONS of all. A zero follows. */
struct lec_slice lec_http_path(const struct lec_http *http);
/* Behind '?', as it was sent. A zero follows. */
struct lec_slice lec_http_query(const struct lec_http *http);
/* A header by its lower-case name, repeated ones joined; an empty slice if there is none. Free of
 * control characters. */
struct lec_slice lec_http_header(const struct lec_http *http, const char *name);
/* All headers kept (base/fields.h). */
struct lec_slice lec_http_headers(const struct lec_http *http);
/* Who sent it, as text: the peer, or whom the trusted proxies say (net/address.h). */
const char *lec_http_address(const struct lec_http *http);
bool lec_http_secure(
    const struct lec_http *http);                 /* sent over TLS, or so the trusted proxies say */
bool lec_http_inner(const struct lec_http *http); /* it came by the inner listener (net/net.h) */
/* Appends who the client's certificate says it is, a JSON object (net/certificate.h); false, with
 * nothing appended, without one. */
bool lec_http_certificate(const struct lec_http *http, struct lec_buf *json);
bool lec_http_wants_ws(const struct lec_http *http);
/* Keep the exchange open, to answer later. NEW only; a wish to upgrade cannot wait. */
void lec_http_hold(struct lec_http *http, const struct lec_http_events *events, void *owner);
/* Collect the body, then on_body. LEC_ETOOBIG, without further effect, if its length is above limit; one
 * that comes in chunks may turn out to be (on_too_big). NEW only; not of a wish to upgrade. The
 * collected bytes are net's. Nothing is called from inside this call. */
int lec_http_read_body(struct lec_http *http, size_t limit, const struct lec_http_events *events,
                       void *owner) LEC_CHECK;
/* Send the answer; the exchange is gone when this returns, its slices stay readable to the end of
 * the turn. NEW, HELD. What is not read yet of a short body is thrown away; behind a longer one the
 * connection ends, after reading on for a moment, lest a reset overtake the answer. Answering a wish
 * to upgrade refuses it (the connection ends too). */
void lec_http_answer(struct lec_http *http, const struct lec_reply *reply);

/* Become a WebSocket: 101 with `headers` (further lines) and then on_open. Messages longer than
 * max_message are refused with 1009. NEW and wants_ws only. If the handshake fails after all
 * (a client that did not wait for its answer, too), it is answered 400 or 426, and on_close comes
 * with ws NULL. Neither that nor on_open comes from inside this call. The first offered subprotocol
 * is agreed to, whatever it is. */
void lec_http_accept_ws(struct lec_http *http, struct lec_slice headers, size_t max_message,
                        const struct lec_ws_events *events, void *owner);

#endif
