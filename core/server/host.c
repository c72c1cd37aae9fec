#include "server/host.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"

#define MAX_LINE 1000

struct lec_host {
    struct lectern_host table; /* the first member, so that a table leads to its host */
    struct lec_loop *loop;
    struct lec_log *log;
    pthread_t thread; /* the loop's */
    const char *name;
    lec_host_setting_fn *setting;
    void *ctx;
};

static struct lec_host *host_of(const struct lectern_host *table)
{
    return (struct lec_host *)(uintptr_t)table;
}

/* --- log ----------------------------------------------------------------------------------- */

/* A line of another thread, on its way to the log, which is the loop's. */
struct line {
    struct lec_post post;
    struct lec_host *host;
    enum lec_level level;
    char text[MAX_LINE];
};

static void write_line(const struct lec_host *h, enum lec_level level, const char *text)
{
    lec_log(h->log, level, LEC_CAT_PLUGIN, LEC_NOBODY, "%s: %s", h->name, text);
}

static void on_line(struct lec_post *post)
{
    struct line *line = LEC_CONTAINER(post, struct line, post);
    write_line(line->host, line->level, line->text);
    free(line);
}

static void host_log(const struct lectern_host *table, enum lectern_level level, const char *fmt,
                     ...)
{
    static const enum lec_level levels[] = {
        [LECTERN_DEBUG] = LEC_LOG_DEBUG,
        [LECTERN_INFO] = LEC_LOG_INFO,
        [LECTERN_WARN] = LEC_LOG_WARN,
        [LECTERN_ERROR] = LEC_LOG_ERROR,
    };
    struct lec_host *h = host_of(table);
    struct line *line = lec_alloc0(sizeof *line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line->text, sizeof line->text, fmt, ap);
    va_end(ap);
    line->level = (unsigned)level < sizeof levels / sizeof levels[0] ? levels[level] : LEC_LOG_INFO;
    line->host = h;
    line->post.fn = on_line;
    if (pthread_equal(pthread_self(), h->thread))
        on_line(&line->post);
    else
        lec_loop_post(h->loop, &line->post);
}

static const char *host_setting(const struct lectern_host *table, const char *name)
{
    const struct lec_host *h = host_of(table);
    const char *value = h->setting(h->ctx, name);
    return value ? value : "";
}

/* --- the loop ------------------------------------------------------------------------------ */

_Static_assert(sizeof(struct lectern_post) == sizeof(struct lec_post) &&
                   offsetof(struct lectern_post, fn) == offsetof(struct lec_post, fn),
               "posts of plugins are the loop's own");
_Static_assert(LECTERN_READABLE == LEC_READABLE && LECTERN_WRITABLE == LEC_WRITABLE,
               "so are what watches look for");

static void host_post(const struct lectern_host *table, struct lectern_post *post)
{
    lec_loop_post(host_of(table)->loop, (struct lec_post *)post);
}

struct work {
    struct lec_work work;
    struct lectern_work *theirs;
};

static void run_work(struct lec_work *work)
{
    struct lectern_work *theirs = LEC_CONTAINER(work, struct work, work)->theirs;
    theirs->run(theirs);
}

static void end_work(struct lec_work *work)
{
    struct work *w = LEC_CONTAINER(work, struct work, work);
    struct lectern_work *theirs = w->theirs;
    free(w);
    theirs->done(theirs);
}

static void host_work(const struct lectern_host *table, struct lectern_work *theirs)
{
    struct work *w = lec_alloc0(sizeof *w);
    w->work.run = run_work;
    w->work.done = end_work;
    w->theirs = theirs;
    theirs->host = w;
    lec_loop_work(host_of(table)->loop, &w->work);
}

static struct lectern_watch *host_watch(const struct lectern_host *table, int fd, unsigned events,
                                        void (*fn)(void *ctx, unsigned events), void *ctx)
{
    return (struct lectern_watch *)lec_watch_new(host_of(table)->loop, fd, events, fn, ctx);
}

static void host_rewatch(struct lectern_watch *watch, unsigned events)
{
    lec_watch_set((struct lec_watch *)watch, events);
}

static void host_unwatch(struct lectern_watch *watch)
{
    lec_watch_free((struct lec_watch *)watch);
}

struct lectern_timer {
    struct lec_timer timer;
    struct lec_loop *loop;
    void (*fn)(void *ctx);
    void *ctx;
};

static void on_timer(struct lec_timer *t)
{
    struct lectern_timer *timer = LEC_CONTAINER(t, struct lectern_timer, timer);
    void (*fn)(void *) = timer->fn;
    void *ctx = timer->ctx;
    free(timer);
    fn(ctx);
}

static struct lectern_timer *host_timer(const struct lectern_host *table, unsigned ms,
                                        void (*fn)(void *ctx), void *ctx)
{
    struct lectern_timer *timer = lec_alloc0(sizeof *timer);
    timer->loop = host_of(table)->loop;
    timer->fn = fn;
    timer->ctx = ctx;
    lec_timer_start(timer->loop, &timer->timer, ms, on_timer);
    return timer;
}

static void host_cancel(struct lectern_timer *timer)
{
    lec_timer_stop(timer->loop, &timer->timer);
    free(timer);
}

/* --- making -------------------------------------------------------------------------------- */

struct lec_host *lec_host_new(struct lec_loop *loop, struct lec_log *log, const char *name,
                              const char *state_dir, lec_host_setting_fn *setting, void *ctx)
{
    struct lec_host *h = lec_alloc0(sizeof *h);
    h->table = (struct lectern_host){
        .version = LECTERN_PLUGIN_VERSION,
        .size = sizeof h->table,
        .state_dir = state_dir,
        .log = host_log,
        .setting = host_setting,
        .post = host_post,
        .work = host_work,
        .watch = host_watch,
        .rewatch = host_rewatch,
        .unwatch = host_unwatch,
        .timer = host_timer,
        .cancel = host_cancel,
    };
    h->loop = loop;
    h->log = log;
    h->thread = pthread_self();
    h->name = name;
    h->setting = setting;
    h->ctx = ctx;
    return h;
}

const struct lectern_host *lec_host_table(const struct lec_host *host)
{
    return &host->table;
}

void lec_host_free(struct lec_host *host)
{
    free(host);
}
