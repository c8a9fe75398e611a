-- The README taken apart: its examples, headings, links, tables and syntax lines.
--
-- An example is a ```lua block. What it prints must be what its comments after `-->` say, line for line; "..." there
-- stands for anything. A hidden comment that begins with "setup" runs before the next block; it may only prepare:
--
--   <!-- setup
--   referrals.update(id, { status = "Active" })
--   -->
local readme = {}

---@class ReadmeBlock
---@field language string
---@field line integer  of its first line in the file
---@field text string
---@field setup string

--- The fenced blocks of a text.
---@return ReadmeBlock[]
function readme.blocks(text)
  local blocks, block, setup, in_setup, number = {}, nil, {}, false, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local fence = line:match("^```(%w*)")
    if block and fence then
      block.text = table.concat(block.lines, "\n") .. "\n"
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = line
    elseif fence then
      block = { language = fence, line = number + 1, lines = {}, setup = table.concat(setup, "\n") }
      setup = {}
    elseif in_setup then
      in_setup = not line:find("-->", 1, true)
      setup[#setup + 1] = in_setup and line or nil
    else
      in_setup = line:find("^<!%-%- setup") ~= nil
    end
  end
  assert(not block, "the last block has no end")
  return blocks
end

function readme.in_language(text, language)
  local found = {}
  for _, block in ipairs(readme.blocks(text)) do
    if block.language == language then
      found[#found + 1] = block
    end
  end
  return found
end

--- The text without its blocks and hidden comments.
function readme.prose(text)
  return (("\n" .. text):gsub("\n```.-\n```", "\n"):gsub("<!%-%-.-%-%->", ""))
end

-- What an example promises -------------------------------------------------------------------------------------------

--- The lines that an example says it prints.
function readme.promised(block)
  local lines = {}
  for said in block.text:gmatch("%-%->%s*([^\n]*)") do
    lines[#lines + 1] = said
  end
  return lines
end

local function fits(said, printed)
  local pattern = said:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", ".*")
  return printed ~= nil and printed:find("^" .. pattern .. "$") ~= nil
end

--- What is wrong with what an example printed; nil when it is as promised.
---@param block ReadmeBlock
---@param output string
---@param status integer
function readme.complaint(block, output, status)
  local said, printed = readme.promised(block), {}
  for line in output:gmatch("[^\n]+") do
    printed[#printed + 1] = line
  end
  if status ~= 0 then
    return ("line %d: ended with status %d: %s"):format(block.line, status, output)
  elseif not (block.text:find("%-%->") or block.text:find("assert%(")) then
    return ("line %d: the example checks nothing"):format(block.line)
  end
  for index = 1, math.max(#said, #printed) do
    if not said[index] or not fits(said[index], printed[index]) then
      return ("line %d: it says '%s' and prints '%s'"):format(block.line, said[index] or "", printed[index] or "")
    end
  end
end

-- Headings and links -------------------------------------------------------------------------------------------------

--- The name under which a heading can be linked to.
function readme.anchor(heading)
  return (heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-"))
end

function readme.anchors(text)
  local anchors = {}
  for heading in readme.prose(text):gmatch("\n#+ ([^\n]+)") do
    anchors[readme.anchor(heading)] = true
  end
  return anchors
end

function readme.links(text)
  local links = {}
  for target in readme.prose(text):gmatch("%]%(([^)]+)%)") do
    links[#links + 1] = target
  end
  return links
end

-- Tables -------------------------------------------------------------------------------------------------------------

local function cells(line)
  local list = {}
  for cell in line:gsub("\\|", "\1"):gmatch("|([^|]*)") do
    list[#list + 1] = (cell:gsub("\1", "|"):match("^%s*(.-)%s*$"))
  end
  list[#list] = nil
  return list
end

--- The rows, as lists of cells, of the first table below a heading.
function readme.table_below(text, heading)
  local _, start = text:find("\n#+ " .. heading:gsub("%p", "%%%0") .. "\n")
  assert(start, "no heading " .. heading)
  local rows = {}
  for line in text:sub(start + 1):gmatch("([^\n]*)\n") do
    if line:find("^|") then
      rows[#rows + 1] = cells(line)
    elseif #rows > 0 or line:find("^#") then
      break
    end
  end
  table.remove(rows, 1)
  assert(table.remove(rows, 1), "no table below " .. heading)
  return rows
end

--- The names in backquotes in a text, as a set.
function readme.quoted(text)
  local names = {}
  for name in text:gmatch("`([^`]+)`") do
    names[name] = true
  end
  return names
end

-- Syntax lines -------------------------------------------------------------------------------------------------------

--- What the lines "**syntax:** `value, err = referrals.verb(id, opts?)`" are about: name -> the paragraph that follows.
function readme.syntax(text)
  local found = {}
  for name, stop in text:gmatch("%*%*syntax:%*%* `[^`\n]-([%w_.:]+)%([^`\n]*`[^\n]*()") do
    found[name] = text:match("^\n\n([^\n]*)", stop) or ""
  end
  return found
end

return readme
