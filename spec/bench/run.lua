--- All benchmarks, or those named:  run.lua [part ...]
local figures_of = require "bench.figures"
local report = require "bench.report"
local shell = require "support.shell"

local ALL = { "instructions", "apply", "times", "batch", "memory" }

local function line_of(command)
  return (shell.run(command):gsub("%s+$", ""))
end

local function about(took)
  return ("%s, %s processors of the kind %s, %s, %s; %d s. Made by `make bench`."):format(os.date("!%Y-%m-%d"),
    line_of("nproc"), line_of("sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1"), line_of("lua5.4 -v | cut -c 1-9"),
    line_of("curl --version | head -n 1 | cut -d ' ' -f 4"), took)
end

local wanted = #arg > 0 and arg or ALL
local figures = figures_of.new()
local began = os.time()
for _, part in ipairs(wanted) do
  io.stderr:write("-- " .. part .. "\n")
  require("bench." .. part).run(figures)
end
local text = report.text(figures, about(os.time() - began))
print(text)
