-- load.lua REQUEST [KEYS]: what wrk sends, and its report as JSON.
--
-- REQUEST is a file: header lines, an empty line, the body.  KEYS is a file of
-- secrets, one a line: each request has another one, at random.

function init(args)
    local file = assert(io.open(args[1], "rb"))
    local text = file:read("*a")
    file:close()
    local head, body = text:match("^(.-)\n\n(.*)$")
    wrk.method = "POST"
    wrk.body = body
    for name, value in head:gmatch("([^:\n]+): ([^\n]*)") do
        wrk.headers[name] = value
    end
    if args[2] then
        -- Put together for each call: fifty thousand of 32 KiB, made ahead,
        -- are more than LuaJIT can hold.
        local keys, mark = {}, "@KEY@"
        for key in io.lines(args[2]) do
            keys[#keys + 1] = key
        end
        wrk.headers["Authorization"] = "Bearer " .. mark
        local text = wrk.format()
        local first, last = text:find(mark, 1, true)
        local front, back = text:sub(1, first - 1), text:sub(last + 1)
        request = function()
            return front .. keys[math.random(#keys)] .. back
        end
    end
end

function done(summary)
    local e = summary.errors
    io.write(string.format(
        '\n{"calls":%d,"refused":%d,"broken":%d}\n',
        summary.requests, e.status,
        e.connect + e.read + e.write + e.timeout))
end
