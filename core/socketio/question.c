/* An ack for each receiver, all with one number (socketio/question.h). They live in the sockets'
 * lists, without timers of their own, and point to their receiver in here. */
#include "socketio/question.h"

#include <stdlib.h>

#include "socketio/ack.h"
#include "socketio/internal.h"

struct receiver {
    struct sio_question *question;
    struct sio_socket *socket; /* NULL: it is not waited for */
    int result;
};

struct sio_question {
    struct sio_server *io;
    const struct sio_question_events *events;
    void *ctx;
    int64_t id;
    struct lec_timer timer;
    bool sending; /* sio_question_new has not returned */
    size_t open;  /* receivers that are waited for */
    struct receiver receivers[];
};

static void end_receiver(struct receiver *r, int result)
{
    r->socket = NULL;
    r->result = result;
    r->question->open--;
}

static void end_if_over(struct sio_question *q)
{
    if (q->open > 0 || q->sending)
        return;
    lec_timer_stop(q->io->loop, &q->timer);
    q->events->on_over(q->ctx);
}

static void on_ack(void *ctx, int err, const struct sio_payload *args)
{
    struct receiver *r = ctx;
    struct sio_question *q = r->question;
    if (err == LEC_OK)
        err = q->events->on_answer(q->ctx, (size_t)(r - q->receivers), args);
    end_receiver(r, err);
    end_if_over(q);
}

static void forget_all(struct sio_question *q, int result)
{
    for (size_t i = 0; q->open > 0; i++) {
        struct receiver *r = &q->receivers[i];
        if (!r->socket)
            continue;
        sio_socket_forget_ack(r->socket, q->id);
        end_receiver(r, result);
    }
}

static void on_timeout(struct lec_timer *t)
{
    struct sio_question *q = LEC_CONTAINER(t, struct sio_question, timer);
    q->io->counters->acks_timed_out += q->open;
    forget_all(q, LEC_ETIMEOUT);
    end_if_over(q);
}

static int ask(struct receiver *r, struct sio_outgoing *out)
{
    struct sio_socket *s = r->socket;
    if (!s->session)
        return LEC_ECLOSED;
    if (s->n_acks >= r->question->io->cfg.max_acks)
        return LEC_EFULL;
    int rc = sio_send(s->session, s->msgpack, out);
    if (rc == LEC_OK) {
        r->question->io->counters->events_out++;
        sio_ack_add(s, r->question->id, 0, on_ack, r);
    }
    return rc;
}

struct sio_question *sio_question_new(struct sio_namespace *nsp, struct sio_socket *const *sockets,
                                      size_t n, const struct sio_payload *event,
                                      unsigned timeout_ms, const struct sio_question_events *events,
                                      void *ctx)
{
    struct sio_server *io = nsp->io;
    struct sio_question *q = lec_alloc0(sizeof *q + n * sizeof *q->receivers);
    q->io = io;
    q->events = events;
    q->ctx = ctx;
    q->id = nsp->next_ack++;
    q->sending = true;
    q->open = n;
    struct sio_outgoing out = sio_outgoing_of(
        sio_packet_encode(SIO_EVENT, nsp->name, q->id, event->n_attachments, event->json), event);
    io->broadcasting = true;
    for (size_t i = 0; i < n; i++) {
        struct receiver *r = &q->receivers[i];
        *r = (struct receiver){ q, sockets[i], LEC_EAGAIN };
        int rc = ask(r, &out);
        if (rc != LEC_OK)
            end_receiver(r, rc);
    }
    io->broadcasting = false;
    sio_outgoing_fini(&out);
    sio_client_end_postponed(io);
    q->sending = false;
    if (timeout_ms > 0 && q->open > 0)
        lec_timer_start(io->loop, &q->timer, timeout_ms, on_timeout);
    return q;
}

void sio_question_free(struct sio_question *q)
{
    if (!q)
        return;
    forget_all(q, LEC_ECANCELED);
    lec_timer_stop(q->io->loop, &q->timer);
    free(q);
}

size_t sio_question_open(const struct sio_question *q)
{
    return q->open;
}

int sio_question_result(const struct sio_question *q, size_t i)
{
    return q->receivers[i].result;
}
