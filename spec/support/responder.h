/* A small HTTP server on threads, for drivers in C: answers every request with its path as the body. One whose
 * path starts with "/late" is answered when responder_release() says so. */
#ifndef REFERRALS_RESPONDER_H
#define REFERRALS_RESPONDER_H

/* Its port. It serves until the process ends. */
int responder_start(void);

/* How many requests came, and how many answers were sent whole. */
int responder_requests(void);
int responder_answers(void);

void responder_release(void);

#endif
