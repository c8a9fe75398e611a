/* luaopen_referrals_core: the one symbol that the shared object shows. */
#include "lua_core.h"

#define VERSION "0.1.0" /* as in lua/referrals/version.lua, which is compared with it */

static void add_part(lua_State *L, const char *name, lua_CFunction open) {
  lua_pushcfunction(L, open);
  lua_call(L, 0, 1);
  lua_setfield(L, -2, name);
}

RF_EXPORT int luaopen_referrals_core(lua_State *L);

int luaopen_referrals_core(lua_State *L) {
  lua_newtable(L);
  add_part(L, "etag", rf_open_etag);
  add_part(L, "transition", rf_open_transition);
  add_part(L, "json", rf_open_json);
  add_part(L, "document", rf_open_document);
  add_part(L, "http", rf_open_http);
  add_part(L, "reactor", rf_open_reactor);
  add_part(L, "backoff", rf_open_backoff);
  add_part(L, "secret_file", rf_open_secret_file);
  lua_pushliteral(L, VERSION);
  lua_setfield(L, -2, "version");
  lua_pushcfunction(L, rf_is_yieldable);
  lua_setfield(L, -2, "is_yieldable");
  return 1;
}
