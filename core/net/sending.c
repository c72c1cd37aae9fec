/* What the kernel has not taken yet of an answer. A large body is never copied to wait here: it is read
 * from its file, or referred to, piece by piece as the client takes it. Who takes nothing for
 * send_timeout is cut off. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/msg.h"
#include "net/internal.h"

#define PER_TURN                                                                                   \
    ((size_t)256 * 1024) /* bytes sent to one connection before others have their turn */

/* Owner: its connection, until all is sent. */
struct sending {
    struct lec_msg *shared; /* a reference: the body; or NULL */
    int file;               /* ours: the body; or -1 */
    off_t at;               /* where it goes on in either */
    size_t left;            /* bytes of it to be sent */
    size_t n, done;         /* of `first`, which goes before */
    char first[];
};

void sending_free(struct conn *c)
{
    struct sending *s = c->sending;
    if (s == NULL)
        return;
    lec_msg_unref(s->shared);
    if (s->file >= 0) {
        close(s->file);
        c->net->files--;
    }
    free(s);
    c->sending = NULL;
}

/* How many bytes the kernel took, 0 for none now; -1: the connection is broken, or the file too short. */
static ssize_t send_some(struct conn *c, struct sending *s)
{
    if (s->done < s->n) {
        ssize_t k = socket_send(c->fd, c->ssl, s->first + s->done, s->n - s->done);
        s->done += k > 0 ? (size_t)k : 0;
        return k;
    }
    size_t n = s->left < PER_TURN ? s->left : PER_TURN;
    ssize_t k;
    if (s->shared != NULL) {
        k = socket_send(c->fd, c->ssl, lec_msg_payload(s->shared).p + s->at, n);
        s->at += k > 0 ? k : 0;
    } else {
        k = socket_send_file(c->fd, c->ssl, s->file, &s->at, n, c->net->gather);
    }
    s->left -= k > 0 ? (size_t)k : 0;
    return k;
}

void sending_go_on(struct conn *c)
{
    struct sending *s = c->sending;
    ssize_t k = 1, sum = 0;
    while ((s->done < s->n || s->left > 0) && k > 0 && sum < (ssize_t)PER_TURN) {
        k = send_some(c, s);
        sum += k;
    }
    if (k < 0) {
        conn_end(c);
    } else if (s->done == s->n && s->left == 0) {
        sending_free(c);
        lec_timer_stop(c->net->loop, &c->timer);
        conn_sent(c);
    } else if (sum > 0) {
        conn_set_deadline(c, c->net->cfg->send_timeout_ms);
    }
}

void conn_send(struct conn *c, struct lec_slice head, const struct lec_reply *r, enum after after)
{
    size_t body = r == NULL           ? 0
                  : r->shared != NULL ? r->shared->len
                  : r->file != NULL   ? r->file->size
                                      : 0;
    c->after = (uint8_t)after;
    ssize_t k = socket_send(c->fd, c->ssl, head.p, head.n);
    if (k < 0) {
        conn_end(c);
        return;
    }
    if ((size_t)k == head.n && body == 0) {
        conn_sent(c);
        return;
    }
    struct sending *s = lec_alloc0(sizeof *s + head.n - (size_t)k);
    c->sending = s;
    s->n = head.n - (size_t)k;
    memcpy(s->first, head.p + k, s->n);
    s->left = body;
    s->file = -1;
    if (body > 0 && r->shared != NULL)
        s->shared = lec_msg_ref(r->shared);
    else if (body > 0)
        s->file = fcntl(r->file->fd, F_DUPFD_CLOEXEC, 0);
    c->net->files += s->file >= 0;
    conn_become(c, CONN_SENDING);
    if (conn_is_over(c))
        return;
    conn_set_deadline(c, c->net->cfg->send_timeout_ms);
    if ((size_t)k == head.n)
        sending_go_on(c);
}
