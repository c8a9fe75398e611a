/*
 * The straight way of an update: a plain change goes from a Lua table to the wire and its answer to what Lua
 * wants of it, without anything in between becoming a Lua value. Whatever turns out otherwise is handed over
 * as it is at that point. Who carries the requests is another matter: a session (lua_straight_session.c), or
 * a reactor's thread (lua_straight_reactor.c).
 */
#ifndef REFERRALS_LUA_STRAIGHT_H
#define REFERRALS_LUA_STRAIGHT_H

#include "lua_template.h"
#include "lua_way.h"
#include "reactor.h"

#pragma GCC visibility push(hidden)

/* Where the arguments stand on the stack. */
enum {
  RF_CARRIER = 1, /* the session or the reactor */
  RF_TEMPLATE_AT,
  RF_TOKEN,
  RF_TIMEOUT, /* seconds */
  RF_ID,
  RF_CHANGE,  /* a table */
  RF_CURRENT, /* the document that it is for, and its If-Match value; nil: they are read first */
  RF_IF_MATCH,
  RF_RULES_AT,
  RF_PATHS,
  RF_OPTIONS, /* what differs from function to function */
  RF_WAY_AT,
  RF_EXCHANGE_AT /* the exchange or the ticket, or a closed one to be used again */
};

struct straight_carrier;

/* The way and what the arguments of this call are. */
typedef struct straight {
  lua_State *L;
  way *way;
  const struct straight_carrier *carrier;
  http_session *session; /* of a session's */
  http_exchange *exchange;
  reactor *reactor; /* of a reactor's */
  reactor_ticket *ticket;
  const document *current;
} straight;

typedef struct straight_carrier {
  /* Makes what carries the requests, in place of the argument. False: there is no room, or not in this
   * process. */
  bool (*open)(straight *s);
  /* Where the body of a write that follows no read is written beforehand. */
  buffer *(*body)(straight *s);
  void (*start)(straight *s, const rf_request_parts *parts, http_request *request);
  /* NULL while there is none. */
  const http_result *(*result)(const straight *s);
  void (*close)(straight *s);
} straight_carrier;

/* From the arguments of a function that has the upvalues of lua_way.h. */
straight rf_straight(lua_State *L, const straight_carrier *carrier);

/* Seconds that the request may take which begins now. */
double rf_time_for(const way *w);

/* Sends the first request; false when it cannot go like this, and then nothing was sent. */
bool rf_straight_begin(straight *s, bool minimal);

/* What the last request leads to, which is done or waited for by nobody any more: the number of values that
 * are handed over. */
int rf_straight_end(straight *s);

/* Does a value say that the few members of the answer are wanted? */
bool rf_is_minimal(lua_State *L, int index);

#pragma GCC visibility pop

#endif
