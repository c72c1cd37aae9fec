#include "server/plugins.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/suggest.h"

#ifndef LEC_PLUGIN_DIR
#define LEC_PLUGIN_DIR "plugins"
#endif
#define MAX_NAME 40

struct lec_plugins {
    struct lec_plugin **items;
    size_t n;
};

/* --- one ----------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return lec_strndup(text, strlen(text));
}

static struct lec_plugin *plugin_new(const char *name)
{
    struct lec_plugin *p = lec_alloc0(sizeof *p);
    struct lec_buf owner = { 0 };
    lec_buf_printf(&owner, "plugin:%s", name);
    p->name = copy(name);
    p->version = copy("");
    p->owner = copy(lec_buf_str(&owner));
    p->needs = lec_alloc0(sizeof *p->needs);
    lec_buf_fini(&owner);
    return p;
}

static void plugin_free(struct lec_plugin *p)
{
    for (size_t i = 0; i < p->n_settings; i++) {
        free(p->settings[i].name);
        free(p->settings[i].help);
        free(p->settings[i].fallback);
        free(p->settings[i].value);
    }
    for (char **need = p->needs; *need; need++)
        free(*need);
    free(p->settings);
    free(p->needs);
    free(p->name);
    free(p->version);
    free(p->dir);
    free(p->owner);
    lec_host_free(p->host);
    free(p);
}

struct lec_plugin_setting *lec_plugin_add_setting(struct lec_plugin *plugin, const char *name,
                                                  enum lec_plugin_kind kind, const char *value,
                                                  const char *help)
{
    plugin->settings =
        lec_realloc(plugin->settings, (plugin->n_settings + 1) * sizeof *plugin->settings);
    struct lec_plugin_setting *s = &plugin->settings[plugin->n_settings++];
    *s = (struct lec_plugin_setting){ .name = copy(name),
                                      .help = copy(help),
                                      .fallback = copy(value),
                                      .value = copy(value),
                                      .kind = kind };
    return s;
}

void lec_plugin_add_need(struct lec_plugin *plugin, const char *name)
{
    size_t n = 0;
    while (plugin->needs[n])
        n++;
    plugin->needs = lec_realloc(plugin->needs, (n + 2) * sizeof *plugin->needs);
    plugin->needs[n] = copy(name);
    plugin->needs[n + 1] = NULL;
}

/* --- the list ------------------------------------------------------------------------------ */

struct lec_plugins *lec_plugins_new(void)
{
    return lec_alloc0(sizeof(struct lec_plugins));
}

void lec_plugins_free(struct lec_plugins *plugins)
{
    if (!plugins)
        return;
    for (size_t i = 0; i < plugins->n; i++)
        plugin_free(plugins->items[i]);
    free(plugins->items);
    free(plugins);
}

static void add(struct lec_plugins *plugins, struct lec_plugin *p)
{
    plugins->items = lec_realloc(plugins->items, (plugins->n + 1) * sizeof *plugins->items);
    plugins->items[plugins->n++] = p;
}

struct lec_plugin *lec_plugins_add_builtin(struct lec_plugins *plugins, const char *name,
                                           lec_plugin_get *get)
{
    struct lec_plugin *p = plugin_new(name);
    p->get = get;
    free(p->version);
    p->version = copy(LEC_VERSION);
    add(plugins, p);
    return p;
}

struct lec_plugin *lec_plugins_next(const struct lec_plugins *plugins, size_t *pos)
{
    return plugins && *pos < plugins->n ? plugins->items[(*pos)++] : NULL;
}

struct lec_plugin *lec_plugins_named(const struct lec_plugins *plugins, const char *name)
{
    for (size_t i = 0; plugins && i < plugins->n; i++)
        if (strcmp(plugins->items[i]->name, name) == 0)
            return plugins->items[i];
    return NULL;
}

struct lec_plugin *lec_plugins_driver(const struct lec_plugins *plugins, struct lec_slice scheme)
{
    struct lec_plugin *p;
    for (size_t pos = 0; (p = lec_plugins_next(plugins, &pos)) != NULL;) {
        if (!p->table || !p->table->db)
            continue;
        struct lec_slice left = lec_slice_str(p->table->db->schemes);
        while (left.n > 0)
            if (lec_slice_eq(lec_slice_shift(&left, ' '), scheme))
                return p;
    }
    return NULL;
}

/* --- finding ------------------------------------------------------------------------------- */

char *lec_plugins_folder(const struct lec_config *cfg, const char *dir)
{
    struct lec_buf path = { 0 };
    if (*cfg->plugin_dir) {
        lec_buf_printf(&path, "%s%s%s", *cfg->plugin_dir == '/' ? "" : dir,
                       *cfg->plugin_dir == '/' ? "" : "/", cfg->plugin_dir);
    } else if (*LEC_PLUGIN_DIR == '/') {
        lec_buf_adds(&path, LEC_PLUGIN_DIR);
    } else {
        char binary[4096];
        ssize_t n = readlink("/proc/self/exe", binary, sizeof binary - 1);
        binary[n > 0 ? n : 0] = '\0';
        char *slash = strrchr(binary, '/');
        if (slash)
            *slash = '\0';
        lec_buf_printf(&path, "%s/" LEC_PLUGIN_DIR, binary);
    }
    char *copied = copy(lec_buf_str(&path));
    lec_buf_fini(&path);
    return copied;
}

/* Names are parts of modules, files and settings. */
static bool is_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || name[i] == '_' ||
              (i > 0 && name[i] >= '0' && name[i] <= '9')))
            return false;
    return n > 0 && n <= MAX_NAME;
}

static bool has(const struct lec_plugin *p, const char *name)
{
    struct lec_buf path = { 0 };
    lec_buf_printf(&path, "%s/%s", p->dir, name);
    bool there = access(lec_buf_str(&path), F_OK) == 0;
    lec_buf_fini(&path);
    return there;
}

static int read_plugin(struct lec_plugins *plugins, const char *folder, const char *name,
                       lec_plugin_read_fn *read, char *err, size_t err_size)
{
    struct lec_buf path = { 0 };
    int rc = LEC_OK;
    lec_buf_printf(&path, "%s/%s/plugin.lua", folder, name);
    if (access(lec_buf_str(&path), F_OK) == 0) {
        char library[MAX_NAME + 4];
        struct lec_plugin *p = plugin_new(name), *other = lec_plugins_named(plugins, name);
        p->dir = lec_strndup(path.p, path.n - strlen("/plugin.lua"));
        if (!is_name(name)) {
            snprintf(err, err_size,
                     "%s: a plugin's name has small letters, digits and '_', %d at most", p->dir,
                     MAX_NAME);
            rc = LEC_EINVAL;
        } else if (other && !other->dir) {
            snprintf(err, err_size, "%s: the name is that of a plugin of the server itself",
                     p->dir);
            rc = LEC_EINVAL;
        } else {
            rc = read(p, lec_buf_str(&path), err, err_size);
        }
        snprintf(library, sizeof library, "%.*s.so", MAX_NAME, name);
        p->has_library = has(p, library);
        p->has_handlers = has(p, "handlers");
        p->has_migrations = has(p, "migrations");
        for (size_t i = 0; i < plugins->n && rc == LEC_OK && other; i++)
            if (plugins->items[i] == other) {
                plugin_free(other);
                plugins->items[i] = p;
                p = other = NULL;
            }
        if (rc == LEC_OK && p)
            add(plugins, p);
        else if (p)
            plugin_free(p);
    }
    lec_buf_fini(&path);
    return rc;
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* A folder that is not there has none. */
static int find_in(struct lec_plugins *plugins, const char *folder, lec_plugin_read_fn *read,
                   char *err, size_t err_size)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_visible, alphasort), rc = LEC_OK;
    if (n < 0 && errno != ENOENT && errno != ENOTDIR) {
        snprintf(err, err_size, "the folder of plugins %s cannot be read: %s", folder,
                 strerror(errno));
        return LEC_EINVAL;
    }
    for (int i = 0; i < n; i++) {
        if (rc == LEC_OK)
            rc = read_plugin(plugins, folder, entries[i]->d_name, read, err, err_size);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* Whoever is needed goes before who needs it. */
static int settle(struct lec_plugins *plugins, char *err, size_t err_size)
{
    size_t done = 0;
    while (done < plugins->n) {
        size_t i = done;
        const char *missing = NULL;
        for (; i < plugins->n; i++) {
            const struct lec_plugin *p = plugins->items[i];
            bool ready = true;
            for (char **need = p->needs; *need && ready; need++) {
                ready = false;
                for (size_t k = 0; k < done && !ready; k++)
                    ready = strcmp(plugins->items[k]->name, *need) == 0;
                if (!ready && i == done)
                    missing = *need;
            }
            if (ready)
                break;
        }
        if (i == plugins->n) {
            snprintf(err, err_size, "the plugin %s needs the plugin %s, which %s",
                     plugins->items[done]->name, missing,
                     lec_plugins_named(plugins, missing) ? "needs it in turn" : "is not there");
            return LEC_EINVAL;
        }
        struct lec_plugin *p = plugins->items[i];
        memmove(plugins->items + done + 1, plugins->items + done,
                (i - done) * sizeof *plugins->items);
        plugins->items[done++] = p;
    }
    return LEC_OK;
}

int lec_plugins_find(struct lec_plugins *plugins, const struct lec_config *cfg, const char *dir,
                     lec_plugin_read_fn *read, char *err, size_t err_size)
{
    struct lec_buf own = { 0 };
    char *folder = lec_plugins_folder(cfg, dir);
    lec_buf_printf(&own, "%s/plugins", dir);
    int rc = find_in(plugins, folder, read, err, err_size);
    if (rc == LEC_OK)
        rc = find_in(plugins, lec_buf_str(&own), read, err, err_size);
    if (rc == LEC_OK)
        rc = settle(plugins, err, err_size);
    lec_buf_fini(&own);
    free(folder);
    return rc;
}

/* --- settings ------------------------------------------------------------------------------ */

static bool set_value(struct lec_plugin_setting *s, const char *value)
{
    if (s->kind == LEC_PLUGIN_NUMBER) {
        char *end;
        double number = strtod(value, &end);
        if (!*value || *end || !isfinite(number))
            return false;
    } else if (s->kind == LEC_PLUGIN_FLAG && strcmp(value, "true") != 0 &&
               strcmp(value, "false") != 0) {
        return false;
    }
    free(s->value);
    s->value = copy(value);
    return true;
}

static struct lec_plugin_setting *find_setting(const struct lec_plugin *p, const char *name)
{
    for (size_t i = 0; i < p->n_settings; i++)
        if (strcmp(p->settings[i].name, name) == 0)
            return &p->settings[i];
    return NULL;
}

/* "LECTERN_PLUGINS_HANDS_MAX" of hands.max. */
static void env_name(const struct lec_plugin *p, const struct lec_plugin_setting *s,
                     struct lec_buf *out)
{
    out->n = 0;
    lec_buf_printf(out, LEC_PLUGINS_ENV "%s_%s", p->name, s->name);
    for (size_t i = 0; i < out->n; i++)
        if (out->p[i] >= 'a' && out->p[i] <= 'z')
            out->p[i] = (char)(out->p[i] - 'a' + 'A');
}

static int refuse_key(const struct lec_plugins *plugins, const char *key, char *err,
                      size_t err_size)
{
    struct lec_suggest suggest;
    char name[MAX_NAME + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(key, "."), key);
    const struct lec_plugin *p = lec_plugins_named(plugins, name);
    lec_suggest_init(&suggest, p ? key + strlen(name) + (key[strlen(name)] == '.') : name);
    for (size_t i = 0; p && i < p->n_settings; i++)
        lec_suggest_try(&suggest, p->settings[i].name);
    for (size_t i = 0; !p && i < plugins->n; i++)
        lec_suggest_try(&suggest, plugins->items[i]->name);
    snprintf(err, err_size, "plugins.%.80s: there is no %s%s%s%s%s", key,
             p ? "such setting of the plugin " : "plugin ", name,
             suggest.best ? "; did you mean \"" : "", suggest.best ? suggest.best : "",
             suggest.best ? "\"?" : "");
    return LEC_EINVAL;
}

int lec_plugins_configure(struct lec_plugins *plugins, const struct lec_config *cfg, char *err,
                          size_t err_size)
{
    struct lec_buf name = { 0 };
    int rc = LEC_OK;
    /* From lectern.lua: each must be somebody's. */
    for (size_t i = 0; i < cfg->n_plugin_values && rc == LEC_OK; i++) {
        const char *key = cfg->plugin_values[i].key, *dot = strchr(key, '.');
        if (strncmp(key, LEC_PLUGINS_ENV, strlen(LEC_PLUGINS_ENV)) == 0)
            continue;
        name.n = 0;
        lec_buf_add(&name, key, dot ? (size_t)(dot - key) : strlen(key));
        const struct lec_plugin *p = lec_plugins_named(plugins, lec_buf_str(&name));
        struct lec_plugin_setting *s = p && dot ? find_setting(p, dot + 1) : NULL;
        if (!s) {
            rc = refuse_key(plugins, key, err, err_size);
        } else if (!set_value(s, cfg->plugin_values[i].value)) {
            snprintf(err, err_size, "plugins.%s: \"%.60s\" is no %s", key,
                     cfg->plugin_values[i].value,
                     s->kind == LEC_PLUGIN_NUMBER ? "number" : "true or false");
            rc = LEC_EINVAL;
        }
    }
    /* From .env and the environment, which are stronger. */
    struct lec_plugin *p;
    for (size_t pos = 0; rc == LEC_OK && (p = lec_plugins_next(plugins, &pos)) != NULL;)
        for (size_t i = 0; i < p->n_settings && rc == LEC_OK; i++) {
            env_name(p, &p->settings[i], &name);
            const char *value = lec_config_plugin_value(cfg, lec_buf_str(&name));
            if (value && !set_value(&p->settings[i], value)) {
                snprintf(err, err_size, "%s: \"%.60s\" is no %s", lec_buf_str(&name), value,
                         p->settings[i].kind == LEC_PLUGIN_NUMBER ? "number" : "true or false");
                rc = LEC_EINVAL;
            }
        }
    lec_buf_fini(&name);
    return rc;
}

/* --- for people ---------------------------------------------------------------------------- */

void lec_plugins_list(const struct lec_plugins *plugins, struct lec_buf *out)
{
    struct lec_plugin *p;
    for (size_t pos = 0; (p = lec_plugins_next(plugins, &pos)) != NULL;) {
        const char *comma = "";
        lec_buf_printf(out, "%s %s, %s: ", p->name, p->version,
                       p->dir ? p->dir : "part of the server");
        static const char *const parts[] = { "C library", "handlers", "migrations" };
        const bool there[] = { p->has_library || p->get, p->has_handlers, p->has_migrations };
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            if (there[i]) {
                lec_buf_printf(out, "%s%s", comma, parts[i]);
                comma = ", ";
            }
        lec_buf_printf(out, "%s\n", *comma ? "" : "modules");
        for (size_t i = 0; i < p->n_settings; i++) {
            const struct lec_plugin_setting *s = &p->settings[i];
            lec_buf_printf(out, "  %s = %s%s  %s\n", s->name, s->value,
                           strcmp(s->value, s->fallback) ? "" : " (default)", s->help);
        }
    }
}
