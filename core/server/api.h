/* HTTP for other programs and for learners' apps: the server API and the routes of handlers, up to the
 * script's door (server/request.h). Who calls is known before anything else of a call is looked at, and
 * all that callers can cause has a bound: calls under way, bytes of a body, time, and a rate each.
 *
 * Owner: the server. */
#ifndef LEC_SERVER_API_H
#define LEC_SERVER_API_H

#include "server/api_keys.h"
#include "server/callers.h"
#include "server/request.h"

struct lec_api {
    struct lec_api_keys keys;
    struct lec_callers callers;
    struct lec_list requests; /* under way */
    struct lec_map keyed;     /* those of them with an Idempotency-Key, by caller and key */
    /* By kind, each up to api.max_calls: a crowd at the routes does not shut out other programs. */
    size_t under_way[LEC_REQUEST_KINDS];
    uint64_t told;   /* a bucket: how often a refusal is logged */
    size_t not_told; /* refusals since the last that was */
};

void lec_api_init(struct lec_api *a);
void lec_api_fini(struct lec_api *a); /* after the scripts, which end all requests */

/* Whether the path is one of the API's. */
bool lec_api_has(struct lec_slice path);
/* Serves it. */
void lec_api_serve(struct lec_server *s, struct lec_http *http);
/* Serves a route of the handlers; false: there is none of this path. */
bool lec_api_serve_route(struct lec_server *s, struct lec_http *http);

#endif
