--- Small referrals for specs that need many: numbered, and like the service's in what a write looks at.
local M = {}

---@param number integer
---@return string id
function M.id(number)
  return ("00000000-0000-4000-8000-%012d"):format(number)
end

--- The entity tag stands in the text: of one only in the header, nginx makes a weak one where it compresses.
---@param number integer
---@return string text
function M.text(number)
  return ([[{"id":"%s","eTag":"\"tag-%d\"","status":"Active","substatus":"Accepted",]]
    .. [["details":{"dealValue":0,"currency":"USD"},"team":[],"links":{}}]]):format(M.id(number), number)
end

--- Puts the referrals 1 to count into a sandbox: a service, or a server of spec/support/nginx.lua.
function M.store(service, count)
  for number = 1, count do
    service:store(M.text(number))
  end
end

--- Items of update_many for the referrals 1 to count, which set campaignId to "c1", "c2", ...
---@param count integer
---@return referrals.item[]
function M.items(count)
  local list = {}
  for number = 1, count do
    list[number] = { id = M.id(number), change = { campaignId = "c" .. number } }
  end
  return list
end

return M
