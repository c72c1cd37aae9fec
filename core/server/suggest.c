#include "server/suggest.h"

#include <stdint.h>
#include <string.h>

#define MAX_WORD 48 /* longer ones are no typing mistakes of ours */

/* Optimal string alignment distance (Damerau-Levenshtein without repeated edits of one letter). */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned char rows[3][MAX_WORD + 1]; /* the last two rows and this one, by turns */
    unsigned char *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = (unsigned char)j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = last[j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u);
            if (last[j] + 1u < best)
                best = last[j] + 1u;
            if (row[j - 1] + 1u < best)
                best = row[j - 1] + 1u;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1u < best)
                best = before[j - 2] + 1u;
            row[j] = (unsigned char)best;
        }
        unsigned char *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[nb];
}

void lec_suggest_init(struct lec_suggest *s, const char *word)
{
    *s = (struct lec_suggest){ .word = word, .distance = SIZE_MAX };
}

void lec_suggest_try(struct lec_suggest *s, const char *candidate)
{
    size_t na = strlen(s->word), nb = strlen(candidate);
    if (na > MAX_WORD || nb > MAX_WORD)
        return;
    size_t allowed = na / 3 > 1 ? na / 3 : 1;
    size_t d = distance(s->word, na, candidate, nb);
    if (d <= allowed && d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}
