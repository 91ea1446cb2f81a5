-- SHA-256 of a key, by the libcrypto that nginx is linked with.
local ffi = require("ffi")
ffi.cdef [[
unsigned char *SHA256(const unsigned char *text, size_t len, unsigned char *digest);
]]
local digest = ffi.new("unsigned char[32]")

return function(text)
    ffi.C.SHA256(text, #text, digest)
    return ffi.string(digest, 32)
end
