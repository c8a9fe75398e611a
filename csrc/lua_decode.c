/* JSON text that the core accepted as Lua has it: whole numbers are integers, nulls in objects are left out,
 * and tables are made as large as they get. */
#include "json_scan.h"
#include "lua_fleeting.h"
#include "lua_json.h"

#include <string.h>

enum {
  WAITING = 32,      /* members or elements that wait on the stack until their table is made */
  USUAL_ELEMENTS = 8 /* of a referral: the table grows in steps, which cost more than they hold */
};

typedef struct decoding {
  lua_State *L;
  buffer *room; /* where a string is unescaped */
  const char *end;
  bool keep_nulls;
  int places;   /* where the table of elements stands on the stack */
  int elements; /* objects and arrays in arrays, so far */
} decoding;

/* Half a surrogate pair was unescaped to three bytes that no character has; U+FFFD has as many. */
static void mend_surrogates(buffer *text) {
  const char *end = text->data + text->length;
  for (char *at = text->data; at + 2 < end; at++) {
    if ((unsigned char)at[0] == 0xED && (unsigned char)at[1] >= 0xA0) {
      memcpy(at, "\xEF\xBF\xBD", 3);
    }
  }
}

static const char *decode_string(decoding *d, const char *at) {
  const char *behind = json_skip_string(at, d->end);
  json_slice string = {at, (size_t)(behind - at)};
  if (memchr(string.at, '\\', string.length) == NULL) {
    lua_pushlstring(d->L, string.at + 1, string.length - 2);
    return behind;
  }
  buffer_clear(d->room);
  if (!json_unescape(string, d->room)) {
    luaL_error(d->L, "out of memory while reading a string");
  }
  if (d->room->length > 0) {
    mend_surrogates(d->room);
  }
  rf_push_fleeting(d->L, d->room->length > 0 ? d->room->data : "", d->room->length);
  return behind;
}

static const char *decode_value(decoding *d, const char *at, int depth);

/* To what follows a member or an element, or to the bracket behind the last one. */
static const char *to_next(const decoding *d, const char *at) {
  at = json_skip_space(at, d->end);
  return *at == ',' ? json_skip_space(at + 1, d->end) : at;
}

/* None of the tables in this one is to be told apart later. */
static void forget_elements(const decoding *d, int table) {
  lua_State *L = d->L;
  luaL_checkstack(L, 4, "not enough memory for a JSON value");
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    if (lua_istable(L, -1)) {
      forget_elements(d, lua_gettop(L));
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, d->places);
    }
  }
}

/* Of members with one name the last counts: what an earlier one had is in nobody's table. */
static void forget_replaced(const decoding *d, int table, int name) {
  lua_pushvalue(d->L, name);
  lua_rawget(d->L, table);
  if (lua_istable(d->L, -1)) {
    forget_elements(d, lua_gettop(d->L));
  }
  lua_pop(d->L, 1);
}

/* Puts the names and values on top into the table below them, which is made when there is none yet. */
static void put_members(const decoding *d, int table, int count, bool has_elements) {
  lua_State *L = d->L;
  if (lua_isnil(L, table)) {
    lua_createtable(L, 0, count);
    lua_replace(L, table);
  }
  for (int i = 1; i <= count; i++) {
    int name = table + 2 * i - 1;
    if (has_elements) {
      forget_replaced(d, table, name);
    }
    lua_pushvalue(L, name);
    lua_pushvalue(L, name + 1);
    lua_rawset(L, table);
  }
  lua_settop(L, table);
}

static const char *decode_object(decoding *d, const char *at, int depth) {
  lua_State *L = d->L;
  int elements_before = d->elements;
  int waiting = 0;
  lua_pushnil(L);
  int table = lua_gettop(L);
  for (at = json_skip_space(at + 1, d->end); *at != '}'; at = to_next(d, at)) {
    at = decode_string(d, at);
    at = json_skip_space(json_skip_space(at, d->end) + 1, d->end);
    if (*at == 'n' && !d->keep_nulls) {
      lua_pushnil(L);
      at = json_skip(at, d->end);
    } else {
      at = decode_value(d, at, depth);
    }
    if (++waiting == WAITING) {
      put_members(d, table, waiting, d->elements > elements_before);
      waiting = 0;
    }
  }
  put_members(d, table, waiting, d->elements > elements_before);
  return at + 1;
}

/* The same for the elements on top, before which `done` others are in the table. */
static void put_elements(lua_State *L, int table, int done, int count) {
  if (lua_isnil(L, table)) {
    lua_createtable(L, count, 0);
    lua_replace(L, table);
  }
  for (int i = count; i > 0; i--) {
    lua_rawseti(L, table, done + i);
  }
}

/* A table in a list can be told apart later, wherever it stands by then. */
static void remember_element(const decoding *d, int number) {
  lua_pushvalue(d->L, -1);
  lua_pushinteger(d->L, number);
  lua_rawset(d->L, d->places);
}

static const char *decode_array(decoding *d, const char *at, int depth) {
  lua_State *L = d->L;
  int waiting = 0;
  int done = 0;
  lua_pushnil(L);
  int table = lua_gettop(L);
  for (at = json_skip_space(at + 1, d->end); *at != ']'; at = to_next(d, at)) {
    bool is_container = *at == '{' || *at == '[';
    int number = is_container ? ++d->elements : 0;
    at = decode_value(d, at, depth);
    if (is_container) {
      remember_element(d, number);
    }
    if (++waiting == WAITING) {
      put_elements(L, table, done, waiting);
      done += waiting;
      waiting = 0;
    }
  }
  put_elements(L, table, done, waiting);
  return at + 1;
}

/* Pushes the value at `at`, which stands in so many containers; returns its end. */
static const char *decode_value(decoding *d, const char *at, int depth) {
  if (*at == '"') {
    return decode_string(d, at);
  }
  if (*at != '{' && *at != '[') {
    const char *behind = json_skip(at, d->end);
    rf_push_scalar(d->L, (json_slice){at, (size_t)(behind - at)}, d->room);
    return behind;
  }
  if (depth >= JSON_MAX_DEPTH) {
    luaL_error(d->L, "JSON with at most 64 objects and arrays inside each other expected");
  }
  luaL_checkstack(d->L, 2 * WAITING + 8, "not enough memory for a JSON value");
  return *at == '{' ? decode_object(d, at, depth + 1) : decode_array(d, at, depth + 1);
}

void rf_decode(lua_State *L, json_slice value, bool keep_nulls, buffer *room) {
  luaL_checkstack(L, 4, "not enough memory for a JSON value");
  lua_createtable(L, 0, USUAL_ELEMENTS);
  decoding d = {.L = L,
                .room = room,
                .end = value.at + value.length,
                .keep_nulls = keep_nulls,
                .places = lua_gettop(L)};
  decode_value(&d, json_skip_space(value.at, d.end), 0);
  lua_insert(L, d.places);
}
