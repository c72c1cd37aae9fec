/* Who calls over HTTP, one by one: how many of its requests are under way, and how fast they come. A
 * caller that does neither takes no memory. Owner: server/api.c. */
#ifndef LEC_SERVER_CALLERS_H
#define LEC_SERVER_CALLERS_H

#include "base/bucket.h"
#include "base/map.h"

struct lec_callers {
    struct lec_map by_name;
    size_t swept; /* entries that were left by the last sweep */
};

void lec_callers_fini(struct lec_callers *c);
/* One more request of that caller. LEC_OK: lec_callers_leave follows. LEC_EFULL: max are under way;
 * LEC_EAGAIN: they come too fast. rate NULL: at any. */
int lec_callers_enter(struct lec_callers *c, struct lec_slice name, size_t max,
                      const struct lec_rate *rate, uint64_t now_ms) LEC_CHECK;
void lec_callers_leave(struct lec_callers *c, struct lec_slice name);

#endif
