#include "script/held.h"

#include <stdlib.h>
#include <string.h>

#include "script/handle.h"
#include "script/hooks.h"

/* Its texts and the list of its attachments are in the same piece of memory. */
struct held {
    struct lec_list link;
    size_t bytes;
    bool heard;
    struct sio_event event;
    struct lec_msg *attachments[]; /* a reference each */
};

void lec_held_init(struct lec_held *held)
{
    lec_list_init(&held->events);
    lec_list_init(&held->due);
}

static struct held *copy_of(const struct sio_event *event)
{
    const struct sio_payload *p = &event->payload;
    size_t list = p->n_attachments * sizeof(struct lec_msg *);
    struct held *copy = lec_alloc0(sizeof *copy + list + event->name.n + p->json.n);
    char *text = (char *)copy->attachments + list;
    copy->event = *event;
    copy->bytes = sizeof *copy + list + event->name.n + p->json.n;
    memcpy(text, event->name.p, event->name.n);
    copy->event.name.p = text;
    text += event->name.n;
    memcpy(text, p->json.p, p->json.n);
    copy->event.payload.json.p = text;
    for (unsigned i = 0; i < p->n_attachments; i++) {
        copy->attachments[i] = lec_msg_ref(p->attachments[i]);
        copy->bytes += p->attachments[i]->len;
    }
    copy->event.payload.attachments = copy->attachments;
    return copy;
}

static void free_held(struct held *e)
{
    for (unsigned i = 0; i < e->event.payload.n_attachments; i++)
        lec_msg_unref(e->attachments[i]);
    free(e);
}

/* The oldest is the caller's now. NULL: there is none. */
static struct held *take(struct lec_handle *h)
{
    struct lec_list *node = lec_list_shift(&h->held.events);
    if (!node)
        return NULL;
    struct held *e = LEC_CONTAINER(node, struct held, link);
    h->held.count--;
    h->script->n_held--;
    h->held.bytes -= e->bytes;
    return e;
}

void lec_held_drop(struct lec_handle *h)
{
    struct held *e;
    while ((e = take(h)) != NULL) {
        h->script->counters->events_dropped++;
        free_held(e);
    }
    lec_list_remove(&h->held.due);
}

void lec_held_wait(struct lec_handle *h)
{
    h->held.waits++;
}

void lec_held_go_on(struct lec_handle *h)
{
    if (--h->held.waits > 0 || h->held.count == 0)
        return;
    lec_list_remove(&h->held.due);
    lec_list_append(&h->script->due, &h->held.due);
}

bool lec_held_must(const struct lec_handle *h)
{
    return h->held.waits > 0 || h->held.count > 0;
}

bool lec_held_add(struct lec_handle *h, const struct sio_event *event, bool heard)
{
    struct lec_script *s = h->script;
    if (h->n_tasks + h->held.count >= s->cfg->max_tasks)
        return false;
    struct held *e = copy_of(event);
    if (h->held.bytes + e->bytes > s->cfg->max_queue_bytes) {
        free_held(e);
        return false;
    }
    e->heard = heard;
    h->held.count++;
    s->n_held++;
    h->held.bytes += e->bytes;
    s->counters->events_held += !heard;
    lec_list_append(heard ? h->held.events.next : &h->held.events, &e->link);
    return true;
}

void lec_held_run(struct lec_script *s)
{
    while (!lec_list_empty(&s->due)) {
        struct lec_handle *h = LEC_CONTAINER(s->due.next, struct lec_handle, held.due);
        if (h->peer->revoked) /* meanwhile: nobody is heard who is about to go */
            lec_held_drop(h);
        struct held *e = h->held.waits > 0 ? NULL : take(h);
        if (!e) { /* it waits again, or that was all */
            lec_list_remove(&h->held.due);
            continue;
        }
        lec_hooks_event(h, &e->event, e->heard);
        free_held(e);
    }
}
