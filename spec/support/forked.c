/* A Lua module that is one function: forked(f) gives the text that f returns in a child of this process. */
#include <lauxlib.h>
#include <lua.h>

#include <sys/wait.h>
#include <unistd.h>

int luaopen_forked(lua_State *L);

/* Never returns, and runs nothing of the parent's at its end. */
static void be_the_child(lua_State *L, int output) {
  int failed = lua_pcall(L, 0, 1, 0);
  size_t length = 0;
  const char *text = lua_tolstring(L, -1, &length);
  while (length > 0) {
    ssize_t written = write(output, text, length);
    if (written <= 0) {
      _exit(1);
    }
    text += written;
    length -= (size_t)written;
  }
  _exit(failed != 0 || text == NULL);
}

static void push_all(lua_State *L, int input) {
  char bytes[4096];
  ssize_t count;
  lua_pushliteral(L, "");
  while ((count = read(input, bytes, sizeof bytes)) > 0) {
    lua_pushlstring(L, bytes, (size_t)count);
    lua_concat(L, 2);
  }
}

static int forked(lua_State *L) {
  int ends[2];
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  if (pipe(ends) != 0) {
    return luaL_error(L, "no pipe");
  }
  pid_t child = fork();
  if (child == 0) {
    be_the_child(L, ends[1]);
  }
  close(ends[1]);
  push_all(L, ends[0]);
  close(ends[0]);
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    return luaL_error(L, "the child failed: %s", lua_tostring(L, -1));
  }
  return 1;
}

int luaopen_forked(lua_State *L) {
  lua_pushcfunction(L, forked);
  return 1;
}
