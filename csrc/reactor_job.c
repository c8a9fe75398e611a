/* Jobs: their places, their numbers, and what the host does with them. */
#include "header_lines.h"
#include "reactor_internal.h"

#include <stdlib.h>
#include <string.h>

bool reactor_make_jobs(reactor *r, size_t most) {
  r->jobs = calloc(most, sizeof *r->jobs);
  if (r->jobs == NULL) {
    return false;
  }
  r->most = most;
  for (size_t i = most; i > 0; i--) {
    reactor_job *job = &r->jobs[i - 1];
    job->reactor = r;
    job->place = i - 1;
    buffer_init(&job->text, SIZE_MAX);
    buffer_init(&job->lines, SIZE_MAX);
    buffer_init(&job->answer, SIZE_MAX);
    job->next = r->free_jobs;
    r->free_jobs = job;
  }
  return true;
}

static void forget_sequel(reactor_job *job) {
  if (job->context != NULL) {
    job->sequel->forget(job->context);
  }
  job->context = NULL;
  job->sequel = NULL;
}

static void forget_pause(reactor_job *job) {
  client_pause_release(job->pause);
  job->pause = NULL;
}

void reactor_release_memory(reactor *r) {
  for (size_t i = 0; i < r->most; i++) {
    forget_sequel(&r->jobs[i]);
    forget_pause(&r->jobs[i]);
    buffer_wipe(&r->jobs[i].text);
    buffer_wipe(&r->jobs[i].lines);
    buffer_wipe(&r->jobs[i].answer);
  }
  pthread_mutex_destroy(&r->following);
  pthread_mutex_destroy(&r->lock);
  free(r->jobs);
  process_mark_free(&r->process);
  free(r);
}

static uint64_t number_of(const reactor_job *job) {
  return job->round * job->reactor->most + job->place + 1;
}

reactor_job *reactor_find_job(reactor *r, uint64_t number) {
  reactor_job *job = &r->jobs[(number - 1) % r->most];
  return number_of(job) == number ? job : NULL;
}

/* With the lock held. */
static void free_job(reactor_job *job) {
  reactor *r = job->reactor;
  forget_sequel(job);
  forget_pause(job);
  buffer_reuse(&job->text);
  buffer_reuse(&job->lines);
  buffer_reuse(&job->answer);
  job->state = JOB_FREE;
  job->unwanted = job->taken = job->rings = job->followed = false;
  job->round++;
  job->next = r->free_jobs;
  r->free_jobs = job;
}

/* With the lock held. */
static void enlist(reactor_list *list, reactor_job *job) {
  job->next = NULL;
  job->listed = true;
  if (list->last != NULL) {
    list->last->next = job;
  } else {
    list->first = job;
  }
  list->last = job;
}

/* With the lock held, whether it is in one or not. */
static void delist(reactor_job *job) {
  if (!job->listed) {
    return;
  }
  reactor_list *list = job->state == JOB_READY ? &job->reactor->started : &job->reactor->rung;
  reactor_job *before = NULL;
  for (reactor_job *at = list->first; at != job; at = at->next) {
    before = at;
  }
  if (before != NULL) {
    before->next = job->next;
  } else {
    list->first = job->next;
  }
  if (list->last == job) {
    list->last = before;
  }
  job->listed = false;
}

void reactor_job_done(reactor_job *job) {
  if (job->unwanted) {
    free_job(job);
    return;
  }
  job->state = JOB_DONE;
  if (job->rings) {
    enlist(&job->reactor->rung, job);
  }
}

bool reactor_job_left(reactor_job *job, bool answered) {
  bool runs = job->state == JOB_RUNNING && !answered;
  job->unwanted = job->unwanted || runs;
  if (job->state == JOB_DONE && !job->taken) {
    delist(job);
    free_job(job);
  }
  return runs;
}

void reactor_job_runs(reactor_job *job) {
  delist(job);
  job->state = JOB_RUNNING;
}

bool reactor_begin(reactor *r, reactor_ticket *ticket) {
  *ticket = (reactor_ticket){0};
  if (r->session == NULL || !reactor_is_ours(r)) {
    return false;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = r->free_jobs;
  if (job != NULL) {
    r->free_jobs = job->next;
    job->state = JOB_FILLING;
    r->tickets++;
    *ticket = (reactor_ticket){.job = job, .number = number_of(job)};
  }
  pthread_mutex_unlock(&r->lock);
  return job != NULL;
}

void reactor_add_header(reactor_ticket *ticket, const char *line, size_t length) {
  reactor_add_value(ticket, "", line, length);
}

void reactor_add_value(reactor_ticket *ticket, const char *start, const char *value, size_t length) {
  header_lines_add(&ticket->job->lines, start, value, length);
}

void reactor_set_pause(reactor_ticket *ticket, client_pause *pause) {
  ticket->job->pause = client_pause_hold(pause);
}

void reactor_set_sequel(reactor_ticket *ticket, const http_sequel *sequel, void *context) {
  ticket->job->sequel = sequel;
  ticket->job->context = context;
}

bool reactor_submit(reactor_ticket *ticket, const http_request *request) {
  reactor_job *job = ticket->job;
  reactor *r = job->reactor;
  buffer_append(&job->text, request->url, request->url_length);
  buffer_append_byte(&job->text, '\0');
  buffer_append(&job->text, request->body, request->body_length);
  if (job->text.failed || job->lines.failed) {
    return false;
  }
  job->request = *request;
  job->request.url = job->text.data;
  job->request.body = job->text.data + request->url_length + 1;
  job->deadline = http_now() + request->timeout;
  pthread_mutex_lock(&r->lock);
  job->state = JOB_READY;
  pthread_mutex_unlock(&r->lock);
  return true;
}

/* Once for all that comes until the thread looks. */
void reactor_call(reactor *r) {
  pthread_mutex_lock(&r->lock);
  bool called = r->called;
  r->called = true;
  pthread_mutex_unlock(&r->lock);
  if (!called && r->session != NULL) {
    http_session_wakeup(r->session);
  }
}

void reactor_start(reactor_ticket *ticket, bool quietly) {
  reactor *r = ticket->job->reactor;
  pthread_mutex_lock(&r->lock);
  ticket->job->rings = true;
  enlist(&r->started, ticket->job);
  pthread_mutex_unlock(&r->lock);
  if (!quietly) {
    reactor_call(r);
  }
}

size_t reactor_held(const reactor *r) {
  return r->tickets;
}

size_t reactor_place(const reactor_ticket *ticket) {
  return ticket->job->place;
}

bool reactor_rung(reactor *r, size_t *place) {
  if (!reactor_is_ours(r)) {
    return false;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = r->rung.first;
  if (job != NULL) {
    delist(job);
  }
  pthread_mutex_unlock(&r->lock);
  *place = job != NULL ? job->place : 0;
  return job != NULL;
}

/* With the lock held. NULL once the place serves another job. */
static reactor_job *job_of(const reactor_ticket *ticket) {
  return number_of(ticket->job) == ticket->number ? ticket->job : NULL;
}

const http_result *reactor_result(const reactor_ticket *ticket) {
  reactor *r = ticket->job->reactor;
  if (!reactor_is_ours(r)) {
    return NULL;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = job_of(ticket);
  bool done = job != NULL && job->state == JOB_DONE;
  if (done) {
    job->taken = true;
  }
  pthread_mutex_unlock(&r->lock);
  return done ? &job->result : NULL;
}

/* With the lock held, and for one that runs both: then nothing is being begun. Nothing is, either, once it is
 * unwanted. */
static void *recall(reactor_job *job) {
  bool over = job->state == JOB_DONE || job->followed;
  void *context = job->context;
  job->unwanted = job->unwanted || !over;
  if (job->state == JOB_RUNNING && !over) {
    return NULL;
  }
  job->context = NULL;
  return context;
}

void *reactor_take_sequel(const reactor_ticket *ticket) {
  reactor *r = ticket->job->reactor;
  void *context = NULL;
  if (!reactor_is_ours(r)) {
    return NULL;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = job_of(ticket);
  bool runs = job != NULL && job->state == JOB_RUNNING;
  if (job != NULL && !runs) {
    context = recall(job);
  }
  pthread_mutex_unlock(&r->lock);
  if (runs) {
    pthread_mutex_lock(&r->following);
    pthread_mutex_lock(&r->lock);
    job = job_of(ticket);
    context = job != NULL ? recall(job) : NULL;
    pthread_mutex_unlock(&r->lock);
    pthread_mutex_unlock(&r->following);
  }
  return context;
}

bool reactor_release(reactor_ticket *ticket) {
  reactor *r = ticket->job->reactor;
  if (!reactor_is_ours(r)) {
    return false;
  }
  pthread_mutex_lock(&r->lock);
  reactor_job *job = job_of(ticket);
  bool untouched = job != NULL && (job->state == JOB_FILLING || job->state == JOB_READY);
  bool left = job != NULL && job->state == JOB_RUNNING && job->rings;
  r->some_left = r->some_left || left;
  if (job != NULL && job->state == JOB_RUNNING) {
    job->unwanted = true;
  } else if (job != NULL) {
    delist(job);
    free_job(job);
  }
  pthread_mutex_unlock(&r->lock);
  if (left) {
    reactor_call(r);
  }
  *ticket = (reactor_ticket){0};
  r->tickets--;
  if (r->session == NULL && r->tickets == 0) {
    reactor_release_memory(r);
  }
  return untouched;
}
