/*
 * core.document.plan: a change that is plainly right on a referral as it was read, decided, written and confirmed without
 * anything of it becoming a Lua value. Whatever is not plain gets no plan, and is decided step by step in Lua.
 */
#include "lua_plan.h"

#include "coverage.h"
#include "json_equal.h"
#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_json.h"
#include "transition.h"

#include <stdlib.h>
#include <string.h>

enum { PLAN_LIMIT = 64 * 1024 /* bytes of what is set: larger changes are no matter of a few instructions */ };

/* One member that is set; all offsets are into the plan's `text`. */
typedef struct plan_member {
  size_t pointer, pointer_length;
  size_t from, from_length; /* as it stood; no length: it was not there */
  size_t to, to_length;
} plan_member;

/* In one block that Lua owns: members, edits, text. */
typedef struct plan {
  const char *base; /* the text of the document that it is for; only compared */
  size_t base_length;
  size_t member_count, edit_count;
  size_t patches; /* where in `text` the bytes of the edits begin */
  size_t change, change_length;
  plan_member *members;
  document_edit *edits;
  char *text;
} plan;

/* ---- whether a change is plain ---- */

static bool is_identity(json_slice name) {
  return json_string_is(name, "id", 2) || json_string_is(name, "eTag", 4) || json_string_is(name, "links", 5);
}

/* Names that a change may carry without writing them are looked at in Lua. */
static bool names_nothing_special(json_slice change) {
  json_cursor cursor = json_enter(change);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    if (is_identity(member.name) || memchr(member.name.at, '@', member.name.length) != NULL) {
      return false;
    }
  }
  return true;
}

/* By the table `plain`: under a pointer stand the first characters that its values may have, or a table that has every
 * value, as JSON text, for a key. */
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
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *difference = &work->differences[i];
    bool scalar = difference->from.at == NULL || rf_is_scalar(difference->from);
    if (difference->act != DOCUMENT_SET || !scalar ||
        !fits(L, plain, pointer_of(work, difference), to_of(work, difference))) {
      return false;
    }
  }
  return work->difference_count > 0;
}

/* ---- whether the status may become what is asked ---- */

static bool pointer_is(const document_work *work, const document_difference *difference, const char *text) {
  json_slice pointer = pointer_of(work, difference);
  return pointer.length == strlen(text) && memcmp(pointer.at, text, pointer.length) == 0;
}

static bool touches_status(const document_work *work) {
  for (size_t i = 0; i < work->difference_count; i++) {
    if (pointer_is(work, &work->differences[i], "/status") || pointer_is(work, &work->differences[i], "/substatus")) {
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
static bool moves_plainly(const document *base, json_slice change, const document_work *work) {
  transition_value status;
  transition_value substatus;
  transition_value asked_status;
  transition_value asked_substatus;
  if (!touches_status(work)) {
    return true;
  }
  if (!plain_text(value_in(base, "status"), &status) || !plain_text(value_in(base, "substatus"), &substatus) ||
      !plain_text(json_find_member(change, "status", 6), &asked_status) ||
      !plain_text(json_find_member(change, "substatus", 9), &asked_substatus)) {
    return false;
  }
  transition_result result = transition_check(status, substatus, asked_status, asked_substatus);
  return result.verdict == TRANSITION_OK && result.set_substatus == NULL;
}

/* ---- making one ---- */

static size_t put(plan *p, size_t *used, json_slice bytes) {
  size_t at = *used;
  if (bytes.length > 0) {
    memcpy(p->text + at, bytes.at, bytes.length);
  }
  *used += bytes.length;
  return at;
}

static size_t text_size(const document_work *work, json_slice change) {
  size_t size = work->patches.length + change.length;
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *difference = &work->differences[i];
    size += difference->pointer_length + difference->from.length + difference->to_length;
  }
  return size;
}

static void keep_members(plan *p, const document_work *work, size_t *used) {
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *difference = &work->differences[i];
    plan_member *member = &p->members[i];
    json_slice pointer = pointer_of(work, difference);
    json_slice to = to_of(work, difference);
    *member = (plan_member){
        .pointer_length = pointer.length, .from_length = difference->from.length, .to_length = to.length};
    member->pointer = put(p, used, pointer);
    member->from = put(p, used, difference->from);
    member->to = put(p, used, to);
  }
}

/* Pushes a plan with what the work has found. */
static bool push_plan(lua_State *L, const document *base, const document_work *work, json_slice change) {
  size_t members = work->difference_count * sizeof(plan_member);
  size_t edits = work->edit_count * sizeof(document_edit);
  size_t text = text_size(work, change);
  if (text > PLAN_LIMIT) {
    return false;
  }
  char *block = rf_newuserdata(L, sizeof(plan) + members + edits + text);
  plan *p = (plan *)(void *)block;
  *p = (plan){.base = base->text.at,
              .base_length = base->text.length,
              .member_count = work->difference_count,
              .edit_count = work->edit_count,
              .members = (plan_member *)(void *)(block + sizeof(plan)),
              .edits = (document_edit *)(void *)(block + sizeof(plan) + members),
              .text = block + sizeof(plan) + members + edits};
  size_t used = 0;
  keep_members(p, work, &used);
  memcpy(p->edits, work->edits, edits);
  p->patches = put(p, &used, (json_slice){work->patches.data, work->patches.length});
  p->change = put(p, &used, change);
  p->change_length = change.length;
  lua_pushvalue(L, lua_upvalueindex(RF_PLAN_TYPE));
  lua_setmetatable(L, -2);
  return true;
}

bool rf_push_plan(lua_State *L, int base_index, int change_index, int prototype, int plain) {
  const document *base = rf_check_document(L, base_index);
  document_work *work = rf_document_work(L);
  json_slice change = {NULL, 0};
  return base->unannotated && rf_write_value(L, change_index, &change) && *change.at == '{' &&
         names_nothing_special(change) &&
         document_apply(work, base, change, rf_check_document(L, prototype)->text) && are_plain(L, plain, work) &&
         moves_plainly(base, change, work) && push_plan(L, base, work, change);
}

/*
 * plan(document, change, prototype, plain) -> a plan | nil: the change, a table, is not plain or changes nothing.
 * `plain`: what values are right at first sight, see fits().
 */
static int plan_new(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_checktype(L, 4, LUA_TTABLE);
  return rf_push_plan(L, 1, 2, 3, 4) ? 1 : 0;
}

static plan *check_plan(lua_State *L, int index) {
  return rf_check_type(L, index, RF_PLAN_TYPE, RF_PLAN);
}

/* ---- writing ---- */

void rf_plan_body(lua_State *L, int index, int base, buffer *out) {
  const plan *p = check_plan(L, index);
  const document *d = rf_check_document(L, base);
  if (d->text.at != p->base || d->text.length != p->base_length) {
    luaL_error(L, "a plan is for the document that it was made of");
  }
  if (!document_copy(out, d, p->edits, p->edit_count, p->text + p->patches)) {
    luaL_error(L, "not enough memory for a referral");
  }
}

/* plan:body(document) -> the whole referral as it is to be written */
static int plan_body(lua_State *L) {
  buffer *next = &rf_document_work(L)->next;
  rf_plan_body(L, 1, 2, next);
  lua_pushlstring(L, next->data, next->length);
  return 1;
}

/* plan:text() -> the change that it was made of, as core.json.write() has it */
static int plan_text(lua_State *L) {
  const plan *p = check_plan(L, 1);
  lua_pushlstring(L, p->text + p->change, p->change_length);
  return 1;
}

/* ---- confirming ---- */

static json_slice slice_of(const plan *p, size_t at, size_t length) {
  return (json_slice){p->text + at, length};
}

/* Does a document show every value that was to be set? */
static bool shows(const plan *p, const document *d, json_members *pool) {
  bool failed = false;
  for (size_t i = 0; i < p->member_count; i++) {
    const plan_member *member = &p->members[i];
    json_slice there = document_get(d, slice_of(p, member->pointer, member->pointer_length));
    if (there.at == NULL || !json_equal(there, slice_of(p, member->to, member->to_length), pool, &failed)) {
      return false;
    }
  }
  return true;
}

bool rf_plan_is_confirmed(lua_State *L, int index, const document *answer, const document *base) {
  const plan *p = check_plan(L, index);
  json_members *pool = rf_document_members(L);
  pool->count = 0;
  return shows(p, answer, pool) && coverage_holds(answer, base, pool);
}

/* plan:confirm(answer, document) -> whether the answer, a document, shows all that was to be set and has every member
 * of the document that was read */
static int plan_confirm(lua_State *L) {
  lua_pushboolean(L, rf_plan_is_confirmed(L, 1, rf_check_document(L, 2), rf_check_document(L, 3)));
  return 1;
}

static void push_member(lua_State *L, const plan *p, const plan_member *member, int paths) {
  buffer *room = rf_document_room(L);
  lua_createtable(L, 0, 3);
  lua_pushlstring(L, p->text + member->pointer, member->pointer_length);
  lua_rawget(L, paths);
  lua_setfield(L, -2, "member");
  if (member->from_length > 0) {
    rf_push_scalar(L, slice_of(p, member->from, member->from_length), room);
    lua_setfield(L, -2, "from");
  }
  rf_push_scalar(L, slice_of(p, member->to, member->to_length), room);
  lua_setfield(L, -2, "to");
}

void rf_push_plan_members(lua_State *L, int index, int paths) {
  const plan *p = check_plan(L, index);
  lua_createtable(L, (int)p->member_count, 0);
  for (size_t i = 0; i < p->member_count; i++) {
    push_member(L, p, &p->members[i], paths);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* plan:members(paths) -> {{member =, from =, to =}, ...}, the values as Lua has them; `paths`: pointer -> member */
static int plan_members(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  rf_push_plan_members(L, 1, 2);
  return 1;
}

void rf_open_plan(lua_State *L) {
  static const luaL_Reg functions[] = {{"plan", plan_new}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"body", plan_body}, {"text", plan_text}, {"confirm", plan_confirm}, {"members", plan_members}, {NULL, NULL}};
  rf_register_typed(L, functions);
  luaL_newmetatable(L, RF_PLAN);
  lua_newtable(L);
  rf_register_typed(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
