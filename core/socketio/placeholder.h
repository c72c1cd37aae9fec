/* Finds the placeholders of attachments in JSON text, {"_placeholder":true,"num":n}, as its tokens
 * go by. Of a key that comes twice the last one counts, as in JSON.parse; other members do not
 * matter. */
#ifndef SIO_PLACEHOLDER_H
#define SIO_PLACEHOLDER_H

#include "base/json.h"

enum sio_find {
    SIO_FIND_NOTHING,
    SIO_FIND_PLACEHOLDER, /* the object that ends here stands for attachment `num` */
    SIO_FIND_STRAY,       /* it says so, but names none of them */
};

/* Members are private but for num. */
struct sio_finder {
    unsigned attachments; /* how many there are */
    unsigned depth, key;
    unsigned num;
    struct {
        unsigned said, num; /* by the object there */
    } level[LEC_JSON_MAX_DEPTH + 1];
};

void sio_finder_init(struct sio_finder *f, unsigned attachments);

/* The next token of the text. */
enum sio_find sio_finder_next(struct sio_finder *f, const struct lec_json_token *t);

#endif
