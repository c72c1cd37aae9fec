/* "Did you mean": the nearest of some words to one that was mistyped. Pure. */
#ifndef LEC_SERVER_SUGGEST_H
#define LEC_SERVER_SUGGEST_H

#include <stddef.h>

/* The search: start with best NULL, try each candidate, look at best. */
struct lec_suggest {
    const char *word; /* the mistyped one */
    const char *best; /* the nearest candidate so far, NULL if none is near enough */
    size_t distance;  /* private */
};

void lec_suggest_init(struct lec_suggest *s, const char *word);

/* Candidates are borrowed. Near enough is a third of the word's letters changed, added, removed or
 * swapped with a neighbour, and at least one. */
void lec_suggest_try(struct lec_suggest *s, const char *candidate);

#endif
