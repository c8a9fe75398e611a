/* Random bytes and numbers from the kernel's generator, fetched a handful at a time. */
#ifndef REFERRALS_RANDOM_H
#define REFERRALS_RANDOM_H

#include "process.h"

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

enum { RANDOM_POOL_BYTES = 256 /* getentropy() gives no more at once */ };

/* Zero-initialised by its owner, who may process_mark_init() and then has to process_mark_free() the mark.
 * Random bytes of one process: a child forgets its parent's. */
typedef struct random_pool {
  unsigned char bytes[RANDOM_POOL_BYTES];
  size_t left;          /* bytes not used yet */
  process_mark process; /* whose they are */
} random_pool;

/*
 * `count` (at most RANDOM_POOL_BYTES) bytes that nobody gets a second time. They are in the pool, the caller
 * may change them, and they stay until its next use. NULL when the kernel gives none (errno tells).
 */
unsigned char *random_take(random_pool *pool, size_t count);

/* A number in [0, 1), every multiple of 2^-53 equally likely. False when the kernel gives no random bytes. */
bool random_uniform(random_pool *pool, double *value);

#pragma GCC visibility pop

#endif
