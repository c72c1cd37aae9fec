/* What is measured of a run: CPU of the server and of this program, memory of the server, and
 * latencies. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stats {
    pid_t server;
    uint64_t began, server_cpu, own_cpu; /* ns, at stats_begin */
    uint32_t *us;                        /* latencies */
    size_t n, cap;
};

void stats_begin(struct stats *s); /* forgets what was measured before */
void stats_latency(struct stats *s, uint64_t ns);
/* Prints one line of JSON: all measured since stats_begin, for so many units of work. extra: more
 * members, each with a comma in front. */
void stats_print(struct stats *s, uint64_t units, const char *extra);
size_t stats_memory(const struct stats *s); /* bytes that the server has resident */
uint64_t stats_server_cpu(const struct stats *s);

#endif
