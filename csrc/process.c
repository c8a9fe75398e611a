#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */
#endif

#include "process.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 1 /* byte: the kernel rounds it up */, NO_ADVICE = -1 };

#if defined MADV_WIPEONFORK && !defined REFERRALS_WITHOUT_WIPEONFORK

/* Emulators are known that answer every advice with success and follow none. */
static bool is_emptied_in_children(unsigned char *page) {
  return madvise(page, PAGE, NO_ADVICE) != 0 && madvise(page, PAGE, MADV_WIPEONFORK) == 0;
}

static unsigned char *new_page(void) {
  unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    return NULL;
  }
  if (!is_emptied_in_children(page)) {
    munmap(page, PAGE);
    return NULL;
  }
  return page;
}

#else

static unsigned char *new_page(void) {
  return NULL;
}

#endif

void process_mark_init(process_mark *mark) {
  mark->page = new_page();
  process_mark_take(mark);
}

void process_mark_take(process_mark *mark) {
  mark->owner = getpid();
  if (mark->page != NULL) {
    *mark->page = 1;
  }
}

bool process_mark_is_ours(const process_mark *mark) {
  return mark->page != NULL ? *mark->page != 0 : mark->owner == getpid();
}

void process_mark_free(process_mark *mark) {
  if (mark->page != NULL) {
    munmap(mark->page, PAGE);
    mark->page = NULL;
  }
}
