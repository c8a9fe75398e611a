#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getentropy */
#endif

#include "random.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static bool refill(random_pool *pool) {
  if (getentropy(pool->bytes, sizeof pool->bytes) != 0) {
    return false;
  }
  pool->left = sizeof pool->bytes;
  process_mark_take(&pool->process);
  return true;
}

unsigned char *random_take(random_pool *pool, size_t count) {
  if ((pool->left < count || !process_mark_is_ours(&pool->process)) && !refill(pool)) {
    return NULL;
  }
  pool->left -= count;
  return pool->bytes + pool->left;
}

bool random_uniform(random_pool *pool, double *value) {
  uint64_t bits;
  const unsigned char *bytes = random_take(pool, sizeof bits);
  if (bytes == NULL) {
    return false;
  }
  memcpy(&bits, bytes, sizeof bits);
  *value = (double)(bits >> 11) * 0x1p-53; /* as many bits as a double holds, so nothing is rounded up to 1 */
  return true;
}
