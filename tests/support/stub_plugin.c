/* Plugins that are wrong, each in its way, for tests: STUB says which. */
#include "lectern/plugin.h"

#define REFUSES 1
#define OLDER   2
#define LOGS    3

#if STUB != 0
const struct lectern_plugin *lectern_plugin(const struct lectern_host *host)
{
    static const struct lectern_plugin plugin = {
        .version = STUB == OLDER ? LECTERN_PLUGIN_VERSION + 1 : LECTERN_PLUGIN_VERSION,
        .name = "stub",
    };
    host->log(host, LECTERN_INFO, "the stub's word is %s", host->setting(host, "word"));
    return STUB == REFUSES ? NULL : &plugin;
}
#endif
