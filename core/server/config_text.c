/* The table of settings as text for people: flags, --help, the README. */
#include <stdio.h>
#include <string.h>

#include "server/config.h"

enum { COLUMN = 35 }; /* of --help, where the texts begin */

void lec_setting_flag(const struct lec_setting *s, char out[LEC_FLAG_SIZE])
{
    snprintf(out, LEC_FLAG_SIZE, "--%s", s->key);
    for (char *p = out; *p; p++)
        if (*p == '.' || *p == '_')
            *p = '-';
}

static const char *argument(const struct lec_setting *s)
{
    if (s->kind == LEC_BOOL)
        return "";
    if (s->kind == LEC_CHOICE)
        return " WORD";
    if (s->kind == LEC_STRING)
        return " TEXT";
    if (s->kind == LEC_RATES)
        return " EVENT=N,...";
    return s->unit && strcmp(s->unit, "ms") == 0 ? " MS" : " N";
}

void lec_config_help(struct lec_buf *out)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    for (const char *group = NULL; n > 0; n--, s++) {
        if (s->group != group)
            lec_buf_printf(out, "\n%s\n", group = s->group);
        char flag[LEC_FLAG_SIZE];
        lec_setting_flag(s, flag);
        size_t start = out->n;
        lec_buf_printf(out, "  --%s%s%s", s->kind == LEC_BOOL ? "[no-]" : "", flag + 2,
                       argument(s));
        size_t width = out->n - start;
        lec_buf_printf(out, "%*s%s", width < COLUMN ? (int)(COLUMN - width) : 1, "", s->help);
        if (s->kind == LEC_CHOICE) {
            lec_buf_adds(out, ": ");
            lec_setting_allowed(s, out);
        }
        lec_buf_printf(out, "\n%*s%s%s%s", COLUMN, "", s->env, *s->fallback ? ", default " : "",
                       s->fallback);
        if (*s->fallback && s->unit)
            lec_buf_printf(out, " %s", s->unit);
        lec_buf_addc(out, '\n');
    }
}

void lec_config_markdown(struct lec_buf *out)
{
    size_t n;
    const struct lec_setting *s = lec_settings(&n);
    lec_buf_adds(out, "| lectern.lua | environment | default | |\n|---|---|---|---|\n");
    for (; n > 0; n--, s++) {
        lec_buf_printf(out, "| `%s` | `%s` | ", s->key, s->env);
        if (*s->fallback)
            lec_buf_printf(out, "`%s`", s->fallback);
        if (*s->fallback && s->unit)
            lec_buf_printf(out, " %s", s->unit);
        lec_buf_printf(out, " | %s", s->help);
        if (s->kind == LEC_CHOICE) {
            lec_buf_adds(out, ": ");
            lec_setting_allowed(s, out);
        }
        lec_buf_adds(out, " |\n");
    }
}
