#include "lua_room.h"

#include "lua_anchor.h"

static const char WORK[] = "referrals.document.work";

enum { DOCUMENT_LIMIT = 256 * 1024 * 1024 }; /* bytes of a next document */

static int room_gc(lua_State *L) {
  rf_room *room = lua_touserdata(L, 1);
  document_work_free(&room->work);
  json_members_free(&room->members);
  document_reading_free(&room->reading);
  json_members_free(&room->written_members);
  buffer_free(&room->written);
  buffer_free(&room->plan);
  buffer_free(&room->text);
  return 0;
}

/* Pushes the room, made on first use. */
static void push_room(lua_State *L) {
  if (rf_anchored(L, WORK) == NULL) {
    rf_room *room = rf_anchor(L, WORK, sizeof *room, room_gc);
    document_work_init(&room->work, DOCUMENT_LIMIT);
    buffer_init(&room->text, DOCUMENT_LIMIT);
    buffer_init(&room->plan, DOCUMENT_LIMIT);
    buffer_init(&room->written, DOCUMENT_LIMIT);
  }
  lua_getfield(L, LUA_REGISTRYINDEX, WORK);
}

rf_room *rf_room_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(RF_ROOM));
}

unsigned long rf_use_room(lua_State *L) {
  return ++rf_room_of(L)->uses;
}

bool rf_room_is_ours(lua_State *L, unsigned long use) {
  return rf_room_of(L)->uses == use;
}

void rf_push_types(lua_State *L) {
  luaL_newmetatable(L, RF_DOCUMENT);
  luaL_newmetatable(L, RF_PLAN);
  luaL_newmetatable(L, RF_TEMPLATE);
  luaL_newmetatable(L, RF_RULES);
  push_room(L);
}

void rf_register_typed(lua_State *L, const luaL_Reg *functions) {
  rf_push_types(L);
  rf_register_with(L, functions, RF_TYPES);
}
