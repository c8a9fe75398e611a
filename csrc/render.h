/*
 * How a value of a change is written: marks resolved, and whatever equals its counterpart in the current
 * document as the bytes that counterpart has.
 */
#ifndef REFERRALS_RENDER_H
#define REFERRALS_RENDER_H

#include "buffer.h"
#include "json.h"

#pragma GCC visibility push(hidden)

/* Why a change cannot be written. `what` is static text; the member is the path at that moment. */
typedef struct render_fault {
  const char *what; /* NULL: nothing is wrong */
  bool memory;      /* a bound or the allocator, not the value */
} render_fault;

typedef struct render {
  buffer out;           /* what was written */
  buffer path;          /* JSON Pointer to the value being written */
  json_slice prototype; /* says what kind of value belongs at a path; `at` may be NULL */
  json_members pool;    /* working memory for comparing */
  int arrays;           /* how many arrays are open around the value being written */
  render_fault fault;
} render;

/* Acquires nothing. `limit`: bytes that may be written. */
void render_init(render *r, size_t limit);
void render_free(render *r);

/* Forgets what was written and the fault, keeps the memory. */
void render_clear(render *r);

/* Steps into a member or an element and back: render_leave() takes what render_enter() gave. */
size_t render_enter(render *r, json_slice name);
size_t render_enter_element(render *r, size_t position);
void render_leave(render *r, size_t length);

/* Appends `value`; `current` is its counterpart, or has `at` NULL. False with the fault set. */
bool render_value(render *r, json_slice value, json_slice current);

/*
 * Appends the array that `current` (an array) becomes when the items of `items` are added that it does not
 * have yet; and those items alone, as an array, behind it. `*added`: where in `out` the second one begins;
 * 0 when there was nothing to add and nothing was written. False with the fault set.
 */
bool render_added(render *r, json_slice items, json_slice current, size_t *added);

/* Appends the array that `current` becomes without the elements at `positions`. False with the fault set. */
bool render_removed(render *r, json_slice positions, json_slice current);

/* Sets the fault, of which `what`, static text, says what was expected. Always false. */
bool render_refuse(render *r, const char *what);

/* json_equal() with this render's working memory. */
bool render_equal(render *r, json_slice current, json_slice value);

#pragma GCC visibility pop

#endif
