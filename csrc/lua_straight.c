/*
 * session:update: the straight way of an update in one crossing. A plain change goes from a Lua table to the
 * wire and its answer to what Lua wants of it; whatever turns out otherwise is handed over as it is at that
 * point.
 */
#include "coverage.h"
#include "lua_answer.h"
#include "lua_http.h"
#include "lua_json.h"
#include "lua_plan.h"
#include "lua_template.h"

#include <string.h>

/* Where things stand on the stack: the arguments, then what is made of them. */
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
  OPTIONS, /* the verb's */
  SPARE,   /* a closed exchange */
  EXCHANGE
};

typedef struct straight {
  lua_State *L;
  http_session *session;
  http_exchange *exchange;
  double deadline;
  const document *current; /* at CURRENT, or what was read and is held */
  const plan *plan;        /* in the room of documents */
  unsigned long use;       /* of that room */
  bool minimal;            /* is that table wanted? */
  char id[UUID_TEXT_SIZE]; /* the client-request-id of the last request */
} straight;

static json_slice text_at(lua_State *L, int index) {
  json_slice text = {NULL, 0};
  text.at = luaL_checklstring(L, index, &text.length);
  return text;
}

/* Sends a request and waits for its answer. */
static const http_result *exchanged(straight *s, const rf_request_parts *parts, http_request *request) {
  const rf_request_sink sink = {.target = s->exchange, .add = rf_value_to_exchange};
  rf_compose(s->L, TEMPLATE, parts, request, &sink, s->id);
  request->timeout = s->deadline - http_now();
  http_session_start(s->session, s->exchange, request);
  rf_finish(s->session, s->exchange);
  return http_exchange_result(s->exchange);
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
    const document *d = rf_push_document(L, text, s->current) == 1 ? rf_check_document(L, top + 1) : NULL;
    if (d != NULL && is_about(d, text_at(L, ID)) && rf_push_tags(L, d)) {
      return d;
    }
  }
  lua_settop(L, top);
  return NULL;
}

/* What is not gone of the document that was read stands in the answer with the same bytes. */
static bool is_confirmed(const straight *s, const document *answer) {
  json_members *pool = rf_document_members(s->L);
  json_member_list gone = rf_document_gone(s->L);
  document sent = *s->current;
  sent.members = gone.items;
  sent.count = gone.count;
  pool->count = 0;
  if (s->current->plain_names && answer->plain_names &&
      plan_is_repeated(s->plan, s->current, answer, gone, pool)) {
    return true;
  }
  return plan_is_shown(s->plan, answer, pool) && coverage_holds(answer, &sent, pool);
}

/* Pushes where it stopped, by when all of it has to be over, the exchange and its client-request-id. */
static int hand_over(straight *s, const char *at) {
  lua_State *L = s->L;
  lua_pushstring(L, at);
  lua_pushnumber(L, (lua_Number)s->deadline);
  lua_pushvalue(L, EXCHANGE);
  lua_pushlstring(L, s->id, UUID_TEXT_SIZE - 1);
  return 4;
}

static bool make_plan(straight *s) {
  lua_State *L = s->L;
  s->plan = rf_make_plan(L, s->current, CHANGE, rf_check_document(L, PROTOTYPE), VALUES, rf_document_plan(L));
  s->use = rf_use_room(L);
  return s->plan != NULL;
}

/* Nothing was written yet, so nothing is lost. */
static int interrupted(lua_State *L) {
  return luaL_error(L, "a finaliser called a verb in the middle of another one");
}

/* Reads the referral, which is held then, with its If-Match value in place; 0, or how many values are handed
 * over instead. */
static int read_first(straight *s) {
  lua_State *L = s->L;
  http_request request = {.body = NULL};
  const rf_request_parts parts = {.method = HTTP_GET, .path = {"/referrals/", 11}, .id = text_at(L, ID)};
  const http_result *result = exchanged(s, &parts, &request);
  bool good = is_good(result);
  buffer *text = http_exchange_answer(s->exchange);
  unsigned long use = rf_use_room(L);
  s->current = good ? rf_hold_document(L, text) : NULL;
  if (s->current == NULL || !is_about(s->current, text_at(L, ID)) || !rf_push_tags(L, s->current)) {
    if (good) {
      rf_give_back_document(L, text);
    }
    return hand_over(s, "read");
  }
  lua_replace(L, IF_MATCH); /* the eTag stays behind the exchange */
  if (!rf_room_is_ours(L, use)) {
    return interrupted(L);
  }
  if (make_plan(s)) {
    return 0;
  }
  int given = hand_over(s, "left");
  rf_push_document_copy(L, s->current);
  lua_pushvalue(L, EXCHANGE + 1);
  lua_pushvalue(L, IF_MATCH);
  rf_push_header(L, result, "request-id");
  return rf_room_is_ours(L, s->use) ? given + 4 : interrupted(L);
}

/* Pushes what becomes of a confirmed write; the answer's document, eTag and If-Match value are on top. */
static int give(straight *s, const http_result *result, const document *answer) {
  lua_State *L = s->L;
  int first = lua_gettop(L) - 2;
  rf_push_header(L, result, "request-id");
  rf_push_plan_members(L, s->plan, PATHS);
  lua_pushinteger(L, (lua_Integer)answer->text.length);
  if (s->minimal) {
    rf_push_minimal(L, answer, ID, first + 1);
  } else {
    lua_pushnil(L);
  }
  rf_close_exchange(L, EXCHANGE);
  lua_pushliteral(L, "done");
  lua_insert(L, first);
  lua_pushlstring(L, s->id, UUID_TEXT_SIZE - 1);
  lua_insert(L, first + 1);
  return lua_gettop(L) - first + 1;
}

/* Writes; `read`: whether what it is written from was read for it, and is held. */
static int write(straight *s, bool read) {
  lua_State *L = s->L;
  buffer *body = http_exchange_body(s->exchange);
  if (!rf_room_is_ours(L, s->use)) {
    return interrupted(L);
  }
  if (!plan_write(s->plan, s->current, body)) {
    return luaL_error(L, "not enough memory for a referral");
  }
  http_request request = {.body = body->data, .body_length = body->length};
  const rf_request_parts parts = {.method = HTTP_PUT,
                                  .path = {"/referrals/", 11},
                                  .id = text_at(L, ID),
                                  .if_match = text_at(L, IF_MATCH),
                                  .has_body = true};
  const http_result *result = exchanged(s, &parts, &request);
  const document *answer = push_answer(s, result);
  if (answer != NULL && rf_room_is_ours(L, s->use) && is_confirmed(s, answer)) {
    return give(s, result, answer);
  }
  int given = hand_over(s, "sent");
  bool ours = rf_room_is_ours(L, s->use);
  json_slice change = ours ? plan_change(s->plan) : (json_slice){"", 0};
  lua_pushlstring(L, change.at, change.length);
  if (read && ours) {
    rf_push_document_copy(L, s->current);
    lua_pushvalue(L, EXCHANGE + 1);
    lua_pushvalue(L, IF_MATCH);
    return given + 4;
  }
  return given + 1;
}

/* Do the options say nothing but what is wanted back, if anything? */
static bool only_returns(lua_State *L, bool *minimal) {
  *minimal = false;
  if (lua_isnil(L, OPTIONS)) {
    return true;
  }
  if (!lua_istable(L, OPTIONS)) {
    return false;
  }
  int count = 0;
  bool known = true;
  for (lua_pushnil(L); known && lua_next(L, OPTIONS) != 0; lua_pop(L, 1)) {
    bool strings = lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING;
    *minimal = strings && strcmp(lua_tostring(L, -1), "minimal") == 0;
    known = strings && strcmp(lua_tostring(L, -2), "returns") == 0 && ++count == 1 &&
            (*minimal || strcmp(lua_tostring(L, -1), "representation") == 0);
  }
  lua_settop(L, SPARE);
  return known;
}

/*
 * session:update(template, token, timeout, id, change, current, If-Match value, prototype, values, paths,
 * options, spare)
 *   -> nil: nothing was sent; the change is not plain on `current`, no table, the id is none, or the options
 * say more than what is wanted back | "done", client-request-id, document, eTag, If-Match value, request-id,
 * members, bytes of the text, minimal or nil; the exchange is closed or how far it came, its deadline by
 * now(), the exchange and its client-request-id; and then "read": nothing: the answer to the read is for
 * somebody else to judge "left": document, eTag, If-Match value, request-id: it was read, and the change is
 * not plain "sent": the change as core.json.write() has it, and after a read document, eTag and If-Match
 * value of what was read: the answer to the write is for somebody else to judge
 */
int rf_session_update(lua_State *L) {
  lua_settop(L, SPARE);
  bool reads = lua_isnil(L, CURRENT); /* the id of what was read before is one */
  if (!lua_istable(L, CHANGE) || (reads && !rf_is_id(L, ID))) {
    return 0;
  }
  straight s = {.L = L, .session = rf_check_session(L, SESSION)};
  if (!only_returns(L, &s.minimal)) {
    return 0;
  }
  s.current = reads ? NULL : rf_check_document(L, CURRENT);
  if (!http_session_is_ours(s.session) || (!reads && !make_plan(&s))) {
    return 0;
  }
  s.deadline = http_now() + (double)luaL_checknumber(L, TIMEOUT);
  s.exchange = rf_push_exchange(L, s.session, SPARE);
  int handed = reads ? read_first(&s) : 0;
  return handed > 0 ? handed : write(&s, reads);
}
