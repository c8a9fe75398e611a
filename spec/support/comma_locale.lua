-- A locale "comma" whose decimal point is ",": glibc reads its LC_NUMERIC file from the folder in LOCPATH. Written by
-- hand, because few machines have such a locale, or the sources to make one from.
local shell = require "support.shell"

local M = {}

local function word(number)
  local bytes = {}
  for i = 1, 4 do
    bytes[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(bytes)
end

-- Six entries: decimal point, thousands separator, grouping, both again as wide characters, the character set.
local ENTRIES = { ",\0", "\0", "\0", word(44), word(0), "ANSI_X3.4-1968\0" }
local MAGIC = 0x20031114
local WORDS = 2 + #ENTRIES

--- Makes it in a folder. (glibc loses 36 bytes of its own when it reads LOCPATH; that is not the specs' business.)
---@return string environment what a command needs before it
function M.make(folder)
  local head, offset = { word(MAGIC), word(#ENTRIES) }, WORDS * 4
  for _, entry in ipairs(ENTRIES) do
    head[#head + 1] = word(offset)
    offset = offset + #entry
  end
  shell.must("mkdir -p " .. shell.quote(folder .. "/comma"))
  shell.write(folder .. "/comma/LC_NUMERIC", table.concat(head) .. table.concat(ENTRIES))
  return "ASAN_OPTIONS=detect_leaks=0 LOCPATH=" .. shell.quote(folder)
end

return M
