/* core.backoff: delays and the retry budget for Lua. */
#include "backoff.h"
#include "lua_core.h"
#include "random.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define BUDGET_TYPE "referrals.backoff.budget"

/* ---- delays ---- */

/* Every double from 2^53 on is whole. */
static bool is_whole(double value) {
  return value >= 0x1p53 || (value >= 0 && (double)(int64_t)value == value);
}

/* An attempt that no int holds is as far beyond every cap as the last one that fits. */
static int check_attempt(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TNUMBER);
  double attempt = (double)lua_tonumber(L, index);
  luaL_argcheck(L, backoff_is_seconds(attempt) && is_whole(attempt), index, "expected a whole number from 0");
  return attempt < INT_MAX ? (int)attempt : INT_MAX;
}

static double opt_seconds(lua_State *L, int index, double otherwise) {
  if (lua_isnoneornil(L, index)) {
    return otherwise;
  }
  luaL_checktype(L, index, LUA_TNUMBER);
  double seconds = (double)lua_tonumber(L, index);
  luaL_argcheck(L, backoff_is_seconds(seconds), index, "expected seconds, finite and not negative");
  return seconds;
}

/* The next number of the pool that the functions of this Lua state share. */
static double draw(lua_State *L) {
  double uniform;
  if (!random_uniform(lua_touserdata(L, lua_upvalueindex(1)), &uniform)) {
    luaL_error(L, "the system gives no random bytes");
  }
  return uniform;
}

/* delay(attempt [, base = 0.25 [, cap = 20]]) -> seconds, at random from 0 to min(cap, base * 2^attempt) */
static int rf_backoff_delay(lua_State *L) {
  int attempt = check_attempt(L, 1);
  double base = opt_seconds(L, 2, BACKOFF_BASE);
  double cap = opt_seconds(L, 3, BACKOFF_CAP);
  lua_pushnumber(L, (lua_Number)backoff_delay(draw(L), attempt, base, cap));
  return 1;
}

/* uniform() -> a random number in [0, 1) */
static int rf_backoff_uniform(lua_State *L) {
  lua_pushnumber(L, (lua_Number)draw(L));
  return 1;
}

/* ---- the budget ---- */

static backoff_budget *check_budget(lua_State *L) {
  return luaL_checkudata(L, 1, BUDGET_TYPE);
}

static int opt_capacity(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) {
    return BACKOFF_CAPACITY;
  }
  luaL_checktype(L, index, LUA_TNUMBER);
  double capacity = (double)lua_tonumber(L, index);
  luaL_argcheck(L, is_whole(capacity) && capacity <= BACKOFF_CAPACITY_MAX, index,
                "expected a whole number from 0 to 1000000");
  return (int)capacity;
}

/* budget([capacity = 500]) -> a full budget */
static int rf_backoff_budget(lua_State *L) {
  int capacity = opt_capacity(L, 1);
  backoff_budget_init(rf_newuserdata(L, sizeof(backoff_budget)), capacity);
  luaL_getmetatable(L, BUDGET_TYPE);
  lua_setmetatable(L, -2);
  return 1;
}

static bool is_text(lua_State *L, int index, const char *expected) {
  size_t length;
  const char *text = lua_tolstring(L, index, &length);
  return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static int check_cause(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TSTRING);
  if (is_text(L, index, "retry")) {
    return BACKOFF_COST_RETRY;
  }
  luaL_argcheck(L, is_text(L, index, "timeout"), index, "expected \"retry\" or \"timeout\"");
  return BACKOFF_COST_TIMEOUT;
}

/* budget:take("retry" | "timeout") -> tokens taken, 5 or 10 | nil when there are fewer: then do not retry */
static int rf_budget_take(lua_State *L) {
  backoff_budget *budget = check_budget(L);
  int cost = check_cause(L, 2);
  if (backoff_budget_take(budget, cost)) {
    lua_pushinteger(L, cost);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

static int opt_refund(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) {
    return BACKOFF_REFUND_FIRST;
  }
  luaL_checktype(L, index, LUA_TNUMBER);
  lua_Number cost = lua_tonumber(L, index);
  luaL_argcheck(L, cost == BACKOFF_COST_RETRY || cost == BACKOFF_COST_TIMEOUT, index,
                "expected what take() gave, 5 or 10, or nil for a first attempt");
  return (int)cost;
}

/* budget:refund([cost]) -> is it full? After a success; `cost` is what take() gave for its retry, nil when it
 * took none */
static int rf_budget_refund(lua_State *L) {
  backoff_budget *budget = check_budget(L);
  backoff_budget_refund(budget, opt_refund(L, 2));
  lua_pushboolean(L, budget->level == budget->capacity);
  return 1;
}

/* budget:level() -> tokens left */
static int rf_budget_level(lua_State *L) {
  lua_pushinteger(L, check_budget(L)->level);
  return 1;
}

/* ---- opening ---- */

static void make_budget_type(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"take", rf_budget_take},
      {"refund", rf_budget_refund},
      {"level", rf_budget_level},
      {NULL, NULL},
  };
  luaL_newmetatable(L, BUDGET_TYPE);
  rf_register(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

/* Adds a function that draws from the pool on top of the stack to the table below it. */
static void add_drawing(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -3, name);
}

int rf_open_backoff(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"budget", rf_backoff_budget},
      {NULL, NULL},
  };
  make_budget_type(L);
  lua_newtable(L);
  rf_register(L, functions);
  memset(rf_newuserdata(L, sizeof(random_pool)), 0, sizeof(random_pool));
  add_drawing(L, "delay", rf_backoff_delay);
  add_drawing(L, "uniform", rf_backoff_uniform);
  lua_pop(L, 1);
  return 1;
}
