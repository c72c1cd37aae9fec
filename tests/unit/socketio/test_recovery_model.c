/* Connection state recovery against a model: everybody gets every event that was for them, once and in
 * order, whatever happens. */
#include "returning.h"

enum { CLIENTS = 5, ROOMS = 3, STEPS = 3000 };

struct model {
    struct client c;
    bool in[ROOMS], here;
    struct lec_buf expected;
};

static unsigned pick(uint32_t *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % n;
}

static void model_event(struct model *m, bool is_for, const char *json)
{
    if (is_for)
        lec_buf_printf(&m->expected, "%s42%s", m->expected.n ? " " : "", json);
}

static void model_return(struct app *a, struct model *m)
{
    client_return(a, &m->c);
    m->here = true;
    assert_int_equal(client_result(&m->c), SIO_RECOVERED);
    lec_buf_printf(&m->expected, "%sCONNECT", m->expected.n ? " " : "");
}

/* How often one came back is not the point; CONNECTs fall where they fall. */
static void without_connects(struct lec_buf *out, struct lec_buf *words)
{
    char *save = NULL, *text = strdup(lec_buf_str(words));
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (strcmp(w, "CONNECT") != 0)
            lec_buf_printf(out, "%s%s", out->n ? " " : "", w);
    free(text);
}

static void run_model(struct app *a, uint32_t seed)
{
    static const char *const names[ROOMS] = { "math", "art", "music" };
    struct model m[CLIENTS];
    memset(m, 0, sizeof m);
    for (int i = 0; i < CLIENTS; i++) {
        client_join(a, &m[i].c);
        m[i].here = true;
        app_emit(m[i].c.socket, "[\"first\"]");
        model_event(&m[i], true, "[\"first\"]");
        client_read(&m[i].c);
    }
    for (int step = 0; step < STEPS; step++) {
        struct model *one = &m[pick(&seed, CLIENTS)];
        unsigned room = pick(&seed, ROOMS), other = pick(&seed, ROOMS), what = pick(&seed, 12);
        char json[32];
        snprintf(json, sizeof json, "[\"%d\"]", step);
        if (what == 0 && one->here) {
            sio_socket_join(one->c.socket, S(names[room]));
            one->in[room] = true;
        } else if (what == 1 && one->here) {
            /* A room that it left counts as one that it was never in: so it must have got all up to
             * here, for this to be exact. */
            (void)!sio_socket_leave(one->c.socket, S(names[room]));
            app_emit(one->c.socket, json);
            model_event(one, true, json);
            client_read(&one->c);
            one->in[room] = false;
        } else if (what == 2 && one->here) {
            if (pick(&seed, 2))
                client_read(&one->c);
            else
                fake_sent(one->c.peer); /* what was under way is lost */
            fake_close(&a->engine, one->c.peer, EIO_TRANSPORT_CLOSE);
            one->here = false;
        } else if (what == 3) {
            if (one->here && pick(&seed, 2))
                continue;
            model_return(a, one);
        } else if (what == 4 && one->here) {
            app_emit(one->c.socket, json);
            model_event(one, true, json);
        } else if (what == 5) {
            app_broadcast(a->main, names[room], names[other], NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], m[i].in[room] && !m[i].in[other], json);
        } else if (what == 6) {
            app_broadcast(a->main, "", "", one->here ? one->c.socket : NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], !one->here || &m[i] != one, json);
        } else if (what == 7) {
            app_broadcast(a->main, "math art", one->c.id, NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], (m[i].in[0] || m[i].in[1]) && &m[i] != one, json);
        } else if (what >= 8) {
            app_broadcast(a->main, names[room], "", NULL, json);
            for (int i = 0; i < CLIENTS; i++)
                model_event(&m[i], m[i].in[room], json);
        }
        app_journal(a);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (!m[i].here)
            model_return(a, &m[i]);
        client_read(&m[i].c);
        struct lec_buf plain = { 0 }, expected = { 0 };
        without_connects(&plain, &m[i].c.got);
        without_connects(&expected, &m[i].expected);
        assert_string_equal(lec_buf_str(&plain), lec_buf_str(&expected));
        lec_buf_fini(&plain);
        lec_buf_fini(&expected);
        lec_buf_fini(&m[i].expected);
        client_leave(&m[i].c);
    }
}

static void test_everything_once_and_in_order(void **state)
{
    struct app *a = *state;
    for (uint32_t seed = 1; seed <= 4; seed++)
        run_model(a, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_once_and_in_order, app_setup_recovery,
                                        app_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
