/*
 * A session on a thread of its own, for hosts that must not block. One thread, the host's, submits requests
 * and takes results; it waits for a result at the reactor's door (door.h), which its event loop can do. A job
 * starts when its number is knocked with, and is answered by its deadline. When its waiter goes away it is
 * cancelled while nothing of it was sent; once sent, it finishes.
 *
 * Where many wait at once, that is two system calls on either side for each. So one waiter may stand in for
 * all: it knocks with REACTOR_BELL, which is answered when jobs that were started by reactor_start() are
 * done; reactor_rung() says which. It is answered after REACTOR_PULSE_SECONDS at the latest while any of them
 * runs, so that the host can look whether they are still waited for.
 */
#ifndef REFERRALS_REACTOR_H
#define REFERRALS_REACTOR_H

#include "client_pause.h"
#include "http.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define REACTOR_BELL UINT64_C(1000000000000000000) /* beyond every job's number */
#define REACTOR_NAPS UINT64_C(2000000000000000000) /* beyond the bell's */
#define REACTOR_PULSE_SECONDS 0.1

typedef struct reactor reactor;
typedef struct reactor_job reactor_job;

/* What the host holds of a job. job is NULL: of none. */
typedef struct reactor_ticket {
  reactor_job *job;
  uint64_t number; /* to knock with */
} reactor_ticket;

/* Starts the thread. At most `most` jobs exist at once. NULL with `*why` a static text. */
reactor *reactor_new(const http_session_options *options, size_t most, const char **why);

/* Ends the thread; what was under way is cancelled. The memory goes with the last ticket. In a child process
 * the thread is the parent's, and what it was in the middle of is left alone: only the door's descriptors are
 * given back. Takes NULL. */
void reactor_free(reactor *r);

/* False in a child process. */
bool reactor_is_ours(const reactor *r);

/* Where to knock, see door.h. */
const char *reactor_address(const reactor *r);

/* A job to be filled in. False when there are too many already, or in a child process. */
bool reactor_begin(reactor *r, reactor_ticket *ticket);

/* What follows the answer to a job's request, on the reactor's thread; the context is not touched any more
 * after that. Before the submission. The job owns the context then. */
void reactor_set_sequel(reactor_ticket *ticket, const http_sequel *sequel, void *context);

/* What an answer to the job's requests extends, when it asks for that; held by the job. Before the
 * submission. */
void reactor_set_pause(reactor_ticket *ticket, client_pause *pause);

/* The context back, the caller's again. NULL while the first request is under way: then nothing follows any
 * more, and what comes of the job nobody is told. Before its waiter leaves: after that the job may be
 * somebody else's, and NULL says nothing. */
void *reactor_take_sequel(const reactor_ticket *ticket);

/* A number to knock with, once, that is answered after so many seconds, a day at most: how to wait where no
 * timer of the host's may be used. */
uint64_t reactor_nap_number(reactor *r, double seconds);

/* How many tickets there are. */
size_t reactor_held(const reactor *r);

/* One header line, as http_exchange_add_header() has it; before the submission. */
void reactor_add_header(reactor_ticket *ticket, const char *line, size_t length);

/* The same for a value behind a text of ours, as http_exchange_add_value() has it. */
void reactor_add_value(reactor_ticket *ticket, const char *start, const char *value, size_t length);

/* The job is complete; everything in `request` is copied. False when the memory is short. */
bool reactor_submit(reactor_ticket *ticket, const http_request *request);

/* Starts a submitted job without a knock; who waits for it is told by the bell, or by knocking all the same.
 */
void reactor_start(reactor_ticket *ticket, bool quietly);

/* Has the thread look for what was started quietly; by itself it looks when it rings. */
void reactor_call(reactor *r);

/* A number below `most` that no two tickets have at once. */
size_t reactor_place(const reactor_ticket *ticket);

/* The place of a started job that is done and was not named here yet; false when there is none. */
bool reactor_rung(reactor *r, size_t *place);

/* NULL until it is done; then good until the ticket is released. Stays NULL once its waiter was gone. */
const http_result *reactor_result(const reactor_ticket *ticket);

/* Gives the job up, whatever its state. True: it never started. */
bool reactor_release(reactor_ticket *ticket);

#pragma GCC visibility pop

#endif
