/*
 * Preloaded by a spec: of a connection that broke off, poll() tells the error and nothing else, as it may between the
 * kernel's noting the error and its closing the connection.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>

typedef int waiting(struct pollfd *, nfds_t, int);

int poll(struct pollfd *polled, nfds_t count, int timeout) {
  waiting *next = (waiting *)dlsym(RTLD_NEXT, "poll");
  int ready = next(polled, count, timeout);
  for (nfds_t i = 0; i < count && ready > 0; i++) {
    if ((polled[i].revents & POLLERR) != 0) {
      polled[i].revents = POLLERR;
    }
  }
  return ready;
}
