/* The Socket.IO client for browsers, below the path of Socket.IO as the reference serves it
 * (serveClient): the eight files of the npm package's dist, of one version with its map each.
 *
 * The build embeds them compressed, if the package was installed (bundle_embed.mjs); what a
 * client gets is made once for each coding, none included. Owner: who made it. */
#ifndef LEC_HTTP_BUNDLE_H
#define LEC_HTTP_BUNDLE_H

#include "base/slice.h"
#include "net/cors.h"

/* One embedded file; br is empty where it would not pay (maps). The table ends with a name of NULL. */
struct lec_bundle_file {
    const char *name;
    size_t size; /* unpacked */
    struct lec_slice gzip, br;
};

extern const struct lec_bundle_file lec_bundle_files[];
extern const char lec_bundle_version[]; /* "4.8.4"; empty: none are embedded */

struct lec_bundle;

/* Borrows cors. */
struct lec_bundle *lec_bundle_new(const struct lec_cors *cors);
void lec_bundle_free(struct lec_bundle *b);
/* Answers a GET or HEAD for a file by its bare name. False, with the exchange as it was, if it is
 * none of them. */
bool lec_bundle_serve(struct lec_bundle *b, struct lec_slice name, struct lec_http *http);

#endif
