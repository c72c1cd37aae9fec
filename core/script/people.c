#include "script/people.h"

#include <stdlib.h>

#include "socketio/dynamic.h"
#include "socketio/namespace.h"

struct person {
    struct lec_list handles; /* of struct lec_handle, by its link `person`, oldest first */
    char id[];
};

void lec_people_add(struct lec_script *s, struct lec_handle *h)
{
    struct lec_slice id = lec_slice_str(h->peer->id);
    struct person *p = lec_map_get(&s->people, id);
    if (!p) {
        p = lec_alloc(sizeof *p + id.n + 1);
        memcpy(p->id, id.p, id.n + 1);
        lec_list_init(&p->handles);
        lec_map_put(&s->people, (struct lec_slice){ p->id, id.n }, p);
    }
    lec_list_append(&p->handles, &h->person);
}

void lec_people_remove(struct lec_script *s, struct lec_handle *h)
{
    struct lec_slice id = lec_slice_str(h->peer->id);
    struct person *p = lec_map_get(&s->people, id);
    lec_list_remove(&h->person);
    if (!lec_list_empty(&p->handles))
        return;
    lec_map_remove(&s->people, id);
    free(p);
}

static bool is_in(const struct lec_handle *h, struct lec_slice nsp)
{
    return sio_socket_connected(h->socket) &&
           lec_slice_eq(sio_namespace_name(sio_socket_namespace(h->socket)), nsp);
}

static void push_array(lua_State *L)
{
    lua_newtable(L);
    lec_value_push_array_mt(L);
    lua_setmetatable(L, -2);
}

/* sockets_of(ns, id) -> list, the newest last */
static int l_sockets_of(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp, id;
    nsp.p = luaL_checklstring(L, 1, &nsp.n);
    id.p = luaL_checklstring(L, 2, &id.n);
    lec_script_need_server(L, "sockets_of");
    const struct person *p = lec_map_get(&s->people, id);
    push_array(L);
    int n = 0;
    for (struct lec_list *node = p ? p->handles.next : NULL; p && node != &p->handles;
         node = node->next) {
        struct lec_handle *h = LEC_CONTAINER(node, struct lec_handle, person);
        if (!is_in(h, nsp))
            continue;
        lec_handle_push(L, h);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* users(ns) -> list of ids, in no order */
static int l_users(lua_State *L)
{
    struct lec_script *s = lec_script_of(L);
    struct lec_slice nsp;
    const struct person *p;
    nsp.p = luaL_checklstring(L, 1, &nsp.n);
    lec_script_need_server(L, "users");
    push_array(L);
    int n = 0;
    for (size_t pos = 0; (p = lec_map_next(&s->people, &pos)) != NULL;)
        for (struct lec_list *node = p->handles.next; node != &p->handles; node = node->next)
            if (is_in(LEC_CONTAINER(node, struct lec_handle, person), nsp)) {
                lua_pushstring(L, p->id);
                lua_rawseti(L, -2, ++n);
                break;
            }
    return 1;
}

void lec_lib_people(lua_State *L)
{
    lua_pushcfunction(L, l_sockets_of);
    lua_setfield(L, -2, "sockets_of");
    lua_pushcfunction(L, l_users);
    lua_setfield(L, -2, "users");
}
