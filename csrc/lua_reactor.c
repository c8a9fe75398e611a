/* core.reactor: a reactor and its tickets for Lua. */
#include "lua_reactor.h"

#include "lua_anchor.h"
#include "lua_answer.h"
#include "lua_document.h"
#include "lua_http_options.h"
#include "lua_template.h"

#include <inttypes.h>
#include <stdio.h>

#define REACTOR_TYPE "referrals.reactor"
#define TICKET_TYPE "referrals.reactor.ticket"

enum { MOST_JOBS = 100000 };

enum { BEGIN_ARGUMENTS = 5, NO_SPARE };

typedef struct rf_reactor {
  reactor *handle; /* NULL once closed */
} rf_reactor;

reactor *rf_check_reactor(lua_State *L, int index) {
  rf_reactor *r = rf_check_type(L, index, RF_REACTOR_TYPE, REACTOR_TYPE);
  luaL_argcheck(L, r->handle != NULL, index, "the reactor is closed");
  return r->handle;
}

static reactor *check_reactor(lua_State *L) {
  return rf_check_reactor(L, 1);
}

reactor_ticket *rf_check_ticket(lua_State *L, int index) {
  reactor_ticket *ticket = rf_check_type(L, index, RF_TICKET_TYPE, TICKET_TYPE);
  luaL_argcheck(L, ticket->job != NULL, index, "the ticket is closed");
  return ticket;
}

static reactor_ticket *check_ticket(lua_State *L) {
  return rf_check_ticket(L, 1);
}

bool rf_is_ticket(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) {
    return false;
  }
  bool is = lua_rawequal(L, -1, lua_upvalueindex(RF_TICKET_TYPE));
  lua_pop(L, 1);
  return is;
}

/* A closed ticket's userdata, when there is one at `spare`, else a new one. */
static reactor_ticket *push_userdata(lua_State *L, int spare) {
  if (rf_is_ticket(L, spare)) {
    reactor_ticket *used = lua_touserdata(L, spare);
    if (used->job == NULL) {
      lua_pushvalue(L, spare);
      return used;
    }
  }
  reactor_ticket *made = rf_newuserdata(L, sizeof *made);
  *made = (reactor_ticket){0};
  lua_pushvalue(L, lua_upvalueindex(RF_TICKET_TYPE));
  lua_setmetatable(L, -2);
  return made;
}

reactor_ticket *rf_push_ticket(lua_State *L, int carrier, int spare) {
  reactor_ticket *ticket = push_userdata(L, spare);
  if (!reactor_begin(rf_check_reactor(L, carrier), ticket)) { /* a finaliser may have closed it */
    lua_pop(L, 1);
    return NULL;
  }
  return ticket;
}

bool rf_close_ticket(lua_State *L, int index) {
  reactor_ticket *ticket = rf_check_type(L, index, RF_TICKET_TYPE, TICKET_TYPE);
  bool untouched = ticket->job != NULL && reactor_release(ticket);
  ticket->job = NULL;
  return untouched;
}

/* new(session options, most jobs at once) -> reactor | nil, why */
static int rf_reactor_new(lua_State *L) {
  http_session_options options = {0};
  const char *why = NULL;
  rf_read_session_options(L, &options);
  lua_Integer most = luaL_checkinteger(L, 2);
  luaL_argcheck(L, most >= 1 && most <= MOST_JOBS, 2, "expected 1 to 100000");
  rf_reactor *r = rf_newuserdata(L, sizeof *r);
  r->handle = NULL;
  lua_pushvalue(L, lua_upvalueindex(RF_REACTOR_TYPE));
  lua_setmetatable(L, -2);
  r->handle = reactor_new(&options, (size_t)most, &why);
  if (r->handle == NULL) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  return 1;
}

static int rf_reactor_close(lua_State *L) {
  rf_reactor *r = rf_check_type(L, 1, RF_REACTOR_TYPE, REACTOR_TYPE);
  reactor *handle = r->handle;
  r->handle = NULL;
  reactor_free(handle);
  return 0;
}

static int rf_reactor_is_ours(lua_State *L) {
  lua_pushboolean(L, reactor_is_ours(check_reactor(L)));
  return 1;
}

static int rf_reactor_address(lua_State *L) {
  lua_pushstring(L, reactor_address(check_reactor(L)));
  return 1;
}

/* What to knock with. */
static int push_line(lua_State *L, uint64_t number) {
  char line[32];
  int length = snprintf(line, sizeof line, "%" PRIu64 "\n", number);
  lua_pushlstring(L, line, (size_t)length);
  return 1;
}

/* reactor:bell() -> the line that is answered when something is in reactor:rung(), or ought to be looked
 * after */
static int rf_reactor_bell(lua_State *L) {
  return push_line(L, REACTOR_BELL);
}

/* reactor:rung(list, most) -> how many started tickets are done that were not named here yet, at most so
 * many; their places are in the list. The bell is answered at once while there are more. */
static int rf_reactor_rung(lua_State *L) {
  reactor *r = check_reactor(L);
  size_t place;
  int count = 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Number most = luaL_checknumber(L, 3);
  while (count < most && reactor_rung(r, &place)) {
    lua_pushinteger(L, (lua_Integer)place + 1);
    lua_rawseti(L, 2, ++count);
  }
  lua_pushinteger(L, count);
  return 1;
}

/* reactor:call() has the thread look for what was started */
static int rf_reactor_call(lua_State *L) {
  reactor_call(check_reactor(L));
  return 0;
}

/* reactor:held() -> how many tickets there are */
static int rf_reactor_held(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)reactor_held(check_reactor(L)));
  return 1;
}

/* reactor:nap(seconds) -> a line as ticket:line() has it, that is answered after that time */
static int rf_reactor_nap(lua_State *L) {
  reactor *r = check_reactor(L);
  return push_line(L, reactor_nap_number(r, luaL_checknumber(L, 2)));
}

static void to_ticket(void *ticket, const char *line, size_t length) {
  reactor_add_header(ticket, line, length);
}

void rf_value_to_ticket(void *ticket, const char *start, const char *value, size_t length) {
  reactor_add_value(ticket, start, value, length);
}

/* reactor:begin(as session:start has it) -> ticket, client-request-id as there | nil: too many already. It
 * starts when its line is sent to the reactor's address. */
static int rf_reactor_begin(lua_State *L) {
  reactor *r = check_reactor(L);
  http_request request;
  luaL_checktype(L, 2, LUA_TTABLE);
  luaL_argcheck(L, reactor_is_ours(r), 1, "the reactor belongs to the process that made it");
  lua_settop(L, BEGIN_ARGUMENTS);
  bool templated = !lua_isnil(L, 3);
  reactor_ticket *ticket = rf_push_ticket(L, 1, NO_SPARE);
  if (ticket == NULL) {
    return 0;
  }
  if (templated) {
    char id[UUID_TEXT_SIZE];
    const rf_request_sink sink = {ticket, rf_value_to_ticket, &rf_room_of(L)->work.next};
    rf_push_id(L, 3, id);
    rf_read_templated(L, 2, &request, &sink, id);
    reactor_set_pause(ticket, rf_pause_of(L, 3));
  } else {
    rf_read_request(L, &request, to_ticket, ticket);
  }
  if (!reactor_submit(ticket, &request)) {
    return luaL_error(L, "not enough memory for a request");
  }
  return templated ? 2 : 1;
}

/* ticket:line() -> what to send to the reactor's address, with its newline; a newline comes back */
static int rf_ticket_line(lua_State *L) {
  return push_line(L, check_ticket(L)->number);
}

/* ticket:start(quietly) -> its place, from 1. Starts it without its line; reactor:rung() names the place when
 * it is done. Quietly: the thread is not told, reactor:call() follows. */
static int rf_ticket_start(lua_State *L) {
  reactor_ticket *ticket = check_ticket(L);
  reactor_start(ticket, lua_toboolean(L, 2));
  lua_pushinteger(L, (lua_Integer)reactor_place(ticket) + 1);
  return 1;
}

/* ticket:result() -> as exchange:result() */
static int rf_ticket_result(lua_State *L) {
  const http_result *result = reactor_result(check_ticket(L));
  return result == NULL ? 0 : rf_push_result(L, result);
}

/* ticket:done() -> boolean */
static int rf_ticket_done(lua_State *L) {
  lua_pushboolean(L, reactor_result(check_ticket(L)) != NULL);
  return 1;
}

/* The four as lua_answer.c has them. */
static int rf_ticket_head(lua_State *L) {
  return rf_answer_head(L, reactor_result(check_ticket(L)));
}

static int rf_ticket_header(lua_State *L) {
  return rf_answer_header(L, reactor_result(check_ticket(L)));
}

static int rf_ticket_body(lua_State *L) {
  return rf_answer_body(L, reactor_result(check_ticket(L)));
}

static int rf_ticket_referral(lua_State *L) {
  return rf_answer_referral(L, reactor_result(check_ticket(L)));
}

/* ticket:close(), also its finaliser -> true: the request never started, and never will */
static int rf_ticket_close(lua_State *L) {
  lua_pushboolean(L, rf_close_ticket(L, 1));
  return 1;
}

/* Adds functions that have the types as their upvalues to the table on top. */
static void add_functions(lua_State *L, const luaL_Reg *functions) {
  rf_push_types(L);
  luaL_newmetatable(L, RF_WAY);
  luaL_newmetatable(L, REACTOR_TYPE);
  luaL_newmetatable(L, TICKET_TYPE);
  rf_register_with(L, functions, RF_REACTOR_TYPES);
}

static void make_type(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  add_functions(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int rf_open_reactor(lua_State *L) {
  static const luaL_Reg of_reactor[] = {{"begin", rf_reactor_begin},
                                        {"begin_update", rf_reactor_begin_update},
                                        {"end_update", rf_reactor_end_update},
                                        {"address", rf_reactor_address},
                                        {"is_ours", rf_reactor_is_ours},
                                        {"close", rf_reactor_close},
                                        {"bell", rf_reactor_bell},
                                        {"rung", rf_reactor_rung},
                                        {"held", rf_reactor_held},
                                        {"call", rf_reactor_call},
                                        {"nap", rf_reactor_nap},
                                        {"__gc", rf_reactor_close},
                                        {NULL, NULL}};
  static const luaL_Reg of_ticket[] = {
      {"line", rf_ticket_line},   {"result", rf_ticket_result},     {"start", rf_ticket_start},
      {"done", rf_ticket_done},   {"head", rf_ticket_head},         {"header", rf_ticket_header},
      {"body", rf_ticket_body},   {"referral", rf_ticket_referral}, {"recall", rf_ticket_recall},
      {"close", rf_ticket_close}, {"__gc", rf_ticket_close},        {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", rf_reactor_new}, {NULL, NULL}};
  make_type(L, REACTOR_TYPE, of_reactor);
  make_type(L, TICKET_TYPE, of_ticket);
  lua_newtable(L);
  add_functions(L, functions);
  return 1;
}
