/* The smallest Lua host: runs the script named first with the other arguments. Built with sanitizers by
 * .ci/memory. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>

/* The arguments may be the names of all specs: a new stack has no room for so many, and lua_pushstring does
 * not look. */
static int run(lua_State *L, int argc, char **argv) {
  if (!lua_checkstack(L, argc)) {
    lua_pushliteral(L, "too many arguments");
    return LUA_ERRMEM;
  }
  int status = luaL_loadfile(L, argv[1]);
  if (status != LUA_OK) {
    return status;
  }
  for (int i = 2; i < argc; i++) {
    lua_pushstring(L, argv[i]);
  }
  return lua_pcall(L, argc - 2, 0, 0);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s script [argument ...]\n", argv[0]);
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    return 1;
  }
  luaL_openlibs(L);
  lua_newtable(L);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  int status = run(L, argc, argv);
  if (status != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  }
  lua_close(L);
  return status == LUA_OK ? 0 : 1;
}
