-- What every Lua from 5.1 to 5.4 has, under one name or another.
std = "max"
max_line_length = 120
cache = false

files["spec"] = { std = "max+busted" }

-- Code that runs inside nginx.
local in_nginx = { std = "max+ngx_lua" }
files["lua/referrals/auth/shared.lua"] = in_nginx
files["lua/referrals/runtime/bell.lua"] = in_nginx
files["lua/referrals/runtime/door.lua"] = in_nginx
files["lua/referrals/runtime/nginx.lua"] = in_nginx
files["lua/referrals/runtime/tasks.lua"] = in_nginx
files["lua/referrals/runtime/threads.lua"] = in_nginx
files["lua/referrals/sandbox/nginx.lua"] = in_nginx
