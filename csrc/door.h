/*
 * Where those who wait for a reactor's work knock: a unix socket that only this process reaches. A waiter
 * sends a ticket's number and a newline, and gets a newline back when it may come in; the end of its
 * connection says that it is gone. One thread serves it.
 */
#ifndef REFERRALS_DOOR_H
#define REFERRALS_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct door door;
typedef struct door_waiter door_waiter;

/* What the door tells its owner; `context` is the owner's. */
typedef struct door_events {
  /* Somebody waits for this number: to be answered with door_answer(), now or later. */
  void (*knock)(void *context, uint64_t number, door_waiter *waiter);
  /* Whoever waited for this number is gone, or who was answered last with it; the waiter is no more. */
  void (*gone)(void *context, uint64_t number, bool answered);
} door_events;

/* A listening socket for as many waiters as there are descriptors for; NULL with errno set. */
door *door_open(void);

/* Ends every connection. Takes NULL. */
void door_close(door *d);

/* In a child process, where another thread may have been in the middle of anything: gives only those
 * descriptors back that never change. The parent's connections live on. Takes NULL. */
void door_abandon(door *d);

/* "unix:" and a path that leads to the socket from within this process, and from nowhere else where there is
 * /proc; lives as long as the door. */
const char *door_address(const door *d);

/* A descriptor that is readable when door_serve() has something to do. */
int door_descriptor(const door *d);

/* Serves all that have come, without waiting. */
void door_serve(door *d, const door_events *events, void *context);

/* Tells a waiter to come in; it may wait for another number afterwards. */
void door_answer(door_waiter *waiter);

#pragma GCC visibility pop

#endif
