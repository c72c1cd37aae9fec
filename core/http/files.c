#include "http/files.h"

#include "base/bucket.h"
#include "base/clock.h"
#include "base/msg.h"
#include "base/percent.h"
#include "http/etag.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of what is compressed on the loop; 5 ms, 20 if it does not shrink. */
#define MAX_DEFLATE (1u << 20)
/* Bytes of a file that leave with its head in one write. */
#define SMALL 16384u
/* Compressed files that are remembered, so that each is compressed once. */
#define PACKED_FILES 32u

/* Bytes a second, and at once, that are compressed: of a second 10 to 40 ms, however many files there
 * are to ask for. */
static const struct lec_rate packing_rate = { 2u << 20, 16u << 20 };

/* A file as one coding has it. */
struct packed {
    char *name; /* NULL: the place is free */
    char etag[64];
    enum lec_encoding encoding;
    uint64_t used;        /* of the files' clock */
    struct lec_msg *body; /* NULL: it does not become shorter */
};

struct lec_files {
    int dir;
    size_t max_bytes;
    struct lec_deflater *deflater;
    struct lec_log *log;
    int64_t told;     /* when it was last logged that a file is too large, in ms */
    uint64_t packing; /* bucket */
    uint64_t clock;   /* requests that were answered from `packed` */
    struct packed packed[PACKED_FILES];
};

struct lec_files *lec_files_new(const char *dir, size_t max_bytes, struct lec_deflater *deflater,
                                struct lec_log *log)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct lec_files *f = lec_alloc0(sizeof *f);
    f->dir = fd;
    f->max_bytes = max_bytes;
    f->deflater = deflater;
    f->log = log;
    return f;
}

static void forget(struct packed *p)
{
    free(p->name);
    lec_msg_unref(p->body);
    *p = (struct packed){ .name = NULL };
}

void lec_files_free(struct lec_files *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < PACKED_FILES; i++)
        forget(&f->packed[i]);
    close(f->dir);
    free(f);
}

bool lec_files_name(struct lec_slice path, struct lec_buf *out)
{
    if (path.n == 0 || path.p[0] != '/' || path.n > PATH_MAX)
        return false;
    size_t part = out->n; /* where the current part of the name begins */
    for (size_t i = 1; i < path.n; i++) {
        char c = path.p[i];
        if (c == '/') {
            if (out->n == part)
                return false;
            lec_buf_addc(out, '/');
            part = out->n;
            continue;
        }
        if (c == '%') {
            int byte = lec_percent_byte(path, i);
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if (c == '/' || c == '\\' || (c >= 0 && c < ' ') || c == 0x7f ||
            (c == '.' && out->n == part))
            return false;
        lec_buf_addc(out, c);
    }
    if (out->n == part)
        lec_buf_adds(out, "index.html");
    return true;
}

const char *lec_files_type(struct lec_slice name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        { "html", "text/html; charset=utf-8" },
        { "css", "text/css; charset=utf-8" },
        { "js", "text/javascript; charset=utf-8" },
        { "mjs", "text/javascript; charset=utf-8" },
        { "json", "application/json" },
        { "map", "application/json" },
        { "webmanifest", "application/manifest+json" },
        { "txt", "text/plain; charset=utf-8" },
        { "md", "text/markdown; charset=utf-8" },
        { "csv", "text/csv; charset=utf-8" },
        { "xml", "application/xml" },
        { "pdf", "application/pdf" },
        { "wasm", "application/wasm" },
        { "svg", "image/svg+xml" },
        { "png", "image/png" },
        { "jpg", "image/jpeg" },
        { "jpeg", "image/jpeg" },
        { "gif", "image/gif" },
        { "webp", "image/webp" },
        { "avif", "image/avif" },
        { "ico", "image/x-icon" },
        { "woff", "font/woff" },
        { "woff2", "font/woff2" },
        { "ttf", "font/ttf" },
        { "mp3", "audio/mpeg" },
        { "ogg", "audio/ogg" },
        { "mp4", "video/mp4" },
        { "webm", "video/webm" },
    };
    size_t start = name.n;
    while (start > 0 && name.p[start - 1] != '.' && name.p[start - 1] != '/')
        start--;
    struct lec_slice ending = { name.p + start, name.n - start };
    bool has_ending = start > 0 && name.p[start - 1] == '.';
    for (size_t i = 0; has_ending && i < sizeof types / sizeof types[0]; i++)
        if (lec_slice_is_word(ending, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* Opens a name part by part, so that no link anywhere in it is followed. -1 if there is none. */
static int open_below(int dir, char *name)
{
    int fd = dir;
    for (char *part = name, *slash;; part = slash + 1) {
        slash = strchr(part, '/');
        if (slash)
            *slash = '\0';
        /* O_NONBLOCK: a named pipe must not hold the loop up */
        int kind = slash ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        int next = openat(fd, part, kind | O_NOFOLLOW | O_CLOEXEC);
        if (slash)
            *slash = '/';
        if (fd != dir)
            close(fd);
        if (next < 0 || !slash)
            return next;
        fd = next;
    }
}

/* The whole file; false if it changed its size meanwhile or cannot be read. */
static bool read_all(int fd, size_t size, struct lec_buf *out)
{
    lec_buf_reserve(out, size + 1);
    while (out->n <= size) {
        ssize_t n = pread(fd, out->p + out->n, size + 1 - out->n, (off_t)out->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        out->n += (size_t)n;
    }
    return out->n == size;
}

/* Pictures, sound and fonts are compressed already. */
static bool is_text(const char *type)
{
    return strncmp(type, "text/", 5) == 0 || strncmp(type, "application/json", 16) == 0 ||
           strcmp(type, "application/xml") == 0 || strcmp(type, "application/wasm") == 0 ||
           strcmp(type, "image/svg+xml") == 0;
}

static bool is_of(const struct packed *p, const char *name, enum lec_encoding e)
{
    return p->name && p->encoding == e && strcmp(p->name, name) == 0;
}

/* The place of a file as packed; if it is in none, the one that was not used for longest. */
static struct packed *place_of(struct lec_files *f, const char *name, enum lec_encoding e)
{
    struct packed *oldest = &f->packed[0];
    for (size_t i = 0; i < PACKED_FILES; i++) {
        struct packed *p = &f->packed[i];
        if (is_of(p, name, e))
            return p;
        if (p->used < oldest->used)
            oldest = p;
    }
    return oldest;
}

/* The file compressed; NULL if that is not shorter, it cannot be read, or too much was compressed just
 * now. Compressed when it is first asked for, and after it has changed. */
static struct lec_msg *pack(struct lec_files *f, const char *name, const char *etag, int fd,
                            size_t size, enum lec_encoding e)
{
    struct packed *p = place_of(f, name, e);
    if (!is_of(p, name, e) || strcmp(p->etag, etag) != 0) {
        if (!lec_bucket_take(&f->packing, &packing_rate, (uint64_t)lec_clock_ms(), size))
            return NULL;
        struct lec_buf body = { 0 };
        struct lec_slice out = { NULL, 0 };
        forget(p);
        if (read_all(fd, size, &body))
            out = lec_deflate(f->deflater, e, lec_buf_slice(&body));
        p->name = lec_strndup(name, strlen(name));
        p->encoding = e;
        snprintf(p->etag, sizeof p->etag, "%s", etag);
        p->body = out.n > 0 ? lec_msg_copy(true, out.p, out.n) : NULL;
        lec_buf_fini(&body);
    }
    p->used = ++f->clock;
    return p->body;
}

static bool is_packable(const struct lec_files *f, const char *type, size_t size)
{
    return f->deflater && is_text(type) && size <= MAX_DEFLATE &&
           size >= lec_deflater_threshold(f->deflater);
}

/* Answers with the file as it is. False, with the exchange as it was, if it cannot be read. */
static bool send_plain(struct lec_http *http, int fd, size_t size, struct lec_reply *reply)
{
    struct lec_reply_file file = { fd, size };
    struct lec_buf body = { 0 };
    bool small = size <= SMALL;
    if (small && !read_all(fd, size, &body)) {
        lec_buf_fini(&body);
        return false;
    }
    if (small)
        reply->body = lec_buf_slice(&body);
    else
        reply->file = &file;
    lec_http_answer(http, reply);
    lec_buf_fini(&body);
    return true;
}

/* Once a minute, as anybody may ask. */
static void tell_of_size(struct lec_files *f, const char *name, off_t size)
{
    int64_t now = lec_clock_ms();
    if (now - f->told < 60000)
        return;
    f->told = now;
    lec_log(f->log, LEC_LOG_WARN, LEC_CAT_HTTP, LEC_NOBODY,
            "%s was asked for, and has %lld bytes; above %zu bytes no file is served", name,
            (long long)size, f->max_bytes);
}

static bool serve(struct lec_files *f, struct lec_http *http, const char *name, int fd)
{
    const char *type = lec_files_type(lec_slice_str(name));
    struct stat st;
    struct lec_buf headers = { 0 };
    char etag[64];
    bool done = true;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    if ((uint64_t)st.st_size > f->max_bytes) {
        tell_of_size(f, name, st.st_size);
        return false;
    }
    size_t size = (size_t)st.st_size;
    snprintf(etag, sizeof etag, "\"%zx-%llx%09lx\"", size, (unsigned long long)st.st_mtim.tv_sec,
             (unsigned long)st.st_mtim.tv_nsec);
    /* no-cache: kept, but asked for again each time, so that an edited page is seen at once */
    lec_buf_printf(&headers, "ETag: W/%s\r\nCache-Control: no-cache\r\n", etag);
    lec_buf_adds(&headers, "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n");

    bool packable = is_packable(f, type, size);
    if (packable)
        lec_buf_adds(&headers, "Vary: Accept-Encoding\r\n");
    struct lec_reply reply = { .status = 200, .type = type };
    if (lec_etag_matches(lec_http_header(http, "if-none-match"), etag)) {
        reply = (struct lec_reply){ .status = 304, .headers = lec_buf_slice(&headers) };
        lec_http_answer(http, &reply);
    } else {
        enum lec_encoding e = LEC_IDENTITY;
        if (packable)
            e = lec_encoding_choose(lec_http_header(http, "accept-encoding"), LEC_DEFLATER_CODINGS);
        if (e != LEC_IDENTITY && (reply.shared = pack(f, name, etag, fd, size, e)) != NULL)
            lec_encoding_header(e, &headers);
        reply.headers = lec_buf_slice(&headers);
        if (reply.shared)
            lec_http_answer(http, &reply);
        else
            done = send_plain(http, fd, size, &reply);
    }
    lec_buf_fini(&headers);
    return done;
}

/* Opens the file that a path names; appends its name, zero-terminated. -1 if there is none. */
static int open_path(struct lec_files *f, struct lec_slice path, struct lec_buf *name)
{
    if (!lec_files_name(path, name))
        return -1;
    lec_buf_addc(name, '\0');
    return open_below(f->dir, name->p);
}

bool lec_files_has(struct lec_files *f, struct lec_http *http)
{
    struct lec_buf name = { 0 };
    struct stat st;
    int fd = open_path(f, lec_http_path(http), &name);
    bool has = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (fd >= 0)
        close(fd);
    lec_buf_fini(&name);
    return has;
}

bool lec_files_serve(struct lec_files *f, struct lec_http *http)
{
    enum lec_method method = lec_http_method(http);
    if (method != LEC_GET && method != LEC_HEAD)
        return false;
    struct lec_buf name = { 0 };
    int fd = open_path(f, lec_http_path(http), &name);
    bool done = fd >= 0 && serve(f, http, name.p, fd);
    if (fd >= 0)
        close(fd);
    lec_buf_fini(&name);
    return done;
}
