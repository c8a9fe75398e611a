/* The few differences between Lua 5.1, LuaJIT, 5.3 and 5.4 that the bindings meet. */
#ifndef REFERRALS_LUA_COMPAT_H
#define REFERRALS_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#if LUA_VERSION_NUM == 501
/* One binary serves plain 5.1 and LuaJIT, so nothing beyond the 5.1 API is used. */
#define rf_rawlen(L, index) lua_objlen((L), (index))
#define rf_register_with(L, functions, upvalues) luaL_openlib((L), NULL, (functions), (upvalues))
#define rf_newuserdata(L, size) lua_newuserdata((L), (size))
#define rf_isinteger(L, index) 0
#elif LUA_VERSION_NUM >= 504
#define rf_rawlen(L, index) ((size_t)lua_rawlen((L), (index)))
#define rf_register_with(L, functions, upvalues) luaL_setfuncs((L), (functions), (upvalues))
#define rf_newuserdata(L, size) lua_newuserdatauv((L), (size), 1)
#define rf_isinteger(L, index) lua_isinteger((L), (index))
#else
#define rf_rawlen(L, index) ((size_t)lua_rawlen((L), (index)))
#define rf_register_with(L, functions, upvalues) luaL_setfuncs((L), (functions), (upvalues))
#define rf_newuserdata(L, size) lua_newuserdata((L), (size))
#define rf_isinteger(L, index) lua_isinteger((L), (index))
#endif

/* Functions for the table on top; with so many upvalues, which are popped. */
#define rf_register(L, functions) rf_register_with((L), (functions), 0)

#endif
