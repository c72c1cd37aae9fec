#include "socketio/placeholder.h"

enum { PLACEHOLDER = 1, NUM = 2 };

void sio_finder_init(struct sio_finder *f, unsigned attachments)
{
    f->attachments = attachments;
    f->depth = f->key = f->num = 0;
    f->level[0].said = 0;
}

static void note(struct sio_finder *f, const struct lec_json_token *t)
{
    bool good = t->kind == LEC_JSON_TRUE;
    if (f->key == NUM) {
        double n = t->kind == LEC_JSON_NUMBER ? lec_json_number(t) : -1;
        good = n >= 0 && n < f->attachments && n == (unsigned)n;
        f->level[f->depth].num = good ? (unsigned)n : 0;
    }
    unsigned *said = &f->level[f->depth].said;
    *said = good ? *said | f->key : *said & ~f->key;
    f->key = 0;
}

enum sio_find sio_finder_next(struct sio_finder *f, const struct lec_json_token *t)
{
    unsigned said;
    switch (t->kind) {
    case LEC_JSON_KEY:
        f->key = lec_json_string_is(t, "_placeholder") ? PLACEHOLDER
                 : lec_json_string_is(t, "num")        ? NUM
                                                       : 0;
        return SIO_FIND_NOTHING;
    case LEC_JSON_OBJECT_END:
    case LEC_JSON_ARRAY_END:
        f->num = f->level[f->depth].num;
        said = f->level[f->depth--].said;
        return said == (PLACEHOLDER | NUM) ? SIO_FIND_PLACEHOLDER
               : said == PLACEHOLDER       ? SIO_FIND_STRAY
                                           : SIO_FIND_NOTHING;
    default:
        break;
    }
    if (f->key)
        note(f, t);
    if (t->kind == LEC_JSON_OBJECT || t->kind == LEC_JSON_ARRAY)
        f->level[++f->depth].said = 0;
    return SIO_FIND_NOTHING;
}
