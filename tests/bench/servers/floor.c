/* The floor: the least that any server of this benchmark's workload can do. One thread, one epoll;
 * no JSON parser, no token, no script, no heartbeat, no limits. It finds what it needs by looking
 * for bytes, and is wrong about everything that the load generator does not send. What a turn has
 * to say to one connection leaves in one write at the end of the turn.
 *
 * usage: bench_floor PORT [CERT KEY] */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "base/buf.h"

enum { EVENTS = 1024, SCRATCH = 256 * 1024, ROOMS = 1024, LARGE = 512 };

struct conn;

struct client {
    unsigned number;
    unsigned room, place; /* where it is in the room's list; room 0: in none */
    struct conn *conn;    /* the WebSocket, or the connection whose GET waits */
    bool websocket;
    struct lec_buf queue; /* polling: what waits for a GET */
    struct lec_buf event; /* a binary event that waits for its attachment */
};

struct conn {
    int fd;
    SSL *ssl;
    struct client *client; /* WebSocket only */
    struct lec_buf in, out;
    bool dirty, armed;
};

static struct room {
    struct client **members;
    unsigned n, cap;
} rooms[ROOMS];

static int epoll;
static SSL_CTX *tls;
static char scratch[SCRATCH];
static struct client **clients;
static unsigned n_clients;
static struct conn **dirty;
static unsigned n_dirty, cap_dirty;

/* --- out ---------------------------------------------------------------------------------- */

static void touch(struct conn *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    if (n_dirty == cap_dirty) {
        cap_dirty = cap_dirty ? cap_dirty * 2 : 1024;
        dirty = realloc(dirty, cap_dirty * sizeof(struct conn *));
    }
    dirty[n_dirty++] = c;
}

static size_t write_some(struct conn *c, const char *p, size_t n)
{
    size_t k = 0;
    if (c->ssl != NULL)
        return SSL_write_ex(c->ssl, p, n, &k) == 1 ? k : 0;
    ssize_t rc = send(c->fd, p, n, MSG_NOSIGNAL);
    return rc < 0 ? 0 : (size_t)rc;
}

static void flush(struct conn *c)
{
    size_t done = 0, k;
    c->dirty = false;
    while (done < c->out.n && (k = write_some(c, c->out.p + done, c->out.n - done)) > 0)
        done += k;
    bool left = done < c->out.n;
    if (left) {
        memmove(c->out.p, c->out.p + done, c->out.n - done);
        c->out.n -= done;
    } else {
        lec_buf_clear(&c->out, 1024);
    }
    if (left != c->armed) {
        struct epoll_event e = { .events = EPOLLIN | (left ? EPOLLOUT : 0u), .data.ptr = c };
        c->armed = left;
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e);
    }
}

static void answer(struct conn *c, const char *body, size_t n)
{
    lec_buf_printf(&c->out,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   n);
    lec_buf_add(&c->out, body, n);
    touch(c);
}

static size_t frame_head(char *out, unsigned char opcode, size_t n)
{
    out[0] = (char)(0x80 | opcode);
    if (n < 126) {
        out[1] = (char)n;
        return 2;
    }
    if (n < 65536) {
        out[1] = 126;
        out[2] = (char)(n >> 8);
        out[3] = (char)n;
        return 4;
    }
    uint64_t wide = htobe64(n);
    out[1] = 127;
    memcpy(out + 2, &wide, 8);
    return 10;
}

/* A frame, and the same as a polling packet. */
static void send_both(struct client *to, const struct lec_buf *frame, const struct lec_buf *packet)
{
    if (to->websocket) {
        struct conn *c = to->conn;
        /* A large one costs more to copy than to send at once. */
        size_t sent = frame->n >= LARGE && c->out.n == 0 ? write_some(c, frame->p, frame->n) : 0;
        if (sent < frame->n) {
            lec_buf_add(&c->out, frame->p + sent, frame->n - sent);
            touch(c);
        }
        return;
    }
    if (to->queue.n > 0)
        lec_buf_addc(&to->queue, '\x1e');
    lec_buf_add(&to->queue, packet->p, packet->n);
    if (to->conn != NULL) {
        struct conn *c = to->conn;
        to->conn = NULL;
        answer(c, to->queue.p, to->queue.n);
        to->queue.n = 0;
    }
}

static void add_frame(struct lec_buf *out, unsigned char opcode, const char *p, size_t n)
{
    char head[10];
    lec_buf_add(out, head, frame_head(head, opcode, n));
    lec_buf_add(out, p, n);
}

static void send_text(struct client *to, const char *p, size_t n)
{
    struct lec_buf frame = { 0 }, packet = { 0 };
    add_frame(&frame, 1, p, n);
    lec_buf_add(&packet, p, n);
    send_both(to, &frame, &packet);
    lec_buf_fini(&frame);
    lec_buf_fini(&packet);
}

/* --- what clients say --------------------------------------------------------------------- */

static unsigned number_behind(const char *p, size_t n, const char *key)
{
    const char *at = memmem(p, n, key, strlen(key));
    return at == NULL ? 0 : (unsigned)strtoul(at + strlen(key), NULL, 10);
}

static void join(struct client *cl, unsigned number)
{
    unsigned wanted = (number + 1) % ROOMS; /* 0 is no room */
    struct room *room = &rooms[wanted];
    if (cl->room == wanted)
        return;
    if (room->n == room->cap) {
        room->cap = room->cap ? room->cap * 2 : 16;
        room->members = realloc(room->members, room->cap * sizeof(struct client *));
    }
    cl->room = wanted;
    cl->place = room->n;
    room->members[room->n++] = cl;
}

static void on_join(struct client *cl, const char *text, size_t n)
{
    char out[96];
    unsigned long id = strtoul(text + 2, NULL, 10);
    unsigned room = number_behind(text, n, "\"course:");
    join(cl, room);
    int len = snprintf(out, sizeof out, "43%lu[{\"ok\":true,\"room\":\"course:%u\"}]", id, room);
    send_text(cl, out, (size_t)len);
}

static void relay(struct client *cl, const char *text, size_t n, const char *data, size_t len)
{
    static struct lec_buf event, frame, packet;
    const struct room *room = &rooms[cl->room];
    const char *args = memchr(text, ',', n);
    size_t before = data ? 5 : 3; /* 451-[ or 42[ */
    event.n = frame.n = packet.n = 0;
    lec_buf_add(&event, text, before);
    lec_buf_adds(&event, "\"typing_indicator\"");
    lec_buf_add(&event, args, n - (size_t)(args - text) - 2);
    lec_buf_printf(&event, ",\"userId\":\"user-%u\",\"isTyping\":true}]", cl->number);
    add_frame(&frame, 1, event.p, event.n);
    lec_buf_add(&packet, event.p, event.n);
    if (data != NULL) {
        add_frame(&frame, 2, data, len);
        lec_buf_adds(&packet, "\x1e"
                              "b");
        lec_base64_encode(&packet, data, len);
    }
    for (unsigned i = 0; i < room->n; i++)
        if (room->members[i] != cl)
            send_both(room->members[i], &frame, &packet);
}

static void on_packet(struct client *cl, const char *text, size_t n)
{
    if (n >= 2 && text[0] == '4' && text[1] == '0') {
        char out[64];
        int len = snprintf(out, sizeof out, "40{\"sid\":\"%020u\"}", cl->number);
        send_text(cl, out, (size_t)len);
    } else if (n > 18 && memcmp(text, "42[\"typing_start\"", 17) == 0) {
        relay(cl, text, n, NULL, 0);
    } else if (n > 20 && memcmp(text, "451-[\"typing_start\"", 19) == 0) {
        lec_buf_add(&cl->event, text, n);
    } else if (n > 12 && memmem(text, 24, "\"join_room\"", 11) != NULL) {
        on_join(cl, text, n);
    }
}

static void on_binary(struct client *cl, const char *data, size_t n)
{
    relay(cl, cl->event.p, cl->event.n, data, n);
    lec_buf_fini(&cl->event);
}

/* --- in ----------------------------------------------------------------------------------- */

static struct client *client_new(bool websocket)
{
    struct client *cl = calloc(1, sizeof *cl);
    cl->number = n_clients;
    cl->websocket = websocket;
    if ((n_clients & (n_clients - 1)) == 0)
        clients = realloc(clients, (n_clients ? n_clients * 2 : 1) * sizeof(struct client *));
    clients[n_clients++] = cl;
    return cl;
}

static int open_packet(const struct client *cl, char *out, size_t cap)
{
    return snprintf(out, cap,
                    "0{\"sid\":\"%020u\",\"upgrades\":[],\"pingInterval\":25000,"
                    "\"pingTimeout\":20000,\"maxPayload\":1000000}",
                    cl->number);
}

static void open_websocket(struct conn *c, const char *head, size_t n)
{
    char key[64], out[160];
    unsigned char hash[20];
    const char *at = memmem(head, n, "Sec-WebSocket-Key: ", 19);
    snprintf(key, sizeof key, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at ? at + 19 : "");
    SHA1((unsigned char *)key, strlen(key), hash);
    lec_buf_adds(&c->out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
    lec_base64_encode(&c->out, hash, sizeof hash);
    lec_buf_adds(&c->out, "\r\n\r\n");
    c->client = client_new(true);
    c->client->conn = c;
    send_text(c->client, out, (size_t)open_packet(c->client, out, sizeof out));
}

static void take_payload(struct client *cl, const char *p, size_t n)
{
    while (n > 0) {
        const char *end = memchr(p, '\x1e', n);
        size_t len = end ? (size_t)(end - p) : n;
        if (p[0] == 'b') {
            struct lec_buf data = { 0 };
            if (lec_base64_decode(&data, p + 1, len - 1) == LEC_OK)
                on_binary(cl, data.p, data.n);
            lec_buf_fini(&data);
        } else {
            on_packet(cl, p, len);
        }
        p += len + (end != NULL);
        n -= len + (end != NULL);
    }
}

/* One request; its bytes, 0 while some are missing. */
static size_t on_request(struct conn *c, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end + 4 - p);
    const char *sid = memmem(p, head, "sid=", 4);
    if (memmem(p, head, "websocket", 9) != NULL) {
        open_websocket(c, p, head);
        return head;
    }
    if (sid == NULL) {
        char out[160];
        struct client *cl = client_new(false);
        answer(c, out, (size_t)open_packet(cl, out, sizeof out));
        return head;
    }
    struct client *cl = clients[strtoul(sid + 4, NULL, 10)];
    if (p[0] == 'P') {
        size_t len = number_behind(p, head, "Content-Length: ");
        if (n - head < len)
            return 0;
        take_payload(cl, p + head, len);
        answer(c, "ok", 2);
        return head + len;
    }
    if (cl->queue.n > 0) {
        answer(c, cl->queue.p, cl->queue.n);
        cl->queue.n = 0;
    } else {
        cl->conn = c;
    }
    return head;
}

static size_t on_frames(struct conn *c, char *data, size_t n)
{
    size_t at = 0;
    while (n - at >= 6) {
        unsigned char *h = (unsigned char *)data + at;
        size_t len = h[1] & 127, head = 6;
        if (len == 126) {
            head = 8;
            len = (size_t)h[2] << 8 | h[3];
        } else if (len == 127) {
            uint64_t wide;
            head = 14;
            if (n - at < head)
                break;
            memcpy(&wide, h + 2, 8);
            len = (size_t)be64toh(wide);
        }
        if (n - at < head || n - at - head < len)
            break;
        for (size_t i = 0; i < len; i++)
            h[head + i] ^= h[head - 4 + (i & 3)];
        if ((h[0] & 15) == 2)
            on_binary(c->client, data + at + head, len);
        else
            on_packet(c->client, data + at + head, len);
        at += head + len;
    }
    return at;
}

static void take(struct conn *c, char *p, size_t n)
{
    lec_buf_add(&c->in, p, n);
    size_t at = 0, k;
    do {
        if (c->client != NULL)
            k = on_frames(c, c->in.p + at, c->in.n - at);
        else
            k = on_request(c, c->in.p + at, c->in.n - at);
        at += k;
    } while (k > 0 && at < c->in.n);
    if (at == c->in.n) {
        lec_buf_fini(&c->in);
    } else {
        memmove(c->in.p, c->in.p + at, c->in.n - at);
        c->in.n -= at;
    }
}

static void drop(struct conn *c)
{
    struct client *cl = c->client;
    struct room *room = cl ? &rooms[cl->room] : NULL;
    if (cl != NULL && cl->room != 0) {
        room->members[cl->place] = room->members[--room->n];
        room->members[cl->place]->place = cl->place;
    }
    shutdown(c->fd, SHUT_RDWR); /* and kept: nothing here frees what a list may still name */
    epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

static void on_ready(struct conn *c, uint32_t events)
{
    if (events & EPOLLOUT)
        touch(c);
    do {
        size_t n = 0;
        if (c->ssl != NULL) {
            if (SSL_read_ex(c->ssl, scratch, SCRATCH, &n) != 1) {
                int why = SSL_get_error(c->ssl, 0);
                if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                    drop(c);
                return;
            }
        } else {
            ssize_t rc = recv(c->fd, scratch, SCRATCH, 0);
            if (rc == 0 || (rc < 0 && errno != EAGAIN))
                drop(c);
            if (rc <= 0)
                return;
            n = (size_t)rc;
        }
        take(c, scratch, n);
    } while (c->ssl != NULL && SSL_pending(c->ssl) > 0);
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        if (tls != NULL) {
            c->ssl = SSL_new(tls);
            SSL_set_fd(c->ssl, fd);
            SSL_set_accept_state(c->ssl);
        }
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

static int listen_on(unsigned port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0) {
        perror("bench_floor");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fputs("usage: bench_floor PORT [CERT KEY]\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 4) {
        tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ENABLE_PARTIAL_WRITE);
        if (SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1) {
            fputs("bench_floor: cannot read certificate or key\n", stderr);
            return 1;
        }
    }
    epoll = epoll_create1(0);
    int listener = listen_on((unsigned)atoi(argv[1]));
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL }, events[EVENTS];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener);
            else
                on_ready(events[i].data.ptr, events[i].events);
        }
        for (unsigned i = 0; i < n_dirty; i++)
            flush(dirty[i]);
        n_dirty = 0;
    }
}
