--- All benchmarks, or those named:  run.lua [part ...]
--- Prints the tables; all of them together are written into spec/bench/results, with their plots.
local figures_of = require "bench.figures"
local plot = require "bench.plot"
local report = require "bench.report"
local shell = require "support.shell"

local ALL = { "instructions", "profile", "times", "apply", "batch", "memory", "nginx" }
local RESULTS = "spec/bench/results/"

local function line_of(command)
  return (shell.run(command):gsub("%s+$", ""))
end

local function about(took)
  local kind = line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1")
  local versions = line_of("lua5.4 -v | cut -c 1-9") .. ", "
    .. line_of("curl --version | head -n 1 | cut -d ' ' -f 4 | tr / ' '")
  return ("%s; %s processors (%s); %s. Made by `make bench%s` in %d s, all in one run."):format(os.date("!%Y-%m-%d"),
    line_of("nproc"), kind, versions, #arg > 0 and " PART=" .. arg[1] or "", took)
end

-- The README shows the table of the last whole run, between two marks.
local function write_readme(figures, made)
  local first, last = "<!-- make bench writes from here -->", "<!-- to here -->"
  local text = shell.read("README.md")
  local from = select(2, text:find(first, 1, true))
  local to = text:find(last, 1, true)
  local shown = ("\n%s\n\n%s\n"):format(made, report.judged(figures))
  shell.write("README.md", text:sub(1, from) .. shown .. text:sub(to))
end

local function write_results(figures, text)
  shell.must("mkdir -p " .. RESULTS)
  shell.write(RESULTS .. "RESULTS.md", text)
  for name, source in pairs(plot.all(figures)) do
    shell.write(RESULTS .. name, source)
  end
end

local parts = #arg > 0 and arg or ALL
local figures, began = figures_of.new(), os.time()
for _, part in ipairs(parts) do
  io.stderr:write("-- " .. part .. "\n")
  require("bench." .. part).run(figures)
end
local made = about(os.time() - began)
local text = report.text(figures, made)
if parts == ALL then
  write_results(figures, text)
  write_readme(figures, made)
end
print(text)
