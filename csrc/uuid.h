/* Random GUIDs (version 4, RFC 9562) from the kernel's generator, fetched a handful at a time. */
#ifndef REFERRALS_UUID_H
#define REFERRALS_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

enum {
  UUID_TEXT_SIZE = 37,  /* 36 characters and the NUL */
  UUID_POOL_BYTES = 256 /* sixteen GUIDs; getentropy() gives no more at once */
};

/* Zero-initialised by its owner. Random bytes of one process: a child forgets its parent's. */
typedef struct uuid_pool {
  unsigned char bytes[UUID_POOL_BYTES];
  size_t left; /* bytes not used yet */
  pid_t owner;
} uuid_pool;

/* Writes the next GUID, lower case, into `text`. False when the kernel gives no random bytes (errno tells).
 */
bool uuid_next(uuid_pool *pool, char text[UUID_TEXT_SIZE]);

#pragma GCC visibility pop

#endif
