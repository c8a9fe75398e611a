/*
 * Whether a change is plainly right on a referral as it was read, and the plan of it. Whatever is not plain
 * gets none, and is decided step by step in Lua.
 */
#include "plan.h"
#include "transition.h"

#include <string.h>

/* ---- whether a change is plain ---- */

static bool is_identity(json_slice name) {
  return json_string_is(name, "id", 2) || json_string_is(name, "eTag", 4) || json_string_is(name, "links", 5);
}

/* What a change asks for of what is judged together; not named: no text. */
typedef struct asked_move {
  json_slice status, substatus;
} asked_move;

/* Names that a change may carry without writing them are looked at in Lua. */
static bool names_nothing_special(json_slice change, asked_move *asked) {
  json_cursor cursor = json_enter(change);
  json_member member;
  *asked = (asked_move){{NULL, 0}, {NULL, 0}};
  while (json_next_member(&cursor, &member)) {
    if (is_identity(member.name) || memchr(member.name.at, '@', member.name.length) != NULL) {
      return false;
    } else if (json_string_is(member.name, "status", 6)) {
      asked->status = member.value;
    } else if (json_string_is(member.name, "substatus", 9)) {
      asked->substatus = member.value;
    }
  }
  return true;
}

static json_slice to_of(const document_work *work, const document_difference *difference) {
  return (json_slice){work->render.out.data + difference->to, difference->to_length};
}

static json_slice pointer_of(const document_work *work, const document_difference *difference) {
  return (json_slice){work->pointers.data + difference->pointer, difference->pointer_length};
}

static bool are_plain(const plan_rules *rules, const document_work *work) {
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *difference = &work->differences[i];
    bool scalar = difference->from.at == NULL || json_is_scalar(difference->from);
    if (difference->act != DOCUMENT_SET || !scalar ||
        !plan_rules_fit(rules, pointer_of(work, difference), to_of(work, difference))) {
      return false;
    }
  }
  return work->difference_count > 0;
}

/* ---- whether the status may become what is asked ---- */

static bool pointer_is(const document_work *work, const document_difference *difference, const char *text) {
  json_slice pointer = pointer_of(work, difference);
  return pointer.length == strlen(text) && memcmp(pointer.at, text, pointer.length) == 0;
}

static bool touches_status(const document_work *work) {
  for (size_t i = 0; i < work->difference_count; i++) {
    if (pointer_is(work, &work->differences[i], "/status") ||
        pointer_is(work, &work->differences[i], "/substatus")) {
      return true;
    }
  }
  return false;
}

/* A string without escapes; what has some is looked at in Lua. */
static bool plain_text(json_slice value, transition_value *text) {
  *text = (transition_value){NULL, 0};
  if (value.at == NULL) {
    return true;
  }
  *text = (transition_value){value.at + 1, value.length - 2};
  return *value.at == '"' && memchr(value.at, '\\', value.length) == NULL;
}

static json_slice value_in(const document *d, const char *name) {
  const json_member *member = document_find(d, name, strlen(name));
  return member != NULL ? member->value : (json_slice){NULL, 0};
}

/* Moves that want a word to the caller, or a substatus of ours, are decided in Lua. */
static bool moves_plainly(const document *base, const asked_move *asked, const document_work *work) {
  transition_value status;
  transition_value substatus;
  transition_value asked_status;
  transition_value asked_substatus;
  if (!touches_status(work)) {
    return true;
  }
  if (!plain_text(value_in(base, "status"), &status) ||
      !plain_text(value_in(base, "substatus"), &substatus) || !plain_text(asked->status, &asked_status) ||
      !plain_text(asked->substatus, &asked_substatus)) {
    return false;
  }
  transition_result result = transition_check(status, substatus, asked_status, asked_substatus);
  return result.verdict == TRANSITION_OK && result.set_substatus == NULL;
}

/* ---- the plan ---- */

const plan *plan_make(document_work *work, const document *base, json_slice change, const plan_rules *rules,
                      buffer *out) {
  asked_move asked;
  bool is_plain = !base->deeply_annotated && *change.at == '{' && names_nothing_special(change, &asked) &&
                  document_apply(work, base, change, plan_rules_prototype(rules)) && are_plain(rules, work) &&
                  moves_plainly(base, &asked, work);
  return is_plain ? plan_pack(out, work, base, change) : NULL;
}
