#include "net/body.h"

#include <ctype.h>

#include "net/grammar.h"

#define MAX_CHUNK                                                                                  \
    ((uint64_t)1 << 60) /* a longer one is no size; another digit would not overflow */

enum state {
    LENGTH, /* `left` bytes, no chunks; and when they have come */
    SIZE,   /* the first digit of a chunk's size */
    DIGITS,
    SIZE_LF,
    EXT_NAME_FIRST, /* behind ';' */
    EXT_NAME,
    EXT_VALUE_FIRST, /* behind '=' */
    EXT_VALUE,
    QUOTED,
    QUOTED_PAIR, /* behind '\' */
    QUOTED_END,
    DATA,
    DATA_CR,
    DATA_LF,
    LAST_LF,       /* of the size 0 */
    TRAILER_FIRST, /* a field line, or the empty line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
};

void lec_body_of_length(struct lec_body *b, uint64_t n)
{
    *b = (struct lec_body){ .left = n, .state = LENGTH };
}

void lec_body_of_chunks(struct lec_body *b, uint32_t max_extra)
{
    *b = (struct lec_body){ .max_extra = max_extra, .state = SIZE };
}

bool lec_body_is_chunked(const struct lec_body *b)
{
    return b->state != LENGTH;
}

bool lec_body_is_whole(const struct lec_body *b)
{
    return b->state == LENGTH && b->left == 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int size_digit(struct lec_body *b, char c)
{
    int digit = hex(c);
    if (digit < 0 || b->left >= MAX_CHUNK / 16)
        return LEC_EPROTO;
    b->left = b->left * 16 + (uint64_t)digit;
    return DIGITS;
}

/* What follows a chunk's size, or an extension. */
static int behind_size(const struct lec_body *b, char c)
{
    if (c == ';')
        return EXT_NAME_FIRST;
    return c != '\r' ? LEC_EPROTO : b->left > 0 ? SIZE_LF : LAST_LF;
}

static int token_or(const struct lec_body *b, char c, int state)
{
    if (lec_octet_is(c, LEC_TOKEN))
        return state;
    if (c == '=' && state == EXT_NAME)
        return EXT_VALUE_FIRST;
    return behind_size(b, c);
}

/* An octet of a trailer's name, or the colon behind it. */
static int trailer_name(struct lec_body *b, char c)
{
    static const char *const forbidden[] = { "content-length", "transfer-encoding" };
    for (unsigned i = 0; i < 2; i++) {
        if ((b->candidates & 1u << i) == 0)
            continue;
        char wanted = forbidden[i][b->matched]; /* zero behind the last: none matches it */
        if (wanted == '\0' && c == ':')
            return LEC_EPROTO;
        if (tolower((unsigned char)c) != wanted)
            b->candidates &= (uint8_t) ~(1u << i);
    }
    if (b->candidates != 0)
        b->matched++;
    return c == ':' ? TRAILER_VALUE : lec_octet_is(c, LEC_TOKEN) ? TRAILER_NAME : LEC_EPROTO;
}

/* The state behind an octet that is no data, or LEC_EPROTO. */
static int step(struct lec_body *b, char c)
{
    bool token = lec_octet_is(c, LEC_TOKEN), lf = c == '\n';
    switch ((enum state)b->state) {
    case SIZE:
        return size_digit(b, c);
    case DIGITS:
        return hex(c) >= 0 ? size_digit(b, c) : behind_size(b, c);
    case EXT_NAME_FIRST:
        return token ? EXT_NAME : LEC_EPROTO;
    case EXT_NAME:
    case EXT_VALUE:
        return token_or(b, c, b->state);
    case EXT_VALUE_FIRST:
        return token ? EXT_VALUE : c == '"' ? QUOTED : LEC_EPROTO;
    case QUOTED:
        if (c == '"')
            return QUOTED_END;
        return c == '\\' ? QUOTED_PAIR : lec_octet_is(c, LEC_FIELD) ? QUOTED : LEC_EPROTO;
    case QUOTED_PAIR:
        return lec_octet_is(c, LEC_FIELD) ? QUOTED : LEC_EPROTO;
    case QUOTED_END:
        return behind_size(b, c);
    case SIZE_LF:
        return lf ? DATA : LEC_EPROTO;
    case DATA_CR:
        return c == '\r' ? DATA_LF : LEC_EPROTO;
    case DATA_LF:
        return lf ? SIZE : LEC_EPROTO;
    case LAST_LF:
    case TRAILER_LF:
        return lf ? TRAILER_FIRST : LEC_EPROTO;
    case TRAILER_FIRST:
        b->candidates = 3;
        b->matched = 0;
        return c == '\r' ? END_LF : c == ':' ? LEC_EPROTO : trailer_name(b, c);
    case TRAILER_NAME:
        return trailer_name(b, c);
    case TRAILER_VALUE:
        return c == '\r' ? TRAILER_LF : lec_octet_is(c, LEC_FIELD) ? TRAILER_VALUE : LEC_EPROTO;
    case END_LF:
        return lf ? LENGTH : LEC_EPROTO; /* with nothing left: it is whole */
    case LENGTH:
    case DATA:
        break;
    }
    return LEC_EPROTO;
}

/* Whether the octet that comes is one that no data needs: of an extension, a trailer, zeros in front
 * of a size. */
static bool is_extra(const struct lec_body *b)
{
    return (b->state >= EXT_NAME_FIRST && b->state <= QUOTED_END) || b->state >= TRAILER_FIRST ||
           (b->state == DIGITS && b->left == 0);
}

int64_t lec_body_read(struct lec_body *b, const char *p, size_t n, struct lec_slice *data)
{
    size_t i = 0;
    *data = (struct lec_slice){ p, 0 };
    while (i < n && !lec_body_is_whole(b)) {
        if (b->state == DATA || b->state == LENGTH) {
            size_t k = b->left < n - i ? (size_t)b->left : n - i;
            *data = (struct lec_slice){ p + i, k };
            b->left -= k;
            if (b->state == DATA && b->left == 0)
                b->state = DATA_CR;
            return (int64_t)(i + k);
        }
        int next = step(b, p[i]);
        if (next < 0)
            return next;
        if (is_extra(b) && ++b->extra > b->max_extra)
            return LEC_ETOOBIG;
        b->state = (uint8_t)next;
        i++;
    }
    return (int64_t)i;
}
