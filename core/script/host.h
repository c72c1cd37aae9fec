/* The inside of a lec_script, for the files of this folder.
 *
 * One state, one thread. What C needs while Lua may raise (scratch for messages, names, lists)
 * belongs to this struct, so that a raise leaks nothing. A scratch that is handed to a lower layer
 * is taken out for the call (lec_script_take_wire), since that layer may call back into Lua. */
#ifndef LEC_SCRIPT_HOST_H
#define LEC_SCRIPT_HOST_H

#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "script/script.h"
#include "script/value.h"
#include "script/vm.h"

#define LEC_MAX_DEPTH  24     /* of tasks that run inside each other */
#define LEC_MAX_TIMERS 100000 /* that wait */

struct lec_task;
struct lec_generation;

struct lec_script {
    struct lec_vm vm;
    struct lec_server *server; /* borrowed; NULL for lec_script_check */
    struct sio_server *io;
    struct lec_loop *loop;
    struct lec_log *log;
    const struct lec_config *cfg;
    struct lec_counters *counters, own_counters;
    struct lec_hooks hooks;
    char *dir;
    struct lec_value_limits limits; /* of what is sent */

    struct lec_list handles; /* of all sockets (script/handle.h) */
    struct lec_map people;   /* the same by person (script/people.h) */
    struct lec_list tasks;   /* running, waiting, ready */
    struct lec_list idle;    /* free list, with their coroutines */
    struct lec_list ready;   /* resumed at the end of the turn */
    struct lec_list due;     /* handles whose held events run then (script/held.h) */
    size_t n_tasks, n_idle, n_held;
    struct lec_later flush;
    struct lec_task *running; /* innermost, NULL while no script runs */
    unsigned depth;
    size_t n_fetches; /* requests of tasks under way */
    struct lec_map timers;
    uint64_t next_timer;
    struct lec_ids ids; /* that scripts made */

    struct lec_generation *now;     /* whose handlers serve */
    unsigned generations;           /* how many have served, it included */
    struct lec_generation *loading; /* being built; owned here so that a raise leaks nothing */
    bool is_loading;                /* script files run: the API must have no effects */
    struct lec_buf wanted;          /* namespaces they asked for, zero-terminated names */

    /* registry references */
    int core, trampoline, box_mt, methods, fields, cancelled;
    int on_call, on_route; /* functions of Lua's side (script/requests.h) */

    /* scratch */
    struct lec_wire wire;
    struct lec_buf text, decoded;
    struct lec_buf request; /* to the database */
    struct lec_slice *names;
    size_t names_cap;
    struct sio_socket **selected;
};

/* State and API, no handlers yet. server may be NULL: what needs one raises. NULL with a sentence in
 * err. */
struct lec_script *lec_script_open(struct lec_server *server, const struct lec_config *cfg,
                                   struct lec_log *log, const char *dir, struct lec_buf *err);

static inline struct lec_script *lec_script_of(lua_State *L)
{
    return lec_vm_of(L)->owner;
}

/* Takes the scratch message out of the script; give it back after the call. */
static inline struct lec_wire lec_script_take_wire(struct lec_script *s)
{
    struct lec_wire w = s->wire;
    s->wire = (struct lec_wire){ 0 };
    return w;
}

static inline void lec_script_give_wire(struct lec_script *s, struct lec_wire *w)
{
    lec_wire_fini(&s->wire);
    lec_wire_clear(w);
    s->wire = *w;
}

/* In a binding: raises if it may not run now, because a file loads or no server is there. */
void lec_script_need_server(lua_State *L, const char *name);

/* In a binding: encodes the event whose name is argument `index`, and all
 * arguments behind it, into script->wire; raises for what cannot be sent. */
void lec_script_encode_event(lua_State *L, int index);

/* In a binding: how long to wait for answers, in ms, from the seconds that argument `index` must
 * be. */
unsigned lec_script_ack_timeout(lua_State *L, int index);

/* Returns nil, message, code to Lua. */
int lec_script_push_error(lua_State *L, int err);

/* Registers the functions of lib_*.c in the table on top. */
void lec_lib_server(lua_State *L);
void lec_lib_task(lua_State *L);
void lec_lib_value(lua_State *L);
void lec_lib_http(lua_State *L);
void lec_lib_db(lua_State *L);
void lec_lib_socket(lua_State *L); /* socket methods, into the table on top */

#endif
