#include "engineio/query.h"

#include "base/percent.h"

/* The next "name=value" as it stands; empty ones ("&&") are passed over. */
static bool next_raw(struct lec_slice text, size_t *pos, struct lec_slice *name,
                     struct lec_slice *value)
{
    while (*pos < text.n) {
        const char *start = text.p + *pos;
        size_t left = text.n - *pos;
        const char *amp = memchr(start, '&', left);
        size_t n = amp ? (size_t)(amp - start) : left;
        *pos += n + (amp != NULL);
        if (n == 0)
            continue;
        const char *eq = memchr(start, '=', n);
        size_t name_len = eq ? (size_t)(eq - start) : n;
        *name = (struct lec_slice){ start, name_len };
        *value = eq ? (struct lec_slice){ eq + 1, n - name_len - 1 }
                    : (struct lec_slice){ start + n, 0 };
        return true;
    }
    return false;
}

static enum eio_transport transport_of(struct lec_slice name)
{
    if (lec_slice_is(name, "polling"))
        return EIO_POLLING;
    if (lec_slice_is(name, "websocket"))
        return EIO_WEBSOCKET;
    return EIO_TRANSPORT_UNKNOWN;
}

void eio_query_parse(struct eio_query *out, struct lec_slice text)
{
    *out = (struct eio_query){ .protocol = 3, .transport = EIO_TRANSPORT_UNKNOWN };
    struct lec_slice name, value;
    for (size_t pos = 0; next_raw(text, &pos, &name, &value);) {
        if (lec_slice_is(name, "EIO"))
            out->protocol = lec_slice_is(value, "4") ? 4 : 3;
        else if (lec_slice_is(name, "transport"))
            out->transport_name = value;
        else if (lec_slice_is(name, "sid"))
            out->sid = value;
        else if (lec_slice_is(name, "token"))
            out->token = value;
        else if (lec_slice_is(name, "b64"))
            out->base64 = value.n > 0;
    }
    out->transport = transport_of(out->transport_name);
}

/* A '%' without two digits behind it stays what it is, as browsers and Node have it. */
static size_t decode(char *out, struct lec_slice in)
{
    char *start = out;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int byte = lec_percent_byte(in, i);
            if (byte >= 0) {
                c = (char)byte;
                i += 2;
            }
        }
        *out++ = c;
    }
    return (size_t)(out - start);
}

bool eio_query_next(struct lec_slice text, size_t *pos, struct lec_buf *scratch,
                    struct lec_slice *name, struct lec_slice *value)
{
    struct lec_slice raw_name, raw_value;
    if (!next_raw(text, pos, &raw_name, &raw_value))
        return false;
    scratch->n = 0;
    char *out = lec_buf_reserve(scratch, raw_name.n + raw_value.n + 1);
    size_t name_len = decode(out, raw_name);
    size_t value_len = decode(out + name_len, raw_value);
    scratch->n = name_len + value_len;
    *name = (struct lec_slice){ out, name_len };
    *value = (struct lec_slice){ out + name_len, value_len };
    return true;
}
