#include "client_pause.h"

#include "http.h"

#include <stdatomic.h>
#include <stdlib.h>

struct client_pause {
  atomic_size_t holders;
  _Atomic double until;
};

client_pause *client_pause_new(void) {
  client_pause *p = malloc(sizeof *p);
  if (p != NULL) {
    atomic_init(&p->holders, 1);
    atomic_init(&p->until, 0);
  }
  return p;
}

client_pause *client_pause_hold(client_pause *p) {
  atomic_fetch_add(&p->holders, 1);
  return p;
}

void client_pause_release(client_pause *p) {
  if (p != NULL && atomic_fetch_sub(&p->holders, 1) == 1) {
    free(p);
  }
}

void client_pause_set(client_pause *p, double until) {
  atomic_store(&p->until, until);
}

void client_pause_extend(client_pause *p, double until) {
  double before = atomic_load(&p->until);
  while (before < until && !atomic_compare_exchange_weak(&p->until, &before, until)) {
  }
}

void client_pause_note(client_pause *p, int status) {
  enum { THROTTLED = 429 };
  static const double seconds = 5;
  if (status == THROTTLED) {
    client_pause_extend(p, http_now() + seconds);
  }
}

bool client_pause_lasts(const client_pause *p) {
  double until = atomic_load(&p->until);
  return until > 0 && http_now() < until;
}
