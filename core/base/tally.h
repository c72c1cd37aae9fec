/* How many there are of each name, with a limit: connections of an address, sockets of a person.
 * Names that have none take no memory. All zero is an empty one. Owner: who limits. */
#ifndef LEC_BASE_TALLY_H
#define LEC_BASE_TALLY_H

#include "base/map.h"

struct lec_tally {
    struct lec_map by_name;
};

void lec_tally_fini(struct lec_tally *t);
size_t lec_tally_count(const struct lec_tally *t, struct lec_slice name);
void lec_tally_add(struct lec_tally *t, struct lec_slice name);    /* one more */
void lec_tally_remove(struct lec_tally *t, struct lec_slice name); /* one less; there was one */

#endif
