/* JSON text for Lua: judging, comparing, looking inside. */
#include "lua_json.h"
#include "json_equal.h"
#include "json_number.h"
#include "lua_anchor.h"
#include "lua_fleeting.h"
#include "lua_room.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char ROOM[] = "referrals.json.room";

enum { TEXT_LIMIT = 256 * 1024 * 1024 /* bytes of one string */ };

/* Working memory, anchored; reused. */
typedef struct json_room {
  buffer text;
  buffer list;
  json_members pool;
} json_room;

static int room_gc(lua_State *L) {
  json_room *room = lua_touserdata(L, 1);
  buffer_free(&room->text);
  buffer_free(&room->list);
  json_members_free(&room->pool);
  return 0;
}

static json_room *room_of(lua_State *L) {
  json_room *room = rf_anchored(L, ROOM);
  room->pool.count = 0;
  return room;
}

json_slice rf_check_text(lua_State *L, int index) {
  json_slice text = {NULL, 0};
  text.at = luaL_checklstring(L, index, &text.length);
  return text;
}

json_slice rf_check_json(lua_State *L, int index, bool marks) {
  json_fault fault = {0, NULL};
  json_judgement judgement = {.marks = marks};
  size_t length = 0;
  const char *text = luaL_checklstring(L, index, &length);
  if (!json_judge(text, length, &judgement, &fault)) {
    luaL_argerror(L, index,
                  lua_pushfstring(L, "JSON expected: %s at byte %d", fault.what, (int)fault.offset + 1));
  }
  return judgement.value;
}

/* judge(text) -> first character of the value | nil, what was expected, offset from 1 */
static int json_judge_text(lua_State *L) {
  size_t length = 0;
  const char *text = luaL_checklstring(L, 1, &length);
  json_fault fault = {0, NULL};
  json_judgement judgement = {.marks = false};
  if (!json_judge(text, length, &judgement, &fault)) {
    lua_pushnil(L);
    lua_pushstring(L, fault.what);
    lua_pushinteger(L, (lua_Integer)fault.offset + 1);
    return 3;
  }
  lua_pushlstring(L, judgement.value.at, 1);
  return 1;
}

/* equal(a, b [, strictly]) -> boolean; b may hold marks. Strictly a string of digits is no number. */
static int json_equal_texts(lua_State *L) {
  json_slice a = rf_check_json(L, 1, false);
  json_slice b = rf_check_json(L, 2, true);
  json_room *room = room_of(L);
  json_comparison how = {.pool = &room->pool, .strictly = lua_toboolean(L, 3)};
  bool equal = json_equal(a, b, &how);
  if (how.failed) {
    return luaL_error(L, "out of memory while comparing");
  }
  lua_pushboolean(L, equal);
  return 1;
}

int rf_push_string(lua_State *L, json_slice string, buffer *room) {
  if (memchr(string.at, '\\', string.length) == NULL) {
    lua_pushlstring(L, string.at + 1, string.length - 2);
    return 1;
  }
  buffer_clear(room);
  if (!json_unescape(string, room)) {
    return luaL_error(L, "out of memory while reading a string");
  }
  rf_push_fleeting(L, room->data != NULL ? room->data : "", room->length);
  return 1;
}

/* A whole number as an integer where Lua has them. */
static void push_number(lua_State *L, double number) {
#if LUA_VERSION_NUM >= 503
  const double exact = 9007199254740992.0;
  if (number >= -exact && number <= exact && floor(number) == number) {
    lua_pushinteger(L, (lua_Integer)number);
    return;
  }
#endif
  lua_pushnumber(L, (lua_Number)number);
}

void rf_push_scalar(lua_State *L, json_slice value, buffer *room) {
  switch (*value.at) {
  case '"':
    rf_push_string(L, value, room);
    break;
  case 't':
  case 'f':
    lua_pushboolean(L, *value.at == 't');
    break;
  case 'n':
    lua_pushlightuserdata(L, NULL);
    break;
  default:
    push_number(L, json_to_double(value));
  }
}

/* decode(text, keep_nulls) -> the value as Lua has it; see rf_decode(). Of a string, number, boolean or null
 * the text is one that the core gave out. */
static int json_decode(lua_State *L) {
  json_slice text = rf_check_text(L, 1);
  bool keep_nulls = lua_toboolean(L, 2);
  buffer *room = &room_of(L)->text;
  if (json_is_scalar(text)) {
    rf_push_scalar(L, text, room);
    return 1;
  }
  rf_decode(L, rf_check_json(L, 1, false), keep_nulls, room);
  lua_pop(L, 1);
  return 1;
}

/* string_at(text, pointer) -> the string there, unescaped | nil, its text when it is something else */
static int json_string_at(lua_State *L) {
  json_slice value = rf_check_json(L, 1, true);
  size_t length = 0;
  const char *pointer = luaL_checklstring(L, 2, &length);
  json_slice found = json_find(value, pointer, length, false);
  if (found.at != NULL && *found.at == '"') {
    return rf_push_string(L, found, &room_of(L)->text);
  }
  lua_pushnil(L);
  if (found.at == NULL) {
    return 1;
  }
  lua_pushlstring(L, found.at, found.length);
  return 2;
}

/* elements(text, pointer) -> the texts of an array's elements | nil when there is no array */
static int json_elements(lua_State *L) {
  json_slice value = rf_check_json(L, 1, false);
  size_t length = 0;
  const char *pointer = luaL_checklstring(L, 2, &length);
  json_slice array = json_find(value, pointer, length, false);
  if (array.at == NULL || *array.at != '[') {
    lua_pushnil(L);
    return 1;
  }
  lua_newtable(L);
  json_cursor cursor = json_enter(array);
  json_slice element;
  for (int i = 1; json_next_element(&cursor, &element); i++) {
    lua_pushlstring(L, element.at, element.length);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* Where the containers in arrays stand: each pointer behind its length. */
typedef struct pointing {
  buffer *list;
  buffer *pointer;
} pointing;

static void point_into(pointing *p, json_slice container);

static void point_at_element(pointing *p, json_slice element) {
  size_t length = p->pointer->length;
  buffer_append(p->list, (const char *)&length, sizeof length);
  buffer_append(p->list, p->pointer->data, length);
  point_into(p, element);
}

static bool is_container(json_slice value) {
  return *value.at == '{' || *value.at == '[';
}

static void point_into_array(pointing *p, json_slice array) {
  size_t before = p->pointer->length;
  json_cursor cursor = json_enter(array);
  json_slice element;
  for (int i = 0; json_next_element(&cursor, &element); i++) {
    if (is_container(element)) {
      char step[24];
      buffer_append(p->pointer, step, (size_t)snprintf(step, sizeof step, "/%d", i));
      point_at_element(p, element);
      p->pointer->length = before;
    }
  }
}

static void point_into(pointing *p, json_slice container) {
  if (*container.at == '[') {
    point_into_array(p, container);
    return;
  }
  size_t before = p->pointer->length;
  json_cursor cursor = json_enter(container);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    if (is_container(member.value)) {
      json_append_pointer(p->pointer, member.name);
      point_into(p, member.value);
      p->pointer->length = before;
    }
  }
}

static void push_pointers(lua_State *L, json_slice list) {
  const char *end = list.at + list.length;
  lua_newtable(L);
  for (int i = 1; list.at < end; i++) {
    size_t length = 0;
    memcpy(&length, list.at, sizeof length);
    lua_pushlstring(L, list.at + sizeof length, length);
    lua_rawseti(L, -2, i);
    list.at += sizeof length + length;
  }
}

/* element_pointers(text) -> the JSON Pointers to the objects and arrays that stand in arrays, in the text's
 * order */
static int json_element_pointers(lua_State *L) {
  json_slice value = rf_check_json(L, 1, false);
  json_room *room = room_of(L);
  pointing p = {.list = &room->list, .pointer = &room->text};
  buffer_clear(p.list);
  buffer_clear(p.pointer);
  buffer_reserve(p.list, 1);
  buffer_reserve(p.pointer, 1);
  if (is_container(value)) {
    point_into(&p, value);
  }
  if (p.list->failed || p.pointer->failed) {
    return luaL_error(L, "out of memory while reading JSON");
  }
  rf_push_fleeting(L, p.list->data, p.list->length);
  buffer_reuse(p.list);
  push_pointers(L, rf_check_text(L, -1));
  return 1;
}

int rf_open_json(lua_State *L) {
  static const luaL_Reg typed[] = {{"write", rf_json_write}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"judge", json_judge_text},
      {"equal", json_equal_texts},
      {"decode", json_decode},
      {"string_at", json_string_at},
      {"elements", json_elements},
      {"element_pointers", json_element_pointers},
      {NULL, NULL},
  };
  json_room *room = rf_anchor(L, ROOM, sizeof *room, room_gc);
  buffer_init(&room->text, TEXT_LIMIT);
  buffer_init(&room->list, TEXT_LIMIT);
  lua_newtable(L);
  rf_register(L, functions);
  rf_register_typed(L, typed);
  rf_open_fleeting(L);
  rf_open_writer(L);
  return 1;
}
