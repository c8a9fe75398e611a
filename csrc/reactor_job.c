/* Jobs: their places, their numbers, and what the host does with them. */
#include "reactor_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 64 * 1024 /* a free job holds no more than this per buffer */ };

void reactor_lock(reactor *r) {
  if (reactor_is_ours(r)) {
    pthread_mutex_lock(&r->lock);
  }
}

void reactor_unlock(reactor *r) {
  if (reactor_is_ours(r)) {
    pthread_mutex_unlock(&r->lock);
  }
}

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

void reactor_release_memory(reactor *r) {
  for (size_t i = 0; i < r->most; i++) {
    buffer_wipe(&r->jobs[i].text);
    buffer_wipe(&r->jobs[i].lines);
    buffer_wipe(&r->jobs[i].answer);
  }
  free(r->jobs);
  free(r);
}

uint64_t reactor_job_number(const reactor_job *job) {
  return job->round * job->reactor->most + job->place + 1;
}

reactor_job *reactor_find_job(reactor *r, uint64_t number) {
  reactor_job *job = &r->jobs[(number - 1) % r->most];
  return reactor_job_number(job) == number ? job : NULL;
}

static void shrink(buffer *b) {
  if (b->capacity > KEPT_BYTES) {
    buffer_wipe(b);
  } else {
    buffer_clear(b);
  }
}

void reactor_free_job(reactor_job *job) {
  reactor *r = job->reactor;
  shrink(&job->text);
  shrink(&job->lines);
  shrink(&job->answer);
  job->state = JOB_FREE;
  job->released = job->abandoned = false;
  job->round++;
  job->next = r->free_jobs;
  r->free_jobs = job;
  r->in_use--;
}

void reactor_job_done(reactor_job *job) {
  if (job->released) {
    reactor_free_job(job);
  } else {
    job->state = JOB_DONE;
  }
}

reactor_job *reactor_job_new(reactor *r) {
  reactor_lock(r);
  reactor_job *job = r->session != NULL ? r->free_jobs : NULL;
  if (job != NULL) {
    r->free_jobs = job->next;
    r->in_use++;
    job->state = JOB_FILLING;
    job->next = NULL;
  }
  reactor_unlock(r);
  return job;
}

void reactor_job_add_header(reactor_job *job, const char *line, size_t length) {
  buffer_append(&job->lines, line, length);
  buffer_append_byte(&job->lines, '\0');
}

bool reactor_submit(reactor_job *job, const http_request *request) {
  reactor *r = job->reactor;
  buffer_append(&job->text, request->url, request->url_length);
  buffer_append_byte(&job->text, '\0');
  buffer_append(&job->text, request->body, request->body_length);
  if (job->text.failed || job->lines.failed || r->session == NULL) {
    return false;
  }
  job->request = *request;
  job->request.url = job->text.data;
  job->request.body = job->text.data + request->url_length + 1;
  job->deadline = http_now() + request->timeout;
  reactor_lock(r);
  job->state = JOB_QUEUED;
  if (r->queue_last == NULL) {
    r->queue_first = job;
  } else {
    r->queue_last->next = job;
  }
  r->queue_last = job;
  reactor_unlock(r);
  http_session_wakeup(r->session);
  return true;
}

const http_result *reactor_job_result(reactor_job *job) {
  reactor_lock(job->reactor);
  bool done = job->state == JOB_DONE;
  reactor_unlock(job->reactor);
  return done ? &job->result : NULL;
}

void reactor_job_release(reactor_job *job) {
  reactor *r = job->reactor;
  reactor_lock(r);
  bool closed = r->session == NULL;
  bool under_way = job->state == JOB_QUEUED || job->state == JOB_RUNNING;
  if (under_way) {
    job->released = r->releases = true;
  } else {
    reactor_free_job(job);
  }
  bool last = closed && r->in_use == 0;
  reactor_unlock(r);
  if (last) {
    reactor_release_memory(r);
  } else if (under_way && reactor_is_ours(r)) {
    http_session_wakeup(r->session);
  }
}
