/* Documents for the other bindings. */
#ifndef REFERRALS_LUA_DOCUMENT_H
#define REFERRALS_LUA_DOCUMENT_H

#include "document_read.h"
#include "lua_room.h"

#pragma GCC visibility push(hidden)

/* As core.document.read has it. */
int rf_push_document(lua_State *L, json_slice text, document_earlier earlier);

/* Pushes a document of its own copy. */
void rf_push_document_copy(lua_State *L, const document *d);

/* Pushes what document:minimal(id, eTag) gives; where the two stand on the stack. */
void rf_push_minimal(lua_State *L, const document *d, int id, int tag);

/* Raises when there is another value; good while it is on the stack. */
const document *rf_check_document(lua_State *L, int index);

#pragma GCC visibility pop

#endif
