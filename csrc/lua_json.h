/* What the bindings that take JSON text share. */
#ifndef REFERRALS_LUA_JSON_H
#define REFERRALS_LUA_JSON_H

#include "json.h"
#include "lua_core.h"

#pragma GCC visibility push(hidden)

/* The string argument at `index`, good while it is on the stack; raises when it is none. */
json_slice rf_check_text(lua_State *L, int index);

/* The JSON value in the string argument at `index`, good while that string is on the stack; raises when it is
 * none. */
json_slice rf_check_json(lua_State *L, int index, bool marks);

/* Pushes what a JSON string reads as; `room` is overwritten when there are escapes in it. */
int rf_push_string(lua_State *L, json_slice string, buffer *room);

/* Pushes a value that json_is_scalar(). */
void rf_push_scalar(lua_State *L, json_slice value, buffer *room);

/* The value at `index` as change text, good until the next use of the writer. False when it is none. */
bool rf_write_value(lua_State *L, int index, json_slice *text);

/* core.json.write, in lua_writer.c. rf_open_writer() adds the kinds of values with a meaning, array, add and
 * remove, to the table on top. */
int rf_json_write(lua_State *L);
void rf_open_writer(lua_State *L);

/*
 * Pushes a value as Lua has it, and a table of the tables in lists: which one each is, in the order of the
 * text; see element_pointers(). Nulls in objects are left out unless they are kept, and half a surrogate pair
 * reads as U+FFFD. The text is one that json_judge() accepted, white space around it included, and is held by
 * something on the stack; `room` is overwritten. Raises when memory is short.
 */
void rf_decode(lua_State *L, json_slice value, bool keep_nulls, buffer *room);

#pragma GCC visibility pop

#endif
