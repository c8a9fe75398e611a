/*
 * What makes a change plainly right: what kinds of values members have, and which of those need no closer
 * look. Never changes once it is complete, so that threads may share it.
 */
#ifndef REFERRALS_PLAN_RULES_H
#define REFERRALS_PLAN_RULES_H

#include "json.h"

#pragma GCC visibility push(hidden)

typedef struct plan_rules plan_rules;

/* The prototype is copied. NULL without memory; else it has one holder. */
plan_rules *plan_rules_new(json_slice prototype);

/* The values of the member at a JSON Pointer, which is not named twice: the characters that they may begin
 * with; or, listed, all of them, JSON texts that are ended by NUL each. False without memory. */
bool plan_rules_add(plan_rules *rules, json_slice pointer, bool listed, json_slice values);

/* One more holder; and one less: the last one's release frees it. Takes NULL. */
const plan_rules *plan_rules_hold(const plan_rules *rules);
void plan_rules_release(const plan_rules *rules);

/* The rules' own copy. */
json_slice plan_rules_prototype(const plan_rules *rules);

/* Is a value, JSON text of at least a byte, plainly right there? */
bool plan_rules_fit(const plan_rules *rules, json_slice pointer, json_slice value);

#pragma GCC visibility pop

#endif
