/* The origins that a person lists (frontend_url), in the one form that browsers send, or what is wrong
 * with them and what to write instead. Pure. What matches them: net/origin.h.
 *
 *   https://school.example   scheme and host, in ASCII; a port that is not the default one
 *   *.school.example         behind https:// or http://: one or more labels for the star, never none
 *   capacitor://localhost    schemes of apps
 *   file://, null            pages of files, and of sandboxes
 *   *                        any; stands alone */
#ifndef LEC_ORIGINS_H
#define LEC_ORIGINS_H

#include "base/buf.h"

/* Reads a list separated by commas and appends it, separated by ", ". False: `why` has a sentence on
 * the first that no browser sends. */
bool lec_origins_tidy(const char *text, struct lec_buf *out, struct lec_buf *why);

#endif
