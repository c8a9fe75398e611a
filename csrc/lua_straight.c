#include "lua_straight.h"

#include "coverage.h"
#include "lua_anchor.h"
#include "lua_answer.h"
#include "lua_document.h"
#include "lua_http.h"
#include "lua_json.h"
#include "lua_plan.h"

#include <string.h>

static const plan *plan_of(const way *w) {
  return (const plan *)(const void *)w->revision->plan.data;
}

/* Pushes document, eTag and If-Match value of an answer that is a referral with that id and an entity tag of
 * its own; NULL, and nothing pushed, for any other. */
static const document *push_answer(straight *s, const http_result *result) {
  lua_State *L = s->L;
  int top = lua_gettop(L);
  if (revision_is_good(result)) {
    json_slice text = {result->body_length > 0 ? result->body : "", result->body_length};
    int pushed = rf_push_written(L, text, plan_of(s->way), s->current);
    const document *d = pushed == 1 ? rf_check_document(L, top + 1) : NULL;
    if (d != NULL && revision_is_about(d, rf_check_text(L, RF_ID)) && rf_push_tags(L, d)) {
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

/* The change as it was when the update began. */
static json_slice change_of(const way *w) {
  const revision *r = w->revision;
  return w->reads ? (json_slice){r->change.data, r->change.length} : plan_change(plan_of(w));
}

/* Pushes where it stopped, by when all of it has to be over, the exchange, its client-request-id and, where
 * it is known, the change. */
static int hand_over(straight *s, const char *at) {
  lua_State *L = s->L;
  lua_pushstring(L, at);
  lua_pushnumber(L, (lua_Number)s->way->deadline);
  lua_pushvalue(L, RF_EXCHANGE_AT);
  lua_pushlstring(L, s->way->id, UUID_TEXT_SIZE - 1);
  if (s->way->revision == NULL) {
    lua_pushnil(L);
  } else {
    json_slice change = change_of(s->way);
    lua_pushlstring(L, change.at, change.length);
  }
  return 5;
}

/* Pushes what was read first as Lua has it: document, eTag and If-Match value. */
static int push_held(straight *s) {
  rf_push_document_copy(s->L, s->current);
  return rf_push_tags(s->L, s->current) ? 3 : 1;
}

static bool make_plan(straight *s) {
  lua_State *L = s->L;
  return rf_make_plan(L, s->current, RF_CHANGE, rf_check_rules(L, RF_RULES_AT), &s->way->revision->plan) !=
         NULL;
}

/* ---- the requests ---- */

static rf_request_parts write_of(lua_State *L) {
  return (rf_request_parts){
      .method = HTTP_PUT, .path = {"/referrals/", 11}, .id = rf_check_text(L, RF_ID), .has_body = true};
}

static void prepare_write(straight *s) {
  lua_State *L = s->L;
  revision *r = s->way->revision;
  http_request request = {.body = NULL};
  const rf_request_parts parts = write_of(L);
  const rf_request_sink sink = {.target = r, .add = revision_add_line};
  rf_draw_id(L, RF_TEMPLATE_AT, r->request_id);
  rf_compose(L, RF_TEMPLATE_AT, &parts, &request, &sink, r->request_id);
  r->deadline = s->way->deadline;
  if (!revision_set_request(r, &request)) {
    luaL_error(L, "not enough memory for a request");
  }
}

/* The write that follows is prepared before. */
static void start_read(straight *s) {
  http_request request = {.body = NULL};
  const rf_request_parts parts = {
      .method = HTTP_GET, .path = {"/referrals/", 11}, .id = rf_check_text(s->L, RF_ID)};
  prepare_write(s);
  s->carrier->start(s, &parts, &request);
}

static void start_write(straight *s) {
  lua_State *L = s->L;
  buffer *body = s->carrier->body(s);
  if (!plan_write(plan_of(s->way), s->current, body)) {
    luaL_error(L, "not enough memory for a referral");
  }
  http_request request = {.body = body->data, .body_length = body->length};
  rf_request_parts parts = write_of(L);
  parts.if_match = rf_check_text(L, RF_IF_MATCH);
  s->carrier->start(s, &parts, &request);
}

/* ---- their answers ---- */

static int leave(straight *s) {
  const http_result *result = s->carrier->result(s);
  int given = hand_over(s, "left");
  given += push_held(s);
  if (result == NULL) { /* recalled as it came */
    return given;
  }
  rf_push_header(s->L, result, "request-id");
  return given + 1;
}

/* Pushes what becomes of a confirmed write; the answer's document, eTag and If-Match value are on top. */
static int give(straight *s, const http_result *result, const document *answer) {
  lua_State *L = s->L;
  int first = lua_gettop(L) - 2;
  rf_push_header(L, result, "request-id");
  rf_push_plan_members(L, plan_of(s->way), RF_PATHS);
  lua_pushinteger(L, (lua_Integer)answer->text.length);
  if (s->way->minimal) {
    rf_push_minimal(L, answer, RF_ID, first + 1);
  } else {
    lua_pushnil(L);
  }
  s->carrier->close(s);
  lua_pushliteral(L, "done");
  lua_insert(L, first);
  lua_pushlstring(L, s->way->id, UUID_TEXT_SIZE - 1);
  lua_insert(L, first + 1);
  return lua_gettop(L) - first + 1;
}

static int take_write(straight *s) {
  lua_State *L = s->L;
  unsigned long use = rf_use_room(L);
  const http_result *result = s->carrier->result(s);
  const document *answer = push_answer(s, result);
  bool ours = answer != NULL && s->current != NULL && rf_room_is_ours(L, use);
  if (ours && is_confirmed(s, answer)) {
    return give(s, result, answer);
  }
  int given = hand_over(s, "sent");
  return given + (s->way->reads ? push_held(s) : 0);
}

/* ---- the whole of it ---- */

bool rf_is_minimal(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "minimal") == 0;
}

straight rf_straight(lua_State *L, const straight_carrier *carrier) {
  lua_settop(L, RF_EXCHANGE_AT);
  return (straight){.L = L, .carrier = carrier, .way = rf_check_type(L, RF_WAY_AT, RF_WAY_TYPE, RF_WAY)};
}

static bool has_member(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  bool has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

/* Does the change name neither a referral nor a version by itself? With a copy its plan tells; without one
 * that would be told after a read that nobody wants. */
static bool is_for_any(lua_State *L) {
  return !rf_has_metatable(L, RF_CHANGE) && !has_member(L, RF_CHANGE, "id") &&
         !has_member(L, RF_CHANGE, "eTag");
}

/* The change as it is now, whatever becomes of the table before the version is there that it is for. */
static bool make_revision(straight *s) {
  lua_State *L = s->L;
  json_slice change = {NULL, 0};
  return rf_is_id(L, RF_ID) && is_for_any(L) && rf_write_value(L, RF_CHANGE, &change) &&
         change.at[0] == '{' &&
         revision_begin(s->way->revision, rf_check_text(L, RF_ID), change, rf_check_rules(L, RF_RULES_AT),
                        rf_pause_of(L, RF_TEMPLATE_AT));
}

static bool has_revision(way *w) {
  w->revision = w->revision != NULL ? w->revision : revision_new();
  return w->revision != NULL;
}

double rf_time_for(const way *w) {
  double left = w->deadline - http_now();
  return w->reads ? left : http_time_for_write(left);
}

bool rf_straight_begin(straight *s, bool minimal) {
  lua_State *L = s->L;
  way *w = s->way;
  bool reads = lua_isnil(L, RF_CURRENT); /* the id of what was read before is one */
  if (w->busy || !lua_istable(L, RF_CHANGE) || !has_revision(w)) {
    return false;
  }
  w->minimal = minimal;
  w->reads = reads;
  w->deadline = http_now() + (double)luaL_checknumber(L, RF_TIMEOUT);
  s->current = reads ? NULL : rf_check_document(L, RF_CURRENT);
  w->busy = true;
  if (!(reads ? make_revision(s) : make_plan(s)) || !s->carrier->open(s)) {
    w->busy = false;
    return false;
  }
  if (reads) {
    start_read(s);
  } else {
    start_write(s);
  }
  return true;
}

/* Without its revision nothing came of the read. */
static int end_after_read(straight *s) {
  revision *r = s->way->revision;
  if (r == NULL || r->stage == REVISION_ASKED) {
    return hand_over(s, "read");
  }
  s->current = &r->held;
  if (r->stage == REVISION_READ) {
    return leave(s);
  }
  memcpy(s->way->id, r->request_id, sizeof s->way->id);
  return take_write(s);
}

int rf_straight_end(straight *s) {
  int given = s->way->reads ? end_after_read(s) : take_write(s);
  s->way->busy = false;
  rf_way_let_go(s->way);
  return given;
}
