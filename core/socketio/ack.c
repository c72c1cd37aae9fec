/* Acks that a socket waits for (socketio/ack.h). An ack leaves the list before its function is
 * called, and is freed before, too: the function may do anything. */
#include "socketio/ack.h"

#include <stdlib.h>

#include "socketio/internal.h"

/* Owner: its socket's list. Dies when it is answered, forgotten, late, or the socket is GONE. */
struct sio_ack {
    struct lec_list link;
    struct sio_socket *socket;
    int64_t id;
    sio_ack_fn *fn;
    void *ctx;
    struct lec_timer timer;
};

static void remove_ack(struct sio_ack *ack)
{
    struct sio_socket *s = ack->socket;
    lec_list_remove(&ack->link);
    s->n_acks--;
    lec_timer_stop(s->nsp->io->loop, &ack->timer);
    free(ack);
}

static void end_ack(struct sio_ack *ack, int err, const struct sio_payload *args)
{
    sio_ack_fn *fn = ack->fn;
    void *ctx = ack->ctx;
    remove_ack(ack);
    fn(ctx, err, args);
}

static void on_timeout(struct lec_timer *t)
{
    struct sio_ack *ack = LEC_CONTAINER(t, struct sio_ack, timer);
    ack->socket->nsp->io->counters->acks_timed_out++;
    end_ack(ack, LEC_ETIMEOUT, NULL);
}

static struct sio_ack *find_ack(const struct sio_socket *s, int64_t id)
{
    for (struct lec_list *l = s->acks.next; l != &s->acks; l = l->next) {
        struct sio_ack *ack = LEC_CONTAINER(l, struct sio_ack, link);
        if (ack->id == id)
            return ack;
    }
    return NULL;
}

void sio_ack_add(struct sio_socket *s, int64_t id, unsigned timeout_ms, sio_ack_fn *fn, void *ctx)
{
    struct sio_ack *ack = lec_alloc0(sizeof *ack);
    ack->socket = s;
    ack->id = id;
    ack->fn = fn;
    ack->ctx = ctx;
    lec_list_append(&s->acks, &ack->link);
    s->n_acks++;
    if (timeout_ms > 0)
        lec_timer_start(s->nsp->io->loop, &ack->timer, timeout_ms, on_timeout);
}

int sio_socket_emit_ack(struct sio_socket *s, const struct sio_payload *event, unsigned timeout_ms,
                        sio_ack_fn *fn, void *ctx, int64_t *id)
{
    if (s->state == SIO_GONE)
        return LEC_ECLOSED;
    if (s->n_acks >= s->nsp->io->cfg.max_acks)
        return LEC_EFULL;

    int64_t next = s->nsp->next_ack++;
    int rc = sio_socket_send_event(s, event, next, false);
    if (rc)
        return rc;

    sio_ack_add(s, next, timeout_ms, fn, ctx);
    if (id)
        *id = next;
    return LEC_OK;
}

void sio_socket_forget_ack(struct sio_socket *s, int64_t id)
{
    struct sio_ack *ack = find_ack(s, id);
    if (ack)
        remove_ack(ack);
}

void sio_ack_answer(struct sio_socket *s, int64_t id, const struct sio_payload *args)
{
    struct sio_ack *ack = find_ack(s, id);
    if (ack)
        end_ack(ack, LEC_OK, args);
}

void sio_ack_close_all(struct sio_socket *s)
{
    while (!lec_list_empty(&s->acks))
        end_ack(LEC_CONTAINER(s->acks.next, struct sio_ack, link), LEC_ECLOSED, NULL);
}
