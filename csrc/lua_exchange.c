/* An exchange for Lua, and what can be asked of it. */
#include "lua_anchor.h"
#include "lua_answer.h"
#include "lua_http.h"
#include "lua_http_options.h"

typedef struct rf_exchange {
  http_exchange *handle; /* NULL once closed */
  bool registered;       /* next_done() may give it out */
} rf_exchange;

http_exchange *rf_check_exchange(lua_State *L, int index) {
  rf_exchange *exchange = rf_check_type(L, index, RF_EXCHANGE_TYPE, RF_EXCHANGE);
  luaL_argcheck(L, exchange->handle != NULL, index, "the exchange is closed");
  return exchange->handle;
}

/* A closed exchange's userdata, when there is one at `spare`, else a new one. */
static rf_exchange *push_userdata(lua_State *L, int spare) {
  if (!lua_isnoneornil(L, spare)) {
    rf_exchange *used = rf_check_type(L, spare, RF_EXCHANGE_TYPE, RF_EXCHANGE);
    if (used->handle == NULL) {
      used->registered = false;
      lua_pushvalue(L, spare);
      return used;
    }
  }
  rf_exchange *made = rf_newuserdata(L, sizeof *made);
  made->handle = NULL;
  made->registered = false;
  lua_pushvalue(L, lua_upvalueindex(RF_EXCHANGE_TYPE));
  lua_setmetatable(L, -2);
  return made;
}

http_exchange *rf_push_exchange(lua_State *L, int session, int spare) {
  rf_exchange *exchange = push_userdata(L, spare);
  exchange->handle = http_exchange_new(rf_check_session(L, session)); /* a finaliser may have closed it */
  if (exchange->handle == NULL) {
    luaL_error(L, "not enough memory for an exchange");
  }
  return exchange->handle;
}

void rf_register_exchange(lua_State *L) {
  rf_exchange *exchange = lua_touserdata(L, -1);
  lua_pushlightuserdata(L, exchange->handle);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(RF_EXCHANGES));
  exchange->registered = true;
}

static void forget_exchange(lua_State *L, rf_exchange *exchange) {
  if (exchange->registered) {
    lua_pushlightuserdata(L, exchange->handle);
    lua_pushnil(L);
    lua_rawset(L, lua_upvalueindex(RF_EXCHANGES));
    exchange->registered = false;
  }
}

void rf_value_to_exchange(void *exchange, const char *start, const char *value, size_t length) {
  http_exchange_add_value(exchange, start, value, length);
}

void rf_push_spare_exchange(lua_State *L) {
  lua_pushnil(L);
  push_userdata(L, lua_gettop(L));
  lua_remove(L, -2);
}

void rf_close_exchange(lua_State *L, int index) {
  rf_exchange *exchange = rf_check_type(L, index, RF_EXCHANGE_TYPE, RF_EXCHANGE);
  if (exchange->handle != NULL) {
    forget_exchange(L, exchange);
    http_exchange_free(exchange->handle);
    exchange->handle = NULL;
  }
}

/* exchange:close(), also its finaliser: cancels it if need be and gives its handle back to the session. */
static int rf_exchange_close(lua_State *L) {
  rf_close_exchange(L, 1);
  return 0;
}

/* exchange:cancel(): ends it if it is under way, and then it can be read */
static int rf_exchange_cancel(lua_State *L) {
  http_session_cancel(rf_check_exchange(L, 1));
  return 0;
}

/* exchange:done() -> boolean */
static int rf_exchange_done(lua_State *L) {
  lua_pushboolean(L, http_exchange_result(rf_check_exchange(L, 1)) != NULL);
  return 1;
}

static const http_result *result_of(lua_State *L) {
  return http_exchange_result(rf_check_exchange(L, 1));
}

/* The four as lua_answer.c has them. */
static int rf_exchange_head(lua_State *L) {
  return rf_answer_head(L, result_of(L));
}

static int rf_exchange_header(lua_State *L) {
  return rf_answer_header(L, result_of(L));
}

static int rf_exchange_body(lua_State *L) {
  return rf_answer_body(L, result_of(L));
}

static int rf_exchange_referral(lua_State *L) {
  return rf_answer_referral(L, result_of(L));
}

/*
 * exchange:result() -> nil while under way; else outcome, sent, status, headers, body, message. The outcome
 * is "ok" for a complete answer, which has no message; any other has a message and no body. status and
 * headers (the raw block) are nil when no final answer began.
 */
static int rf_exchange_result(lua_State *L) {
  const http_result *result = http_exchange_result(rf_check_exchange(L, 1));
  return result == NULL ? 0 : rf_push_result(L, result);
}

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, (lua_Number)value);
  lua_setfield(L, -2, name);
}

/* exchange:transfer() -> {name_lookup, connect, tls, first_byte, total: seconds from the start; http_version:
 * 1.1, 2; connections_made; received: bytes of the body on the wire} */
static int rf_exchange_transfer(lua_State *L) {
  http_transfer transfer = http_exchange_transfer(rf_check_exchange(L, 1));
  lua_createtable(L, 0, 8);
  set_number(L, "name_lookup", transfer.name_lookup);
  set_number(L, "connect", transfer.connect);
  set_number(L, "tls", transfer.tls);
  set_number(L, "first_byte", transfer.first_byte);
  set_number(L, "total", transfer.total);
  set_number(L, "http_version", transfer.http_version / 10.0);
  set_number(L, "connections_made", (double)transfer.connections_made);
  set_number(L, "received", (double)transfer.received);
  return 1;
}

const luaL_Reg rf_exchange_methods[] = {
    {"done", rf_exchange_done},         {"result", rf_exchange_result}, {"head", rf_exchange_head},
    {"header", rf_exchange_header},     {"body", rf_exchange_body},     {"referral", rf_exchange_referral},
    {"transfer", rf_exchange_transfer}, {"cancel", rf_exchange_cancel}, {"close", rf_exchange_close},
    {"__gc", rf_exchange_close},        {"__close", rf_exchange_close}, {NULL, NULL}};
