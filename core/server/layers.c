/* The configurations of the layers below, made from the settings. They live as long as the server. */
#include <ctype.h>
#include <stdlib.h>

#include "server/internal.h"
#include "server/rates.h"

#define RECOVERY_SLACK_MS 1000u /* heartbeats may be late by our own stalls */
#define TCP_PER_CLIENT    4u    /* browsers poll by several connections */

char *lec_path_in(const struct lec_server *s, const char *name)
{
    struct lec_buf path = { 0 };
    if (*name == '\0')
        return NULL;
    if (*name != '/')
        lec_buf_printf(&path, "%s/", s->dir);
    lec_buf_adds(&path, name);
    lec_buf_addc(&path, '\0');
    return path.p;
}

/* "X-Request-Id, x-b" to the lower-case names that net wants. */
static void split_headers(struct lec_server *s)
{
    const char *text = s->cfg->http_headers;
    size_t n = strlen(text);
    s->header_text = lec_strndup(text, n);
    s->header_names = lec_alloc0((n / 2 + 2) * sizeof *s->header_names);
    size_t count = 0;
    for (size_t i = 0, start = 0; i <= n; i++) {
        char c = s->header_text[i];
        s->header_text[i] = (char)tolower((unsigned char)c);
        if (c != ',' && c != ' ' && c != '\0')
            continue;
        s->header_text[i] = '\0';
        if (i > start)
            s->header_names[count++] = s->header_text + start;
        start = i + 1;
    }
}

/* So many of each may come at once. */
static struct lec_rate rate_of(const struct lec_config *c, uint64_t per_second)
{
    return (struct lec_rate){ per_second, per_second * c->rate_burst_s };
}

/* limits.events, which config.c has checked, and refresh_token, each of which has a token verified. */
static size_t fill_event_rates(struct lec_server *s)
{
    static const struct lec_slice refresh = { "refresh_token", 13 };
    struct lec_slice text = lec_slice_str(s->cfg->rate_by_event), name;
    uint64_t per_second;
    size_t n = 0;
    bool has_refresh = false;
    s->event_rates = lec_alloc((text.n / 2 + 2) * sizeof *s->event_rates);
    while (lec_rates_next(&text, &name, &per_second) > 0) {
        has_refresh = has_refresh || lec_slice_eq(name, refresh);
        s->event_rates[n++] = (struct sio_event_rate){ name, rate_of(s->cfg, per_second) };
    }
    if (!has_refresh)
        s->event_rates[n++] = (struct sio_event_rate){ refresh, rate_of(s->cfg, 1) };
    return n;
}

void lec_layers_fill(struct lec_server *s)
{
    const struct lec_config *c = s->cfg;
    split_headers(s);
    size_t n_event_rates = fill_event_rates(s);
    if (c->http_compression)
        s->deflater = lec_deflater_new(c->http_compression_threshold);
    (void)!lec_networks_parse(&s->proxies, c->trusted_proxies);    /* config.c has checked it */
    (void)!lec_hosts_parse(&s->fetch_hosts, c->http_client_allow); /* the same */
    s->cert_file = lec_path_in(s, c->tls_cert);
    s->key_file = lec_path_in(s, c->tls_key);
    s->client_ca_file = lec_path_in(s, c->tls_client_ca);
    s->fetch_ca_file = lec_path_in(s, c->http_client_ca);
    s->net_cfg = (struct lec_net_config){
        .host = c->host,
        .port = (unsigned)c->port,
        .max_connections = (unsigned)c->max_connections,
        .max_per_site = (unsigned)c->max_connections_per_address * TCP_PER_CLIENT,
        .max_header_bytes = (unsigned)c->max_header_bytes,
        .header_timeout_ms = (unsigned)c->header_timeout,
        .body_timeout_ms = (unsigned)c->body_timeout,
        .keepalive_timeout_ms = (unsigned)c->keepalive_timeout,
        .linger_timeout_ms = (unsigned)c->linger_timeout,
        .send_timeout_ms = (unsigned)c->send_timeout,
        .tls_cert = s->cert_file,
        .tls_key = s->key_file,
        .tls_client_ca = s->client_ca_file,
        .headers = s->header_names,
        .trusted_proxies = s->proxies,
        .proxy_protocol = c->proxy_protocol,
    };
    s->eio_cfg = (struct eio_config){
        .ping_interval_ms = (unsigned)c->ping_interval,
        .ping_timeout_ms = (unsigned)c->ping_timeout,
        .upgrade_timeout_ms = (unsigned)c->upgrade_timeout,
        .max_payload = (unsigned)c->max_http_buffer_size,
        .max_first_payload = (unsigned)c->max_connect_bytes,
        .max_queue_bytes = (unsigned)c->max_queue_bytes,
        .close_timeout_ms = (unsigned)c->close_timeout,
        .max_sessions = (unsigned)c->max_connections,
        .max_per_site = (unsigned)c->max_connections_per_address,
        .handshakes = { c->max_handshakes_per_second, c->max_handshakes_per_second },
        .polling = c->polling,
        .websocket = c->websocket,
        .allow_upgrades = c->allow_upgrades,
        .allow_eio3 = c->allow_eio3,
        .cors = { .origins = c->frontend_url },
        .cookie = *c->cookie ? c->cookie : NULL,
        .cookie_same_site = strcmp(c->cookie_same_site, "none") == 0     ? "None"
                            : strcmp(c->cookie_same_site, "strict") == 0 ? "Strict"
                                                                         : "Lax",
        .deflater = s->deflater,
    };
    s->sio_cfg = (struct sio_config){
        .connect_timeout_ms = (unsigned)c->connect_timeout,
        .max_namespaces = (unsigned)c->max_namespaces,
        .max_rooms = (unsigned)c->max_rooms,
        .max_room_name = (unsigned)c->max_room_name,
        .max_event_name = (unsigned)c->max_event_name,
        .max_acks = (unsigned)c->max_acks,
        .max_refusals = (unsigned)c->max_refusals,
        .max_waiting_bytes = c->max_queue_bytes,
        .max_attachment_bytes = c->max_attachment_bytes,
        .attachment_timeout_ms = (unsigned)c->attachment_timeout,
        .events = rate_of(c, c->rate_events),
        .bytes = rate_of(c, c->rate_bytes),
        .event_rates = s->event_rates,
        .n_event_rates = n_event_rates,
        .packet = { .max_attachments = (unsigned)c->max_attachments,
                    .max_depth = (unsigned)c->max_json_depth },
        .max_dynamic_namespaces = (unsigned)c->max_dynamic_namespaces,
        .max_namespace_name = (unsigned)c->max_namespace_name,
        .recovery_window_ms = (unsigned)c->recovery_window,
        .recovery_unnoticed_ms = (unsigned)(c->ping_interval + c->ping_timeout) + RECOVERY_SLACK_MS,
        .recovery_max_bytes = c->recovery_max_bytes,
        .recovery_max_dynamic_bytes = c->recovery_max_dynamic_bytes,
        .recovery_max_replay = c->max_queue_bytes / 2,
    };
    s->eio_cfg.user_size = sio_server_user_size(&s->sio_cfg);
    if (s->sio_cfg.bytes.burst < c->max_http_buffer_size) /* or the largest would never pass */
        s->sio_cfg.bytes.burst = c->max_http_buffer_size;
}

void lec_layers_fini(struct lec_server *s)
{
    lec_deflater_free(s->deflater);
    free(s->cert_file);
    free(s->key_file);
    free(s->client_ca_file);
    free(s->fetch_ca_file);
    free(s->header_text);
    free(s->header_names);
    lec_networks_fini(&s->proxies);
    lec_hosts_fini(&s->fetch_hosts);
    free(s->event_rates);
}
