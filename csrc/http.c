/* The session: which exchanges are under way, and moving them on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime, strdup */
#endif

#include "http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  SPARE_EXCHANGES = 64,
  POOLED_CONNECTIONS = 128, /* kept open when idle, unless max_connections says otherwise */
  LONGEST_WAIT_SECONDS = 24 * 60 * 60
};

/* libcurl has the first word at a deadline, since it can say in what it was met; we have the last. */
static const double DEADLINE_GRACE_SECONDS = 0.02;

/* Whoever gives a call no more than this wants an answer and not a look at what became of it. */
static const double ASKED_QUICKLY_SECONDS = 5;
static const double LONGEST_LOOK_SECONDS = 5;

double http_time_for_write(double left) {
  double kept = (left - ASKED_QUICKLY_SECONDS) / 2;
  return left - (kept < 0 ? 0 : kept < LONGEST_LOOK_SECONDS ? kept : LONGEST_LOOK_SECONDS);
}

double http_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int http_milliseconds_left(double until) {
  double left = until - http_now();
  return left > 0 ? (int)(left * 1000) + 1 : 0;
}

static void list_init(http_list *list) {
  list->ring.next = list->ring.previous = &list->ring;
  list->length = 0;
}

static http_exchange *list_first(const http_list *list) {
  return list->length > 0 ? (http_exchange *)list->ring.next : NULL;
}

void http_list_remove(http_exchange *exchange) {
  if (exchange->list != NULL) {
    exchange->link.previous->next = exchange->link.next;
    exchange->link.next->previous = exchange->link.previous;
    exchange->list->length--;
    exchange->list = NULL;
  }
}

void http_list_move(http_exchange *exchange, http_list *list) {
  http_list_remove(exchange);
  exchange->link.next = &list->ring;
  exchange->link.previous = list->ring.previous;
  list->ring.previous->next = &exchange->link;
  list->ring.previous = &exchange->link;
  list->length++;
  exchange->list = list;
}

static bool copy_text(char **to, const char *from) {
  *to = from == NULL ? NULL : strdup(from);
  return from == NULL || *to != NULL;
}

static bool choose_version(http_session *session, const char *wanted) {
  bool has_http2 = (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0;
  session->curl_http_version = CURL_HTTP_VERSION_1_1;
  if (wanted != NULL && strcmp(wanted, "1.1") == 0) {
    return true;
  }
  if (has_http2) {
    session->curl_http_version = CURL_HTTP_VERSION_2TLS;
  }
  return wanted == NULL || (has_http2 && strcmp(wanted, "2") == 0);
}

static bool set_multi(CURLM *multi, long max_connections) {
  long pooled = max_connections > 0 ? max_connections : POOLED_CONNECTIONS;
  return curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
         curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, pooled) == CURLM_OK &&
         curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections) == CURLM_OK;
}

/* An exchange made in advance shows now whether libcurl takes the options. */
static bool try_options(http_session *session) {
  http_exchange *exchange = http_exchange_new(session);
  if (exchange == NULL) {
    return false;
  }
  exchange->easy = http_easy_new(session, exchange);
  bool accepted = exchange->easy != NULL;
  http_exchange_free(exchange);
  return accepted;
}

http_session *http_session_new(const http_session_options *options) {
  http_session *session = http_easy_global_init() ? calloc(1, sizeof *session) : NULL;
  if (session == NULL) {
    return NULL;
  }
  process_mark_init(&session->process);
  session->watched = -1;
  session->signals_blocked = options->signals_blocked;
  http_sockets_init(&session->sockets);
  list_init(&session->spare);
  list_init(&session->resting);
  list_init(&session->under_way);
  list_init(&session->done);
  atomic_init(&session->woken, false);
  session->multi = curl_multi_init();
  if (session->multi == NULL || !set_multi(session->multi, options->max_connections) ||
      !choose_version(session, options->http_version) || !copy_text(&session->ca_file, options->ca_file) ||
      !copy_text(&session->ca_path, options->ca_path) || !copy_text(&session->proxy, options->proxy) ||
      !copy_text(&session->user_agent, options->user_agent) || !try_options(session)) {
    http_session_free(session);
    return NULL;
  }
  return session;
}

static void end_all(http_session *session, http_outcome outcome, const char *message);

/* The exchanges outlive the session; in a child without their handles, which are the parent's. */
static void detach_all(http_list *list, bool ours) {
  http_exchange *exchange;
  while ((exchange = list_first(list)) != NULL) {
    http_list_remove(exchange);
    exchange->session = NULL;
    exchange->easy = ours ? exchange->easy : NULL;
  }
}

static void destroy_spare(http_session *session, bool ours, size_t kept) {
  while (session->spare.length > kept) {
    http_exchange *exchange = list_first(&session->spare);
    exchange->easy = ours ? exchange->easy : NULL;
    http_exchange_destroy(exchange);
  }
}

void http_session_trim(http_session *session) {
  destroy_spare(session, true, SPARE_EXCHANGES);
}

/* A proxy's address may have a password in it. */
static void free_secret(char *text) {
  if (text != NULL) {
    buffer holder = {.data = text, .capacity = strlen(text)};
    buffer_wipe(&holder);
  }
}

void http_session_free(http_session *session) {
  if (session == NULL) {
    return;
  }
  bool ours = http_session_is_ours(session);
  end_all(session, HTTP_CANCELLED, "the session was closed");
  destroy_spare(session, ours, 0);
  detach_all(&session->resting, ours);
  detach_all(&session->done, ours);
  if (ours && session->multi != NULL) {
    curl_multi_cleanup(session->multi);
  }
  http_sockets_free(&session->sockets);
  free_secret(session->proxy);
  free(session->ca_file);
  free(session->ca_path);
  free(session->user_agent);
  process_mark_free(&session->process);
  free(session);
}

bool http_session_is_ours(const http_session *session) {
  return process_mark_is_ours(&session->process);
}

size_t http_session_in_flight(const http_session *session) {
  return session->under_way.length;
}

/* In a child process the multi handle is not touched: its sockets are the parent's. */
static void end(http_exchange *exchange, http_outcome outcome, const char *message) {
  if (http_session_is_ours(exchange->session)) {
    curl_multi_remove_handle(exchange->session->multi, exchange->easy);
  }
  http_exchange_finish(exchange, outcome, message);
}

static void end_all(http_session *session, http_outcome outcome, const char *message) {
  http_exchange *exchange;
  while ((exchange = list_first(&session->under_way)) != NULL) {
    end(exchange, outcome, message);
  }
}

void http_session_cancel(http_exchange *exchange) {
  if (exchange->state == HTTP_UNDER_WAY) {
    end(exchange, HTTP_CANCELLED, "cancelled");
  }
}

/* What it cannot change to, it does without. */
static bool be_ready(http_session *session) {
  http_sockets *sockets = &session->sockets;
  return sockets->in_use == session->expects_many || session->under_way.length > 0 ||
         http_sockets_use(sockets, session->multi, session->expects_many);
}

bool http_session_expect_many(http_session *session, bool many) {
  if (!http_session_is_ours(session)) {
    return false;
  }
  session->expects_many = many;
  return be_ready(session);
}

bool http_session_start(http_session *session, http_exchange *exchange, const http_request *request) {
  const char *why = NULL;
  http_session_cancel(exchange);
  be_ready(session);
  http_outcome outcome = http_exchange_prepare(exchange, request, &why);
  if (outcome == HTTP_DONE && curl_multi_add_handle(session->multi, exchange->easy) != CURLM_OK) {
    outcome = HTTP_MEMORY;
    why = "not enough memory for the request";
  }
  if (outcome != HTTP_DONE) {
    http_exchange_finish(exchange, outcome, why);
    return false;
  }
  exchange->state = HTTP_UNDER_WAY;
  exchange->was_under_way = true;
  exchange->deadline = http_now() + request->timeout + DEADLINE_GRACE_SECONDS;
  if (session->under_way.length == 0 || exchange->deadline < session->next_deadline) {
    session->next_deadline = exchange->deadline;
  }
  http_list_move(exchange, &session->under_way);
  return true;
}

static void collect(http_session *session) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(session->multi, &left)) != NULL) {
    char *user = NULL;
    CURLcode code = message->data.result; /* the message goes with its handle */
    if (message->msg == CURLMSG_DONE &&
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user) == CURLE_OK) {
      http_exchange *exchange = (http_exchange *)(void *)user;
      curl_multi_remove_handle(session->multi, exchange->easy);
      http_exchange_finish_curl(exchange, code);
      http_exchange_go_on(exchange);
    }
  }
}

/* libcurl does not watch the deadline of an exchange that waits for a connection of another one's. */
static void end_overdue(http_session *session, double now) {
  http_link *link = session->under_way.ring.next;
  session->next_deadline = now + LONGEST_WAIT_SECONDS;
  while (link != &session->under_way.ring) {
    http_exchange *exchange = (http_exchange *)link;
    link = link->next;
    if (exchange->deadline <= now) {
      end(exchange, HTTP_TIMEOUT, "the deadline passed before a complete answer came");
    } else if (exchange->deadline < session->next_deadline) {
      session->next_deadline = exchange->deadline;
    }
  }
}

static bool perform(http_session *session, bool waits) {
  int running;
  return session->sockets.in_use ? http_sockets_act(&session->sockets, session->multi, waits)
                                 : curl_multi_perform(session->multi, &running) == CURLM_OK;
}

/* Performs, collects and looks at the deadlines; false when libcurl itself is at its end. `waits`: the
 * sockets are waited for next. */
static bool turn(http_session *session, bool waits) {
  if (!perform(session, waits)) {
    end_all(session, HTTP_MEMORY, "libcurl ran out of memory");
    return false;
  }
  collect(session);
  double now = http_now();
  if (session->under_way.length > 0 && now >= session->next_deadline) {
    end_overdue(session, now);
  }
  return true;
}

/* False when it could not wait; `called`: the caller's descriptor is ready. */
static bool wait_by_libcurl(http_session *session, double until, bool *called) {
  int milliseconds = http_milliseconds_left(until);
  struct curl_waitfd watched = {.fd = session->watched, .events = CURL_WAIT_POLLIN};
  unsigned extra = session->watched >= 0 ? 1 : 0;
  bool waited = curl_multi_poll(session->multi, &watched, extra, milliseconds, NULL) == CURLM_OK;
  *called = watched.revents != 0;
  return waited;
}

static bool wait_until(http_session *session, double until) {
  bool called = false;
  bool waited = false;
  if (session->under_way.length > 0 && session->next_deadline < until) {
    until = session->next_deadline;
  }
  if (session->sockets.in_use) {
    waited = http_sockets_wait(&session->sockets, session->watched, until);
    called = http_sockets_called(&session->sockets);
  } else {
    waited = wait_by_libcurl(session, until, &called);
  }
  if (called) {
    atomic_store(&session->woken, true);
  }
  return waited;
}

int http_session_pump(http_session *session, double seconds) {
  if (!http_session_is_ours(session)) {
    return 0;
  }
  double wait = seconds > 0 ? seconds : 0; /* NaN waits for nothing */
  double until = http_now() + (wait < LONGEST_WAIT_SECONDS ? wait : LONGEST_WAIT_SECONDS);
  while (turn(session, wait > 0) && session->newly_done == 0 && http_now() < until &&
         !atomic_exchange(&session->woken, false)) {
    if (!wait_until(session, until)) {
      end_all(session, HTTP_NETWORK, "the sockets could not be waited for");
      break;
    }
  }
  int count = session->newly_done;
  session->newly_done = 0;
  return count;
}

http_exchange *http_session_next_done(http_session *session) {
  http_exchange *exchange = list_first(&session->done);
  if (exchange != NULL) {
    http_list_move(exchange, &session->resting);
  }
  return exchange;
}

void http_session_watch(http_session *session, int descriptor) {
  session->watched = descriptor;
}

void http_session_wakeup(http_session *session) {
  atomic_store(&session->woken, true);
  if (session->sockets.in_use) {
    http_sockets_wake(&session->sockets);
  } else {
    curl_multi_wakeup(session->multi);
  }
}
