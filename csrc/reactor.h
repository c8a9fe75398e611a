/*
 * A session on a thread of its own, for hosts that must not block. One thread, the host's, submits requests
 * and takes results; it waits for a result at the reactor's door (door.h), which its event loop can do. Every
 * job is answered by its deadline. A job nobody waits for any more is cancelled while nothing of it was sent;
 * once sent, it finishes.
 */
#ifndef REFERRALS_REACTOR_H
#define REFERRALS_REACTOR_H

#include "http.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct reactor reactor;
typedef struct reactor_job reactor_job;

/* Starts the thread. At most `most` jobs exist at once. NULL with `*why` a static text. */
reactor *reactor_new(const http_session_options *options, size_t most, const char **why);

/* Ends the thread; what was under way is cancelled. The memory goes with the last job that is released. In a
 * child process the thread is the parent's: only memory and descriptors are given back. Takes NULL. */
void reactor_free(reactor *r);

bool reactor_is_ours(const reactor *r);

/* Where to wait, see door.h. */
const char *reactor_address(const reactor *r);

/* A job to be filled in; NULL when there are too many already, or no memory. To be released by the caller. */
reactor_job *reactor_job_new(reactor *r);

/* One header line, as http_exchange_add_header() has it; before the submission. */
void reactor_job_add_header(reactor_job *job, const char *line, size_t length);

/* Hands the job over; everything in `request` is copied. False when the memory is short. */
bool reactor_submit(reactor_job *job, const http_request *request);

/* The number to wait for at the door. */
uint64_t reactor_job_number(const reactor_job *job);

/* NULL until it is done; then good until the job is released. */
const http_result *reactor_job_result(reactor_job *job);

/* Gives the job up, whatever its state. */
void reactor_job_release(reactor_job *job);

#pragma GCC visibility pop

#endif
