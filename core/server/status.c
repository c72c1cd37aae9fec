/* What `lectern status` shows. Once a second a timer keeps the counters, and how long turns of the
 * loop took: an event that came while one ran waited that long. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "server/database.h"
#include "server/internal.h"
#include "server/jwks.h"
#include "socketio/dynamic.h"

#define MIB 1048576.0

/* --- measuring ----------------------------------------------------------------------------- */

static void take_sample(struct lec_server *s)
{
    struct status *st = &s->status;
    struct status_sample *sample = &st->samples[st->n_samples++ % STATUS_SAMPLES];
    sample->at = lec_loop_now(s->loop);
    sample->loop = lec_loop_usage(s->loop);
    sample->counters = s->counters;
}

static void tick(struct lec_timer *t)
{
    struct lec_server *s = LEC_CONTAINER(t, struct lec_server, status.timer);
    take_sample(s);
    lec_timer_start(s->loop, t, STATUS_TICK_MS, tick);
}

void lec_status_start(struct lec_server *s)
{
    s->status.started = lec_loop_now(s->loop);
    take_sample(s);
    lec_timer_start(s->loop, &s->status.timer, STATUS_TICK_MS, tick);
}

void lec_status_stop(struct lec_server *s)
{
    lec_timer_stop(s->loop, &s->status.timer);
}

/* --- what is said in both forms ------------------------------------------------------------ */

struct report {
    uint64_t uptime_s;
    size_t polling, websocket, closing; /* sessions */
    double busy;                        /* share of the time that the loop did not wait */
    uint64_t longest_us;                /* turn of the loop */
    unsigned long long rss, core;       /* bytes; core: all but the handlers', by malloc */
    size_t timers;                      /* of the loop */
    struct lec_script_usage script;
    const struct lec_counters *before;
    double seconds; /* since then */
};

static void read_loop(const struct status *st, const struct status_sample *oldest, struct report *r)
{
    size_t n = st->n_samples < STATUS_SAMPLES ? st->n_samples : STATUS_SAMPLES;
    const struct status_sample *newest = &st->samples[(st->n_samples - 1) % STATUS_SAMPLES];
    for (size_t i = 0; i < n; i++)
        if (&st->samples[i] != oldest && st->samples[i].loop.longest_us > r->longest_us)
            r->longest_us = st->samples[i].loop.longest_us;
    if (newest->at > oldest->at)
        r->busy = (double)(newest->loop.busy_us - oldest->loop.busy_us) / 1000 /
                  (double)(newest->at - oldest->at);
}

/* proc(5): the second number of statm is the resident set in pages. */
static unsigned long long resident(void)
{
    unsigned long long size, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%llu %llu", &size, &pages) != 2)
        pages = 0;
    fclose(f);
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static struct report look(const struct lec_server *s)
{
    const struct status *st = &s->status;
    uint64_t now = lec_loop_now(s->loop);
    size_t oldest = st->n_samples > STATUS_SAMPLES ? st->n_samples % STATUS_SAMPLES : 0;
    struct report r = {
        .uptime_s = (now - st->started) / 1000,
        .polling = eio_engine_count_on(s->engine, EIO_POLLING),
        .websocket = eio_engine_count_on(s->engine, EIO_WEBSOCKET),
        .closing = eio_engine_closing(s->engine),
        .rss = resident(),
        .core = mallinfo2().uordblks,
        .timers = lec_loop_timers(s->loop),
        .before = &st->samples[oldest].counters,
        .seconds = (double)(now - st->samples[oldest].at) / 1000,
    };
    if (r.seconds < STATUS_TICK_MS / 1000.0)
        r.seconds = STATUS_TICK_MS / 1000.0;
    read_loop(st, &st->samples[oldest], &r);
    if (s->hooks->usage)
        s->hooks->usage(s->hooks->ctx, &r.script);
    return r;
}

static double rate(const struct report *r, uint64_t now, uint64_t before)
{
    return (double)(now - before) / r->seconds;
}

/* All children of a pattern together. */
struct pattern_sum {
    struct lec_slice text;
    size_t namespaces, sockets, rooms;
};

static struct pattern_sum sum_of(const struct lec_server *s, const struct sio_pattern *pattern)
{
    struct pattern_sum sum = { sio_pattern_text(pattern), sio_pattern_count(pattern), 0, 0 };
    struct sio_namespace *nsp = NULL;
    while ((nsp = sio_server_named(s->io, sum.text, nsp)) != NULL) {
        sum.sockets += sio_namespace_count(nsp);
        sum.rooms += sio_namespace_rooms(nsp);
    }
    return sum;
}

static const char *state_name(const struct lec_server *s)
{
    return s->state == SERVER_SERVING ? "serving" : "draining";
}

/* --- for people ---------------------------------------------------------------------------- */

static void put_duration(struct lec_buf *out, uint64_t s)
{
    static const struct {
        const char *name;
        unsigned seconds;
    } units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
    size_t i = 0;
    while (i < 3 && s < units[i].seconds)
        i++;
    lec_buf_printf(out, "%llu %s", (unsigned long long)(s / units[i].seconds), units[i].name);
    if (i < 3)
        lec_buf_printf(out, " %llu %s",
                       (unsigned long long)(s % units[i].seconds / units[i + 1].seconds),
                       units[i + 1].name);
}

/* Children are many: only their sum is shown, with their pattern. */
static void put_namespaces(const struct lec_server *s, struct lec_buf *out)
{
    struct sio_namespace *nsp;
    const struct sio_pattern *pattern;
    lec_buf_adds(out, "\n\nnamespace                        sockets     rooms\n");
    for (size_t pos = 0; (nsp = sio_server_next(s->io, &pos)) != NULL;) {
        struct lec_slice name = sio_namespace_name(nsp);
        if (sio_namespace_pattern(nsp).n == 0)
            lec_buf_printf(out, "%-30.*s %9zu %9zu\n", (int)name.n, name.p,
                           sio_namespace_count(nsp), sio_namespace_rooms(nsp));
    }
    for (size_t pos = 0; (pattern = sio_server_next_pattern(s->io, &pos)) != NULL;) {
        struct pattern_sum sum = sum_of(s, pattern);
        lec_buf_printf(out, "%-30.*s %9zu %9zu  in namespaces: %zu\n", (int)sum.text.n, sum.text.p,
                       sum.sockets, sum.rooms, sum.namespaces);
    }
}

void lec_status_text(struct lec_server *s, struct lec_buf *out)
{
    struct report r = look(s);
    const struct lec_counters *c = &s->counters;
    lec_buf_printf(out, "lectern " LEC_VERSION ", process %ld, port %u, %s, up ", (long)getpid(),
                   lec_net_port(s->net), state_name(s));
    put_duration(out, r.uptime_s);
    lec_buf_printf(out,
                   "\nclients      %zu: %zu by polling, %zu by websocket; leaving: %zu; "
                   "connections: %u\n",
                   r.polling + r.websocket, r.polling, r.websocket, r.closing,
                   lec_net_connections(s->net));
    lec_buf_printf(out, "events       %.1f in, %.1f out a second\n",
                   rate(&r, c->events_in, r.before->events_in),
                   rate(&r, c->events_out, r.before->events_out));
    lec_buf_printf(out, "loop lag     %.1f ms at most, busy %.1f %% of the time\n",
                   (double)r.longest_us / 1000, r.busy * 100);
    lec_buf_printf(out, "memory       %.1f MiB; core %.1f MiB", (double)r.rss / MIB,
                   (double)r.core / MIB);
    if (r.script.generation > 0)
        lec_buf_printf(
            out,
            "; handlers %.1f of %.1f MiB\nhandlers     generation %u, functions: %u; at work: "
            "%zu, events held: %zu, timers: %zu",
            (double)r.script.memory / MIB, (double)r.script.memory_cap / MIB, r.script.generation,
            r.script.functions, r.script.tasks, r.script.held, r.script.timers);
    if (s->jwks) {
        lec_buf_adds(out, "\nkeys         ");
        lec_jwks_text(s->jwks, out);
    }
    if (s->database) {
        lec_buf_adds(out, "\ndatabase     ");
        lec_database_text(s->database, out);
    }
    put_namespaces(s, out);
    lec_buf_adds(out, "\ncounter (of those that are not 0)  total  a second\n");
#define X(name, help)                                                                              \
    if (c->name > 0)                                                                               \
        lec_buf_printf(out, "%-26s %13llu %9.1f  %s\n", #name, (unsigned long long)c->name,        \
                       rate(&r, c->name, r.before->name), help);
    LEC_COUNTERS(X)
#undef X
    lec_buf_printf(out, "Rates and loop lag are of the last %.0f s.\n", r.seconds);
}

/* --- for programs -------------------------------------------------------------------------- */

void lec_status_json(struct lec_server *s, struct lec_buf *out)
{
    struct report r = look(s);
    const struct lec_counters *c = &s->counters;
    lec_buf_printf(out,
                   "{\"version\":\"" LEC_VERSION "\",\"pid\":%ld,\"port\":%u,\"state\":\"%s\","
                   "\"uptime\":%llu,\"connections\":%u,"
                   "\"sessions\":{\"polling\":%zu,\"websocket\":%zu,\"closing\":%zu},"
                   "\"loop\":{\"lagMs\":%.3f,\"busy\":%.4f,\"timers\":%zu},",
                   (long)getpid(), lec_net_port(s->net), state_name(s),
                   (unsigned long long)r.uptime_s, lec_net_connections(s->net), r.polling,
                   r.websocket, r.closing, (double)r.longest_us / 1000, r.busy, r.timers);
    lec_buf_printf(out,
                   "\"memory\":{\"rss\":%llu,\"core\":%llu,\"handlers\":%zu,\"handlersMax\":%zu},"
                   "\"handlers\":{\"generation\":%u,\"functions\":%u,\"tasks\":%zu,"
                   "\"held\":%zu,\"timers\":%zu},",
                   r.rss, r.core, r.script.memory, r.script.memory_cap, r.script.generation,
                   r.script.functions, r.script.tasks, r.script.held, r.script.timers);
    if (s->jwks) {
        lec_buf_adds(out, "\"keys\":{");
        lec_jwks_json(s->jwks, out);
        lec_buf_adds(out, "},");
    }
    if (s->database) {
        lec_buf_adds(out, "\"database\":");
        lec_database_json(s->database, out);
        lec_buf_addc(out, ',');
    }
    lec_buf_adds(out, "\"namespaces\":{");
    struct sio_namespace *nsp;
    const char *comma = "";
    for (size_t pos = 0; (nsp = sio_server_next(s->io, &pos)) != NULL; comma = ",") {
        struct lec_slice name = sio_namespace_name(nsp);
        lec_buf_adds(out, comma);
        (void)!lec_json_put_string(out, name.p, name.n); /* names are UTF-8 */
        lec_buf_printf(out, ":{\"sockets\":%zu,\"rooms\":%zu}", sio_namespace_count(nsp),
                       sio_namespace_rooms(nsp));
    }
    const struct sio_pattern *pattern;
    comma = "";
    lec_buf_adds(out, "},\"patterns\":{");
    for (size_t pos = 0; (pattern = sio_server_next_pattern(s->io, &pos)) != NULL; comma = ",") {
        struct pattern_sum sum = sum_of(s, pattern);
        lec_buf_adds(out, comma);
        (void)!lec_json_put_string(out, sum.text.p, sum.text.n);
        lec_buf_printf(out, ":{\"namespaces\":%zu,\"sockets\":%zu,\"rooms\":%zu}", sum.namespaces,
                       sum.sockets, sum.rooms);
    }
    comma = "";
    lec_buf_adds(out, "},\"counters\":{");
#define X(name, help)                                                                              \
    lec_buf_printf(out, "%s\"%s\":{\"total\":%llu,\"perSecond\":%.2f}", comma, #name,              \
                   (unsigned long long)c->name, rate(&r, c->name, r.before->name));                \
    comma = ",";
    LEC_COUNTERS(X)
#undef X
    lec_buf_adds(out, "}}\n");
}
