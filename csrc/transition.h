/* The status table, as data, and the check of a change against it. */
#ifndef REFERRALS_TRANSITION_H
#define REFERRALS_TRANSITION_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* A status or substatus, as text that somebody else owns. `text` is NULL where there is none. */
typedef struct transition_value {
  const char *text;
  size_t length;
} transition_value;

/* One row of the table. Both lists end with NULL. */
typedef struct transition_row {
  const char *status;
  const char *const *reachable;   /* what the status may become, itself included */
  const char *const *substatuses; /* what is allowed under it */
} transition_row;

typedef enum transition_verdict {
  TRANSITION_OK,
  TRANSITION_BAD_STATUS,   /* the status cannot be reached */
  TRANSITION_BAD_SUBSTATUS /* the substatus does not belong to the resulting status */
} transition_verdict;

typedef struct transition_result {
  transition_verdict verdict;
  const char *set_substatus;  /* OK only: write this substatus too; or NULL */
  const char *const *allowed; /* refused only: what could have been, ended by NULL */
  transition_value from;      /* refused only: the current value of what was refused */
  transition_value to;        /* refused only: what it would have become */
  const transition_row *row;  /* refused only: the row that refused it, NULL when the table has none */
} transition_result;

/* The rows, in the order of a referral's life; `count` gets their number. */
const transition_row *transition_rows(size_t *count);

/* The row of a status, or NULL. */
const transition_row *transition_find(transition_value status);

/*
 * Judges a change. An asked value with NULL text is not mentioned in the change.
 *
 * Only what changes is judged. A substatus that is not mentioned has to fit a new status too, except where
 * exactly one does: then that one is to be set. A current value that the table does not know stands for a
 * newer service and is never held against the change. What is asked for has to be in the table.
 */
transition_result transition_check(transition_value current_status, transition_value current_substatus,
                                   transition_value asked_status, transition_value asked_substatus);

#pragma GCC visibility pop

#endif
