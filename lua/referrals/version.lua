--- The module's version, as in CHANGELOG.md.
---@type string
return "0.1.0"
