-- forked(f): the text that f returns in a child of this process. Compiled when first asked for: Lua itself cannot fork.

local INCLUDES = os.getenv("LUA_INCDIR") or "/usr/include/lua" .. _VERSION:match("%d%.%d")

local function build()
  local library = os.tmpname()
  local command = ("%s -std=gnu11 -shared -fPIC -I'%s' -o '%s' spec/support/forked.c"):format(
    os.getenv("CC") or "cc", INCLUDES, library)
  local status = os.execute(command)
  assert(status == true or status == 0, command)
  local open = assert(package.loadlib(library, "luaopen_forked"))
  assert(os.remove(library))
  return open()
end

return build()
