/* Lua values -> JSON and attachments. Nothing here allocates Lua memory but the stack, once. */
#include "script/value.h"

#include <stdio.h>
#include <stdlib.h>

#include "script/vm.h"

#define KEEP 65536 /* bytes of scratch kept from one message to the next */

/* One level of where we are, for messages and to find cycles. */
struct place {
    const void *table;
    const char *key; /* NULL: index counts */
    size_t key_len;
    int index;
};

struct writer {
    lua_State *L;
    const struct lec_vm *vm;
    struct lec_wire *out;
    const struct lec_value_limits *limits;
    const char *what;
    int number; /* of the value among those that are encoded, 0 for one alone */
    unsigned depth;
    struct place path[LEC_JSON_MAX_DEPTH];
};

static bool write_value(struct writer *w, int index);

void lec_wire_clear(struct lec_wire *w)
{
    for (unsigned i = 0; i < w->n_attachments; i++)
        lec_msg_unref(w->attachments[i]);
    w->n_attachments = 0;
    w->attached_bytes = 0;
    lec_buf_clear(&w->json, KEEP);
    lec_buf_clear(&w->error, KEEP);
}

void lec_wire_fini(struct lec_wire *w)
{
    lec_wire_clear(w);
    lec_buf_fini(&w->json);
    lec_buf_fini(&w->error);
    free(w->attachments);
    *w = (struct lec_wire){ 0 };
}

struct sio_payload lec_wire_payload(const struct lec_wire *w)
{
    return (struct sio_payload){ lec_buf_slice(&w->json), w->attachments, w->n_attachments };
}

/* "argument 2.items[3]: problem"; levels: how much of the path to tell. */
static bool fail(struct writer *w, unsigned levels, const char *problem)
{
    struct lec_buf *out = &w->out->error;
    lec_buf_clear(out, KEEP);
    lec_buf_adds(out, w->what);
    if (w->number)
        lec_buf_printf(out, " %d", w->number);
    for (unsigned i = 0; i < levels; i++) {
        const struct place *at = &w->path[i];
        if (i == 8 && levels > 12) {
            lec_buf_adds(out, "…");
            i = levels - 2;
        } else if (at->key) {
            lec_buf_printf(out, ".%.*s", (int)(at->key_len < 64 ? at->key_len : 64), at->key);
        } else if (at->index) {
            lec_buf_printf(out, "[%d]", at->index);
        }
    }
    lec_buf_printf(out, ": %s", problem);
    return false;
}

static bool fail_here(struct writer *w, const char *problem)
{
    return fail(w, w->depth, problem);
}

static bool within_size(struct writer *w)
{
    if (w->out->json.n + w->out->attached_bytes <= w->limits->max_bytes)
        return true;
    char problem[96];
    snprintf(problem, sizeof problem, "the message is larger than %zu bytes", w->limits->max_bytes);
    return fail_here(w, problem);
}

static bool write_text(struct writer *w, int index)
{
    size_t n;
    const char *p = lua_tolstring(w->L, index, &n);
    if (n > w->limits->max_bytes)
        return fail_here(w, "the text is larger than a message may be");
    if (lec_json_put_string(&w->out->json, p, n) != LEC_OK)
        return fail_here(w, "the text is not UTF-8 (bytes travel as lectern.binary)");
    return within_size(w);
}

static bool write_binary(struct writer *w, int index)
{
    struct lec_wire *out = w->out;
    if (out->n_attachments == w->limits->max_attachments) {
        char problem[96];
        if (w->limits->max_attachments == 0)
            return fail_here(w, "bytes have no place in JSON text");
        snprintf(problem, sizeof problem, "more than %u binary values in a message",
                 w->limits->max_attachments);
        return fail_here(w, problem);
    }
    size_t n = lua_objlen(w->L, index);
    out->attached_bytes += n;
    if (!within_size(w))
        return false;
    if (out->n_attachments == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 4;
        out->attachments = lec_realloc(out->attachments, out->cap * sizeof(struct lec_msg *));
    }
    lec_buf_printf(&out->json, "{\"_placeholder\":true,\"num\":%u}", out->n_attachments);
    out->attachments[out->n_attachments++] = lec_msg_copy(true, lua_touserdata(w->L, index), n);
    return true;
}

/* Elements 1..n, and nothing else may be in the table. */
static bool write_list(struct writer *w, int index, int n)
{
    lua_State *L = w->L;
    struct place *at = &w->path[w->depth - 1];
    lec_buf_addc(&w->out->json, '[');
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            lec_buf_addc(&w->out->json, ',');
        at->index = i;
        lua_rawgeti(L, index, i); // … element
        if (lua_isnil(L, -1))
            return fail_here(w, "is missing: the list has holes (lectern.null stands for null)");
        if (!write_value(w, lua_gettop(L)))
            return false;
        lua_pop(L, 1);
    }
    at->index = 0;
    int keys = 0;
    lua_pushnil(L); // … key
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (++keys > n) {
            bool named = lua_type(L, -1) != LUA_TNUMBER;
            return fail_here(w, named ? "is a list that has named entries too"
                                      : "the list has holes (lectern.null stands for null)");
        }
    }
    lec_buf_addc(&w->out->json, ']');
    return within_size(w);
}

static bool write_object(struct writer *w, int index)
{
    lua_State *L = w->L;
    struct place *at = &w->path[w->depth - 1];
    char separator = '{';
    lua_pushnil(L);              // … key
    while (lua_next(L, index)) { // … key value
        int key = lua_gettop(L) - 1;
        if (lua_type(L, key) != LUA_TSTRING)
            return fail_here(w, lua_type(L, key) == LUA_TNUMBER
                                    ? "has numbers for keys but is no list from 1 on (use tostring)"
                                    : "has a key that is neither text nor number");
        lec_buf_addc(&w->out->json, separator);
        separator = ',';
        at->key = lua_tolstring(L, key, &at->key_len);
        if (!write_text(w, key))
            return false;
        lec_buf_addc(&w->out->json, ':');
        if (!write_value(w, key + 1))
            return false;
        at->key = NULL;
        lua_pop(L, 1);
    }
    if (separator == '{')
        lec_buf_addc(&w->out->json, '{');
    lec_buf_addc(&w->out->json, '}');
    return true;
}

static bool write_table(struct writer *w, int index)
{
    lua_State *L = w->L;
    const void *table = lua_topointer(L, index);
    if (w->depth == w->limits->max_depth) {
        for (unsigned i = 0; i < w->depth; i++)
            if (w->path[i].table == table)
                return fail(w, i, "contains itself");
        return fail_here(w, "is nested too deep");
    }
    w->path[w->depth++] = (struct place){ .table = table };
    bool marked = false;
    if (lua_getmetatable(L, index)) {
        marked = lua_topointer(L, -1) == w->vm->array_mt_at;
        lua_pop(L, 1);
    }
    size_t n = lua_objlen(L, index);
    bool ok;
    if (n > w->limits->max_bytes)
        ok = fail_here(w, "the list is larger than a message may be");
    else
        ok = marked || n > 0 ? write_list(w, index, (int)n) : write_object(w, index);
    if (ok)
        w->depth--;
    return ok;
}

static bool write_value(struct writer *w, int index)
{
    lua_State *L = w->L;
    struct lec_buf *json = &w->out->json;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lec_buf_adds(json, "null");
        return true;
    case LUA_TBOOLEAN:
        lec_buf_adds(json, lua_toboolean(L, index) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        lec_json_put_number(json, lua_tonumber(L, index));
        return within_size(w);
    case LUA_TSTRING:
        return write_text(w, index);
    case LUA_TTABLE:
        return write_table(w, index);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) != NULL)
            break;
        lec_buf_adds(json, "null");
        return true;
    case LUA_TUSERDATA:
        if (lec_value_is_binary(L, index))
            return write_binary(w, index);
        return fail_here(w, "a socket or another handle cannot be sent");
    default:
        break;
    }
    char problem[64];
    snprintf(problem, sizeof problem, "a %s cannot be sent", luaL_typename(L, index));
    return fail_here(w, problem);
}

static void begin(struct writer *w, lua_State *L, struct lec_wire *out, const char *what,
                  const struct lec_value_limits *limits)
{
    /* each level holds a key, a value and passing things */
    luaL_checkstack(L, (int)limits->max_depth * 3 + 8, "nested too deep");
    lec_wire_clear(out);
    w->L = L;
    w->vm = lec_vm_of(L);
    w->out = out;
    w->limits = limits;
    w->what = what;
    w->number = 0;
    w->depth = 0;
}

bool lec_wire_array(struct lec_wire *out, lua_State *L, const struct lec_slice *event, int first,
                    int last, const char *what, const struct lec_value_limits *limits)
{
    struct writer w;
    int top = lua_gettop(L);
    begin(&w, L, out, what, limits);
    lec_buf_addc(&out->json, '[');
    if (event && lec_json_put_string(&out->json, event->p, event->n) != LEC_OK) {
        lec_buf_adds(&out->error, "the event's name is not UTF-8");
        return false;
    }
    for (int i = first; i <= last; i++) {
        w.number = i - first + 1;
        if (event || w.number > 1)
            lec_buf_addc(&out->json, ',');
        if (!write_value(&w, i)) {
            lua_settop(L, top);
            return false;
        }
    }
    lec_buf_addc(&out->json, ']');
    return true;
}

bool lec_wire_value(struct lec_wire *out, lua_State *L, int index,
                    const struct lec_value_limits *limits)
{
    struct writer w;
    int top = lua_gettop(L);
    begin(&w, L, out, "value", limits);
    bool ok = write_value(&w, index);
    lua_settop(L, top);
    return ok;
}
