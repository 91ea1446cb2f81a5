"""POST /v1/messages and /anthropic/v1/messages: as Anthropic's clients know
them, refusals and limits included, in front of DeepSeek and of Anthropic."""

import datetime
import hashlib
import http.client
import json
import re
from decimal import Decimal

import pytest

from conftest import Gate, Sim

SECRET = "sk-0123456789abcdef0123456789abcdef"

# Of a million tokens: prompt, from cache, to cache, completion.
MODELS = {"deepseek": ("deepseek-flash", "0.15", "0.003", "0.15", "0.60"),
          "anthropic": ("claude-sonnet", "3", "0.3", "3.75", "15")}


@pytest.fixture(scope="module")
def gates(tmp_path_factory):
    """A gate for each dialect, started when a test asks for it."""
    made = {}

    def of(dialect):
        if dialect not in made:
            model, prompt, hit, write, completion = MODELS[dialect]
            it = Gate(tmp_path_factory.mktemp(dialect) / "home")
            it.sim = Sim(it.home.parent / "sim", ["--dialect", dialect])
            it.start_up()
            it.must("upstreams", "add", "--name", "sim", "--base-url",
                    it.sim.url, "--dialect", dialect)
            it.must("credentials", "add", "--upstream", "sim",
                    input=SECRET + "\n")
            it.must("models", "add", model, "--upstream", "sim", "--prompt",
                    prompt, "--cache-hit", hit, "--cache-write", write,
                    "--completion", completion)
            it.dialect, it.model = dialect, model
            made[dialect] = it
        return made[dialect]

    yield of
    for it in made.values():
        it.stop()


@pytest.fixture(params=["deepseek", "anthropic"])
def one(gates, request):
    return gates(request.param)


def body(gate, text="Say hello.", **members):
    return {"model": gate.model, "max_tokens": 12,
            "messages": [{"role": "user", "content": text}], **members}


def messages(gate, key, text="Say hello.", path="/v1/messages", **members):
    return gate.request("POST", path, None, body(gate, text, **members),
                        {"x-api-key": key},
                        stream=bool(members.get("stream")))


def events(answer):
    """The events of a stream: name and data."""
    found, name = [], None
    try:
        for line in answer.lines():
            if line.startswith(b"event: "):
                name = line[7:].decode()
            elif line.startswith(b"data: "):
                found.append((name, json.loads(line[6:])))
            elif not line:
                name = None
    except http.client.IncompleteRead:
        pass
    return found


def served(gate):
    return dict(gate.sim.count()["total"])


def cost_of(gate, call, written=0):
    """What the tokens of a call cost, rounded up once to the nano-unit."""
    _, prompt, hit, write, completion = MODELS[gate.dialect]
    cached = call["prompt_cache_hit_tokens"]
    missed = call["prompt_tokens"] - cached - written
    picos = (cached * Decimal(hit) + missed * Decimal(prompt)
             + written * Decimal(write)
             + call["completion_tokens"] * Decimal(completion)) * 10**6
    return -(-picos // 1000) / Decimal(10**9)


def is_anthropic(answer, status, type, code):
    """Whether a refusal is in Anthropic's envelope, its id in the header."""
    assert answer.status == status, answer.text
    said = answer.json
    error = said["error"]
    assert said["type"] == "error"
    assert (error["type"], error["code"]) == (type, code), error
    assert re.fullmatch("req_[0-9a-f]{32}", said["request_id"])
    assert answer.headers["request-id"] == said["request_id"]
    assert answer.headers["x-request-id"] == said["request_id"]
    return error


@pytest.mark.parametrize("path", ["/messages", "/v1/messages",
                                  "/anthropic/v1/messages",
                                  "/v1/anthropic/v1/messages",
                                  "/v1/messages?beta=true"])
def test_every_path_leads_to_the_upstreams_own(one, path):
    answer = messages(one, one.key("path"), path=path)
    assert answer.status == 200, answer.text
    assert answer.json["type"] == "message"
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    seen, = one.sim.requests(1)
    assert seen["path"] == {"deepseek": "/anthropic/v1/messages",
                            "anthropic": "/v1/messages"}[one.dialect]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["Say hello.", "word " * 200])
def test_it_is_metered_to_the_token(one, stream, text):
    key = one.key("metered")
    before = served(one)
    answer = messages(one, key, text, stream=stream,
                      thinking={"type": "enabled", "budget_tokens": 1024})
    answer.body
    after = served(one)
    call, = one.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert call["endpoint"] == "POST /v1/messages"
    assert call["prompt_tokens"] == \
        after["prompt_tokens"] - before["prompt_tokens"]
    assert call["prompt_cache_hit_tokens"] == \
        after["prompt_cache_hit_tokens"] - before["prompt_cache_hit_tokens"]
    assert call["completion_tokens"] == 12
    assert Decimal(call["cost"]) == cost_of(one, call)
    if not stream:
        assert Decimal(answer.headers["x-tollgate-cost"]) == \
            cost_of(one, call)


@pytest.mark.parametrize("stream", [False, True])
def test_writes_to_the_cache_have_their_price(gates, stream):
    gate = gates("anthropic")
    key = gate.key("writes")
    before = served(gate)
    messages(gate, key, stream=stream, system=[
        {"type": "text", "text": "word " * 500,
         "cache_control": {"type": "ephemeral"}}]).body
    written = served(gate)["cache_write_tokens"] - before["cache_write_tokens"]
    assert written > 0
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert Decimal(call["cost"]) == cost_of(gate, call, written)


def test_an_hour_in_the_cache_needs_a_price(gates):
    gate = gates("anthropic")
    key = gate.key("hour")
    system = [{"type": "text", "text": "word " * 500,
               "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    before = served(gate)
    error = is_anthropic(messages(gate, key, system=system), 400,
                         "invalid_request_error", "invalid_request")
    assert error["param"] == "cache_control"
    assert served(gate) == before


@pytest.mark.parametrize("stream", [False, True])
def test_answers_are_as_without_a_gate(one, stream):
    def plain(data):
        """Without what differs from call to call."""
        return re.sub(rb'"id":"[^"]+"', b"", data)

    ask = body(one, stream=stream)
    from conftest import http_request
    want = http_request(one.sim.url, "POST", "/v1/messages",
                        {"x-api-key": "x"}, ask)
    got = one.request("POST", "/v1/messages", one.key("same"), ask)
    assert plain(got.body) == plain(want.body)


def test_a_client_that_says_authorization_is_served(one):
    answer = one.request("POST", "/v1/messages", one.key("bearer"), body(one))
    assert answer.status == 200


HEADERS = {"anthropic-version": "2023-06-01",
           "anthropic-beta": "interleaved-thinking-2025-05-14,"
                             "context-1m-2025-08-07",
           "Cookie": "a=b", "anthropic-dangerous-direct-browser-access": "true"}


def test_the_upstream_gets_the_credential_as_it_wants_it(one):
    key = one.key("headers")
    one.request("POST", "/v1/messages", None, body(one),
                {"x-api-key": key, **HEADERS})
    seen, = one.sim.requests(1)
    sent = {name.lower(): value for name, value in seen["headers"]}
    digest = "sha256:" + hashlib.sha256(SECRET.encode()).hexdigest()
    names = {"host", "content-type", "accept-encoding", "user-agent",
             "x-request-id", "content-length"}
    if one.dialect == "anthropic":
        assert set(sent) == names | {"x-api-key", "anthropic-version",
                                     "anthropic-beta"}
        assert sent["x-api-key"] == digest
        assert sent["anthropic-version"] == "2023-06-01"
        assert sent["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    else:
        assert set(sent) == names | {"authorization"}
        assert sent["authorization"] == "Bearer " + digest


@pytest.mark.parametrize("version, want", [
    ("2024-10-22", "2024-10-22"), ("latest", "2023-06-01"),
    ("2024-10-22, x", "2023-06-01"), (None, "2023-06-01")])
def test_a_version_is_a_date(gates, version, want):
    gate = gates("anthropic")
    headers = {"anthropic-version": version} if version else {}
    gate.request("POST", "/v1/messages", gate.key("version"), body(gate),
                 headers)
    seen, = gate.sim.requests(1)
    sent = {name.lower(): value for name, value in seen["headers"]}
    assert sent["anthropic-version"] == want
    assert "anthropic-beta" not in sent


def test_a_small_budget_makes_a_short_answer(gates):
    gate = gates("anthropic")
    key = gate.key("small", daily_limit="0.01")
    answer = messages(gate, key, "sim:tokens=5000", max_tokens=4000)
    assert answer.status == 200, answer.text
    seen, = gate.sim.requests(1)
    limit = json.loads(seen["body"])["max_tokens"]
    assert 16 <= limit < 1000
    assert answer.json["usage"]["output_tokens"] == limit
    assert answer.json["stop_reason"] == "max_tokens"
    call, = gate.wait_calls(1, key)
    assert Decimal(call["cost"]) <= Decimal("0.01")


def test_limits_are_told_in_both_ways(one):
    key = one.key("limits", rpm=50, tpm=100000)
    answer = messages(one, key)
    told = answer.headers
    for kind in ("requests", "tokens"):
        assert told[f"anthropic-ratelimit-{kind}-limit"] == \
            told[f"x-ratelimit-limit-{kind}"]
        assert told[f"anthropic-ratelimit-{kind}-remaining"] == \
            told[f"x-ratelimit-remaining-{kind}"]
        reset = datetime.datetime.fromisoformat(
            told[f"anthropic-ratelimit-{kind}-reset"].replace("Z", "+00:00"))
        now = datetime.datetime.now(datetime.timezone.utc)
        assert abs((reset - now).total_seconds()) < 90
    other = one.request("GET", "/v1/key", key)
    assert "anthropic-ratelimit-requests-limit" not in other.headers
    assert "request-id" not in other.headers


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault, basis, status, type", [
    ("keepalive=3", "reported", 200, None),
    ("crlf", "reported", 200, None),
    ("bytewise", "reported", 200, None),
    ("usage-missing", "counted", 200, None),
    ("usage-negative", "counted", 200, None),
    ("usage-huge", "counted", 200, None),
    ("usage-string", "counted", 200, None),
    ("usage-float", "counted", 200, None),
    ("no-done", "reported", 200, None),
    ("empty", "none", 502, "api_error"),
    ("status=400", "none", 400, "invalid_request_error"),
    ("status=401", "none", 502, "api_error"),
    ("status=402", "none", 502, "api_error"),
    ("status=422", "none", 422, "invalid_request_error"),
    ("status=500", "none", 502, "api_error"),
    ("status=503", "none", 503, "overloaded_error"),
    ("status=529", "none", 503, "overloaded_error"),
])
def test_a_fault_is_settled_by_its_basis(gates, stream, fault, basis, status,
                                         type):
    gate = gates("anthropic")
    key = gate.key("fault")
    answer = messages(gate, key, f"sim:{fault}", stream=stream)
    said = answer.body
    gate.mend()
    assert answer.status == status, said
    if type is not None:
        assert json.loads(said)["error"]["type"] == type
        assert json.loads(said)["type"] == "error"
        assert b"sk-0123" not in said and b"cdef" not in said
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["status"]) == (basis, status)
    if basis == "reported":
        assert call["completion_tokens"] == 12
    if basis == "counted":
        assert 0 < call["completion_tokens"] <= 12
    if basis == "none":
        assert Decimal(call["cost"]) == 0


@pytest.mark.parametrize("fault", ["cut=4", "error-midstream=4"])
def test_a_stream_that_breaks_ends_with_their_error_event(one, fault):
    key = one.key("broken")
    before = served(one)
    answer = messages(one, key, f"sim:{fault}", stream=True)
    name, last = events(answer)[-1]
    one.mend()
    assert name == "error"
    assert last["type"] == "error" and last["error"]["message"]
    call, = one.wait_calls(1, key)
    assert call["basis"] == "counted"
    # The prompt was told when the stream began.
    assert call["prompt_tokens"] == \
        served(one)["prompt_tokens"] - before["prompt_tokens"]
    assert 0 < call["completion_tokens"] < 12


def test_a_client_that_leaves_is_charged_what_was_told_and_made(one):
    key = one.key("leaves")
    before = served(one)
    answer = messages(one, key, "sim:slow=30 sim:tokens=1000", stream=True,
                      max_tokens=1000)
    seen = 0
    for line in answer.lines():
        seen += line.startswith(b"event: content_block_delta")
        if seen == 5:
            break
    answer.close()
    call, = one.wait_calls(1, key)
    assert call["code"] == "client_closed_request"
    assert call["basis"] == "counted"
    one.wait(lambda: one.sim.count()["streams_open"] == 0, 5, "end upstream")
    after = served(one)
    assert call["prompt_tokens"] == \
        after["prompt_tokens"] - before["prompt_tokens"]
    assert 5 <= call["completion_tokens"] <= \
        after["completion_tokens"] - before["completion_tokens"] + 5


def test_streams_of_a_disabled_key_end_their_way(one):
    key = one.key("disabled")
    answer = messages(one, key, "sim:slow=30 sim:tokens=1000", stream=True,
                      max_tokens=1000)
    lines = answer.lines()
    while not next(lines).startswith(b"event: content_block_delta"):
        pass
    one.must("keys", "disable", key.id, "--yes")
    name, last = events(answer)[-1]
    assert name == "error"
    assert last["error"]["code"] == "key_disabled"
    assert last["error"]["type"] == "authentication_error"
    assert re.fullmatch("req_[0-9a-f]{32}", last["request_id"])


def image(size):
    return {"type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": "A" * size}}


def test_an_image_is_held_as_one_and_text_as_its_bytes(one):
    # A million bytes of text are dearer than any image.
    price = Decimal(MODELS[one.dialect][3])
    key = one.key("image", daily_limit=str(price / 10), tpm=10**7)
    answer = messages(one, key, [{"type": "text", "text": "What is it?"},
                                 image(1000000)])
    assert answer.status == 200, answer.text
    text = {"type": "document", "source": {
        "type": "text", "media_type": "text/plain", "data": "A" * 1000000}}
    is_anthropic(messages(one, key, [text]), 402, "billing_error",
                 "budget_exceeded")
    hidden = image(10)
    hidden["source"] = {"type": "text", "data": "A" * 1000000}
    is_anthropic(messages(one, key, [hidden]), 402, "billing_error",
                 "budget_exceeded")


def test_an_image_is_held_as_the_model_says(gates):
    gate = gates("anthropic")
    _, prompt, hit, write, completion = MODELS["anthropic"]
    gate.must("models", "add", "claude-small-images", "--upstream", "sim",
              "--prompt", prompt, "--cache-write", write, "--completion",
              completion, "--max-image", "1600")
    assert gate.cli_json("models", "show", "claude-small-images")[
        "max_image_tokens"] == 1600
    # 49152 tokens are above it, 1600 are not.
    key = gate.key("said", daily_limit=str(Decimal(write) / 100), tpm=10**7)
    is_anthropic(messages(gate, key, [image(1000)]), 402, "billing_error",
                 "budget_exceeded")
    assert messages(gate, key, [image(1000)],
                    model="claude-small-images").status == 200


@pytest.mark.parametrize("members, param", [
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
     "tools"),
    ({"tools": [{"type": "code_execution_20250522", "name": "x"}]}, "tools"),
    ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]},
     "mcp_servers"),
    ({"container": "container_1"}, "container"),
    ({"service_tier": "priority"}, "service_tier"),
    ({"speed": "fast"}, "speed"),
    ({"inference_geo": "us"}, "inference_geo"),
])
def test_what_cannot_be_metered_is_not_sent(one, members, param):
    before = one.sim.count()["requests_seen"]
    error = is_anthropic(messages(one, one.key("unmetered"), **members), 400,
                         "invalid_request_error", "invalid_request")
    assert error["param"] == param
    assert one.sim.count()["requests_seen"] == before


def test_what_is_only_usual_is_sent(one):
    answer = messages(
        one, one.key("usual"), service_tier="auto", system="Be brief.",
        tools=[{"name": "f", "input_schema": {"type": "object"}},
               {"type": "custom", "name": "g", "input_schema": {}},
               {"type": "bash_20250124", "name": "bash"}])
    assert answer.status == 200, answer.text


def test_a_model_of_another_provider_is_told_where_to_go(gates):
    gate = gates("anthropic")
    answer = gate.chat(gate.key("chat"), model=gate.model)
    assert answer.status == 400
    assert "POST /v1/messages" in answer.json["error"]["message"]


def test_a_path_of_theirs_that_is_none_is_refused_their_way(gate):
    key = gate.key("path")
    answer = gate.request("POST", "/anthropic/v1/complete", key, {})
    is_anthropic(answer, 404, "not_found_error", "not_found")
    answer = gate.request("POST", "/anthropic/v1/x%2f", key, {})
    is_anthropic(answer, 404, "not_found_error", "not_found")
    answer = gate.request("GET", "/v1/messages", key)
    is_anthropic(answer, 405, "invalid_request_error", "method_not_allowed")


def test_nginx_itself_refuses_their_way_there(gate):
    answer = gate.request("POST", "/anthropic/v1/messages", gate.key("large"),
                          body=b"x", headers={"Content-Length": "99999999"})
    is_anthropic(answer, 413, "request_too_large", "request_too_large")


@pytest.mark.parametrize("policy, members, status, type, code", [
    ({"scope": "embeddings"}, {}, 403, "permission_error",
     "permission_denied"),
    ({"allow_ip": "203.0.113.0/24"}, {}, 403, "permission_error",
     "ip_not_allowed"),
    ({}, {"model": "nothing"}, 404, "not_found_error", "model_not_found"),
    ({}, {"max_tokens": "x"}, 400, "invalid_request_error",
     "invalid_request"),
    ({"monthly_limit": "0.000001"}, {}, 402, "billing_error",
     "budget_exceeded"),
])
def test_refusals_are_told_their_way(one, policy, members, status, type,
                                     code):
    answer = messages(one, one.key("refused", **policy), **members)
    is_anthropic(answer, status, type, code)
    assert (answer.headers.get("x-should-retry") == "false") == (status == 402)


def test_wrong_keys_are_refused_their_way(one):
    answer = one.request("POST", "/v1/messages", None, body(one))
    is_anthropic(answer, 401, "authentication_error", "missing_api_key")
    answer = messages(one, "sk-ant-api03-" + "x" * 93 + "AA")
    is_anthropic(answer, 401, "authentication_error", "malformed_api_key")


def test_a_rate_is_refused_their_way(one):
    key = one.key("rate", rpm=1)
    assert messages(one, key).status == 200
    answer = messages(one, key)
    is_anthropic(answer, 429, "rate_limit_error", "rate_limit_exceeded")
    assert int(answer.headers["retry-after-ms"]) > 0
