--- A locale "bytes" of one byte a letter, whose letters, blanks and control characters lie beyond ASCII too.
local shell = require "support.shell"

local M = {}

local CHARACTERS = [[
<code_set_name> ISO-8859-1
<mb_cur_min> 1
<mb_cur_max> 1
<escape_char> /
CHARMAP
<U0000>..<U00FF> /x00
END CHARMAP
]]

local CLASSES = [[
escape_char /
LC_CTYPE
upper <U0041>..<U005A>;<U00C0>..<U00DE>
lower <U0061>..<U007A>;<U00DF>..<U00FF>
digit <U0030>..<U0039>
space <U0020>;<U0009>..<U000D>;<U00A0>
cntrl <U0000>..<U001F>;<U007F>..<U009F>
END LC_CTYPE
]]

--- Makes it in a folder.
---@return string environment what a command needs before it
function M.make(folder)
  shell.write(folder .. "/characters", CHARACTERS)
  shell.write(folder .. "/classes", CLASSES)
  shell.run(("cd %s && localedef -c -f ./characters -i ./classes ./bytes"):format(shell.quote(folder)))
  shell.must("test -f " .. shell.quote(folder .. "/bytes/LC_CTYPE")) -- localedef warns of all that is missing in it
  return "ASAN_OPTIONS=detect_leaks=0 LOCPATH=" .. shell.quote(folder)
end

return M
