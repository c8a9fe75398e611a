/* What an update on the straight way has beside Lua's values. */
#ifndef REFERRALS_LUA_WAY_H
#define REFERRALS_LUA_WAY_H

#include "lua_compat.h"
#include "lua_room.h"
#include "revision.h"

#pragma GCC visibility push(hidden)

#define RF_WAY "referrals.http.way"

/* The upvalue, behind those of lua_room.h, of each function that takes a way: the type's metatable. */
enum { RF_WAY_TYPE = RF_TYPES + 1 };

/* From an update's beginning to its end; then it serves the next one. */
typedef struct way {
  bool busy;    /* a finaliser that calls a verb in the middle of this one gets no other one into it */
  bool reads;   /* it began with a read */
  bool minimal; /* is that table wanted? */
  double deadline;
  char id[UUID_TEXT_SIZE]; /* the client-request-id of the last request */
  revision *revision; /* owned; its plan also serves an update that reads nothing; NULL: somebody else's */
} way;

/* Adds `way` to the table of core.http's functions on top. */
void rf_open_way(lua_State *L);

/* A large referral that was updated once is not held on to. */
void rf_way_let_go(way *w);

#pragma GCC visibility pop

#endif
