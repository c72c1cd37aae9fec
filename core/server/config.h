/* The configuration: one table of settings (config.c) makes defaults, lectern.lua keys, environment
 * variables, flags, --help and the README's table, so a setting is added in one place.
 *
 * Sources in order of growing strength: default, lectern.lua, .env, environment, flag. A value from
 * a weaker source never overwrites a stronger one, whatever the order of the calls.
 * Owner: main; const after start. */
#ifndef LEC_SERVER_CONFIG_H
#define LEC_SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct lec_plugins; /* server/plugins.h */

enum lec_source { LEC_FROM_DEFAULT, LEC_FROM_LUA, LEC_FROM_DOTENV, LEC_FROM_ENV, LEC_FROM_FLAG };

/* LEC_RATES: text of server/rates.h, in lectern.lua also a table of numbers. */
enum lec_setting_kind { LEC_STRING, LEC_UINT, LEC_BOOL, LEC_CHOICE, LEC_RATES };

/* One row. key is the name in lectern.lua, dots meaning tables ("jwt.secret"); the flag is the key
 * with '-' for '.' and '_' ("--jwt-secret"). */
struct lec_setting {
    const char *key, *env;
    enum lec_setting_kind kind;
    size_t offset;        /* of its member in struct lec_config */
    const char *fallback; /* the default, as text */
    uint64_t min, max;    /* UINT */
    const char *choices;  /* CHOICE: words separated by '|' */
    const char *unit;     /* "ms", "bytes", … or NULL */
    const char *group; /* the heading it stands under in --help; rows of a group are neighbours */
    const char *help;
    bool secret; /* its value is never shown */
};

/* Strings are owned by the configuration, never NULL, "" when not set. Durations are milliseconds,
 * sizes bytes, unless the name says otherwise. */
struct lec_config {
    /* where and for whom */
    char *host;
    uint64_t port;
    char *frontend_url; /* server/origins.h */
    char *path;         /* begins with '/', does not end with it */
    char *public_dir;   /* static files, relative to the script directory */
    bool serve_client;
    /* authentication */
    char *jwt_secret, *jwt_public_key_file, *jwt_jwks_file, *jwt_jwks_url, *jwt_algorithms;
    uint64_t jwt_jwks_refresh, jwt_jwks_cooldown;
    char *jwt_issuer, *jwt_audience, *jwt_required_claims, *jwt_id_claim, *jwt_role_claim;
    uint64_t jwt_leeway_s, jwt_warn_s, jwt_max_bytes;
    /* logs */
    char *debug, *log_level, *log_format;
    /* transports */
    bool polling, websocket, allow_upgrades, allow_eio3;
    uint64_t ping_interval, ping_timeout, upgrade_timeout, connect_timeout;
    char *tls_cert, *tls_key, *tls_client_ca;
    char *trusted_proxies; /* addresses and networks (net/address.h) */
    bool proxy_protocol;
    char *http_headers; /* names separated by commas */
    bool http_compression;
    uint64_t http_compression_threshold;
    char *cookie, *cookie_same_site;
    /* limits */
    uint64_t max_http_buffer_size, max_connect_bytes, max_connections, max_queue_bytes,
        max_header_bytes;
    uint64_t max_connections_per_address, max_connections_per_user, max_handshakes_per_second;
    uint64_t header_timeout, body_timeout, keepalive_timeout, close_timeout, linger_timeout,
        send_timeout, attachment_timeout;
    uint64_t max_dynamic_namespaces, max_namespace_name;
    uint64_t max_namespaces, max_rooms, max_room_name, max_event_name, max_acks, max_attachments,
        max_attachment_bytes, max_json_depth, max_arguments, max_tasks, max_refusals,
        max_revocations;
    uint64_t rate_events, rate_bytes, rate_burst_s;
    char *rate_by_event;
    uint64_t drain_spread, drain_timeout;
    uint64_t recovery_window, recovery_max_bytes, recovery_max_dynamic_bytes;
    /* the server API, and routes of handlers */
    char *api_listen, *api_service_role;
    uint64_t api_max_bytes, api_max_values, api_max_calls, api_timeout, api_idempotency_ttl,
        api_max_kept;
    /* requests of our own */
    char *http_client_ca;
    char *http_client_allow; /* hosts (net/hosts.h) */
    uint64_t http_client_timeout, http_client_max_bytes, http_client_max_requests;
    /* the database, and other things that last */
    char *database, *state_dir, *plugin_dir;
    uint64_t db_timeout, db_transaction_timeout, db_max_calls, db_max_queued_bytes, db_max_rows,
        db_max_result_bytes, db_max_bytes;
    /* scripts */
    uint64_t script_time, script_load_time, script_watchdog, script_memory;
    bool script_unsafe; /* io, os, ffi and C modules for scripts */
    uint64_t ack_timeout;
    /* the e-learning library's; read by lua/lectern */
    char *rooms_default;
    uint64_t presence_grace, typing_timeout, typing_interval;
    uint64_t content_max_text, content_max_data;
    uint64_t store_notifications, store_messages, store_reactions, store_conversations;

    /* Settings of plugins, which only those know: "hands.max" from lectern.lua, LEC_PLUGINS_ENV names
     * from .env and the environment. */
    struct lec_plugin_value {
        char *key, *value;
    } * plugin_values;
    size_t n_plugin_values;
    const struct lec_plugins *plugins; /* NULL: none are known yet; borrowed */

    /* What a person should hear once the log is open: sentences, each with a newline. */
    struct lec_buf warnings;

    unsigned char source[120]; /* enum lec_source of each setting, by its row */
};

void lec_config_init(struct lec_config *cfg); /* all defaults */
void lec_config_fini(struct lec_config *cfg);

const struct lec_setting *lec_settings(size_t *n);

/* Sets one by its key from text. LEC_ENOTFOUND: no such key, the sentence in err suggests one;
 * LEC_EINVAL: a value it cannot have, err says which it can. Both name the setting as its source
 * does, and the value, but for a secret's; a reader of files puts file and line in front. */
int lec_config_set(struct lec_config *cfg, const char *key, const char *value, enum lec_source from,
                   char *err, size_t err_size) LEC_CHECK;

/* Keeps a plugin's setting, in place of one of that key. */
#define LEC_PLUGINS_ENV "LECTERN_PLUGINS_"
void lec_config_set_plugin(struct lec_config *cfg, const char *key, const char *value);
const char *lec_config_plugin_value(const struct lec_config *cfg, const char *key); /* or NULL */

/* Takes what the process' environment sets. An empty variable counts as not set; one that begins with
 * LECTERN_ and is no setting is worth a warning. */
int lec_config_read_env(struct lec_config *cfg, char *err, size_t err_size) LEC_CHECK;

/* Appends what the environment, else the .env file, says of a name: LEC_OK; LEC_ENOTFOUND; LEC_EINVAL: the file
 * is wrong, with a sentence. An empty value counts as none. */
int lec_config_find_env(const char *path, const char *name, struct lec_buf *value, char *err,
                        size_t err_size) LEC_CHECK;

/* Reads a .env file (server/dotenv.h); a missing one is fine. Unknown names are ignored, as the
 * file is shared with other programs, but for those that begin with LECTERN_, which are worth a
 * warning. Errors name file and line. */
int lec_config_read_dotenv(struct lec_config *cfg, const char *path, char *err,
                           size_t err_size) LEC_CHECK;

/* What no single value tells: two sources of keys, TLS certificate without key … ; serving: and no
 * source at all. */
int lec_config_check(const struct lec_config *cfg, bool serving, char *err,
                     size_t err_size) LEC_CHECK;

/* The flag of a setting, with its dashes ("--jwt-secret"), zero-terminated. */
#define LEC_FLAG_SIZE 48
void lec_setting_flag(const struct lec_setting *setting, char out[LEC_FLAG_SIZE]);

/* Whether the text is a value of this setting, and which: one of the three by its kind; what is text
 * in its one form, appended. */
bool lec_setting_parse(const struct lec_setting *setting, const char *text, uint64_t *number,
                       bool *flag, struct lec_buf *string);

/* What a setting may be, for people: "a whole number from 0 to 65535". */
void lec_setting_allowed(const struct lec_setting *setting, struct lec_buf *out);

/* Appends what is wrong with a text that is no value of this setting, and what to give instead. */
void lec_setting_complain(const struct lec_setting *setting, const char *text, struct lec_buf *out);

/* All settings as text for --help, and as the table of the README. */
void lec_config_help(struct lec_buf *out);
void lec_config_markdown(struct lec_buf *out);

#endif
