#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  SMALLEST_CAPACITY = 256,
  LARGEST_KEPT = 64 * 1024, /* most referrals are far smaller */
  LARGEST_SECRET = 128 * 1024
};

void buffer_init(buffer *b, size_t limit) {
  *b = (buffer){.limit = limit};
}

void buffer_free(buffer *b) {
  free(b->data);
  buffer_init(b, b->limit);
}

static void overwrite(buffer *b) {
  if (b->data != NULL) {
    /* A call through a volatile pointer is not optimised away as a dead store. */
    void *(*volatile set)(void *, int, size_t) = memset;
    set(b->data, 0, b->capacity);
  }
}

void buffer_wipe(buffer *b) {
  overwrite(b);
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

/* Where a secret may stand in it, nothing of it stays behind; large texts are none. */
static char *resized(buffer *b, size_t capacity) {
  if (b->capacity > LARGEST_SECRET) {
    return realloc(b->data, capacity);
  }
  char *data = malloc(capacity);
  if (data != NULL && b->data != NULL) {
    memcpy(data, b->data, b->length);
    overwrite(b);
    free(b->data);
  }
  return data;
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
  char *data = resized(b, capacity);
  if (data == NULL) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->capacity = capacity;
  return true;
}
