/*
 * The service as the benchmarks see it: answers at once, or each request after a fixed time, and costs next
 * to nothing.
 *
 *   upstream EXAMPLE PORT_FILE [delay=MILLISECONDS] [hold] [record=FILE]
 *
 * Serves HTTP/1.1 with connections kept open on a free port of 127.0.0.1, which it writes into PORT_FILE,
 * until its standard input ends. hold: writes are never answered. record: each request's bytes are appended
 * to FILE.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, memmem */
#endif

#include "upstream_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_SIZE = 64 * 1024, EVENTS = 256, BACKLOG = 4096 };

typedef struct connection {
  int descriptor; /* -1 once closed */
  size_t length;  /* bytes of `request` */
  size_t answer_length, answer_sent;
  int64_t due;             /* nanoseconds */
  struct connection *next; /* of those that wait for their time */
  bool waits;
  char request[REQUEST_SIZE];
  char answer[TEXT_ANSWER];
} connection;

static int poller, timer;
static int64_t delay;
static bool hold;
static FILE *record;
static connection *first_waiting, *last_waiting;

static int die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    die("epoll_ctl");
  }
}

/* One that still waits for its time is given back when that has come. */
static void drop(connection *c) {
  if (c->descriptor >= 0) {
    close(c->descriptor);
    c->descriptor = -1;
  }
  if (!c->waits) {
    free(c);
  }
}

static void rearm(connection *c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->descriptor, &event);
}

/* False when the connection broke. */
static bool flush(connection *c) {
  while (c->answer_sent < c->answer_length) {
    ssize_t sent =
        send(c->descriptor, c->answer + c->answer_sent, c->answer_length - c->answer_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      rearm(c, EPOLLIN | EPOLLOUT);
      return true;
    } else if (sent < 0) {
      return false;
    }
    c->answer_sent += (size_t)sent;
  }
  return true;
}

/* ---- answering later ---- */

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void set_timer(void) {
  struct itimerspec when = {0};
  if (first_waiting != NULL) {
    when.it_value.tv_sec = first_waiting->due / 1000000000;
    when.it_value.tv_nsec = first_waiting->due % 1000000000;
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void answer_later(connection *c) {
  c->due = now() + delay;
  c->waits = true;
  c->next = NULL;
  if (first_waiting == NULL) {
    first_waiting = last_waiting = c;
    set_timer();
  } else {
    last_waiting->next = c;
    last_waiting = c;
  }
}

static void answer_due(void) {
  uint64_t ticks;
  int64_t time = now();
  if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) {
    die("timer");
  }
  while (first_waiting != NULL && first_waiting->due <= time) {
    connection *c = first_waiting;
    first_waiting = c->next;
    c->waits = false;
    if (c->descriptor < 0 || !flush(c)) {
      drop(c);
    }
  }
  set_timer();
}

/* ---- requests ---- */

/* Bytes of the first request once it is all there, else 0; the head's length in `*head`. */
static size_t complete(const connection *c, size_t *head) {
  const char *end = memmem(c->request, c->length, "\r\n\r\n", 4);
  if (end == NULL) {
    return 0;
  }
  *head = (size_t)(end - c->request) + 4;
  text value = text_header((text){c->request, *head}, "Content-Length");
  size_t whole = *head + (value.length > 0 ? strtoul(value.at, NULL, 10) : 0);
  return whole <= c->length ? whole : 0;
}

/* False when the connection broke. */
static bool answer(connection *c) {
  size_t head;
  size_t whole;
  while (c->answer_sent == c->answer_length && (whole = complete(c, &head)) > 0) {
    if (record != NULL) {
      fwrite(c->request, 1, whole, record);
      fflush(record);
    }
    bool is_write = memcmp(c->request, "GET ", 4) != 0;
    if (!(hold && is_write)) {
      c->answer_sent = 0;
      c->answer_length =
          text_answer((text){c->request, head}, (text){c->request + head, whole - head}, c->answer);
    }
    memmove(c->request, c->request + whole, c->length - whole);
    c->length -= whole;
    if (c->answer_length == c->answer_sent) {
      continue;
    } else if (delay > 0) {
      answer_later(c);
      return true;
    } else if (!flush(c)) {
      return false;
    }
  }
  return true;
}

static void serve(connection *c, uint32_t events) {
  if ((events & EPOLLOUT) != 0 && c->answer_sent < c->answer_length) {
    rearm(c, EPOLLIN);
    if (!flush(c)) {
      drop(c);
      return;
    }
  }
  ssize_t got = recv(c->descriptor, c->request + c->length, sizeof c->request - c->length, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) {
    return;
  } else if (got <= 0) {
    drop(c);
    return;
  }
  c->length += (size_t)got;
  if (!answer(c)) {
    drop(c);
  }
}

static void accept_all(int listener) {
  int on = 1;
  int descriptor;
  while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
      die("calloc");
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->descriptor = descriptor;
    watch(descriptor, EPOLLIN, c);
  }
}

/* ---- starting ---- */

static text read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  struct stat about;
  if (file == NULL || fstat(fileno(file), &about) != 0) {
    die(path);
  }
  size_t size = (size_t)about.st_size;
  char *data = malloc(size + 1);
  if (data == NULL || fread(data, 1, size, file) != size) {
    die(path);
  }
  fclose(file);
  data[size] = '\0';
  return (text){data, size};
}

static int listen_on_loopback(const char *port_file) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
      listen(listener, BACKLOG) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    die("listen");
  }
  FILE *file = fopen(port_file, "wb");
  if (file == NULL || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0) {
    die(port_file);
  }
  return listener;
}

static void read_options(int count, char **options) {
  for (int i = 0; i < count; i++) {
    if (strncmp(options[i], "delay=", 6) == 0) {
      delay = (int64_t)(strtod(options[i] + 6, NULL) * 1e6);
    } else if (strcmp(options[i], "hold") == 0) {
      hold = true;
    } else if (strncmp(options[i], "record=", 7) == 0) {
      record = fopen(options[i] + 7, "ab");
    } else {
      fprintf(stderr, "unknown option %s\n", options[i]);
      exit(2);
    }
  }
}

int main(int argc, char **argv) {
  static char standard_input, alarm_clock, door;
  struct epoll_event events[EVENTS];
  if (argc < 3 || !text_open(read_file(argv[1]))) {
    fprintf(stderr, "usage: %s EXAMPLE PORT_FILE [delay=MILLISECONDS] [hold] [record=FILE]\n", argv[0]);
    return 2;
  }
  read_options(argc - 3, argv + 3);
  poller = epoll_create1(EPOLL_CLOEXEC);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch(timer, EPOLLIN, &alarm_clock);
  watch(STDIN_FILENO, EPOLLIN, &standard_input);
  int listener = listen_on_loopback(argv[2]);
  watch(listener, EPOLLIN, &door);
  for (;;) {
    int count = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      void *source = events[i].data.ptr;
      if (source == &standard_input) {
        return 0;
      } else if (source == &alarm_clock) {
        answer_due();
      } else if (source == &door) {
        accept_all(listener);
      } else {
        serve(source, events[i].events);
      }
    }
  }
}
