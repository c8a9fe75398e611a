#include "lua_way.h"

#include "lua_anchor.h"

#include <string.h>

static int way_gc(lua_State *L) {
  way *w = lua_touserdata(L, 1);
  revision_free(w->revision);
  w->revision = NULL;
  return 0;
}

/* way() -> what update() or begin_update() and end_update() need for one update at a time */
static int way_new(lua_State *L) {
  way *w = rf_newuserdata(L, sizeof *w);
  memset(w, 0, sizeof *w);
  luaL_getmetatable(L, RF_WAY);
  lua_setmetatable(L, -2);
  return 1;
}

void rf_open_way(lua_State *L) {
  static const luaL_Reg functions[] = {{"way", way_new}, {NULL, NULL}};
  rf_register(L, functions);
  rf_make_type(L, RF_WAY, way_gc);
}

void rf_way_let_go(way *w) {
  if (w->revision != NULL) {
    revision_let_go(w->revision);
  }
}
