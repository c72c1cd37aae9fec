/* What a plugin written in C may ask of the server (lectern/plugin.h), as services of our loop. */
#ifndef LEC_SERVER_HOST_H
#define LEC_SERVER_HOST_H

#include "base/log.h"
#include "lectern/plugin.h"
#include "net/loop.h"

struct lec_host;

/* The value of a plugin's setting; NULL: it has no such. */
typedef const char *lec_host_setting_fn(void *ctx, const char *name);

/* For the plugin of that name; all is borrowed. Made on the loop's thread. */
struct lec_host *lec_host_new(struct lec_loop *loop, struct lec_log *log, const char *name,
                              const char *state_dir, lec_host_setting_fn *setting, void *ctx);
const struct lectern_host *lec_host_table(const struct lec_host *host);
/* Only when nothing of the plugin runs any more. */
void lec_host_free(struct lec_host *host);

#endif
