/* What each function that meets a document has at hand, in whatever binding: types and working memory. */
#ifndef REFERRALS_LUA_ROOM_H
#define REFERRALS_LUA_ROOM_H

#include "document_read.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* The first upvalues of each of them: asking the registry would cost several times as much. */
enum {
  RF_DOCUMENT_TYPE = 1, /* the types' metatables */
  RF_PLAN_TYPE,
  RF_TEMPLATE_TYPE,
  RF_RULES_TYPE,
  RF_ROOM, /* working memory, of one call at a time */
  RF_TYPES = RF_ROOM
};

#define RF_DOCUMENT "referrals.document"
#define RF_PLAN "referrals.document.plan"
#define RF_TEMPLATE "referrals.http.template"
#define RF_RULES "referrals.document.rules"

/* Pushes them all. */
void rf_push_types(lua_State *L);

/* Adds functions that have them as their only upvalues to the table on top. */
void rf_register_typed(lua_State *L, const luaL_Reg *functions);

/* Working memory, anchored in the registry; reused. */
typedef struct rf_room {
  unsigned long uses;
  document_work work;
  document_reading reading;
  json_members members; /* where others compare */
  buffer text;          /* where rf_push_string() may unescape to */
  buffer plan;          /* a change's */
  buffer written;       /* what a plan changes of a document, as it was sent */
  json_members written_members;
} rf_room;

/* Of the function that runs. */
rf_room *rf_room_of(lua_State *L);

/* Memory that Lua gives out may run finalisers, and those may do anything: whoever has something in the room
 * meanwhile tells by the number of its use whether it still is as it was. */
unsigned long rf_use_room(lua_State *L);
bool rf_room_is_ours(lua_State *L, unsigned long use);

#pragma GCC visibility pop

#endif
