#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_CAPACITY = 256, LARGEST_KEPT = 64 * 1024 /* most referrals are far smaller */ };

void buffer_init(buffer *b, size_t limit) {
  *b = (buffer){.limit = limit};
}

void buffer_free(buffer *b) {
  free(b->data);
  buffer_init(b, b->limit);
}

void buffer_wipe(buffer *b) {
  if (b->data != NULL) {
    /* A call through a volatile pointer is not optimised away as a dead store. */
    void *(*volatile overwrite)(void *, int, size_t) = memset;
    overwrite(b->data, 0, b->capacity);
  }
  buffer_free(b);
}

bool buffer_reuse(buffer *b) {
  if (b->capacity > LARGEST_KEPT) {
    buffer_wipe(b);
    return false;
  }
  buffer_clear(b);
  return true;
}

bool buffer_grow(buffer *b, size_t more) {
  if (more > b->limit || b->length > b->limit - more) {
    b->failed = true;
    return false;
  }
  size_t needed = b->length + more;
  size_t capacity = b->capacity > SMALLEST_CAPACITY ? b->capacity : SMALLEST_CAPACITY;
  while (capacity < needed) {
    capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
  }
  if (capacity > b->limit) {
    capacity = b->limit;
  }
  char *data = realloc(b->data, capacity);
  if (data == NULL) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->capacity = capacity;
  return true;
}
