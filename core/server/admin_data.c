/* What operators ask of the database by the control socket. It takes its time: who asked hears now and then
 * that it goes on. */
#include <stdlib.h>

#include "server/database.h"
#include "server/internal.h"
#include "server/key_store.h"

#define SAY_MS 10000u

struct asked {
    struct lec_loop *loop;
    struct lec_control_call *call;
    struct lec_timer timer;
    const char *what, *done; /* done: what to say when there is nothing else */
};

static void say(struct lec_timer *t)
{
    struct asked *a = LEC_CONTAINER(t, struct asked, timer);
    struct lec_buf line = { 0 };
    lec_buf_printf(&line, "%s goes on …", a->what);
    lec_control_say(a->call, lec_buf_slice(&line));
    lec_buf_fini(&line);
    lec_timer_start(a->loop, t, SAY_MS, say);
}

static void answer(void *ctx, int rc, struct lec_slice text)
{
    struct asked *a = ctx;
    lec_timer_stop(a->loop, &a->timer);
    if (rc == LEC_OK && text.n == 0)
        text = lec_slice_str(a->done);
    lec_control_answer(a->call, rc == LEC_OK ? 0 : 1, text);
    free(a);
}

static void answer_key(void *ctx, int status, struct lec_slice text)
{
    lec_control_answer(ctx, status, text);
}

bool lec_admin_data(struct lec_server *s, struct lec_control_call *call, const char *line)
{
    if (strncmp(line, "key ", 4) == 0) {
        if (s->key_store)
            lec_key_store_command(s->key_store, line + 4, answer_key, call);
        else
            lec_control_answer(call, 1, LEC_SLICE("the server is stopping\n"));
        return true;
    }
    bool migrate = strcmp(line, "migrate") == 0, dry = strcmp(line, "migrate dry") == 0,
         backup = strncmp(line, "backup ", 7) == 0, check = strcmp(line, "db check") == 0;
    if (!migrate && !dry && !backup && !check)
        return false;
    if (!s->database) {
        lec_control_answer(call, 1, LEC_SLICE("this server has no database"));
        return true;
    }
    struct asked *a = lec_alloc0(sizeof *a);
    a->loop = s->loop;
    a->call = call;
    a->done = "";
    lec_timer_start(s->loop, &a->timer, SAY_MS, say);
    if (backup) {
        a->what = "the backup";
        lec_database_backup(s->database, line + 7, answer, a);
    } else if (check) {
        a->what = "the check";
        lec_database_check(s->database, answer, a);
    } else {
        a->what = "the migration";
        a->done = "nothing to be done";
        lec_database_migrate(s->database, dry, answer, a);
    }
    return true;
}
