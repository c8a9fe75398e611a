/* Reactors and tickets for the other bindings. */
#ifndef REFERRALS_LUA_REACTOR_H
#define REFERRALS_LUA_REACTOR_H

#include "lua_way.h"
#include "reactor.h"

#pragma GCC visibility push(hidden)

/* The upvalues, behind those of lua_way.h, of each function that meets a reactor or a ticket. */
enum {
  RF_REACTOR_TYPE = RF_WAY_TYPE + 1, /* the types' metatables */
  RF_TICKET_TYPE,
  RF_REACTOR_TYPES = RF_TICKET_TYPE
};

/* Both raise for other values and closed ones. */
reactor *rf_check_reactor(lua_State *L, int index);
reactor_ticket *rf_check_ticket(lua_State *L, int index);

/* Also of a closed one. */
bool rf_is_ticket(lua_State *L, int index);

/* Pushes a ticket of the reactor at `carrier`, with a job to be filled in; the userdata of a closed one at
 * `spare` is used again. NULL, and nothing pushed: there are too many jobs already. */
reactor_ticket *rf_push_ticket(lua_State *L, int carrier, int spare);

/* Gives the job of the ticket at `index` up; twice is fine. True: it never started. */
bool rf_close_ticket(lua_State *L, int index);

/* Where rf_compose() puts a header line, for a ticket. */
void rf_value_to_ticket(void *ticket, const char *start, const char *value, size_t length);

/* Methods of a reactor and of a ticket, in lua_straight_reactor.c. */
int rf_reactor_begin_update(lua_State *L);
int rf_reactor_end_update(lua_State *L);
int rf_ticket_recall(lua_State *L);

#pragma GCC visibility pop

#endif
