/* An answer for Lua, whoever holds it: the methods that exchanges and tickets have in common. */
#ifndef REFERRALS_LUA_ANSWER_H
#define REFERRALS_LUA_ANSWER_H

#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The methods; `result` is NULL while there is none, and then each of them gives nothing. */
int rf_answer_head(lua_State *L, const http_result *result);
int rf_answer_header(lua_State *L, const http_result *result);
int rf_answer_body(lua_State *L, const http_result *result);
int rf_answer_referral(lua_State *L, const http_result *result);

#pragma GCC visibility pop

#endif
