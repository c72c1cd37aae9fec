/* One event that many sockets are to answer: encoded once, with one number for all.
 *
 * Each receiver answers, leaves, or lets the time pass; one that cannot even be asked has failed from
 * the start. The question is over when nobody is left to wait for: a socket that leaves is not
 * waited for, and what comes later is ignored. Owner: who asked, and frees it, over or not. */
#ifndef SIO_QUESTION_H
#define SIO_QUESTION_H

#include "socketio/namespace.h"

struct sio_question;

struct sio_question_events {
    /* Receiver i answered [args…], which are valid during the call. Returns its result: LEC_OK, or
     * why the answer is not to count. Does nothing else. */
    int (*on_answer)(void *ctx, size_t i, const struct sio_payload *args);
    /* Nobody is left to wait for. Comes once, never from inside sio_question_new. */
    void (*on_over)(void *ctx);
};

/* Asks these sockets, each once in the list, all of one namespace. timeout_ms 0: no limit. Others
 * that are found too slow go before it returns, so anything may have happened by then; look at
 * sio_question_open first: if it is 0, on_over does not come. */
struct sio_question *sio_question_new(struct sio_namespace *nsp, struct sio_socket *const *sockets,
                                      size_t n, const struct sio_payload *event,
                                      unsigned timeout_ms, const struct sio_question_events *events,
                                      void *ctx);
void sio_question_free(struct sio_question *q); /* forgets it; also from inside on_over */

size_t sio_question_open(const struct sio_question *q); /* receivers that are still waited for */
/* LEC_OK: it answered. LEC_EAGAIN: not yet. LEC_ETIMEOUT; LEC_ECLOSED: it left; LEC_EFULL: it was
 * not asked, as max_acks answers were awaited from it already, or it was cut off as too slow; or
 * what on_answer returned. */
int sio_question_result(const struct sio_question *q, size_t i);

#endif
