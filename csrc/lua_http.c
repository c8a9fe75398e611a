/* core.http: sessions and exchanges for Lua. What libcurl calls while a pump runs never touches Lua. */
#include "lua_http.h"
#include "http.h"
#include "http_text.h"
#include "lua_anchor.h"
#include "lua_answer.h"
#include "lua_core.h"
#include "lua_http_options.h"
#include "lua_template.h"
#include "lua_way.h"
#include "uuid.h"

#include <string.h>

#define SESSION_TYPE "referrals.http.session"

typedef struct rf_session {
  http_session *handle; /* NULL once closed */
} rf_session;

static const double LONGEST_PUMP_SECONDS = 3600;

http_session *rf_check_session(lua_State *L, int index) {
  rf_session *session = rf_check_type(L, index, RF_SESSION_TYPE, SESSION_TYPE);
  luaL_argcheck(L, session->handle != NULL, index, "the session is closed");
  return session->handle;
}

/* ---- session ---- */

/* session{ca_file=, ca_path=, proxy=, http_version=, user_agent=, max_connections=} */
static int rf_session_new(lua_State *L) {
  http_session_options options = {0};
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) {
    rf_read_session_options(L, &options);
  }
  rf_session *session = rf_newuserdata(L, sizeof *session);
  session->handle = NULL;
  lua_pushvalue(L, lua_upvalueindex(RF_SESSION_TYPE));
  lua_setmetatable(L, -2);
  session->handle = http_session_new(&options);
  if (session->handle == NULL) {
    return luaL_error(L, "libcurl does not take these options for a session, or the memory is short");
  }
  return 1;
}

/* session:close(), also its finaliser: 5.4 may call it twice. */
static int rf_session_close(lua_State *L) {
  rf_session *session = rf_check_type(L, 1, RF_SESSION_TYPE, SESSION_TYPE);
  http_session_free(session->handle);
  session->handle = NULL;
  return 0;
}

/* session:is_ours() -> false when closed, or in a child of the process that made it */
static int rf_session_is_ours(lua_State *L) {
  rf_session *session = rf_check_type(L, 1, RF_SESSION_TYPE, SESSION_TYPE);
  lua_pushboolean(L, session->handle != NULL && http_session_is_ours(session->handle));
  return 1;
}

/* session:in_flight() -> how many exchanges are under way */
static int rf_session_in_flight(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)http_session_in_flight(rf_check_session(L, 1)));
  return 1;
}

/* session:expect_many(whether) */
static int rf_session_expect_many(lua_State *L) {
  http_session_expect_many(rf_check_session(L, 1), lua_toboolean(L, 2));
  return 0;
}

/* session:pump(seconds) -> how many exchanges were done since the last pump */
static int rf_session_pump(lua_State *L) {
  http_session *session = rf_check_session(L, 1);
  lua_pushinteger(L, http_session_pump(session, (double)luaL_checknumber(L, 2)));
  return 1;
}

/* session:next_done() -> the exchange that is done, each once | nil. Those that nobody holds are passed over.
 */
static int rf_session_next_done(lua_State *L) {
  http_session *session = rf_check_session(L, 1);
  http_exchange *exchange;
  while ((exchange = http_session_next_done(session)) != NULL) {
    lua_pushlightuserdata(L, exchange);
    lua_rawget(L, lua_upvalueindex(RF_EXCHANGES));
    if (!lua_isnil(L, -1)) {
      return 1;
    }
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  return 1;
}

/* ---- starting ---- */

static void to_exchange(void *exchange, const char *line, size_t length) {
  http_exchange_add_header(exchange, line, length);
}

/*
 * session:start{url=, method="GET", headers={"Name: value", ...}, body=, timeout=60, connect_timeout=10,
 * max_body=8 MiB, max_header=64 KiB} -> exchange
 * session:start({method=, path=, body=, if_match=, prefer=}, template, token, timeout, spare) -> exchange,
 * client-request-id; `spare`: an exchange whose userdata is used again if it is closed
 * A wrong value (not a wrong type) gives an exchange that is done at once.
 */
static int rf_session_start(lua_State *L) {
  rf_check_session(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 6);
  bool templated = !lua_isnil(L, 3);
  http_request request;
  http_exchange *exchange = rf_push_exchange(L, 1, 6);
  rf_register_exchange(L);
  if (templated) {
    char id[UUID_TEXT_SIZE];
    const rf_request_sink sink = {exchange, rf_value_to_exchange, http_exchange_body(exchange)};
    rf_push_id(L, 3, id);
    rf_read_templated(L, 2, &request, &sink, id);
  } else {
    rf_read_request(L, &request, to_exchange, exchange);
  }
  http_session_start(rf_check_session(L, 1), exchange, &request); /* behind it nothing raises */
  return templated ? 2 : 1;
}

void rf_finish(http_session *session, const http_exchange *exchange) {
  while (http_exchange_result(exchange) == NULL && http_session_is_ours(session)) {
    http_session_pump(session, LONGEST_PUMP_SECONDS);
  }
}

/* session:ask(as start() has it with a template) -> exchange, client-request-id, and what exchange:head()
 * gives: the exchange is done */
static int rf_session_ask(lua_State *L) {
  rf_session_start(L);
  http_exchange *exchange = rf_check_exchange(L, -2);
  rf_finish(rf_check_session(L, 1), exchange);
  return 2 + rf_answer_head(L, http_exchange_result(exchange));
}

/* session:spare() -> a closed exchange, whose userdata start(), ask() and update() use again and again */
static int rf_session_spare(lua_State *L) {
  rf_check_session(L, 1);
  rf_push_spare_exchange(L);
  return 1;
}

/* session:finish(exchange): pumps until that one is done */
static int rf_session_finish(lua_State *L) {
  http_session *session = rf_check_session(L, 1);
  rf_finish(session, rf_check_exchange(L, 2));
  return 0;
}

/* ---- functions ---- */

/* now() -> seconds of a clock that nobody sets */
/* time_for_write(seconds left) -> seconds */
static int rf_time_for_write(lua_State *L) {
  lua_pushnumber(L, (lua_Number)http_time_for_write((double)luaL_checknumber(L, 1)));
  return 1;
}

static int rf_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)http_now());
  return 1;
}

/* header(block, name) -> the last value of that name, compared without case | nil */
static int rf_header(lua_State *L) {
  size_t length;
  size_t name_length;
  const char *block = luaL_checklstring(L, 1, &length);
  const char *name = luaL_checklstring(L, 2, &name_length);
  const char *value;
  size_t value_length;
  if (http_header_find(block, length, name, name_length, &value, &value_length)) {
    lua_pushlstring(L, value, value_length);
  } else {
    lua_pushnil(L);
  }
  return 1;
}

/* uuid() -> a random GUID as text */
static int rf_uuid(lua_State *L) {
  char text[UUID_TEXT_SIZE];
  if (!uuid_next(lua_touserdata(L, lua_upvalueindex(1)), text)) {
    return luaL_error(L, "the system gives no random bytes");
  }
  lua_pushlstring(L, text, UUID_TEXT_SIZE - 1);
  return 1;
}

enum { LONGEST_ID = 128 /* characters */ };

bool rf_is_id(lua_State *L, int index) {
  size_t length = 0;
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &length) : "";
  bool moves = text[0] == '.' && (length == 1 || (length == 2 && text[1] == '.'));
  return length <= LONGEST_ID && !moves && http_is_unreserved(text, length);
}

/* is_id(value) -> as rf_is_id() has it */
static int rf_id_is_fit(lua_State *L) {
  lua_pushboolean(L, rf_is_id(L, 1));
  return 1;
}

static void make_type(lua_State *L, const char *name) {
  luaL_newmetatable(L, name);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
}

static void push_weak_table(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* Adds functions to the table at `table`, with the upvalues, which begin at `upvalues`. */
static void add_functions(lua_State *L, int table, int upvalues, const luaL_Reg *functions) {
  lua_pushvalue(L, table);
  for (int i = 0; i < RF_HTTP_TYPES; i++) {
    lua_pushvalue(L, upvalues + i);
  }
  rf_register_with(L, functions, RF_HTTP_TYPES);
  lua_pop(L, 1);
}

int rf_open_http(lua_State *L) {
  static const luaL_Reg session[] = {{"start", rf_session_start},
                                     {"ask", rf_session_ask},
                                     {"update", rf_session_update},
                                     {"begin_update", rf_session_begin_update},
                                     {"end_update", rf_session_end_update},
                                     {"spare", rf_session_spare},
                                     {"expect_many", rf_session_expect_many},
                                     {"pump", rf_session_pump},
                                     {"finish", rf_session_finish},
                                     {"next_done", rf_session_next_done},
                                     {"in_flight", rf_session_in_flight},
                                     {"is_ours", rf_session_is_ours},
                                     {"close", rf_session_close},
                                     {"__gc", rf_session_close},
                                     {"__close", rf_session_close},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"session", rf_session_new}, {NULL, NULL}};
  static const luaL_Reg others[] = {{"now", rf_now},
                                    {"time_for_write", rf_time_for_write},
                                    {"header", rf_header},
                                    {"is_id", rf_id_is_fit},
                                    {NULL, NULL}};
  lua_newtable(L);
  int table = lua_gettop(L);
  rf_push_types(L);
  luaL_newmetatable(L, RF_WAY);
  make_type(L, SESSION_TYPE);
  make_type(L, RF_EXCHANGE);
  push_weak_table(L);
  add_functions(L, table, table + 1, functions);
  add_functions(L, table + RF_SESSION_TYPE, table + 1, session);
  add_functions(L, table + RF_EXCHANGE_TYPE, table + 1, rf_exchange_methods);
  lua_settop(L, table);
  rf_register(L, others);
  memset(rf_newuserdata(L, sizeof(uuid_pool)), 0, sizeof(uuid_pool));
  lua_pushcclosure(L, rf_uuid, 1);
  lua_setfield(L, -2, "uuid");
  rf_open_template(L);
  rf_open_way(L);
  return 1;
}
