/* What is the same for all requests of one client, prepared once. */
#ifndef REFERRALS_LUA_TEMPLATE_H
#define REFERRALS_LUA_TEMPLATE_H

#include "http.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* Where the header lines of a request go: each a text of ours and a value behind it. */
typedef void (*rf_value_sink)(void *target, const char *start, const char *value, size_t length);

/*
 * Reads the arguments (request, template, token, timeout) that begin at `index`: `request` {method, path, body,
 * if_match, prefer; known}, of which other fields are passed over: the body is a string, or a plan for the document
 * `known`. The texts stay valid until the next use of the template and of documents, and while the arguments are on
 * the stack. Pushes the client-request-id that goes with it. Raises for wrong types.
 */
void rf_read_templated(lua_State *L, int index, http_request *request, rf_value_sink sink, void *target);

/* Adds `template` to the table of core.http's functions on top. */
void rf_open_template(lua_State *L);

#pragma GCC visibility pop

#endif
