/* Plans for the other bindings. */
#ifndef REFERRALS_LUA_PLAN_H
#define REFERRALS_LUA_PLAN_H

#include "document.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* Writes the body that the plan at `plan` makes of the document at `base` into `out`. Raises when they are no such
 * ones, or not of each other. */
void rf_plan_body(lua_State *L, int plan, int base, buffer *out);

/* Adds `plan` to the table of core.document's functions on top. */
void rf_open_plan(lua_State *L);

#pragma GCC visibility pop

#endif
