/* Whether a document still has every member that another one has: only then is it a sound base to write from.
 */
#ifndef REFERRALS_COVERAGE_H
#define REFERRALS_COVERAGE_H

#include "document.h"

#pragma GCC visibility push(hidden)

/*
 * True when every member of `sent`, at any depth, is there in `answer`, whatever its value, and every array
 * has as many elements. The root's links and the annotations of `sent` do not count. `pool` is working
 * memory, left as it was; without memory the answer is false.
 */
bool coverage_holds(const document *answer, const document *sent, json_members *pool);

/* Whether one of the answer's members `fresh` has another one of its name beside it: of these only the last
 * counts. `pool` as above; without memory the answer is true. */
bool coverage_hides(const document *answer, const json_members *fresh, json_members *pool);

#pragma GCC visibility pop

#endif
