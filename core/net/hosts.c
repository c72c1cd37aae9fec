#include "net/hosts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "net/origin.h"

static bool add_networks(struct lec_networks *to, const char *text)
{
    struct lec_networks more = { 0 };
    if (lec_networks_parse(&more, text) != LEC_OK)
        return false;
    to->p = lec_realloc(to->p, (to->n + more.n) * sizeof *to->p);
    memcpy(to->p + to->n, more.p, more.n * sizeof *more.p);
    to->n += more.n;
    lec_networks_fini(&more);
    return true;
}

/* A name of labels; one whose last has digits alone would be a mistyped address. */
static bool is_name(const char *name)
{
    const char *label = name, *end = name + strlen(name);
    for (const char *p = name; p < end; p++) {
        if (*p == '.' && p == label)
            return false;
        if (*p == '.')
            label = p + 1;
        else if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
            return false;
    }
    return *label != '\0' && label[strspn(label, "0123456789")] != '\0';
}

static bool add_name(struct lec_hosts *hosts, const char *text)
{
    if (!is_name(strncmp(text, "*.", 2) == 0 ? text + 2 : text))
        return false;
    hosts->names = lec_realloc(hosts->names, (hosts->n_names + 1) * sizeof *hosts->names);
    hosts->names[hosts->n_names++] = lec_strndup(text, strlen(text));
    return true;
}

int lec_hosts_parse(struct lec_hosts *hosts, const char *text)
{
    static const char separators[] = ", ";
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t n = strcspn(text, separators);
        char *item = lec_strndup(text, n);
        bool ok = add_networks(&hosts->nets, item) || add_name(hosts, item);
        free(item);
        if (!ok) {
            lec_hosts_fini(hosts);
            return LEC_EINVAL;
        }
        text += n;
    }
    return LEC_OK;
}

void lec_hosts_fini(struct lec_hosts *hosts)
{
    for (size_t i = 0; i < hosts->n_names; i++)
        free(hosts->names[i]);
    free(hosts->names);
    lec_networks_fini(&hosts->nets);
    *hosts = (struct lec_hosts){ 0 };
}

bool lec_hosts_have(const struct lec_hosts *hosts, const char *name)
{
    for (size_t i = 0; i < hosts->n_names; i++)
        if (lec_host_matches(lec_slice_str(name), lec_slice_str(hosts->names[i])))
            return true;
    return false;
}
