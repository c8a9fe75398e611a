/* Whose process this is: after a fork the child has a copy of everything, and some of it is its parent's
 * alone. */
#ifndef REFERRALS_PROCESS_H
#define REFERRALS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* Who owns something. Zero-initialised it is nobody's, and asks the kernel each time. */
typedef struct process_mark {
  pid_t owner;
  unsigned char *page; /* owned; a page that the kernel empties in a child; NULL where it does not do that */
} process_mark;

/* From now on it is this process's. Where the kernel can it gets a page, which makes looking cost nothing;
 * without one it works as well. */
void process_mark_init(process_mark *mark);

/* It changes hands: from now on it is this process's. */
void process_mark_take(process_mark *mark);

/* False in a child of the process that took it last. */
bool process_mark_is_ours(const process_mark *mark);

/* In whatever process, also of what is zero-initialised. */
void process_mark_free(process_mark *mark);

#pragma GCC visibility pop

#endif
