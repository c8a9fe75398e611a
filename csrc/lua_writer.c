/* A Lua value as change text: JSON, with the marks for what JSON cannot say. */
#include "json_number.h"
#include "lua_anchor.h"
#include "lua_fleeting.h"
#include "lua_json.h"
#include "lua_room.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char WRITER[] = "referrals.json.writer";
static const char ARRAY_KIND[] = "referrals.array";
static const char ADD_KIND[] = "referrals.add";
static const char REMOVE_KIND[] = "referrals.remove";

enum {
  WRITER_LIMIT = 256 * 1024 * 1024, /* bytes of one value's text */
  LAST_EXACT = 53                   /* whole numbers up to 2 to this power are exact in a double */
};

/* Where the writer stands: a member's name or an element's position. */
typedef struct step {
  const char *name; /* a Lua string that stands on the stack meanwhile; NULL for an element */
  size_t position;  /* from 1 */
} step;

/* Working memory, anchored in the registry; reused. */
typedef struct writer {
  buffer out;
  buffer member; /* the path to what was refused */
  step steps[JSON_MAX_DEPTH + 1];
  const void *tables[JSON_MAX_DEPTH + 1];
  const char *refused; /* static text: what was expected; NULL while all is well */
  bool unresolved;     /* it was a removal that names no positions yet */
  int places;          /* where on the stack stands where elements were read; 0: it is not known */
} writer;

static int writer_gc(lua_State *L) {
  writer *w = lua_touserdata(L, 1);
  buffer_free(&w->out);
  buffer_free(&w->member);
  return 0;
}

static writer *writer_of(lua_State *L) {
  writer *w = rf_anchored(L, WRITER);
  buffer_clear(&w->out);
  buffer_clear(&w->member);
  w->refused = NULL;
  w->unresolved = false;
  w->places = 0;
  return w;
}

static void make_writer(lua_State *L) {
  writer *w = rf_anchor(L, WRITER, sizeof *w, writer_gc);
  buffer_init(&w->out, WRITER_LIMIT);
  buffer_init(&w->member, JSON_MAX_POINTER);
}

static bool refuse(writer *w, int depth, const char *what) {
  if (w->refused != NULL) {
    return false;
  }
  w->refused = what;
  for (int i = 0; i < depth; i++) {
    const step *s = &w->steps[i];
    if (s->name != NULL) {
      buffer_append_text(&w->member, i == 0 ? "" : ".");
      buffer_append_text(&w->member, s->name);
    } else {
      char position[24];
      snprintf(position, sizeof position, "[%zu]", s->position);
      buffer_append_text(&w->member, position);
    }
  }
  return false;
}

static bool is_utf8(const char *at, size_t length) {
  const char *end = at + length;
  while (at < end) {
    size_t width = (unsigned char)*at < 0x80 ? 1 : json_utf8_length(at, end);
    if (width == 0) {
      return false;
    }
    at += width;
  }
  return true;
}

static bool write_string(writer *w, const char *bytes, size_t length, int depth) {
  if (!is_utf8(bytes, length)) {
    return refuse(w, depth, "a string of UTF-8");
  }
  json_append_string(&w->out, bytes, length);
  return true;
}

static bool write_float(writer *w, double number, int depth) {
  if (isnan(number) || isinf(number)) {
    return refuse(w, depth, "a finite number");
  }
  char text[JSON_NUMBER_ROOM];
  buffer_append_byte(&w->out, JSON_MARK_NUMBER);
  buffer_append(&w->out, text, json_print_double(number, text));
  return true;
}

static bool write_number(lua_State *L, writer *w, int index, int depth) {
  if (!rf_isinteger(L, index)) {
    return write_float(w, (double)lua_tonumber(L, index), depth);
  }
  long long number = (long long)lua_tointeger(L, index);
  const long long exact = 1LL << LAST_EXACT;
  if (number >= -exact && number <= exact) {
    buffer_append_byte(&w->out, JSON_MARK_NUMBER); /* it may be what a float was read as */
  }
  char text[JSON_NUMBER_ROOM];
  buffer_append(&w->out, text, json_print_integer(number, text));
  return true;
}

static bool write_value(lua_State *L, writer *w, int index, int depth);

/* The key is at -2, the value at -1. */
static bool write_member(lua_State *L, writer *w, int depth, bool first) {
  if (lua_type(L, -2) != LUA_TSTRING) {
    return refuse(w, depth, "either names or positions as keys, not both");
  }
  size_t length = 0;
  const char *name = lua_tolstring(L, -2, &length);
  w->steps[depth] = (step){.name = name};
  if (!first) {
    buffer_append_byte(&w->out, ',');
  }
  if (!write_string(w, name, length, depth + 1)) {
    return false;
  }
  buffer_append_byte(&w->out, ':');
  return write_value(L, w, lua_gettop(L), depth + 1);
}

static bool write_object(lua_State *L, writer *w, int index, int depth) {
  buffer_append_byte(&w->out, '{');
  bool first = true;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (!write_member(L, w, depth, first)) {
      return false;
    }
    first = false;
    lua_pop(L, 1);
  }
  buffer_append_byte(&w->out, '}');
  return true;
}

/* Whether the keys are just 1 to `length`. */
static bool check_positions(lua_State *L, writer *w, int index, int depth, size_t length) {
  size_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    lua_Number key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (lua_type(L, -1) != LUA_TNUMBER) {
      return refuse(w, depth, "either names or positions as keys, not both");
    }
    if (key < 1 || key > (lua_Number)length || key != floor(key)) {
      return refuse(w, depth, "an array without holes, from 1 on");
    }
    count++;
  }
  return count == length || refuse(w, depth, "an array without holes, from 1 on");
}

/* Pushes where the elements of an array were read, or nil. */
static void push_places(lua_State *L, const writer *w, int index) {
  if (w->places == 0) {
    lua_pushnil(L);
  } else {
    lua_pushvalue(L, index);
    lua_rawget(L, w->places);
  }
}

/* The mark of an element of which it is known where it was read, or that it was not; `places` is what
 * push_places() pushed. */
static void write_place(lua_State *L, writer *w, int places, size_t position) {
  if (lua_isnil(L, places)) {
    return;
  }
  lua_rawgeti(L, places, (int)position);
  bool read = lua_type(L, -1) == LUA_TNUMBER;
  lua_Integer place = read ? lua_tointeger(L, -1) : 0;
  if (read || lua_type(L, -1) == LUA_TBOOLEAN) {
    char digits[JSON_NUMBER_ROOM];
    buffer_append_byte(&w->out, JSON_MARK_PLACE);
    buffer_append(&w->out, digits, read ? json_print_integer(place, digits) : 0);
  }
  lua_pop(L, 1);
}

static bool write_array(lua_State *L, writer *w, int index, int depth) {
  size_t length = rf_rawlen(L, index);
  if (!check_positions(L, w, index, depth, length)) {
    return false;
  }
  push_places(L, w, index);
  int places = lua_gettop(L);
  buffer_append_byte(&w->out, '[');
  for (size_t position = 1; position <= length; position++) {
    if (position > 1) {
      buffer_append_byte(&w->out, ',');
    }
    w->steps[depth] = (step){.position = position};
    write_place(L, w, places, position);
    lua_rawgeti(L, index, (int)position);
    if (!write_value(L, w, lua_gettop(L), depth + 1)) {
      return false;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  buffer_append_byte(&w->out, ']');
  return true;
}

static bool has_metatable(lua_State *L, int index, const char *kind) {
  if (!lua_getmetatable(L, index)) {
    return false;
  }
  lua_getfield(L, LUA_REGISTRYINDEX, kind);
  bool same = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 2);
  return same;
}

static bool write_removal(lua_State *L, writer *w, int index, int depth) {
  lua_getfield(L, index, "match");
  w->unresolved = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (w->unresolved) {
    return refuse(w, depth,
                  "no removal here: it takes elements out of an array that is a member of an object");
  }
  buffer_append_byte(&w->out, JSON_MARK_REMOVE);
  return write_array(L, w, index, depth);
}

static bool write_table(lua_State *L, writer *w, int index, int depth) {
  if (has_metatable(L, index, ARRAY_KIND)) {
    return write_array(L, w, index, depth);
  }
  if (has_metatable(L, index, ADD_KIND)) {
    buffer_append_byte(&w->out, JSON_MARK_ADD);
    return write_array(L, w, index, depth);
  }
  if (has_metatable(L, index, REMOVE_KIND)) {
    return write_removal(L, w, index, depth);
  }
  lua_pushnil(L);
  if (lua_next(L, index) == 0) {
    buffer_append_byte(&w->out, JSON_MARK_EMPTY);
    return true;
  }
  bool named = lua_type(L, -2) == LUA_TSTRING;
  lua_pop(L, 2);
  return named ? write_object(L, w, index, depth) : write_array(L, w, index, depth);
}

static bool enter_table(lua_State *L, writer *w, int index, int depth) {
  const void *table = lua_topointer(L, index);
  for (int i = 0; i < depth; i++) {
    if (w->tables[i] == table) {
      return refuse(w, depth, "a value that does not contain itself");
    }
  }
  if (depth >= JSON_MAX_DEPTH || !lua_checkstack(L, 12)) {
    return refuse(w, depth, "at most 64 tables inside each other");
  }
  w->tables[depth] = table;
  return write_table(L, w, index, depth);
}

static bool write_value(lua_State *L, writer *w, int index, int depth) {
  size_t length = 0;
  const char *text = NULL;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &length);
    return write_string(w, text, length, depth);
  case LUA_TNUMBER:
    return write_number(L, w, index, depth);
  case LUA_TBOOLEAN:
    buffer_append_text(&w->out, lua_toboolean(L, index) ? "true" : "false");
    return true;
  case LUA_TTABLE:
    return enter_table(L, w, index, depth);
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index) == NULL) {
      buffer_append_text(&w->out, "null");
      return true;
    }
    break;
  }
  return refuse(w, depth, "a string, number, boolean, table or referrals.null");
}

bool rf_write_value(lua_State *L, int index, json_slice *text) {
  int top = lua_gettop(L);
  writer *w = writer_of(L);
  bool written = write_value(L, w, index, 0) && !w->out.failed;
  lua_settop(L, top);
  *text = (json_slice){w->out.data, w->out.length};
  return written;
}

static int push_refusal(lua_State *L, const writer *w) {
  const char *what = w->refused != NULL ? w->refused : "less: it does not fit into memory or its bound";
  bool unresolved = w->unresolved;
  lua_settop(L, 1);
  lua_pushnil(L);
  rf_push_fleeting(L, w->member.data != NULL ? w->member.data : "", w->member.length);
  lua_pushstring(L, what);
  lua_insert(L, -2);
  lua_pushboolean(L, unresolved);
  return 4;
}

/*
 * write(value [, places]) -> change text, whether it is an object's | nil, what was expected, member, whether
 * it was a removal that names no positions yet. `places`: array -> for each element its position, from 0, in
 * that array as it was read; false for one that is none of these, nil where that is not known.
 */
int rf_json_write(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  writer *w = writer_of(L);
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    w->places = 2;
  }
  if (!write_value(L, w, 1, 0) || w->out.failed) {
    return push_refusal(L, w);
  }
  bool is_object = *w->out.data == '{' || *w->out.data == JSON_MARK_EMPTY;
  rf_push_fleeting(L, w->out.data, w->out.length);
  lua_pushboolean(L, is_object);
  return 2;
}

/* The kinds outlive a second load of the module: values made before it stay what they are. */
static void make_kind(lua_State *L, const char *kind, const char *field) {
  luaL_newmetatable(L, kind);
  lua_setfield(L, -2, field);
}

void rf_open_writer(lua_State *L) {
  make_writer(L);
  make_kind(L, ARRAY_KIND, "array");
  make_kind(L, ADD_KIND, "add");
  make_kind(L, REMOVE_KIND, "remove");
}
