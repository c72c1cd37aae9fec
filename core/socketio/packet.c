/* Decoder and encoder of Socket.IO 5 packets. The grammar and what is refused follow
 * socket.io-parser 4.2.7; stricter only where that lets nonsense through by accident: an EVENT or
 * ACK must have its array, and numbers are digits. It has an ack id past 2^53 rounded and, past 10^21,
 * written so that its own client breaks; here it stays as it is, or none. */
#include "socketio/packet.h"

#include "base/json.h"
#include "engineio/query.h"
#include "socketio/placeholder.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_binary(enum sio_type type)
{
    return type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
}

/* Reads digits off *p; those that say more than SIO_MAX_ID are some number past it. False: there are
 * none. */
static bool take_number(const char **p, const char *end, uint64_t *out)
{
    const char *start = *p;
    uint64_t n = 0;
    for (; *p < end && is_digit(**p); (*p)++)
        n = n > SIO_MAX_ID / 10 ? SIO_MAX_ID + 1 : n * 10 + (uint64_t)(**p - '0');
    *out = n;
    return *p > start;
}

static bool is_reserved(const struct lec_json_token *name)
{
    static const char *const reserved[] = { "connect",       "connect_error", "disconnect",
                                            "disconnecting", "newListener",   "removeListener" };
    char c = name->text.n ? name->text.p[0] : 0;
    if (!name->escaped && c != 'c' && c != 'd' && c != 'n' && c != 'r')
        return false;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (lec_json_string_is(name, reserved[i]))
            return true;
    return false;
}

/* Reads the rest of the payload's outermost array; each object on the way that says it is a
 * placeholder must name one of the attachments. */
static int check_placeholders(struct lec_json *json, const struct lec_json_token *first,
                              unsigned attachments)
{
    struct sio_finder finder;
    sio_finder_init(&finder, attachments);
    for (struct lec_json_token t = *first;;) {
        if (sio_finder_next(&finder, &t) == SIO_FIND_STRAY)
            return LEC_EPROTO;
        if (finder.depth == 0)
            return LEC_OK;
        int rc = lec_json_next(json, &t);
        if (rc)
            return rc;
    }
}

/* Reads the rest of the value whose first token was just read, to the end of the text. */
static int check_rest(struct lec_json *json, const struct lec_json_token *first,
                      unsigned attachments)
{
    int rc = LEC_OK;
    if (attachments > 0)
        rc = check_placeholders(json, first, attachments);
    else if (first->kind == LEC_JSON_ARRAY || first->kind == LEC_JSON_OBJECT)
        rc = lec_json_skip(json);
    struct lec_json_token end;
    return rc ? rc : lec_json_next(json, &end);
}

int sio_packet_check(struct sio_packet *p, const struct sio_limits *limits)
{
    if (p->json.n == 0)
        return p->type == SIO_CONNECT || p->type == SIO_DISCONNECT || p->type == SIO_CONNECT_ERROR
                   ? LEC_OK
                   : LEC_EPROTO;

    struct lec_json json;
    struct lec_json_token first, name;
    lec_json_init(&json, p->json, limits->max_depth);
    int rc = lec_json_next(&json, &first);
    if (rc)
        return rc;

    bool fits = false;
    switch (p->type) {
    case SIO_DISCONNECT:
        break;
    case SIO_CONNECT:
        fits = first.kind == LEC_JSON_OBJECT;
        break;
    case SIO_CONNECT_ERROR:
        fits = first.kind == LEC_JSON_OBJECT || first.kind == LEC_JSON_STRING;
        break;
    case SIO_ACK:
    case SIO_BINARY_ACK:
        fits = first.kind == LEC_JSON_ARRAY;
        break;
    case SIO_EVENT:
    case SIO_BINARY_EVENT:
        if (first.kind != LEC_JSON_ARRAY)
            break;
        rc = lec_json_next(&json, &name);
        if (rc)
            return rc;
        fits =
            name.kind == LEC_JSON_NUMBER || (name.kind == LEC_JSON_STRING && !is_reserved(&name));
        p->event = name.text;
        p->event_escaped = name.escaped;
        break;
    }
    return fits ? check_rest(&json, &first, p->attachments) : LEC_EPROTO;
}

int sio_packet_split(struct sio_packet *out, struct lec_slice text, unsigned max_attachments)
{
    if (text.n == 0 || text.p[0] < '0' || text.p[0] > '6')
        return LEC_EPROTO;
    const char *p = text.p, *end = text.p + text.n;
    uint64_t n;
    *out = (struct sio_packet){
        .type = (enum sio_type)(*p++ - '0'),
        .nsp = LEC_SLICE("/"),
        .id = SIO_NO_ID,
    };
    if (is_binary(out->type)) {
        if (!take_number(&p, end, &n) || p == end || *p++ != '-' || n == 0)
            return LEC_EPROTO;
        if (n > max_attachments)
            return LEC_ETOOBIG;
        out->attachments = (unsigned)n;
    }
    if (p < end && *p == '/') {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        out->nsp = (struct lec_slice){ p, (size_t)(stop - p) };
        p = comma ? comma + 1 : end;
    }
    if (take_number(&p, end, &n) && n <= SIO_MAX_ID)
        out->id = (int64_t)n;
    out->json = (struct lec_slice){ p, (size_t)(end - p) };
    return LEC_OK;
}

int sio_packet_decode(struct sio_packet *out, struct lec_slice text,
                      const struct sio_limits *limits)
{
    int rc = sio_packet_split(out, text, limits->max_attachments);
    return rc ? rc : sio_packet_check(out, limits);
}

void sio_packet_take_query(struct lec_slice *nsp, struct lec_buf *json)
{
    const char *mark = memchr(nsp->p, '?', nsp->n);
    struct lec_slice query = LEC_SLICE(""), name, value;
    struct lec_buf scratch = { 0 };
    if (mark) {
        query = (struct lec_slice){ mark + 1, nsp->n - (size_t)(mark + 1 - nsp->p) };
        nsp->n = (size_t)(mark - nsp->p);
    }
    lec_buf_addc(json, '{');
    size_t start = json->n;
    for (size_t pos = 0; eio_query_next(query, &pos, &scratch, &name, &value);) {
        size_t before = json->n;
        if (before > start)
            lec_buf_addc(json, ',');
        int rc = lec_json_put_string(json, name.p, name.n);
        lec_buf_addc(json, ':');
        if (rc != LEC_OK || lec_json_put_string(json, value.p, value.n) != LEC_OK)
            json->n = before;
    }
    lec_buf_addc(json, '}');
    lec_buf_fini(&scratch);
}

/* The header of a packet takes at most: '4', type, 10 digits and '-', ',', 19 digits. */
#define MAX_DIGITS 20

static size_t digits(char out[MAX_DIGITS], uint64_t n)
{
    char reversed[MAX_DIGITS];
    size_t count = 0;
    do
        reversed[count++] = (char)('0' + n % 10);
    while (n /= 10);
    for (size_t i = 0; i < count; i++)
        out[i] = reversed[count - 1 - i];
    return count;
}

struct lec_msg *sio_packet_encode(enum sio_type type, struct lec_slice nsp, int64_t id,
                                  unsigned attachments, struct lec_slice json)
{
    char count[MAX_DIGITS], number[MAX_DIGITS];
    size_t count_len = 0, number_len = 0, nsp_len = lec_slice_is(nsp, "/") ? 0 : nsp.n + 1;

    if (attachments > 0) {
        type = type == SIO_EVENT ? SIO_BINARY_EVENT : type == SIO_ACK ? SIO_BINARY_ACK : type;
        count_len = digits(count, attachments);
    }
    if (id != SIO_NO_ID)
        number_len = digits(number, (uint64_t)id);

    size_t len = 2 + (count_len ? count_len + 1 : 0) + nsp_len + number_len + json.n;
    struct lec_msg *msg = lec_msg_new(false, len);
    char *p = lec_msg_data(msg);
    *p++ = '4';
    *p++ = (char)('0' + type);
    if (count_len > 0) {
        p = mempcpy(p, count, count_len);
        *p++ = '-';
    }
    if (nsp_len > 0) {
        p = mempcpy(p, nsp.p, nsp.n);
        *p++ = ',';
    }
    p = mempcpy(p, number, number_len);
    if (json.n > 0)
        memcpy(p, json.p, json.n);
    return msg;
}
