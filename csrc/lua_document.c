/* A referral's text as a Lua object, and changes applied to it. */
#include "lua_document.h"

#include "annotation.h"
#include "coverage.h"
#include "json_equal.h"
#include "lua_anchor.h"
#include "lua_core.h"
#include "lua_fleeting.h"
#include "lua_json.h"
#include "lua_plan.h"

#include <string.h>

const document *rf_check_document(lua_State *L, int index) {
  return rf_check_type(L, index, RF_DOCUMENT_TYPE, RF_DOCUMENT);
}

void rf_push_document_copy(lua_State *L, const document *d) {
  document_place(d, rf_newuserdata(L, document_size(d)));
  lua_pushvalue(L, lua_upvalueindex(RF_DOCUMENT_TYPE));
  lua_setmetatable(L, -2);
}

static int push_read_fault(lua_State *L, json_fault fault) {
  lua_pushnil(L);
  lua_pushstring(L, fault.what);
  lua_pushinteger(L, (lua_Integer)fault.offset + 1);
  return 3;
}

int rf_push_document(lua_State *L, json_slice text, document_earlier earlier) {
  rf_room *room = rf_room_of(L);
  unsigned long use = room->uses;
  document read;
  json_fault fault = {0, NULL};
  if (!document_read(&room->reading, text, earlier, &read, &fault)) {
    return push_read_fault(L, fault);
  }
  void *block = rf_newuserdata(L, document_size(&read));
  document_earlier left = {.known = earlier.known}; /* what was written may stand in the room */
  if (room->uses != use && !document_read(&room->reading, text, left, &read, &fault)) {
    return luaL_error(L, "out of memory while reading a referral");
  }
  document_place(&read, block);
  lua_pushvalue(L, lua_upvalueindex(RF_DOCUMENT_TYPE));
  lua_setmetatable(L, -2);
  return 1;
}

/* read(text [, known]) -> document | nil, what was expected, offset from 1. A byte order mark is skipped.
 * What stands in it with the same bytes as in `known`, a document, is not judged again. */
static int read_document(lua_State *L) {
  rf_use_room(L);
  json_slice text = {NULL, 0};
  text.at = luaL_checklstring(L, 1, &text.length);
  const document *known = lua_isnoneornil(L, 2) ? NULL : rf_check_document(L, 2);
  return rf_push_document(L, text, (document_earlier){.known = known});
}

static int document_text(lua_State *L) {
  const document *d = rf_check_document(L, 1);
  lua_pushlstring(L, d->text.at, d->text.length);
  return 1;
}

/* decode(keep_nulls) -> it as Lua has it, and which one each table in a list is; see rf_decode() */
static int document_decode(lua_State *L) {
  const document *d = rf_check_document(L, 1);
  rf_decode(L, d->text, lua_toboolean(L, 2), &rf_room_of(L)->text);
  return 2;
}

/* string(name) -> a member of the root that is a string, unescaped | nil */
static int document_string(lua_State *L) {
  const document *d = rf_check_document(L, 1);
  size_t length = 0;
  const char *name = luaL_checklstring(L, 2, &length);
  const json_member *member = document_find(d, name, length);
  if (member == NULL || *member->value.at != '"') {
    lua_pushnil(L);
    return 1;
  }
  return rf_push_string(L, member->value, &rf_room_of(L)->text);
}

static void set_string(lua_State *L, const document *d, const char *name) {
  const json_member *member = document_find(d, name, strlen(name));
  if (member != NULL && *member->value.at == '"') {
    rf_push_string(L, member->value, &rf_room_of(L)->text);
    lua_setfield(L, -2, name);
  }
}

void rf_push_minimal(lua_State *L, const document *d, int id, int tag) {
  lua_createtable(L, 0, 5);
  lua_pushvalue(L, id);
  lua_setfield(L, -2, "id");
  lua_pushvalue(L, tag);
  lua_setfield(L, -2, "eTag");
  set_string(L, d, "status");
  set_string(L, d, "substatus");
  set_string(L, d, "updatedDateTime");
}

/* minimal(id, eTag) -> {id, eTag, status, substatus, updatedDateTime}: what is given, and the rest where they
 * are strings */
static int document_minimal(lua_State *L) {
  lua_settop(L, 3);
  rf_push_minimal(L, rf_check_document(L, 1), 2, 3);
  return 1;
}

static void push_slice(lua_State *L, json_slice slice) {
  if (slice.at == NULL) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, slice.at, slice.length);
  }
}

/* get(pointer) -> the text of the value there | nil */
static int document_value(lua_State *L) {
  const document *d = rf_check_document(L, 1);
  json_slice pointer = {NULL, 0};
  pointer.at = luaL_checklstring(L, 2, &pointer.length);
  push_slice(L, document_get(d, pointer));
  return 1;
}

/* The base without deep annotations: itself, or a new object in its place on the stack. */
static const document *stripped(lua_State *L, int index) {
  const document *d = rf_check_document(L, index);
  rf_room *room = rf_room_of(L);
  if (!d->deeply_annotated) {
    return d;
  }
  rf_use_room(L);
  buffer_clear(&room->text);
  if (!annotation_strip(d->text, &room->text)) {
    luaL_error(L, "out of memory while reading a referral");
  }
  rf_push_fleeting(L, room->text.data, room->text.length);
  if (rf_push_document(L, rf_check_text(L, -1), (document_earlier){.known = NULL}) != 1) {
    luaL_error(L, "a referral without its annotations is no JSON");
  }
  lua_replace(L, index);
  lua_pop(L, 1);
  return rf_check_document(L, index);
}

static int push_fault(lua_State *L, const document_work *work) {
  const render *r = &work->render;
  const char *what = r->fault.what;
  lua_pushnil(L);
  rf_push_fleeting(L, r->path.data != NULL ? r->path.data : "", r->path.length);
  lua_pushstring(L, what);
  lua_insert(L, -2);
  return 3;
}

/* A change that is applied to a document, in the room. */
typedef struct application {
  rf_room *room;
  const document *base;
  json_slice change;
  json_slice prototype;
  unsigned long use; /* of the room */
} application;

static bool apply(application *a) {
  a->use = ++a->room->uses;
  return document_apply(&a->room->work, a->base, a->change, a->prototype);
}

/* What it came to: once more where a finaliser used the room meanwhile. Good until Lua is asked for memory.
 */
static const document_work *applied(lua_State *L, application *a) {
  if (a->room->uses != a->use && !apply(a)) {
    luaL_error(L, "out of memory while changing a referral");
  }
  return &a->room->work;
}

static void push_difference(lua_State *L, application *a, size_t i) {
  static const char *const acts[] = {
      [DOCUMENT_SET] = "set", [DOCUMENT_INSERT] = "insert", [DOCUMENT_APPEND] = "append"};
  const document_difference difference = applied(L, a)->differences[i];
  lua_createtable(L, 0, difference.whole_array ? 5 : 4);
  rf_push_fleeting(L, applied(L, a)->pointers.data + difference.pointer, difference.pointer_length);
  lua_setfield(L, -2, "pointer");
  push_slice(L, difference.from);
  lua_setfield(L, -2, "from");
  rf_push_fleeting(L, applied(L, a)->render.out.data + difference.to, difference.to_length);
  lua_setfield(L, -2, "to");
  lua_pushstring(L, acts[difference.act]);
  lua_setfield(L, -2, "act");
  if (difference.whole_array) {
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "whole_array");
  }
}

static void push_differences(lua_State *L, application *a) {
  size_t count = applied(L, a)->difference_count;
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    push_difference(L, a, i);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* The object in the string argument at `index`; an empty table's mark stands for an object without members.
 */
static json_slice check_change(lua_State *L, int index) {
  static const char no_members[] = "{}";
  json_slice change = rf_check_json(L, index, true);
  if (*change.at == JSON_MARK_EMPTY) {
    return (json_slice){no_members, 2};
  }
  luaL_argcheck(L, *change.at == '{', index, "a JSON object expected");
  return change;
}

/*
 * apply(change, prototype [, form]) -> differences, next text | nil, what was expected, JSON Pointer
 * form: "document" (default), "patch" (next text is a JSON Patch) or "differences" (no next text).
 */
static int document_apply_change(lua_State *L) {
  enum { WHOLE, PATCH, NO_TEXT };
  static const char *const forms[] = {"document", "patch", "differences", NULL};
  lua_settop(L, 4);
  application a = {
      .room = rf_room_of(L), .change = check_change(L, 2), .prototype = rf_check_document(L, 3)->text};
  int form = lua_isnil(L, 4) ? WHOLE : luaL_checkoption(L, 4, NULL, forms);
  document_work *work = &a.room->work;
  a.base = stripped(L, 1);
  if (!apply(&a)) {
    return push_fault(L, work);
  }
  if (work->difference_count == 0 || form == NO_TEXT) {
    push_differences(L, &a);
    return 1;
  }
  if (!(form == PATCH ? document_write_patch(work) : document_write(work, a.base->text))) {
    return push_fault(L, work);
  }
  rf_push_fleeting(L, work->next.data, work->next.length);
  push_differences(L, &a);
  lua_insert(L, -2);
  return 2;
}

/* written() -> the document as it would be written unchanged: without links and annotations */
static int document_written(lua_State *L) {
  lua_settop(L, 1);
  application a = {.room = rf_room_of(L), .base = stripped(L, 1), .change = {"{}", 2}};
  document_work *work = &a.room->work;
  if (!apply(&a) || !document_write(work, a.base->text)) {
    return luaL_error(L, "out of memory while writing a referral");
  }
  rf_push_fleeting(L, work->next.data, work->next.length);
  return 1;
}

/* resolve(change, prototype [, pointer]) -> the value as JSON text without marks | nil, what was expected,
 * pointer */
static int document_resolve_change(lua_State *L) {
  rf_use_room(L);
  json_slice change = rf_check_json(L, 1, true);
  const document *prototype = rf_check_document(L, 2);
  json_slice pointer = {NULL, 0};
  pointer.at = luaL_optlstring(L, 3, "", &pointer.length);
  document_work *work = &rf_room_of(L)->work;
  if (!document_resolve(work, change, prototype->text, pointer)) {
    return push_fault(L, work);
  }
  rf_push_fleeting(L, work->next.data, work->next.length);
  return 1;
}

/* length() -> bytes of the text */
static int document_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)rf_check_document(L, 1)->text.length);
  return 1;
}

/* The string in a field of the table on top; the table holds it. */
static json_slice text_field(lua_State *L, const char *name) {
  json_slice text = {NULL, 0};
  lua_getfield(L, -1, name);
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 2, "differences as apply() gives them expected");
  text.at = lua_tolstring(L, -1, &text.length);
  lua_pop(L, 1);
  return text;
}

/* shows(differences) -> whether every value that apply() was to set is there; what is absent is null */
static int document_shows(lua_State *L) {
  rf_use_room(L);
  static const json_slice absent = {"null", 4};
  const document *d = rf_check_document(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  json_members *pool = &rf_room_of(L)->members;
  pool->count = 0;
  json_comparison how = {.pool = pool};
  bool shown = true;
  int count = (int)rf_rawlen(L, 2);
  for (int i = 1; shown && i <= count; i++) {
    lua_rawgeti(L, 2, i);
    json_slice there = document_get(d, text_field(L, "pointer"));
    shown = json_equal(there.at != NULL ? there : absent, text_field(L, "to"), &how);
    lua_pop(L, 1);
  }
  if (how.failed) {
    return luaL_error(L, "out of memory while comparing");
  }
  lua_pushboolean(L, shown);
  return 1;
}

/* covers(sent) -> whether every member of the other document is there in this one */
static int document_covers(lua_State *L) {
  rf_use_room(L);
  const document *answer = rf_check_document(L, 1);
  const document *sent = rf_check_document(L, 2);
  lua_pushboolean(L, coverage_holds(answer, sent, &rf_room_of(L)->members));
  return 1;
}

int rf_open_document(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"minimal", document_minimal},
      {"text", document_text},
      {"decode", document_decode},
      {"string", document_string},
      {"get", document_value},
      {"length", document_length},
      {"covers", document_covers},
      {"shows", document_shows},
      {"apply", document_apply_change},
      {"written", document_written},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"read", read_document}, {"resolve", document_resolve_change}, {NULL, NULL}};
  luaL_newmetatable(L, RF_DOCUMENT);
  lua_newtable(L);
  rf_register_typed(L, methods);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  rf_register_typed(L, functions);
  rf_open_plan(L);
  return 1;
}
