/* What the upstream of the benchmarks says: a referral under each id, in the example's own text. */
#ifndef BENCH_UPSTREAM_TEXT_H
#define BENCH_UPSTREAM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct text {
  const char *at;
  size_t length;
} text;

/* Cuts the example at the values that change; false when one of them is not there. Kept by reference. */
bool text_open(text example);

/* The answer to a complete request, headers and body, into `out` of TEXT_ANSWER bytes. Returns its length. */
size_t text_answer(text head, text body, char *out);

enum { TEXT_ANSWER = 32 * 1024 };

/* The value of a request's header; empty without one. */
text text_header(text head, const char *name);

#endif
