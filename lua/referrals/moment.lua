--- The moments of a list's rows: comparing them, and judging that a list is in the order that was asked for.

local errors = require "referrals.errors"
local is_date_time = require "referrals.date_time"

local M = {}

local SECOND = 14 -- digits of a moment up to its seconds

--- A date-time as digits that compare as text in every locale, however many the fraction has; nil when it is none.
---@param text string|nil
---@return string|nil
function M.of(text)
  if not text or not is_date_time(text) then
    return nil
  end
  local seconds = text:sub(1, 19):gsub("%D", "")
  local fraction = text:match("%.(%d+)") or ""
  return seconds .. fraction:gsub("0+$", "")
end

--- The same of seconds since 1970, in UTC.
---@param seconds integer
---@return string
function M.of_seconds(seconds)
  return os.date("!%Y%m%d%H%M%S", seconds)
end

--- What a service that compares date-times as text has beyond the seconds: there .12Z is after .123Z.
local function fraction_as_text(text)
  return (text:match("%.(%d+)") or "") .. "Z"
end

local function out_of_place(row)
  local message = "referral %s is not in its place: the list is not filtered and ordered by updatedDateTime"
  return message:format(errors.visible(row.id))
end

--- Notes each row's moment; or what is wrong. Without the order and the filter asked for, rows would be missed in
--- silence. Within a second a service may order by the moment or by the text, but by one of them.
---@param rows referrals.row[] get `updated`, as the service wrote it, and `moment`
---@param since string|nil the date-time that they are to begin with
---@return string|nil wrong
function M.judge(rows, since)
  local latest, latest_text = M.of(since), since
  local falls, falls_as_text = false, false
  for _, row in ipairs(rows) do
    row.updated = row.document:string("updatedDateTime")
    row.moment = M.of(row.updated)
    if not row.moment then
      return ("referral %s has no usable updatedDateTime"):format(errors.visible(row.id))
    end
    local second, latest_second = row.moment:sub(1, SECOND), latest and latest:sub(1, SECOND)
    if latest and second < latest_second then
      return out_of_place(row)
    elseif second == latest_second then
      falls = falls or row.moment < latest
      falls_as_text = falls_as_text or fraction_as_text(row.updated) < fraction_as_text(latest_text)
      if falls and falls_as_text then
        return out_of_place(row)
      end
    end
    latest, latest_text = row.moment, row.updated
  end
end

return M
