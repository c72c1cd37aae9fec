/* What operators and their machines ask: probes by HTTP, commands by the control socket. */
#include <stdlib.h>

#include "server/database.h"
#include "server/internal.h"
#include "server/key_store.h"
#include "server/revocations.h"

void lec_answer_json(struct lec_http *http, unsigned status, const char *json)
{
    lec_http_answer(http, &(struct lec_reply){ .status = status,
                                               .type = "application/json",
                                               .headers = LEC_SLICE("Cache-Control: no-store\r\n"),
                                               .body = lec_slice_str(json) });
}

static bool is_health(struct lec_slice path)
{
    return lec_slice_is(path, "/healthz");
}

bool lec_admin_has(struct lec_slice path)
{
    return is_health(path) || lec_slice_is(path, "/readyz");
}

/* /healthz: the process turns its loop, leave it alone. /readyz: send new clients here. */
bool lec_admin_serve(struct lec_server *s, struct lec_http *http)
{
    enum lec_method method = lec_http_method(http);
    struct lec_slice path = lec_http_path(http);
    if (!lec_admin_has(path) || (method != LEC_GET && method != LEC_HEAD))
        return false;
    if (is_health(path))
        lec_answer_json(http, 200, "{\"status\":\"ok\"}");
    else if (s->state != SERVER_SERVING)
        lec_answer_json(http, 503, "{\"status\":\"draining\"}");
    else if (lec_keys_count(s->keys) == 0)
        lec_answer_json(http, 503, "{\"status\":\"waiting for keys\"}");
    else if ((s->database && !lec_database_ready(s->database)) ||
             !lec_revocations_ready(s->revocations) || !lec_key_store_ready(s->key_store))
        lec_answer_json(http, 503, "{\"status\":\"waiting for the database\"}");
    else
        lec_answer_json(http, 200, "{\"status\":\"ready\"}");
    return true;
}

static int drain(struct lec_server *s, const char *seconds, struct lec_buf *answer)
{
    char *end;
    unsigned long long n = strtoull(seconds, &end, 10);
    if (*seconds < '0' || *seconds > '9' || *end || n > LEC_DRAIN_MAX_S) {
        lec_buf_printf(answer, "drain: \"%s\" is no number of seconds\n", seconds);
        return 2;
    }
    lec_buf_printf(answer, "clients that will be closed: %zu, within %llu s\n",
                   eio_engine_count(s->engine), n);
    lec_server_drain(s, n * 1000);
    return 0;
}

/* Resolved when asked, as a link in it may lead elsewhere by now. */
static int directory(const struct lec_server *s, struct lec_buf *answer)
{
    char *path = realpath(s->dir, NULL);
    lec_buf_adds(answer, path ? path : s->dir);
    free(path);
    return 0;
}

/* The commands that are answered at once. */
static int run(struct lec_server *s, const char *line, struct lec_buf *answer)
{
    if (strcmp(line, "reload") == 0)
        return lec_server_reload(s, answer) == LEC_OK ? 0 : 1;
    if (strcmp(line, "status") == 0) {
        lec_status_text(s, answer);
        return 0;
    }
    if (strcmp(line, "status json") == 0) {
        lec_status_json(s, answer);
        return 0;
    }
    if (strncmp(line, "drain ", 6) == 0)
        return drain(s, line + 6, answer);
    if (strcmp(line, "directory") == 0)
        return directory(s, answer);
    if (strcmp(line, "draining") == 0)
        return s->state == SERVER_SERVING ? 1 : 0;
    lec_buf_printf(answer, "unknown command \"%s\"\n", line);
    return 2;
}

/* The commands are those of core/main.c; "directory" is asked before each that names one, "draining" by
 * `lectern drain` while it waits. */
void lec_admin_command(void *server, struct lec_control_call *call, const char *line)
{
    struct lec_buf text = { 0 };
    if (lec_admin_data(server, call, line))
        return;
    int status = run(server, line, &text);
    lec_control_answer(call, status, lec_buf_slice(&text));
    lec_buf_fini(&text);
}
