/*
 * The sockets of many exchanges: libcurl tells which of them are waited for, and is told which are ready, so
 * that a turn costs by what there is to do and not by what is under way. For a single exchange its own loop
 * is cheaper.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe, fcntl */
#endif

#include "http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Before those that libcurl waits for. */
enum { CALLERS, WAKING, FIRST };

static const double NO_TIME = -1;

void http_sockets_init(http_sockets *s) {
  *s = (http_sockets){.waking = -1, .timer = NO_TIME};
}

void http_sockets_free(http_sockets *s) {
  if (s->polled != NULL) {
    close(s->polled[WAKING].fd);
    close(s->waking);
  }
  free(s->polled);
  http_sockets_init(s);
}

static bool grow(http_sockets *s) {
  size_t capacity = s->capacity == 0 ? 16 : s->capacity * 2;
  struct pollfd *polled = realloc(s->polled, capacity * sizeof *polled);
  if (polled == NULL) {
    return false;
  }
  s->polled = polled;
  s->capacity = capacity;
  return true;
}

static bool make_pipe(int ends[2]) {
  if (pipe(ends) != 0) {
    return false;
  }
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  return true;
}

static bool open_sockets(http_sockets *s) {
  int ends[2];
  if (s->polled != NULL) {
    return true;
  }
  if (!grow(s) || !make_pipe(ends)) {
    free(s->polled);
    http_sockets_init(s);
    return false;
  }
  s->polled[CALLERS] = (struct pollfd){.fd = -1, .events = POLLIN};
  s->polled[WAKING] = (struct pollfd){.fd = ends[0], .events = POLLIN};
  s->waking = ends[1];
  s->count = FIRST;
  return true;
}

static size_t find(const http_sockets *s, curl_socket_t socket) {
  size_t at = FIRST;
  while (at < s->count && s->polled[at].fd != socket) {
    at++;
  }
  return at;
}

/* What libcurl calls: it waits for something else now. */
static int on_wish(CURL *easy, curl_socket_t socket, int wish, void *user, void *unused) {
  (void)easy, (void)unused;
  http_sockets *s = user;
  size_t at = find(s, socket);
  if (wish == CURL_POLL_REMOVE) {
    if (at < s->count) {
      s->polled[at] = s->polled[--s->count];
    }
    return 0;
  }
  if (at == s->count) {
    if (s->count == s->capacity && !grow(s)) {
      return -1;
    }
    s->polled[s->count++] = (struct pollfd){.fd = socket};
  }
  s->polled[at].events =
      (short)(((wish & CURL_POLL_IN) != 0 ? POLLIN : 0) | ((wish & CURL_POLL_OUT) != 0 ? POLLOUT : 0));
  return 0;
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
  s->in_use = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, use ? on_wish : NULL) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, use ? on_timer : NULL) == CURLM_OK &&
              curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s) == CURLM_OK && use;
  return s->in_use == use;
}

static bool timer_is_due(const http_sockets *s) {
  return s->timer >= 0 && (s->timer <= 0 || http_now() >= s->timer);
}

bool http_sockets_wait(http_sockets *s, int caller, double until) {
  s->polled[CALLERS].fd = caller;
  s->were_polled = true;
  int ready = poll(s->polled, (nfds_t)s->count,
                   http_milliseconds_left(s->timer >= 0 && s->timer < until ? s->timer : until));
  if (ready < 0) {
    for (size_t i = 0; i < s->count; i++) {
      s->polled[i].revents = 0;
    }
    return errno == EINTR;
  }
  char bytes[64];
  while (s->polled[WAKING].revents != 0 && read(s->polled[WAKING].fd, bytes, sizeof bytes) == sizeof bytes) {
  }
  return true;
}

bool http_sockets_called(const http_sockets *s) {
  return s->polled[CALLERS].revents != 0;
}

/*
 * An error that comes alone is to be read as well: reading tells which it is, and libcurl counts that among
 * what it can recover from, while it gives up on a bare CURL_CSELECT_ERR.
 */
static int readiness(short events) {
  return ((events & (POLLIN | POLLERR | POLLHUP | POLLNVAL)) != 0 ? CURL_CSELECT_IN : 0) |
         ((events & POLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
         ((events & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? CURL_CSELECT_ERR : 0);
}

/* Whatever libcurl puts in the place of a socket meanwhile is looked at again. */
static bool act_on_ready(http_sockets *s, CURLM *multi) {
  int running;
  for (size_t i = FIRST; i < s->count;) {
    struct pollfd ready = s->polled[i];
    if (ready.revents == 0) {
      i++;
      continue;
    }
    s->polled[i].revents = 0;
    if (curl_multi_socket_action(multi, ready.fd, readiness(ready.revents), &running) != CURLM_OK) {
      return false;
    }
  }
  return true;
}

bool http_sockets_act(http_sockets *s, CURLM *multi, bool waits) {
  int running;
  if (!s->were_polled && (!waits || s->were_skipped)) {
    http_sockets_wait(s, s->polled[CALLERS].fd, 0);
  }
  s->were_skipped = !s->were_polled;
  s->were_polled = false;
  if (!act_on_ready(s, multi)) {
    return false;
  }
  if (timer_is_due(s)) {
    s->timer = NO_TIME;
    return curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running) == CURLM_OK;
  }
  return true;
}

void http_sockets_wake(const http_sockets *s) {
  ssize_t written = write(s->waking, "", 1);
  (void)written; /* a full pipe wakes as well */
}
