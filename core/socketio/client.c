/* Packets of one connection: put together, checked against what it has joined, handed on
 * (socketio/client.h).
 *
 * Clients of Engine.IO 3 speak Socket.IO 2: they are in "/" without asking, have their auth in the
 * namespace's name, get no payload with CONNECT and only a string with CONNECT_ERROR, and know no
 * recovery, so their events bear no offset. */
#include "socketio/client.h"

#include <stdlib.h>

#include "base/json.h"
#include "socketio/ack.h"
#include "socketio/internal.h"
#include "socketio/msgpack.h"
#include "socketio/rate.h"
#include "socketio/tombstone.h"

/* A packet that waits for its attachments. Owner: the client, until the last one is here. */
struct sio_partial {
    struct sio_client *client;
    struct lec_timer timer;
    struct sio_packet packet;      /* its slices are into the text below */
    size_t bytes;                  /* of the attachments that are here */
    unsigned count;                /* how many these are */
    struct lec_msg *attachments[]; /* packet.attachments of them; behind them the text */
};

static struct lec_who who(const struct sio_client *c)
{
    return (struct lec_who){ eio_session_log_id(c->session), NULL };
}

static void free_partial(struct sio_partial *part)
{
    lec_timer_stop(part->client->io->loop, &part->timer);
    for (unsigned i = 0; i < part->count; i++)
        lec_msg_unref(part->attachments[i]);
    free(part);
}

/* The session is over: everything of this client goes. */
static void end_client(struct sio_client *c)
{
    lec_timer_stop(c->io->loop, &c->timer);
    if (c->partial)
        free_partial(c->partial);
    c->partial = NULL;
    while (c->sockets)
        sio_socket_end(c->sockets, c->why);
    sio_tombstone_free_all(c->tombstones);
}

static enum sio_reason reason_of(enum eio_reason why)
{
    switch (why) {
    case EIO_TRANSPORT_CLOSE:
        return SIO_TRANSPORT_CLOSE;
    case EIO_TRANSPORT_ERROR:
        return SIO_TRANSPORT_ERROR;
    case EIO_PING_TIMEOUT:
        return SIO_PING_TIMEOUT;
    case EIO_PARSE_ERROR:
        return SIO_PARSE_ERROR;
    case EIO_FORCED_CLOSE:
        return SIO_FORCED_CLOSE;
    case EIO_SERVER_SHUTDOWN:
        return SIO_SERVER_SHUTTING_DOWN;
    case EIO_SLOW_CONSUMER:
        return SIO_SLOW_CONSUMER;
    }
    return SIO_FORCED_CLOSE;
}

void sio_client_close(struct sio_client *c, enum eio_reason why)
{
    if (c->ended)
        return;
    c->ended = true;
    if (!c->closing)
        c->why = (uint8_t)reason_of(why);
    if (c->io->broadcasting) {
        c->next_ended = c->io->ended;
        c->io->ended = c;
    } else {
        end_client(c);
    }
}

void sio_client_end_postponed(struct sio_server *io)
{
    while (io->ended) {
        struct sio_client *c = io->ended;
        io->ended = c->next_ended;
        end_client(c);
    }
}

/* Ends the session for a reason of ours. */
static void close_session(struct sio_client *c, enum sio_reason why, bool discard)
{
    if (c->closing || c->ended)
        return;
    c->closing = true;
    c->why = (uint8_t)why;
    eio_session_close(c->session, discard);
}

static void bad_packet(struct sio_client *c, const char *why)
{
    c->io->counters->clients_bad_packet++;
    lec_log(c->io->log, LEC_LOG_DEBUG, LEC_CAT_IO_CLIENT, who(c), "closed: %s", why);
    close_session(c, SIO_FORCED_CLOSE, true);
}

static void on_connect_timeout(struct lec_timer *t)
{
    struct sio_client *c = LEC_CONTAINER(t, struct sio_client, timer);
    lec_log(c->io->log, LEC_LOG_DEBUG, LEC_CAT_IO_CLIENT, who(c),
            "closed: joined no namespace in time");
    close_session(c, SIO_FORCED_CLOSE, false);
}

static void on_attachment_timeout(struct lec_timer *t)
{
    bad_packet(LEC_CONTAINER(t, struct sio_partial, timer)->client,
               "an attachment did not come in time");
}

void sio_client_replaced(struct sio_client *c)
{
    close_session(c, SIO_TRANSPORT_CLOSE, true);
}

static void connect_to(struct sio_client *c, struct lec_slice name, struct lec_slice auth);

void sio_client_open(struct sio_server *io, struct eio_session *session)
{
    struct sio_client *c = eio_session_user(session);
    c->io = io;
    c->session = session;
    c->eio3 = eio_session_handshake(session)->protocol == 3;
    c->spoke = c->eio3; /* the server speaks first, so it is the default form */
    lec_timer_start(io->loop, &c->timer, io->cfg.connect_timeout_ms, on_connect_timeout);
    if (c->eio3)
        connect_to(c, LEC_SLICE("/"), LEC_SLICE("{}"));
}

void sio_client_add(struct sio_client *c, struct sio_socket *s)
{
    struct sio_socket **last = &c->sockets;
    while (*last)
        last = &(*last)->next;
    *last = s;
}

void sio_client_joined(struct sio_client *c)
{
    c->joined++;
    c->refusals = 0;
    eio_session_keep(c->session);
    lec_timer_stop(c->io->loop, &c->timer);
}

void sio_client_remove(struct sio_client *c, struct sio_socket *s, bool was_joined)
{
    struct sio_socket **p = &c->sockets;
    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    s->next = NULL;
    c->joined -= was_joined;
    c->refusals += !was_joined;
    if (!was_joined || c->closing || c->ended)
        return;
    sio_tombstone_add(&c->tombstones, s->nsp->name, lec_loop_now(c->io->loop),
                      c->io->cfg.max_namespaces);
    if (c->joined == 0)
        lec_timer_start(c->io->loop, &c->timer, c->io->cfg.connect_timeout_ms, on_connect_timeout);
}

int sio_client_send(struct sio_client *c, enum sio_type type, struct lec_slice nsp,
                    struct lec_slice json)
{
    struct sio_outgoing out = { .msg = sio_packet_encode(type, nsp, SIO_NO_ID, 0, json) };
    int rc = sio_send(c->session, c->msgpack, &out);
    sio_outgoing_fini(&out);
    return rc;
}

void sio_client_disconnect(struct sio_client *c)
{
    if (c->closing || c->ended)
        return;
    c->closing = true;
    c->why = SIO_SERVER_DISCONNECT;
    /* Nothing calls back but a session that ends, which takes all sockets. */
    for (struct sio_socket *s = c->sockets; s && !c->ended; s = s->next) {
        if (s->state != SIO_CONNECTED)
            continue;
        if (sio_client_send(c, SIO_DISCONNECT, s->nsp->name, (struct lec_slice){ NULL, 0 }))
            break;
    }
    if (!c->ended)
        eio_session_close(c->session, false);
}

static bool left_lately(const struct sio_client *c, struct lec_slice name)
{
    return sio_tombstone_find(c->tombstones, name, lec_loop_now(c->io->loop));
}

static struct sio_socket *find_socket(const struct sio_client *c, struct lec_slice name)
{
    struct sio_socket *s = c->sockets;
    while (s && !lec_slice_eq(s->nsp->name, name))
        s = s->next;
    return s;
}

static size_t count_sockets(const struct sio_client *c)
{
    size_t n = 0;
    for (const struct sio_socket *s = c->sockets; s; s = s->next)
        n++;
    return n;
}

/* Refuses a CONNECT for which no socket was made. why: needs no escapes in JSON; data: further
 * members of the error, or "". */
static void refuse_connect(struct sio_client *c, struct lec_slice name, const char *why,
                           const char *data)
{
    struct lec_buf error = { 0 };
    lec_buf_printf(&error, "{\"message\":\"%s\"%s}", why, data);
    c->refusals++;
    c->io->counters->sockets_refused++;
    lec_log(c->io->log, LEC_LOG_DEBUG, LEC_CAT_IO_CLIENT, who(c), "CONNECT refused: %s", why);
    int rc = sio_client_send(c, SIO_CONNECT_ERROR, name, lec_buf_slice(&error));
    lec_buf_fini(&error);
    (void)rc; /* if it failed the session has ended, and that was told */
}

static void connect_to(struct sio_client *c, struct lec_slice name, struct lec_slice auth)
{
    struct sio_server *io = c->io;
    if (find_socket(c, name)) {
        bad_packet(c, "CONNECT to a namespace that it has joined");
        return;
    }
    if (c->refusals >= io->cfg.max_refusals) {
        bad_packet(c, "too many CONNECTs that were refused");
        return;
    }
    if (!lec_bucket_take(&c->events, &io->cfg.events, lec_loop_now(io->loop), 1)) {
        io->counters->events_rate_limited++;
        refuse_connect(c, name, "Too many events a second",
                       ",\"data\":{\"code\":\"rate_limited\"}");
        return;
    }
    if (count_sockets(c) >= io->cfg.max_namespaces) {
        refuse_connect(c, name, "Too many namespaces", "");
        return;
    }
    const char *why;
    struct sio_namespace *nsp = sio_dynamic_join(io, name, &why);
    if (nsp)
        io->events->on_connect(io->ctx, sio_socket_new(c, nsp, auth), auth);
    else
        refuse_connect(c, name, why, "");
}

static void on_connect(struct sio_client *c, const struct sio_packet *p)
{
    struct lec_slice name = p->nsp, auth = p->json.n > 0 ? p->json : LEC_SLICE("{}");
    struct lec_buf query = { 0 };
    if (c->eio3) {
        sio_packet_take_query(&name, &query);
        auth = lec_buf_slice(&query);
    }
    connect_to(c, name, auth);
    lec_buf_fini(&query);
}

static void on_event(struct sio_client *c, struct sio_socket *s, const struct sio_packet *p,
                     const struct sio_payload *payload)
{
    struct sio_server *io = c->io;
    struct sio_event event = { .name = p->event, .payload = *payload, .ack_id = p->id };
    struct lec_buf name = { 0 };
    if (p->event_escaped) {
        struct lec_json_token t = { .kind = LEC_JSON_STRING, .escaped = true, .text = p->event };
        lec_json_string(&name, &t);
        event.name = lec_buf_slice(&name);
    }
    if (event.name.n > io->cfg.max_event_name) {
        bad_packet(c, "event name too long");
    } else if (sio_rate_event(c, s, &event)) {
        io->counters->events_in++;
        io->events->on_event(io->ctx, s, &event);
    }
    lec_buf_fini(&name);
}

/* A whole packet. */
static void on_packet(struct sio_client *c, const struct sio_packet *p,
                      struct lec_msg *const *attachments)
{
    struct sio_payload payload = { p->json, attachments, p->attachments };
    if (p->type == SIO_CONNECT) {
        on_connect(c, p);
        return;
    }
    struct sio_socket *s = find_socket(c, p->nsp);
    bool joined = s && s->state == SIO_CONNECTED;
    switch (p->type) {
    case SIO_DISCONNECT:
        if (s)
            sio_socket_end(s, SIO_CLIENT_DISCONNECT);
        else if (!left_lately(c, p->nsp))
            bad_packet(c, "DISCONNECT from a namespace that it has not joined");
        return;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        if (joined)
            on_event(c, s, p, &payload);
        else if (!left_lately(c, p->nsp))
            bad_packet(c, "EVENT for a namespace that it has not joined");
        return;
    case SIO_ACK:
    case SIO_BINARY_ACK:
        if (joined)
            sio_ack_answer(s, p->id, &payload);
        else if (!left_lately(c, p->nsp))
            bad_packet(c, "ACK for a namespace that it has not joined");
        return;
    default:
        bad_packet(c, "a packet that only servers send");
    }
}

static struct lec_slice moved(struct lec_slice s, const char *from, const char *to)
{
    return (struct lec_slice){ to + (s.p - from), s.n };
}

/* Keeps a packet until its attachments are here. A client that has not joined its namespace cannot
 * make us hold anything. */
static void hold_packet(struct sio_client *c, const struct sio_packet *p, struct lec_slice text)
{
    const struct sio_socket *s = find_socket(c, p->nsp);
    if (!(s && s->state == SIO_CONNECTED) && !left_lately(c, p->nsp)) {
        bad_packet(c, "binary packet for a namespace that it has not joined");
        return;
    }
    struct sio_partial *part =
        lec_alloc0(sizeof *part + p->attachments * sizeof *part->attachments + text.n);
    char *copy = memcpy(part->attachments + p->attachments, text.p, text.n);
    part->client = c;
    part->packet = *p;
    part->packet.nsp = lec_slice_is(p->nsp, "/") ? LEC_SLICE("/") : moved(p->nsp, text.p, copy);
    part->packet.json = moved(p->json, text.p, copy);
    if (p->type == SIO_BINARY_EVENT)
        part->packet.event = moved(p->event, text.p, copy);
    c->partial = part;
    lec_timer_start(c->io->loop, &part->timer, c->io->cfg.attachment_timeout_ms,
                    on_attachment_timeout);
}

static void on_attachment(struct sio_client *c, struct lec_slice data)
{
    struct sio_partial *part = c->partial;
    if (!part) {
        bad_packet(c, "binary message that nothing announced");
        return;
    }
    if (part->bytes + data.n > c->io->cfg.max_attachment_bytes) {
        bad_packet(c, "attachments too large together");
        return;
    }
    part->bytes += data.n;
    part->attachments[part->count++] = lec_msg_copy(true, data.p, data.n);
    if (part->count < part->packet.attachments) {
        lec_timer_start(c->io->loop, &part->timer, c->io->cfg.attachment_timeout_ms,
                        on_attachment_timeout);
        return;
    }
    /* Off the client first: whatever the handler does to it, the packet stays until it returns. */
    c->partial = NULL;
    on_packet(c, &part->packet, part->attachments);
    free_partial(part);
}

static void refuse_packet(struct sio_client *c, int rc)
{
    bad_packet(c, rc == LEC_ETOOBIG ? "packet over a limit" : "malformed packet");
}

/* A packet whose attachments, slices, came with it. */
static void on_whole(struct sio_client *c, const struct sio_packet *p, const struct lec_buf *bins)
{
    const struct lec_slice *bin = (const void *)bins->p;
    size_t bytes = 0;
    for (unsigned i = 0; i < p->attachments; i++)
        bytes += bin[i].n;
    if (bytes > c->io->cfg.max_attachment_bytes) {
        bad_packet(c, "attachments too large together");
        return;
    }
    struct lec_msg **attachments = lec_alloc(p->attachments * sizeof(struct lec_msg *));
    for (unsigned i = 0; i < p->attachments; i++)
        attachments[i] = lec_msg_copy(true, bin[i].p, bin[i].n);
    on_packet(c, p, attachments);
    for (unsigned i = 0; i < p->attachments; i++)
        lec_msg_unref(attachments[i]);
    free(attachments);
}

static void on_msgpack(struct sio_client *c, struct lec_slice data)
{
    struct sio_packet p;
    struct lec_buf json = { 0 }, bins = { 0 };
    int rc = sio_msgpack_decode(&p, data, &c->io->cfg.packet, &json, &bins);
    if (rc)
        refuse_packet(c, rc);
    else if (p.attachments > 0)
        on_whole(c, &p, &bins);
    else
        on_packet(c, &p, NULL);
    lec_buf_fini(&json);
    lec_buf_fini(&bins);
}

void sio_client_message(struct sio_client *c, struct lec_slice data, bool binary)
{
    if (c->closing || c->ended)
        return;
    if (!sio_rate_message(c, data.n))
        return;
    if (!c->spoke) {
        c->spoke = true;
        c->msgpack = binary;
    }
    if (c->msgpack) {
        if (binary)
            on_msgpack(c, data);
        else
            bad_packet(c, "text from a client that speaks msgpack");
        return;
    }
    if (binary) {
        on_attachment(c, data);
        return;
    }
    if (c->partial) {
        bad_packet(c, "text in place of an attachment");
        return;
    }
    struct sio_packet p;
    int rc = sio_packet_decode(&p, data, &c->io->cfg.packet);
    if (rc)
        refuse_packet(c, rc);
    else if (p.attachments > 0)
        hold_packet(c, &p, data);
    else
        on_packet(c, &p, NULL);
}
