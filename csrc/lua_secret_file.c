/* core.secret_file: the locked file of a secret for Lua. Reading and writing are methods of the lock. */
#include "lua_core.h"
#include "secret_file.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LOCK_TYPE "referrals.secret_file.lock"

typedef struct rf_secret_lock {
  int descriptor; /* -1 once released */
  pid_t owner;    /* the process that locked */
  char path[];
} rf_secret_lock;

static int push_failure(lua_State *L, secret_status status) {
  const char *why = secret_file_explain(status);
  lua_pushnil(L);
  lua_pushstring(L, why != NULL ? why : strerror(errno));
  return 2;
}

static rf_secret_lock *check_lock(lua_State *L) {
  rf_secret_lock *lock = luaL_checkudata(L, 1, LOCK_TYPE);
  luaL_argcheck(L, lock->descriptor >= 0, 1, "the lock is released");
  return lock;
}

/* lock(path) -> lock | nil when it is busy | nil, why there can be none */
static int rf_secret_file_lock(lua_State *L) {
  size_t length;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *path = lua_tolstring(L, 1, &length);
  luaL_argcheck(L, length > 0 && strlen(path) == length, 1, "expected a path");
  rf_secret_lock *lock = rf_newuserdata(L, sizeof *lock + length + 1);
  lock->descriptor = -1;
  lock->owner = getpid();
  memcpy(lock->path, path, length + 1);
  luaL_getmetatable(L, LOCK_TYPE);
  lua_setmetatable(L, -2);
  secret_status status = secret_file_lock(lock->path, &lock->descriptor);
  if (status == SECRET_BUSY) {
    lua_pushnil(L);
    return 1;
  }
  return status == SECRET_OK ? 1 : push_failure(L, status);
}

/* Also the finaliser: 5.4 may call it twice. */
static int rf_lock_release(lua_State *L) {
  rf_secret_lock *lock = luaL_checkudata(L, 1, LOCK_TYPE);
  if (lock->owner == getpid()) {
    secret_file_unlock(lock->descriptor);
  } else {
    secret_file_abandon(lock->descriptor);
  }
  lock->descriptor = -1;
  return 0;
}

/* lock:read() -> text | nil when there is no such file | nil, what is wrong with it */
static int rf_lock_read(lua_State *L) {
  rf_secret_lock *lock = check_lock(L);
  char *room = rf_newuserdata(L, SECRET_FILE_MAX);
  size_t length = SECRET_FILE_MAX;
  secret_status status = secret_file_read(lock->path, room, &length);
  if (status == SECRET_MISSING) {
    lua_pushnil(L);
    return 1;
  } else if (status != SECRET_OK) {
    return push_failure(L, status);
  }
  lua_pushlstring(L, room, length);
  return 1;
}

/* lock:write(text) -> true | nil, what went wrong */
static int rf_lock_write(lua_State *L) {
  rf_secret_lock *lock = check_lock(L);
  size_t length;
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *text = lua_tolstring(L, 2, &length);
  secret_status status = secret_file_write(lock->path, text, length);
  if (status != SECRET_OK) {
    return push_failure(L, status);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* lock:try() -> true | nil, why a secret could not be written now */
static int rf_lock_try(lua_State *L) {
  secret_status status = secret_file_try(check_lock(L)->path);
  if (status != SECRET_OK) {
    return push_failure(L, status);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static void make_lock_type(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"read", rf_lock_read},
      {"write", rf_lock_write},
      {"try", rf_lock_try},
      {"release", rf_lock_release},
      {"__gc", rf_lock_release},
      {"__close", rf_lock_release},
      {NULL, NULL},
  };
  luaL_newmetatable(L, LOCK_TYPE);
  rf_register(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

int rf_open_secret_file(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"lock", rf_secret_file_lock},
      {NULL, NULL},
  };
  make_lock_type(L);
  lua_newtable(L);
  rf_register(L, functions);
  return 1;
}
