/* Random GUIDs (version 4, RFC 9562). */
#ifndef REFERRALS_UUID_H
#define REFERRALS_UUID_H

#include "random.h"

#pragma GCC visibility push(hidden)

enum { UUID_TEXT_SIZE = 37 /* 36 characters and the NUL */ };

/* See random.h. */
typedef random_pool uuid_pool;

/* Writes the next GUID, lower case, into `text`. False when the kernel gives no random bytes (errno tells).
 */
bool uuid_next(uuid_pool *pool, char text[UUID_TEXT_SIZE]);

#pragma GCC visibility pop

#endif
