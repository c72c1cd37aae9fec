/* The handlers of one load: which function runs for what. Immutable once it is built.
 *
 * Lookups are C's, by name, so that an event nobody handles costs no Lua. The functions themselves
 * are elements of one Lua table. Owner: references, one of the script for the generation that serves,
 * one of each task that runs a function of it; so a running handler ends on the code it began on. */
#ifndef LEC_SCRIPT_GENERATION_H
#define LEC_SCRIPT_GENERATION_H

#include "script/host.h"

struct lec_handler {
    struct lec_handler *next; /* of those that run for the same thing */
    struct lec_generation *generation;
    int index;    /* in the functions table */
    size_t event; /* where the name of the event or hook begins in `what` */
    char what[];  /* for logs: "handlers/hands.lua on_raise_hand" */
};

/* Of one namespace, or of all that a pattern matches. */
struct lec_handlers {
    char *name;
    struct lec_map events;                                  /* event -> struct lec_handler */
    struct lec_handler *connect;                            /* one, composed */
    struct lec_handler *connected, *disconnect, *refreshed; /* lists */
    struct lec_handler *any, *any_outgoing;                 /* lists */
};

struct lec_generation {
    unsigned refs;
    int functions; /* registry reference of the table */
    int count;
    struct lec_map namespaces;  /* name or pattern -> struct lec_handlers */
    struct lec_slice *patterns; /* texts are its own; strongest first */
    size_t n_patterns;
    struct lec_handler *start, *stop; /* lists */
    struct lec_route_entry *routes;   /* a list (script/routes.h) */
    bool hears_outgoing;              /* a namespace has any_outgoing */
    struct lec_map unknown;           /* events nobody handles that were told of; name -> name */
};

/* An empty one, with a reference of the caller's. */
struct lec_generation *lec_generation_new(void);
void lec_generation_ref(struct lec_generation *g);
void lec_generation_unref(struct lec_script *s, struct lec_generation *g); /* NULL is fine */

/* Fills g from the result of lua/lectern/loader.lua on the top of L. May raise; g stays valid. */
void lec_generation_fill(struct lec_generation *g, lua_State *L);

/* Takes the function on top into g, and pops it: a handler whose `what` is its file, `between` and
 * `name`. While g is filled. */
struct lec_handler *lec_generation_take(struct lec_generation *g, lua_State *L, const char *between,
                                        struct lec_slice name);

/* Remembers an event that nobody handles. False: it did already, or has no room for more. */
bool lec_generation_meet(struct lec_generation *g, struct lec_slice event);

/* Those of a namespace: its own or, if it is a child of a pattern, the pattern's; or NULL. */
struct lec_handlers *lec_generation_find(const struct lec_generation *g,
                                         const struct sio_namespace *nsp);

/* The same for a name or a pattern's text, whether anybody is there or not. */
struct lec_handlers *lec_generation_named(const struct lec_generation *g,
                                          const struct sio_server *io, struct lec_slice name);

/* Pushes the function. Needs one slot, and no memory. */
void lec_handler_push(lua_State *L, const struct lec_handler *h);

static inline const char *lec_handler_event(const struct lec_handler *h)
{
    return h->what + h->event;
}

#endif
