/* What the files of this folder share; nobody else includes it. libuv shows here, libwebsockets
 * only as the name `struct lws`: lws.c and request.c are the files that know it.
 * libwebsockets has a connection while it speaks HTTP; a WebSocket's socket is ours (wire_take).
 *
 *   loop.c     turns, timers, put-off work, signals
 *   net.c      the listener and its limits
 *   conn.c     one TCP connection: its clock, how it ends
 *   lws.c      the library: context, callback, guards, and the wire_ functions the others use
 *   request.c  the library's header table made a struct lec_http
 *   http.c     the exchange
 *   ws.c       the WebSocket                 frame.c  its frames
 *   socket.c   bytes through a socket, by TLS or not
 *
 * A connection (struct conn) is owned by its struct lec_net, from accept until the library
 * reports its end or, when the library has given it up, until it is closed; its memory goes at
 * the end of that turn. */
#ifndef LEC_NET_INTERNAL_H
#define LEC_NET_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "base/tally.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/net.h"
#include "net/ws.h"

/* --- loop.c ------------------------------------------------------------------------------- */

struct lec_later_queue {
    struct lec_later *head, **tail;
};

struct lec_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* the end of a turn: just before the loop waits */
    uv_timer_t alarm;     /* rings at the top of the heap */
    uint64_t alarm_at;    /* when it rings, UINT64_MAX if it is off */
    uint64_t not_before;  /* while timers fire: new ones fire at the next millisecond at the
                             earliest, so that one of 0 ms cannot starve the loop */
    struct lec_timer **heap;
    uint32_t heap_count, heap_cap;
    struct lec_later_queue flush, release;
    struct lec_list signals;
    uint64_t began;         /* ns */
    uint64_t busy, longest; /* ns: of all turns; of one, since that was last asked for */
};

void lec_loop_end_turn(struct lec_loop *loop);

/* --- net.c -------------------------------------------------------------------------------- */

#define LEC_GATHER (64 * 1024) /* bytes of small frames put together for one write */
#define LEC_INPUT  (64 * 1024) /* bytes read from one WebSocket a turn */

struct lec_lws; /* the library's side of a net, in lws.c */

struct lec_net {
    struct lec_loop *loop;
    const struct lec_net_config *cfg;
    const struct lec_net_events *events;
    void *ctx;
    struct lec_counters *counters;
    struct lec_log *log;
    struct lec_lws *lws;
    struct lec_list conns;  /* of struct conn, all that are open */
    unsigned count, limit;  /* connections; how many may be */
    struct lec_tally sites; /* connections of each; empty without max_per_site */
    bool closing;
    int listen_fd, spare_fd; /* -1: not listening; the fd that is given up to refuse with */
    unsigned port;
    uv_poll_t listen_poll;
    struct lec_timer accept_pause;
    int watch_fd; /* an epoll of its own, of all connections */
    uv_poll_t watch_poll;
    unsigned polls; /* of the two uv_poll_t, which libuv knows; the last one frees the net */
    struct lec_buf scratch; /* an answer while it is put together */
    unsigned char *gather;  /* LEC_GATHER bytes */
    unsigned char *input;   /* LEC_WS_HELD + LEC_INPUT bytes: what was just read */
};

/* --- conn.c ------------------------------------------------------------------------------- */

enum conn_state {
    CONN_IDLE,    /* waits for a request's headers */
    CONN_REQUEST, /* has an exchange */
    CONN_SENDING, /* the exchange is answered, but the kernel has not taken all of the answer */
    CONN_UPGRADE, /* its exchange becomes a WebSocket; the library is about to give it up */
    CONN_WS,      /* is a WebSocket */
    CONN_LINGER,  /* all is said; input is thrown away, so that no reset overtakes our last words */
    CONN_DEAD,    /* closed; it must not be asked for anything any more */
};

struct conn {
    struct lec_net *net;
    struct lws *wsi;    /* NULL once the library has given it up */
    struct ssl_st *ssl; /* NULL until then, and without TLS */
    struct lec_list node;
    struct lec_timer timer; /* the one deadline of its state */
    struct lec_later later; /* conn_settle at the end of the turn, then the free */
    struct lec_http *http;  /* REQUEST, UPGRADE */
    struct lec_ws *ws;      /* WS, LINGER; for good */
    struct unsent *unsent;  /* SENDING: what is left of the answer */
    int fd;                 /* -1 as long as the library has it */
    uint32_t watched;       /* the events of epoll that are looked for, 0 for none */
    uint8_t state;          /* enum conn_state */
    bool upgrade;           /* the request of which we are about to be told asks for a WebSocket */
    bool served;            /* this is not its first request */
    bool keep;              /* SENDING: another request may follow */
    bool drain;             /* SENDING: the request's body must still be thrown away */
    bool paused;            /* input is not read; its client's end is looked for */
    bool mute;              /* paused: there is input, which is not looked for any more */
    bool kept;              /* the library keeps input of it (lws.c, T20) */
    bool answered;          /* the library waits to hear that it may read the next request */
    bool kill;              /* is to be closed at the end of the turn */
    char address[];         /* the peer's, zero-terminated */
};

void conn_peer(const struct sockaddr_storage *peer, char out[LEC_ADDRESS_SIZE]);
struct conn *conn_new(struct lec_net *net, struct lws *wsi, const struct sockaddr_storage *peer);
void conn_kill(struct conn *c);   /* closes it at the end of the turn; tells nobody */
void conn_abort(struct conn *c);  /* the same, and tells whoever waits for it */
void conn_linger(struct conn *c); /* all is said: until the client closes too, or a while */
void conn_idle(struct conn *c);   /* waits for the next request */
void conn_send(struct conn *c, const char *p, size_t n, bool keep, bool drain);
void conn_set_deadline(struct conn *c, unsigned ms);
void conn_watched(struct conn *c, unsigned events); /* of epoll */
void conn_gone(struct conn *c);                     /* it is closed */
void conn_release(struct conn *c);                  /* … and nobody else knows it */
void conn_later(struct conn *c);                    /* conn_settle at the end of the turn */

/* --- lws.c: what is done to the library --------------------------------------------------- */

struct lec_lws *lec_lws_new(struct lec_net *net);
void lec_lws_free(struct lec_net *net);
void lec_lws_adopt(struct lec_net *net, int fd, const struct sockaddr_storage *peer);
const char *const *lec_lws_header_names(const struct lec_net *net);

/* HTTP: hands bytes to the kernel, by TLS if need be. How many it took, 0 for none now, -1. */
ssize_t wire_send(struct conn *c, const char *p, size_t n);
/* Something came: has the library read it; outside of its callbacks. */
void wire_serve(struct conn *c, bool writable);
void wire_pause(struct conn *c);       /* leave input unread, look for the client's end */
void wire_mute(struct conn *c);        /* paused: and do not look for input */
void wire_resume(struct conn *c);      /* undo both */
int wire_next_request(struct conn *c); /* -1: must be closed */
bool wire_secure(const struct conn *c);
/* Appends what the certificate that the client showed says (net/certificate.h); false without one. */
bool wire_certificate(const struct conn *c, struct lec_buf *json);
void wire_close(struct conn *c);
/* WebSocket: takes the socket from the library. When that is done conn_settle is called with
 * c->wsi NULL. */
void wire_take(struct conn *c);
/* Has net watch it; again: has conn_watched called though nothing new has come. */
void wire_watch(struct conn *c);

/* --- socket.c ----------------------------------------------------------------------------- */

/* How many of the bytes the kernel took; -1: broken. Over TLS what was not taken must come first,
 * and at least as long, in the next call. */
ssize_t socket_send(int fd, struct ssl_st *ssl, const char *p, size_t n);
/* How many there were; as many as `size` may not be all. `hangup`: the end is to be looked for.
 * ended: no more will come. */
size_t socket_read(int fd, struct ssl_st *ssl, unsigned char *p, size_t size, bool hangup,
                   bool *ended);
void socket_finish(int fd, struct ssl_st *ssl); /* says that no more will be sent */
void socket_close(int fd, struct ssl_st *ssl);

/* --- request.c ---------------------------------------------------------------------------- */

struct header_names;

/* The names to look for: the library's, the configured ones, and what proxies add. */
struct header_names *header_names_new(const char *const *extra, bool proxied);
void header_names_free(struct header_names *names);

/* Reads the header table. 0, or the status to refuse the request with. */
int request_read(struct conn *c, struct lws *wsi, struct header_names *names,
                 struct lec_http **out);

/* --- http.c ------------------------------------------------------------------------------- */

enum http_state { HTTP_NEW, HTTP_BODY, HTTP_HELD, HTTP_UPGRADING, HTTP_DONE };

struct lec_http {
    struct conn *conn;
    const struct lec_http_events *events;
    const struct lec_ws_events *ws_events; /* UPGRADING */
    void *owner;
    struct lec_later later; /* its free */
    enum http_state state;
    enum lec_method method;
    bool wants_ws, secure, keep_alive, expect_continue, http11;
    bool body_done; /* all of it was read */
    size_t body_length, max_message;
    struct lec_buf body, ws_headers;
    struct lec_slice whole; /* a body that came in one piece, while its callback lasts */
    struct lec_slice path, query, headers;
    char address[LEC_ADDRESS_SIZE]; /* the client's; conn's is the peer's */
    char strings[];                 /* path, query, headers */
};

void http_serve(struct conn *c, struct lec_http *http); /* on_request, and what follows */
void http_refuse(struct conn *c, unsigned status, bool drain);
void http_body(struct conn *c, const char *p, size_t n);
void http_body_end(struct conn *c);
void http_abort(struct conn *c);      /* tells the owner; the exchange is gone */
void http_forget(struct lec_http *h); /* frees it at the end of the turn */

/* --- ws.c --------------------------------------------------------------------------------- */

/* The most that a connection keeps of what was read: less than a control frame with its header. */
#define LEC_WS_HELD 160

/* Whether the upgrade request may be accepted: 0, or a status. */
unsigned ws_check(const struct lec_http *http);
void ws_opened(struct conn *c); /* from conn->http, which it answers 101 */
void ws_settle(struct conn *c); /* at the end of the turn: what it says leaves, on_close is told */
void ws_readable(struct conn *c, bool hangup);
void ws_writable(struct conn *c);
void ws_ended(struct conn *c, enum lec_ws_end why); /* tells the owner, once */
void ws_free(struct lec_ws *ws);                    /* NULL is fine */

#endif
