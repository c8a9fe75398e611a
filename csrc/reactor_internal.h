/* What the files of reactor share; nobody else includes it. */
#ifndef REFERRALS_REACTOR_INTERNAL_H
#define REFERRALS_REACTOR_INTERNAL_H

#include "buffer.h"
#include "door.h"
#include "reactor.h"

#include <pthread.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

typedef enum job_state {
  JOB_FREE,
  JOB_FILLING, /* the host's */
  JOB_QUEUED,
  JOB_RUNNING, /* the thread's */
  JOB_DONE     /* the host's again, result and all */
} job_state;

struct reactor_job {
  reactor *reactor;
  size_t place;

  /* Guarded by the reactor's lock. */
  uint64_t round;    /* how often the place was used: a number never comes twice */
  reactor_job *next; /* in the list of free or of queued jobs; the thread's while it starts what it took */
  job_state state;
  bool released;       /* the host is done with it */
  bool abandoned;      /* its waiter is gone */
  door_waiter *waiter; /* only the thread sets it */

  /* The host's while it fills them in, the thread's from the submission on. */
  http_request request;
  double deadline;
  buffer text;  /* URL, NUL, body */
  buffer lines; /* header lines, each ended by NUL */

  /* The thread's until the job is done. */
  http_exchange *exchange;
  buffer answer; /* headers, body, message, NUL */
  http_result result;
};

struct reactor {
  pid_t owner;
  pthread_t thread;
  pthread_mutex_t lock;
  http_session *session; /* NULL once closed */
  door *door;            /* NULL once closed */
  reactor_job *jobs;
  size_t most;

  /* Guarded by the lock. */
  size_t in_use; /* jobs that are not free */
  reactor_job *free_jobs;
  reactor_job *queue_first, *queue_last;
  bool stopping;
  bool releases; /* some queued or running job was released */
};

/* In a child process nobody else holds the lock, or somebody does who does not exist there: it is left alone.
 */
void reactor_lock(reactor *r);
void reactor_unlock(reactor *r);

/* reactor_job.c */
bool reactor_make_jobs(reactor *r, size_t most);
void reactor_release_memory(reactor *r);

/* With the lock held. The job with that number, or NULL when its place serves another one by now. */
reactor_job *reactor_find_job(reactor *r, uint64_t number);

/* With the lock held. Gives its place back. */
void reactor_free_job(reactor_job *job);

/* With the lock held. The result is there: the host's again, or nobody's. */
void reactor_job_done(reactor_job *job);

#pragma GCC visibility pop

#endif
