#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_sigmask */
#endif

#include "header_lines.h"
#include "reactor_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const double QUIET_SECONDS = 0.001;

enum { NICER_BY = 10 };

/* ---- the thread's side ---- */

/* The exchange's texts go with it, so they are copied. */
static void keep_result(reactor_job *job, const http_result *from) {
  http_result *to = &job->result;
  buffer *answer = &job->answer;
  *to = *from;
  buffer_append(answer, from->headers, from->headers_length);
  buffer_append(answer, from->body, from->body_length);
  buffer_append_text(answer, from->message != NULL ? from->message : "");
  buffer_append_byte(answer, '\0');
  if (answer->failed) {
    const char *why = "not enough memory for the answer";
    *to = (http_result){.outcome = HTTP_MEMORY, .message = why, .sent = from->sent};
    return;
  }
  to->headers = answer->data;
  to->body = to->headers + from->headers_length;
  to->message = from->message != NULL ? to->body + from->body_length : NULL;
}

/* From the unlocking on the job may be somebody else's. */
static void finish(reactor *r, reactor_job *job) {
  door_waiter *waiter = job->waiter;
  job->waiter = NULL;
  pthread_mutex_lock(&r->lock);
  reactor_job_done(job);
  pthread_mutex_unlock(&r->lock);
  if (waiter != NULL) {
    door_answer(waiter);
  }
}

static bool is_wanted(reactor *r, const reactor_job *job) {
  pthread_mutex_lock(&r->lock);
  bool wanted = !job->unwanted;
  pthread_mutex_unlock(&r->lock);
  return wanted;
}

static void note_followed(reactor *r, reactor_job *job) {
  pthread_mutex_lock(&r->lock);
  job->followed = true;
  pthread_mutex_unlock(&r->lock);
}

/* The context stays the job's while `following` is held. */
static bool follow(void *of, http_session *session, http_exchange *exchange) {
  reactor_job *job = of;
  reactor *r = job->reactor;
  pthread_mutex_lock(&r->following);
  bool follows = is_wanted(r, job) && job->sequel->follow(job->context, session, exchange);
  if (follows) {
    note_followed(r, job);
  }
  pthread_mutex_unlock(&r->following);
  return follows;
}

static void keep(void *of) {
  (void)of; /* the job is the reactor's */
}

static void collect(reactor *r) {
  http_exchange *exchange;
  while ((exchange = http_session_next_done(r->session)) != NULL) {
    reactor_job *job = http_exchange_context(exchange);
    if (job->pause != NULL) {
      client_pause_note(job->pause, http_exchange_result(exchange)->status);
    }
    keep_result(job, http_exchange_result(exchange));
    http_exchange_free(exchange);
    job->exchange = NULL;
    finish(r, job);
  }
}

static void start(reactor *r, reactor_job *job) {
  job->exchange = http_exchange_new(r->session);
  if (job->exchange == NULL) {
    job->result = (http_result){.outcome = HTTP_MEMORY, .message = "not enough memory for the request"};
    finish(r, job);
    return;
  }
  static const http_sequel sequel = {.follow = follow, .forget = keep};
  header_lines_give(&job->lines, job->exchange);
  if (job->sequel != NULL) {
    http_exchange_set_sequel(job->exchange, &sequel, job);
  }
  http_exchange_set_context(job->exchange, job);
  job->request.timeout = job->deadline - http_now();
  http_session_start(r->session, job->exchange, &job->request);
}

static void start_all(reactor *r) {
  reactor_job *job;
  do {
    pthread_mutex_lock(&r->lock);
    r->called = false;
    job = r->started.first;
    if (job != NULL) {
      reactor_job_runs(job);
    }
    pthread_mutex_unlock(&r->lock);
    if (job != NULL) {
      start(r, job);
    }
  } while (job != NULL);
}

static void cancel_unsent(reactor_job *job) {
  if (!http_exchange_was_sent(job->exchange)) {
    http_session_cancel(job->exchange);
  }
}

/* Those that ring and that nobody waits for any more. What runs is the thread's, so its exchange stays. */
static void cancel_left(reactor *r) {
  pthread_mutex_lock(&r->lock);
  bool some = r->some_left;
  r->some_left = false;
  for (size_t i = 0; some && i < r->most; i++) {
    if (r->jobs[i].state == JOB_RUNNING && r->jobs[i].unwanted) {
      cancel_unsent(&r->jobs[i]);
    }
  }
  pthread_mutex_unlock(&r->lock);
}

static bool is_some_rung(reactor *r) {
  pthread_mutex_lock(&r->lock);
  bool some = r->rung.first != NULL;
  pthread_mutex_unlock(&r->lock);
  return some;
}

static void ring(reactor *r) {
  double now = http_now();
  if (r->bell != NULL && (is_some_rung(r) || now - r->last_rung >= REACTOR_PULSE_SECONDS)) {
    door_waiter *bell = r->bell;
    r->bell = NULL;
    r->last_rung = now;
    door_answer(bell);
  }
}

/* Whoever knocks for what is done, given up or another's comes in at once. */
static void on_knock(void *context, uint64_t number, door_waiter *waiter) {
  reactor *r = context;
  if (number == REACTOR_BELL && r->bell == NULL) {
    r->bell = waiter;
    if (is_some_rung(r)) { /* the host took only some of them */
      ring(r);
    }
    return;
  } else if (number >= REACTOR_NAPS) {
    reactor_nap_begins(r, number, waiter);
    return;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = reactor_find_job(r, number);
  bool starts = job != NULL && job->state == JOB_READY;
  bool runs = job != NULL && job->state == JOB_RUNNING && job->rings && !job->unwanted && job->waiter == NULL;
  if (starts) {
    reactor_job_runs(job);
  }
  pthread_mutex_unlock(&r->lock);
  if (!starts && !runs) {
    door_answer(waiter);
    return;
  }
  job->waiter = waiter;
  if (starts) {
    start(r, job);
  }
}

/* A write that is on its way finishes, whoever waits; what nobody saw yet is not sent at all. What is done
 * and was not taken by a waiter that nginx ended in between would keep its place until a collection of
 * garbage. */
static void on_gone(void *context, uint64_t number, bool answered) {
  reactor *r = context;
  if (number == REACTOR_BELL) {
    r->bell = answered ? r->bell : NULL;
    return;
  } else if (number >= REACTOR_NAPS) {
    reactor_nap_is_gone(r, number);
    return;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = reactor_find_job(r, number);
  bool runs = job != NULL && reactor_job_left(job, answered);
  pthread_mutex_unlock(&r->lock);
  if (runs) {
    job->waiter = NULL;
    cancel_unsent(job);
  }
}

/* Whoever waits for an answer of the service waits for long already; where the processors are short, what
 * the host does for others comes first. Only Linux has a nice value for each thread. */
static void give_way(void) {
#ifdef __linux__
  setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICER_BY);
#endif
}

/* Seconds until somebody is to be answered, or looked after, whatever comes. Those who were rung for start
 * what comes next, mostly quietly, and whoever was to call for it may have been ended. */
static double wait_of(const reactor *r) {
  double nap = reactor_nap_next(r);
  double longest = r->bell != NULL ? REACTOR_PULSE_SECONDS : REACTOR_NO_NAP;
  if (http_now() - r->last_rung < 2 * QUIET_SECONDS) {
    longest = QUIET_SECONDS;
  }
  return nap < 0 ? 0 : nap < longest ? nap : longest;
}

static void *run(void *argument) {
  reactor *r = argument;
  give_way();
  static const door_events events = {.knock = on_knock, .gone = on_gone};
  while (!atomic_load(&r->stopping)) {
    door_serve(r->door, &events, r);
    start_all(r);
    cancel_left(r);
    http_session_pump(r->session, wait_of(r));
    collect(r);
    reactor_naps_end(r, false);
    ring(r);
  }
  return NULL;
}

/* ---- making and ending ---- */

bool reactor_is_ours(const reactor *r) {
  return process_mark_is_ours(&r->process);
}

const char *reactor_address(const reactor *r) {
  return door_address(r->door);
}

/* The host's signals stay the host's. That this code is not unloaded under the thread, http_session_new()
 * sees to. */
static bool start_thread(reactor *r) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&r->thread, NULL, run, r) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

static void close_all(reactor *r) {
  reactor_naps_end(r, true);
  door_close(r->door);
  http_session_free(r->session);
  r->door = NULL;
  r->session = NULL;
}

static reactor *give_up(reactor *r) {
  close_all(r);
  reactor_release_memory(r);
  return NULL;
}

reactor *reactor_new(const http_session_options *options, size_t most, const char **why) {
  reactor *r = calloc(1, sizeof *r);
  *why = "not enough memory";
  if (r == NULL) {
    return NULL;
  }
  process_mark_init(&r->process);
  atomic_init(&r->stopping, false);
  pthread_mutex_init(&r->lock, NULL);
  pthread_mutex_init(&r->following, NULL);
  if (!reactor_make_jobs(r, most)) {
    return give_up(r);
  }
  *why = "libcurl does not take these options";
  http_session_options own = *options;
  own.signals_blocked = true;
  r->session = http_session_new(&own);
  if (r->session == NULL) {
    return give_up(r);
  }
  *why = "no descriptor is left";
  if (!http_session_expect_many(r->session, true)) {
    return give_up(r);
  }
  *why = "no unix socket can be made in TMPDIR, /tmp or /dev/shm, or no descriptor is left";
  r->door = door_open();
  if (r->door == NULL) {
    return give_up(r);
  }
  http_session_watch(r->session, door_descriptor(r->door));
  *why = "no thread can be started";
  return start_thread(r) ? r : give_up(r);
}

/* What never came to its end is cancelled, so that its result can still be asked for. */
static void cancel_jobs(reactor *r) {
  for (size_t i = 0; i < r->most; i++) {
    reactor_job *job = &r->jobs[i];
    if (job->state == JOB_RUNNING) {
      bool sent = http_exchange_was_sent(job->exchange);
      job->result =
          (http_result){.outcome = HTTP_CANCELLED, .message = "the reactor was stopped", .sent = sent};
      http_exchange_free(job->exchange);
      job->exchange = NULL;
      reactor_job_done(job);
    }
  }
}

void reactor_free(reactor *r) {
  if (r == NULL) {
    return;
  }
  if (!reactor_is_ours(r)) {
    door_abandon(r->door);
    return;
  }
  atomic_store(&r->stopping, true);
  http_session_wakeup(r->session);
  pthread_join(r->thread, NULL);
  cancel_jobs(r);
  close_all(r);
  if (r->tickets == 0) {
    reactor_release_memory(r);
  }
}
