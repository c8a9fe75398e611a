/* Naps: who knocks with one is answered when its time is over. All of it is the thread's, but for the
 * numbers. */
#include "reactor_internal.h"

#include <stdlib.h>

enum { MILLISECONDS = 100000000 /* beyond a nap's longest */ };

struct reactor_nap {
  reactor_nap *next;
  door_waiter *waiter;
  uint64_t number;
  double due;
};

uint64_t reactor_nap_number(reactor *r, double seconds) {
  double longest = (MILLISECONDS - 1) / 1e3;
  double within = seconds < 0 ? 0 : seconds < longest ? seconds : longest;
  return REACTOR_NAPS + ++r->naps_begun * MILLISECONDS + (uint64_t)(within * 1e3);
}

/* The first to end comes first. */
static void put_in_order(reactor *r, reactor_nap *nap) {
  reactor_nap **place = &r->naps;
  while (*place != NULL && (*place)->due <= nap->due) {
    place = &(*place)->next;
  }
  nap->next = *place;
  *place = nap;
}

void reactor_nap_begins(reactor *r, uint64_t number, door_waiter *waiter) {
  reactor_nap *nap = malloc(sizeof *nap);
  if (nap == NULL) {
    door_answer(waiter); /* too early is better than never */
    return;
  }
  double seconds = (double)((number - REACTOR_NAPS) % MILLISECONDS) / 1e3;
  *nap = (reactor_nap){.waiter = waiter, .number = number, .due = http_now() + seconds};
  put_in_order(r, nap);
}

void reactor_nap_is_gone(reactor *r, uint64_t number) {
  for (reactor_nap **place = &r->naps; *place != NULL; place = &(*place)->next) {
    reactor_nap *nap = *place;
    if (nap->number == number) {
      *place = nap->next;
      free(nap);
      return;
    }
  }
}

double reactor_nap_next(const reactor *r) {
  return r->naps != NULL ? r->naps->due - http_now() : REACTOR_NO_NAP;
}

void reactor_naps_end(reactor *r, bool all) {
  double now = http_now();
  while (r->naps != NULL && (all || r->naps->due <= now)) {
    reactor_nap *nap = r->naps;
    r->naps = nap->next;
    if (!all) {
      door_answer(nap->waiter);
    }
    free(nap);
  }
}
