--- A certificate authority of one day's use and a certificate of it for this machine's own names, minted by openssl.
local M = {}

local SCRIPT = [[
set -e
cd %s
curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
printf 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n' \
  > server.ext
openssl req -x509 $curve -keyout ca.key -out ca.pem -days 30 -subj '/CN=Referrals sandbox CA' \
  -addext keyUsage=critical,keyCertSign
openssl req -new $curve -keyout server.key -out server.csr -subj /CN=localhost
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server.pem
]]

--- Mints into a folder.
---@param folder string
---@param quote fun(text: string): string  quotes a text for the shell
---@param run fun(command: string): boolean
---@return {ca: string, certificate: string, key: string}
function M.mint(folder, quote, run)
  if not run("(" .. SCRIPT:format(quote(folder)) .. ") > " .. quote(folder .. "/openssl.log") .. " 2>&1") then
    error("openssl could not mint a certificate; see " .. folder .. "/openssl.log", 0)
  end
  return { ca = folder .. "/ca.pem", certificate = folder .. "/server.pem", key = folder .. "/server.key" }
end

return M
