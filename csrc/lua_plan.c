/*
 * core.document.plan and the rules that it goes by: a change that is plainly right on a referral as it was
 * read, decided, written and confirmed without anything of it becoming a Lua value.
 */
#include "lua_plan.h"

#include "coverage.h"
#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_fleeting.h"
#include "lua_json.h"

#include <string.h>

/* ---- for the bindings ---- */

const plan *rf_make_plan(lua_State *L, const document *base, int change_index, const plan_rules *rules,
                         buffer *room) {
  json_slice change = {NULL, 0};
  rf_use_room(L);
  bool written = !base->deeply_annotated && !rf_has_metatable(L, change_index) &&
                 rf_write_value(L, change_index, &change);
  return written ? plan_make(&rf_room_of(L)->work, base, change, rules, room) : NULL;
}

static void push_member(lua_State *L, const plan_member *member, int paths) {
  buffer *room = &rf_room_of(L)->text;
  lua_createtable(L, 0, 3);
  lua_pushlstring(L, member->pointer.at, member->pointer.length);
  lua_rawget(L, paths);
  lua_setfield(L, -2, "member");
  if (member->from.at != NULL) {
    rf_push_scalar(L, member->from, room);
    lua_setfield(L, -2, "from");
  }
  rf_push_scalar(L, member->to, room);
  lua_setfield(L, -2, "to");
}

void rf_push_plan_members(lua_State *L, const plan *p, int paths) {
  lua_createtable(L, (int)p->member_count, 0);
  for (size_t i = 0; i < p->member_count; i++) {
    plan_member member = plan_get(p, i);
    push_member(L, &member, paths);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

const plan *rf_plan_for(lua_State *L, int index, const document *base) {
  if (lua_type(L, index) != LUA_TUSERDATA) {
    return NULL;
  }
  const plan *p = rf_check_type(L, index, RF_PLAN_TYPE, RF_PLAN);
  return plan_is_for(p, base) ? p : NULL;
}

int rf_push_written(lua_State *L, json_slice text, const plan *p, const document *base) {
  rf_room *room = rf_room_of(L);
  json_members *written = &room->written_members;
  document_earlier earlier = {.known = base};
  written->count = 0;
  if (base != NULL && p != NULL && plan_written(p, base, &room->written, written)) {
    earlier.written = (json_member_list){written->items, written->count};
  }
  int pushed = rf_push_document(L, text, earlier);
  buffer_reuse(&room->written);
  return pushed;
}

void rf_plan_body(lua_State *L, int index, int base, buffer *out) {
  const plan *p = rf_check_type(L, index, RF_PLAN_TYPE, RF_PLAN);
  const document *d = rf_check_document(L, base);
  if (!plan_is_for(p, d)) {
    luaL_error(L, "a plan is for the document that it was made of");
  }
  if (!plan_write(p, d, out)) {
    luaL_error(L, "not enough memory for a referral");
  }
}

/* ---- for Lua: rules ---- */

typedef struct rf_rules {
  const plan_rules *held; /* NULL while it is being made */
} rf_rules;

const plan_rules *rf_check_rules(lua_State *L, int index) {
  const rf_rules *of = rf_check_type(L, index, RF_RULES_TYPE, RF_RULES);
  luaL_argcheck(L, of->held != NULL, index, "the rules are not complete");
  return of->held;
}

static int rules_gc(lua_State *L) {
  rf_rules *of = lua_touserdata(L, 1);
  plan_rules_release(of->held);
  of->held = NULL;
  return 0;
}

/* The keys of the table on top, each ended by NUL, in `room`. */
static json_slice keys_of(lua_State *L, buffer *room) {
  buffer_clear(room);
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    size_t length = 0;
    lua_pushvalue(L, -2);
    const char *key = luaL_checklstring(L, -1, &length);
    if (!buffer_append(room, key, length) || !buffer_append_byte(room, '\0')) {
      luaL_error(L, "not enough memory for rules");
    }
    lua_pop(L, 1);
  }
  return (json_slice){room->length > 0 ? room->data : "", room->length};
}

/* The rule of a pointer and its values, the two on top. */
static bool add_rule(lua_State *L, plan_rules *rules) {
  int top = lua_gettop(L);
  bool listed = lua_istable(L, top);
  json_slice values = listed ? keys_of(L, &rf_room_of(L)->text) : rf_check_text(L, top);
  return plan_rules_add(rules, rf_check_text(L, top - 1), listed, values);
}

/*
 * rules(prototype, values) -> what plan() goes by. `prototype`: JSON text; `values`: by JSON Pointer the
 * first characters that a value may have, or a table that has every value, as JSON text, for a key.
 */
static int rules_new(lua_State *L) {
  json_slice prototype = rf_check_json(L, 1, false);
  luaL_checktype(L, 2, LUA_TTABLE);
  rf_rules *of = rf_newuserdata(L, sizeof *of);
  of->held = NULL;
  lua_pushvalue(L, lua_upvalueindex(RF_RULES_TYPE));
  lua_setmetatable(L, -2);
  plan_rules *rules = plan_rules_new(prototype);
  bool complete = rules != NULL;
  of->held = rules;
  for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
    complete = complete && add_rule(L, rules);
  }
  return complete ? 1 : luaL_error(L, "not enough memory for rules");
}

/* fits(rules, pointer, text) -> whether the JSON text is plainly a value for the member there */
static int rules_fit(lua_State *L) {
  const plan_rules *rules = rf_check_rules(L, 1);
  json_slice pointer = rf_check_text(L, 2);
  json_slice value = rf_check_text(L, 3);
  lua_pushboolean(L, value.length > 0 && plan_rules_fit(rules, pointer, value));
  return 1;
}

/* ---- for Lua: plans ---- */

/* plan(document, change, rules) -> a plan | nil: the change, a table, is not plain or changes nothing */
static int plan_new(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  const document *base = rf_check_document(L, 1);
  const plan_rules *rules = rf_check_rules(L, 3);
  buffer *room = &rf_room_of(L)->plan;
  const plan *made = rf_make_plan(L, base, 2, rules, room);
  if (made == NULL) {
    return 0;
  }
  unsigned long use = rf_use_room(L);
  size_t size = made->size;
  void *block = rf_newuserdata(L, size);
  if (!rf_room_is_ours(L, use)) {
    made = rf_make_plan(L, base, 2, rules, room);
    if (made == NULL || made->size != size) { /* a finaliser had the change in its hands */
      return 0;
    }
  }
  memcpy(block, made, size);
  lua_pushvalue(L, lua_upvalueindex(RF_PLAN_TYPE));
  lua_setmetatable(L, -2);
  return 1;
}

static const plan *check_plan(lua_State *L) {
  return rf_check_type(L, 1, RF_PLAN_TYPE, RF_PLAN);
}

/* plan:body(document) -> the whole referral as it is to be written */
static int plan_body(lua_State *L) {
  rf_use_room(L);
  buffer *next = &rf_room_of(L)->work.next;
  rf_plan_body(L, 1, 2, next);
  rf_push_fleeting(L, next->data, next->length);
  return 1;
}

/* plan:text() -> the change that it was made of, as core.json.write() has it */
static int plan_text(lua_State *L) {
  json_slice text = plan_change(check_plan(L));
  lua_pushlstring(L, text.at, text.length);
  return 1;
}

/* plan:confirm(answer, document) -> whether the answer, a document, shows all that was to be set and has
 * every member of the document that was read */
static int plan_confirm(lua_State *L) {
  rf_use_room(L);
  const plan *p = check_plan(L);
  const document *answer = rf_check_document(L, 2);
  json_members *pool = &rf_room_of(L)->members;
  pool->count = 0;
  lua_pushboolean(L, plan_is_shown(p, answer, pool) && coverage_holds(answer, rf_check_document(L, 3), pool));
  return 1;
}

/* plan:members(paths) -> {{member =, from =, to =}, ...}, the values as Lua has them; `paths`: pointer ->
 * member */
static int plan_members(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  rf_push_plan_members(L, check_plan(L), 2);
  return 1;
}

void rf_open_plan(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"plan", plan_new}, {"rules", rules_new}, {"fits", rules_fit}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"body", plan_body},
                                     {"text", plan_text},
                                     {"confirm", plan_confirm},
                                     {"members", plan_members},
                                     {NULL, NULL}};
  rf_register_typed(L, functions);
  rf_make_type(L, RF_RULES, rules_gc);
  luaL_newmetatable(L, RF_PLAN);
  lua_newtable(L);
  rf_register_typed(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
