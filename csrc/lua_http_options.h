/* The option tables of core.http. Wrong types and unknown fields raise, naming the field. */
#ifndef REFERRALS_LUA_HTTP_OPTIONS_H
#define REFERRALS_LUA_HTTP_OPTIONS_H

#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

enum {
  RF_MAX_HEADER = 64 << 10, /* bytes of an answer's headers, unless the request says otherwise */
  RF_LONGEST_URL = 64 << 10 /* bytes that are composed; what may be asked is judged later */
};

/* The table at index 1. The texts stay valid while it holds them. */
void rf_read_session_options(lua_State *L, http_session_options *options);

/* Where a request's header lines go. */
typedef void (*rf_header_sink)(void *target, const char *line, size_t length);

/* The table at index 2, its defaults filled in; its headers go to the sink. The same. */
void rf_read_request(lua_State *L, http_request *request, rf_header_sink sink, void *target);

/* The method of that name, of the table at `table`; raises when there is no such one. */
http_method rf_method(lua_State *L, int table, const char *name);

/* Pushes its name. */
void rf_push_outcome(lua_State *L, http_outcome outcome);

/* Pushes a result's six values: outcome, sent, status, headers, body, message. */
int rf_push_result(lua_State *L, const http_result *result);

#pragma GCC visibility pop

#endif
