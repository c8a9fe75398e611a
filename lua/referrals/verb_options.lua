--- The options of each verb: name -> Lua type, several with "|" between them.

local function with(types, more)
  for name, kind in pairs(types) do
    more[name] = kind
  end
  return more
end

local READ = { returns = "string", nulls = "boolean", timeout = "number" }

local REPLACE = with(READ, { if_match = "string", dry_run = "boolean" })

local CREATE = with(READ, { check = "boolean", allow_unknown = "boolean", dry_run = "boolean" })

local WRITE = with(CREATE, { if_match = "string", conflict_retries = "number" })

local UPDATE = with(WRITE, { only_if = "table", method = "string" })

local BATCH = { concurrency = "number", deadline = "number", on_result = "function", on_progress = "function" }

return {
  read = READ,
  replace = REPLACE,
  create = CREATE,
  create_shared = with(CREATE, { continue = "table|string" }),
  deal = WRITE,
  update = UPDATE,
  update_many = with(UPDATE, BATCH),
  patch = with(CREATE, { if_match = "string|boolean", conflict_retries = "number" }),
}
