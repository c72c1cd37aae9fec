/* An answer as bytes: status line, fields, body in one run, for one write. Each poll has one, so no
 * printf. */
#include <stdio.h>
#include <time.h>

#include "base/msg.h"
#include "net/internal.h"

#define SCRATCH_KEEP (64 * 1024)

static const char *reason(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return status < 400 ? "OK" : "Error";
    }
}

static void add_line(struct lec_buf *b, const char *before, const char *text)
{
    lec_buf_adds(b, before);
    lec_buf_adds(b, text);
    lec_buf_add(b, "\r\n", 2);
}

static void add_number(struct lec_buf *b, const char *before, size_t n)
{
    lec_buf_adds(b, before);
    lec_buf_addu(b, n);
    lec_buf_add(b, "\r\n", 2);
}

/* RFC 9110, 5.6.7 and 6.6.1; made once a second. */
static const char *date(struct lec_net *net)
{
    time_t now = time(NULL);
    struct tm tm;
    if (now != net->date_at) {
        net->date_at = now;
        strftime(net->date, sizeof net->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
                 gmtime_r(&now, &tm));
    }
    return net->date;
}

struct lec_slice reply_write(struct lec_net *net, const struct lec_reply *r, bool keep, bool head)
{
    struct lec_buf *b = &net->scratch;
    size_t length = r->shared != NULL ? r->shared->len
                    : r->file != NULL ? r->file->size
                                      : r->body.n;
    lec_buf_clear(b, SCRATCH_KEEP);
    lec_buf_adds(b, "HTTP/1.1 ");
    lec_buf_addu(b, r->status);
    add_line(b, " ", reason(r->status));
    lec_buf_adds(b, date(net));
    if (r->type != NULL)
        add_line(b, "Content-Type: ", r->type);
    /* RFC 9110, 8.6: 204 must not say one; of 304 it would be what it stands for. */
    if (r->status != 204 && r->status != 304)
        add_number(b, "Content-Length: ", length);
    lec_buf_add(b, r->headers.p, r->headers.n);
    add_line(b, "Connection: ", keep ? "keep-alive" : "close");
    if (keep)
        add_number(b, "Keep-Alive: timeout=", net->cfg->keepalive_timeout_ms / 1000);
    lec_buf_add(b, "\r\n", 2);
    if (!head && r->shared == NULL && r->file == NULL)
        lec_buf_add(b, r->body.p, r->body.n);
    return lec_buf_slice(b);
}

/* What is wrong, for who looks at it. */
static const char *sentence(unsigned status)
{
    switch (status) {
    case 408:
        return "The request did not come in time.\n";
    case 413:
        return "The body is longer than any that is taken.\n";
    case 414:
    case 431:
        return "The request's line and headers are longer than max_header_bytes.\n";
    case 417:
        return "Of expectations only 100-continue is known.\n";
    case 426:
        return "The version of WebSocket here is 13.\n";
    case 501:
        return "This method is not known here.\n";
    case 505:
        return "This server speaks HTTP/1.1 and HTTP/1.0.\n";
    default:
        return "This is no request of HTTP/1.1 (RFC 9112).\n";
    }
}

void reply_refuse(struct conn *c, unsigned status)
{
    struct lec_net *net = c->net;
    struct lec_reply r = { .status = status,
                           .type = "text/plain; charset=utf-8",
                           .body = lec_slice_str(sentence(status)),
                           .close = true };
    net->counters->http_refused++;
    if (status == 426)
        r.headers = LEC_SLICE("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    lec_timer_stop(net->loop, &c->timer);
    conn_send(c, reply_write(net, &r, false, false), NULL, AFTER_LINGER);
}
