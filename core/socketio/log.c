#include "socketio/log.h"

#include <stdlib.h>

#include "socketio/socket.h"

#define FIRST_CAP 16

enum whom { ALL, ALL_BUT, ONLY };

/* One event. Owner: the ring. Behind the attachments stand the names of the target's rooms and of
 * its excepted ones, each as its length and its bytes. */
struct sio_entry {
    uint64_t at;
    struct lec_msg *msg;
    size_t bytes;
    uint32_t n_attachments, n_rooms, n_except;
    enum whom whom;
    char id[LEC_ID_LEN]; /* of ALL_BUT and ONLY */
    struct lec_msg *attachments[];
};

static size_t names_size(const struct lec_slice *names, size_t n)
{
    size_t size = n * sizeof(uint32_t);
    for (size_t i = 0; i < n; i++)
        size += names[i].n;
    return size;
}

static char *put_names(char *at, const struct lec_slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)names[i].n;
        at = mempcpy(at, &len, sizeof len);
        if (len > 0)
            at = mempcpy(at, names[i].p, len);
    }
    return at;
}

static struct lec_slice take_name(const char **at)
{
    uint32_t len;
    memcpy(&len, *at, sizeof len);
    struct lec_slice name = { *at + sizeof len, len };
    *at = name.p + len;
    return name;
}

static struct sio_entry *entry_new(uint64_t now, struct lec_msg *msg,
                                   struct lec_msg *const *attachments, unsigned n_attachments,
                                   const char *only, const struct sio_target *target)
{
    static const struct sio_target nobody;
    const struct sio_target *t = only ? &nobody : target;
    size_t size = sizeof(struct sio_entry) + n_attachments * sizeof(struct lec_msg *) +
                  names_size(t->rooms, t->n_rooms) + names_size(t->except, t->n_except);
    struct sio_entry *e = lec_alloc(size);
    *e = (struct sio_entry){
        .at = now,
        .msg = lec_msg_ref(msg),
        .bytes = size + sizeof *msg + lec_msg_frame(msg).n,
        .n_attachments = n_attachments,
        .n_rooms = (uint32_t)t->n_rooms,
        .n_except = (uint32_t)t->n_except,
        .whom = only     ? ONLY
                : t->but ? ALL_BUT
                         : ALL,
    };
    if (e->whom != ALL)
        memcpy(e->id, only ? only : sio_socket_id(t->but), LEC_ID_LEN);
    for (unsigned i = 0; i < n_attachments; i++) {
        e->attachments[i] = lec_msg_ref(attachments[i]);
        e->bytes += sizeof *msg + lec_msg_frame(attachments[i]).n;
    }
    char *names = put_names((char *)(e->attachments + n_attachments), t->rooms, t->n_rooms);
    put_names(names, t->except, t->n_except);
    return e;
}

static struct sio_entry *at(const struct sio_log *log, uint32_t i)
{
    return log->ring[(log->head + i) & (log->cap - 1)];
}

static void forget_oldest(struct sio_log *log)
{
    struct sio_entry *e = at(log, 0);
    log->forgot_at = e->at;
    log->bytes -= e->bytes;
    log->head = (log->head + 1) & (log->cap - 1);
    log->count--;
    lec_msg_unref(e->msg);
    for (uint32_t i = 0; i < e->n_attachments; i++)
        lec_msg_unref(e->attachments[i]);
    free(e);
    if (log->count == 0) {
        free(log->ring);
        log->ring = NULL;
        log->head = log->cap = 0;
    }
}

static void grow(struct sio_log *log)
{
    uint32_t cap = log->cap ? log->cap * 2 : FIRST_CAP;
    struct sio_entry **ring = lec_alloc(cap * sizeof(struct sio_entry *));
    for (uint32_t i = 0; i < log->count; i++)
        ring[i] = at(log, i);
    free(log->ring);
    log->ring = ring;
    log->head = 0;
    log->cap = cap;
}

void sio_log_add(struct sio_log *log, uint64_t now, struct lec_msg *msg,
                 struct lec_msg *const *attachments, unsigned n_attachments, const char *only,
                 const struct sio_target *target)
{
    struct sio_entry *e = entry_new(now, msg, attachments, n_attachments, only, target);
    if (log->count == log->cap)
        grow(log);
    log->ring[(log->head + log->count++) & (log->cap - 1)] = e;
    log->bytes += e->bytes;
    log->last++;
    sio_log_trim(log, now);
}

void sio_log_trim(struct sio_log *log, uint64_t now)
{
    while (log->count > 0 && (log->bytes > log->max_bytes || at(log, 0)->at + log->max_age < now))
        forget_oldest(log);
}

void sio_log_fini(struct sio_log *log)
{
    while (log->count > 0)
        forget_oldest(log);
}

uint64_t sio_log_oldest(const struct sio_log *log)
{
    return at(log, 0)->at;
}

bool sio_log_reaches(const struct sio_log *log, uint64_t offset, uint64_t received)
{
    if (offset > log->last)
        return false;
    return offset >= log->last - log->count || log->forgot_at < received;
}

/* Whether a room of the list at *names (of n) is one that the reader was in when event `number` was
 * sent. Moves *names behind the list. */
static bool any_of(const char **names, uint32_t n, uint64_t number, const struct sio_reader *reader)
{
    bool found = false;
    for (uint32_t i = 0; i < n; i++) {
        struct lec_slice name = take_name(names);
        found = found || lec_slice_eq(name, reader->id);
        for (size_t k = 0; !found && k < reader->n_stays; k++)
            found = reader->stays[k].since < number && lec_slice_eq(name, reader->stays[k].room);
    }
    return found;
}

static bool is_for(const struct sio_entry *e, uint64_t number, const struct sio_reader *reader)
{
    bool same = e->whom != ALL && memcmp(e->id, reader->id.p, LEC_ID_LEN) == 0;
    if (e->whom == ONLY || same)
        return e->whom == ONLY && same;
    const char *names = (const char *)(e->attachments + e->n_attachments);
    bool in = any_of(&names, e->n_rooms, number, reader) || e->n_rooms == 0;
    return in && !any_of(&names, e->n_except, number, reader);
}

int sio_log_collect(const struct sio_log *log, uint64_t offset, const struct sio_reader *reader,
                    size_t max_bytes, struct lec_outq *out)
{
    uint64_t forgotten = log->last - log->count;
    for (uint64_t i = offset > forgotten ? offset - forgotten : 0; i < log->count; i++) {
        const struct sio_entry *e = at(log, (uint32_t)i);
        if (!is_for(e, forgotten + i + 1, reader))
            continue;
        lec_outq_push(out, e->msg);
        for (uint32_t k = 0; k < e->n_attachments; k++)
            lec_outq_push(out, e->attachments[k]);
        if (out->bytes > max_bytes)
            return LEC_EFULL;
    }
    return LEC_OK;
}
