/* The reader half of json.h: a state machine over the text, one token a call. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/utf8.h"

/* What may come next. */
enum state {
    VALUE,
    VALUE_OR_END, /* just behind [ */
    KEY,
    KEY_OR_END, /* just behind { */
    COMMA_OR_END,
    NOTHING, /* the value at the top is complete */
};

void lec_json_init(struct lec_json *j, struct lec_slice text, unsigned max_depth)
{
    j->start = j->p = text.p;
    j->end = text.n ? text.p + text.n : text.p;
    j->depth = 0;
    j->max_depth = max_depth < LEC_JSON_MAX_DEPTH ? max_depth : LEC_JSON_MAX_DEPTH;
    j->state = VALUE;
}

static bool in_object(const struct lec_json *j)
{
    unsigned level = j->depth - 1;
    return j->in_object[level / 64] >> (level % 64) & 1;
}

static int open_container(struct lec_json *j, struct lec_json_token *t, bool object)
{
    if (j->depth == j->max_depth)
        return LEC_ETOOBIG;
    uint64_t bit = (uint64_t)1 << (j->depth % 64), *word = &j->in_object[j->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    j->depth++;
    t->kind = object ? LEC_JSON_OBJECT : LEC_JSON_ARRAY;
    t->text = (struct lec_slice){ j->p++, 1 };
    j->state = object ? KEY_OR_END : VALUE_OR_END;
    return LEC_OK;
}

static void after_value(struct lec_json *j)
{
    j->state = j->depth ? COMMA_OR_END : NOTHING;
}

static int close_container(struct lec_json *j, struct lec_json_token *t)
{
    t->kind = in_object(j) ? LEC_JSON_OBJECT_END : LEC_JSON_ARRAY_END;
    t->text = (struct lec_slice){ j->p++, 1 };
    j->depth--;
    after_value(j);
    return LEC_OK;
}

static void skip_space(struct lec_json *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\r' || *j->p == '\t'))
        j->p++;
}

/* The length of the escape at p (a backslash), 0 if it is none. */
static size_t escape_len(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] != 'u')
        return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; i++) {
        char c = p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return 0;
    }
    return 6;
}

/* Reads a string; the reader stands at its first quote, and then behind its last. */
static int read_string(struct lec_json *j, struct lec_json_token *t)
{
    const char *p = j->p + 1, *first = p, *end = j->end;
    t->escaped = false;
    for (;;) {
        p = lec_json_skip_plain(p, end);
        if (p == end)
            return LEC_EPROTO;
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            break;
        size_t len = 1;
        if (c == '\\') {
            t->escaped = true;
            len = escape_len(p, end);
        } else if (c < 0x20) {
            len = 0;
        } else if (c >= 0x80) {
            /* Such characters come in runs: they are gone through at once. */
            len = lec_utf8_len(p, (size_t)(end - p));
            while (len > 0 && end - p > (ptrdiff_t)len && (unsigned char)p[len] >= 0x80) {
                p += len;
                len = lec_utf8_len(p, (size_t)(end - p));
            }
        }
        if (len == 0)
            return LEC_EPROTO;
        p += len;
    }
    t->text = (struct lec_slice){ first, (size_t)(p - first) };
    j->p = p + 1;
    return LEC_OK;
}

static int read_key(struct lec_json *j, struct lec_json_token *t)
{
    if (*j->p != '"')
        return LEC_EPROTO;
    int rc = read_string(j, t);
    if (rc)
        return rc;
    skip_space(j);
    if (j->p == j->end || *j->p != ':')
        return LEC_EPROTO;
    j->p++;
    t->kind = LEC_JSON_KEY;
    j->state = VALUE;
    return LEC_OK;
}

/* The first character that is no digit; NULL if p is at none. */
static const char *digits(const char *p, const char *end)
{
    const char *first = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p > first ? p : NULL;
}

static int read_number(struct lec_json *j, struct lec_json_token *t)
{
    const char *p = j->p, *end = j->end;
    if (*p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else if (!(p = digits(p, end)))
        return LEC_EPROTO;
    if (p < end && *p == '.' && !(p = digits(p + 1, end)))
        return LEC_EPROTO;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!(p = digits(p, end)))
            return LEC_EPROTO;
    }
    if (p - j->p > LEC_JSON_MAX_NUMBER)
        return LEC_ETOOBIG;
    t->kind = LEC_JSON_NUMBER;
    t->text = (struct lec_slice){ j->p, (size_t)(p - j->p) };
    j->p = p;
    after_value(j);
    return LEC_OK;
}

static int read_word(struct lec_json *j, struct lec_json_token *t, struct lec_slice word,
                     enum lec_json_kind kind)
{
    if ((size_t)(j->end - j->p) < word.n || memcmp(j->p, word.p, word.n) != 0)
        return LEC_EPROTO;
    t->kind = kind;
    t->text = (struct lec_slice){ j->p, word.n };
    j->p += word.n;
    after_value(j);
    return LEC_OK;
}

static int read_value(struct lec_json *j, struct lec_json_token *t)
{
    int rc;
    switch (*j->p) {
    case '"':
        rc = read_string(j, t);
        t->kind = LEC_JSON_STRING;
        after_value(j);
        return rc;
    case '{':
        return open_container(j, t, true);
    case '[':
        return open_container(j, t, false);
    case 't':
        return read_word(j, t, LEC_SLICE("true"), LEC_JSON_TRUE);
    case 'f':
        return read_word(j, t, LEC_SLICE("false"), LEC_JSON_FALSE);
    case 'n':
        return read_word(j, t, LEC_SLICE("null"), LEC_JSON_NULL);
    default:
        return read_number(j, t);
    }
}

int lec_json_next(struct lec_json *j, struct lec_json_token *t)
{
    t->escaped = false;
    skip_space(j);
    if (j->p == j->end) {
        t->kind = LEC_JSON_END;
        t->text = (struct lec_slice){ j->p, 0 };
        return j->state == NOTHING ? LEC_OK : LEC_EPROTO;
    }
    switch ((enum state)j->state) {
    case VALUE_OR_END:
        if (*j->p == ']')
            return close_container(j, t);
        return read_value(j, t);
    case VALUE:
        return read_value(j, t);
    case KEY_OR_END:
        if (*j->p == '}')
            return close_container(j, t);
        return read_key(j, t);
    case KEY:
        return read_key(j, t);
    case COMMA_OR_END:
        if (*j->p == (in_object(j) ? '}' : ']'))
            return close_container(j, t);
        if (*j->p != ',')
            return LEC_EPROTO;
        j->p++;
        skip_space(j);
        if (j->p == j->end)
            return LEC_EPROTO;
        return in_object(j) ? read_key(j, t) : read_value(j, t);
    case NOTHING:
        break;
    }
    return LEC_EPROTO;
}

int lec_json_skip(struct lec_json *j)
{
    struct lec_json_token t;
    for (unsigned outside = j->depth - 1; j->depth > outside;) {
        int rc = lec_json_next(j, &t);
        if (rc)
            return rc;
    }
    return LEC_OK;
}

size_t lec_json_offset(const struct lec_json *j)
{
    return (size_t)(j->p - j->start);
}

int lec_json_check(struct lec_slice text, unsigned max_depth)
{
    struct lec_json j;
    struct lec_json_token t;
    int rc;
    lec_json_init(&j, text, max_depth);
    do
        rc = lec_json_next(&j, &t);
    while (rc == LEC_OK && t.kind != LEC_JSON_END);
    return rc;
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

/* Resolves the escape at *p, which the reader has checked, and moves *p behind it. Returns how
 * many bytes (at most 4) it wrote. */
static size_t unescape(const char **p, const char *end, char *out)
{
    const char *at = *p;
    if (at[1] != 'u') {
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        *p += 2;
        *out = to[strchr(from, at[1]) - from];
        return 1;
    }
    unsigned cp = hex4(at + 2);
    *p += 6;
    if (cp >= 0xd800 && cp < 0xdc00 && end - *p >= 6 && at[6] == '\\' && at[7] == 'u') {
        unsigned low = hex4(at + 8);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            return lec_utf8_put(out, 0x10000 + ((cp - 0xd800) << 10 | (low - 0xdc00)));
        }
    }
    if (cp >= 0xd800 && cp < 0xe000)
        cp = 0xfffd; /* half of a pair */
    return lec_utf8_put(out, cp);
}

void lec_json_string(struct lec_buf *out, const struct lec_json_token *t)
{
    if (!t->escaped) {
        lec_buf_add(out, t->text.p, t->text.n);
        return;
    }
    const char *p = t->text.p, *end = p + t->text.n;
    char *at = lec_buf_reserve(out, t->text.n); /* no escape is shorter than what it stands for */
    char *first = at;
    while (p < end) {
        const char *plain = memchr(p, '\\', (size_t)(end - p));
        size_t n = (size_t)((plain ? plain : end) - p);
        memcpy(at, p, n);
        at += n;
        p += n;
        if (plain)
            at += unescape(&p, end, at);
    }
    out->n += (size_t)(at - first);
}

bool lec_json_string_is(const struct lec_json_token *t, const char *s)
{
    if (!t->escaped)
        return lec_slice_is(t->text, s);
    size_t n = strlen(s);
    const char *p = t->text.p, *end = p + t->text.n;
    while (p < end) {
        char c[4] = { *p };
        size_t len = 1;
        if (*p == '\\')
            len = unescape(&p, end, c);
        else
            p++;
        if (n < len || memcmp(s, c, len) != 0)
            return false;
        s += len;
        n -= len;
    }
    return n == 0;
}

int lec_json_member(struct lec_slice text, const char *key, struct lec_slice *value)
{
    struct lec_json j;
    struct lec_json_token t;
    int found = LEC_ENOTFOUND;
    lec_json_init(&j, text, LEC_JSON_MAX_DEPTH);
    int rc = lec_json_next(&j, &t);
    if (rc)
        return rc;
    if (t.kind != LEC_JSON_OBJECT)
        return LEC_EPROTO;
    for (;;) {
        rc = lec_json_next(&j, &t);
        if (rc)
            return rc;
        if (t.kind == LEC_JSON_END)
            return found;
        if (t.kind == LEC_JSON_OBJECT_END)
            continue;
        bool wanted = lec_json_string_is(&t, key);
        rc = lec_json_next(&j, &t);
        if (rc)
            return rc;
        const char *first = t.kind == LEC_JSON_STRING ? t.text.p - 1 : t.text.p;
        if (t.kind == LEC_JSON_OBJECT || t.kind == LEC_JSON_ARRAY) {
            rc = lec_json_skip(&j);
            if (rc)
                return rc;
        }
        if (wanted) {
            *value = (struct lec_slice){ first, (size_t)(j.p - first) };
            found = LEC_OK;
        }
    }
}

/* Powers of ten that a double holds exactly. */
static const double exact_tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

#define MANTISSA_DIGITS 19 /* fit 64 bits */
#define EXPONENT_CAP    99999

double lec_json_number(const struct lec_json_token *t)
{
    /* Sign, digits and exponent of the text with its point moved to the end. The digits are kept
     * as text too: strtod gets them without a point, which no locale can spoil. */
    char plain[LEC_JSON_MAX_NUMBER + 16];
    size_t n = 0;
    const char *p = t->text.p, *end = p + t->text.n;
    bool negative = *p == '-', point = false;
    uint64_t mantissa = 0;
    int count = 0, exponent = 0;

    for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (mantissa > 0 || *p != '0')
            count++;
        if (count <= MANTISSA_DIGITS)
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        exponent -= point;
        plain[n++] = *p;
    }
    if (p < end) {
        bool minus = p[1] == '-';
        int e = 0;
        for (p += 1 + (minus || p[1] == '+'); p < end; p++)
            e = e < EXPONENT_CAP ? e * 10 + (*p - '0') : e;
        exponent += minus ? -e : e;
    }

    double d;
    if (mantissa == 0) {
        d = 0;
    } else if (count <= MANTISSA_DIGITS && exponent == 0) {
        d = (double)mantissa;
    } else if (mantissa <= (uint64_t)1 << 53 && count <= MANTISSA_DIGITS && exponent >= -22 &&
               exponent <= 22) {
        /* Both operands are exact, so the one rounding is right (Clinger 1990). */
        d = (double)mantissa;
        d = exponent < 0 ? d / exact_tens[-exponent] : d * exact_tens[exponent];
    } else {
        plain[n++] = 'e';
        if (exponent < 0)
            plain[n++] = '-';
        char digit[8];
        int k = 0;
        unsigned rest = (unsigned)abs(exponent);
        do
            digit[k++] = (char)('0' + rest % 10);
        while (rest /= 10);
        while (k > 0)
            plain[n++] = digit[--k];
        plain[n] = '\0';
        d = strtod(plain, NULL);
    }
    return negative ? -d : d;
}
