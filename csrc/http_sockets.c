/*
 * The sockets of many exchanges: libcurl tells which of them are waited for, and is told which are ready, so
 * that a turn costs by what there is to do and not by what is under way: with poll() the system looks at each
 * socket in each turn. For a single exchange libcurl's own loop is cheaper.
 */
#include "http_internal.h"

#include <errno.h>
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
  http_sockets_init(s);
}

static bool set_events(const http_sockets *s, int act, int descriptor, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = descriptor};
  return epoll_ctl(s->epoll, act, descriptor, &event) == 0;
}

static bool open_sockets(http_sockets *s) {
  if (s->epoll >= 0) {
    return true;
  }
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->waking = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (s->epoll < 0 || s->waking < 0 || !set_events(s, EPOLL_CTL_ADD, s->waking, EPOLLIN)) {
    http_sockets_free(s);
    return false;
  }
  return true;
}

/* What was ready of a socket that is no more is not said of the next one of its number. */
static void forget(http_sockets *s, int descriptor) {
  for (int i = 0; i < s->ready_count; i++) {
    if (s->ready[i].data.fd == descriptor) {
      s->ready[i].events = 0;
    }
  }
}

/* What libcurl calls: it waits for something else now. What it keeps for us tells that a socket is known. */
static int on_wish(CURL *easy, curl_socket_t socket, int wish, void *user, void *known) {
  (void)easy;
  http_sockets *s = user;
  if (wish == CURL_POLL_REMOVE) {
    forget(s, socket);
    set_events(s, EPOLL_CTL_DEL, socket, 0);
    return 0;
  }
  uint32_t events = ((wish & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                    ((wish & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
  if (known != NULL) {
    return set_events(s, EPOLL_CTL_MOD, socket, events) ? 0 : -1;
  }
  bool added =
      set_events(s, EPOLL_CTL_ADD, socket, events) && curl_multi_assign(s->multi, socket, s) == CURLM_OK;
  return added ? 0 : -1;
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

/* The caller's descriptor is another one now. */
static bool change_caller(http_sockets *s, int caller) {
  if (s->caller >= 0) {
    set_events(s, EPOLL_CTL_DEL, s->caller, 0);
  }
  s->caller = caller;
  return caller < 0 || set_events(s, EPOLL_CTL_ADD, caller, EPOLLIN);
}

/* Takes out of what is ready whatever is none of libcurl's. */
static void take_ours(http_sockets *s) {
  uint64_t count;
  for (int i = 0; i < s->ready_count; i++) {
    int descriptor = s->ready[i].data.fd;
    if (descriptor == s->waking) {
      ssize_t taken = read(s->waking, &count, sizeof count);
      (void)taken; /* nothing is there only where somebody else took it */
    } else if (descriptor == s->caller) {
      s->is_called = true;
    } else {
      continue;
    }
    s->ready[i].events = 0;
  }
}

bool http_sockets_wait(http_sockets *s, int caller, double until) {
  if (caller != s->caller && !change_caller(s, caller)) {
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
    http_sockets_wait(s, s->caller, 0);
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
