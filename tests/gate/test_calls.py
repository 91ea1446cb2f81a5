"""What a holder of a key sees: calls, refusals, own answers."""

import json

import pytest

CHAT = {"model": "deepseek-flash",
        "messages": [{"role": "user", "content": "Say hello."}]}


def test_a_chat_call_is_answered_metered_and_seen(gate):
    key = gate.key("seen")
    answer = gate.chat(key)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    usage = answer.json["usage"]

    call, = gate.wait_calls(1, key)
    assert call["status"] == 200 and call["basis"] == "reported"
    assert call["request_id"] == answer.headers["x-request-id"]
    assert call["key_id"] == key.id
    assert call["model"] == "deepseek-flash" and call["stream"] is False
    assert call["prompt_tokens"] == usage["prompt_tokens"]
    assert call["completion_tokens"] == usage["completion_tokens"]
    assert call["reasoning_tokens"] == 8
    assert call["cost"] == answer.headers["x-tollgate-cost"]
    assert call["trace_id"] and call["ip"] == "127.0.0.1"

    total = gate.usage_total("--key", key.id)
    assert total["requests"] == 1
    assert total["total_tokens"] == usage["total_tokens"]
    assert total["cost"] == call["cost"]


def test_who_has_an_answer_finds_its_call(gate):
    key = gate.key("at once")
    for n in range(1, 21):
        gate.chat(key)
        assert gate.usage_total("--key", key.id)["requests"] == n
    shown = gate.cli_json("keys", "show", key.id)
    assert shown["last_used_at"] is not None


def test_a_stream_is_passed_on_and_metered(gate):
    key = gate.key("stream")
    answer = gate.chat(key, stream=True, max_tokens=5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = list(answer.events())
    assert events[-1]["choices"][0]["finish_reason"] == "length"
    usage = events[-1]["usage"]
    call, = gate.wait_calls(1, key)
    assert call["stream"] is True and call["basis"] == "reported"
    assert call["completion_tokens"] == usage["completion_tokens"] == 5
    assert call["ttft_ms"] is not None
    assert call["ttft_ms"] <= call["latency_ms"]


@pytest.mark.parametrize("path, body", [
    ("/chat/completions", CHAT),
    ("/v1/chat/completions", CHAT),
    ("/v1/completions", {"model": "deepseek-flash", "prompt": "def f("}),
    ("/v1/beta/completions", {"model": "deepseek-flash", "prompt": "def f(",
                              "suffix": "return x"}),
    ("/beta/completions", {"model": "deepseek-flash", "prompt": "a",
                           "stream": True}),
    ("/v1/embeddings", {"model": "sim-embed", "input": "some words"}),
])
def test_every_metered_route_is_reported(gate, path, body):
    key = gate.key("routes")
    answer = gate.request("POST", path, key, body)
    assert answer.status == 200, answer.text
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert call["prompt_tokens"] > 0
    assert float(call["cost"]) > 0


def test_models_are_those_of_the_key(gate):
    every = gate.request("GET", "/v1/models", gate.key("all")).json
    names = {model["id"] for model in every["data"]}
    assert {"deepseek-flash", "deepseek-v4-pro"} <= names
    key = gate.key("few", model=["deepseek-v4-*"])
    few = gate.request("GET", "/models", key).json
    assert {m["id"] for m in few["data"]} == {
        n for n in names if n.startswith("deepseek-v4-")}
    one = gate.request("GET", "/v1/models/deepseek-v4-pro", key)
    assert one.status == 200 and one.json["id"] == "deepseek-v4-pro"
    other = gate.request("GET", "/v1/models/deepseek-flash", key)
    assert other.status == 404 and other.code == "model_not_found"


def test_balance_and_own_key(gate):
    key = gate.key("own", scope=["chat"])
    balance = gate.request("GET", "/user/balance", key).json
    assert balance["is_available"] is True
    info, = balance["balance_infos"]
    assert info["currency"] == "USD"
    gate.chat(key)
    own = gate.request("GET", "/v1/key", key).json
    assert own["id"] == key.id and own["name"] == "own"
    assert own["scopes"] == ["chat"]
    assert own["use"]["requests"] == 1
    assert own["limits"]["requests_per_minute"] == 1000
    assert own["left"]["requests"] == 999
    assert key not in json.dumps(own)


@pytest.mark.parametrize("method, path, status, code", [
    ("GET", "/v1/nothing", 404, "not_found"),
    ("GET", "/", 404, "not_found"),
    ("POST", "/v1/chat/completions/", 404, "not_found"),
    ("POST", "/v1/v1/chat/completions", 404, "not_found"),
    ("POST", "/v1//chat/completions", 404, "not_found"),
    ("POST", "/v1/./chat/completions", 404, "not_found"),
    ("POST", "/v1/x/../chat/completions", 404, "not_found"),
    ("POST", "/v1/chat%2fcompletions", 404, "not_found"),
    ("POST", "/v1/%63hat/completions", 404, "not_found"),
    ("POST", "/v1/chat/completions;x", 404, "not_found"),
    ("POST", "/V1/chat/completions", 404, "not_found"),
    ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
    ("POST", "/v1/models", 405, "method_not_allowed"),
    ("DELETE", "/v1/key", 405, "method_not_allowed"),
    ("POST", "/-tollgate/error", 404, "not_found"),
])
def test_only_the_routes_exist(gate, method, path, status, code):
    before = gate.sim.count()["requests_seen"]
    body = CHAT if method == "POST" else None
    answer = gate.request(method, path, gate.key("paths"), body)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["x-request-id"].startswith("req_")
    assert gate.sim.count()["requests_seen"] == before


@pytest.mark.parametrize("headers, code, said", [
    ({}, "missing_api_key", "Authorization"),
    ({"Authorization": "Bearer "}, "missing_api_key", ""),
    ({"Authorization": "KEY"}, "malformed_api_key", "Bearer"),
    ({"Authorization": "Bearer Bearer KEY"}, "malformed_api_key", "Bearer"),
    ({"Authorization": "Bearer 'KEY'"}, "malformed_api_key", "quot"),
    ({"Authorization": "Bearer sk-KEY"}, "malformed_api_key", "sk-"),
    ({"Authorization": "Bearer ${KEY_NAME}"}, "malformed_api_key", "variable"),
    ({"Authorization": "Bearer sk-" + "0a1b2c3d" * 4}, "malformed_api_key",
     "DeepSeek"),
    ({"Authorization": "Basic a2V5"}, "malformed_api_key", "Bearer"),
    ({"Authorization": "Bearer KEY", "x-api-key": "other"},
     "malformed_api_key", "two"),
])
def test_what_is_wrong_with_a_credential_is_said(gate, headers, code, said):
    key = gate.key("wrong")
    headers = {k: v.replace("KEY", key) if "$" not in v else v
               for k, v in headers.items()}
    answer = gate.request("POST", "/v1/chat/completions", body=CHAT,
                          headers=headers)
    assert (answer.status, answer.code) == (401, code)
    assert said.lower() in answer.json["error"]["message"].lower()
    assert key[8:30] not in answer.text


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_a_key_travels_in_other_headers_too(gate, header):
    key = gate.key("headers")
    answer = gate.request("POST", "/v1/chat/completions", body=CHAT,
                          headers={header: key})
    assert answer.status == 200
    both = gate.request("POST", "/v1/chat/completions", key, CHAT,
                        headers={header: key})
    assert both.status == 200, "the same one twice is one"


def test_a_mistyped_key_is_told_from_an_unknown_one(gate):
    key = gate.key("typo")
    last = "a" if key[-1] != "a" else "b"
    mistyped = gate.chat(key[:-1] + last)
    assert mistyped.code == "malformed_api_key"
    assert "mistyped" in mistyped.json["error"]["message"] or \
        "checksum" in mistyped.json["error"]["message"]
    other = make_key("p", "0" * 30)
    assert gate.chat(other).code == "invalid_api_key"


def make_key(kind, random):
    """A well-formed key, by docs/key-format.md."""
    import zlib
    text = f"sk-tg{kind}_{random}"
    crc, digits = zlib.crc32(text.encode()), ""
    alphabet = ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                "abcdefghijklmnopqrstuvwxyz")
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = alphabet[digit] + digits
    return text + digits


def test_a_key_in_the_url_is_refused_and_not_logged(gate):
    key = gate.key("url")
    answer = gate.request("GET", f"/v1/models?api_key={key}")
    assert (answer.status, answer.code) == (401, "malformed_api_key")
    assert "URL" in answer.json["error"]["message"]
    assert key not in answer.text and key not in gate.nginx_log()


def test_a_disabled_key_is_refused_at_once(gate):
    key = gate.key("gone")
    assert gate.chat(key).status == 200
    gate.must("keys", "disable", key.id, "--yes")
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (401, "key_disabled")
    assert "disabled at 20" in answer.json["error"]["message"]


def test_scope_and_model_are_enforced(gate):
    key = gate.key("narrow", kind="restricted", scope=["chat"],
                   model=["deepseek-flash"])
    assert gate.chat(key).status == 200
    answer = gate.request("POST", "/v1/embeddings", key,
                          {"model": "sim-embed", "input": "x"})
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert "`embeddings`" in answer.json["error"]["message"]
    answer = gate.chat(key, model="deepseek-v4-pro")
    assert (answer.status, answer.code) == (404, "model_not_found")
    assert "deepseek-flash" in answer.json["error"]["message"]
    assert answer.json["error"]["param"] == "model"
    assert gate.chat(key, model="gpt-7").status == 404


def test_kinds_are_presets_that_calls_obey(gate):
    development = gate.key("try", kind="development")
    assert development.startswith("sk-tgd_")
    assert gate.chat(development).status == 200
    answer = gate.chat(development, model="deepseek-v4-pro")
    assert (answer.status, answer.code) == (404, "model_not_found")
    own = gate.request("GET", "/v1/key", development).json
    assert own["limits"]["requests_per_minute"] == 60
    assert own["limits"]["tokens_per_minute"] == 20000
    assert own["budget"]["monthly"] == "10.00"
    models = gate.request("GET", "/v1/models", development).json["data"]
    assert "deepseek-v4-pro" not in [model["id"] for model in models]
    named = gate.key("named", kind="development", model="deepseek-v4-pro")
    assert gate.chat(named, model="deepseek-v4-pro").status == 200
    assert gate.chat(named).status == 404, "what is named is all"

    nothing = gate.key("nothing", kind="restricted")
    assert nothing.startswith("sk-tgr_")
    assert gate.chat(nothing).code == "permission_denied"
    half = gate.key("half", kind="restricted", scope="chat")
    assert gate.chat(half).code == "model_not_found"
    assert gate.request("GET", "/v1/models", half).json["data"] == []


@pytest.mark.parametrize("body, code, param", [
    ("", "invalid_request", None),
    ("[]", "invalid_request", None),
    ("{\"model\":\"deepseek-flash\"", "invalid_request", None),
    ("{\"model\":\"deepseek-flash\"} x", "invalid_request", None),
    ("{}", "invalid_request", "model"),
    ("{\"model\":7}", "invalid_request", "model"),
    ("{\"model\":\"deepseek-flash\",\"stream\":\"yes\"}",
     "invalid_request", "stream"),
    ("{\"model\":\"deepseek-flash\",\"max_tokens\":-1}",
     "invalid_request", "max_tokens"),
    ("{\"model\":\"deepseek-flash\",\"max_tokens\":1e309}",
     "invalid_request", "max_tokens"),
    ("{\"model\":\"deepseek-flash\",\"model\":\"gpt-4o\"}",
     "duplicate_field", "model"),
    ("{\"model\":\"deepseek-flash\",\"mod\\u0065l\":\"gpt-4o\"}",
     "duplicate_field", "model"),
    ("{\"model\":\"deepseek-flash\",\"x\":" + "[" * 100 + "]" * 100 + "}",
     "invalid_request", None),
    ("{\"model\":\"deepseek-flash\",\"x\":\"\xff\"}".encode("latin-1"),
     "invalid_request", None),
    ("{\"model\":\"sim-embed\",\"messages\":[]}", "invalid_request", "model"),
])
def test_an_unsound_request_is_refused_by_name(gate, body, code, param):
    before = gate.sim.count()["requests_seen"]
    answer = gate.request("POST", "/v1/chat/completions", gate.key("unsound"),
                          body, {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, code), answer.text
    assert answer.json["error"]["param"] == param
    assert gate.sim.count()["requests_seen"] == before


@pytest.mark.parametrize("headers", [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
])
def test_only_plain_json_is_read(gate, headers):
    answer = gate.request("POST", "/v1/chat/completions", gate.key("type"),
                          json.dumps(CHAT), headers)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_what_nginx_refuses_has_the_same_envelope(gate):
    key = gate.key("large")
    answer = gate.request(
        "POST", "/v1/chat/completions", key, None,
        {"Content-Length": str(64 << 20), "Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "request_too_large")
    raw = gate.request(None, None, body=b"BROKEN\r\n\r\n", raw=True)
    assert b'"code":"invalid_request"' in raw
