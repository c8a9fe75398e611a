/* The option tables of core.http. Wrong types and unknown fields raise, naming the field. */
#ifndef REFERRALS_LUA_HTTP_OPTIONS_H
#define REFERRALS_LUA_HTTP_OPTIONS_H

#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The table at index 1. The texts stay valid while it holds them. */
void rf_read_session_options(lua_State *L, http_session_options *options);

/* Where a request's header lines go. */
typedef void (*rf_header_sink)(void *target, const char *line, size_t length);

/* The table at index 2, its defaults filled in; its headers go to the sink. The same. */
void rf_read_request(lua_State *L, http_request *request, rf_header_sink sink, void *target);

/* Pushes a result's six values: outcome, sent, status, headers, body, message. */
int rf_push_result(lua_State *L, const http_result *result);

#pragma GCC visibility pop

#endif
