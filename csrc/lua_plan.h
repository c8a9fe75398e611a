/* Plans for the other bindings. */
#ifndef REFERRALS_LUA_PLAN_H
#define REFERRALS_LUA_PLAN_H

#include "document.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The body that the plan on the stack makes of the document on the stack, good until a document is applied to, read or
 * written the next time. False when there is no plan at `plan`. Raises when `base` is not the plan's. */
bool rf_plan_body(lua_State *L, int plan, int base, json_slice *body);

/* Adds `plan` to the table of core.document's functions on top. */
void rf_open_plan(lua_State *L);

#pragma GCC visibility pop

#endif
