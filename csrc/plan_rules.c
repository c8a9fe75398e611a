#include "plan_rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Of one member. Offsets are into the rules' texts. */
typedef struct rule {
  size_t pointer, pointer_length;
  size_t values, values_length; /* beginnings, or texts */
  bool listed;                  /* texts */
} rule;

struct plan_rules {
  atomic_size_t holders;
  size_t prototype_length;
  buffer texts; /* the prototype first */
  rule *rules;  /* owned */
  size_t count;
};

enum { LONGEST = 1024 * 1024 }; /* bytes of all texts */

static void free_rules(plan_rules *rules) {
  buffer_free(&rules->texts);
  free(rules->rules);
  free(rules);
}

plan_rules *plan_rules_new(json_slice prototype) {
  plan_rules *rules = calloc(1, sizeof *rules);
  if (rules == NULL) {
    return NULL;
  }
  atomic_init(&rules->holders, 1);
  buffer_init(&rules->texts, LONGEST);
  rules->prototype_length = prototype.length;
  if (!buffer_append(&rules->texts, prototype.at, prototype.length)) {
    free_rules(rules);
    return NULL;
  }
  return rules;
}

bool plan_rules_add(plan_rules *rules, json_slice pointer, bool listed, json_slice values) {
  rule *all = realloc(rules->rules, (rules->count + 1) * sizeof *all);
  if (all == NULL) {
    return false;
  }
  rules->rules = all;
  size_t at = rules->texts.length;
  all[rules->count] = (rule){.pointer = at,
                             .pointer_length = pointer.length,
                             .values = at + pointer.length,
                             .values_length = values.length,
                             .listed = listed};
  bool added = buffer_append(&rules->texts, pointer.at, pointer.length) &&
               buffer_append(&rules->texts, values.at, values.length);
  rules->count += added ? 1 : 0;
  return added;
}

/* The count is not part of what never changes. */
static atomic_size_t *holders_of(const plan_rules *rules) {
  return (atomic_size_t *)&rules->holders;
}

const plan_rules *plan_rules_hold(const plan_rules *rules) {
  atomic_fetch_add(holders_of(rules), 1);
  return rules;
}

void plan_rules_release(const plan_rules *rules) {
  if (rules != NULL && atomic_fetch_sub(holders_of(rules), 1) == 1) {
    free_rules((plan_rules *)rules);
  }
}

json_slice plan_rules_prototype(const plan_rules *rules) {
  return (json_slice){rules->texts.data, rules->prototype_length};
}

static const rule *find(const plan_rules *rules, json_slice pointer) {
  for (size_t i = 0; i < rules->count; i++) {
    const rule *at = &rules->rules[i];
    if (at->pointer_length == pointer.length &&
        memcmp(rules->texts.data + at->pointer, pointer.at, pointer.length) == 0) {
      return at;
    }
  }
  return NULL;
}

static bool is_listed(const char *texts, size_t length, json_slice value) {
  for (const char *at = texts; at < texts + length; at += strlen(at) + 1) {
    if (strlen(at) == value.length && memcmp(at, value.at, value.length) == 0) {
      return true;
    }
  }
  return false;
}

/* Digits alone are never more than a double holds, as long as they are no more than this. */
enum { PLAIN_DIGITS = 300 };

static bool may_be_infinite(json_slice value) {
  bool number = *value.at == '-' || (*value.at >= '0' && *value.at <= '9');
  return number && (value.length > PLAIN_DIGITS || memchr(value.at, 'e', value.length) != NULL ||
                    memchr(value.at, 'E', value.length) != NULL);
}

bool plan_rules_fit(const plan_rules *rules, json_slice pointer, json_slice value) {
  const rule *found = find(rules, pointer);
  if (found == NULL) {
    return false;
  }
  const char *values = rules->texts.data + found->values;
  return found->listed ? is_listed(values, found->values_length, value)
                       : memchr(values, *value.at, found->values_length) != NULL && !may_be_infinite(value);
}
