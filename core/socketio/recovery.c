#include "socketio/recovery.h"

#include <stdlib.h>

#include "base/json.h"
#include "socketio/internal.h"

/* Of a pid: tells whether this namespace made it, so that one that it forgot is known as such. */
#define TAG_LEN 4

/* What an absent socket costs besides its absence: its ticket, and what the user keeps. Estimated,
 * to bound their number. */
#define KEPT_BYTES 1024

/* Owner: its ticket. One piece of memory: stays, then the bytes of account, person and names. */
struct sio_absence {
    struct lec_list link; /* recovery->absent */
    struct sio_ticket *ticket;
    uint64_t until;
    size_t bytes;
    void *kept;                   /* the user's */
    const char *account, *person; /* NULL: nobody known */
    char id[LEC_ID_LEN + 1];
    size_t n_stays;
    struct sio_stay stays[];
};

static void on_log_timer(struct lec_timer *t);
static void on_absent_timer(struct lec_timer *t);

struct sio_recovery *sio_recovery_new(struct sio_namespace *nsp)
{
    const struct sio_config *cfg = &nsp->io->cfg;
    if (cfg->recovery_window_ms == 0)
        return NULL;
    struct sio_recovery *r = lec_alloc0(sizeof *r);
    r->nsp = nsp;
    r->log.max_age = (uint64_t)cfg->recovery_window_ms + cfg->recovery_unnoticed_ms;
    lec_list_init(&r->absent);
    lec_id_make(r->tag);
    return r;
}

void sio_recovery_free(struct sio_recovery *r)
{
    if (!r)
        return;
    sio_recovery_end(r);
    lec_map_fini(&r->tickets);
    lec_buf_fini(&r->scratch);
    free(r);
}

/* What this namespace may keep. Clients decide how many dynamic ones there are. */
static size_t share(const struct sio_recovery *r)
{
    const struct sio_server *io = r->nsp->io;
    size_t most = io->cfg.recovery_max_bytes;
    if (!r->nsp->dynamic)
        return most;
    size_t part = io->cfg.recovery_max_dynamic_bytes / io->n_dynamic;
    return part < most ? part : most;
}

/* --- the log --- */

static void wait_for(struct sio_recovery *r, struct lec_timer *t, uint64_t until,
                     void (*fn)(struct lec_timer *))
{
    uint64_t now = lec_loop_now(r->nsp->io->loop);
    lec_timer_start(r->nsp->io->loop, t, until > now ? until - now : 0, fn);
}

static void start_log_timer(struct sio_recovery *r)
{
    if (r->log.count > 0)
        wait_for(r, &r->log_timer, sio_log_oldest(&r->log) + r->log.max_age + 1, on_log_timer);
}

/* Only memory is at stake: adding trims too. */
static void on_log_timer(struct lec_timer *t)
{
    struct sio_recovery *r = LEC_CONTAINER(t, struct sio_recovery, log_timer);
    r->log.max_bytes = share(r);
    sio_log_trim(&r->log, lec_loop_now(r->nsp->io->loop));
    start_log_timer(r);
}

struct sio_payload sio_recovery_stamp(struct sio_recovery *r, const struct sio_payload *event,
                                      bool is_volatile)
{
    struct sio_payload stamped = *event;
    size_t n = event->json.n - 1; /* without the bracket */
    if (is_volatile && event->json.p[n - 1] != '"')
        return stamped;
    lec_buf_clear(&r->scratch, 4096);
    lec_buf_add(&r->scratch, event->json.p, n);
    lec_buf_adds(&r->scratch, ",\"");
    lec_buf_addu(&r->scratch, r->log.last + !is_volatile);
    lec_buf_adds(&r->scratch, "\"]");
    stamped.json = lec_buf_slice(&r->scratch);
    return stamped;
}

void sio_recovery_log(struct sio_recovery *r, struct lec_msg *msg, const struct sio_payload *event,
                      const char *only, const struct sio_target *target)
{
    if (r->ended) {
        r->log.last++;
        return;
    }
    r->log.max_bytes = share(r);
    sio_log_add(&r->log, lec_loop_now(r->nsp->io->loop), msg, event->attachments,
                event->n_attachments, only, target);
    if (!lec_timer_running(&r->log_timer))
        start_log_timer(r);
}

/* --- tickets --- */

static void ticket_free(struct sio_recovery *r, struct sio_ticket *t)
{
    lec_map_remove(&r->tickets, (struct lec_slice){ t->pid, LEC_ID_LEN });
    free(t);
}

/* Takes the absence off its ticket and returns what the user kept. */
static void *end_absence(struct sio_recovery *r, struct sio_ticket *t)
{
    struct sio_absence *a = t->absence;
    void *kept = a->kept;
    t->absence = NULL;
    r->absent_bytes -= a->bytes;
    lec_list_remove(&a->link);
    free(a);
    return kept;
}

static void forget(struct sio_recovery *r, struct sio_ticket *t)
{
    struct sio_server *io = r->nsp->io;
    void *kept = end_absence(r, t);
    ticket_free(r, t);
    if (kept && io->events->on_forget)
        io->events->on_forget(io->ctx, kept);
}

static struct sio_absence *longest_absent(const struct sio_recovery *r)
{
    return lec_list_empty(&r->absent) ? NULL
                                      : LEC_CONTAINER(r->absent.next, struct sio_absence, link);
}

static void start_absent_timer(struct sio_recovery *r)
{
    const struct sio_absence *a = longest_absent(r);
    if (a)
        wait_for(r, &r->absent_timer, a->until, on_absent_timer);
}

static void on_absent_timer(struct lec_timer *timer)
{
    struct sio_recovery *r = LEC_CONTAINER(timer, struct sio_recovery, absent_timer);
    uint64_t now = lec_loop_now(r->nsp->io->loop);
    for (const struct sio_absence *a; (a = longest_absent(r)) && a->until <= now;)
        forget(r, a->ticket);
    start_absent_timer(r);
    sio_dynamic_left(r->nsp);
}

void sio_recovery_end(struct sio_recovery *r)
{
    r->ended = true;
    for (const struct sio_absence *a; (a = longest_absent(r));)
        forget(r, a->ticket);
    lec_timer_stop(r->nsp->io->loop, &r->absent_timer);
    lec_timer_stop(r->nsp->io->loop, &r->log_timer);
    sio_log_fini(&r->log);
}

void sio_recovery_accepted(struct sio_recovery *r, struct sio_socket *s)
{
    struct sio_ticket *t = s->ticket;
    uint64_t now = lec_loop_now(r->nsp->io->loop);
    if (!t) {
        t = s->ticket = lec_alloc0(sizeof *t);
        t->socket = s;
        t->born = r->log.last;
        t->received = now;
        lec_id_make(t->pid);
        memcpy(t->pid, r->tag, TAG_LEN);
        lec_map_put(&r->tickets, (struct lec_slice){ t->pid, LEC_ID_LEN }, t);
    }
    t->accepted = now;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Puts it to the bytes at *p. */
static const char *keep(char **p, const char *text)
{
    const char *copy = *p;
    if (!text)
        return NULL;
    *p = mempcpy(*p, text, size_of(text));
    return copy;
}

static struct sio_absence *absence_new(struct sio_socket *s)
{
    size_t names = 0;
    for (uint32_t i = 0; i < s->n_rooms; i++)
        names += s->rooms[i].room->name_len;
    size_t size = sizeof(struct sio_absence) + s->n_rooms * sizeof(struct sio_stay) +
                  size_of(s->account) + size_of(s->log_user) + names;

    struct sio_absence *a = lec_alloc0(size);
    a->bytes = size + KEPT_BYTES;
    memcpy(a->id, s->id, LEC_ID_LEN);
    a->n_stays = s->n_rooms;
    char *p = (char *)(a->stays + a->n_stays);
    a->account = keep(&p, s->account);
    a->person = keep(&p, s->log_user);
    for (uint32_t i = 0; i < s->n_rooms; i++) {
        struct lec_slice name = sio_room_name(s->rooms[i].room);
        a->stays[i] = (struct sio_stay){ { p, name.n }, s->rooms[i].since };
        p = mempcpy(p, name.p, name.n);
    }
    return a;
}

/* Whether who leaves so may want to come back. What is in memory does not outlive a shutdown. */
static bool may_return(enum sio_reason why)
{
    switch (why) {
    case SIO_TRANSPORT_CLOSE:
    case SIO_TRANSPORT_ERROR:
    case SIO_PING_TIMEOUT:
    case SIO_FORCED_CLOSE:
    case SIO_SLOW_CONSUMER:
        return true;
    case SIO_PARSE_ERROR:
    case SIO_SERVER_SHUTTING_DOWN:
    case SIO_CLIENT_DISCONNECT:
    case SIO_SERVER_DISCONNECT:
        break;
    }
    return false;
}

void sio_recovery_left(struct sio_recovery *r, struct sio_socket *s, enum sio_reason why)
{
    struct sio_server *io = r->nsp->io;
    struct sio_ticket *t = s->ticket;
    s->ticket = NULL;
    t->socket = NULL;
    r->leaving--;
    if (r->ended || !may_return(why)) {
        ticket_free(r, t);
        return;
    }
    /* A ping from before its acceptance says nothing about what was sent since. */
    uint64_t answered = eio_session_answered(s->client->session);
    if (answered > t->accepted)
        t->received = answered;

    struct sio_absence *a = absence_new(s);
    a->ticket = t;
    a->until = lec_loop_now(io->loop) + io->cfg.recovery_window_ms;
    a->kept = io->events->on_keep ? io->events->on_keep(io->ctx, s) : NULL;
    t->absence = a;
    lec_list_append(&r->absent, &a->link);
    r->absent_bytes += a->bytes;
    while (r->absent_bytes > share(r))
        forget(r, longest_absent(r)->ticket);
    if (!lec_timer_running(&r->absent_timer))
        start_absent_timer(r);
}

/* --- coming back --- */

/* A member that is a string without escapes; p is NULL if there is none. */
static struct lec_slice plain_member(struct lec_slice auth, const char *key)
{
    struct lec_slice v;
    if (lec_json_member(auth, key, &v) != LEC_OK || v.n < 2 || v.p[0] != '"')
        return (struct lec_slice){ NULL, 0 };
    return (struct lec_slice){ v.p + 1, v.n - 2 };
}

static enum sio_recovery_result read_offset(struct lec_slice text, uint64_t *offset)
{
    *offset = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || *offset > UINT64_MAX / 100)
            return SIO_RECOVERY_OFFSET_LOST;
        *offset = *offset * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.n > 0 ? SIO_RECOVERED : SIO_RECOVERY_NO_OFFSET;
}

static bool is_of(const struct sio_ticket *t, const char *account)
{
    const char *its = t->socket ? t->socket->account : t->absence->account;
    return its == account || (its && account && strcmp(its, account) == 0);
}

/* The ticket that a socket's CONNECT names; NULL without one. */
static struct sio_ticket *named(const struct sio_socket *s)
{
    struct lec_slice pid = { NULL, 0 };
    if (s->nsp->recovery && s->state == SIO_CONNECTING && !s->ticket && !s->client->eio3)
        pid = plain_member(sio_socket_auth(s), "pid");
    return pid.p ? lec_map_get(&s->nsp->recovery->tickets, pid) : NULL;
}

const char *sio_socket_returns_as(const struct sio_socket *s)
{
    const struct sio_ticket *t = named(s);
    if (!t || !is_of(t, s->account))
        return NULL;
    return t->socket ? t->socket->log_user : t->absence->person;
}

/* The ticket of this pid, of the same account, absent: if its socket is still there, that one's
 * connection is dead without our knowing, and ends now. */
static enum sio_recovery_result find(struct sio_recovery *r, struct sio_socket *s,
                                     struct lec_slice pid, struct sio_ticket **out)
{
    bool ours = pid.n == LEC_ID_LEN && memcmp(pid.p, r->tag, TAG_LEN) == 0;
    enum sio_recovery_result none = ours ? SIO_RECOVERY_EXPIRED : SIO_RECOVERY_UNKNOWN;
    struct sio_ticket *t = lec_map_get(&r->tickets, pid);
    char number[LEC_ID_LEN]; /* pid's bytes are the socket's, which may end here */
    if (!t)
        return none;
    if (!is_of(t, s->account))
        return SIO_RECOVERY_USER_CHANGED;
    if (t->socket) {
        memcpy(number, t->pid, sizeof number);
        sio_client_replaced(t->socket->client); /* calls back: look again */
        t = lec_map_get(&r->tickets, (struct lec_slice){ number, sizeof number });
        if (!t || !t->absence || s->state != SIO_CONNECTING)
            return none;
    }
    *out = t;
    return SIO_RECOVERED;
}

static enum sio_recovery_result collect(struct sio_recovery *r, const struct sio_ticket *t,
                                        uint64_t offset, struct lec_outq *missed)
{
    const struct sio_absence *a = t->absence;
    struct sio_reader reader = { { a->id, LEC_ID_LEN }, a->stays, a->n_stays };
    if (!sio_log_reaches(&r->log, offset, t->received))
        return SIO_RECOVERY_OFFSET_LOST;
    if (sio_log_collect(&r->log, offset > t->born ? offset : t->born, &reader,
                        r->nsp->io->cfg.recovery_max_replay, missed) == LEC_OK)
        return SIO_RECOVERED;
    lec_outq_fini(missed);
    return SIO_RECOVERY_TOO_MUCH;
}

/* The socket becomes the one that was lost. */
static void *hand_over(struct sio_recovery *r, struct sio_ticket *t, struct sio_socket *s)
{
    struct sio_absence *a = t->absence;
    sio_room_leave_all(s);
    memcpy(s->id, a->id, LEC_ID_LEN);
    for (size_t i = 0; i < a->n_stays; i++)
        if (sio_socket_join(s, a->stays[i].room) == LEC_OK)
            s->rooms[s->n_rooms - 1].since = a->stays[i].since;
    s->ticket = t;
    t->socket = s;
    t->accepted = UINT64_MAX;
    return end_absence(r, t);
}

bool sio_socket_recover(struct sio_socket *s, void **kept)
{
    struct sio_recovery *r = s->nsp->recovery;
    struct sio_server *io = s->nsp->io;
    *kept = NULL;
    if (!r || s->state != SIO_CONNECTING || s->ticket || s->client->eio3)
        return false;
    struct lec_slice auth = sio_socket_auth(s), pid = plain_member(auth, "pid");
    if (!pid.p)
        return false;

    uint64_t offset;
    enum sio_recovery_result offset_error = read_offset(plain_member(auth, "offset"), &offset);
    struct sio_ticket *t = NULL;
    enum sio_recovery_result result = find(r, s, pid, &t);
    if (s->state != SIO_CONNECTING)
        return false;
    if (result == SIO_RECOVERED)
        result = offset_error;
    if (result == SIO_RECOVERED)
        result = collect(r, t, offset, &s->waiting->missed);
    s->recovery = (uint8_t)result;
    if (result == SIO_RECOVERED) {
        *kept = hand_over(r, t, s);
        io->counters->sockets_recovered++;
        return true;
    }
    if (t) /* a client asks once: it is a new socket from now on */
        forget(r, t);
    io->counters->recoveries_failed++;
    lec_log(io->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET, sio_socket_who(s), "not recovered: %s",
            sio_recovery_text(result));
    return false;
}

enum sio_recovery_result sio_socket_recovery(const struct sio_socket *s)
{
    return s->recovery;
}

const char *sio_recovery_text(enum sio_recovery_result result)
{
    switch (result) {
    case SIO_RECOVERY_NOT_ASKED:
    case SIO_RECOVERED:
        break;
    case SIO_RECOVERY_UNKNOWN:
        return "unknown";
    case SIO_RECOVERY_EXPIRED:
        return "expired";
    case SIO_RECOVERY_NO_OFFSET:
        return "no_offset";
    case SIO_RECOVERY_OFFSET_LOST:
        return "offset_lost";
    case SIO_RECOVERY_TOO_MUCH:
        return "too_much";
    case SIO_RECOVERY_USER_CHANGED:
        return "user_changed";
    }
    return NULL;
}
