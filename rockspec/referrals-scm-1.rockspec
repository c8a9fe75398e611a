rockspec_format = "3.0"
package = "referrals"
version = "scm-1"
-- Built with `luarocks make` from a checkout; the address is set when there is a public one.
source = { url = "git+file://." }
description = {
  summary = "A client for the Partner Center Referrals API that never loses a change",
  detailed = [[
Reads a referral, checks that the change is legal and writes it under the version it read. Whatever the change does not
mention is sent back byte for byte. Comes with a sandbox that behaves like the service.]],
  license = "MIT",
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1",
  "lua-cjson",
}
-- No header is asked for: LuaRocks does not look for it where Debian keeps it, and the compiler does.
external_dependencies = {
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  modules = {
    ["referrals.core"] = {
      sources = {
        "csrc/annotation.c",
        "csrc/buffer.c",
        "csrc/document.c",
        "csrc/etag.c",
        "csrc/http_text.c",
        "csrc/json.c",
        "csrc/json_equal.c",
        "csrc/json_judge.c",
        "csrc/json_number.c",
        "csrc/json_string.c",
        "csrc/lua_core.c",
        "csrc/lua_document.c",
        "csrc/lua_etag.c",
        "csrc/lua_json.c",
        "csrc/lua_transition.c",
        "csrc/render.c",
        "csrc/transition.c",
        "csrc/uuid.c",
      },
      libraries = { "curl" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
    ["referrals.config"] = "lua/referrals/config.lua",
    ["referrals.errors"] = "lua/referrals/errors.lua",
    ["referrals.nearest"] = "lua/referrals/nearest.lua",
    ["referrals.sandbox.certificate"] = "lua/referrals/sandbox/certificate.lua",
    ["referrals.sandbox.clock"] = "lua/referrals/sandbox/clock.lua",
    ["referrals.sandbox.control"] = "lua/referrals/sandbox/control.lua",
    ["referrals.sandbox.create"] = "lua/referrals/sandbox/create.lua",
    ["referrals.sandbox.documents"] = "lua/referrals/sandbox/documents.lua",
    ["referrals.sandbox.etag"] = "lua/referrals/sandbox/etag.lua",
    ["referrals.sandbox.example"] = "lua/referrals/sandbox/example.lua",
    ["referrals.sandbox.faults"] = "lua/referrals/sandbox/faults.lua",
    ["referrals.sandbox"] = "lua/referrals/sandbox/init.lua",
    ["referrals.sandbox.json"] = "lua/referrals/sandbox/json.lua",
    ["referrals.sandbox.listing"] = "lua/referrals/sandbox/listing.lua",
    ["referrals.sandbox.nginx"] = "lua/referrals/sandbox/nginx.lua",
    ["referrals.sandbox.odata"] = "lua/referrals/sandbox/odata.lua",
    ["referrals.sandbox.patch"] = "lua/referrals/sandbox/patch.lua",
    ["referrals.sandbox.pointer"] = "lua/referrals/sandbox/pointer.lua",
    ["referrals.sandbox.put"] = "lua/referrals/sandbox/put.lua",
    ["referrals.sandbox.query"] = "lua/referrals/sandbox/query.lua",
    ["referrals.sandbox.random"] = "lua/referrals/sandbox/random.lua",
    ["referrals.sandbox.registration"] = "lua/referrals/sandbox/registration.lua",
    ["referrals.sandbox.responses"] = "lua/referrals/sandbox/responses.lua",
    ["referrals.sandbox.rules"] = "lua/referrals/sandbox/rules.lua",
    ["referrals.sandbox.serve"] = "lua/referrals/sandbox/serve.lua",
    ["referrals.sandbox.server"] = "lua/referrals/sandbox/server.lua",
    ["referrals.sandbox.settings"] = "lua/referrals/sandbox/settings.lua",
    ["referrals.sandbox.tokens"] = "lua/referrals/sandbox/tokens.lua",
    ["referrals.sandbox.values"] = "lua/referrals/sandbox/values.lua",
    ["referrals.sandbox.writes"] = "lua/referrals/sandbox/writes.lua",
    ["referrals.schema"] = "lua/referrals/schema.lua",
    ["referrals.validation"] = "lua/referrals/validation.lua",
    ["referrals.version"] = "lua/referrals/version.lua",
  },
}
