/* What the bindings that take JSON text share. */
#ifndef REFERRALS_LUA_JSON_H
#define REFERRALS_LUA_JSON_H

#include "json.h"
#include "lua_core.h"

#pragma GCC visibility push(hidden)

/* The JSON value in the string argument at `index`, good while that string is on the stack; raises when it is
 * none. */
json_slice rf_check_json(lua_State *L, int index, bool marks);

/* Pushes what a JSON string reads as; `room` is overwritten when there are escapes in it. */
int rf_push_string(lua_State *L, json_slice string, buffer *room);

/* core.json.write, in lua_writer.c. rf_open_writer() adds the kinds of values with a meaning, array, add and
 * remove, to the table on top. */
int rf_json_write(lua_State *L);
void rf_open_writer(lua_State *L);

/* core.json.tidy, in lua_tidy.c. */
int rf_tidy(lua_State *L);

#pragma GCC visibility pop

#endif
