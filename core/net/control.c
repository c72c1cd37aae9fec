/* The control socket. The client sends one line and listens. The server says, any number of times,
 * "+", a line of progress and a newline; then the status as one digit, a newline and the text of the
 * answer, and closes. An empty line of progress is a sign of life.
 *
 * A client that says nothing for a while, or too much, is closed without an answer; one that closes its
 * side has gone. The server's side never blocks; the calling side only ever blocks. */
#include "net/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX  16
#define CLIENT_MS    10000 /* for its line, and to take the answer */
#define ALIVE_MS     10000 /* between signs of life */
#define CALL_S       30    /* without one */
#define PROGRESS_MAX 65536 /* bytes that wait to be read */

struct lec_control {
    struct lec_loop *loop;
    lec_control_fn *fn;
    void *ctx;
    struct lec_watch *watch;
    int fd;
    struct lec_list clients;
    unsigned count;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

struct client {
    struct lec_control *control;
    struct lec_list node;
    struct lec_timer timer;
    struct lec_watch *watch;
    int fd;
    struct lec_control_call *call; /* NULL: its line is not here yet, or it has its answer */
    struct lec_buf line, out;
    size_t sent; /* of out */
};

/* Owner: the handler that got it, until it answers. */
struct lec_control_call {
    struct client *client; /* NULL: it has gone */
    void (*gone)(void *ctx);
    void *ctx;
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

static void close_client(struct client *cl)
{
    struct lec_control_call *call = cl->call;
    lec_timer_stop(cl->control->loop, &cl->timer);
    lec_list_remove(&cl->node);
    cl->control->count--;
    lec_watch_free(cl->watch);
    close(cl->fd);
    lec_buf_fini(&cl->line);
    lec_buf_fini(&cl->out);
    free(cl);
    if (call == NULL)
        return;
    call->client = NULL;
    if (call->gone != NULL)
        call->gone(call->ctx);
}

static void on_slow(struct lec_timer *t)
{
    close_client(LEC_CONTAINER(t, struct client, timer));
}

/* Sends what there is. False: it cannot be sent. */
static bool flush(struct client *cl)
{
    while (cl->sent < cl->out.n) {
        ssize_t n = send(cl->fd, cl->out.p + cl->sent, cl->out.n - cl->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            lec_watch_set(cl->watch, LEC_WRITABLE | (cl->call != NULL ? LEC_READABLE : 0));
            return true;
        }
        if (n <= 0)
            return false;
        cl->sent += (size_t)n;
    }
    lec_buf_clear(&cl->out, PROGRESS_MAX);
    cl->sent = 0;
    lec_watch_set(cl->watch, LEC_READABLE);
    return true;
}

void lec_control_say(struct lec_control_call *call, struct lec_slice line)
{
    struct client *cl = call->client;
    if (cl == NULL || cl->out.n - cl->sent > PROGRESS_MAX)
        return;
    lec_buf_addc(&cl->out, '+');
    lec_buf_add(&cl->out, line.p, line.n);
    lec_buf_addc(&cl->out, '\n');
    flush(cl); /* if it has gone the watch tells */
}

static void show_life(struct lec_timer *t)
{
    struct client *cl = LEC_CONTAINER(t, struct client, timer);
    lec_timer_start(cl->control->loop, t, ALIVE_MS, show_life);
    if (cl->out.n == 0)
        lec_control_say(cl->call, LEC_SLICE(""));
}

void lec_control_on_gone(struct lec_control_call *call, void (*gone)(void *ctx), void *ctx)
{
    call->gone = gone;
    call->ctx = ctx;
}

void lec_control_answer(struct lec_control_call *call, int status, struct lec_slice text)
{
    struct client *cl = call->client;
    free(call);
    if (cl == NULL)
        return;
    cl->call = NULL;
    lec_buf_printf(&cl->out, "%d\n", status >= 0 && status <= 2 ? status : 1);
    lec_buf_add(&cl->out, text.p, text.n);
    lec_timer_start(cl->control->loop, &cl->timer, CLIENT_MS, on_slow);
    if (!flush(cl) || cl->out.n == 0)
        close_client(cl);
}

static void run_line(struct client *cl)
{
    struct lec_control *c = cl->control;
    struct lec_buf line = cl->line; /* the client may be gone before the line was read */
    cl->line = (struct lec_buf){ 0 };
    cl->call = lec_alloc0(sizeof *cl->call);
    cl->call->client = cl;
    lec_timer_start(c->loop, &cl->timer, ALIVE_MS, show_life);
    c->fn(c->ctx, cl->call, lec_buf_str(&line));
    lec_buf_fini(&line);
}

static void read_line(struct client *cl)
{
    char chunk[4096];
    ssize_t n = recv(cl->fd, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    char *end = n > 0 ? memchr(chunk, '\n', (size_t)n) : NULL;
    size_t take = end ? (size_t)(end - chunk) : n > 0 ? (size_t)n : 0;
    if (n <= 0 || cl->line.n + take > LEC_CONTROL_LINE || memchr(chunk, '\0', take) != NULL) {
        close_client(cl);
        return;
    }
    lec_buf_add(&cl->line, chunk, take);
    if (end != NULL)
        run_line(cl);
}

/* What comes behind the line: only ever the end. */
static void read_end(struct client *cl)
{
    char c;
    ssize_t n = recv(cl->fd, &c, 1, 0);
    if (n >= 0 || (errno != EAGAIN && errno != EINTR))
        close_client(cl);
}

static void on_client(void *ctx, unsigned events)
{
    struct client *cl = ctx;
    bool asked = cl->call != NULL || cl->out.n > 0;
    if (!asked)
        read_line(cl);
    else if ((events & LEC_WRITABLE) && (!flush(cl) || (cl->call == NULL && cl->out.n == 0)))
        close_client(cl);
    else if ((events & LEC_WRITABLE) == 0)
        read_end(cl);
}

static void on_caller(void *ctx, unsigned events)
{
    struct lec_control *c = ctx;
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
    cl->watch = lec_watch_new(c->loop, fd, LEC_READABLE, on_client, cl);
    lec_list_append(&c->clients, &cl->node);
    c->count++;
    lec_timer_start(c->loop, &cl->timer, CLIENT_MS, on_slow);
    if (cl->watch == NULL)
        close_client(cl);
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
    c->watch = lec_watch_new(loop, fd, LEC_READABLE, on_caller, c);
    if (c->watch == NULL) {
        int e = errno;
        lec_control_free(c);
        errno = e;
        return NULL;
    }
    return c;
}

void lec_control_free(struct lec_control *c)
{
    if (c == NULL)
        return;
    while (!lec_list_empty(&c->clients))
        close_client(LEC_CONTAINER(c->clients.next, struct client, node));
    lec_watch_free(c->watch);
    close(c->fd);
    unlink(c->path);
    free(c);
}

/* --- the other end -------------------------------------------------------------------------- */

/* Until there is something to read. */
static int wait_for(int fd, const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n = ms > 0 ? poll(&p, 1, (int)ms) : 0;
    if (n == 0)
        return LEC_ETIMEOUT;
    return n > 0 || errno == EINTR ? LEC_OK : LEC_EIO;
}

/* Takes the whole lines of progress that `in` begins with. */
static void take_progress(struct lec_buf *in, FILE *progress)
{
    char *end;
    while (in->n > 0 && in->p[0] == '+' && (end = memchr(in->p, '\n', in->n)) != NULL) {
        size_t n = (size_t)(end - in->p) + 1;
        if (progress != NULL && n > 2) {
            fwrite(in->p + 1, 1, n - 1, progress);
            fflush(progress);
        }
        in->n -= n;
        memmove(in->p, in->p + n, in->n);
    }
}

static int exchange(int fd, const char *line, FILE *progress, struct lec_buf *in)
{
    struct timespec end = { 0 };
    struct lec_buf out = { 0 };
    lec_buf_adds(&out, line);
    lec_buf_addc(&out, '\n');
    int rc = send(fd, out.p, out.n, MSG_NOSIGNAL) == (ssize_t)out.n ? LEC_OK : LEC_EIO;
    lec_buf_fini(&out);
    bool heard = true;
    while (rc == LEC_OK) {
        if (heard) {
            clock_gettime(CLOCK_MONOTONIC, &end);
            end.tv_sec += CALL_S;
            heard = false;
        }
        rc = wait_for(fd, &end);
        if (rc != LEC_OK)
            break;
        char chunk[4096];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n == 0)
            break;
        if (n > 0) {
            lec_buf_add(in, chunk, (size_t)n);
            take_progress(in, progress);
            heard = true;
        } else if (errno != EAGAIN && errno != EINTR) {
            rc = LEC_EIO;
        }
    }
    return rc;
}

int lec_control_call(const char *path, const char *line, FILE *progress, struct lec_buf *answer)
{
    struct sockaddr_un addr;
    struct lec_buf in = { 0 };
    if (strlen(line) > LEC_CONTROL_LINE || strchr(line, '\n') != NULL)
        return LEC_EINVAL;
    if (set_address(&addr, path) != 0)
        return LEC_ENOTFOUND;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return LEC_EIO;
    int rc;
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
        rc = errno == ENOENT || errno == ECONNREFUSED ? LEC_ENOTFOUND : LEC_EIO;
    else
        rc = exchange(fd, line, progress, &in);
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
