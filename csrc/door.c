#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4, O_PATH, struct ucred */
#endif

#include "door.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  EVENTS_AT_ONCE = 64,
  LINE_BYTES = 32,
  BACKLOG = 4096 /* the system cuts it down to what it allows */
};

struct door_waiter {
  door *door;
  door_waiter *next, *previous;
  int socket;
  uint64_t number;   /* waited for; 0: none */
  uint64_t answered; /* the last that was waited for; 0: none */
  size_t length;
  char line[LINE_BYTES];
};

struct door {
  int listener;
  int epoll;
  int path;  /* O_PATH: keeps the socket reachable once its name is gone */
  int spare; /* given up to turn somebody away when no other descriptor is left */
  door_waiter *waiters;
  char folder[PATH_MAX]; /* empty once it is removed */
  char address[PATH_MAX + 8];
};

const char *door_address(const door *d) {
  return d->address;
}

int door_descriptor(const door *d) {
  return d->epoll;
}

static void close_descriptor(int *descriptor) {
  if (*descriptor >= 0) {
    close(*descriptor);
    *descriptor = -1;
  }
}

static bool socket_name(const door *d, struct sockaddr_un *name) {
  *name = (struct sockaddr_un){.sun_family = AF_UNIX};
  int length = snprintf(name->sun_path, sizeof name->sun_path, "%s/s", d->folder);
  return length > 0 && (size_t)length < sizeof name->sun_path;
}

static void remove_names(door *d) {
  struct sockaddr_un name;
  if (d->folder[0] != '\0' && socket_name(d, &name)) {
    unlink(name.sun_path);
    rmdir(d->folder);
    d->folder[0] = '\0';
  }
}

/* The folder is ours alone (0700) as mkdtemp() makes it. */
static bool make_folder(door *d, const char *base, struct sockaddr_un *name) {
  int length = snprintf(d->folder, sizeof d->folder, "%s/referrals-XXXXXX", base);
  if (length > 0 && (size_t)length < sizeof d->folder && socket_name(d, name) && mkdtemp(d->folder) != NULL) {
    return socket_name(d, name);
  }
  d->folder[0] = '\0';
  return false;
}

/* nginx clears TMPDIR, and a container may let nobody write to /tmp. */
static bool make_some_folder(door *d, struct sockaddr_un *name) {
  const char *chosen = getenv("TMPDIR");
  return (chosen != NULL && *chosen != '\0' && make_folder(d, chosen, name)) ||
         make_folder(d, "/tmp", name) || make_folder(d, "/dev/shm", name);
}

static bool bind_listener(door *d, const struct sockaddr_un *name) {
  d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return d->listener >= 0 && bind(d->listener, (const struct sockaddr *)name, sizeof *name) == 0 &&
         listen(d->listener, BACKLOG) == 0;
}

/* Reached through /proc the socket needs no name that others could find or a crash could leave behind. */
static bool publish(door *d, const struct sockaddr_un *name) {
  char link[64];
  d->path = open(name->sun_path, O_PATH | O_CLOEXEC);
  if (d->path < 0) {
    return false;
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", d->path);
  if (access(link, F_OK) != 0) {
    snprintf(d->address, sizeof d->address, "unix:%s", name->sun_path);
    return true;
  }
  snprintf(d->address, sizeof d->address, "unix:%s", link);
  remove_names(d);
  return true;
}

static bool watch(door *d, int descriptor, void *who) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};
  return epoll_ctl(d->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static bool keep_spare(door *d) {
  d->spare = fcntl(d->path, F_DUPFD_CLOEXEC, 0);
  return d->spare >= 0;
}

door *door_open(void) {
  struct sockaddr_un name;
  door *d = calloc(1, sizeof *d);
  if (d == NULL) {
    return NULL;
  }
  d->listener = d->path = d->spare = -1;
  d->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (d->epoll < 0 || !make_some_folder(d, &name) || !bind_listener(d, &name) || !publish(d, &name) ||
      !keep_spare(d) || !watch(d, d->listener, NULL)) {
    int why = errno;
    door_close(d);
    errno = why;
    return NULL;
  }
  return d;
}

static void end(door_waiter *waiter) {
  close(waiter->socket);
  free(waiter);
}

static void drop(door_waiter *waiter) {
  door *d = waiter->door;
  if (waiter->previous != NULL) {
    waiter->previous->next = waiter->next;
  } else {
    d->waiters = waiter->next;
  }
  if (waiter->next != NULL) {
    waiter->next->previous = waiter->previous;
  }
  end(waiter);
}

void door_close(door *d) {
  if (d == NULL) {
    return;
  }
  remove_names(d);
  for (door_waiter *waiter = d->waiters; waiter != NULL;) {
    door_waiter *next = waiter->next;
    end(waiter);
    waiter = next;
  }
  door_abandon(d);
  free(d);
}

void door_abandon(door *d) {
  if (d != NULL) {
    close_descriptor(&d->listener);
    close_descriptor(&d->path);
    close_descriptor(&d->spare);
    close_descriptor(&d->epoll);
  }
}

static bool is_this_process(int socket) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == getpid();
}

static void admit(door *d, int socket) {
  door_waiter *waiter = is_this_process(socket) ? calloc(1, sizeof *waiter) : NULL;
  if (waiter == NULL || !watch(d, socket, waiter)) {
    free(waiter);
    close(socket);
    return;
  }
  waiter->door = d;
  waiter->socket = socket;
  waiter->next = d->waiters;
  if (d->waiters != NULL) {
    d->waiters->previous = waiter;
  }
  d->waiters = waiter;
}

/* Who is left waiting when there is no descriptor would wait for ever, and the listener would never rest. */
static void turn_away(door *d) {
  close_descriptor(&d->spare);
  int socket = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
  close_descriptor(&socket);
  keep_spare(d);
}

static void admit_all(door *d) {
  int socket;
  while ((socket = accept4(d->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    admit(d, socket);
  }
  if (errno == EMFILE || errno == ENFILE) {
    turn_away(d);
  }
}

/* The line as a number; 0 when it is none. */
static uint64_t read_number(const char *line, size_t length) {
  uint64_t number = 0;
  for (size_t i = 0; i < length; i++) {
    if (line[i] < '0' || line[i] > '9' || number > UINT64_MAX / 10 - 1) {
      return 0;
    }
    number = number * 10 + (uint64_t)(line[i] - '0');
  }
  return number;
}

/* False when the waiter is gone or does not speak our language. */
static bool hear(door_waiter *waiter, const door_events *events, void *context) {
  ssize_t got = recv(waiter->socket, waiter->line + waiter->length, LINE_BYTES - waiter->length, 0);
  if (got <= 0) {
    return got < 0 && (errno == EAGAIN || errno == EINTR);
  }
  waiter->length += (size_t)got;
  char *newline = memchr(waiter->line, '\n', waiter->length);
  if (newline == NULL) {
    return waiter->length < LINE_BYTES;
  }
  uint64_t number = read_number(waiter->line, (size_t)(newline - waiter->line));
  bool alone = newline == waiter->line + waiter->length - 1;
  waiter->length = 0;
  if (number == 0 || waiter->number != 0 || !alone) {
    return false;
  }
  waiter->number = number;
  events->knock(context, number, waiter);
  return true;
}

void door_serve(door *d, const door_events *events, void *context) {
  struct epoll_event ready[EVENTS_AT_ONCE];
  int count = epoll_wait(d->epoll, ready, EVENTS_AT_ONCE, 0);
  for (int i = 0; i < count; i++) {
    door_waiter *waiter = ready[i].data.ptr;
    if (waiter == NULL) {
      admit_all(d);
    } else if (!hear(waiter, events, context)) {
      bool answered = waiter->number == 0;
      uint64_t number = answered ? waiter->answered : waiter->number;
      drop(waiter);
      if (number != 0) {
        events->gone(context, number, answered);
      }
    }
  }
}

/* A socket that takes no single byte belongs to somebody who is gone; reading will tell. */
void door_answer(door_waiter *waiter) {
  ssize_t sent = send(waiter->socket, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)sent;
  waiter->answered = waiter->number;
  waiter->number = 0;
}
