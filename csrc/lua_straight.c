/*
 * The straight way of an update: a plain change goes from a Lua table to the wire and its answer to what Lua
 * wants of it, without anything in between becoming a Lua value. session:update() waits in the middle of it;
 * begin() and advance() leave the waiting to somebody else. Whatever turns out otherwise is handed over as it
 * is at that point.
 */
#include "coverage.h"
#include "lua_anchor.h"
#include "lua_answer.h"
#include "lua_http.h"
#include "lua_json.h"
#include "lua_plan.h"
#include "lua_template.h"
#include "lua_way.h"

#include <string.h>

/* Where the arguments stand on the stack. */
enum {
  SESSION = 1,
  TEMPLATE,
  TOKEN,
  TIMEOUT, /* seconds */
  ID,
  CHANGE,  /* a table */
  CURRENT, /* the document that it is for, and its If-Match value; nil: they are read first */
  IF_MATCH,
  PROTOTYPE,
  VALUES,
  PATHS,
  OPTIONS, /* what differs from function to function */
  WAY_AT,
  EXCHANGE
};

/* The way and what the arguments of this call are. */
typedef struct straight {
  lua_State *L;
  way *way;
  http_session *session;
  http_exchange *exchange;
  const document *current;
  bool stays; /* nothing may be sent after the request that is done */
} straight;

static const plan *plan_of(const way *w) {
  return (const plan *)(const void *)w->plan.data;
}

static void start(straight *s, const rf_request_parts *parts, http_request *request) {
  const rf_request_sink sink = {.target = s->exchange, .add = rf_value_to_exchange};
  rf_compose(s->L, TEMPLATE, parts, request, &sink, s->way->id);
  request->timeout = s->way->deadline - http_now();
  http_session_start(s->session, s->exchange, request);
}

static bool is_good(const http_result *result) {
  return result != NULL && result->outcome == HTTP_DONE && result->status >= 200 && result->status < 300 &&
         result->status != 204;
}

static bool is_about(const document *d, json_slice id) {
  const json_member *member = document_find(d, "id", 2);
  return member != NULL && *member->value.at == '"' && json_string_is(member->value, id.at, id.length);
}

/* Pushes document, eTag and If-Match value of an answer that is a referral with that id and an entity tag of
 * its own; NULL, and nothing pushed, for any other. */
static const document *push_answer(straight *s, const http_result *result) {
  lua_State *L = s->L;
  int top = lua_gettop(L);
  if (is_good(result)) {
    json_slice text = {result->body_length > 0 ? result->body : "", result->body_length};
    int pushed = rf_push_written(L, text, plan_of(s->way), s->current);
    const document *d = pushed == 1 ? rf_check_document(L, top + 1) : NULL;
    if (d != NULL && is_about(d, rf_check_text(L, ID)) && rf_push_tags(L, d)) {
      return d;
    }
  }
  lua_settop(L, top);
  return NULL;
}

/* What is not gone of the document that was read stands in the answer with the same bytes. */
static bool is_confirmed(const straight *s, const document *answer) {
  const plan *p = plan_of(s->way);
  json_members *pool = &rf_room_of(s->L)->members;
  const document_reading *reading = &rf_room_of(s->L)->reading;
  document sent = *s->current;
  sent.members = reading->gone.items;
  sent.count = reading->gone.count;
  pool->count = 0;
  if (coverage_hides(answer, &reading->fresh, pool)) {
    return false;
  }
  if (s->current->plain_names && answer->plain_names &&
      plan_is_repeated(p, s->current, answer, reading, pool)) {
    return true;
  }
  return plan_is_shown(p, answer, pool) && coverage_holds(answer, &sent, pool);
}

/* Pushes where it stopped, by when all of it has to be over, the exchange and its client-request-id. */
static int hand_over(straight *s, const char *at) {
  lua_State *L = s->L;
  lua_pushstring(L, at);
  lua_pushnumber(L, (lua_Number)s->way->deadline);
  lua_pushvalue(L, EXCHANGE);
  lua_pushlstring(L, s->way->id, UUID_TEXT_SIZE - 1);
  return 4;
}

/* Pushes what was read first as Lua has it: document, eTag and If-Match value. */
static int push_held(straight *s) {
  rf_push_document_copy(s->L, s->current);
  return rf_push_tags(s->L, s->current) ? 3 : 1;
}

static bool make_plan(straight *s) {
  lua_State *L = s->L;
  return rf_make_plan(L, s->current, CHANGE, rf_check_document(L, PROTOTYPE), VALUES, &s->way->plan) != NULL;
}

/* ---- reading ---- */

static void start_read(straight *s) {
  http_request request = {.body = NULL};
  const rf_request_parts parts = {
      .method = HTTP_GET, .path = {"/referrals/", 11}, .id = rf_check_text(s->L, ID)};
  start(s, &parts, &request);
}

static void swap(buffer *a, buffer *b) {
  buffer before = *a;
  *a = *b;
  *b = before;
}

/* Takes the answer's text over and reads it; when it is no referral with that id and an entity tag the text
 * goes back. */
static bool hold(straight *s, const http_result *result) {
  way *w = s->way;
  json_fault fault = {0, NULL};
  if (!is_good(result) || result->body_length == 0) {
    return false;
  }
  buffer *body = http_exchange_answer(s->exchange);
  swap(body, &w->text);
  json_slice text = {w->text.data, w->text.length};
  if (document_read(&w->reading, text, (document_earlier){.known = NULL}, &w->held, &fault) &&
      is_about(&w->held, rf_check_text(s->L, ID))) {
    s->current = &w->held;
    if (rf_push_tags(s->L, s->current)) {
      lua_replace(s->L, IF_MATCH);
      return true;
    }
  }
  swap(body, &w->text);
  return false;
}

static int start_write(straight *s);

/* 0 when the write was started, else how many values are handed over. */
static int take_read(straight *s) {
  lua_State *L = s->L;
  const http_result *result = http_exchange_result(s->exchange);
  if (!hold(s, result)) {
    return hand_over(s, "read");
  }
  if (!s->stays && make_plan(s)) {
    return start_write(s);
  }
  int given = hand_over(s, "left");
  given += push_held(s);
  rf_push_header(L, result, "request-id");
  return given + 1;
}

/* ---- writing ---- */

static int start_write(straight *s) {
  lua_State *L = s->L;
  buffer *body = http_exchange_body(s->exchange);
  if (!plan_write(plan_of(s->way), s->current, body)) {
    return luaL_error(L, "not enough memory for a referral");
  }
  http_request request = {.body = body->data, .body_length = body->length};
  const rf_request_parts parts = {.method = HTTP_PUT,
                                  .path = {"/referrals/", 11},
                                  .id = rf_check_text(L, ID),
                                  .if_match = rf_check_text(L, IF_MATCH),
                                  .has_body = true};
  s->way->writes = true;
  start(s, &parts, &request);
  return 0;
}

/* Pushes what becomes of a confirmed write; the answer's document, eTag and If-Match value are on top. */
static int give(straight *s, const http_result *result, const document *answer) {
  lua_State *L = s->L;
  int first = lua_gettop(L) - 2;
  rf_push_header(L, result, "request-id");
  rf_push_plan_members(L, plan_of(s->way), PATHS);
  lua_pushinteger(L, (lua_Integer)answer->text.length);
  if (s->way->minimal) {
    rf_push_minimal(L, answer, ID, first + 1);
  } else {
    lua_pushnil(L);
  }
  rf_close_exchange(L, EXCHANGE);
  lua_pushliteral(L, "done");
  lua_insert(L, first);
  lua_pushlstring(L, s->way->id, UUID_TEXT_SIZE - 1);
  lua_insert(L, first + 1);
  return lua_gettop(L) - first + 1;
}

static int take_write(straight *s) {
  lua_State *L = s->L;
  unsigned long use = rf_use_room(L);
  const http_result *result = http_exchange_result(s->exchange);
  const document *answer = push_answer(s, result);
  bool ours = answer != NULL && s->current != NULL && rf_room_is_ours(L, use);
  if (ours && is_confirmed(s, answer)) {
    return give(s, result, answer);
  }
  int given = hand_over(s, "sent");
  json_slice change = plan_change(plan_of(s->way));
  lua_pushlstring(L, change.at, change.length);
  return given + 1 + (s->way->reads ? push_held(s) : 0);
}

/* ---- for Lua ---- */

static bool is_minimal(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "minimal") == 0;
}

/* Do the options that a caller gave say nothing but what is wanted back, if anything? */
static bool only_returns(lua_State *L, bool *minimal) {
  *minimal = false;
  if (!lua_istable(L, OPTIONS) || rf_has_metatable(L, OPTIONS)) {
    return lua_isnil(L, OPTIONS);
  }
  int count = 0;
  bool known = true;
  for (lua_pushnil(L); known && lua_next(L, OPTIONS) != 0; lua_pop(L, 1)) {
    bool strings = lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING;
    *minimal = strings && is_minimal(L, -1);
    known = strings && strcmp(lua_tostring(L, -2), "returns") == 0 && ++count == 1 &&
            (*minimal || strcmp(lua_tostring(L, -1), "representation") == 0);
  }
  lua_settop(L, EXCHANGE);
  return known;
}

static straight arguments(lua_State *L) {
  lua_settop(L, EXCHANGE);
  return (straight){
      .L = L, .session = rf_check_session(L, SESSION), .way = rf_check_type(L, WAY_AT, RF_WAY_TYPE, RF_WAY)};
}

static bool has_member(lua_State *L, int table, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  bool has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

/* Does the change name neither a referral nor a version by itself? With a copy its plan tells; without one
 * that would be told after a read that nobody wants. */
static bool is_for_any(lua_State *L) {
  return !rf_has_metatable(L, CHANGE) && !has_member(L, CHANGE, "id") && !has_member(L, CHANGE, "eTag");
}

/* Sends the first request; false when it cannot go like this, and then nothing was sent. */
static bool begin(straight *s, bool minimal, bool registered) {
  lua_State *L = s->L;
  way *w = s->way;
  bool reads = lua_isnil(L, CURRENT); /* the id of what was read before is one */
  if (w->busy || !lua_istable(L, CHANGE) || (reads && !(rf_is_id(L, ID) && is_for_any(L))) ||
      !http_session_is_ours(s->session)) {
    return false;
  }
  w->minimal = minimal;
  s->current = reads ? NULL : rf_check_document(L, CURRENT);
  w->busy = true;
  if (!reads && !make_plan(s)) {
    w->busy = false;
    return false;
  }
  w->deadline = http_now() + (double)luaL_checknumber(L, TIMEOUT);
  s->exchange = rf_push_exchange(L, s->session, EXCHANGE);
  if (registered) {
    rf_register_exchange(L);
  }
  lua_replace(L, EXCHANGE);
  w->reads = reads;
  w->writes = false;
  if (reads) {
    start_read(s);
  } else {
    start_write(s);
  }
  return true;
}

/* What the request that is done leads to: 0 when it is another one. */
static int go_on(straight *s) {
  int given = s->way->writes ? take_write(s) : take_read(s);
  s->way->busy = given == 0;
  if (given > 0) {
    rf_way_let_go(s->way);
  }
  return given;
}

/*
 * session:update(template, token, timeout, id, change, current, If-Match value, prototype, values, paths,
 * options, way, spare exchange)
 *
 * -> nil: nothing was sent. The change is not plain on `current` or no table, the id is none, or the options
 *    say more than what is wanted back.
 *
 * -> "done", client-request-id, document, eTag, If-Match value, request-id, members, bytes of the text,
 *    minimal or nil. The exchange is closed.
 *
 * -> how far it came, its deadline by now(), the exchange, its client-request-id; and then, by how far:
 *    "read": nothing. Somebody else judges the answer to the read.
 *    "left": document, eTag, If-Match value, request-id. It was read, and the change is not plain, or is not
 *            to be sent now.
 *    "sent": the change as core.json.write() has it; after a read document, eTag and If-Match value of what
 *            was read. Somebody else judges the answer to the write.
 */
int rf_session_update(lua_State *L) {
  straight s = arguments(L);
  bool minimal = false;
  if (!only_returns(L, &minimal) || !begin(&s, minimal, false)) {
    return 0;
  }
  int given = 0;
  while (given == 0) {
    rf_finish(s.session, s.exchange);
    given = go_on(&s);
  }
  return given;
}

/* session:begin(as update() has it, with what is wanted back for the options, which somebody else checked)
 *   -> the exchange that is to be waited for | nil as there */
int rf_session_begin(lua_State *L) {
  straight s = arguments(L);
  if (!begin(&s, is_minimal(L, OPTIONS), true)) {
    return 0;
  }
  lua_pushvalue(L, EXCHANGE);
  return 1;
}

/* session:advance(as begin(), with its exchange for the spare one, and for the options whether nothing more
 * may be sent now) -> as update(), or "wait": for the exchange, which is not done, or is under way again */
int rf_session_advance(lua_State *L) {
  straight s = arguments(L);
  s.exchange = rf_check_exchange(L, EXCHANGE);
  s.current = s.way->reads ? &s.way->held : rf_check_document(L, CURRENT);
  s.stays = lua_toboolean(L, OPTIONS);
  int given = http_exchange_result(s.exchange) != NULL ? go_on(&s) : 0;
  if (given == 0) {
    lua_pushliteral(L, "wait");
    return 1;
  }
  return given;
}
