/*
 * csrc/reactor.c without Lua, for the sanitizers:  reactor_driver what ...
 * Each `what` is a test of the list at the end; its name is printed when it held. A check that fails ends the
 * process.
 */
#define _GNU_SOURCE
#include "reactor.h"
#include "responder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                      \
  do {                                                                                                        \
    if (!(condition)) {                                                                                       \
      fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);                       \
      abort();                                                                                                \
    }                                                                                                         \
  } while (0)

#define UNTIL(condition)                                                                                      \
  for (double end = http_now() + 20; !(condition);) {                                                         \
    CHECK(http_now() < end);                                                                                  \
    poll(NULL, 0, 1);                                                                                         \
  }

enum { AT_ONCE = 48, MANY = 1000 };

static int port;
static bool proc_is_missing;

/* Stands in for the C library's: what the door asks before it relies on /proc. */
int access(const char *path, int mode) {
  if (proc_is_missing && strncmp(path, "/proc/", 6) == 0) {
    errno = ENOENT;
    return -1;
  }
  return faccessat(AT_FDCWD, path, mode, 0);
}

static reactor *make(size_t most) {
  const char *why = NULL;
  http_session_options options = {0};
  reactor *r = reactor_new(&options, most, &why);
  CHECK(r != NULL);
  return r;
}

static void fill(reactor_ticket *ticket, const char *url, http_method method) {
  static const char header[] = "Authorization: Bearer secret";
  reactor_add_header(ticket, header, sizeof header - 1);
  http_request request = {.method = method,
                          .url = url,
                          .url_length = strlen(url),
                          .body = method == HTTP_GET ? NULL : "body",
                          .body_length = method == HTTP_GET ? 0 : 4,
                          .timeout = 20,
                          .connect_timeout = 20,
                          .max_body = 1 << 20,
                          .max_header = 1 << 16};
  CHECK(reactor_submit(ticket, &request));
}

static bool begin(reactor *r, reactor_ticket *ticket, const char *url, http_method method) {
  if (!reactor_begin(r, ticket)) {
    return false;
  }
  fill(ticket, url, method);
  return true;
}

static bool begin_path(reactor *r, reactor_ticket *ticket, const char *path, http_method method) {
  char url[256];
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
  return begin(r, ticket, url, method);
}

static int connect_to(reactor *r, int client) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "%s", reactor_address(r) + strlen("unix:"));
  CHECK(client >= 0);
  CHECK(connect(client, (struct sockaddr *)&name, sizeof name) == 0);
  return client;
}

static int new_client(void) {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int open_client(reactor *r) {
  return connect_to(r, new_client());
}

static void say(int client, const char *line) {
  CHECK(send(client, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line));
}

static void knock(int client, const reactor_ticket *ticket) {
  char line[32];
  snprintf(line, sizeof line, "%llu\n", (unsigned long long)ticket->number);
  say(client, line);
}

static bool comes_in(int client) {
  char byte = 0;
  return recv(client, &byte, 1, 0) == 1 && byte == '\n';
}

static void check_answer(const reactor_ticket *ticket, const char *path) {
  const http_result *result = reactor_result(ticket);
  CHECK(result != NULL && result->outcome == HTTP_DONE && result->status == 200);
  CHECK(result->body_length == strlen(path) && memcmp(result->body, path, strlen(path)) == 0);
}

static void ask(reactor *r, int client, const char *path) {
  reactor_ticket ticket;
  CHECK(begin_path(r, &ticket, path, HTTP_PUT));
  knock(client, &ticket);
  CHECK(comes_in(client));
  check_answer(&ticket, path);
  CHECK(!reactor_release(&ticket));
}

/* A place is free: its job ended. */
static bool has_room(reactor *r) {
  reactor_ticket ticket;
  return reactor_begin(r, &ticket) && reactor_release(&ticket);
}

/* ---- the tests ---- */

static void many(void) {
  reactor *r = make(AT_ONCE);
  reactor_ticket tickets[AT_ONCE];
  char paths[AT_ONCE][32];
  struct pollfd clients[AT_ONCE];
  int begun = 0;
  int done = 0;
  for (int i = 0; i < AT_ONCE; i++) {
    clients[i] = (struct pollfd){.fd = open_client(r), .events = POLLIN};
    snprintf(paths[i], sizeof paths[i], "/%d", begun++);
    CHECK(begin_path(r, &tickets[i], paths[i], HTTP_PUT));
    knock(clients[i].fd, &tickets[i]);
  }
  reactor_ticket none;
  CHECK(!reactor_begin(r, &none));
  while (done < MANY) {
    CHECK(poll(clients, AT_ONCE, 20000) > 0);
    for (int i = 0; i < AT_ONCE; i++) {
      if (clients[i].revents != 0) {
        CHECK(comes_in(clients[i].fd));
        check_answer(&tickets[i], paths[i]);
        CHECK(!reactor_release(&tickets[i]));
        done++;
        snprintf(paths[i], sizeof paths[i], "/%d", begun++);
        CHECK(begin_path(r, &tickets[i], paths[i], begun % 2 ? HTTP_GET : HTTP_PUT));
        knock(clients[i].fd, &tickets[i]);
      }
    }
  }
  reactor_free(r); /* with AT_ONCE jobs under way */
  for (int i = 0; i < AT_ONCE; i++) {
    close(clients[i].fd);
    reactor_release(&tickets[i]);
  }
}

static void start_put(reactor *r, reactor_ticket *ticket, const char *path, bool quietly) {
  CHECK(begin_path(r, ticket, path, HTTP_PUT));
  reactor_start(ticket, quietly);
}

static void wait_for_bell(int client) {
  char line[32];
  snprintf(line, sizeof line, "%llu\n", (unsigned long long)REACTOR_BELL);
  say(client, line);
  CHECK(comes_in(client));
}

/* One waits for all: every job that is done is named once, and a next one started, some of them quietly. */
static void bell(void) {
  reactor *r = make(AT_ONCE);
  reactor_ticket tickets[AT_ONCE];
  char paths[AT_ONCE][32];
  int client = open_client(r);
  int begun = 0;
  int done = 0;
  for (int i = 0; i < AT_ONCE; i++) {
    reactor_ticket ticket;
    char path[32];
    snprintf(path, sizeof path, "/%d", begun++);
    start_put(r, &ticket, path, i % 2);
    tickets[reactor_place(&ticket)] = ticket;
    memcpy(paths[reactor_place(&ticket)], path, sizeof path);
  }
  CHECK(reactor_held(r) == AT_ONCE);
  reactor_call(r);
  while (done < MANY) {
    size_t place;
    wait_for_bell(client);
    while (reactor_rung(r, &place)) {
      check_answer(&tickets[place], paths[place]);
      CHECK(!reactor_release(&tickets[place]));
      done++;
      snprintf(paths[place], sizeof paths[place], "/%d", begun++);
      start_put(r, &tickets[place], paths[place], true);
    }
    reactor_call(r);
  }
  reactor_free(r); /* with AT_ONCE jobs under way, done or not started */
  close(client);
  for (int i = 0; i < AT_ONCE; i++) {
    reactor_release(&tickets[i]);
  }
}

/* What follows a read. */
typedef struct second {
  char url[64];
  bool wanted; /* false: nothing follows */
  int asked;   /* times */
} second;

static atomic_int forgotten;

static http_request request_to(const char *url, http_method method) {
  return (http_request){.method = method,
                        .url = url,
                        .url_length = strlen(url),
                        .body = method == HTTP_GET ? NULL : "body",
                        .body_length = method == HTTP_GET ? 0 : 4,
                        .connect_timeout = 20,
                        .max_body = 1 << 20,
                        .max_header = 1 << 16};
}

static bool on_answer(void *context, http_session *session, http_exchange *exchange) {
  second *s = context;
  const http_result *first = http_exchange_result(exchange);
  CHECK(first != NULL && first->outcome == HTTP_DONE && first->status == 200);
  s->asked++;
  http_request request = request_to(s->url, HTTP_PUT);
  request.timeout = 20;
  if (s->wanted) {
    http_session_start(session, exchange, &request);
  }
  return s->wanted;
}

static void forget(void *context) {
  free(context);
  forgotten++;
}

/* A read of the path `first` and what follows, to be started. */
static void begin_two(reactor *r, reactor_ticket *ticket, const char *first, const char *path, bool wanted) {
  static const http_sequel sequel = {.follow = on_answer, .forget = forget};
  char url[64];
  second *s = calloc(1, sizeof *s);
  CHECK(s != NULL && reactor_begin(r, ticket));
  snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, first);
  snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d%s", port, path);
  s->wanted = wanted;
  reactor_set_sequel(ticket, &sequel, s);
  fill(ticket, url, HTTP_GET);
}

static void wait_for_end(reactor *r, int client, const reactor_ticket *ticket) {
  size_t place;
  reactor_start((reactor_ticket *)ticket, false);
  UNTIL((wait_for_bell(client), reactor_rung(r, &place)));
  CHECK(place == reactor_place(ticket));
}

/* The read and what follows it are one job, and what was made of the read comes back. */
static void followed(void) {
  reactor *r = make(2);
  int client = open_client(r);
  for (int i = 0; i < 200; i++) {
    reactor_ticket ticket;
    int requests = responder_requests();
    bool wanted = i % 3 != 0;
    begin_two(r, &ticket, "/read", "/write", wanted);
    if (i % 2) {
      knock(client, &ticket);
      CHECK(comes_in(client));
    } else {
      wait_for_end(r, client, &ticket);
    }
    check_answer(&ticket, wanted ? "/write" : "/read");
    CHECK(responder_requests() == requests + (wanted ? 2 : 1));
    second *s = reactor_take_sequel(&ticket);
    CHECK(s != NULL && s->asked == 1);
    CHECK(reactor_take_sequel(&ticket) == NULL);
    free(s);
    CHECK(!reactor_release(&ticket));
  }
  CHECK(forgotten == 0);
  close(client);
  reactor_free(r);
}

/* Nobody waits any more while it reads: nothing follows. */
static void not_followed(void) {
  reactor *r = make(1);
  for (int i = 0; i < 3; i++) {
    reactor_ticket ticket;
    int requests = responder_requests();
    int gone = forgotten;
    int client = open_client(r);
    begin_two(r, &ticket, "/late", "/write", true);
    if (i == 2) {
      knock(client, &ticket);
    } else {
      reactor_start(&ticket, false);
    }
    UNTIL(responder_requests() == requests + 1);
    if (i == 0) {
      CHECK(reactor_take_sequel(&ticket) == NULL);
    }
    close(client);
    if (i == 2) {
      poll(NULL, 0, 20);
    }
    CHECK(!reactor_release(&ticket));
    responder_release();
    UNTIL(has_room(r));
    CHECK(responder_requests() == requests + 1 && forgotten == gone + 1);
  }
  reactor_free(r);
}

/* Nobody waits any more while it writes: who asks comes to know. */
static void recalled(void) {
  reactor *r = make(1);
  reactor_ticket ticket;
  int requests = responder_requests();
  begin_two(r, &ticket, "/read", "/late", true);
  reactor_start(&ticket, false);
  UNTIL(responder_requests() == requests + 2);
  second *s = reactor_take_sequel(&ticket);
  CHECK(s != NULL && s->asked == 1);
  free(s);
  CHECK(!reactor_release(&ticket));
  poll(NULL, 0, 20);
  CHECK(!has_room(r));
  responder_release();
  UNTIL(has_room(r));
  begin_two(r, &ticket, "/never", "/never", true);
  free(reactor_take_sequel(&ticket));
  CHECK(reactor_release(&ticket) && forgotten == 0);
  reactor_free(r);
}

/* Taken back at whatever moment it is: either nothing follows, or it is known that it did. */
static void recalled_at_any_time(void) {
  reactor *r = make(1);
  int late = 0;
  for (int i = 0; i < 400; i++) {
    reactor_ticket ticket;
    int requests = responder_requests();
    begin_two(r, &ticket, "/read", "/write", true);
    reactor_start(&ticket, false);
    for (double end = http_now() + 1e-6 * i; http_now() < end;) {
    }
    second *s = reactor_take_sequel(&ticket);
    bool never_started = reactor_release(&ticket);
    UNTIL(has_room(r));
    CHECK(!never_started || responder_requests() == requests);
    CHECK(responder_requests() <= requests + (s != NULL && s->asked > 0 ? 2 : 1));
    late += s != NULL;
    free(s);
  }
  CHECK(late + forgotten == 400);
  reactor_free(r);
}

static void closed_while_it_reads(void) {
  reactor *r = make(3);
  reactor_ticket tickets[3];
  int requests = responder_requests();
  begin_two(r, &tickets[0], "/late", "/write", true);
  begin_two(r, &tickets[1], "/read", "/late", true);
  begin_two(r, &tickets[2], "/never", "/write", true);
  reactor_start(&tickets[0], false);
  reactor_start(&tickets[1], false);
  UNTIL(responder_requests() == requests + 3);
  reactor_free(r);
  for (int i = 0; i < 2; i++) {
    CHECK(reactor_result(&tickets[i])->outcome == HTTP_CANCELLED && reactor_result(&tickets[i])->sent);
  }
  second *s = reactor_take_sequel(&tickets[1]);
  CHECK(s != NULL && s->asked == 1);
  free(s);
  for (int i = 0; i < 3; i++) {
    reactor_release(&tickets[i]);
  }
  CHECK(forgotten == 2);
  responder_release();
}

static void nap(reactor *r, int client, double seconds) {
  char line[32];
  snprintf(line, sizeof line, "%llu\n", (unsigned long long)reactor_nap_number(r, seconds));
  say(client, line);
}

/* Each is answered when its time is over and not before, whoever came first; one is gone, one outlasts all. */
static void naps(void) {
  reactor *r = make(2);
  int clients[] = {open_client(r), open_client(r), open_client(r), open_client(r)};
  double began = http_now();
  nap(r, clients[0], 0.2);
  nap(r, clients[1], 0.1);
  nap(r, clients[2], 0.15);
  nap(r, clients[3], 3000);
  close(clients[2]);
  CHECK(comes_in(clients[1]) && http_now() - began >= 0.1);
  nap(r, clients[1], 0);
  CHECK(comes_in(clients[1]));
  CHECK(comes_in(clients[0]) && http_now() - began >= 0.2);
  ask(r, clients[0], "/after");
  reactor_free(r);
  CHECK(!comes_in(clients[3]));
  close(clients[0]);
  close(clients[1]);
  close(clients[3]);
}

/* What was started quietly and never called for starts with the next pulse; the bell is answered although nothing
 * runs; and who knocks for a job that was started is answered when that is done. */
static void pulse(void) {
  int before = responder_requests();
  reactor *r = make(2);
  reactor_ticket ticket;
  size_t place;
  int client = open_client(r);
  double began = http_now();
  wait_for_bell(client);
  CHECK(http_now() - began > REACTOR_PULSE_SECONDS / 2 && !reactor_rung(r, &place));
  start_put(r, &ticket, "/quiet", true);
  UNTIL((wait_for_bell(client), reactor_rung(r, &place)));
  check_answer(&ticket, "/quiet");
  CHECK(!reactor_release(&ticket));
  start_put(r, &ticket, "/late", true);
  knock(client, &ticket);
  UNTIL(responder_requests() == before + 2);
  responder_release();
  CHECK(comes_in(client));
  check_answer(&ticket, "/late");
  CHECK(!reactor_release(&ticket) && !reactor_rung(r, &place));
  start_put(r, &ticket, "/never", true);
  CHECK(reactor_release(&ticket) || responder_requests() == before + 3);
  int other = open_client(r);
  wait_for_bell(other);
  char line[32];
  snprintf(line, sizeof line, "%llu\n", (unsigned long long)REACTOR_BELL);
  say(client, line);
  close(other); /* one that was answered does not take the bell with it */
  CHECK(comes_in(client));
  close(client);
  reactor_free(r);
}

/* Given up under way: what was not sent is cancelled at once, long before its deadline. */
static void left_at_the_bell(void) {
  char url[64];
  int silent = responder_start();
  snprintf(url, sizeof url, "https://127.0.0.1:%d/", silent);
  reactor *r = make(1);
  reactor_ticket ticket;
  CHECK(begin(r, &ticket, url, HTTP_PUT));
  reactor_start(&ticket, false);
  poll(NULL, 0, 20);
  CHECK(!has_room(r));
  CHECK(!reactor_release(&ticket));
  UNTIL(has_room(r));
  int requests = responder_requests();
  start_put(r, &ticket, "/late", false);
  UNTIL(responder_requests() == requests + 1);
  CHECK(!reactor_release(&ticket));
  poll(NULL, 0, 20);
  CHECK(!has_room(r)); /* sent, so it finishes */
  responder_release();
  UNTIL(has_room(r));
  reactor_free(r);
}

static void never_knocked(void) {
  int before = responder_requests();
  reactor *r = make(1);
  reactor_ticket ticket;
  CHECK(begin_path(r, &ticket, "/never", HTTP_PUT));
  CHECK(reactor_result(&ticket) == NULL);
  CHECK(reactor_release(&ticket));
  int client = open_client(r);
  ask(r, client, "/next");
  CHECK(responder_requests() == before + 1);
  close(client);
  reactor_free(r);
}

/* TLS that never comes: nothing of the request can have left. */
static void gone_before_sending(void) {
  char url[64];
  int silent = responder_start(); /* waits for the end of the headers, which TLS has none of */
  snprintf(url, sizeof url, "https://127.0.0.1:%d/", silent);
  reactor *r = make(1);
  reactor_ticket ticket;
  CHECK(begin(r, &ticket, url, HTTP_PUT));
  int client = open_client(r);
  knock(client, &ticket);
  poll(NULL, 0, 20);
  CHECK(!has_room(r));
  close(client);
  UNTIL(has_room(r)); /* long before its 20 s are over, and without its ticket's being released */
  CHECK(reactor_result(&ticket) == NULL);
  CHECK(!reactor_release(&ticket));
  reactor_free(r);
}

static void gone_after_sending(void) {
  int requests = responder_requests();
  int answers = responder_answers();
  reactor *r = make(1);
  reactor_ticket ticket;
  CHECK(begin_path(r, &ticket, "/late", HTTP_PUT));
  int client = open_client(r);
  knock(client, &ticket);
  UNTIL(responder_requests() == requests + 1);
  close(client);
  poll(NULL, 0, 20);
  CHECK(!has_room(r));
  CHECK(!reactor_release(&ticket));
  responder_release();
  UNTIL(has_room(r));
  CHECK(responder_answers() == answers + 1);
  reactor_free(r);
}

/* Answered, and gone before it looked: its place is free. One that looked keeps its result. */
static void gone_after_the_answer(void) {
  reactor *r = make(1);
  reactor_ticket ticket;
  for (int i = 0; i < 2; i++) {
    CHECK(begin_path(r, &ticket, "/gone", HTTP_PUT));
    int client = open_client(r);
    knock(client, &ticket);
    CHECK(comes_in(client));
    CHECK(i == 0 || reactor_result(&ticket) != NULL);
    close(client);
    if (i == 0) {
      UNTIL(has_room(r));
      CHECK(reactor_result(&ticket) == NULL && !reactor_release(&ticket));
    }
  }
  poll(NULL, 0, 50);
  check_answer(&ticket, "/gone");
  CHECK(!has_room(r) && !reactor_release(&ticket));
  reactor_free(r);
}

static void closed_under_way(void) {
  int before = responder_requests();
  reactor *r = make(3);
  reactor_ticket running;
  reactor_ticket ready;
  reactor_ticket filling;
  CHECK(begin_path(r, &running, "/late", HTTP_PUT) && begin_path(r, &ready, "/ready", HTTP_PUT));
  CHECK(reactor_begin(r, &filling));
  int client = open_client(r);
  knock(client, &running);
  UNTIL(responder_requests() == before + 1);
  reactor_free(r);
  CHECK(!comes_in(client));
  const http_result *result = reactor_result(&running);
  CHECK(result != NULL && result->outcome == HTTP_CANCELLED && result->sent);
  CHECK(reactor_result(&ready) == NULL);
  CHECK(reactor_release(&ready) && reactor_release(&filling) && !reactor_release(&running));
  close(client);
  responder_release();
}

static void strangers(void) {
  reactor *r = make(2);
  static const char *const refused[] = {"one\n", "0\n", "-1\n", "\n", "1\n2\n", "99999999999999999999999999999999"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    int client = open_client(r);
    say(client, refused[i]);
    CHECK(!comes_in(client));
    close(client);
  }
  int client = open_client(r);
  say(client, "12345\n"); /* nobody's number: come in and see that there is nothing */
  CHECK(comes_in(client));
  ask(r, client, "/same-connection");
  close(client);
  reactor_free(r);
}

/* ThreadSanitizer allows no new thread in a child of a process with threads; the other sanitizers see that one. */
static void make_own_in_child(void) {
#ifndef __SANITIZE_THREAD__
  reactor *own = make(1);
  int client = open_client(own);
  ask(own, client, "/child");
  close(client);
  reactor_free(own);
#endif
}

static int be_a_child(reactor *r, reactor_ticket *ticket) {
  reactor_ticket another;
  bool good = !reactor_is_ours(r) && !reactor_begin(r, &another) && reactor_result(ticket) == NULL &&
              !reactor_release(ticket);
  reactor_free(r);
  make_own_in_child();
  return good ? 0 : 1;
}

static void forked(void) {
  int before = responder_requests();
  reactor *r = make(2);
  reactor_ticket ticket;
  CHECK(begin_path(r, &ticket, "/late", HTTP_PUT));
  int client = open_client(r);
  knock(client, &ticket);
  UNTIL(responder_requests() == before + 1);
  pid_t child = fork();
  if (child == 0) {
    _exit(be_a_child(r, &ticket));
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  responder_release();
  CHECK(comes_in(client));
  check_answer(&ticket, "/late");
  CHECK(!reactor_release(&ticket));
  close(client);
  reactor_free(r);
}

static double cpu_seconds(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* Nothing listens there. */
static void ask_nobody(reactor *r, int client) {
  reactor_ticket ticket;
  CHECK(begin(r, &ticket, "http://127.0.0.1:1/", HTTP_GET));
  knock(client, &ticket);
  CHECK(comes_in(client));
  const http_result *result = reactor_result(&ticket);
  CHECK(result != NULL && result->outcome == HTTP_NETWORK);
  CHECK(!reactor_release(&ticket));
}

/* Who comes when no descriptor is left is turned away, and the thread does not spin. Without a responder, whose
 * accept() takes a descriptor as soon as it is called. */
static void no_descriptors(void) {
  int clients[8];
  struct rlimit limit;
  reactor *r = make(8);
  for (int i = 0; i < 8; i++) {
    clients[i] = new_client();
  }
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  struct rlimit less = {.rlim_cur = (rlim_t)clients[7] + 1, .rlim_max = limit.rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
  for (int i = 0; i < 8; i++) {
    connect_to(r, clients[i]);
  }
  for (int i = 0; i < 8; i++) {
    CHECK(!comes_in(clients[i]));
  }
  double before = cpu_seconds();
  poll(NULL, 0, 300);
  CHECK(cpu_seconds() - before < 0.15);
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (int i = 0; i < 8; i++) {
    close(clients[i]);
  }
  int client = open_client(r);
  ask_nobody(r, client);
  close(client);
  reactor_free(r);
}

/* Then the folder, which is nobody else's, stays until the end. */
static void without_proc(void) {
  proc_is_missing = true;
  reactor *r = make(1);
  proc_is_missing = false;
  char path[128];
  snprintf(path, sizeof path, "%s", reactor_address(r) + strlen("unix:"));
  CHECK(strncmp(path, "/proc/", 6) != 0 && access(path, F_OK) == 0);
  int client = open_client(r);
  ask(r, client, "/path");
  close(client);
  reactor_free(r);
  *strrchr(path, '/') = '\0';
  CHECK(access(path, F_OK) != 0);
}

static void without_tmpdir(void) {
  setenv("TMPDIR", "/nonexistent/folder", 1);
  reactor *r = make(1);
  unsetenv("TMPDIR");
  int client = open_client(r);
  ask(r, client, "/elsewhere");
  close(client);
  reactor_free(r);
}

static pthread_t main_thread;
static atomic_int met_elsewhere;
static atomic_int met;

static void on_signal(int number) {
  (void)number;
  met++;
  met_elsewhere += !pthread_equal(pthread_self(), main_thread);
}

static void signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  main_thread = pthread_self();
  sigaction(SIGUSR1, &action, NULL);
  reactor *r = make(1);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  kill(getpid(), SIGUSR1); /* only a thread of the reactor's could take it now */
  poll(NULL, 0, 50);
  CHECK(met_elsewhere == 0);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  CHECK(met_elsewhere == 0 && met == 1);
  reactor_free(r);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
    bool alone; /* no responder runs beside it */
  } tests[] = {{"many", many, false},
               {"bell", bell, false},
               {"followed", followed, false},
               {"not followed", not_followed, false},
               {"recalled", recalled, false},
               {"recalled at any time", recalled_at_any_time, false},
               {"closed while it reads", closed_while_it_reads, false},
               {"pulse", pulse, false},
               {"naps", naps, false},
               {"left at the bell", left_at_the_bell, false},
               {"never knocked", never_knocked, false},
               {"gone before sending", gone_before_sending, false},
               {"gone after sending", gone_after_sending, false},
               {"gone after the answer", gone_after_the_answer, false},
               {"closed under way", closed_under_way, false},
               {"strangers", strangers, false},
               {"forked", forked, false},
               {"no descriptors", no_descriptors, true},
               {"without /proc", without_proc, false},
               {"without TMPDIR", without_tmpdir, false},
               {"signals", signals, true}};
  for (int i = 1; i < argc; i++) {
    for (size_t j = 0; j < sizeof tests / sizeof *tests; j++) {
      if (strcmp(argv[i], tests[j].name) == 0) {
        port = tests[j].alone ? 0 : responder_start();
        tests[j].run();
        puts(argv[i]);
        fflush(stdout);
      }
    }
  }
  return 0;
}
