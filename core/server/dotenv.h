/* A .env file: NAME=value lines, read as npm's dotenv does, so that one file serves the platform's
 * other programs and this one. Pure.
 *
 *     # a comment
 *     export NAME=value            # `export` may stand in front; a comment may follow
 *     NAME = 'taken as it stands'
 *     NAME="with \n \t \" \\ escapes, and
 *     more than one line"
 *
 * In a value without quotes '#' begins a comment, wherever it stands: quote secrets that have one. */
#ifndef LEC_SERVER_DOTENV_H
#define LEC_SERVER_DOTENV_H

#include "base/buf.h"

/* A reader over borrowed text. */
struct lec_dotenv {
    const char *p, *end; /* private */
    unsigned next_line;  /* private */
    unsigned line;       /* of the pair, or of the mistake */
    const char *why;     /* after LEC_EPROTO: what is wrong */
};

void lec_dotenv_init(struct lec_dotenv *d, struct lec_slice text);

/* The next pair: 1, with the name borrowed from the text and the value in `value`, which is emptied
 * first; 0 at the end; LEC_EPROTO, after which the reader must not be asked again. */
int lec_dotenv_next(struct lec_dotenv *d, struct lec_slice *name, struct lec_buf *value) LEC_CHECK;

#endif
