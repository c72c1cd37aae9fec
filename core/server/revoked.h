/* Names that are revoked, each with a time: tokens by their jti, with the second when they would
 * have expired anyway; people by their id, with the second up to which tokens were issued to them
 * that count no more.
 *
 * A list has a bound: past it, first the entries go whose time is over, if the list may drop those,
 * then the oldest. All in memory; server/revocations.h fills it from the database, and asks that for what went.
 * Owner: the server. */
#ifndef LEC_SERVER_REVOKED_H
#define LEC_SERVER_REVOKED_H

#include "base/list.h"
#include "base/map.h"

struct lec_revoked {
    struct lec_map by_name;
    struct lec_list by_age; /* oldest first */
    size_t limit;           /* entries; at least 1 */
};

void lec_revoked_init(struct lec_revoked *r, size_t limit);
void lec_revoked_fini(struct lec_revoked *r);

/* Enters a name; one that is there already keeps the later time. past: entries with a time before
 * it may go when room is needed. True if an entry had to go that was still good. */
bool lec_revoked_add(struct lec_revoked *r, struct lec_slice name, int64_t time, int64_t past);

/* The time of a name; false if it is not in the list. */
bool lec_revoked_find(const struct lec_revoked *r, struct lec_slice name, int64_t *time);

/* Gives a name that is in the list another time. */
void lec_revoked_set(struct lec_revoked *r, struct lec_slice name, int64_t time);

#endif
