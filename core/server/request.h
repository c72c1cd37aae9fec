/* A request that a script answers: a call of the server API (/api/NAME), or a route of the handlers'.
 *
 *   head comes --who calls is known--> its body is read --> on_request --> answered --> done
 *
 * Owner: the server, from its head until lec_request_done. A script gets it whole, by on_request,
 * and says lec_request_done exactly once, whatever happens; before that it answers, or the server does
 * for it. Everything in it may be read until then.
 *
 * A client that goes away meanwhile changes nothing for the script: the call goes on to its end, so that
 * what it has half done is done, and what is answered is dropped. Who asks again with the same
 * Idempotency-Key gets that answer. What takes longer than api.timeout is answered 504, and the
 * script is told to give up (on_request_over); if its work is detached it may still go on. */
#ifndef LEC_SERVER_REQUEST_H
#define LEC_SERVER_REQUEST_H

#include "auth/digest.h"
#include "base/list.h"
#include "net/http.h"
#include "server/hooks.h"

#define LEC_REQUEST_ID  128 /* characters, at most */
#define LEC_MAX_CALL_ID 256 /* of an Idempotency-Key */

enum lec_request_kind { LEC_REQUEST_CALL, LEC_REQUEST_ROUTE, LEC_REQUEST_KINDS };

/* Who calls, as was verified. */
struct lec_caller {
    char *name;            /* "user:42", "service:billing", "key:k3Fd…"; NULL: nobody */
    struct lec_peer *peer; /* of a token; NULL without one */
    char *key_id, *key_name,
        *functions; /* of an API key; functions: a JSON array, or NULL for all */
};

struct lec_request {
    enum lec_request_kind kind;
    enum lec_method method;
    struct lec_slice path, query, headers; /* as lec_http_path and so on */
    struct lec_slice name; /* CALL: what follows "/api/" in the path; may be empty */
    struct lec_slice body; /* valid during on_request only */
    const char *address;
    char id[LEC_REQUEST_ID + 1]; /* the client's, or made */
    char *label;                 /* for logs: "POST /api/x" */
    struct lec_caller caller;
    struct lec_slice key;          /* Idempotency-Key, empty without one */
    char hash[LEC_SHA256_HEX + 1]; /* of what is asked for; "" without a key */
    const void *route;             /* ROUTE: the script's, from hooks.route */
    void *script;                  /* the script's own, NULL at first */

    /* server/api.c's own */
    struct lec_server *server;
    struct lec_http *http; /* NULL: answered, or the client has gone */
    struct lec_list link;
    struct lec_timer timer;
    struct lec_buf cors;             /* header lines */
    struct lec_buf scope;            /* its name in server->api.keyed; empty: it is not there */
    char *copy;                      /* what the slices above are into */
    struct lec_revocations_ask *ask; /* whether the caller's token was revoked; meanwhile: */
    struct lec_buf held;             /* the body */
    uint64_t began;
    bool answered, given; /* on_request was called */
    bool counted;         /* in server->api.callers */
    bool refused;         /* for who calls: that is told in a line of its own */
    bool is_second;       /* another call has its key, and has not ended */
};

struct lec_answer {
    unsigned status;
    const char *type;         /* NULL for none */
    struct lec_slice headers; /* further lines, each with its \r\n */
    struct lec_slice body;
};

/* The first answer counts. A Retry-After is added to 429 and 503 without one. */
void lec_request_answer(struct lec_request *r, const struct lec_answer *answer);
/* The same with {"error":{"code", "message", "id"}}; id NULL for none. */
void lec_request_fail(struct lec_request *r, unsigned status, const char *code, const char *message,
                      const char *id);
void lec_request_done(struct lec_request *r);

struct lec_who lec_request_who(const struct lec_request *r);

#endif
