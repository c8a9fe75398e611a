/* The bindings: each leaves one table of functions on the stack and makes the metatables it needs. */
#ifndef REFERRALS_LUA_CORE_H
#define REFERRALS_LUA_CORE_H

#include "lua_compat.h"

#include <stdbool.h>

#define RF_EXPORT __attribute__((visibility("default")))

#pragma GCC visibility push(hidden)

/* Each pushes one table and gives 1; it raises without memory. */
int rf_open_etag(lua_State *L);
int rf_open_transition(lua_State *L);
int rf_open_json(lua_State *L);
int rf_open_document(lua_State *L);
int rf_open_http(lua_State *L);
int rf_open_reactor(lua_State *L);
int rf_open_backoff(lua_State *L);
int rf_open_secret_file(lua_State *L);

/* A function of the module itself. */
int rf_is_yieldable(lua_State *L);

#pragma GCC visibility pop

#endif
