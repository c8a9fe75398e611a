/* core.etag: the entity tags for Lua. */
#include "etag.h"
#include "lua_core.h"

/* A number would be a tag only by accident, so only strings are taken. */
static const char *check_tag(lua_State *L, int index, size_t *length) {
  luaL_checktype(L, index, LUA_TSTRING);
  return lua_tolstring(L, index, length);
}

/* normalise(text) -> If-Match value | nil, message */
static int rf_etag_normalise(lua_State *L) {
  size_t length;
  const char *text = check_tag(L, 1, &length);
  etag_value value;
  etag_status status = etag_normalise(text, length, &value);
  if (status != ETAG_OK) {
    lua_pushnil(L);
    lua_pushstring(L, etag_explain(status));
    return 2;
  }
  lua_pushlstring(L, value.bytes, value.length);
  return 1;
}

/* equal(a, b) -> boolean */
static int rf_etag_equal(lua_State *L) {
  size_t a_length;
  size_t b_length;
  const char *a = check_tag(L, 1, &a_length);
  const char *b = check_tag(L, 2, &b_length);
  lua_pushboolean(L, etag_equal(a, a_length, b, b_length));
  return 1;
}

int rf_open_etag(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"normalise", rf_etag_normalise},
      {"equal", rf_etag_equal},
      {NULL, NULL},
  };
  lua_newtable(L);
  rf_register(L, functions);
  return 1;
}
