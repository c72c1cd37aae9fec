/* A coroutine at work for the server: one run of a handler, a timer, a spawned function.
 *
 *   IDLE --start--> RUNNING --returns, fails--> IDLE (or freed: a failed coroutine is not reused)
 *                   RUNNING --sleeps, asks--> WAITING --timer--> RUNNING
 *                   WAITING --answer, cancel--> READY --end of turn--> RUNNING
 *
 * A waiting task is resumed by the loop alone (its timer, or the end of the turn), never from
 * inside a call of a lower layer, and only once for each wait. New tasks may start inside others.
 *
 * It works for a socket or for nobody. When that socket goes, a task that waits and is not detached
 * is cancelled: its wait raises. What a socket's task waits for may be another socket's answer; that
 * answer always comes, LEC_ECLOSED at the latest.
 *
 * Owner: the script; idle ones are kept on a free list. */
#ifndef LEC_SCRIPT_TASK_H
#define LEC_SCRIPT_TASK_H

#include "script/host.h"

struct lec_handle;
struct lec_handler;

#define LEC_CRASH_ID 8

/* What kind of work it is. */
struct lec_task_type {
    /* The function returned: its n results are the stack's 2 … n+1. Protected; a raise counts as the
     * task's failure. NULL: they are of no interest. */
    void (*done)(struct lec_task *t, lua_State *L, int n);
    /* It failed; logged under this id. Not called for a cancelled one. May be NULL. */
    void (*failed)(struct lec_task *t, const char *id);
    /* Over, in whatever way. The last call. May be NULL. */
    void (*over)(struct lec_task *t);
};

struct lec_call {
    void *ud;
    int (*fn)(lua_State *L, void *ud);
};

/* What a task waits for beside time and one answer; part of a struct that belongs to who began it. */
struct lec_wait {
    bool holds; /* meanwhile the events of the task's socket are held (script/held.h) */
    void (*forget)(struct lec_wait *w); /* the task no longer waits for it: let go of all */
};

struct lec_task {
    struct lec_list link; /* script->tasks or ->idle */
    struct lec_list of;   /* in its handle's tasks */
    struct lec_list ready;
    struct lec_script *script;
    const struct lec_task_type *type;
    enum { LEC_TASK_IDLE, LEC_TASK_RUNNING, LEC_TASK_WAITING, LEC_TASK_READY } state;
    bool detached, cancelled;
    bool holding; /* its owner holds events for it */
    lua_State *co;
    int ref;                           /* anchors co */
    struct lec_handle *owner;          /* whose socket it works for, NULL when that has gone */
    const struct lec_handler *handler; /* holds its generation; may be NULL */
    const char *what;                  /* for the log */
    struct lec_who who; /* the same, of one without an owner; its strings are the type's */
    int64_t ack_id;     /* events: of the answer that is wanted, SIO_NO_ID for none */
    void *ctx;          /* the type's */
    struct lec_call finish;
    int start_args; /* READY for its first run: arguments on its stack; -1 later */
    /* of a wait */
    struct lec_timer timer;
    struct sio_socket *asked; /* whose answer it waits for */
    int64_t ack;
    struct lec_wait *wait;
    int results;          /* registry reference of the table to resume with, or LUA_NOREF */
    uint64_t transaction; /* of the database, that it has open; 0: none */
};

/* A task to start, or NULL if there is no memory for its coroutine (logged). owner and handler may
 * be NULL. */
struct lec_task *lec_task_new(struct lec_script *s, const struct lec_task_type *type,
                              struct lec_handle *owner, const struct lec_handler *handler,
                              const char *what);
/* Runs it until it waits or ends. prepare pushes the function and its arguments on the coroutine,
 * protected, and returns their number. The task is not the caller's any more. */
void lec_task_start(struct lec_task *t, int (*prepare)(lua_State *L, void *ud), void *ud);

/* In a binding that waits: the running task, if it may wait; else raises. */
struct lec_task *lec_task_to_wait(lua_State *L, const char *name);
/* Then arms one of these, and returns what the binding must. */
int lec_task_wait_time(lua_State *L, struct lec_task *t, uint64_t ms);
/* event: encoded in script->wire. socket NULL: gone. */
int lec_task_wait_answer(lua_State *L, struct lec_task *t, struct sio_socket *s,
                         unsigned timeout_ms);
/* w: until it is forgotten, or lec_task_wake was called. */
int lec_task_wait(lua_State *L, struct lec_task *t, struct lec_wait *w);
/* What it waits for is here: a registry reference of { n = …, … }, or LUA_NOREF for nothing. */
void lec_task_wake(struct lec_task *t, int results);

/* Ends the transaction that it has open, if any, without effect (lib_db.c). */
void lec_task_roll_back(struct lec_task *t);
/* What it works for is over: cancels its wait, unless it is detached. It ends later. */
void lec_task_cancel(struct lec_task *t);

/* Its socket has gone: cancels the wait of each of these tasks that is not detached. */
void lec_task_cancel_all(struct lec_list *tasks);

/* Whom the running task works for, for the log. */
struct lec_who lec_task_who(const struct lec_script *s);

void lec_task_free_all(struct lec_script *s);

/* Calls fn with ud on the main state, protected. False: it raised; the message is logged as
 * `what`. */
bool lec_script_protected(struct lec_script *s, const char *what, lua_CFunction fn, void *ud);

/* lua_CFunction of script->trampoline: calls the struct lec_call that argument 1 points to. */
int lec_task_trampoline(lua_State *L);

#endif
