/* core.reactor: a reactor and its tickets for Lua. */
#include "lua_core.h"
#include "lua_http_options.h"
#include "reactor.h"

#include <stdio.h>

#define REACTOR_TYPE "referrals.reactor"
#define TICKET_TYPE "referrals.reactor.ticket"

enum { MOST_JOBS = 100000 };

typedef struct rf_reactor {
  reactor *handle; /* NULL once closed */
} rf_reactor;

typedef struct rf_ticket {
  reactor_job *job; /* NULL once closed */
} rf_ticket;

static reactor *check_reactor(lua_State *L) {
  rf_reactor *r = luaL_checkudata(L, 1, REACTOR_TYPE);
  luaL_argcheck(L, r->handle != NULL, 1, "the reactor is closed");
  return r->handle;
}

static reactor_job *check_job(lua_State *L) {
  rf_ticket *ticket = luaL_checkudata(L, 1, TICKET_TYPE);
  luaL_argcheck(L, ticket->job != NULL, 1, "the ticket is closed");
  return ticket->job;
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
  luaL_getmetatable(L, REACTOR_TYPE);
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
  rf_reactor *r = luaL_checkudata(L, 1, REACTOR_TYPE);
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

static void to_job(void *job, const char *line, size_t length) {
  reactor_job_add_header(job, line, length);
}

/* reactor:start{as session:start has it} -> ticket | nil: too many already */
static int rf_reactor_start(lua_State *L) {
  reactor *r = check_reactor(L);
  http_request request;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  rf_ticket *ticket = rf_newuserdata(L, sizeof *ticket);
  ticket->job = NULL;
  luaL_getmetatable(L, TICKET_TYPE);
  lua_setmetatable(L, -2);
  ticket->job = reactor_job_new(r);
  if (ticket->job == NULL) {
    return 0;
  }
  rf_read_request(L, &request, to_job, ticket->job);
  if (!reactor_submit(ticket->job, &request)) {
    return luaL_error(L, "not enough memory for a request");
  }
  return 1;
}

/* ticket:line() -> the line to send to the reactor's address, with its newline */
static int rf_ticket_line(lua_State *L) {
  char line[32];
  snprintf(line, sizeof line, "%llu\n", (unsigned long long)reactor_job_number(check_job(L)));
  lua_pushstring(L, line);
  return 1;
}

/* ticket:result() -> as exchange:result() */
static int rf_ticket_result(lua_State *L) {
  const http_result *result = reactor_job_result(check_job(L));
  return result == NULL ? 0 : rf_push_result(L, result);
}

/* ticket:close(), also its finaliser */
static int rf_ticket_close(lua_State *L) {
  rf_ticket *ticket = luaL_checkudata(L, 1, TICKET_TYPE);
  reactor_job *job = ticket->job;
  ticket->job = NULL;
  if (job != NULL) {
    reactor_job_release(job);
  }
  return 0;
}

static void make_type(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  rf_register(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int rf_open_reactor(lua_State *L) {
  static const luaL_Reg of_reactor[] = {{"start", rf_reactor_start},     {"address", rf_reactor_address},
                                        {"is_ours", rf_reactor_is_ours}, {"close", rf_reactor_close},
                                        {"__gc", rf_reactor_close},      {NULL, NULL}};
  static const luaL_Reg of_ticket[] = {{"line", rf_ticket_line},
                                       {"result", rf_ticket_result},
                                       {"close", rf_ticket_close},
                                       {"__gc", rf_ticket_close},
                                       {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", rf_reactor_new}, {NULL, NULL}};
  make_type(L, REACTOR_TYPE, of_reactor);
  make_type(L, TICKET_TYPE, of_ticket);
  lua_newtable(L);
  rf_register(L, functions);
  return 1;
}
