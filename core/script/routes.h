/* Routes of handlers: which of them a method and a path belong to, and what the path's parameters are.
 *
 * A route's path is a list of parts between slashes, each a text or, behind a colon, a parameter. The
 * one whose texts stand further to the left wins. What a request's path has percent-encoded is decoded
 * part by part, so that a slash in a parameter does not end it. Part of a generation. */
#ifndef LEC_SCRIPT_ROUTES_H
#define LEC_SCRIPT_ROUTES_H

#include "script/generation.h"

#define LEC_ROUTE_PARTS 32

struct lec_route_entry {
    struct lec_route_entry *next; /* stronger ones first */
    struct lec_handler *handler;  /* what: "handlers/x.lua GET /reports/:id" */
    enum lec_method method;
    bool is_public;
    uint32_t strength; /* a bit for each part that is a text, the first one's highest */
    unsigned n;
    struct lec_slice parts[LEC_ROUTE_PARTS]; /* into text; a parameter's with its colon */
    char text[];
};

/* Takes the list { { method =, path =, public =, handler = }, … } at the top of L, as
 * lua/lectern/routes.lua has checked it, and pops it. */
void lec_routes_fill(struct lec_generation *g, lua_State *L);
void lec_routes_free(struct lec_generation *g);

/* LEC_OK; LEC_ENOTFOUND; LEC_EDENIED: other methods only, which are appended to allow. */
int lec_routes_find(const struct lec_generation *g, enum lec_method method, struct lec_slice path,
                    const struct lec_route_entry **out, struct lec_buf *allow) LEC_CHECK;

/* Pushes { name = value } of the parameters; scratch is borrowed. False: one is no UTF-8. */
bool lec_routes_push_params(lua_State *L, const struct lec_route_entry *e, struct lec_slice path,
                            struct lec_buf *scratch);

#endif
