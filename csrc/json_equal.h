/*
 * Whether two JSON values mean the same: member order, escapes, the ways to write a number, members that are
 * null and OData annotations do not count.
 */
#ifndef REFERRALS_JSON_EQUAL_H
#define REFERRALS_JSON_EQUAL_H

#include "json.h"

#pragma GCC visibility push(hidden)

/*
 * The members of objects, for finding one by its name. Objects inside each other share one list:
 * each begins where the list ended, and gives its part back.
 */
typedef struct json_index {
  size_t first;
  size_t count;
  bool sorted;
} json_index;

/*
 * Appends an object's members to `pool`. False when memory or JSON_MAX_MEMBERS forbids it.
 * An object of more than a few members is sorted by name, so that finding stays cheap.
 */
bool json_index_open(json_members *pool, json_slice object, json_index *index);

/* The same, in the order of the names however few they are: what comes from a Lua table has no order of its
 * own. */
bool json_index_open_sorted(json_members *pool, json_slice object, json_index *index);

/* Sorts the members when they are many, for `searches` look-ups that are to come. */
void json_index_sort(json_members *pool, json_index *index, size_t searches);

/* The position in the pool of the last member with that name (in quotes), or SIZE_MAX. */
size_t json_index_find(const json_members *pool, const json_index *index, json_slice name);

/* Is there exactly one member of that name? */
bool json_index_has_one(const json_members *pool, const json_index *index, json_slice name);

/* Is it, at its position in the pool, the last of its name, the one that counts? */
bool json_index_counts(const json_members *pool, const json_index *index, size_t at);

/* Takes out of the pool what the index put there, and all that was put there since. */
void json_index_close(json_members *pool, const json_index *index);

/* How values are compared. */
typedef struct json_comparison {
  json_members *pool; /* working memory, left as it was */
  bool strictly;      /* a string is no number, whatever is in it */
  bool failed;        /* out: the working memory ran out, and the answer, false, says nothing */
} json_comparison;

/*
 * `b` may hold marks: JSON_MARK_EMPTY equals an empty container of either kind, a marked number the numbers
 * that are the same floating-point number. Unless it is strict, a string of digits in `b` equals the number
 * it writes: money as text.
 */
bool json_equal(json_slice a, json_slice b, json_comparison *how);

/* Equal values have equal hashes, strictly or not. */
uint64_t json_hash(json_slice value);

#pragma GCC visibility pop

#endif
