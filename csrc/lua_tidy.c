/* What a JSON decoder for Lua leaves to do: whole numbers as integers, nulls taken out, elements remembered.
 */
#include "lua_core.h"

#include <math.h>
#include <string.h>

enum { ELEMENTS = 3 /* where the table of elements stands on the stack */ };

typedef struct tidying {
  lua_State *L;
  bool keep_nulls;
} tidying;

static void tidy_table(const tidying *t, int table, int place);

/* Replaces a number at the top by the integer it is, where Lua has integers and a float says it exactly. */
static bool make_integer(lua_State *L) {
#if LUA_VERSION_NUM >= 503
  const double exact = 9007199254740992.0;
  lua_Number number = lua_tonumber(L, -1);
  if (!lua_isinteger(L, -1) && number >= -exact && number <= exact && floor(number) == number) {
    lua_pop(L, 1);
    lua_pushinteger(L, (lua_Integer)number);
    return true;
  }
#else
  (void)L;
#endif
  return false;
}

/* Pushes the JSON Pointer of the member whose name is at `name`. */
static void push_place(lua_State *L, int place, int name) {
  const char *text = lua_tostring(L, name);
  lua_pushvalue(L, place);
  lua_pushliteral(L, "/");
  if (strpbrk(text, "~/") == NULL) {
    lua_pushvalue(L, name);
  } else {
    luaL_gsub(L, luaL_gsub(L, text, "~", "~0"), "/", "~1");
    lua_remove(L, -2);
  }
  lua_concat(L, 3);
}

static void tidy_list(const tidying *t, int table, int place) {
  lua_State *L = t->L;
  int length = (int)rf_rawlen(L, table);
  for (int i = 1; i <= length; i++) {
    lua_rawgeti(L, table, i);
    if (lua_type(L, -1) == LUA_TNUMBER && make_integer(L)) {
      lua_rawseti(L, table, i);
      continue;
    }
    if (lua_istable(L, -1)) {
      int element = lua_gettop(L);
      lua_pushfstring(L, "%s/%d", lua_tostring(L, place), i - 1);
      lua_pushvalue(L, element);
      lua_pushvalue(L, element + 1);
      lua_rawset(L, ELEMENTS);
      tidy_table(t, element, element + 1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

static bool is_null(lua_State *L) {
  return lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == NULL;
}

/* Fields that are there may be changed and taken out while a table is walked. */
static void tidy_object(const tidying *t, int table, int place) {
  lua_State *L = t->L;
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    int name = lua_gettop(L) - 1;
    if (lua_istable(L, -1)) {
      push_place(L, place, name);
      tidy_table(t, name + 1, name + 2);
    } else if (is_null(L) && !t->keep_nulls) {
      lua_pushvalue(L, name);
      lua_pushnil(L);
      lua_rawset(L, table);
    } else if (lua_type(L, -1) == LUA_TNUMBER && make_integer(L)) {
      lua_pushvalue(L, name);
      lua_pushvalue(L, -2);
      lua_rawset(L, table);
    }
    lua_settop(L, name);
  }
}

static void tidy_table(const tidying *t, int table, int place) {
  lua_State *L = t->L;
  luaL_checkstack(L, 12, "a JSON value is nested too deeply");
  lua_rawgeti(L, table, 1);
  bool is_list = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_list) {
    tidy_list(t, table, place);
  } else {
    tidy_object(t, table, place);
  }
}

/*
 * tidy(table, keep_nulls) -> elements. Changes a decoded table in place: whole numbers become integers where
 * Lua has them; nulls in objects go unless they are kept. `elements` has the JSON Pointer of each table in a
 * list.
 */
int rf_tidy(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  tidying t = {.L = L, .keep_nulls = lua_toboolean(L, 2) != 0};
  lua_settop(L, 2);
  lua_newtable(L);
  lua_pushliteral(L, "");
  tidy_table(&t, 1, 4);
  lua_settop(L, ELEMENTS);
  return 1;
}
