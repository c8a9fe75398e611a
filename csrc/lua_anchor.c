#include "lua_anchor.h"

#include <string.h>

void *rf_anchor(lua_State *L, const char *key, size_t size, lua_CFunction gc) {
  void *block = rf_newuserdata(L, size);
  memset(block, 0, size);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
  return block;
}

void *rf_anchored(lua_State *L, const char *key) {
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  void *block = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return block;
}

void *rf_check_type(lua_State *L, int index, int upvalue, const char *type) {
  void *block = lua_touserdata(L, index);
  if (block != NULL && lua_getmetatable(L, index)) {
    bool same = lua_rawequal(L, -1, lua_upvalueindex(upvalue)) != 0;
    lua_pop(L, 1);
    if (same) {
      return block;
    }
  }
  return luaL_checkudata(L, index, type); /* which raises */
}

void rf_make_type(lua_State *L, const char *type, lua_CFunction gc) {
  luaL_newmetatable(L, type);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

bool rf_has_metatable(lua_State *L, int index) {
  if (lua_getmetatable(L, index)) {
    lua_pop(L, 1);
    return true;
  }
  return false;
}
