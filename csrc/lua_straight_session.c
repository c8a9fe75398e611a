/* The straight way over a session: update() waits in the middle of it; begin_update() and end_update() leave
 * the waiting to somebody else. */
#include "buffer.h"
#include "lua_anchor.h"
#include "lua_http.h"
#include "lua_straight.h"

#include <string.h>

static bool open(straight *s) {
  if (!http_session_is_ours(s->session)) {
    return false;
  }
  s->exchange = rf_push_exchange(s->L, RF_CARRIER, RF_EXCHANGE_AT);
  lua_replace(s->L, RF_EXCHANGE_AT);
  return true;
}

static bool open_for_many(straight *s) {
  if (!open(s)) {
    return false;
  }
  lua_pushvalue(s->L, RF_EXCHANGE_AT);
  rf_register_exchange(s->L);
  lua_pop(s->L, 1);
  return true;
}

static buffer *body(straight *s) {
  return http_exchange_body(s->exchange);
}

static void start(straight *s, const rf_request_parts *parts, http_request *request) {
  rf_draw_id(s->L, RF_TEMPLATE_AT, s->way->id);
  const rf_request_sink sink = {.target = s->exchange, .add = rf_value_to_exchange};
  rf_compose(s->L, RF_TEMPLATE_AT, parts, request, &sink, s->way->id);
  request->timeout = rf_time_for(s->way);
  if (s->way->reads) {
    http_exchange_set_sequel(s->exchange, &revision_sequel, s->way->revision);
    s->way->revision = NULL;
  }
  http_session_start(s->session, s->exchange, request);
}

static const http_result *result(const straight *s) {
  return http_exchange_result(s->exchange);
}

static void close_exchange(straight *s) {
  rf_close_exchange(s->L, RF_EXCHANGE_AT);
}

static int end(straight *s) {
  if (s->way->reads && s->way->revision == NULL) {
    s->way->revision = http_exchange_take_sequel(s->exchange);
  }
  return rf_straight_end(s);
}

static const straight_carrier alone = {open, body, start, result, close_exchange};
static const straight_carrier one_of_many = {open_for_many, body, start, result, close_exchange};

static straight arguments(lua_State *L, const straight_carrier *carrier) {
  straight s = rf_straight(L, carrier);
  s.session = rf_check_session(L, RF_CARRIER);
  return s;
}

/* Do the options that a caller gave say nothing but what is wanted back, if anything? */
static bool only_returns(lua_State *L, bool *minimal) {
  *minimal = false;
  if (!lua_istable(L, RF_OPTIONS) || rf_has_metatable(L, RF_OPTIONS)) {
    return lua_isnil(L, RF_OPTIONS);
  }
  int count = 0;
  bool known = true;
  for (lua_pushnil(L); known && lua_next(L, RF_OPTIONS) != 0; lua_pop(L, 1)) {
    bool strings = lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING;
    *minimal = strings && rf_is_minimal(L, -1);
    known = strings && strcmp(lua_tostring(L, -2), "returns") == 0 && ++count == 1 &&
            (*minimal || strcmp(lua_tostring(L, -1), "representation") == 0);
  }
  lua_settop(L, RF_EXCHANGE_AT);
  return known;
}

/*
 * session:update(template, token, timeout, id, change, current, If-Match value, rules, paths, options, way,
 * spare exchange)
 *
 * -> nil: nothing was sent. The change is not plain on `current` or no table, the id is none, or the options
 *    say more than what is wanted back.
 *
 * -> false: nor was it, because the way is taken: by a call that this one interrupts, or by one that raised.
 *
 * -> "done", client-request-id, document, eTag, If-Match value, request-id, members, bytes of the text,
 *    minimal or nil. The exchange is closed.
 *
 * -> how far it came, its deadline by now(), the exchange, its client-request-id, the change as
 *    core.json.write() had it when the update began, or nil where that is lost; and then, by how far:
 *    "read": nothing. Somebody else judges the answer to the read.
 *    "left": document, eTag, If-Match value, request-id. It was read, and the change is not plain, or is not
 *            to be sent now.
 *    "sent": after a read document, eTag and If-Match value of what was read. Somebody else judges the answer
 *            to the write.
 */
int rf_session_update(lua_State *L) {
  straight s = arguments(L, &alone);
  bool minimal = false;
  if (s.way->busy) {
    lua_pushboolean(L, 0);
    return 1;
  }
  if (!only_returns(L, &minimal) || !rf_straight_begin(&s, minimal)) {
    return 0;
  }
  rf_finish(s.session, s.exchange);
  return end(&s);
}

/* session:begin_update(as update() has it, with what is wanted back for the options, which somebody else
 * checked)
 *   -> the exchange that is to be waited for | nil as there */
int rf_session_begin_update(lua_State *L) {
  straight s = arguments(L, &one_of_many);
  if (!rf_straight_begin(&s, rf_is_minimal(L, RF_OPTIONS))) {
    return 0;
  }
  lua_pushvalue(L, RF_EXCHANGE_AT);
  return 1;
}

/* session:end_update(as begin_update(), with its exchange, which is done, for the spare one) -> as update()
 */
int rf_session_end_update(lua_State *L) {
  straight s = arguments(L, &one_of_many);
  s.exchange = rf_check_exchange(L, RF_EXCHANGE_AT);
  luaL_argcheck(L, http_exchange_result(s.exchange) != NULL, RF_EXCHANGE_AT, "the exchange is not done");
  s.current = s.way->reads ? NULL : rf_check_document(L, RF_CURRENT);
  return end(&s);
}
