/*
 * The sockets of many exchanges: libcurl tells which of them are waited for, and is told which are ready, so
 * that a turn costs by what there is to do and not by what is under way: with poll() the system looks at each
 * socket in each turn. For a single exchange libcurl's own loop is cheaper.
 *
 * The epoll goes by the open file and libcurl by the number, which it may close without a word, as it does
 * with one that is still connecting; a child of ours may keep that file open. The list here goes by the
 * number too, and where the epoll may have something else it is made anew from the list.
 */
#include "http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const double NO_TIME = -1;

void http_sockets_init(http_sockets *s) {
  *s = (http_sockets){.epoll = -1, .waking = -1, .caller = -1, .timer = NO_TIME};
}

static void close_descriptor(int descriptor) {
  if (descriptor >= 0) {
    close(descriptor);
  }
}

void http_sockets_free(http_sockets *s) {
  close_descriptor(s->epoll);
  close_descriptor(s->waking);
  free(s->wishes);
  http_sockets_init(s);
}

static bool set_events(const http_sockets *s, int act, int descriptor, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = descriptor};
  return epoll_ctl(s->epoll, act, descriptor, &event) == 0;
}

/* Whether or not the epoll has it; `known`: it should. */
static bool put(const http_sockets *s, bool known, int descriptor, uint32_t events) {
  return set_events(s, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, events) ||
         (errno == (known ? ENOENT : EEXIST) &&
          set_events(s, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, events));
}

/* Has the epoll hold what the list says, but for what is no socket any more. Without a descriptor for a new
 * one the old one stays, for now. */
static bool renew(http_sockets *s) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  s->is_stale = epoll < 0;
  if (epoll >= 0) {
    close_descriptor(s->epoll);
    s->epoll = epoll;
  }
  bool complete = put(s, false, s->waking, EPOLLIN) && (s->caller < 0 || put(s, false, s->caller, EPOLLIN));
  for (size_t i = 0; i < s->count && complete; i++) {
    complete = put(s, false, s->wishes[i].socket, s->wishes[i].events) || errno == EBADF || errno == EPERM;
  }
  return complete;
}

static bool open_sockets(http_sockets *s) {
  if (s->epoll >= 0) {
    return true;
  }
  s->waking = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (s->waking < 0 || !renew(s)) {
    http_sockets_free(s);
    return false;
  }
  return true;
}

/* ---- what libcurl tells ---- */

static size_t find(const http_sockets *s, int socket) {
  size_t at = 0;
  while (at < s->count && s->wishes[at].socket != socket) {
    at++;
  }
  return at;
}

static bool grow(http_sockets *s) {
  size_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;
  http_wish *wishes = realloc(s->wishes, capacity * sizeof *wishes);
  if (wishes == NULL) {
    return false;
  }
  s->wishes = wishes;
  s->capacity = capacity;
  return true;
}

/* What was ready of a socket that is no more is not said of the next one of its number. */
static void forget_ready(http_sockets *s, int socket) {
  for (int i = 0; i < s->ready_count; i++) {
    if (s->ready[i].data.fd == socket) {
      s->ready[i].events = 0;
    }
  }
}

static void remove_wish(http_sockets *s, size_t at) {
  if (at < s->count) {
    forget_ready(s, s->wishes[at].socket);
    s->is_stale = !set_events(s, EPOLL_CTL_DEL, s->wishes[at].socket, 0) || s->is_stale;
    s->wishes[at] = s->wishes[--s->count];
  }
}

static int on_wish(CURL *easy, curl_socket_t socket, int wish, void *user, void *unused) {
  (void)easy, (void)unused;
  http_sockets *s = user;
  size_t at = find(s, socket);
  if (wish == CURL_POLL_REMOVE) {
    remove_wish(s, at);
    return 0;
  }
  bool known = at < s->count;
  if (at == s->capacity && !grow(s)) {
    return -1;
  }
  s->count += known ? 0 : 1;
  uint32_t events = ((wish & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                    ((wish & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
  s->wishes[at] = (http_wish){.socket = socket, .events = events};
  return put(s, known, socket, events) ? 0 : -1;
}

/* One of a number that is known was closed without a word. */
void http_sockets_opened(http_sockets *s, int socket) {
  s->is_stale = find(s, socket) < s->count || s->is_stale;
}

static int on_timer(CURLM *multi, long milliseconds, void *user) {
  (void)multi;
  http_sockets *s = user;
  s->timer = milliseconds < 0 ? NO_TIME : milliseconds == 0 ? 0 : http_now() + (double)milliseconds / 1000;
  return 0;
}

bool http_sockets_use(http_sockets *s, CURLM *multi, bool use) {
  if (use && !open_sockets(s)) {
    return false;
  }
  s->timer = NO_TIME;
  s->multi = multi;
  s->in_use = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, use ? on_wish : NULL) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, use ? on_timer : NULL) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s) == CURLM_OK && use;
  return s->in_use == use;
}

static bool timer_is_due(const http_sockets *s) {
  return s->timer >= 0 && (s->timer <= 0 || http_now() >= s->timer);
}

/* ---- waiting ---- */

/* Takes out of what is ready whatever is none of libcurl's. */
static void take_ours(http_sockets *s) {
  uint64_t count;
  for (int i = 0; i < s->ready_count; i++) {
    int descriptor = s->ready[i].data.fd;
    if (descriptor == s->waking) {
      ssize_t taken = read(s->waking, &count, sizeof count);
      (void)taken;
    } else if (descriptor == s->caller) {
      s->is_called = true;
    } else {
      continue;
    }
    s->ready[i].events = 0;
  }
}

void http_sockets_watch(http_sockets *s, int caller) {
  s->caller = caller;
  s->is_stale = true;
}

bool http_sockets_wait(http_sockets *s, double until) {
  if (s->is_stale && !renew(s)) {
    return false;
  }
  s->were_asked = true;
  s->is_called = false;
  int count = epoll_wait(s->epoll, s->ready, HTTP_READY_AT_ONCE,
                         http_milliseconds_left(s->timer >= 0 && s->timer < until ? s->timer : until));
  s->ready_count = count > 0 ? count : 0;
  take_ours(s);
  return count >= 0 || errno == EINTR;
}

bool http_sockets_called(const http_sockets *s) {
  return s->is_called;
}

/*
 * An error that comes alone is to be read as well: reading tells which it is, and libcurl counts that among
 * what it can recover from, while it gives up on a bare CURL_CSELECT_ERR.
 */
static int readiness(uint32_t events) {
  return ((events & (uint32_t)(EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
         ((events & (uint32_t)EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
         ((events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
}

static bool act_on_ready(http_sockets *s) {
  int running;
  for (int i = 0; i < s->ready_count; i++) {
    struct epoll_event ready = s->ready[i];
    if (ready.events != 0 &&
        curl_multi_socket_action(s->multi, ready.data.fd, readiness(ready.events), &running) != CURLM_OK) {
      return false;
    }
  }
  s->ready_count = 0;
  return true;
}

bool http_sockets_act(http_sockets *s) {
  int running;
  if (!s->were_asked) {
    http_sockets_wait(s, 0);
  }
  s->were_asked = false;
  if (!act_on_ready(s)) {
    return false;
  }
  if (timer_is_due(s)) {
    s->timer = NO_TIME;
    return curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running) == CURLM_OK;
  }
  return true;
}

void http_sockets_wake(const http_sockets *s) {
  const uint64_t one = 1;
  ssize_t written = write(s->waking, &one, sizeof one);
  (void)written; /* what is full wakes as well */
}
