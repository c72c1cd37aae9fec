#include "stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        fail("cannot read the server's CPU clock: has it ended?");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t stats_server_cpu(const struct stats *s)
{
    clockid_t id;
    if (clock_getcpuclockid(s->server, &id) != 0)
        fail("no process %d", (int)s->server);
    return clock_ns(id);
}

size_t stats_memory(const struct stats *s)
{
    char path[64], line[256];
    unsigned long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)s->server);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail("cannot read %s", path);
    while (fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtoul(line + 6, NULL, 10);
    fclose(f);
    return kb * 1024;
}

void stats_begin(struct stats *s)
{
    s->n = 0;
    s->began = now_ns();
    s->server_cpu = stats_server_cpu(s);
    s->own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void stats_latency(struct stats *s, uint64_t ns)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4096;
        s->us = realloc(s->us, s->cap * sizeof *s->us);
    }
    s->us[s->n++] = (uint32_t)(ns / 1000);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const struct stats *s, double share)
{
    return s->n == 0 ? 0 : s->us[(size_t)((double)(s->n - 1) * share)] / 1e3;
}

void stats_print(struct stats *s, uint64_t units, const char *extra)
{
    double wall = (double)(now_ns() - s->began);
    double server = (double)(stats_server_cpu(s) - s->server_cpu);
    double own = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - s->own_cpu);
    qsort(s->us, s->n, sizeof *s->us, by_size);
    printf("{\"units\":%" PRIu64 ",\"cpu_us\":%.3f,\"per_second\":%.1f,\"p50_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"server_cpu_share\":%.3f,\"load_cpu_share\":%.3f,"
           "\"rss_mb\":%.1f%s}\n",
           units, server / 1e3 / (double)units, (double)units * 1e9 / wall, percentile(s, 0.5),
           percentile(s, 0.99), percentile(s, 0.999), server / wall, own / wall,
           (double)stats_memory(s) / 1048576, extra);
}
