/* Plans for the other bindings. */
#ifndef REFERRALS_LUA_PLAN_H
#define REFERRALS_LUA_PLAN_H

#include "lua_compat.h"
#include "plan.h"

#pragma GCC visibility push(hidden)

/* Rules of core.document.rules; raises for another value. Good while they are on the stack. */
const plan_rules *rf_check_rules(lua_State *L, int index);

/* A plan in `room` for the change at `change`, a table. NULL when the change is not plain or changes nothing.
 */
const plan *rf_make_plan(lua_State *L, const document *base, int change, const plan_rules *rules,
                         buffer *room);

/* Pushes what plan:members(paths) gives. */
void rf_push_plan_members(lua_State *L, const plan *p, int paths);

/* Writes the body that the plan at `plan` makes of the document at `base` into `out`. Raises when they are no
 * such ones, or not of each other. */
void rf_plan_body(lua_State *L, int plan, int base, buffer *out);

/* Whether there is a plan, and for that document; good while it is on the stack. NULL: no. */
const plan *rf_plan_for(lua_State *L, int plan, const document *base);

/* As core.document.read has it, for the answer to what the plan has written. Both may be NULL. */
int rf_push_written(lua_State *L, json_slice text, const plan *p, const document *base);

/* Adds `plan`, `rules` and `fits` to the table of core.document's functions on top. */
void rf_open_plan(lua_State *L);

#pragma GCC visibility pop

#endif
