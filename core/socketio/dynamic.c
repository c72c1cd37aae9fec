#include "socketio/dynamic.h"

#include <stdlib.h>

#include "socketio/internal.h"
#include "socketio/pattern.h"

struct sio_pattern {
    struct lec_list children; /* struct sio_namespace */
    size_t count;
    struct lec_slice text; /* into bytes */
    char bytes[];
};

static struct sio_pattern *pattern_new(struct lec_slice text)
{
    struct sio_pattern *p = lec_alloc0(sizeof *p + text.n);
    lec_list_init(&p->children);
    memcpy(p->bytes, text.p, text.n);
    p->text = (struct lec_slice){ p->bytes, text.n };
    return p;
}

/* The strongest pattern of a name, or NULL. */
static struct sio_pattern *pattern_of(const struct sio_server *io, struct lec_slice name)
{
    struct lec_slice stars[SIO_MAX_STARS];
    for (size_t i = 0; i < io->n_patterns; i++)
        if (sio_pattern_match(io->patterns[i]->text, name, stars) >= 0)
            return io->patterns[i];
    return NULL;
}

/* --- becoming one and ceasing to be one --- */

static void leave_pattern(struct sio_namespace *nsp)
{
    if (nsp->pattern)
        nsp->pattern->count--;
    nsp->pattern = NULL;
    lec_list_remove(&nsp->link);
}

/* pattern NULL: an orphan. */
static void make_dynamic(struct sio_namespace *nsp, struct sio_pattern *pattern)
{
    nsp->io->n_dynamic += !nsp->dynamic;
    nsp->dynamic = true;
    leave_pattern(nsp);
    nsp->pattern = pattern;
    if (!pattern)
        return;
    pattern->count++;
    lec_list_append(&pattern->children, &nsp->link);
}

void sio_dynamic_end(struct sio_namespace *nsp)
{
    nsp->io->n_dynamic -= nsp->dynamic;
    nsp->dynamic = false;
    leave_pattern(nsp);
}

void sio_dynamic_left(struct sio_namespace *nsp)
{
    struct sio_server *io = nsp->io;
    if (!nsp->dynamic || nsp->everyone.count > 0 || sio_recovery_wants(nsp->recovery))
        return;
    if (nsp->next_ack > io->past_ack)
        io->past_ack = nsp->next_ack;
    if (nsp->recovery && nsp->recovery->log.last > io->past_event)
        io->past_event = nsp->recovery->log.last;
    io->counters->namespaces_removed++;
    lec_log(io->log, LEC_LOG_DEBUG, LEC_CAT_IO_NAMESPACE, LEC_NOBODY, "removed %.*s",
            (int)nsp->name.n, nsp->name.p);
    sio_server_close_namespace(io, nsp);
}

struct sio_namespace *sio_dynamic_join(struct sio_server *io, struct lec_slice name,
                                       const char **why)
{
    struct sio_namespace *nsp = sio_server_find(io, name);
    *why = "Invalid namespace";
    if (nsp)
        return sio_namespace_is_orphan(nsp) ? NULL : nsp;
    if (io->n_patterns > 0 && name.n > io->cfg.max_namespace_name) {
        *why = "Namespace name too long";
        return NULL;
    }
    struct sio_pattern *pattern = pattern_of(io, name);
    if (!pattern)
        return NULL;
    if (io->n_dynamic >= io->cfg.max_dynamic_namespaces) {
        *why = "Too many dynamic namespaces";
        return NULL;
    }
    nsp = sio_server_of(io, name);
    make_dynamic(nsp, pattern);
    nsp->next_ack = io->past_ack;
    if (nsp->recovery)
        nsp->recovery->log.last = io->past_event;
    io->counters->namespaces_made++;
    lec_log(io->log, LEC_LOG_DEBUG, LEC_CAT_IO_NAMESPACE, LEC_NOBODY, "made %.*s", (int)name.n,
            name.p);
    return nsp;
}

/* --- offering --- */

static void free_patterns(struct sio_pattern **patterns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(patterns[i]);
    free(patterns);
}

void sio_dynamic_fini(struct sio_server *io)
{
    free_patterns(io->patterns, io->n_patterns);
}

/* All namespaces, for the caller to free(). */
static struct sio_namespace **all_of(struct sio_server *io, size_t *n)
{
    struct sio_namespace **all = lec_alloc(io->namespaces.count * sizeof *all), *nsp;
    *n = 0;
    for (size_t pos = 0; (nsp = lec_map_next(&io->namespaces, &pos));)
        all[(*n)++] = nsp;
    return all;
}

void sio_dynamic_sweep(struct sio_server *io)
{
    size_t n;
    struct sio_namespace **all = all_of(io, &n);
    for (size_t i = 0; i < n; i++)
        sio_dynamic_left(all[i]);
    free(all);
}

void sio_server_offer(struct sio_server *io, const struct lec_slice *names, size_t n_names,
                      const struct lec_slice *patterns, size_t n_patterns)
{
    struct sio_pattern **old = io->patterns;
    size_t n_old = io->n_patterns;
    io->patterns = n_patterns > 0 ? lec_alloc(n_patterns * sizeof *io->patterns) : NULL;
    io->n_patterns = n_patterns;
    for (size_t i = 0; i < n_patterns; i++)
        io->patterns[i] = pattern_new(patterns[i]);

    struct sio_namespace *nsp;
    for (size_t pos = 0; (nsp = lec_map_next(&io->namespaces, &pos));) {
        struct sio_pattern *pattern = pattern_of(io, nsp->name);
        if (pattern || nsp->dynamic)
            make_dynamic(nsp, pattern);
    }
    free_patterns(old, n_old);
    for (size_t i = 0; i < n_names; i++)
        sio_server_of(io, names[i]);
    sio_dynamic_sweep(io);
}

struct lec_slice sio_server_match(const struct sio_server *io, struct lec_slice name)
{
    const struct sio_pattern *pattern = pattern_of(io, name);
    return pattern ? pattern->text : (struct lec_slice){ NULL, 0 };
}

/* --- looking --- */

struct sio_pattern *sio_server_pattern(const struct sio_server *io, struct lec_slice text)
{
    for (size_t i = 0; i < io->n_patterns; i++) {
        struct lec_slice own = io->patterns[i]->text, bare = { own.p + 1, own.n - 1 };
        if (lec_slice_eq(own, text) || lec_slice_eq(bare, text))
            return io->patterns[i];
    }
    return NULL;
}

struct sio_pattern *sio_server_next_pattern(const struct sio_server *io, size_t *pos)
{
    return *pos < io->n_patterns ? io->patterns[(*pos)++] : NULL;
}

struct lec_slice sio_pattern_text(const struct sio_pattern *p)
{
    return p->text;
}

size_t sio_pattern_count(const struct sio_pattern *p)
{
    return p->count;
}

struct lec_slice sio_namespace_pattern(const struct sio_namespace *nsp)
{
    return nsp->pattern ? nsp->pattern->text : (struct lec_slice){ NULL, 0 };
}

bool sio_namespace_is_orphan(const struct sio_namespace *nsp)
{
    return nsp->dynamic && !nsp->pattern;
}

struct sio_namespace *sio_server_named(struct sio_server *io, struct lec_slice name,
                                       const struct sio_namespace *previous)
{
    if (!sio_is_pattern(name))
        return previous ? NULL : sio_server_find(io, name);
    const struct sio_pattern *pattern = previous ? previous->pattern : sio_server_pattern(io, name);
    if (!pattern)
        return NULL;
    struct lec_list *next = previous ? previous->link.next : pattern->children.next;
    return next == &pattern->children ? NULL : LEC_CONTAINER(next, struct sio_namespace, link);
}

/* --- all children of a pattern --- */

size_t sio_server_emit(struct sio_server *io, struct lec_slice name,
                       const struct sio_target *target, const struct sio_payload *event,
                       bool is_volatile)
{
    if (!sio_is_pattern(name)) {
        struct sio_namespace *nsp = sio_server_find(io, name);
        return nsp ? sio_namespace_emit(nsp, target, event, is_volatile) : 0;
    }
    /* Emitting calls back, and children go: first a list of them, which stay readable. */
    const struct sio_pattern *pattern = sio_server_pattern(io, name);
    size_t n = 0, sent = 0;
    struct sio_namespace **children = pattern ? lec_alloc(pattern->count * sizeof *children) : NULL;
    for (struct sio_namespace *nsp = NULL; (nsp = sio_server_named(io, name, nsp));)
        children[n++] = nsp;
    for (size_t i = 0; i < n; i++)
        if (!children[i]->closed)
            sent += sio_namespace_emit(children[i], target, event, is_volatile);
    free(children);
    return sent;
}

struct sio_socket **sio_server_select(struct sio_server *io, struct lec_slice name,
                                      const struct sio_target *target, size_t *n)
{
    struct sio_socket **all = NULL;
    struct sio_namespace *nsp = NULL;
    *n = 0;
    while ((nsp = sio_server_named(io, name, nsp))) {
        size_t more;
        struct sio_socket **found = sio_namespace_select(nsp, target, &more);
        if (!all) {
            all = found;
        } else if (more > 0) {
            all = lec_realloc(all, (*n + more) * sizeof *all);
            memcpy(all + *n, found, more * sizeof *all);
            free(found);
        }
        *n += more;
    }
    return all;
}
