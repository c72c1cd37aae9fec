/* The control socket. The client sends one line and shuts its side; the server answers with the
 * status as one digit, a newline and the text, and closes.
 *
 * A client that says nothing for a while, or too much, is closed without an answer. The server's
 * side never blocks; the calling side only ever blocks. */
#include "net/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "net/internal.h"

#define LINE_MAX_BYTES 1023
#define CLIENTS_MAX    16
#define CLIENT_MS      10000 /* for its line, and to take the answer */
#define CALL_MS        30000

struct lec_control {
    struct lec_loop *loop;
    lec_control_fn *fn;
    void *ctx;
    uv_poll_t poll;
    int fd;
    struct lec_list clients;
    unsigned count;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

struct client {
    struct lec_control *control;
    struct lec_list node;
    struct lec_timer timer;
    uv_poll_t poll;
    int fd;
    struct lec_buf line, answer;
    size_t sent;
};

/* --- the path ------------------------------------------------------------------------------- */

/* A directory that is ours alone, made if it is not there. */
static int own_directory(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return LEC_EIO;
    if (lstat(path, &st) != 0)
        return LEC_EIO;
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return LEC_EDENIED;
    return LEC_OK;
}

int lec_control_path(unsigned port, char *out, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char dir[sizeof((struct sockaddr_un *)0)->sun_path];
    int n = runtime != NULL && runtime[0] == '/'
                ? snprintf(dir, sizeof dir, "%s/lectern", runtime)
                : snprintf(dir, sizeof dir, "/tmp/lectern-%u", (unsigned)geteuid());
    if (n < 0 || (size_t)n >= sizeof dir)
        return LEC_ETOOBIG;
    int rc = own_directory(dir);
    if (rc != LEC_OK)
        return rc;
    n = snprintf(out, size, "%s/%u.sock", dir, port);
    if (n < 0 || (size_t)n >= size || (size_t)n >= sizeof dir)
        return LEC_ETOOBIG;
    return LEC_OK;
}

static int set_address(struct sockaddr_un *addr, const char *path)
{
    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    size_t n = strlen(path);
    if (n >= sizeof addr->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr->sun_path, path, n + 1);
    return 0;
}

/* --- the server ----------------------------------------------------------------------------- */

static void free_client(uv_handle_t *handle)
{
    struct client *cl = handle->data;
    lec_buf_fini(&cl->line);
    lec_buf_fini(&cl->answer);
    free(cl);
}

static void close_client(struct client *cl)
{
    lec_timer_stop(cl->control->loop, &cl->timer);
    lec_list_remove(&cl->node);
    cl->control->count--;
    uv_close((uv_handle_t *)&cl->poll, free_client);
    close(cl->fd);
}

static void on_slow(struct lec_timer *t)
{
    close_client(LEC_CONTAINER(t, struct client, timer));
}

static void on_client(uv_poll_t *poll, int status, int events);

static void send_answer(struct client *cl)
{
    while (cl->sent < cl->answer.n) {
        ssize_t n = send(cl->fd, cl->answer.p + cl->sent, cl->answer.n - cl->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            uv_poll_start(&cl->poll, UV_WRITABLE, on_client);
            return;
        }
        if (n <= 0)
            break;
        cl->sent += (size_t)n;
    }
    close_client(cl);
}

static void run_line(struct client *cl)
{
    struct lec_control *c = cl->control;
    struct lec_buf text = { 0 };
    int status = c->fn(c->ctx, lec_buf_str(&cl->line), &text);
    lec_buf_printf(&cl->answer, "%d\n", status >= 0 && status <= 2 ? status : 1);
    lec_buf_add(&cl->answer, text.p, text.n);
    lec_buf_fini(&text);
    send_answer(cl);
}

static void read_line(struct client *cl)
{
    char chunk[LINE_MAX_BYTES + 2];
    ssize_t n = recv(cl->fd, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    char *end = n > 0 ? memchr(chunk, '\n', (size_t)n) : NULL;
    size_t take = end ? (size_t)(end - chunk) : n > 0 ? (size_t)n : 0;
    if (n <= 0 || cl->line.n + take > LINE_MAX_BYTES || memchr(chunk, '\0', take) != NULL) {
        close_client(cl);
        return;
    }
    lec_buf_add(&cl->line, chunk, take);
    if (end != NULL)
        run_line(cl);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct client *cl = poll->data;
    if (status < 0)
        close_client(cl);
    else if (events & UV_WRITABLE)
        send_answer(cl);
    else
        read_line(cl);
}

static void on_caller(uv_poll_t *poll, int status, int events)
{
    struct lec_control *c = poll->data;
    (void)status;
    (void)events;
    int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (c->count >= CLIENTS_MAX) {
        close(fd);
        return;
    }
    struct client *cl = lec_alloc0(sizeof *cl);
    cl->control = c;
    cl->fd = fd;
    cl->poll.data = cl;
    lec_list_append(&c->clients, &cl->node);
    c->count++;
    uv_poll_init(&c->loop->uv, &cl->poll, fd);
    uv_poll_start(&cl->poll, UV_READABLE, on_client);
    lec_timer_start(c->loop, &cl->timer, CLIENT_MS, on_slow);
}

/* Whether somebody listens there. */
static bool is_answered(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool answered = connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0;
    close(fd);
    return answered;
}

static int listen_at(const char *path)
{
    struct sockaddr_un addr;
    if (set_address(&addr, path) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int rc = bind(fd, (struct sockaddr *)&addr, sizeof addr);
    if (rc != 0 && errno == EADDRINUSE) {
        struct stat st;
        bool stale = lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && !is_answered(&addr);
        errno = EADDRINUSE;
        if (stale && unlink(path) == 0)
            rc = bind(fd, (struct sockaddr *)&addr, sizeof addr);
    }
    if (rc == 0 && chmod(path, 0600) == 0 && listen(fd, CLIENTS_MAX) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

struct lec_control *lec_control_new(struct lec_loop *loop, const char *path, lec_control_fn *fn,
                                    void *ctx)
{
    int fd = listen_at(path);
    if (fd < 0)
        return NULL;
    struct lec_control *c = lec_alloc0(sizeof *c);
    c->loop = loop;
    c->fn = fn;
    c->ctx = ctx;
    c->fd = fd;
    lec_list_init(&c->clients);
    memcpy(c->path, path, strlen(path) + 1);
    c->poll.data = c;
    uv_poll_init(&loop->uv, &c->poll, fd);
    uv_poll_start(&c->poll, UV_READABLE, on_caller);
    return c;
}

static void free_control(uv_handle_t *handle)
{
    free(handle->data);
}

void lec_control_free(struct lec_control *c)
{
    if (c == NULL)
        return;
    while (!lec_list_empty(&c->clients))
        close_client(LEC_CONTAINER(c->clients.next, struct client, node));
    uv_close((uv_handle_t *)&c->poll, free_control);
    close(c->fd);
    unlink(c->path);
}

/* --- the other end -------------------------------------------------------------------------- */

static int wait_for(int fd, short events, const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
    struct pollfd p = { .fd = fd, .events = events };
    int n = ms > 0 ? poll(&p, 1, (int)ms) : 0;
    if (n == 0)
        return LEC_ETIMEOUT;
    return n > 0 || errno == EINTR ? LEC_OK : LEC_EIO;
}

static int exchange(int fd, const char *line, struct lec_buf *in)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += CALL_MS / 1000;
    struct lec_buf out = { 0 };
    lec_buf_adds(&out, line);
    lec_buf_addc(&out, '\n');
    int rc = send(fd, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n ? LEC_OK : LEC_EIO;
    lec_buf_fini(&out);
    while (rc == LEC_OK) {
        rc = wait_for(fd, POLLIN, &end);
        if (rc != LEC_OK)
            break;
        char chunk[4096];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n > 0)
            lec_buf_add(in, chunk, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            rc = LEC_EIO;
    }
    return rc;
}

int lec_control_call(const char *path, const char *line, struct lec_buf *answer)
{
    struct sockaddr_un addr;
    struct lec_buf in = { 0 };
    if (set_address(&addr, path) != 0)
        return LEC_ENOTFOUND;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return LEC_EIO;
    int rc;
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        rc = errno == ENOENT || errno == ECONNREFUSED ? LEC_ENOTFOUND : LEC_EIO;
    else
        rc = exchange(fd, line, &in);
    if (rc == LEC_OK && (in.n < 2 || in.p[0] < '0' || in.p[0] > '2' || in.p[1] != '\n'))
        rc = LEC_EIO;
    if (rc == LEC_OK) {
        rc = in.p[0] - '0';
        lec_buf_add(answer, in.p + 2, in.n - 2);
    }
    lec_buf_fini(&in);
    close(fd);
    return rc;
}
