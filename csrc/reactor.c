#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif

#include "reactor_internal.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double LONGEST_WAIT_SECONDS = 3600;

enum { SPARE_WAITERS = 64 /* connections beyond one per job: those of waiters that are just leaving */ };

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
  reactor_lock(r);
  door_waiter *waiter = job->waiter;
  job->waiter = NULL;
  reactor_job_done(job);
  reactor_unlock(r);
  if (waiter != NULL) {
    door_answer(waiter);
  }
}

static void collect(reactor *r) {
  http_exchange *exchange;
  while ((exchange = http_session_next_done(r->session)) != NULL) {
    reactor_job *job = http_exchange_context(exchange);
    keep_result(job, http_exchange_result(exchange));
    http_exchange_free(exchange);
    job->exchange = NULL;
    finish(r, job);
  }
}

static void fail(reactor *r, reactor_job *job, http_outcome outcome, const char *message) {
  job->result = (http_result){.outcome = outcome, .message = message};
  finish(r, job);
}

static void start(reactor *r, reactor_job *job) {
  job->exchange = http_exchange_new(r->session);
  if (job->exchange == NULL) {
    fail(r, job, HTTP_MEMORY, "not enough memory for the request");
    return;
  }
  for (size_t at = 0; at < job->lines.length;) {
    const char *line = job->lines.data + at;
    size_t length = strlen(line);
    http_exchange_add_header(job->exchange, line, length);
    at += length + 1;
  }
  http_exchange_set_context(job->exchange, job);
  job->request.timeout = job->deadline - http_now();
  http_session_start(r->session, job->exchange, &job->request);
}

/* The queue as it is, taken over. */
static reactor_job *take_queue(reactor *r, bool *stopping, bool *releases) {
  reactor_lock(r);
  reactor_job *first = r->queue_first;
  r->queue_first = r->queue_last = NULL;
  *stopping = r->stopping;
  *releases = r->releases;
  r->releases = false;
  for (reactor_job *job = first; job != NULL; job = job->next) {
    job->state = JOB_RUNNING;
  }
  reactor_unlock(r);
  return first;
}

static void start_all(reactor *r, reactor_job *job) {
  while (job != NULL) {
    reactor_job *next = job->next;
    job->next = NULL;
    start(r, job);
    job = next;
  }
}

/* A write that is on its way finishes, whoever waits; what nobody saw yet is not sent at all. */
static void cancel_if_unwanted(reactor *r, reactor_job *job) {
  reactor_lock(r);
  bool unwanted = job->state == JOB_RUNNING && (job->released || job->abandoned);
  reactor_unlock(r);
  if (unwanted && job->exchange != NULL && !http_exchange_was_sent(job->exchange)) {
    http_session_cancel(job->exchange);
  }
}

static void on_wait(void *context, uint64_t number, door_waiter *waiter) {
  reactor *r = context;
  reactor_lock(r);
  reactor_job *job = reactor_find_job(r, number);
  bool under_way = job != NULL && (job->state == JOB_QUEUED || job->state == JOB_RUNNING);
  bool waits = under_way && job->waiter == NULL;
  if (waits) {
    job->waiter = waiter;
  }
  reactor_unlock(r);
  if (!waits) {
    door_answer(waiter);
  }
}

static void on_gone(void *context, uint64_t number) {
  reactor *r = context;
  reactor_lock(r);
  reactor_job *job = reactor_find_job(r, number);
  bool waited = job != NULL && job->waiter != NULL;
  if (waited) {
    job->waiter = NULL;
    job->abandoned = true;
  }
  reactor_unlock(r);
  if (waited) {
    cancel_if_unwanted(r, job);
  }
}

static void *run(void *argument) {
  reactor *r = argument;
  static const door_events events = {.waits = on_wait, .gone = on_gone};
  bool stopping = false;
  while (!stopping) {
    bool releases = false;
    start_all(r, take_queue(r, &stopping, &releases));
    for (size_t i = 0; releases && i < r->most; i++) {
      cancel_if_unwanted(r, &r->jobs[i]);
    }
    door_serve(r->door, &events, r);
    collect(r);
    if (!stopping) {
      http_session_pump(r->session, LONGEST_WAIT_SECONDS);
      collect(r);
    }
  }
  return NULL;
}

/* ---- making and ending ---- */

bool reactor_is_ours(const reactor *r) {
  return r->owner == getpid();
}

const char *reactor_address(const reactor *r) {
  return door_address(r->door);
}

/* Unloaded with the Lua state that loaded it, this code would be gone under libcurl's own threads. */
static void pin_code(void) {
  Dl_info info;
  if (dladdr((void *)(uintptr_t)&reactor_new, &info) != 0 && info.dli_fname != NULL) {
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
  }
}

/* The host's signals stay the host's. */
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
  door_close(r->door);
  http_session_free(r->session);
  pthread_mutex_destroy(&r->lock);
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
  r->owner = getpid();
  pthread_mutex_init(&r->lock, NULL);
  if (!reactor_make_jobs(r, most)) {
    return give_up(r);
  }
  *why = "libcurl does not take these options";
  r->session = http_session_new(options);
  if (r->session == NULL) {
    return give_up(r);
  }
  *why = "no unix socket can be made in the folder for temporary files";
  r->door = door_open(most + SPARE_WAITERS);
  if (r->door == NULL) {
    return give_up(r);
  }
  pin_code();
  http_session_watch(r->session, door_descriptor(r->door));
  *why = "no thread can be started";
  return start_thread(r) ? r : give_up(r);
}

/* What never came to its end is cancelled, so that its result can still be asked for. */
static void cancel_jobs(reactor *r) {
  for (size_t i = 0; i < r->most; i++) {
    reactor_job *job = &r->jobs[i];
    if (job->state == JOB_QUEUED || job->state == JOB_RUNNING) {
      bool sent = job->exchange != NULL && http_exchange_was_sent(job->exchange);
      job->result =
          (http_result){.outcome = HTTP_CANCELLED, .message = "the reactor was stopped", .sent = sent};
      http_exchange_free(job->exchange);
      job->exchange = NULL;
      reactor_job_done(job);
    }
  }
}

void reactor_free(reactor *r) {
  if (r == NULL || r->session == NULL) {
    return;
  }
  if (reactor_is_ours(r)) {
    reactor_lock(r);
    r->stopping = true;
    reactor_unlock(r);
    http_session_wakeup(r->session);
    pthread_join(r->thread, NULL);
  }
  cancel_jobs(r);
  if (reactor_is_ours(r)) {
    close_all(r);
  } else {
    door_abandon(r->door);
    http_session_free(r->session);
    r->session = NULL;
  }
  if (r->in_use == 0) {
    reactor_release_memory(r);
  }
}
