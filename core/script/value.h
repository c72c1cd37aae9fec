/* Lua values and the JSON of the wire, straight between the two.
 *
 *   []  <->  table marked by the array metatable     {}  <->  table
 *   null  <->  lectern.null (light userdata NULL, cjson's too); nil is sent as null
 *   {"_placeholder":true,"num":n}  <->  lectern.binary, its bytes in attachment n
 *
 * An unmarked table is an array if it is a sequence that is not empty. What JSON cannot say is an
 * error that names the place: functions, cycles, lists with holes, text that is no UTF-8.
 *
 * Encoding writes into a struct lec_wire that belongs to the host, so a raise from inside loses
 * nothing. Both directions need protection, as both may need memory of the script's. */
#ifndef LEC_SCRIPT_VALUE_H
#define LEC_SCRIPT_VALUE_H

#include <lua.h>

#include "base/json.h"
#include "socketio/packet.h"

struct lec_value_limits {
    unsigned max_depth;       /* at most LEC_JSON_MAX_DEPTH */
    unsigned max_attachments; /* 0: text only */
    size_t max_bytes;         /* of the text and the attachments together */
};

/* What was encoded. All zero is empty. */
struct lec_wire {
    struct lec_buf json, error;
    struct lec_msg **attachments; /* holds a reference each */
    unsigned n_attachments, cap;
    size_t attached_bytes;
};

void lec_wire_clear(struct lec_wire *w); /* keeps some memory for the next */
void lec_wire_fini(struct lec_wire *w);
struct sio_payload lec_wire_payload(const struct lec_wire *w); /* borrowed */

/* Encodes the values first..last of the stack (none if last < first) as the array [event, values…],
 * or [values…] if event is NULL. False with a sentence in w->error, which calls the values `what`
 * and their number. */
bool lec_wire_array(struct lec_wire *w, lua_State *L, const struct lec_slice *event, int first,
                    int last, const char *what, const struct lec_value_limits *limits);
/* Encodes one value alone. */
bool lec_wire_value(struct lec_wire *w, lua_State *L, int index,
                    const struct lec_value_limits *limits);

/* Makes the metatables; once a state. */
void lec_value_open(lua_State *L);
void lec_value_push_array_mt(lua_State *L);
void lec_value_push_binary(lua_State *L, const void *bytes, size_t n);
bool lec_value_is_binary(lua_State *L, int index); /* of a userdata */
static inline void lec_value_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

/* Decodes. lec_reader_init pushes values that must stay where they are while it is used (1, and one
 * an attachment); scratch is borrowed. */
struct lec_reader {
    lua_State *L;
    struct lec_buf *scratch;
    int marks; /* stack index of the array metatable; the binaries follow it */
    unsigned n_binaries;
};

void lec_reader_init(struct lec_reader *r, lua_State *L, struct lec_buf *scratch,
                     struct lec_msg *const *attachments, unsigned n);
/* Pushes the value of a whole text. LEC_OK, or LEC_EPROTO, LEC_ETOOBIG with nothing pushed. */
int lec_reader_value(struct lec_reader *r, struct lec_slice json, unsigned max_depth) LEC_CHECK;
/* Pushes the elements of an array text but the first `skip`; how many. LEC_ETOOBIG above max. */
int lec_reader_elements(struct lec_reader *r, struct lec_slice json, int skip, int max) LEC_CHECK;

#endif
