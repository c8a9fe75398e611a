--- The last representation of each referral, bounded in entries and bytes. It may make a write, never skip or refuse
--- one: what is found here is at worst out of date, and then its entity tag does not match any more.

local M = {}

local LONGEST_WARINESS = 64 -- times that a referral which others write too is read first

local OVERHEAD = 1024 -- bytes that an entry costs besides its text, roughly: the index of its members, the tables

---@class referrals.cache
---@field entries integer at most; 0 is off
---@field bytes integer at most
---@field count integer copies
---@field held integer bytes of them
---@field places integer of copies, and of such as there were
---@field latest table<string, table> the places made last, by key
---@field earlier table<string, table> and those before them
---@field made integer places that were put among the latest
---@field wary table<string, table> {times, left, trusted} of referrals that others write too
local Cache = {}
Cache.__index = Cache

---@param entries integer
---@param bytes integer
---@return referrals.cache
function M.new(entries, bytes)
  local ring = {} -- of places, the latest used first
  ring.next, ring.previous = ring, ring
  return setmetatable({
    entries = entries,
    bytes = bytes,
    latest = {},
    earlier = {},
    made = 0,
    ring = ring,
    count = 0,
    held = 0,
    places = 0,
    wary = {},
    wary_count = 0,
  }, Cache)
end

local function unlink(place)
  place.previous.next, place.next.previous = place.next, place.previous
end

local function link_first(ring, place)
  place.next, place.previous = ring.next, ring
  ring.next.previous, ring.next = place, place
end

--- GUIDs compare without case.
local function key_of(id)
  return id:lower()
end

function Cache:at(key)
  return self.latest[key] or self.earlier[key]
end

--- Mostly the id is a key as it stands.
function Cache:find(id)
  local place = self.latest[id] or self.earlier[id]
  if place then
    return place
  end
  local key = key_of(id)
  return key ~= id and self:at(key) or nil
end

--- What stays is put among the latest, which begin anew: a Lua table that is full of keys, most of them still in use,
--- is laid out anew every few times that one comes for one that goes.
function Cache:turn_over()
  local earlier = self.earlier
  self.earlier, self.latest, self.made = self.latest, {}, 0
  for key, place in pairs(earlier) do
    self.latest[key] = place
  end
end

function Cache:empty(place)
  if place.representation then
    self.count, self.held = self.count - 1, self.held - place.size
    place.representation, place.size = nil, 0
  end
end

--- Is no longer to be used as a base: somebody writes, or it is gone. Its place stays for the next version, until it is
--- the one that was used the longest time ago.
---@param id string the referral's
function Cache:drop(id)
  local place = self:find(id)
  if place then
    self:empty(place)
    place.turn = place.turn + 1
  end
end

--- The same while it is not known yet whether somebody writes.
---@param id string the referral's
---@return table|nil aside for put_back(), when it turns out that nobody did
function Cache:set_aside(id)
  local place = self:find(id)
  if not place then
    return nil
  end
  local representation = place.representation
  self:empty(place)
  place.turn = place.turn + 1
  return representation and { place = place, turn = place.turn, representation = representation } or nil
end

--- Unless there is another one by now, or was, or somebody else wrote.
---@param aside table|nil
function Cache:put_back(aside)
  local place = aside and aside.place
  if place and self:at(place.key) == place and place.turn == aside.turn then
    self:put(place.key, aside.representation)
  end
end

function Cache:forget(place)
  self:empty(place)
  unlink(place)
  local index = self.latest[place.key] and self.latest or self.earlier
  index[place.key] = nil
  self.places = self.places - 1
end

function Cache:touch(place)
  unlink(place)
  link_first(self.ring, place)
end

--- The place of a referral's copy, which may be a new one.
function Cache:place_for(id)
  local place = self:find(id)
  if not place then
    if self.made >= self.entries then
      self:turn_over()
    end
    local key = key_of(id)
    place = { key = key, size = 0, turn = 0, representation = nil, next = nil, previous = nil }
    self.latest[key], self.places, self.made = place, self.places + 1, self.made + 1
    link_first(self.ring, place)
  end
  return place
end

local function usable(place)
  local copy = place and place.representation
  return copy and copy.etag and not copy.for_patch and place or nil
end

--- A copy is used again: that others write is forgotten once it went well more often than it was not dared.
function Cache:trust(key, wariness)
  if wariness.trusted < wariness.times then
    wariness.trusted = wariness.trusted + 1
  else
    self.wary[key], self.wary_count = nil, self.wary_count - 1
  end
end

--- Where the id is no key as it stands, or others write some referrals.
function Cache:look_for(id)
  if type(id) ~= "string" then
    return nil
  end
  local place = usable(self:find(id))
  local wariness = place and self.wary[place.key]
  if wariness and wariness.left > 0 then
    return nil, true
  end
  return place
end

--- The place of a copy that a PUT may be made from.
---@param id any
---@return table|nil place with a representation that has an entity tag
---@return boolean|nil hesitates it is for get() to tell whether there is one, and to count that
function Cache:place_of(id)
  local place = self.latest[id] or self.earlier[id]
  if not place or self.wary_count > 0 then
    return self:look_for(id)
  end
  return usable(place)
end

--- Keeps the next version of a copy that was used, in the same place.
---@param place table
---@param representation referrals.representation with its length
function Cache:renew(place, representation)
  local size, wariness = representation.length + OVERHEAD, self.wary_count > 0 and self.wary[place.key]
  if wariness then
    self:trust(place.key, wariness)
  end
  if size > self.bytes then
    return self:empty(place)
  end
  self.held = self.held - place.size + size
  place.representation, place.size = representation, size
  if self.ring.next ~= place then
    self:touch(place)
  end
  while self.held > self.bytes do
    self:forget(self.ring.previous)
  end
end

--- Keeps a representation in the place of an older one.
---@param id string the referral's
---@param representation referrals.representation
function Cache:put(id, representation)
  local size = (representation.length or representation.document:length()) + OVERHEAD
  if self.entries == 0 or size > self.bytes then
    return self:drop(id)
  end
  local place, ring = self:place_for(id), self.ring
  if place.representation then
    self:empty(place)
  end
  if ring.next ~= place then
    self:touch(place)
  end
  place.representation, place.size, place.turn = representation, size, place.turn + 1
  self.count, self.held = self.count + 1, self.held + size
  while self.places > self.entries or self.held > self.bytes do
    self:forget(ring.previous)
  end
end

--- A copy turned out to be out of date: others write this referral too, so the next times it is read first, twice as
--- often with each time it happens. A refused write costs a round trip, and its lost answer is hard to settle.
---@param id string the referral's
function Cache:was_stale(id)
  local key = key_of(id)
  local wariness = self.wary[key]
  if not wariness then
    if self.wary_count >= self.entries then
      self.wary, self.wary_count = {}, 0
    end
    wariness = { times = 0 }
    self.wary[key], self.wary_count = wariness, self.wary_count + 1
  end
  wariness.times = math.min(wariness.times * 2 + 1, LONGEST_WARINESS)
  wariness.left, wariness.trusted = wariness.times, 0
end

function Cache:is_wary(key)
  local wariness = self.wary[key]
  if not wariness then
    return false
  elseif wariness.left == 0 then
    self:trust(key, wariness)
    return false
  end
  wariness.left = wariness.left - 1
  return true
end

---@param id string the referral's
---@return referrals.representation|nil
function Cache:get(id)
  local place = self:find(id)
  local copy = place and place.representation
  if not copy or (self.wary_count > 0 and self:is_wary(place.key)) then
    return nil
  elseif self.ring.next ~= place then
    self:touch(place)
  end
  return copy
end

return M
