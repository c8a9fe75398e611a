/* What the files of reactor share; nobody else includes it. */
#ifndef REFERRALS_REACTOR_INTERNAL_H
#define REFERRALS_REACTOR_INTERNAL_H

#include "buffer.h"
#include "door.h"
#include "process.h"
#include "reactor.h"

#include <pthread.h>
#include <stdatomic.h>

#pragma GCC visibility push(hidden)

typedef enum job_state {
  JOB_FREE,
  JOB_FILLING, /* the host's */
  JOB_READY,   /* the host's; the thread's when its number is knocked with */
  JOB_RUNNING, /* the thread's */
  JOB_DONE     /* the host's again, result and all */
} job_state;

struct reactor_job {
  reactor *reactor;
  size_t place;

  /* Guarded by the reactor's lock. */
  job_state state;
  uint64_t round;    /* how often the place was used: a number never comes twice */
  reactor_job *next; /* in one of the lists */
  bool unwanted;     /* while it runs: nobody will ask for its result */
  bool taken;        /* once it is done: the host saw its result */
  bool rings;        /* started without a knock */
  bool listed;       /* among the started (READY) or the rung (DONE) */
  bool followed;     /* its second request was begun */
  void *context;     /* owned; the sequel's */

  /* The host's until the job runs. */
  client_pause *pause;       /* held; NULL: none */
  const http_sequel *sequel; /* NULL: nothing follows */
  http_request request;
  double deadline;
  buffer text;  /* URL, NUL, body */
  buffer lines; /* see header_lines.h */

  /* The thread's until the job is done. */
  door_waiter *waiter; /* NULL: gone */
  http_exchange *exchange;
  buffer answer; /* headers, body, message, NUL */
  http_result result;
};

typedef struct reactor_nap reactor_nap;

typedef struct reactor_list {
  reactor_job *first, *last;
} reactor_list;

struct reactor {
  process_mark process;
  pthread_t thread;
  http_session *session; /* NULL once closed */
  door *door;            /* NULL once closed */
  reactor_job *jobs;
  size_t most;
  size_t tickets;      /* held by the host, which alone counts them */
  uint64_t naps_begun; /* the host's */
  atomic_bool stopping;

  /* The thread's. */
  door_waiter *bell; /* who waits for it, or NULL */
  double last_rung;
  reactor_nap *naps; /* owned; by their ends */

  pthread_mutex_t following; /* held while a second request is begun; taken before the lock */
  pthread_mutex_t lock;
  /* Guarded by it. */
  reactor_job *free_jobs;
  reactor_list started; /* by the host, not seen by the thread yet */
  reactor_list rung;    /* done, not seen by the host yet */
  bool called;          /* the thread was woken and did not look yet */
  bool some_left;       /* one that rings is unwanted and may have to be cancelled */
};

/* reactor_job.c */
bool reactor_make_jobs(reactor *r, size_t most);
void reactor_release_memory(reactor *r);

/* With the lock held. The job with that number, or NULL when its place serves another one by now. */
reactor_job *reactor_find_job(reactor *r, uint64_t number);

/* With the lock held. The result is there: the host's again, or nobody's. */
void reactor_job_done(reactor_job *job);

/* With the lock held. Who waited for it is gone, before or after the answer: it is nobody's once it is done,
 * unless its result was taken. True: it still runs. */
bool reactor_job_left(reactor_job *job, bool answered);

/* With the lock held. It was ready and is the thread's. */
void reactor_job_runs(reactor_job *job);

/* reactor_nap.c: the thread's. Somebody knocks with a nap's number; is gone, if it was one; seconds until the
 * next one ends, REACTOR_NO_NAP at most; and those that ended are answered, or all forgotten. */
#define REACTOR_NO_NAP 3600.0
void reactor_nap_begins(reactor *r, uint64_t number, door_waiter *waiter);
void reactor_nap_is_gone(reactor *r, uint64_t number);
double reactor_nap_next(const reactor *r);
void reactor_naps_end(reactor *r, bool all);

#pragma GCC visibility pop

#endif
