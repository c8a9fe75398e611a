/* Sessions and exchanges for the other bindings. */
#ifndef REFERRALS_LUA_HTTP_H
#define REFERRALS_LUA_HTTP_H

#include "http.h"
#include "lua_document.h"
#include "lua_way.h"

#pragma GCC visibility push(hidden)

/* The upvalues, behind those of lua_way.h, of each function that meets a session or an exchange. */
enum {
  RF_SESSION_TYPE = RF_WAY_TYPE + 1, /* the types' metatables */
  RF_EXCHANGE_TYPE,
  RF_EXCHANGES, /* a table with weak values that has the userdata of the C exchanges that next_done() may give
                   out */
  RF_HTTP_TYPES = RF_EXCHANGES
};

#define RF_EXCHANGE "referrals.http.exchange"

/* In lua_exchange.c; all meet those upvalues. */
extern const luaL_Reg rf_exchange_methods[];

/* Both raise for other values and closed ones. */
http_session *rf_check_session(lua_State *L, int index);
http_exchange *rf_check_exchange(lua_State *L, int index);

/* Pushes an idle exchange of the session at that index; the userdata of a closed one at `spare` is used
 * again.
 */
http_exchange *rf_push_exchange(lua_State *L, int session, int spare);

/* Pushes a closed one, to be used so. */
void rf_push_spare_exchange(lua_State *L);

/* Closes the exchange at `index`; twice is fine. */
void rf_close_exchange(lua_State *L, int index);

/* Where rf_compose() puts a header line, for an exchange. */
void rf_value_to_exchange(void *exchange, const char *start, const char *value, size_t length);

/* Whether the value can stand in a path as a referral's id: a string of letters, digits and . _ ~ - alone
 * (RFC 3986), up to 128 of them, and neither . nor .. */
bool rf_is_id(lua_State *L, int index);

/* Pumps until it is done. */
void rf_finish(http_session *session, const http_exchange *exchange);

/* Notes the exchange on top: next_done() may give it out. */
void rf_register_exchange(lua_State *L);

/* Methods of a session, in lua_straight_session.c. */
int rf_session_update(lua_State *L);
int rf_session_begin_update(lua_State *L);
int rf_session_end_update(lua_State *L);

#pragma GCC visibility pop

#endif
