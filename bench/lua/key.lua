-- A key check as it is written in an afternoon: is the digest known?
local keys = ngx.shared.keys
local check = {}
local sha256

function check.init(file, digest)
    sha256 = digest
    keys:set(sha256(io.open(file):read("*a")), "active")
end

function check.access()
    local header = ngx.var.http_authorization
    local key = header and header:match("^Bearer (%S+)$")
    if not key or keys:get(sha256(key)) ~= "active" then
        return ngx.exit(401)
    end
end

return check
