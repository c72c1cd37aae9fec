/* What the files of this folder share about the server, and nobody else sees. */
#ifndef LEC_SERVER_INTERNAL_H
#define LEC_SERVER_INTERNAL_H

#include "auth/token.h"
#include "base/tally.h"
#include "engineio/engine.h"
#include "http/bundle.h"
#include "http/files.h"
#include "net/control.h"
#include "net/fetch.h"
#include "net/net.h"
#include "server/api.h"
#include "server/revoked.h"
#include "server/server.h"
#include "socketio/server.h"

struct lec_database;    /* server/database.h */
struct lec_jwks;        /* server/jwks.h */
struct lec_revocations; /* server/revocations.h */

enum server_state { SERVER_NEW, SERVER_SERVING, SERVER_DRAINING, SERVER_STOPPED };

/* drain.c. Times are of the loop's clock. */
struct drain {
    struct lec_timer timer;
    size_t clients; /* open sessions at the time it began */
    uint64_t began;
    uint64_t spread;   /* ms from then until the last is closed */
    uint64_t settled;  /* when the last session had gone; 0 before */
    uint64_t db_calls; /* of handlers, at the last tick */
    bool waited;       /* one of them for its answer, then */
};

/* status.c: the last ten seconds. */
#define STATUS_TICK_MS 1000
#define STATUS_SAMPLES 11 /* ticks: they lie ten apart */

struct status_sample {
    uint64_t at;                /* the loop's clock */
    struct lec_loop_usage loop; /* until then; the longest turn since the sample before */
    struct lec_counters counters;
};

struct status {
    struct lec_timer timer;
    uint64_t started; /* the loop's clock */
    size_t n_samples; /* ever taken */
    struct status_sample samples[STATUS_SAMPLES];
};

struct lec_server {
    struct lec_loop *loop;
    const struct lec_config *cfg;
    char *dir; /* the script directory, as it was given */
    struct lec_log *log;
    const struct lec_hooks *hooks; /* never NULL */
    struct lec_counters counters;
    enum server_state state;

    /* of the layers below, which borrow them */
    struct lec_net_config net_cfg;
    struct eio_config eio_cfg;
    struct sio_config sio_cfg;
    struct sio_event_rate *event_rates; /* of limits.events; names are into its text */
    char *cert_file, *key_file, *client_ca_file, *fetch_ca_file; /* NULL: not set */
    char *header_text; /* the names of http.headers, each zero-terminated */
    const char **header_names;
    struct lec_networks proxies;
    struct lec_hosts fetch_hosts; /* of http.client_allow */
    char *prefix;                 /* of Engine.IO's requests: "/socket.io/" */

    struct lec_keys *keys;
    struct lec_timer keys_timer; /* looks whether their file changed */
    struct lec_jwks *jwks;       /* NULL unless they come by URL */
    struct lec_fetcher *fetcher;
    struct lec_list peers;   /* of all sockets that are in or on their way */
    struct lec_tally people; /* sockets of each, by namespace; empty without
                                max_connections_per_user */
    struct lec_revoked revoked_tokens, revoked_people;
    struct lec_revocations *revocations; /* what these do not hold */
    struct lec_net *net;
    struct eio_engine *engine;
    struct sio_server *io;
    struct lec_files *files;       /* NULL: none are served */
    struct lec_bundle *bundle;     /* NULL: the client is not served */
    struct lec_deflater *deflater; /* NULL: nothing is compressed */
    struct lec_database *database; /* NULL: none was given */
    struct lec_control *control;   /* NULL before start, and where it could not be opened */

    struct lec_api api;
    struct lec_key_store *key_store; /* from start to stop */
    struct drain drain;
    struct status status;
};

/* Loads certificates and handlers anew, each all or nothing, neither because of the other; counts
 * and logs it. LEC_OK, or the failure of one; answer gets text. */
int lec_server_reload(struct lec_server *s, struct lec_buf *answer);

/* layers.c: net_cfg, eio_cfg, sio_cfg and what they borrow. */
void lec_layers_fill(struct lec_server *s);
void lec_layers_fini(struct lec_server *s);
/* A file's path, if it is relative that within the script directory; the caller frees it. NULL for
 * "". */
char *lec_path_in(const struct lec_server *s, const char *name);

/* gate.c: Socket.IO's events on their way to the hooks: who has no good token does not get there. */
const struct sio_events *lec_gate_events(void); /* ctx is the server */
/* Refuses a CONNECT for its token. */
void lec_gate_refuse(struct lec_server *server, struct sio_socket *s, const char *why);
/* What a token has waited for already; nobody waits for the same twice. */
#define LEC_WAITED_KEYS        1u /* server/jwks.h */
#define LEC_WAITED_REVOCATIONS 2u /* server/revocations.h */
#define LEC_WAITED_IN_VAIN     4u /* for these */
/* Looks once more at the token of a CONNECT that has waited. */
void lec_gate_again(struct lec_server *server, struct sio_socket *s, unsigned waited);
/* The same for one whose person on_connect has looked up. */
void lec_gate_identified(struct lec_server *server, struct sio_socket *s, unsigned waited);
/* What somebody is told whose token cannot be judged now. */
#define LEC_KEYS_UNAVAILABLE "the keys cannot be fetched at the moment"
/* Tells the client that its event was refused: as the ack, or as the event `error`. event NULL: the
 * latter, about none. */
void lec_gate_refuse_event(struct sio_socket *s, const struct sio_event *event, const char *code,
                           const char *why);

/* admin.c: what operators ask, by HTTP and by the control socket. */
bool lec_admin_serve(struct lec_server *s, struct lec_http *http);
bool lec_admin_has(struct lec_slice path); /* whether it serves this path, by some method */
/* admin_data.c: commands on the database. False: it is none of them. */
bool lec_admin_data(struct lec_server *s, struct lec_control_call *call, const char *line);
void lec_admin_command(void *server, struct lec_control_call *call, const char *line);

/* status.c */
void lec_status_start(struct lec_server *s);
void lec_status_stop(struct lec_server *s);
void lec_status_text(struct lec_server *s, struct lec_buf *out);
void lec_status_json(struct lec_server *s, struct lec_buf *out);

/* Answers with a JSON text, which is not to be stored by anybody. */
void lec_answer_json(struct lec_http *http, unsigned status, const char *json);

#endif
