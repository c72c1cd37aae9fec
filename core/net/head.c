#include "net/head.h"

#include "net/grammar.h"

enum state {
    BEFORE,    /* empty lines, or the method's first octet */
    BEFORE_LF, /* the LF of such a line */
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    NAME_FIRST, /* a field line, or the empty line */
    NAME,
    VALUE,
    VALUE_LF,
    END_LF,
};

static const char version_text[] = "HTTP/d.d\r";

static int refuse(struct lec_head *h, unsigned status)
{
    h->status = (uint16_t)status;
    return LEC_EPROTO;
}

/* The next octet of the version. */
static int read_version(struct lec_head *h, char c)
{
    char wanted = version_text[h->matched++];
    bool digit = c >= '0' && c <= '9';
    if (wanted == 'd' ? !digit : c != wanted)
        return refuse(h, 400);
    if (h->matched == 6)
        h->major = (uint8_t)(c - '0');
    if (h->matched == 8)
        h->minor = (uint8_t)(c - '0');
    if (wanted != '\r')
        return LEC_OK;
    if (h->major != 1 || h->minor > 1)
        return refuse(h, 505);
    h->state = LINE_LF;
    return LEC_OK;
}

/* From p[i] on, the first octet that is none of these. */
static uint32_t skip(const char *p, uint32_t i, uint32_t n, unsigned what)
{
    while (i < n && lec_octet_is(p[i], what))
        i++;
    return i;
}

/* The octet that ends a run of a kind, at i. */
static int end_run(struct lec_head *h, char c, uint32_t i)
{
    switch ((enum state)h->state) {
    case METHOD:
        h->method_end = i;
        h->target = i + 1;
        h->state = TARGET;
        return c == ' ' ? LEC_OK : refuse(h, 400);
    case TARGET:
        h->target_end = i;
        h->state = VERSION;
        return c == ' ' && i > h->target ? LEC_OK : refuse(h, 400);
    case NAME:
        h->state = VALUE;
        return c == ':' ? LEC_OK : refuse(h, 400);
    default:
        h->state = VALUE_LF;
        return c == '\r' ? LEC_OK : refuse(h, 400);
    }
}

/* One octet outside of runs, at i. */
static int step(struct lec_head *h, char c, uint32_t i)
{
    switch ((enum state)h->state) {
    case BEFORE:
        h->method = i;
        h->state = c == '\r' ? BEFORE_LF : METHOD;
        return c == '\r' || lec_octet_is(c, LEC_TOKEN) ? LEC_OK : refuse(h, 400);
    case VERSION:
        return read_version(h, c);
    case NAME_FIRST:
        h->state = c == '\r' ? END_LF : NAME;
        return c == '\r' || lec_octet_is(c, LEC_TOKEN) ? LEC_OK : refuse(h, 400);
    case BEFORE_LF:
        h->state = BEFORE;
        break;
    case LINE_LF:
        h->fields = i + 1;
        h->state = NAME_FIRST;
        break;
    default: /* VALUE_LF, END_LF */
        if (h->state == VALUE_LF)
            h->state = NAME_FIRST;
        break;
    }
    return c == '\n' ? LEC_OK : refuse(h, 400);
}

int lec_head_read(struct lec_head *h, const char *p, size_t n, size_t max)
{
    static const uint8_t runs[] = {
        [METHOD] = LEC_TOKEN, [TARGET] = LEC_TARGET, [NAME] = LEC_TOKEN,
        [VALUE] = LEC_FIELD,  [END_LF] = 0,
    };
    uint32_t end = (uint32_t)(n < max ? n : max), i = h->at;
    while (i < end) {
        unsigned run = runs[h->state];
        if (run != 0) {
            i = skip(p, i, end, run);
            if (i == end)
                break;
        }
        bool last = h->state == END_LF;
        int rc = run != 0 ? end_run(h, p[i], i) : step(h, p[i], i);
        if (rc < 0)
            return rc;
        h->at = ++i;
        if (last)
            return (int)i;
    }
    h->at = i;
    if (n < max)
        return 0;
    return refuse(h, h->state <= LINE_LF ? 414 : 431);
}

struct lec_slice lec_head_method(const struct lec_head *h, const char *p)
{
    return (struct lec_slice){ p + h->method, h->method_end - h->method };
}

struct lec_slice lec_head_target(const struct lec_head *h, const char *p)
{
    return (struct lec_slice){ p + h->target, h->target_end - h->target };
}

bool lec_head_next(const char *p, size_t *pos, struct lec_slice *name, struct lec_slice *value)
{
    const char *line = p + *pos;
    if (*line == '\r')
        return false;
    size_t colon = 0;
    while (line[colon] != ':')
        colon++;
    size_t end = colon + 1;
    while (line[end] != '\r')
        end++;
    *name = (struct lec_slice){ line, colon };
    *value = lec_slice_trim((struct lec_slice){ line + colon + 1, end - colon - 1 });
    *pos += end + 2;
    return true;
}
