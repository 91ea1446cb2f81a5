-- The gate's job in Lua: key, scope, model, rates, money, metering.
--
-- Policies stand in a shared dict as JSON; a worker keeps what it decoded
-- for a second.  Left out for Lua's sake: UTF-8, duplicate members, a record
-- of each call, settling what a killed worker held.
local cjson = require("cjson.safe")
local lrucache = require("resty.lrucache")

local keys, counts = ngx.shared.keys, ngx.shared.counts
local policies = assert(lrucache.new(1000))
local MINUTE = 60
local check = {}
local sha256

function check.init(file, digest)
    sha256 = digest
    keys:set(sha256(io.open(file):read("*a")), cjson.encode {
        id = "key_bench", status = "active", scopes = { chat = true },
        models = { ["deepseek-flash"] = { input = 150, output = 600 } },
        rpm = 1000000000, tpm = 1000000000, budget = 1e15 })
end

local function refuse(status, code, message)
    ngx.status = status
    ngx.header["Content-Type"] = "application/json"
    ngx.print(cjson.encode { error = { message = message, code = code } })
    return ngx.exit(status)
end

local function policy_of(key)
    local digest = sha256(key)
    local policy = policies:get(digest)
    if not policy then
        local text = keys:get(digest)
        policy = text and cjson.decode(text)
        if policy then
            policies:set(digest, policy, 1)
        end
    end
    return policy
end

local function body_of_request()
    ngx.req.read_body()
    local text = ngx.req.get_body_data()
    return text and cjson.decode(text), text
end

-- Takes from a limit that begins anew each minute.
local function take(what, id, amount, limit)
    local name = what .. id .. math.floor(ngx.time() / MINUTE)
    return counts:incr(name, amount, 0, 2 * MINUTE) <= limit
end

function check.access()
    local header = ngx.var.http_authorization
    local key = header and header:match("^Bearer (%S+)$")
    local policy = key and policy_of(key)
    if not policy or policy.status ~= "active" then
        return refuse(401, "invalid_api_key", "This key is not known.")
    end
    if ngx.var.uri ~= "/v1/chat/completions" then
        return refuse(404, "not_found", "There is no such endpoint.")
    end
    if not policy.scopes.chat then
        return refuse(403, "permission_denied", "The key lacks `chat`.")
    end
    local body, text = body_of_request()
    if type(body) ~= "table" or type(body.messages) ~= "table" then
        return refuse(400, "invalid_request", "The body is not a chat.")
    end
    local price = policy.models[body.model]
    if not price then
        return refuse(404, "model_not_found", "The key may not use it.")
    end
    local most = tonumber(body.max_tokens) or 4096
    local tokens = #text + most
    local held = #text * price.input + most * price.output
    if not take("r", policy.id, 1, policy.rpm) or
        not take("t", policy.id, tokens, policy.tpm) then
        return refuse(429, "rate_limit_exceeded", "Too many calls.")
    end
    if counts:incr("money" .. policy.id, held, 0) > policy.budget then
        counts:incr("money" .. policy.id, -held)
        return refuse(402, "budget_exceeded", "The budget is spent.")
    end
    ngx.ctx.call = { id = policy.id, price = price, held = held,
                     tokens = tokens, is_stream = body.stream, parts = {} }
end

-- Usage of an answer, or of a stream's event that has it.
local function usage_in(text, is_stream)
    if is_stream then
        text = text:match('data: ({[^\n]*"usage":{[^\n]*})')
    end
    local said = text and cjson.decode(text)
    return said and said.usage
end

function check.body()
    local call, text = ngx.ctx.call, ngx.arg[1]
    if not call or text == "" then
        return
    end
    if call.is_stream then
        call.usage = usage_in(text, true) or call.usage
    else
        call.parts[#call.parts + 1] = text
    end
end

function check.log()
    local call = ngx.ctx.call
    if not call then
        return
    end
    local usage = call.usage or usage_in(table.concat(call.parts))
    local spent = call.held
    if usage then
        spent = usage.prompt_tokens * call.price.input +
            usage.completion_tokens * call.price.output
        take("t", call.id, usage.total_tokens - call.tokens, 0)
        counts:incr("prompt" .. call.id, usage.prompt_tokens, 0)
        counts:incr("completion" .. call.id, usage.completion_tokens, 0)
    end
    counts:incr("money" .. call.id, spent - call.held)
    counts:incr("calls" .. call.id, 1, 0)
end

return check
