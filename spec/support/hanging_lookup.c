/* Preloaded by a spec: looking up a name that ends in ".hangs" takes half a minute and fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  static const char ending[] = ".hangs";
  size_t length = node == NULL ? 0 : strlen(node);
  if (length > sizeof ending && strcmp(node + length - (sizeof ending - 1), ending) == 0) {
    sleep(30);
    return EAI_FAIL;
  }
  lookup *next = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
  return next(node, service, hints, found);
}
