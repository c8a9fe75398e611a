/* Plans for the other bindings. */
#ifndef REFERRALS_LUA_PLAN_H
#define REFERRALS_LUA_PLAN_H

#include "document.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* Pushes a plan for the change at `change`, a table, on the document at `base`; `prototype` and `plain` as core.document.plan
 * has them. False, and nothing pushed, when the change is not plain or changes nothing. */
bool rf_push_plan(lua_State *L, int base, int change, int prototype, int plain);

/* Whether an answer shows all that was to be set and has every member of the document that was read. */
bool rf_plan_is_confirmed(lua_State *L, int plan, const document *answer, const document *base);

/* Pushes what plan:members(paths) gives. */
void rf_push_plan_members(lua_State *L, int plan, int paths);

/* Writes the body that the plan at `plan` makes of the document at `base` into `out`. Raises when they are no such
 * ones, or not of each other. */
void rf_plan_body(lua_State *L, int plan, int base, buffer *out);

/* Adds `plan` to the table of core.document's functions on top. */
void rf_open_plan(lua_State *L);

#pragma GCC visibility pop

#endif
