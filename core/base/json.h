/* JSON (RFC 8259) between bytes and tokens, for the wire. Both halves are pure: no allocation
 * but the caller's buffer, no logging, no state outside their arguments.
 *
 * The reader is strict: valid UTF-8 only, no unescaped control characters, no trailing commas, no
 * NaN, no leading zeros, nothing behind the value. It accepts \ud800 without its partner, as JSON
 * text may hold it and browsers send it; lec_json_string gives U+FFFD for it, since a Lua string
 * cannot be both UTF-8 and a surrogate. */
#ifndef LEC_BASE_JSON_H
#define LEC_BASE_JSON_H

#include <stdint.h>

#include "base/buf.h"

enum lec_json_kind {
    LEC_JSON_END, /* the value is complete and nothing follows it */
    LEC_JSON_OBJECT,
    LEC_JSON_OBJECT_END,
    LEC_JSON_ARRAY,
    LEC_JSON_ARRAY_END,
    LEC_JSON_KEY, /* text: between its quotes, escapes as they are */
    LEC_JSON_STRING,
    LEC_JSON_NUMBER, /* text: as it stands */
    LEC_JSON_TRUE,
    LEC_JSON_FALSE,
    LEC_JSON_NULL,
};

#define LEC_JSON_MAX_DEPTH  256  /* of any limit given to lec_json_init */
#define LEC_JSON_MAX_NUMBER 1024 /* characters of a number */

struct lec_json_token {
    enum lec_json_kind kind;
    bool escaped;          /* KEY, STRING: text has escapes, use lec_json_string */
    struct lec_slice text; /* in the reader's bytes; of other kinds as it stands too */
};

/* A reader over borrowed bytes. Members are private. */
struct lec_json {
    const char *start, *p, *end;
    unsigned depth, max_depth;
    unsigned char state;
    uint64_t in_object[LEC_JSON_MAX_DEPTH / 64]; /* one bit a level */
};

void lec_json_init(struct lec_json *j, struct lec_slice text, unsigned max_depth);

/* The next token. LEC_OK, LEC_EPROTO (not JSON), LEC_ETOOBIG (deeper than max_depth, or a
 * number beyond LEC_JSON_MAX_NUMBER). After an error or END the reader must not be asked again. */
int lec_json_next(struct lec_json *j, struct lec_json_token *t) LEC_CHECK;

/* Skips the rest of the object or array whose opening token was just read. */
int lec_json_skip(struct lec_json *j) LEC_CHECK;

/* Where the reader stands: the bytes from the text's start. After a value's last token this is
 * just behind the value. */
size_t lec_json_offset(const struct lec_json *j);

/* Whether the text is one JSON value: LEC_OK, LEC_EPROTO, LEC_ETOOBIG. */
int lec_json_check(struct lec_slice text, unsigned max_depth) LEC_CHECK;

/* Appends what a KEY or STRING token stands for, escapes resolved; always valid UTF-8. */
void lec_json_string(struct lec_buf *out, const struct lec_json_token *t);

/* Whether that is s, without a copy of it. */
bool lec_json_string_is(const struct lec_json_token *t, const char *s);

/* The number of a NUMBER token: the nearest double, an infinity past the largest. */
double lec_json_number(const struct lec_json_token *t);

/* Finds a member of the object that `text` is: its value as it stands in the text; of members of
 * one name the last, as JSON.parse does. Reads the whole text, so it is for small ones, like a
 * token's claims. LEC_ENOTFOUND, LEC_EPROTO (no object), or as lec_json_next. */
int lec_json_member(struct lec_slice text, const char *key, struct lec_slice *value) LEC_CHECK;

/* Appends "p" in quotes: only what must be escaped is. LEC_EPROTO if p is not UTF-8, with `out`
 * as it was. */
int lec_json_put_string(struct lec_buf *out, const char *p, size_t n) LEC_CHECK;

/* Appends the shortest digits that read back as this very number, integers below 2^53 without
 * point or exponent; NaN and infinities as null, -0 as 0, all as ECMAScript does. */
void lec_json_put_number(struct lec_buf *out, double d);

#endif
