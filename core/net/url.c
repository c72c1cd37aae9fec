#include "net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_local(const char *host)
{
    struct in_addr v4;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

enum lec_url lec_url_kind(const char *url)
{
    enum lec_url kind = LEC_URL_BAD;
    char *scheme = NULL, *host = NULL;
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && *host) {
        if (strcasecmp(scheme, "https") == 0)
            kind = LEC_URL_HTTPS;
        else if (strcasecmp(scheme, "http") == 0)
            kind = is_local(host) ? LEC_URL_LOCAL_HTTP : LEC_URL_HTTP;
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return kind;
}

bool lec_url_host(const char *url, char host[LEC_HOST_SIZE], unsigned *port)
{
    bool ok = false;
    char *text = NULL, *digits = NULL;
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &text, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &digits, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        const char *from = text + (*text == '[');
        size_t n = *text == '[' ? strcspn(from, "]%") : strlen(from);
        if (*text != '[' && n > 1 && from[n - 1] == '.')
            n--;
        ok = n > 0 && n < LEC_HOST_SIZE;
        if (ok) {
            memcpy(host, from, n);
            host[n] = '\0';
        }
        *port = (unsigned)strtoul(digits, NULL, 10);
    }
    curl_free(text);
    curl_free(digits);
    curl_url_cleanup(u);
    return ok;
}
