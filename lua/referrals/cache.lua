--- The last representation of each referral, bounded in entries and bytes. It may make a write, never skip or refuse
--- one: what is found here is at worst out of date, and then its entity tag does not match any more.

local M = {}

local LONGEST_WARINESS = 64 -- times that a referral which others write too is read first

local OVERHEAD = 1024 -- bytes that an entry costs besides its text, roughly: the index of its members, the tables

---@class referrals.cache
---@field entries integer at most; 0 is off
---@field bytes integer at most
---@field wary table<string, table> {times, left} of referrals that others write too
local Cache = {}
Cache.__index = Cache

---@param entries integer
---@param bytes integer
---@return referrals.cache
function M.new(entries, bytes)
  local ring = {} -- of entries, the latest used first
  ring.next, ring.previous = ring, ring
  return setmetatable({
    entries = entries,
    bytes = bytes,
    by_key = {},
    ring = ring,
    count = 0,
    held = 0,
    wary = {},
    wary_count = 0,
  }, Cache)
end

local function unlink(entry)
  entry.previous.next, entry.next.previous = entry.next, entry.previous
end

local function link_first(ring, entry)
  entry.next, entry.previous = ring.next, ring
  ring.next.previous, ring.next = entry, entry
end

--- GUIDs compare without case.
local function key_of(path)
  return path:lower()
end

--- Mostly the path is a key as it stands.
function Cache:find(path)
  return self.by_key[path] or self.by_key[key_of(path)]
end

function Cache:forget(entry)
  unlink(entry)
  self.by_key[entry.key] = nil
  self.count, self.held = self.count - 1, self.held - entry.size
end

--- Is no longer to be used as a base: somebody writes, or it is gone.
---@param path string the referral's
function Cache:drop(path)
  local entry = self:find(path)
  if entry then
    self:forget(entry)
  end
end

--- Keeps a representation in the place of an older one.
---@param path string the referral's
---@param representation referrals.representation
function Cache:put(path, representation)
  self:drop(path)
  local size = representation.document:length() + OVERHEAD
  if self.entries == 0 or size > self.bytes then
    return
  end
  local key = key_of(path)
  local entry = { key = key, representation = representation, size = size }
  self.by_key[key] = entry
  link_first(self.ring, entry)
  self.count, self.held = self.count + 1, self.held + size
  while self.count > self.entries or self.held > self.bytes do
    self:forget(self.ring.previous)
  end
end

--- A copy turned out to be out of date: others write this referral too, so the next times it is read first, twice as
--- often with each time it happens. A refused write costs a round trip, and its lost answer is hard to settle.
---@param path string the referral's
function Cache:was_stale(path)
  local key = key_of(path)
  local wariness = self.wary[key]
  if not wariness then
    if self.wary_count >= self.entries then
      self.wary, self.wary_count = {}, 0
    end
    wariness = { times = 0 }
    self.wary[key], self.wary_count = wariness, self.wary_count + 1
  end
  wariness.times = math.min(wariness.times * 2 + 1, LONGEST_WARINESS)
  wariness.left = wariness.times
end

function Cache:is_wary(path)
  local wariness = self.wary_count > 0 and self.wary[key_of(path)]
  if not wariness or wariness.left == 0 then
    return false
  end
  wariness.left = wariness.left - 1
  return true
end

---@param path string the referral's
---@return referrals.representation|nil
function Cache:get(path)
  local entry = not self:is_wary(path) and self:find(path)
  if entry then
    unlink(entry)
    link_first(self.ring, entry)
    return entry.representation
  end
end

return M
