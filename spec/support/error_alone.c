/*
 * Preloaded by a spec: of a connection that broke off, epoll_wait() tells the error and nothing else, as it may between
 * the kernel's noting the error and its closing the connection.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/epoll.h>

typedef int waiting(int, struct epoll_event *, int, int);

int epoll_wait(int descriptor, struct epoll_event *ready, int most, int timeout) {
  waiting *next = (waiting *)dlsym(RTLD_NEXT, "epoll_wait");
  int count = next(descriptor, ready, most, timeout);
  for (int i = 0; i < count; i++) {
    if ((ready[i].events & (uint32_t)EPOLLERR) != 0) {
      ready[i].events = EPOLLERR;
    }
  }
  return count;
}
