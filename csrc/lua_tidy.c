/*
 * What a JSON decoder for Lua leaves to do: whole numbers as integers, nulls taken out, elements remembered.
 * One pass over the text that was decoded finds where there is something to do; only the tables on the way
 * there are looked at.
 */
#include "json_scan.h"
#include "lua_anchor.h"
#include "lua_json.h"

#include <math.h>
#include <string.h>

static const char TIDYING[] = "referrals.json.tidying";

enum {
  ELEMENTS = 4,      /* where that table stands on the stack */
  USUAL_ELEMENTS = 8 /* of a referral: the table grows in steps, which cost more than they hold */
};

/* A container on the way to where the text is read. */
typedef struct level {
  json_slice name; /* in the container above; `at` is NULL in an array */
  int position;    /* there, from 0 */
  int table;       /* where its table stands on Lua's stack; 0: not there yet, -1: there is none */
} level;

typedef struct tidying {
  lua_State *L;
  buffer *name; /* where one may be unescaped */
  const char *end;
  bool keep_nulls;
  int elements; /* containers in arrays, so far */
  level levels[JSON_MAX_DEPTH + 1];
} tidying;

static int name_gc(lua_State *L) {
  buffer_free(lua_touserdata(L, 1));
  return 0;
}

#if LUA_VERSION_NUM >= 503
/* Replaces a number at the top by the integer it is, where a float says it exactly. */
static bool make_integer(lua_State *L) {
  const double exact = 9007199254740992.0;
  lua_Number number = lua_tonumber(L, -1);
  if (!lua_isinteger(L, -1) && number >= -exact && number <= exact && floor(number) == number) {
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)number);
    return true;
  }
  return false;
}
#endif

static bool is_null(lua_State *L) {
  return lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == NULL;
}

/* Pushes the key of what stands at `place` in its container. */
static void push_key(const tidying *t, const level *place) {
  if (place->name.at != NULL) {
    rf_push_string(t->L, place->name, t->name);
  } else {
    lua_pushinteger(t->L, place->position + 1);
  }
}

/* Brings the table of a level onto the stack; false when there is none. (Of members with one name only the
 * last is there, whatever the text says of the others.) */
static bool reach(tidying *t, int depth) {
  level *here = &t->levels[depth];
  if (here->table == 0) {
    here->table = -1;
    if (reach(t, depth - 1)) {
      push_key(t, here);
      lua_rawget(t->L, t->levels[depth - 1].table);
      if (lua_istable(t->L, -1)) {
        here->table = lua_gettop(t->L);
      } else {
        lua_pop(t->L, 1);
      }
    }
  }
  return here->table > 0;
}

/* A table in a list can be told apart later, wherever it stands by then. */
static void remember_element(tidying *t, int depth) {
  lua_State *L = t->L;
  t->elements++;
  if (reach(t, depth)) {
    lua_pushvalue(L, t->levels[depth].table);
    lua_pushinteger(L, t->elements);
    lua_rawset(L, ELEMENTS);
  }
}

/* A null in an array stays: it holds its place. */
static void drop_null(tidying *t, int depth, const level *place) {
  lua_State *L = t->L;
  if (!t->keep_nulls && place->name.at != NULL && reach(t, depth)) {
    int table = t->levels[depth].table;
    push_key(t, place);
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    if (is_null(L)) {
      lua_pushvalue(L, -2);
      lua_pushnil(L);
      lua_rawset(L, table);
    }
    lua_pop(L, 2);
  }
}

static void tidy_number(tidying *t, int depth, const level *place) {
#if LUA_VERSION_NUM >= 503
  lua_State *L = t->L;
  if (reach(t, depth)) {
    int table = t->levels[depth].table;
    push_key(t, place);
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    if (lua_type(L, -1) == LUA_TNUMBER && make_integer(L)) {
      lua_rawset(L, table);
    } else {
      lua_pop(L, 2);
    }
  }
#else
  (void)t, (void)depth, (void)place;
#endif
}

static const char *tidy_container(tidying *t, const char *at, int depth);

/* The value at `at`, which stands at `place` in the container of that depth; returns its end. */
static const char *tidy_value(tidying *t, const char *at, int depth, level place) {
  if (*at == '{' || *at == '[') {
    if (depth >= JSON_MAX_DEPTH) {
      luaL_error(t->L, "JSON with at most 64 objects and arrays inside each other expected");
    }
    t->levels[depth + 1] = place;
    if (place.name.at == NULL) {
      remember_element(t, depth + 1);
    }
    return tidy_container(t, at, depth + 1);
  }
  if (*at == 'n') {
    drop_null(t, depth, &place);
  } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
    tidy_number(t, depth, &place);
  }
  return json_skip(at, t->end);
}

/* What was pushed for a level goes with it; returns behind its closing bracket. */
static const char *leave(const tidying *t, const char *at, int depth) {
  int table = t->levels[depth].table;
  if (table > ELEMENTS) {
    lua_settop(t->L, table - 1);
  }
  return at + 1;
}

static const char *tidy_container(tidying *t, const char *at, int depth) {
  bool is_object = *at == '{';
  at = json_skip_space(at + 1, t->end);
  for (int position = 0; *at != '}' && *at != ']'; position++) {
    level place = {.position = position};
    if (is_object) {
      const char *name_end = json_skip_string(at, t->end);
      place.name = (json_slice){at, (size_t)(name_end - at)};
      at = json_skip_space(json_skip_space(name_end, t->end) + 1, t->end);
    }
    at = *at == '"' ? json_skip_string(at, t->end) : tidy_value(t, at, depth, place);
    at = json_skip_space(at, t->end);
    at = *at == ',' ? json_skip_space(at + 1, t->end) : at;
  }
  return leave(t, at, depth);
}

/*
 * tidy(table, text, keep_nulls) -> elements. Changes a table in place that was decoded from this text, which
 * the core accepted: whole numbers become integers where Lua has them; nulls in objects go unless they are
 * kept. `elements` has for each table in a list which one it is, in the order in which the text has them; see
 * element_pointers().
 */
int rf_tidy(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t length = 0;
  const char *text = luaL_checklstring(L, 2, &length);
  lua_settop(L, 3);
  tidying t = {
      .L = L, .name = rf_anchored(L, TIDYING), .end = text + length, .keep_nulls = lua_toboolean(L, 3) != 0};
  luaL_checkstack(L, JSON_MAX_DEPTH + 12, "not enough memory for a JSON value");
  lua_createtable(L, 0, USUAL_ELEMENTS);
  t.levels[0] = (level){.table = 1};
  tidy_container(&t, json_skip_space(text, t.end), 0);
  lua_settop(L, ELEMENTS);
  return 1;
}

void rf_open_tidy(lua_State *L) {
  buffer_init(rf_anchor(L, TIDYING, sizeof(buffer), name_gc), JSON_MAX_LENGTH);
}
