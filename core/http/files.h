/* Static files below one directory, for the demo page and small front ends. Files are read as they
 * are asked for, on the loop: they are few and in the page cache, or belong to a web server. Large ones
 * leave piece by piece; text is compressed once, and remembered.
 *
 * Owner: who made it. */
#ifndef LEC_HTTP_FILES_H
#define LEC_HTTP_FILES_H

#include "base/buf.h"
#include "base/log.h"
#include "net/encoding.h"

struct lec_files;

/* NULL if dir cannot be opened as a directory (errno). Follows no link below it, lists nothing,
 * serves no name that begins with a dot. Files above max_bytes are not served. deflater: borrowed,
 * NULL for none. */
struct lec_files *lec_files_new(const char *dir, size_t max_bytes, struct lec_deflater *deflater,
                                struct lec_log *log);
void lec_files_free(struct lec_files *f);

/* Answers a GET or HEAD for a path ("/" is /index.html; ETag and 304 included). False, with the
 * exchange as it was, if there is no such file. */
bool lec_files_serve(struct lec_files *f, struct lec_http *http);

/* Whether there is a file for a request's path, whatever its method. */
bool lec_files_has(struct lec_files *f, struct lec_http *http);

/* Pure: from a request's path to a file's name, relative to the directory, percent-decoded. False
 * if it names none: "..", empty or hidden parts, encoded slashes, control characters, bad escapes.
 * What is appended is only good if the answer is true. */
bool lec_files_name(struct lec_slice path, struct lec_buf *out);

/* Pure: the Content-Type by the ending of a name. Never NULL. */
const char *lec_files_type(struct lec_slice name);

#endif
