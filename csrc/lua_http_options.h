/* The option tables of core.http. Wrong types and unknown fields raise, naming the field. */
#ifndef REFERRALS_LUA_HTTP_OPTIONS_H
#define REFERRALS_LUA_HTTP_OPTIONS_H

#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The table at index 1. The texts stay valid while it holds them. */
void rf_read_session_options(lua_State *L, http_session_options *options);

/* The table at index 2, its defaults filled in; its headers are added to `exchange`. The same. */
void rf_read_request(lua_State *L, http_request *request, http_exchange *exchange);

#pragma GCC visibility pop

#endif
