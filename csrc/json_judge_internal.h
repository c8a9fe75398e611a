/* What the two files of the judge share; nobody else includes it. */
#ifndef REFERRALS_JSON_JUDGE_INTERNAL_H
#define REFERRALS_JSON_JUDGE_INTERNAL_H

#include "json.h"

#pragma GCC visibility push(hidden)

typedef struct judge {
  const char *text;
  const char *end;
  json_judgement *judgement;
  json_fault *fault;
  json_member_list known;   /* those that may still come */
  json_member_list written; /* the same */
  bool escaped;             /* some string had an escape in it */
} judge;

/* Each takes where something begins and gives where it ends, or NULL with the fault set. */

/* json_judge.c */
const char *judge_refuse(judge *j, const char *at, const char *what);
const char *judge_value(judge *j, const char *at, int depth);
/* A member's name: `at` its value's place then, over the colon. */
const char *judge_name(judge *j, const char *name, const char **value);

/* json_judge_root.c: the outermost object, from its brace on. */
const char *judge_root(judge *j, const char *at);

/* json_judge_root.c: what is known and did not come is gone. */
bool judge_pass_rest(judge *j);

#pragma GCC visibility pop

#endif
