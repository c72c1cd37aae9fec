/* What the value of a setting may be: reading it, and saying so. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "net/address.h"
#include "net/hosts.h"
#include "net/url.h"
#include "server/config.h"
#include "server/origins.h"
#include "server/rates.h"

#define AT(member) offsetof(struct lec_config, member)

static bool parse_uint(const char *text, uint64_t *out)
{
    uint64_t n = 0;
    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    *out = n;
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[] = { "true", "1", "yes", "on", "false", "0", "no", "off" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i < 4;
            return true;
        }
    return false;
}

static bool parse_choice(const char *choices, const char *text)
{
    struct lec_slice left = lec_slice_str(choices);
    while (left.n > 0)
        if (lec_slice_is(lec_slice_shift(&left, '|'), text))
            return true;
    return false;
}

/* "/socket.io/" is "/socket.io". "/" would take every request of the server. */
static bool tidy_path(const char *text, struct lec_buf *out)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    if (n < 2 || text[0] != '/')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= ' ' || strchr("?#%\\", text[i]))
            return false;
    lec_buf_add(out, text, n);
    return true;
}

static bool are_networks(const char *text)
{
    struct lec_networks nets = { 0 };
    bool ok = lec_networks_parse(&nets, text) == LEC_OK;
    lec_networks_fini(&nets);
    return ok;
}

static bool are_hosts(const char *text)
{
    struct lec_hosts hosts = { 0 };
    bool ok = lec_hosts_parse(&hosts, text) == LEC_OK;
    lec_hosts_fini(&hosts);
    return ok;
}

/* "a = 1,b=2" is "a=1, b=2". */
static bool tidy_rates(const char *text, struct lec_buf *out)
{
    struct lec_slice left = lec_slice_str(text), name;
    uint64_t n;
    int rc;
    while ((rc = lec_rates_next(&left, &name, &n)) > 0)
        lec_buf_printf(out, "%s%.*s=%llu", out->n > 0 ? ", " : "", (int)name.n, name.p,
                       (unsigned long long)n);
    return rc == 0;
}

/* What names of cookies and headers are made of (RFC 9110, 5.6.2). */
static size_t token_len(const char *text)
{
    return strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static bool are_tokens(const char *text)
{
    while (*text) {
        text += strspn(text, ", ");
        text += token_len(text);
        text += strspn(text, " ");
        if (*text && *text != ',')
            return false;
    }
    return true;
}

static bool are_origins(const char *text, struct lec_buf *out)
{
    struct lec_buf why = { 0 };
    bool ok = lec_origins_tidy(text, out, &why);
    lec_buf_fini(&why);
    return ok;
}

bool lec_setting_parse(const struct lec_setting *s, const char *text, uint64_t *number, bool *flag,
                       struct lec_buf *string)
{
    switch (s->kind) {
    case LEC_UINT:
        return parse_uint(text, number) && *number >= s->min && *number <= s->max;
    case LEC_BOOL:
        return parse_bool(text, flag);
    case LEC_CHOICE:
        lec_buf_adds(string, text);
        return parse_choice(s->choices, text);
    case LEC_RATES:
        return tidy_rates(text, string);
    case LEC_STRING:
        if (s->offset == AT(frontend_url))
            return are_origins(text, string);
        if (s->offset == AT(path))
            return tidy_path(text, string);
        lec_buf_adds(string, text);
        if (s->offset == AT(trusted_proxies))
            return are_networks(text);
        if (s->offset == AT(http_client_allow))
            return are_hosts(text);
        if (s->offset == AT(jwt_jwks_url))
            return *text == '\0' || lec_url_kind(text) >= LEC_URL_LOCAL_HTTP;
        if (s->offset == AT(cookie))
            return text[token_len(text)] == '\0';
        if (s->offset == AT(http_headers))
            return are_tokens(text);
        if (s->offset == AT(jwt_id_claim) || s->offset == AT(jwt_role_claim))
            return string->n > 0 && lec_utf8_valid(string->p, string->n);
        return true;
    }
    return false;
}

void lec_setting_allowed(const struct lec_setting *s, struct lec_buf *out)
{
    switch (s->kind) {
    case LEC_UINT:
        lec_buf_printf(out, "a whole number from %llu to %llu", (unsigned long long)s->min,
                       (unsigned long long)s->max);
        if (s->unit)
            lec_buf_printf(out, " (%s)", s->unit);
        break;
    case LEC_BOOL:
        lec_buf_adds(out, "true or false");
        break;
    case LEC_CHOICE:
        for (const char *p = s->choices; *p; p++) {
            if (*p != '|')
                lec_buf_addc(out, *p);
            else
                lec_buf_adds(out, strchr(p + 1, '|') ? ", " : " or ");
        }
        break;
    case LEC_RATES:
        lec_buf_printf(out,
                       "events with how many a second, from 1 to %u, like typing_start=5, hand=2",
                       LEC_RATE_MAX);
        break;
    case LEC_STRING:
        if (s->offset == AT(path))
            lec_buf_adds(out, "a path like /socket.io");
        else if (s->offset == AT(http_headers))
            lec_buf_adds(out, "names of headers like x-request-id, separated by commas");
        else if (s->offset == AT(trusted_proxies))
            lec_buf_adds(out, "addresses or networks like 10.0.0.0/8, separated by commas");
        else if (s->offset == AT(http_client_allow))
            lec_buf_adds(out, "names like api.school.example or *.push.example, addresses or "
                              "networks like 10.0.0.0/8, separated by commas");
        else if (s->offset == AT(jwt_jwks_url))
            lec_buf_adds(out, "an address like https://school.example/jwks.json (http:// only of "
                              "this machine), without a password in it");
        else
            lec_buf_adds(out, "a name");
        break;
    }
}

void lec_setting_complain(const struct lec_setting *s, const char *text, struct lec_buf *out)
{
    struct lec_buf tidy = { 0 };
    if (s->kind == LEC_STRING && s->offset == AT(frontend_url)) {
        (void)!lec_origins_tidy(text, &tidy, out);
    } else {
        lec_buf_printf(out, "\"%.200s\" is not allowed; give ", s->secret ? "…" : text);
        lec_setting_allowed(s, out);
    }
    lec_buf_fini(&tidy);
}
