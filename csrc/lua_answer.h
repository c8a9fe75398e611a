/* An answer for Lua, whoever holds it: the methods that exchanges and tickets have in common. */
#ifndef REFERRALS_LUA_ANSWER_H
#define REFERRALS_LUA_ANSWER_H

#include "document.h"
#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The methods; `result` is NULL while there is none, and then each of them gives nothing. */
int rf_answer_head(lua_State *L, const http_result *result);
int rf_answer_header(lua_State *L, const http_result *result);
int rf_answer_body(lua_State *L, const http_result *result);
int rf_answer_referral(lua_State *L, const http_result *result);

/* Pushes the document's eTag and its If-Match value; false, and nothing pushed, when it has no usable one. */
bool rf_push_tags(lua_State *L, const document *d);

/* Pushes the value of the last header of that name, or nil. */
void rf_push_header(lua_State *L, const http_result *result, const char *name);

#pragma GCC visibility pop

#endif
