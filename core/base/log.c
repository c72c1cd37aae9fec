#include "base/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#define MAX_MESSAGE 8192 /* bytes of a line's message; more is cut */

struct lec_log {
    int fd;
    bool terminal, json;
    enum lec_level level;
    bool debug[LEC_CAT_COUNT];
    struct lec_buf line, message; /* scratch */
};

static const char *const categories[] = {
#define X(symbol, name) [LEC_CAT_##symbol] = name,
    LEC_CATEGORIES(X)
#undef X
};

static const struct {
    const char *name, *padded, *color;
} levels[] = {
    [LEC_LOG_ERROR] = { "error", "error", "\033[31m" },
    [LEC_LOG_WARN] = { "warn", "warn ", "\033[33m" },
    [LEC_LOG_INFO] = { "info", "info ", "" },
    [LEC_LOG_DEBUG] = { "debug", "debug", "\033[2m" },
};

#define COLOR_OFF "\033[0m"

struct lec_log *lec_log_new(int fd)
{
    struct lec_log *log = lec_alloc0(sizeof(*log));
    log->fd = fd;
    log->terminal = isatty(fd) == 1;
    log->level = LEC_LOG_INFO;
    return log;
}

void lec_log_free(struct lec_log *log)
{
    if (!log)
        return;
    lec_buf_fini(&log->line);
    lec_buf_fini(&log->message);
    free(log);
}

int lec_log_set_level(struct lec_log *log, const char *name)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            log->level = (enum lec_level)i;
            return LEC_OK;
        }
    }
    return LEC_EINVAL;
}

void lec_log_set_json(struct lec_log *log, bool json)
{
    log->json = json;
}

/* `*` stands for any run of characters. */
static bool matches(struct lec_slice pattern, const char *name)
{
    const char *p = pattern.p, *end = p + pattern.n;
    const char *star = NULL, *from = NULL; /* the last star, and where what it stands for ends */
    while (*name) {
        if (p < end && *p == '*') {
            star = p++;
            from = name;
        } else if (p < end && *p == *name) {
            p++;
            name++;
        } else if (star) {
            p = star + 1;
            name = ++from;
        } else {
            return false;
        }
    }
    while (p < end && *p == '*')
        p++;
    return p == end;
}

/* The reference server says `engine` where its other names say `engine.io`. */
#define ENGINE_LONG  "engine.io"
#define ENGINE_SHORT "engine"

static bool names_category(struct lec_slice pattern, const char *name)
{
    if (matches(pattern, name))
        return true;
    size_t n = sizeof(ENGINE_LONG) - 1;
    if (strncmp(name, ENGINE_LONG, n) != 0)
        return false;
    char alias[64] = ENGINE_SHORT;
    strncat(alias, name + n, sizeof(alias) - sizeof(ENGINE_SHORT));
    return matches(pattern, alias);
}

void lec_log_set_debug(struct lec_log *log, const char *patterns)
{
    bool excluded[LEC_CAT_COUNT] = { false };
    memset(log->debug, 0, sizeof(log->debug));
    for (const char *p = patterns; *p;) {
        size_t n = strcspn(p, ", \t\n");
        struct lec_slice pattern = { p, n };
        bool *set = log->debug;
        if (n > 0 && *p == '-') {
            pattern = (struct lec_slice){ p + 1, n - 1 };
            set = excluded;
        }
        for (size_t cat = 0; cat < LEC_CAT_COUNT; cat++)
            set[cat] |= names_category(pattern, categories[cat]);
        p += n + (p[n] != '\0');
    }
    for (size_t cat = 0; cat < LEC_CAT_COUNT; cat++)
        log->debug[cat] &= !excluded[cat];
}

bool lec_log_on(const struct lec_log *log, enum lec_level level, enum lec_category cat)
{
    if (!log)
        return false;
    return level <= log->level || (level == LEC_LOG_DEBUG && log->debug[cat]);
}

static void add_time(struct lec_buf *out)
{
    struct tm tm;
    int64_t now = lec_clock_ms();
    time_t seconds = (time_t)(now / 1000);
    gmtime_r(&seconds, &tm);
    lec_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now % 1000));
}

/* Characters that may end a line or steer a terminal: C0, DEL, C1, and the line and paragraph
 * separators. */
static bool is_unsafe(const unsigned char *p, size_t len)
{
    if (len == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (len == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    return len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9);
}

/* How text for people has line ends and tabs: to be searched, or to be read. Indented lines are no
 * other message's. */
static const struct breaks {
    const char *line, *tab;
} one_line = { "\\n", "\\t" }, indented = { "\n    ", "  " };

/* Appends text for people: unsafe characters and bytes that are no UTF-8 appear as \xNN. */
static void add_text(struct lec_buf *out, struct lec_slice s, const struct breaks *breaks)
{
    while (s.n > 0) {
        const unsigned char *p = (const unsigned char *)s.p;
        size_t len = lec_utf8_len(s.p, s.n);
        if (len > 0 && !is_unsafe(p, len)) {
            lec_buf_add(out, p, len);
        } else if (*p == '\n' || *p == '\t') {
            lec_buf_adds(out, *p == '\n' ? breaks->line : breaks->tab);
            len = 1;
        } else {
            len += len == 0;
            for (size_t i = 0; i < len; i++)
                lec_buf_printf(out, "\\x%02x", p[i]);
        }
        s.p += len;
        s.n -= len;
    }
}

/* A member's value: as it is if it is one plain word, else in quotes, so that nobody's name can
 * look like another member. */
static void add_value(struct lec_buf *out, const char *value)
{
    bool plain = *value != '\0';
    for (const char *p = value; *p && plain; p++)
        plain = (unsigned char)*p > ' ' && *p != '"' && *p != '=';
    if (!plain)
        lec_buf_addc(out, '"');
    for (const char *p = value; *p;) {
        size_t n = strcspn(p, "\"");
        add_text(out, (struct lec_slice){ p, n }, &one_line);
        p += n;
        if (*p == '"') {
            lec_buf_adds(out, "\\\"");
            p++;
        }
    }
    if (!plain)
        lec_buf_addc(out, '"');
}

static void add_text_line(struct lec_log *log, enum lec_level level, enum lec_category cat,
                          struct lec_who who)
{
    struct lec_buf *out = &log->line;
    bool color = log->terminal && *levels[level].color;
    add_time(out);
    lec_buf_addc(out, ' ');
    if (color)
        lec_buf_adds(out, levels[level].color);
    lec_buf_adds(out, levels[level].padded);
    if (color)
        lec_buf_adds(out, COLOR_OFF);
    lec_buf_addc(out, ' ');
    lec_buf_adds(out, categories[cat]);
    if (who.conn) {
        lec_buf_adds(out, " conn=");
        add_value(out, who.conn);
    }
    if (who.user) {
        lec_buf_adds(out, " user=");
        add_value(out, who.user);
    }
    lec_buf_addc(out, ' ');
    add_text(out, lec_buf_slice(&log->message), log->terminal ? &indented : &one_line);
}

/* Appends ,"name":"text"; bytes that are no UTF-8 appear as U+FFFD. */
static void add_member(struct lec_buf *out, const char *name, struct lec_slice text)
{
    lec_buf_printf(out, ",\"%s\":", name);
    if (lec_json_put_string(out, text.p, text.n) == LEC_OK)
        return;
    struct lec_buf clean = { 0 };
    lec_utf8_mend(&clean, text.p, text.n);
    if (lec_json_put_string(out, clean.p, clean.n) != LEC_OK)
        abort();
    lec_buf_fini(&clean);
}

static void add_json_line(struct lec_log *log, enum lec_level level, enum lec_category cat,
                          struct lec_who who)
{
    struct lec_buf *out = &log->line;
    lec_buf_adds(out, "{\"time\":\"");
    add_time(out);
    lec_buf_addc(out, '"');
    add_member(out, "level", lec_slice_str(levels[level].name));
    add_member(out, "category", lec_slice_str(categories[cat]));
    if (who.conn)
        add_member(out, "conn", lec_slice_str(who.conn));
    if (who.user)
        add_member(out, "user", lec_slice_str(who.user));
    add_member(out, "message", lec_buf_slice(&log->message));
    lec_buf_addc(out, '}');
}

/* One write a line, so that lines of several processes do not mix. What the other end does not
 * take at all is lost: the log must not stop the server. */
static void write_line(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        p += wrote;
        n -= (size_t)wrote;
    }
}

/* Cuts a message that is too long, between two characters. */
static void cut(struct lec_buf *message)
{
    if (message->n <= MAX_MESSAGE)
        return;
    message->n = MAX_MESSAGE;
    while (((unsigned char)message->p[message->n] & 0xc0) == 0x80 && message->n > MAX_MESSAGE - 4)
        message->n--;
    lec_buf_adds(message, "…");
}

void lec_log(struct lec_log *log, enum lec_level level, enum lec_category cat, struct lec_who who,
             const char *fmt, ...)
{
    if (!lec_log_on(log, level, cat))
        return;
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    lec_buf_clear(&log->line, 4 * MAX_MESSAGE);
    lec_buf_clear(&log->message, 4 * MAX_MESSAGE);
    lec_buf_vprintf(&log->message, fmt, ap);
    va_end(ap);
    cut(&log->message);
    if (log->json)
        add_json_line(log, level, cat, who);
    else
        add_text_line(log, level, cat, who);
    lec_buf_addc(&log->line, '\n');
    write_line(log->fd, log->line.p, log->line.n);
    errno = saved;
}
