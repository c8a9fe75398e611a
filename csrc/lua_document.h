/* Documents for the other bindings. */
#ifndef REFERRALS_LUA_DOCUMENT_H
#define REFERRALS_LUA_DOCUMENT_H

#include "document.h"
#include "lua_compat.h"

#pragma GCC visibility push(hidden)

/* As core.document.read has it; `known` is where a document stands on the stack, or 0. */
int rf_push_document(lua_State *L, json_slice text, int known);

/* The working memory, of one call at a time: where rf_push_string() may unescape to, a list, and a change's. */
buffer *rf_document_room(lua_State *L);
json_members *rf_document_members(lua_State *L);
document_work *rf_document_work(lua_State *L);

/* Raises when there is another value; good while it is on the stack. */
const document *rf_check_document(lua_State *L, int index);

#pragma GCC visibility pop

#endif
