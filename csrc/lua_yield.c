/* Whether Lua can yield where it is. nginx takes the library's own coroutine.isyieldable() away. */
#include "lua_core.h"

#if LUA_VERSION_NUM == 501
/* LuaJIT has it beside the functions of Lua 5.1, which is what is compiled for; Lua 5.1 itself has not. */
extern int lua_isyieldable(lua_State *L) __attribute__((weak, visibility("default")));
#define CAN_TELL (lua_isyieldable != NULL)
#else
#define CAN_TELL true
#endif

/* is_yieldable() -> true or false; nil where this Lua cannot tell */
int rf_is_yieldable(lua_State *L) {
  if (CAN_TELL) {
    lua_pushboolean(L, lua_isyieldable(L));
  } else {
    lua_pushnil(L);
  }
  return 1;
}
