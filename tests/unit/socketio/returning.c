#include "returning.h"

void client_member(char out[LEC_ID_LEN + 1], const char *text, const char *name)
{
    const char *p = strstr(text, name);
    assert_non_null(p);
    snprintf(out, LEC_ID_LEN + 1, "%s", p + strlen(name));
    assert_true(strlen(out) == LEC_ID_LEN);
}

/* Reads what was sent, as the client of npm does: the last argument, if it is a string, is the offset. */
void client_read(struct client *c)
{
    char *text = strdup(fake_sent(c->peer)), *save = NULL;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(word);
        if (strncmp(word, "40", 2) == 0) {
            client_member(c->id, word, "\"sid\":\"");
            client_member(c->pid, word, "\"pid\":\"");
            lec_buf_printf(&c->got, "%sCONNECT", c->got.n ? " " : "");
            continue;
        }
        if (strncmp(word, "42[", 3) != 0 || word[n - 2] != '"') {
            lec_buf_printf(&c->got, "%s%s", c->got.n ? " " : "", word);
            continue;
        }
        char *begin = memrchr(word, ',', n);
        begin = begin ? begin : word + 2;
        snprintf(c->offset, sizeof c->offset, "%.*s", (int)(word + n - 2 - (begin + 2)), begin + 2);
        lec_buf_printf(&c->got, "%s%.*s]", c->got.n ? " " : "", (int)(begin - word), word);
    }
    free(text);
}

const char *client_got(struct client *c)
{
    static char shown[8192];
    client_read(c);
    snprintf(shown, sizeof shown, "%s", lec_buf_str(&c->got));
    lec_buf_clear(&c->got, 4096);
    return shown;
}

void client_join(struct app *a, struct client *c)
{
    memset(c, 0, sizeof *c);
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, "0");
    c->socket = a->last;
    assert_got(c, "CONNECT");
    assert_string_equal(c->id, sio_socket_id(c->socket));
}

void client_leave(struct client *c)
{
    lec_buf_fini(&c->got);
}

void client_drop(struct app *a, struct client *c)
{
    client_read(c);
    fake_close(&a->engine, c->peer, EIO_TRANSPORT_CLOSE);
    c->socket = NULL;
}

void client_return(struct app *a, struct client *c)
{
    char packet[128];
    snprintf(packet, sizeof packet, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", c->pid, c->offset);
    c->peer = fake_open(&a->engine);
    app_text(a, c->peer, packet);
    c->socket = a->last;
}

enum sio_recovery_result client_result(const struct client *c)
{
    return sio_socket_recovery(c->socket);
}
