/* Working memory of a binding: one block per Lua state, held by its registry, so that nothing raised can lose
 * it. */
#ifndef REFERRALS_LUA_ANCHOR_H
#define REFERRALS_LUA_ANCHOR_H

#include "lua_compat.h"

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* A block of zeros under `key`; `gc` gets it as its argument when the state ends. Raises when memory is
 * short. */
void *rf_anchor(lua_State *L, const char *key, size_t size, lua_CFunction gc);

/* The block under `key`. */
void *rf_anchored(lua_State *L, const char *key);

/* luaL_checkudata() for a function that has the type's metatable as that upvalue: without the registry. */
void *rf_check_type(lua_State *L, int index, int upvalue, const char *type);

/* Makes a type whose values have a finaliser and nothing else. */
void rf_make_type(lua_State *L, const char *type, lua_CFunction gc);

/* A table that has one may mean more than what stands in it. */
bool rf_has_metatable(lua_State *L, int index);

#pragma GCC visibility pop

#endif
