#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getentropy */
#endif

#include "uuid.h"

#include <unistd.h>

enum { UUID_BYTES = 16 };

static bool refill(uuid_pool *pool, pid_t self) {
  if (getentropy(pool->bytes, sizeof pool->bytes) != 0) {
    return false;
  }
  pool->left = sizeof pool->bytes;
  pool->owner = self;
  return true;
}

bool uuid_next(uuid_pool *pool, char text[UUID_TEXT_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  pid_t self = getpid();
  if ((pool->left < UUID_BYTES || pool->owner != self) && !refill(pool, self)) {
    return false;
  }
  pool->left -= UUID_BYTES;
  unsigned char *bytes = pool->bytes + pool->left;
  bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
  bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
  for (int i = 0; i < UUID_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *text++ = '-';
    }
    *text++ = digits[bytes[i] >> 4];
    *text++ = digits[bytes[i] & 0x0f];
  }
  *text = '\0';
  return true;
}
