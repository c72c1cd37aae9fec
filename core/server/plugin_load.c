/* The C libraries of plugins: loaded once, never unloaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugins.h"

static const char *setting(void *ctx, const char *name)
{
    const struct lec_plugin *p = ctx;
    for (size_t i = 0; i < p->n_settings; i++)
        if (strcmp(p->settings[i].name, name) == 0)
            return p->settings[i].value;
    return NULL;
}

/* Its function; NULL with a sentence. */
static lec_plugin_get *load(const struct lec_plugin *p, char *err, size_t err_size)
{
    struct lec_buf path = { 0 };
    lec_plugin_get *get = NULL;
    lec_buf_printf(&path, "%s/%s.so", p->dir, p->name);
    void *library = dlopen(lec_buf_str(&path), RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "lectern_plugin") : NULL;
    if (!library)
        snprintf(err, err_size, "the plugin %s cannot be loaded: %s", p->name, dlerror());
    else if (!symbol)
        snprintf(
            err, err_size,
            "the plugin %s cannot be loaded: %s has no function lectern_plugin (it is declared "
            "in lectern/plugin.h)",
            p->name, lec_buf_str(&path));
    else
        memcpy(&get, &symbol, sizeof get); /* what POSIX says of dlsym, without a cast */
    lec_buf_fini(&path);
    return get;
}

static int start(struct lec_plugin *p, struct lec_loop *loop, struct lec_log *log,
                 const char *state_dir, char *err, size_t err_size)
{
    lec_plugin_get *get = p->get ? p->get : load(p, err, err_size);
    if (!get)
        return LEC_EINVAL;
    p->host = lec_host_new(loop, log, p->name, state_dir, setting, p);
    const struct lectern_plugin *table = get(lec_host_table(p->host));
    if (!table) {
        snprintf(err, err_size, "the plugin %s does not want to begin; the log says why", p->name);
        return LEC_EINVAL;
    }
    if (table->version != LECTERN_PLUGIN_VERSION) {
        snprintf(err, err_size,
                 "the plugin %s is made for version %u of lectern/plugin.h, and this server has "
                 "version %u: build it with this server's header",
                 p->name, (unsigned)table->version, LECTERN_PLUGIN_VERSION);
        return LEC_EINVAL;
    }
    p->table = table;
    return LEC_OK;
}

int lec_plugins_start(struct lec_plugins *plugins, struct lec_loop *loop, struct lec_log *log,
                      const char *state_dir, char *err, size_t err_size)
{
    struct lec_plugin *p;
    int rc = LEC_OK;
    for (size_t pos = 0; rc == LEC_OK && (p = lec_plugins_next(plugins, &pos)) != NULL;)
        if (!p->table && (p->get || p->has_library))
            rc = start(p, loop, log, state_dir, err, err_size);
    return rc;
}
