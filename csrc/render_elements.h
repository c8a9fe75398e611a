/* The elements of an array that is replaced as a whole: by where they stand, and by what they are. */
#ifndef REFERRALS_RENDER_ELEMENTS_H
#define REFERRALS_RENDER_ELEMENTS_H

#include "json_equal.h"

#pragma GCC visibility push(hidden)

/* Of one array; begun with {0}, made by render_elements_make() when first needed. */
typedef struct render_elements {
  json_slice *items; /* owned; all, in their order, in the text of the array */
  size_t count;
  json_slice *slots; /* owned; some by their hash: open addressing, at most a quarter full */
  size_t mask;
} render_elements;

/* Makes it once of `array`, an array's text that stays where it is. False: out of memory. */
bool render_elements_make(render_elements *elements, json_slice array);
void render_elements_free(render_elements *elements);

/* One that equals `value`, or none. */
json_slice render_elements_find(const render_elements *elements, json_slice value, json_comparison *how);

#pragma GCC visibility pop

#endif
