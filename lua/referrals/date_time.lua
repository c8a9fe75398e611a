--- Date-times as the service writes them.

local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function days_in(year, month)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month == 2 and leap and 29 or MONTH_DAYS[month]
end

--- Is the text a date-time as the service writes them: UTC with a Z, up to 7 digits of a second's fraction?
---@param text string
---@return boolean
return function(text)
  local year, month, day, hour, minute, second, fraction =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)Z$")
  if not year or not (fraction == "" or fraction:find("^%.%d+$") and #fraction <= 8) then
    return false
  end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  return month >= 1 and month <= 12 and day >= 1 and day <= days_in(year, month)
    and tonumber(hour) < 24 and tonumber(minute) < 60 and tonumber(second) < 60
end
