/* What the fuzz targets share: a property that must hold, and text that ends where its memory ends. */
#ifndef REFERRALS_FUZZ_PROPERTY_H
#define REFERRALS_FUZZ_PROPERTY_H

#include "../../csrc/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                         \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy without a byte to spare, so that a read beyond the text is seen. Freed by the caller. */
static inline char *exact_copy(const void *bytes, size_t length) {
  char *copy = malloc(length > 0 ? length : 1);
  HOLDS(copy != NULL);
  if (length > 0) {
    memcpy(copy, bytes, length);
  }
  return copy;
}

static inline bool judged(json_slice text, bool marks) {
  json_fault fault = {0, NULL};
  json_judgement judgement = {.marks = marks};
  return json_judge(text.at, text.length, &judgement, &fault);
}

static inline bool same_bytes(json_slice a, json_slice b) {
  return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

#endif
