/*
 * Bytes in working memory that the next call uses again. Lua may collect garbage whenever memory is asked
 * for, and a finaliser may be that next call.
 */
#ifndef REFERRALS_LUA_FLEETING_H
#define REFERRALS_LUA_FLEETING_H

#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* Pushes such bytes as a string, as they are when it is called; behind it they may be others. Raises when
 * memory is short. */
void rf_push_fleeting(lua_State *L, const char *at, size_t length);

/* Has to be called before. */
void rf_open_fleeting(lua_State *L);

#pragma GCC visibility pop

#endif
