/* What the server asks of a script: the one interface between core/server and core/script. A test
 * may fill it in C. Every function may be NULL. */
#ifndef LEC_SERVER_HOOKS_H
#define LEC_SERVER_HOOKS_H

#include "base/buf.h"
#include "net/http.h"
#include "net/loop.h"
#include "socketio/socket.h"

/* What a script uses. */
struct lec_script_usage {
    size_t memory, memory_cap; /* bytes */
    unsigned generation;       /* how many times handlers were loaded; 0: there are none */
    unsigned functions;        /* of the handlers that serve */
    size_t tasks;              /* handlers that have not ended */
    size_t held;               /* events that wait for the database */
    size_t timers;             /* that handlers started */
};

struct lec_request; /* server/request.h */

/* What lec_hooks.route found. */
struct lec_route {
    const void *route; /* the script's, held until the request is done or hooks.forget_route */
    bool is_public;    /* who calls need not be known */
    char allow[96];    /* LEC_EDENIED: the methods that there are, as in the header Allow */
};

struct lec_hooks {
    void *ctx;
    /* As socketio/server.h says, but on_connect comes only after the token was verified, and
     * sio_socket_user is the socket's struct lec_peer. Without on_connect everybody with a good
     * token is let in. */
    struct sio_events socket;
    /* The client presented another token of the same person: the peer's claims are new. */
    void (*on_refreshed)(void *ctx, struct sio_socket *s);
    /* In place of on_connect for a client that comes back (sio_socket_recover): its token was verified
     * again. Accept the socket before this returns. kept: from socket.on_keep, its owner is you
     * again. */
    void (*on_recover)(void *ctx, struct sio_socket *s, struct lec_slice auth, void *kept);
    /* A socket that lec_server_identify renamed and that lec_server_admit looked at: let it in. */
    void (*on_admitted)(void *ctx, struct sio_socket *s);
    void (*on_start)(void *ctx);
    void (*on_stop)(void *ctx);
    /* Loads all handlers anew, all or nothing. LEC_OK, or LEC_ESCRIPT: the old ones go on serving.
     * Either way `answer` gets text for a person. */
    int (*reload)(void *ctx, struct lec_buf *answer);
    void (*usage)(void *ctx, struct lec_script_usage *out);
    /* Whether handlers have a route for this path. LEC_OK; LEC_ENOTFOUND; LEC_EDENIED: not for this
     * method. */
    int (*route)(void *ctx, enum lec_method method, struct lec_slice path, struct lec_route *out);
    void (*forget_route)(void *ctx, const void *route);
    /* Somebody calls (server/request.h): answer now or later, then say lec_request_done. */
    void (*on_request)(void *ctx, struct lec_request *r);
    /* It took too long, and has been answered: give up. lec_request_done follows later. */
    void (*on_request_over)(void *ctx, struct lec_request *r);
};

/* Who a socket is: from on_connect to on_free, owned by the server. The account is who the token says, in
 * the id claim; the person is who everybody takes it for: the same, unless on_connect has looked up
 * another (lec_server_identify). */
struct lec_peer {
    const char *id;  /* the person's */
    char *person;    /* its text, if it is another than the account; else NULL */
    char *claims;    /* the token's payload, a JSON object, zero-terminated */
    char *jti;       /* the token's own id, NULL without one */
    int64_t expires; /* Unix seconds, INT64_MAX without exp */
    int64_t issued;  /* Unix seconds, INT64_MIN without iat */
    void *script;    /* the script's own, NULL at first */

    /* server/stay.c's own */
    struct lec_server *server;
    struct sio_socket *socket;
    struct lec_list link; /* server->peers */
    struct lec_timer timer;
    uint64_t told;  /* gate.c's bucket: how often it hears that it is too fast */
    bool counted;   /* gate.c: in server->people */
    bool warned;    /* that the token expires, or nobody is to be */
    bool revoked;   /* and about to be disconnected */
    char account[]; /* zero-terminated */
};

#endif
