/* One client in one namespace: its states, and what is sent to it. Its rooms are in
 * socketio/room.c, the acks that it owes in socketio/ack.c. */
#include "socketio/socket.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "socketio/ack.h"
#include "socketio/internal.h"
#include "socketio/msgpack.h"

static struct sio_socket *new_with_id(const struct eio_session *session, struct lec_slice nsp)
{
    bool bound = eio_session_is_bound(session);
    size_t prefix = bound && !lec_slice_is(nsp, "/") ? nsp.n + 1 : 0;
    struct sio_socket *s = lec_alloc0(sizeof *s + prefix + LEC_ID_LEN + 1);
    if (prefix > 0) {
        memcpy(s->id, nsp.p, nsp.n);
        s->id[nsp.n] = '#';
    }
    if (bound)
        memcpy(s->id + prefix, eio_session_sid(session), LEC_ID_LEN);
    else
        lec_id_make(s->id);
    return s;
}

struct sio_socket *sio_socket_new(struct sio_client *c, struct sio_namespace *nsp,
                                  struct lec_slice auth)
{
    struct sio_socket *s = new_with_id(c->session, nsp->name);
    s->client = c;
    s->nsp = nsp;
    s->msgpack = c->msgpack;
    s->state = SIO_CONNECTING;
    lec_list_init(&s->acks);
    s->waiting = lec_alloc0(sizeof *s->waiting + auth.n);
    s->waiting->auth_len = auth.n;
    memcpy(s->waiting->auth, auth.p, auth.n);
    s->index = sio_members_add(&nsp->everyone, (struct sio_member){ s, 0 });
    sio_client_add(c, s);
    return s;
}

static void drop_waiting(struct sio_waiting *waiting)
{
    if (!waiting)
        return;
    lec_outq_fini(&waiting->missed);
    lec_outq_fini(&waiting->out);
    free(waiting);
}

static void free_socket(struct lec_later *l)
{
    free(LEC_CONTAINER(l, struct sio_socket, later));
}

void sio_socket_end(struct sio_socket *s, enum sio_reason why)
{
    struct sio_namespace *nsp = s->nsp;
    struct sio_server *io = nsp->io;
    if (s->state == SIO_GONE)
        return;
    bool was_connected = s->state == SIO_CONNECTED;
    s->state = SIO_GONE;
    s->session = NULL;
    drop_waiting(s->waiting);
    s->waiting = NULL;
    if (was_connected) {
        nsp->connected--;
        lec_map_remove(&nsp->sockets, lec_slice_str(s->id));
    }
    if (sio_members_remove(&nsp->everyone, s->index))
        nsp->everyone.p[s->index].socket->index = s->index;
    sio_client_remove(s->client, s, was_connected);
    if (s->ticket)
        nsp->recovery->leaving++;

    if (was_connected) {
        lec_log(io->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET, sio_socket_who(s), "left %.*s: %s",
                (int)nsp->name.n, nsp->name.p, sio_reason_text(why));
        io->events->on_disconnect(io->ctx, s, why);
    }
    sio_ack_close_all(s);
    if (s->ticket)
        sio_recovery_left(nsp->recovery, s, why);
    sio_room_leave_all(s);
    io->events->on_free(io->ctx, s);
    lec_loop_free_later(io->loop, &s->later, free_socket);
    sio_dynamic_left(nsp);
}

int sio_send_packed(struct eio_session *session, struct sio_outgoing *out)
{
    if (!out->packed)
        out->packed = sio_msgpack_encode(out->msg, out->attachments);
    return out->packed ? eio_session_send(session, out->packed) : LEC_EPROTO;
}

/* Sends what waited: packets, each with its attachments behind it. */
static int send_all(struct sio_socket *s, const struct lec_outq *q)
{
    if (q->count == 0)
        return LEC_OK;
    struct lec_msg **all = lec_alloc(q->count * sizeof(struct lec_msg *));
    for (uint32_t i = 0; i < q->count; i++)
        all[i] = lec_outq_at(q, i);
    int rc = LEC_OK;
    for (uint32_t i = 0, end; rc == LEC_OK && i < q->count; i = end) {
        for (end = i + 1; end < q->count && all[end]->binary;)
            end++;
        struct sio_outgoing out = { lec_msg_ref(all[i]), all + i + 1, end - i - 1, NULL };
        rc = sio_send(s->client->session, s->msgpack, &out);
        sio_outgoing_fini(&out);
    }
    free(all);
    return rc;
}

/* A packet of the connection's own, with no event in it. */
static int send_packet(struct sio_socket *s, enum sio_type type, struct lec_slice json)
{
    return sio_client_send(s->client, type, s->nsp->name, json);
}

void sio_socket_accept(struct sio_socket *s)
{
    struct sio_namespace *nsp = s->nsp;
    if (s->state != SIO_CONNECTING)
        return;
    struct sio_waiting *waiting = s->waiting;
    s->waiting = NULL;
    s->state = SIO_CONNECTED;
    s->session = s->client->session;
    nsp->connected++;
    lec_map_put(&nsp->sockets, lec_slice_str(s->id), s);
    sio_room_enter_all(s);
    sio_client_joined(s->client);
    if (nsp->recovery && !s->client->eio3)
        sio_recovery_accepted(nsp->recovery, s);
    nsp->io->counters->sockets_connected++;
    lec_log(nsp->io->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET, sio_socket_who(s), "%s %.*s",
            s->recovery == SIO_RECOVERED ? "came back to" : "joined", (int)nsp->name.n,
            nsp->name.p);

    char json[sizeof "{\"sid\":\"\",\"pid\":\"\"}" + 2 * LEC_ID_LEN] = "";
    int n = 0;
    if (!s->client->eio3)
        n = snprintf(json, sizeof json,
                     s->ticket ? "{\"sid\":\"%s\",\"pid\":\"%s\"}" : "{\"sid\":\"%s\"}", s->id,
                     s->ticket ? s->ticket->pid : "");
    /* A send may end the client, and this socket with it. */
    int rc = send_all(s, &waiting->missed);
    if (rc == LEC_OK)
        rc = send_packet(s, SIO_CONNECT, (struct lec_slice){ json, (size_t)n });
    if (rc == LEC_OK)
        (void)!send_all(s, &waiting->out);
    drop_waiting(waiting);
}

void sio_socket_refuse(struct sio_socket *s, const char *message, struct lec_slice data)
{
    if (s->state != SIO_CONNECTING)
        return;
    struct lec_buf json = { 0 };
    bool bare = s->client->eio3;
    lec_buf_adds(&json, bare ? "" : "{\"message\":");
    if (!message || lec_json_put_string(&json, message, strlen(message)) != LEC_OK)
        lec_buf_adds(&json, "\"Refused\"");
    if (data.n > 0 && !bare) {
        lec_buf_adds(&json, ",\"data\":");
        lec_buf_add(&json, data.p, data.n);
    }
    lec_buf_adds(&json, bare ? "" : "}");
    s->nsp->io->counters->sockets_refused++;
    lec_log(s->nsp->io->log, LEC_LOG_DEBUG, LEC_CAT_IO_SOCKET, sio_socket_who(s),
            "refused in %.*s: %s", (int)s->nsp->name.n, s->nsp->name.p, message ? message : "");
    /* A send may end the client, and this socket with it. */
    int rc = send_packet(s, SIO_CONNECT_ERROR, lec_buf_slice(&json));
    lec_buf_fini(&json);
    (void)rc;
    sio_socket_end(s, SIO_SERVER_DISCONNECT);
}

/* Only our own handlers can fill it. */
static int wait_in_line(const struct sio_socket *s, const struct sio_outgoing *out)
{
    struct sio_waiting *waiting = s->waiting;
    size_t bytes = waiting->out.bytes + out->msg->len;
    for (unsigned i = 0; i < out->n_attachments; i++)
        bytes += out->attachments[i]->len;
    if (bytes > s->nsp->io->cfg.max_waiting_bytes)
        return LEC_EFULL;
    lec_outq_push(&waiting->out, out->msg);
    for (unsigned i = 0; i < out->n_attachments; i++)
        lec_outq_push(&waiting->out, out->attachments[i]);
    return LEC_OK;
}

int sio_socket_send_event(struct sio_socket *s, const struct sio_payload *event, int64_t id,
                          bool is_volatile)
{
    struct sio_server *io = s->nsp->io;
    if (s->state == SIO_GONE)
        return LEC_ECLOSED;
    if (is_volatile && !(s->session && eio_session_writable(s->session))) {
        io->counters->volatile_dropped++;
        return LEC_EAGAIN;
    }
    struct sio_recovery *r = id == SIO_NO_ID && !s->client->eio3 ? s->nsp->recovery : NULL;
    struct sio_payload stamped = r ? sio_recovery_stamp(r, event, is_volatile) : *event;
    struct lec_msg *msg =
        sio_packet_encode(SIO_EVENT, s->nsp->name, id, event->n_attachments, stamped.json);
    if (r && !is_volatile)
        sio_recovery_log(r, msg, event, s->id, NULL);
    struct sio_outgoing out = sio_outgoing_of(msg, event);
    int rc = s->session ? sio_send(s->session, s->msgpack, &out) : wait_in_line(s, &out);
    sio_outgoing_fini(&out);
    if (rc == LEC_OK)
        io->counters->events_out++;
    return rc;
}

int sio_socket_emit(struct sio_socket *s, const struct sio_payload *event, bool is_volatile)
{
    return sio_socket_send_event(s, event, SIO_NO_ID, is_volatile);
}

int sio_socket_ack(struct sio_socket *s, int64_t ack_id, const struct sio_payload *args)
{
    if (s->state != SIO_CONNECTED)
        return LEC_ECLOSED;
    if (ack_id < 0)
        return LEC_EINVAL;
    struct sio_outgoing out = sio_outgoing_of(
        sio_packet_encode(SIO_ACK, s->nsp->name, ack_id, args->n_attachments, args->json), args);
    int rc = sio_send(s->session, s->msgpack, &out);
    sio_outgoing_fini(&out);
    return rc;
}

void sio_socket_disconnect(struct sio_socket *s, bool close)
{
    if (s->state == SIO_GONE)
        return;
    if (close) {
        sio_client_disconnect(s->client);
        return;
    }
    int rc = send_packet(s, SIO_DISCONNECT, (struct lec_slice){ NULL, 0 });
    (void)rc;
    sio_socket_end(s, SIO_SERVER_DISCONNECT);
}

const char *sio_socket_id(const struct sio_socket *s)
{
    return s->id;
}

struct sio_namespace *sio_socket_namespace(const struct sio_socket *s)
{
    return s->nsp;
}

const struct eio_handshake *sio_socket_handshake(const struct sio_socket *s)
{
    return eio_session_handshake(s->client->session);
}

struct lec_slice sio_socket_auth(const struct sio_socket *s)
{
    return s->waiting ? (struct lec_slice){ s->waiting->auth, s->waiting->auth_len }
                      : LEC_SLICE("{}");
}

enum eio_transport sio_socket_transport(const struct sio_socket *s)
{
    return eio_session_transport(s->client->session);
}

const char *sio_socket_log_id(const struct sio_socket *s)
{
    return eio_session_log_id(s->client->session);
}

bool sio_socket_connected(const struct sio_socket *s)
{
    return s->state == SIO_CONNECTED;
}

bool sio_socket_connecting(const struct sio_socket *s)
{
    return s->state == SIO_CONNECTING;
}

void sio_socket_set_user(struct sio_socket *s, void *user)
{
    s->user = user;
}

void *sio_socket_user(const struct sio_socket *s)
{
    return s->user;
}

void sio_socket_set_person(struct sio_socket *s, const char *account, const char *name)
{
    s->account = account;
    s->log_user = name;
}

struct lec_who sio_socket_who(const struct sio_socket *s)
{
    return (struct lec_who){ sio_socket_log_id(s), s->log_user };
}
