-- load.lua REQUEST [MILLISECONDS [KEYS]]: what wrk sends, and its report as
-- JSON.
--
-- REQUEST is a file: header lines, an empty line, the body.  With
-- MILLISECONDS above 0 every connection waits that long on average between an
-- answer and the next request, so that latency is seen apart from load.  KEYS
-- is a file of secrets, one a line: each request has another one, at random.

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
    local pause = tonumber(args[2] or 0)
    if pause > 0 then
        delay = function() return math.random(1, 2 * pause - 1) end
    end
    if args[3] then
        -- Put together for each call: fifty thousand of 32 KiB, made ahead,
        -- are more than LuaJIT can hold.
        local keys, mark = {}, "@KEY@"
        for key in io.lines(args[3]) do
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

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        '\n{"calls":%d,"seconds":%.6f,"refused":%d,"broken":%d,' ..
        '"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration / 1e6, e.status,
        e.connect + e.read + e.write + e.timeout,
        latency:percentile(50), latency:percentile(99)))
end
