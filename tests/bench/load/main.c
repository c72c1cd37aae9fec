/* The load generator: brings up a crowd of clients, lets them do what the scenario says, prints one
 * line of JSON. One thread on one epoll. What a scenario is: see usage() and tests/bench/README.md. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "peer.h"
#include "stats.h"

enum { AT_ONCE = 64, SENT_MAX = 1 << 16 };

static struct options {
    const char *host, *secret;
    unsigned port;
    pid_t pid;
    bool tls, polling, binary;
    unsigned clients, rooms, in_flight, count, warmup, rate, payload, seconds;
} o = { .host = "127.0.0.1",
        .secret = "",
        .clients = 1000,
        .rooms = 1,
        .in_flight = 1,
        .count = 200,
        .warmup = 50,
        .rate = 500,
        .seconds = 5 };

static struct crowd crowd;
static struct stats stats;
static struct peer *peers;
static unsigned started;
static char *padding; /* of an event: o.payload bytes, as text or as attachment */

static struct {
    unsigned total; /* messages to send */
    unsigned sent;
    uint64_t heard;           /* deliveries since measuring began */
    uint64_t expected;        /* deliveries of all messages */
    unsigned done;            /* whole messages or calls, warm-up included */
    uint32_t left[SENT_MAX];  /* deliveries that a message still lacks */
    uint64_t since[SENT_MAX]; /* when it was sent, or should have been */
} run;

static void on_joined(struct peer *p)
{
    (void)p;
}

static void bring_up(void)
{
    while (crowd.joined < o.clients) {
        while (started < o.clients && started - crowd.joined < AT_ONCE) {
            peer_start(&crowd, &peers[started], started, started % o.rooms);
            started++;
        }
        net_turn(&crowd.net, -1);
    }
}

static void settle(unsigned ms)
{
    for (uint64_t end = now_ns() + ms * 1000000ull; now_ns() < end;)
        net_turn(&crowd.net, 10);
}

/* --- fan-out ------------------------------------------------------------------------------ */

static void send_typing(struct peer *p, uint64_t since)
{
    struct lec_buf b = { 0 };
    unsigned number = run.sent++;
    bool binary = o.binary && o.payload > 0;
    lec_buf_printf(&b, "4%s[\"typing_start\",{\"room\":\"course:%u\",\"discussionId\":\"%u\"",
                   binary ? "51-" : "2", p->room, number);
    if (binary)
        lec_buf_adds(&b, ",\"data\":{\"_placeholder\":true,\"num\":0}");
    else if (o.payload > 0)
        lec_buf_printf(&b, ",\"data\":\"%.*s\"", (int)o.payload, padding);
    lec_buf_adds(&b, "}]");
    run.since[number % SENT_MAX] = since;
    run.left[number % SENT_MAX] = o.clients / o.rooms - 1;
    peer_send(p, b.p, b.n, padding, binary ? o.payload : 0);
    lec_buf_fini(&b);
}

static void next_message(void)
{
    if (run.sent < run.total)
        send_typing(&peers[0], now_ns());
}

static unsigned number_of(const char *text, size_t n)
{
    static const char key[] = "\"discussionId\":\"";
    static size_t guess; /* where the last had it */
    const char *at = n > guess + sizeof key ? text + guess : NULL;
    if (at == NULL || memcmp(at, key, sizeof key - 1) != 0)
        at = memmem(text, n, key, sizeof key - 1);
    if (at == NULL)
        fail("no discussionId in %.*s", n > 200 ? 200 : (int)n, text);
    guess = (size_t)(at - text);
    return (unsigned)strtoul(at + sizeof key - 1, NULL, 10);
}

static void on_delivered(struct peer *p, const char *text, size_t n)
{
    unsigned slot = number_of(text, n) % SENT_MAX;
    run.heard++;
    stats_latency(&stats, p->crowd->net.read_at - run.since[slot]);
    if (--run.left[slot] > 0)
        return;
    run.done++;
    if (o.rate == 0)
        next_message();
}

static void fan_out_until(unsigned total)
{
    run.total = total;
    for (unsigned i = 0; i < o.in_flight; i++)
        next_message();
    while (run.done < run.total)
        net_turn(&crowd.net, -1);
}

static void scenario_fanout(void)
{
    o.rate = 0;
    bring_up();
    fan_out_until(o.warmup);
    settle(100);
    run.heard = 0;
    stats_begin(&stats);
    fan_out_until(o.warmup + o.count);
    stats_print(&stats, run.heard, "");
}

/* --- many rooms, open loop ---------------------------------------------------------------- */

static void talk_for(unsigned seconds)
{
    uint64_t began = now_ns(), step = 1000000000u / o.rate;
    unsigned first = run.sent, total = seconds * o.rate;
    run.total = first + total;
    while (run.done < run.total) {
        uint64_t now = now_ns();
        /* Late is late: what should have been sent counts from when it should. */
        while (run.sent < run.total && began + (run.sent - first) * step <= now)
            send_typing(&peers[(run.sent * 7919u) % o.clients], began + (run.sent - first) * step);
        net_turn(&crowd.net, run.sent < run.total ? 1 : -1);
    }
}

static void scenario_rooms(void)
{
    bring_up();
    talk_for(1);
    settle(100);
    run.heard = 0;
    stats_begin(&stats);
    talk_for(o.seconds);
    stats_print(&stats, run.heard, "");
}

/* --- calls with ack ----------------------------------------------------------------------- */

static void call(struct peer *p)
{
    p->since = now_ns();
    run.sent++;
    peer_join(p);
}

static void on_answered(struct peer *p)
{
    stats_latency(&stats, now_ns() - p->since);
    run.done++;
    if (run.sent < run.total)
        call(p);
}

static void call_until(unsigned total)
{
    run.total = total;
    for (unsigned i = 0; i < o.clients && run.sent < total; i++)
        call(&peers[i]);
    while (run.done < total)
        net_turn(&crowd.net, -1);
}

static void scenario_calls(void)
{
    bring_up();
    call_until(o.warmup);
    settle(100);
    stats_begin(&stats);
    call_until(o.warmup + o.count);
    stats_print(&stats, o.count, "");
}

/* --- a storm of connects ------------------------------------------------------------------ */

static void on_arrived(struct peer *p)
{
    stats_latency(&stats, now_ns() - p->began);
}

static void scenario_storm(void)
{
    unsigned all = o.clients;
    crowd.events.on_joined = on_arrived;
    o.clients = o.warmup;
    bring_up();
    settle(200);
    o.clients = all + o.warmup;
    stats_begin(&stats);
    bring_up();
    stats_print(&stats, all, "");
}

/* --- doing nothing ------------------------------------------------------------------------ */

static void scenario_idle(void)
{
    char extra[128];
    unsigned all = o.clients;
    o.clients = o.warmup;
    bring_up();
    settle(500);
    size_t before = stats_memory(&stats);
    o.clients = all;
    bring_up();
    settle(2000);
    size_t after = stats_memory(&stats);
    stats_begin(&stats);
    settle(o.seconds * 1000);
    uint64_t cpu = stats_server_cpu(&stats) - stats.server_cpu;
    snprintf(extra, sizeof extra, ",\"bytes_each\":%.0f,\"idle_cpu_ms_per_s\":%.3f",
             ((double)after - (double)before) / (all - o.warmup), (double)cpu / 1e6 / o.seconds);
    stats_print(&stats, o.clients, extra);
}

/* --- the command -------------------------------------------------------------------------- */

static const struct scenario {
    const char *name, *what;
    void (*run)(void);
    struct peer_events events;
} scenarios[] = {
    { "fanout",
      "client 0 types, all others of its room hear it; CPU per delivery",
      scenario_fanout,
      { on_joined, NULL, on_delivered } },
    { "rooms",
      "somebody types --rate times a second, for --seconds; latency",
      scenario_rooms,
      { on_joined, NULL, on_delivered } },
    { "calls",
      "join_room with ack, each client as soon as it was answered",
      scenario_calls,
      { on_joined, on_answered, NULL } },
    { "storm",
      "connect, token, join_room; CPU per client",
      scenario_storm,
      { on_arrived, NULL, NULL } },
    { "idle", "clients that do nothing: memory, CPU", scenario_idle, { on_joined, NULL, NULL } },
};

static const struct option flags[] = {
    { "host", 1, 0, 'h' },      { "port", 1, 0, 'p' },    { "pid", 1, 0, 'i' },
    { "secret", 1, 0, 's' },    { "tls", 0, 0, 't' },     { "polling", 0, 0, 'l' },
    { "binary", 0, 0, 'b' },    { "clients", 1, 0, 'c' }, { "rooms", 1, 0, 'r' },
    { "in-flight", 1, 0, 'f' }, { "count", 1, 0, 'n' },   { "warmup", 1, 0, 'w' },
    { "rate", 1, 0, 'R' },      { "payload", 1, 0, 'P' }, { "seconds", 1, 0, 'S' },
    { "help", 0, 0, '?' },      { NULL, 0, 0, 0 },
};

_Noreturn static void usage(int status)
{
    FILE *f = status ? stderr : stdout;
    fputs("usage: bench_load SCENARIO --port N --pid SERVER --secret S [options]\n\n", f);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fprintf(f, "  %-8s %s\n", scenarios[i].name, scenarios[i].what);
    fputs("\n  --clients N --rooms N --in-flight N --count N --warmup N --rate N --seconds N\n"
          "  --payload BYTES --binary --polling --tls --host ADDRESS\n",
          f);
    exit(status);
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || n > 100000000)
        fail("%s is no number", text);
    return (unsigned)n;
}

static void read_flags(int argc, char **argv)
{
    for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (c) {
        case 'h':
            o.host = optarg;
            break;
        case 's':
            o.secret = optarg;
            break;
        case 'p':
            o.port = number(optarg);
            break;
        case 'i':
            o.pid = (pid_t)number(optarg);
            break;
        case 't':
            o.tls = true;
            break;
        case 'l':
            o.polling = true;
            break;
        case 'b':
            o.binary = true;
            break;
        case 'c':
            o.clients = number(optarg);
            break;
        case 'r':
            o.rooms = number(optarg);
            break;
        case 'f':
            o.in_flight = number(optarg);
            break;
        case 'n':
            o.count = number(optarg);
            break;
        case 'w':
            o.warmup = number(optarg);
            break;
        case 'R':
            o.rate = number(optarg);
            break;
        case 'P':
            o.payload = number(optarg);
            break;
        case 'S':
            o.seconds = number(optarg);
            break;
        default:
            usage(2);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0)
        usage(argc < 2 ? 2 : 0);
    const struct scenario *s = scenarios;
    while (s < scenarios + sizeof scenarios / sizeof *scenarios && strcmp(s->name, argv[1]) != 0)
        s++;
    if (s == scenarios + sizeof scenarios / sizeof *scenarios)
        usage(2);
    read_flags(argc - 1, argv + 1);
    if (o.port == 0 || o.pid == 0 || o.clients == 0 || o.rooms == 0 || o.rate == 0)
        usage(2);

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    padding = malloc(o.payload + 1);
    memset(padding, 'x', o.payload);
    peers = calloc(o.clients + o.warmup, sizeof *peers);
    stats.server = o.pid;
    crowd.secret = o.secret;
    crowd.polling = o.polling;
    crowd.events = s->events;
    net_init(&crowd.net, o.host, o.port, o.tls);
    s->run();
    return 0;
}
