/*
 * session:update: the straight way of an update in one crossing. A plain change goes from a Lua table to the wire and its
 * answer to what Lua wants of it; whatever turns out otherwise is handed over as it is at that point.
 */
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
  MINIMAL, /* is that table wanted? */
  SPARE,   /* a closed exchange */
  EXCHANGE
};

typedef struct straight {
  lua_State *L;
  http_session *session;
  http_exchange *exchange;
  double deadline;
} straight;

static json_slice text_at(lua_State *L, int index) {
  json_slice text = {NULL, 0};
  text.at = luaL_checklstring(L, index, &text.length);
  return text;
}

/* Sends a request and waits for its answer; pushes its client-request-id. */
static const http_result *exchanged(straight *s, const rf_request_parts *parts, http_request *request) {
  const rf_request_sink sink = {.target = s->exchange, .add = rf_value_to_exchange};
  rf_compose(s->L, TEMPLATE, parts, request, &sink);
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

/* Pushes document, eTag and If-Match value of an answer that is a referral with that id and an entity tag of its own;
 * false, and nothing pushed, for any other. */
static bool push_answer(straight *s, const http_result *result, int known) {
  lua_State *L = s->L;
  int top = lua_gettop(L);
  if (is_good(result)) {
    json_slice text = {result->body_length > 0 ? result->body : "", result->body_length};
    if (rf_push_document(L, text, known) == 1 && is_about(rf_check_document(L, top + 1), text_at(L, ID)) &&
        rf_push_tags(L, rf_check_document(L, top + 1))) {
      return true;
    }
  }
  lua_settop(L, top);
  return false;
}

/* Where it stopped, by when all of it has to be over, the exchange, and as many values from `first` on. */
static int hand_over(straight *s, const char *at, int first, int count) {
  lua_State *L = s->L;
  lua_pushstring(L, at);
  lua_pushnumber(L, (lua_Number)s->deadline);
  lua_pushvalue(L, EXCHANGE);
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
  }
  return 3 + count;
}

/* Reads the referral into CURRENT and IF_MATCH, the rest of what read() says on top: 0, or what it gives out. */
static int read_first(straight *s) {
  lua_State *L = s->L;
  http_request request = {.body = NULL};
  const rf_request_parts parts = {.method = HTTP_GET, .path = {"/referrals/", 11}, .id = text_at(L, ID)};
  const http_result *result = exchanged(s, &parts, &request);
  if (!push_answer(s, result, 0)) {
    return hand_over(s, "read", EXCHANGE + 1, 1);
  }
  rf_push_header(L, result, "request-id"); /* client-request-id, document, eTag, If-Match value, request-id */
  lua_pushvalue(L, EXCHANGE + 2);
  lua_replace(L, CURRENT);
  lua_pushvalue(L, EXCHANGE + 4);
  lua_replace(L, IF_MATCH);
  return 0;
}

/* The write; what is on top of the exchange stays below. */
static int write(straight *s, int plan) {
  lua_State *L = s->L;
  buffer *body = http_exchange_body(s->exchange);
  rf_plan_body(L, plan, CURRENT, body);
  http_request request = {.body = body->data, .body_length = body->length};
  const rf_request_parts parts = {.method = HTTP_PUT,
                                  .path = {"/referrals/", 11},
                                  .id = text_at(L, ID),
                                  .if_match = text_at(L, IF_MATCH),
                                  .has_body = true};
  int top = lua_gettop(L);
  const http_result *result = exchanged(s, &parts, &request);
  bool confirmed = push_answer(s, result, CURRENT) &&
                   rf_plan_is_confirmed(L, plan, rf_check_document(L, top + 2), rf_check_document(L, CURRENT));
  if (!confirmed) {
    lua_settop(L, top + 1);
    lua_pushvalue(L, plan);
    return hand_over(s, "sent", top + 1, 2);
  }
  rf_push_header(L, result, "request-id");
  rf_push_plan_members(L, plan, PATHS);
  lua_pushinteger(L, (lua_Integer)rf_check_document(L, top + 2)->text.length);
  if (lua_toboolean(L, MINIMAL)) {
    rf_push_minimal(L, rf_check_document(L, top + 2), ID, top + 3);
  } else {
    lua_pushnil(L);
  }
  rf_close_exchange(L, EXCHANGE);
  lua_pushliteral(L, "done");
  lua_insert(L, top + 1);
  return lua_gettop(L) - top;
}

/*
 * session:update(template, token, timeout, id, change, current, If-Match value, prototype, values, paths, minimal, spare)
 *   -> nil: the change is not plain on `current`, and nothing was sent
 *    | "done", client-request-id, document, eTag, If-Match value, request-id, members, bytes of the
 *      text, minimal or nil; the exchange is closed
 * or how far it came, its deadline by now(), the exchange and its client-request-id; and then
 *    "read": nothing: the answer to the read is for somebody else to judge
 *    "left": document, eTag, If-Match value, request-id: it was read, and the change is not plain
 *    "sent": the plan: the answer to the write is for somebody else to judge; after a read document, eTag and If-Match
 *      value of what was read
 */
int rf_session_update(lua_State *L) {
  lua_settop(L, SPARE);
  luaL_checktype(L, CHANGE, LUA_TTABLE);
  straight s = {.L = L, .session = rf_check_session(L, SESSION)};
  bool reads = lua_isnil(L, CURRENT);
  if (!http_session_is_ours(s.session)) {
    return 0;
  }
  if (!reads && !rf_push_plan(L, CURRENT, CHANGE, PROTOTYPE, VALUES)) {
    return 0;
  }
  s.deadline = http_now() + (double)luaL_checknumber(L, TIMEOUT);
  s.exchange = rf_push_exchange(L, s.session, SPARE);
  if (!reads) {
    lua_insert(L, EXCHANGE);
    return write(&s, EXCHANGE + 1);
  }
  int handed = read_first(&s);
  if (handed > 0) {
    return handed;
  }
  int plan = lua_gettop(L) + 1;
  if (!rf_push_plan(L, CURRENT, CHANGE, PROTOTYPE, VALUES)) {
    return hand_over(&s, "left", EXCHANGE + 1, 5);
  }
  int given = write(&s, plan);
  bool done = *lua_tostring(L, -given) == 'd';
  for (int i = 2; !done && i < 5; i++, given++) {
    lua_pushvalue(L, EXCHANGE + i);
  }
  return given;
}
