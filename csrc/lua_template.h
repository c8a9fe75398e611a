/* What is the same for all requests of one client, prepared once. */
#ifndef REFERRALS_LUA_TEMPLATE_H
#define REFERRALS_LUA_TEMPLATE_H

#include "buffer.h"
#include "client_pause.h"
#include "http.h"
#include "json.h"
#include "lua_compat.h"
#include "uuid.h"

#pragma GCC visibility push(hidden)

/* Where a request goes, piece by piece. */
typedef struct rf_request_sink {
  void *target;
  /* A header line: a text of ours and a value behind it. */
  void (*add)(void *target, const char *start, const char *value, size_t length);
  buffer *body; /* for the body, where it is not a string of Lua's */
} rf_request_sink;

/* What makes one request. A slice whose `at` is NULL is not there. */
typedef struct rf_request_parts {
  http_method method;
  json_slice path; /* below the endpoint */
  json_slice id;   /* behind the path */
  json_slice if_match, prefer;
  bool has_body;
} rf_request_parts;

/* `id` gets the client-request-id for a request from the template at `index`; the second pushes it too, and
 * may so ask Lua for memory. */
void rf_draw_id(lua_State *L, int index, char id[UUID_TEXT_SIZE]);
void rf_push_id(lua_State *L, int index, char id[UUID_TEXT_SIZE]);

/* Completes a request, whose body is set already, from the arguments (template, token, timeout) that begin at
 * `index`. The URL stays valid until Lua is asked for memory, as below. `id`: the client-request-id. */
void rf_compose(lua_State *L, int index, const rf_request_parts *parts, http_request *request,
                const rf_request_sink *sink, const char id[UUID_TEXT_SIZE]);

/*
 * Reads the arguments (request, template, token, timeout) that begin at `index`: `request` {method, path,
 * body, if_match, prefer; known}, of which other fields are passed over: the body is a string, or a plan for
 * the document `known`. The texts stay valid until Lua is asked for memory, since a finaliser may use the
 * template or what the sink's body is. `id`: the client-request-id. Raises for wrong types.
 */
void rf_read_templated(lua_State *L, int index, http_request *request, const rf_request_sink *sink,
                       const char id[UUID_TEXT_SIZE]);

/* The pause of the template at `index`; good as long as that, or held. */
client_pause *rf_pause_of(lua_State *L, int index);

/* Adds `template` to the table of core.http's functions on top. */
void rf_open_template(lua_State *L);

#pragma GCC visibility pop

#endif
