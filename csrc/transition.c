#include "transition.h"

#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#define STATUSES "New", "Active", "Closed"
#define UNDER_NEW "Pending", "Received"
#define UNDER_ACTIVE "Accepted"
#define UNDER_CLOSED "Won", "Lost", "Declined", "Expired"

static const transition_row ROWS[] = {
    {"New", LIST(STATUSES), LIST(UNDER_NEW)},
    {"Active", LIST("Active", "Closed"), LIST(UNDER_ACTIVE)},
    {"Closed", LIST("Closed"), LIST(UNDER_CLOSED)},
};

enum { ROW_COUNT = sizeof ROWS / sizeof ROWS[0] };

/* What a current value that the table does not know could become: anything it does know. */
static const char *const ALL_STATUSES[] = {STATUSES, NULL};
static const char *const ALL_SUBSTATUSES[] = {UNDER_NEW, UNDER_ACTIVE, UNDER_CLOSED, NULL};

static bool is_text(transition_value value, const char *text) {
  return value.text != NULL && value.length == strlen(text) && memcmp(value.text, text, value.length) == 0;
}

static bool same(transition_value a, transition_value b) {
  if (a.text == NULL || b.text == NULL) {
    return a.text == b.text;
  }
  return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

static bool contains(const char *const *list, transition_value value) {
  for (; *list != NULL; list++) {
    if (is_text(value, *list)) {
      return true;
    }
  }
  return false;
}

const transition_row *transition_rows(size_t *count) {
  *count = ROW_COUNT;
  return ROWS;
}

const transition_row *transition_find(transition_value status) {
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (is_text(status, ROWS[i].status)) {
      return &ROWS[i];
    }
  }
  return NULL;
}

static transition_result check_status(transition_value current, transition_value asked) {
  const transition_row *row = transition_find(current);
  const char *const *allowed = row != NULL ? row->reachable : ALL_STATUSES;
  if (contains(allowed, asked)) {
    return (transition_result){.verdict = TRANSITION_OK};
  }
  return (transition_result){
      .verdict = TRANSITION_BAD_STATUS, .allowed = allowed, .from = current, .to = asked, .row = row};
}

/* The substatus that the change leads to against the row of the resulting status (NULL: the table has none).
 */
static transition_result check_substatus(const transition_row *row, transition_value current,
                                         transition_value resulting) {
  const char *const *allowed = row != NULL ? row->substatuses : ALL_SUBSTATUSES;
  bool kept_unknown = same(current, resulting) && !contains(ALL_SUBSTATUSES, resulting);
  if (kept_unknown || contains(allowed, resulting)) {
    return (transition_result){.verdict = TRANSITION_OK};
  }
  return (transition_result){
      .verdict = TRANSITION_BAD_SUBSTATUS, .allowed = allowed, .from = current, .to = resulting, .row = row};
}

static transition_result set_substatus(const char *only, transition_value current) {
  return (transition_result){.verdict = TRANSITION_OK, .set_substatus = is_text(current, only) ? NULL : only};
}

transition_result transition_check(transition_value current_status, transition_value current_substatus,
                                   transition_value asked_status, transition_value asked_substatus) {
  bool moves = asked_status.text != NULL && !same(asked_status, current_status);
  bool mentioned = asked_substatus.text != NULL;
  if (!moves && (!mentioned || same(asked_substatus, current_substatus))) {
    return (transition_result){.verdict = TRANSITION_OK};
  }
  if (moves) {
    transition_result result = check_status(current_status, asked_status);
    if (result.verdict != TRANSITION_OK) {
      return result;
    }
  }
  const transition_row *row = transition_find(moves ? asked_status : current_status);
  if (mentioned) {
    return check_substatus(row, current_substatus, asked_substatus);
  }
  /* Here the status moves, and what it moves to has a row. */
  if (row->substatuses[1] == NULL) {
    return set_substatus(row->substatuses[0], current_substatus);
  }
  return check_substatus(row, current_substatus, current_substatus);
}
