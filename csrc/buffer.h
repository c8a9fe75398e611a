/* Bytes that grow up to a bound. Most appends find room: what they do then is done in place. */
#ifndef REFERRALS_BUFFER_H
#define REFERRALS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#pragma GCC visibility push(hidden)

/*
 * The owner of the struct owns the bytes: buffer_free() gives them back and may be called twice.
 * A failed append leaves the contents as they were and sets `failed`, so that a run of appends
 * can be checked once at its end. `data` may move with every append and is NULL while empty.
 */
typedef struct buffer {
  char *data;
  size_t length;
  size_t capacity;
  size_t limit; /* bytes; never exceeded */
  bool failed;  /* an append hit the limit or the allocator */
} buffer;

/* An empty buffer that will hold at most `limit` bytes. Acquires nothing. */
void buffer_init(buffer *b, size_t limit);

/* Gives the bytes back; the buffer is then as after buffer_init(). */
void buffer_free(buffer *b);

/* Overwrites the bytes before giving them back: for what may hold a secret. */
void buffer_wipe(buffer *b);

/* Forgets the contents and a past failure, keeps the memory. */
static inline void buffer_clear(buffer *b) {
  b->length = 0;
  b->failed = false;
}

/* Forgets the contents too, for the next use: memory beyond what is worth keeping is overwritten and given
 * back. False when it was. */
bool buffer_reuse(buffer *b);

/* What buffer_reserve() does when there is not room enough yet. */
bool buffer_grow(buffer *b, size_t more);

/* Room for `more` bytes beyond the length, or false. */
static inline bool buffer_reserve(buffer *b, size_t more) {
  return b->capacity - b->length >= more || buffer_grow(b, more);
}

/* Appends; false when the bound or the memory does not allow it. `bytes` must not point into the buffer. */
static inline bool buffer_append(buffer *b, const void *bytes, size_t length) {
  if (!buffer_reserve(b, length)) {
    return false;
  }
  if (length > 0) {
    memcpy(b->data + b->length, bytes, length);
    b->length += length;
  }
  return true;
}

static inline bool buffer_append_byte(buffer *b, char byte) {
  if (!buffer_reserve(b, 1)) {
    return false;
  }
  b->data[b->length++] = byte;
  return true;
}

static inline bool buffer_append_text(buffer *b, const char *text) {
  return buffer_append(b, text, strlen(text));
}

#pragma GCC visibility pop

#endif
