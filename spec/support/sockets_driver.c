/*
 * The sockets of a session of csrc/http.c that expects many, where their numbers mean something else than a moment
 * ago:  driver watch|child|reopened
 *
 * watch: the caller's descriptor is closed, and its number is libcurl's next socket, or the caller's next descriptor.
 * child: a child keeps a socket open that libcurl closed while it was connecting.
 * reopened: of three addresses, libcurl opens the next one under the number of the one before within one call.
 *
 * Prints a line for each thing seen.
 */
#define _GNU_SOURCE
#include "http.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY "many.test"

enum { FEW = 100 /* waits that somebody who spins is far beyond */ };

static int port;
static long waits;

int poll(struct pollfd *polled, nfds_t count, int timeout) {
  typedef int waiting(struct pollfd *, nfds_t, int);
  waits++;
  return ((waiting *)dlsym(RTLD_NEXT, "poll"))(polled, count, timeout);
}

/* "many.test" is silent at first, answers then, and is silent by IPv6. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  static const char *const addresses[] = {"127.0.0.2", "127.0.0.1", "::1"};
  lookup *next = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
  if (node == NULL || strcmp(node, MANY) != 0) {
    return next(node, service, hints, found);
  }
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    struct addrinfo one = *hints;
    one.ai_family = AF_UNSPEC;
    one.ai_flags |= AI_NUMERICHOST;
    int status = next(addresses[i], service, &one, found);
    if (status != 0) {
      return status;
    }
    while (*found != NULL) {
      found = &(*found)->ai_next;
    }
  }
  return 0;
}

/* Each was allocated by itself. */
void freeaddrinfo(struct addrinfo *found) {
  typedef void giving_back(struct addrinfo *);
  giving_back *next_one = (giving_back *)dlsym(RTLD_NEXT, "freeaddrinfo");
  while (found != NULL) {
    struct addrinfo *next = found->ai_next;
    found->ai_next = NULL;
    next_one(found);
    found = next;
  }
}

/* A listener at an IPv4 address and the port, which is chosen where it is 0. */
static int listen_at(const char *address, int backlog) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t length = sizeof name;
  int one = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  inet_pton(AF_INET, address, &name.sin_addr);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&name, length) != 0 || listen(listener, backlog) != 0 ||
      getsockname(listener, (struct sockaddr *)&name, &length) != 0) {
    perror("listen");
    exit(1);
  }
  port = ntohs(name.sin_port);
  return listener;
}

/* Fills a listener's queue, so that nobody gets an answer there. */
static void fill(int family, const void *name, socklen_t length) {
  for (int i = 0; i < 4; i++) {
    int client = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(client, name, length);
  }
}

static int listen_silently(const char *address) {
  struct sockaddr_in name = {.sin_family = AF_INET};
  int listener = listen_at(address, 0);
  name.sin_port = htons((uint16_t)port);
  inet_pton(AF_INET, address, &name.sin_addr);
  fill(AF_INET, &name, sizeof name);
  return listener;
}

/* Where there is no IPv6, its address fails at once. */
static void listen_silently_by_ipv6(void) {
  struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  name.sin6_addr = in6addr_loopback;
  if (listener >= 0 && bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 0) == 0) {
    fill(AF_INET6, &name, sizeof name);
  }
}

static void *answer_all(void *listener) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
  char request[4096];
  for (;;) {
    int client = accept(*(int *)listener, NULL, NULL);
    if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0) {
      perror("write");
    }
    close(client);
  }
  return NULL;
}

static void serve(void) {
  static int listener;
  pthread_t thread;
  listener = listen_at("127.0.0.1", 16);
  if (pthread_create(&thread, NULL, answer_all, &listener) != 0) {
    exit(1);
  }
}

static http_exchange *start(http_session *session, const char *host, double timeout, double connect_timeout) {
  static char url[64];
  snprintf(url, sizeof url, "%s://%s:%d/", strcmp(host, MANY) == 0 ? "https" : "http", host, port);
  http_exchange *exchange = http_exchange_new(session);
  http_request request = {.method = HTTP_GET,
                          .url = url,
                          .url_length = strlen(url),
                          .timeout = timeout,
                          .connect_timeout = connect_timeout,
                          .max_body = 1000,
                          .max_header = 10000};
  http_session_start(session, exchange, &request);
  return exchange;
}

static void finish(http_session *session, http_exchange *exchange, const char *what) {
  while (http_exchange_result(exchange) == NULL) {
    http_session_pump(session, 5);
  }
  const http_result *result = http_exchange_result(exchange);
  printf("%s: %s\n", what,
         result->outcome == HTTP_DONE  ? "done"
         : result->outcome == HTTP_TLS ? "connected to" /* what answers there speaks no TLS */
                                       : result->message);
  http_exchange_free(exchange);
}

static void pump_for(http_session *session, double seconds) {
  double until = http_now() + seconds;
  while (http_now() < until) {
    http_session_pump(session, until - http_now());
  }
}

/* The read end of a pipe under this number, with a byte in it; `to` is the other end. */
static void make_readable(int number, int *to) {
  int pair[2];
  if (pipe(pair) != 0 || dup2(pair[0], number) != number || write(pair[1], "x", 1) != 1) {
    exit(1);
  }
  close(pair[0]);
  *to = pair[1];
}

static void unwatch(http_session *session, int number) {
  http_session_watch(session, number);
  http_session_pump(session, 0.01);
  http_session_watch(session, -1);
  close(number);
}

static void try_watching(http_session *session) {
  enum { NUMBER = 200 /* which nobody else gets */ };
  int pair[2], to;
  serve();
  if (pipe(pair) != 0) {
    exit(1);
  }
  unwatch(session, pair[0]);
  finish(session, start(session, "127.0.0.1", 5, 5), "where the caller's was");
  make_readable(NUMBER, &to);
  unwatch(session, NUMBER);
  close(to);
  make_readable(NUMBER, &to);
  http_session_watch(session, NUMBER);
  double began = http_now();
  http_session_pump(session, 10);
  printf("the caller's next: %s\n", http_now() - began < 5 ? "heard" : "not heard");
}

static void try_child(http_session *session) {
  int listener = listen_silently("127.0.0.1");
  http_exchange *exchange = start(session, "127.0.0.1", 0.5, 0.5);
  http_session_pump(session, 0.1);
  pid_t child = fork();
  if (child == 0) {
    close(listener);
    sleep(60);
    _exit(0);
  }
  close(listener); /* the next try to connect is refused, which is for the child alone */
  finish(session, exchange, "without an answer");
  pump_for(session, 1);
  waits = 0;
  pump_for(session, 1);
  printf("with a child: %s\n", waits < FEW ? "waits" : "spins");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

/* Half of the time to connect is when the other family is tried as well. */
static void try_reopening(http_session *session) {
  serve();
  int silent = listen_silently("127.0.0.2");
  listen_silently_by_ipv6();
  for (int i = 0; i < 4; i++) {
    finish(session, start(session, MANY, 5, 0.4), "the second address");
  }
  close(silent);
}

int main(int argc, char **argv) {
  http_session_options options = {.ca_file = NULL};
  http_session *session = http_session_new(&options);
  if (argc != 2 || session == NULL || !http_session_expect_many(session, true)) {
    return 2;
  }
  if (strcmp(argv[1], "watch") == 0) {
    try_watching(session);
  } else if (strcmp(argv[1], "child") == 0) {
    try_child(session);
  } else {
    try_reopening(session);
  }
  http_session_free(session);
  return 0;
}
