/* How long to wait before a retry, and how many retries a client may make. Holds no clock, draws nothing. */
#ifndef REFERRALS_BACKOFF_H
#define REFERRALS_BACKOFF_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

#define BACKOFF_BASE 0.25 /* seconds; below it lies the wait before the first retry */
#define BACKOFF_CAP 20.0  /* seconds; no wait is longer */

/* Is it a length of time that backoff_delay() takes: finite and not negative? */
bool backoff_is_seconds(double value);

/*
 * Exponential backoff with full jitter, in seconds: the share `uniform` of the lesser of `cap` and
 * base * 2^attempt. With `uniform` drawn from [0, 1) the clients that failed together come back spread over
 * the whole time. `attempt` counts the retries made before, from 0 and as high as it likes; `base` and `cap`
 * are as backoff_is_seconds() has it. Never negative, never above the cap.
 */
double backoff_delay(double uniform, int attempt, double base, double cap);

/*
 * The retry budget: a bucket of tokens, shared by all that one client does. Retries take tokens out and
 * successes put some back, so a fault now and then is retried freely, and a service that is down gets
 * capacity / cost retries and from then on only first attempts.
 */
enum {
  BACKOFF_CAPACITY = 500,         /* tokens, unless the client says otherwise */
  BACKOFF_CAPACITY_MAX = 1000000, /* tokens */
  BACKOFF_COST_RETRY = 5,         /* tokens a retry takes */
  BACKOFF_COST_TIMEOUT = 10,      /* after a timeout: it held the service up for longest */
  BACKOFF_REFUND_FIRST = 1        /* tokens back for a success that took no retry */
};

typedef struct backoff_budget {
  int capacity; /* tokens; 0: no retry at all */
  int level;    /* tokens left, from 0 to the capacity */
} backoff_budget;

/* A full bucket; `capacity` from 0 to BACKOFF_CAPACITY_MAX. */
void backoff_budget_init(backoff_budget *budget, int capacity);

/* Takes all of `cost`, or nothing: false when fewer tokens are left, and then there is to be no retry. */
bool backoff_budget_take(backoff_budget *budget, int cost);

/* Puts `tokens` (not negative) back, what would not fit is lost: what the retry that succeeded had cost, or
 * BACKOFF_REFUND_FIRST. */
void backoff_budget_refund(backoff_budget *budget, int tokens);

#pragma GCC visibility pop

#endif
