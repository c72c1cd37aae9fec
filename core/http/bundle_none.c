/* In place of the embedded Socket.IO client, where the build found none. */
#include "http/bundle.h"

const char lec_bundle_version[] = "";
const struct lec_bundle_file lec_bundle_files[] = { { 0 } };
