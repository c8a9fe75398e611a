/* Documents for the other bindings. */
#ifndef REFERRALS_LUA_DOCUMENT_H
#define REFERRALS_LUA_DOCUMENT_H

#include "document_read.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/*
 * The first upvalues of each function that meets a document, in whatever binding: what it would otherwise
 * have to ask the registry for, at several times the cost.
 */
enum {
  RF_DOCUMENT_TYPE = 1, /* the types' metatables */
  RF_PLAN_TYPE,
  RF_TEMPLATE_TYPE,
  RF_DOCUMENT_ROOM, /* working memory, of one call at a time */
  RF_TYPES = RF_DOCUMENT_ROOM
};

#define RF_DOCUMENT "referrals.document"
#define RF_PLAN "referrals.document.plan"
#define RF_TEMPLATE "referrals.http.template"

/* Pushes the four. */
void rf_push_types(lua_State *L);

/* Adds functions that have them as their only upvalues to the table on top. */
void rf_register_typed(lua_State *L, const luaL_Reg *functions);

/* As core.document.read has it. */
int rf_push_document(lua_State *L, json_slice text, document_earlier earlier);

/* Pushes a document of its own copy. */
void rf_push_document_copy(lua_State *L, const document *d);

/* Pushes what document:minimal(id, eTag) gives; where the two stand on the stack. */
void rf_push_minimal(lua_State *L, const document *d, int id, int tag);

/* Memory that Lua gives out may run finalisers, and those may do anything: whoever has something in the room
 * meanwhile tells by the number of its use whether it still is as it was. */
unsigned long rf_use_room(lua_State *L);
bool rf_room_is_ours(lua_State *L, unsigned long use);

/* Of the room: where rf_push_string() may unescape to, a list, and a change's. */
buffer *rf_document_room(lua_State *L);
json_members *rf_document_members(lua_State *L);
document_work *rf_document_work(lua_State *L);
buffer *rf_document_plan(lua_State *L);

/* After reading a document with a known one: the known one's members that do not stand there as they were. */
json_member_list rf_document_gone(lua_State *L);

/* Raises when there is another value; good while it is on the stack. */
const document *rf_check_document(lua_State *L, int index);

#pragma GCC visibility pop

#endif
