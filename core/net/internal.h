/* What the files of this folder share; nobody else includes it. libwebsockets shows only as the name
 * `struct lws`: lws.c alone knows it, as loop.c and service.c alone know libuv.
 *
 *   loop.c     turns, timers, put-off work, signals
 *   service.c  what it does for others: watches, posts, work of threads
 *   net.c      what belongs to all connections
 *   listen.c   the listeners and their limits
 *   conn.c     one TCP connection: its states, its clock, what it reads, how it ends
 *   sending.c  what the kernel has not taken yet of an answer
 *   lws.c      the library: context, handshakes, guards, and the wire_ functions the others use
 *   socket.c   bytes through a socket, by TLS or not
 *   request.c  from a head (head.c, target.c) to a struct lec_http
 *   http.c     the exchange                  reply.c  its answer
 *   ws.c       the WebSocket                 frame.c  its frames
 *
 * A connection (struct conn) is owned by its struct lec_net, from accept until it is closed; its
 * memory goes at the end of that turn. Its socket is ours, then libwebsockets' from its first bytes
 * on, then ours again once it is a WebSocket. */
#ifndef LEC_NET_INTERNAL_H
#define LEC_NET_INTERNAL_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/tally.h"
#include "net/body.h"
#include "net/head.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/net.h"
#include "net/ws.h"

/* --- loop.c ------------------------------------------------------------------------------- */

/* Runs what was put off, for owners that end when the loop has returned. */
void lec_loop_end_turn(struct lec_loop *loop);

/* --- net.c -------------------------------------------------------------------------------- */

#define LEC_GATHER (64 * 1024) /* bytes of small frames, or of a file, put together for one write */
#define LEC_INPUT  (64 * 1024) /* bytes read from one WebSocket, or of one body, a turn */

struct lec_lws;      /* the library's side of a net, in lws.c */
struct header_names; /* in request.c */

#define LEC_LISTENERS 2   /* the main one, and an inner one */
#define LEC_MAX_INNER 128 /* connections by the inner listener */

/* In listen.c. */
struct listener {
    struct lec_net *net;
    struct lec_watch *watch;
    struct lec_timer pause;
    int fd; /* -1: it does not listen */
    unsigned port;
    bool inner, plain; /* plain: without TLS, whatever the others have */
    char *path;        /* of its unix socket; NULL for none */
};

struct lec_net {
    struct lec_loop *loop;
    const struct lec_net_config *cfg;
    const struct lec_net_events *events;
    void *ctx;
    struct lec_counters *counters;
    struct lec_log *log;
    struct lec_lws *lws;
    struct header_names *names;
    struct lec_list conns;  /* of struct conn, all that are open */
    unsigned count, limit;  /* connections; how many may be */
    struct lec_tally sites; /* connections of each; empty without max_per_site */
    bool closing;
    unsigned inner_count; /* those of them that came by the inner listener */
    int spare_fd;         /* the descriptor that is given up to refuse with */
    struct listener listeners[LEC_LISTENERS];
    int watch_fd; /* an epoll of its own, of all connections */
    struct lec_watch *watch;
    unsigned shakes;        /* steps of TLS handshakes that may still be made in this turn */
    unsigned files;         /* descriptors of files that are being sent */
    struct lec_buf scratch; /* an answer while it is put together */
    unsigned char *gather;  /* LEC_GATHER bytes */
    unsigned char *input;   /* LEC_WS_HELD + LEC_INPUT bytes: what was just read */
    uint64_t proxy_told;    /* when it was last logged that a proxy lacks its header, in ms */
    int64_t date_at;        /* the second that `date` tells */
    char date[40];          /* "Date: …\r\n" (RFC 9110, 6.6.1) */
};

/* --- listen.c ----------------------------------------------------------------------------- */

/* Whether one more connection of this address may be. */
bool net_has_room_for(const struct lec_net *net, const char *address);

/* --- conn.c ------------------------------------------------------------------------------- */

enum conn_state {
    CONN_FRESH,     /* nothing has come but, perhaps, some of a PROXY header; the socket is ours */
    CONN_HANDSHAKE, /* TLS */
    CONN_HEAD,      /* waits for a request's head, or the rest of it */
    CONN_EXCHANGE,  /* has an exchange (`http`); what comes meanwhile is left in the kernel */
    CONN_BODY,      /* its exchange reads the request's body */
    CONN_SENDING,   /* the kernel has not taken all of the answer */
    CONN_SKIP,      /* throws the rest of a body away, before the next head */
    CONN_WS,        /* is a WebSocket (`ws`) */
    CONN_LINGER, /* all is said; input is thrown away, so that no reset overtakes our last words */
    CONN_ENDING, /* is closed at the end of the turn */
    CONN_DEAD,   /* closed; it must not be asked for anything any more */
};

/* What follows when all of an answer has been sent. */
enum after { AFTER_NEXT, AFTER_LINGER };

/* What a connection has of a request that is not all here. */
struct intake {
    struct lec_buf bytes; /* a head, or a PROXY header, in part; or requests that must wait */
    struct lec_head head;
    struct lec_body skip; /* SKIP: the body */
    size_t skipped;       /* bytes of it */
};

struct conn {
    struct lec_net *net;
    struct lws *wsi;    /* the library's, while it has the socket; else NULL */
    struct ssl_st *ssl; /* from the end of the handshake on; NULL without TLS */
    struct lec_list node;
    struct lec_timer timer;  /* the one deadline of its state */
    struct lec_later later;  /* conn_settle at the end of the turn, then the free */
    struct lec_http *http;   /* EXCHANGE, BODY */
    struct lec_ws *ws;       /* WS, LINGER; for good */
    struct intake *intake;   /* NULL if it has none */
    struct sending *sending; /* SENDING */
    char *client;            /* whom a PROXY header names; NULL: nobody, it is the peer */
    int fd;
    uint32_t watched;  /* the events of epoll that are looked for, 0 for none */
    uint8_t state;     /* enum conn_state */
    uint8_t after;     /* SENDING: enum after */
    bool served;       /* it has had a request */
    bool inner, plain; /* as its listener */
    bool mute;         /* EXCHANGE: there is input, which is not looked for any more */
    bool half_closed;  /* EXCHANGE: the client has ended its side, and waits for its answer */
    char address[];    /* the peer's, zero-terminated */
};

void conn_new(const struct listener *l, int fd, const char *address);
void conn_become(struct conn *c, enum conn_state state);
void conn_end(struct conn *c);    /* closes it at the end of the turn; tells nobody */
void conn_abort(struct conn *c);  /* the same, and tells whoever waits for it */
void conn_linger(struct conn *c); /* all is said: until the client closes too, or a while */
void conn_sent(struct conn *c);   /* all of the answer is with the kernel */
/* Whether what is to come of a body may be thrown away, to keep the connection; then it will be. */
bool conn_skip(struct conn *c, const struct lec_body *body);
void conn_set_deadline(struct conn *c, unsigned ms);
void conn_look(struct conn *c);                     /* has epoll look for what matters now */
void conn_watched(struct conn *c, unsigned events); /* of epoll */
void conn_gone(struct conn *c);                     /* it is closed */
void conn_later(struct conn *c);                    /* conn_settle at the end of the turn */
static inline bool conn_is_over(const struct conn *c)
{
    return c->state >= CONN_ENDING;
}

/* --- sending.c ---------------------------------------------------------------------------- */

/* Sends a head, and behind it the body of r unless that is in it. What the kernel does not take is kept,
 * and c is SENDING until it has. */
void conn_send(struct conn *c, struct lec_slice head, const struct lec_reply *r, enum after after);
void sending_go_on(struct conn *c); /* the kernel takes more */
void sending_free(struct conn *c);  /* what it sends, if anything */

/* --- lws.c: what is done to the library --------------------------------------------------- */

struct lec_lws *lec_lws_new(struct lec_net *net);
void lec_lws_free(struct lec_net *net);

/* Gives the library the socket. LEC_OK: it can be read; LEC_EAGAIN: a handshake goes on; LEC_ECLOSED:
 * it is closed, and c DEAD. */
int wire_adopt(struct conn *c) LEC_CHECK;
int wire_shake(struct conn *c) LEC_CHECK; /* goes on with the handshake; the same */
/* WebSocket: takes the socket from the library. LEC_ECLOSED: it could not be; c is to be closed. */
int wire_take(struct conn *c) LEC_CHECK;
void wire_close(struct conn *c);
bool wire_secure(const struct conn *c);
/* Whether TLS itself must write before anything can be read. */
bool wire_blocked(const struct conn *c);
/* Appends what the certificate that the client showed says (net/certificate.h); false without one. */
bool wire_certificate(const struct conn *c, struct lec_buf *json);

#define LEC_RECORD 16384u /* the most that TLS sends as one (RFC 8446, 5.1) */

/* --- socket.c ----------------------------------------------------------------------------- */

/* How many of the bytes the kernel took; -1: broken. Over TLS what was not taken must come first,
 * and at least as long, in the next call. */
ssize_t socket_send(int fd, struct ssl_st *ssl, const char *p, size_t n);
/* The same, of a file from *at on, n bytes at most; *at moves. `buffer`: LEC_GATHER bytes, for TLS. */
ssize_t socket_send_file(int fd, struct ssl_st *ssl, int file, off_t *at, size_t n, void *buffer);
/* How many there were; more than size - LEC_RECORD may not be all. size is LEC_RECORD at least.
 * `hangup`: the end is to be looked for. ended: no more will come. */
size_t socket_read(int fd, struct ssl_st *ssl, unsigned char *p, size_t size, bool hangup,
                   bool *ended);
void socket_finish(int fd, struct ssl_st *ssl); /* says that no more will be sent */

/* --- request.c ---------------------------------------------------------------------------- */

/* The standard names, and the configured ones. */
struct header_names *header_names_new(const char *const *extra);
void header_names_free(struct header_names *names);

/* Makes an exchange of a whole head, which p begins with. 0, or the status to refuse it with. */
unsigned request_read(struct conn *c, const struct lec_head *head, const char *p,
                      struct lec_http **out) LEC_CHECK;

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
    struct lec_body framing; /* what is to come of the body */
    size_t max_body, max_message;
    struct lec_buf body, ws_headers;
    struct lec_slice path, query, headers;
    char address[LEC_ADDRESS_SIZE]; /* the client's; conn's is the peer's */
    char strings[];                 /* path, query, headers */
};

/* on_request, and what follows. glued: bytes stand behind the head. */
void http_serve(struct conn *c, struct lec_http *http, bool glued);
/* What came of the body: how many of p are its; 0: it is refused. */
size_t http_body(struct conn *c, const char *p, size_t n);
void http_abort(struct conn *c);      /* tells the owner; the exchange is gone */
void http_forget(struct lec_http *h); /* frees it at the end of the turn */

/* --- reply.c ------------------------------------------------------------------------------ */

/* Writes status line and fields, and a body of r that is not sent from elsewhere, into net->scratch. */
struct lec_slice reply_write(struct lec_net *net, const struct lec_reply *r, bool keep, bool head);
/* Answers, for net itself, what is no request that could be handed on; then the connection ends. */
void reply_refuse(struct conn *c, unsigned status);

/* --- ws.c --------------------------------------------------------------------------------- */

/* The most that a connection keeps of what was read: less than a control frame with its header. */
#define LEC_WS_HELD 160

/* Whether the upgrade request may be accepted: 0, or a status. */
unsigned ws_check(const struct lec_http *http);
void ws_opened(struct conn *c); /* from conn->http, which it answers 101 */
void ws_settle(struct conn *c); /* at the end of the turn: what it says leaves, on_close is told */
void ws_readable(struct conn *c, bool hangup);
void ws_writable(struct conn *c);
void ws_pause_ends(
    struct conn *c); /* of a WebSocket that has just opened; its first frames leave */
void ws_ended(struct conn *c, enum lec_ws_end why); /* tells the owner, once */
void ws_free(struct lec_ws *ws);                    /* NULL is fine */

#endif
