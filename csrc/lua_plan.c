/*
 * core.document.plan: a change that is plainly right on a referral as it was read, decided, written and
 * confirmed without anything of it becoming a Lua value. Whatever is not plain gets no plan, and is decided
 * step by step in Lua.
 */
#include "lua_plan.h"

#include "coverage.h"
#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_json.h"
#include "transition.h"

#include <string.h>

/* ---- whether a change is plain ---- */

static bool is_identity(json_slice name) {
  return json_string_is(name, "id", 2) || json_string_is(name, "eTag", 4) || json_string_is(name, "links", 5);
}

/* What a change asks for of what is judged together; not named: no text. */
typedef struct asked_move {
  json_slice status, substatus;
} asked_move;

/* Names that a change may carry without writing them are looked at in Lua. */
static bool names_nothing_special(json_slice change, asked_move *asked) {
  json_cursor cursor = json_enter(change);
  json_member member;
  *asked = (asked_move){{NULL, 0}, {NULL, 0}};
  while (json_next_member(&cursor, &member)) {
    if (is_identity(member.name) || memchr(member.name.at, '@', member.name.length) != NULL) {
      return false;
    } else if (json_string_is(member.name, "status", 6)) {
      asked->status = member.value;
    } else if (json_string_is(member.name, "substatus", 9)) {
      asked->substatus = member.value;
    }
  }
  return true;
}

/* By the table `plain`: under a pointer stand the first characters that its values may have, or a table that
 * has every value, as JSON text, for a key. */
static bool fits(lua_State *L, int plain, json_slice pointer, json_slice to) {
  lua_pushlstring(L, pointer.at, pointer.length);
  lua_rawget(L, plain);
  bool right = false;
  if (lua_type(L, -1) == LUA_TSTRING) {
    right = strchr(lua_tostring(L, -1), *to.at) != NULL;
  } else if (lua_istable(L, -1)) {
    lua_pushlstring(L, to.at, to.length);
    lua_rawget(L, -2);
    right = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return right;
}

static json_slice to_of(const document_work *work, const document_difference *difference) {
  return (json_slice){work->render.out.data + difference->to, difference->to_length};
}

static json_slice pointer_of(const document_work *work, const document_difference *difference) {
  return (json_slice){work->pointers.data + difference->pointer, difference->pointer_length};
}

static bool are_plain(lua_State *L, int plain, const document_work *work) {
  unsigned long use = rf_use_room(L);
  for (size_t i = 0; i < work->difference_count; i++) {
    if (!rf_room_is_ours(L, use)) {
      return false;
    }
    const document_difference *difference = &work->differences[i];
    bool scalar = difference->from.at == NULL || rf_is_scalar(difference->from);
    if (difference->act != DOCUMENT_SET || !scalar ||
        !fits(L, plain, pointer_of(work, difference), to_of(work, difference))) {
      return false;
    }
  }
  return work->difference_count > 0 && rf_room_is_ours(L, use);
}

/* ---- whether the status may become what is asked ---- */

static bool pointer_is(const document_work *work, const document_difference *difference, const char *text) {
  json_slice pointer = pointer_of(work, difference);
  return pointer.length == strlen(text) && memcmp(pointer.at, text, pointer.length) == 0;
}

static bool touches_status(const document_work *work) {
  for (size_t i = 0; i < work->difference_count; i++) {
    if (pointer_is(work, &work->differences[i], "/status") ||
        pointer_is(work, &work->differences[i], "/substatus")) {
      return true;
    }
  }
  return false;
}

/* A string without escapes; what has some is looked at in Lua. */
static bool plain_text(json_slice value, transition_value *text) {
  *text = (transition_value){NULL, 0};
  if (value.at == NULL) {
    return true;
  }
  *text = (transition_value){value.at + 1, value.length - 2};
  return *value.at == '"' && memchr(value.at, '\\', value.length) == NULL;
}

static json_slice value_in(const document *d, const char *name) {
  const json_member *member = document_find(d, name, strlen(name));
  return member != NULL ? member->value : (json_slice){NULL, 0};
}

/* Moves that want a word to the caller, or a substatus of ours, are decided in Lua. */
static bool moves_plainly(const document *base, const asked_move *asked, const document_work *work) {
  transition_value status;
  transition_value substatus;
  transition_value asked_status;
  transition_value asked_substatus;
  if (!touches_status(work)) {
    return true;
  }
  if (!plain_text(value_in(base, "status"), &status) ||
      !plain_text(value_in(base, "substatus"), &substatus) || !plain_text(asked->status, &asked_status) ||
      !plain_text(asked->substatus, &asked_substatus)) {
    return false;
  }
  transition_result result = transition_check(status, substatus, asked_status, asked_substatus);
  return result.verdict == TRANSITION_OK && result.set_substatus == NULL;
}

/* ---- for the bindings ---- */

const plan *rf_make_plan(lua_State *L, const document *base, int change_index, const document *prototype,
                         int plain, buffer *room) {
  document_work *work = &rf_room_of(L)->work;
  json_slice change = {NULL, 0};
  asked_move asked;
  bool is_plain = base->unannotated && !rf_has_metatable(L, change_index) &&
                  rf_write_value(L, change_index, &change) && *change.at == '{' &&
                  names_nothing_special(change, &asked) &&
                  document_apply(work, base, change, prototype->text) && are_plain(L, plain, work) &&
                  moves_plainly(base, &asked, work);
  return is_plain ? plan_pack(room, work, base, change) : NULL;
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

/* ---- for Lua ---- */

/*
 * plan(document, change, prototype, plain) -> a plan | nil: the change, a table, is not plain or changes
 * nothing. `plain`: what values are right at first sight, see fits().
 */
static int plan_new(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  const plan *made =
      rf_make_plan(L, rf_check_document(L, 1), 2, rf_check_document(L, 3), 4, &rf_room_of(L)->plan);
  if (made == NULL) {
    return 0;
  }
  unsigned long use = rf_use_room(L);
  size_t size = made->size;
  void *block = rf_newuserdata(L, size);
  if (!rf_room_is_ours(L, use)) {
    return 0;
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
  lua_pushlstring(L, next->data, next->length);
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
  static const luaL_Reg functions[] = {{"plan", plan_new}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"body", plan_body},
                                     {"text", plan_text},
                                     {"confirm", plan_confirm},
                                     {"members", plan_members},
                                     {NULL, NULL}};
  rf_register_typed(L, functions);
  luaL_newmetatable(L, RF_PLAN);
  lua_newtable(L);
  rf_register_typed(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
