"""The simulated upstream by itself: its answers, its count, its faults.

Runs tollgate-sim from TOLLGATE_BUILD (default ./build) on free loopback ports.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

PROGRAM = os.path.join(os.environ.get("TOLLGATE_BUILD", "build"), "tollgate-sim")
KEY = "sk-0123456789abcdef0123456789abcdef"
AUTH = {"Authorization": "Bearer " + KEY}
PLAIN = {"thinking": {"type": "disabled"}}
DEADLINE_S = 10


class Sim:
    """A running simulator and the calls tests make of it."""

    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"listening on http://127\.0\.0\.1:(\d+)\n$", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found.group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0
        self.process.stdout.close()
        assert self.process.stderr.read() == ""
        self.process.stderr.close()

    def request(self, method, path, body=None, headers=AUTH):
        """Status, headers, body of one call on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        if isinstance(body, dict):
            body = json.dumps(body)
        conn.request(method, path, body, headers)
        response = conn.getresponse()
        data = response.read()
        conn.close()
        return response.status, response.headers, data

    def post(self, path, body, headers=AUTH):
        return self.request("POST", path, body, headers)

    def answer(self, path, body):
        status, _, data = self.post(path, body)
        assert status == 200, data
        return json.loads(data)

    def get(self, path, headers=AUTH):
        status, _, data = self.request("GET", path, headers=headers)
        assert status == 200, data
        return json.loads(data)

    def count(self):
        return self.get("/sim/count", {})

    def reset(self):
        assert self.request("POST", "/sim/reset")[0] == 200

    def arm(self, **fault):
        assert self.post("/sim/fault", fault)[0] == 200

    def raw(self, data, seconds=DEADLINE_S):
        """All bytes that come back until the simulator closes."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as s:
            s.sendall(data)
            got = b""
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more

    def open_stream(self, body):
        s = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        s.sendall(http_request("/v1/chat/completions", body))
        return s


def http_request(path, body, *headers, method="POST", version="HTTP/1.1"):
    text = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"{method} {path} {version}", "Host: sim", f"Authorization: Bearer {KEY}",
             f"Content-Length: {len(text)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def chat(text="hello", model="deepseek-flash", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def events(data):
    """The data of each event; checks that nothing else but comments is there."""
    out = []
    for line in data.decode().splitlines():
        if line.startswith("data:"):
            out.append(line[5:].strip())
        else:
            assert line == "" or line.startswith((":", "event:")), line
    return out


def chunks(data):
    got = events(data)
    assert got[-1] == "[DONE]"
    return [json.loads(e) for e in got[:-1]]


def wait_for(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def running(*options):
    @pytest.fixture(scope="module")
    def fixture():
        sim = Sim(*options)
        yield sim
        sim.stop()
    return fixture


deepseek = running("--workers", "2")
openai = running("--dialect", "openai")
vllm = running("--dialect", "vllm")
anthropic = running("--dialect", "anthropic")


@pytest.fixture
def sim(deepseek):
    deepseek.reset()
    return deepseek


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*options):
        started.append(Sim(*options))
        return started[-1]
    yield begin
    for one in started:
        one.stop()


# --- answers, DeepSeek ------------------------------------------------------

@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_chat_thinks_by_default_and_says_what_it_used(sim, path):
    got = sim.answer(path, chat("x" * 9))
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        got["id"])
    assert got["object"] == "chat.completion" and got["model"] == "deepseek-flash"
    message = got["choices"][0]["message"]
    assert len(message["content"].split()) == 16
    assert len(message["reasoning_content"].split()) == 8
    assert got["choices"][0]["finish_reason"] == "stop"
    assert got["usage"] == {
        "prompt_tokens": 3 + 3, "completion_tokens": 24, "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 8},
        "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 6}


def test_deepseek_head_has_a_trace_and_neither_length_nor_request_id(sim):
    _, head, _ = sim.post("/chat/completions", chat())
    assert re.fullmatch(r"[0-9a-f]{32}", head["x-ds-trace-id"])
    assert head["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in head and "x-request-id" not in head


def test_same_request_same_answer_but_another_id(sim):
    a, b = (sim.answer("/chat/completions", chat()) for _ in range(2))
    other = sim.answer("/chat/completions", chat("hullo"))
    assert a["choices"] == b["choices"] and a["usage"] == b["usage"]
    assert a["id"] != b["id"] and a["choices"] != other["choices"]


def test_without_thinking_there_is_no_reasoning_anywhere(sim):
    got = sim.answer("/chat/completions", chat(**PLAIN))
    assert "reasoning_content" not in got["choices"][0]["message"]
    assert "completion_tokens_details" not in got["usage"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_max_tokens_cuts_and_may_leave_only_thinking(sim, name):
    got = sim.answer("/chat/completions", chat(**{name: 5}))
    assert got["choices"][0]["finish_reason"] == "length"
    assert got["choices"][0]["message"]["content"] == ""
    assert got["usage"]["completion_tokens"] == 5
    assert got["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5


@pytest.mark.parametrize("size, prompt, cached", [
    (240, 63, 0), (244, 64, 0), (248, 65, 64), (500, 128, 128), (505, 130, 128)])
def test_whole_64_token_units_of_a_long_prompt_are_cache_hits(sim, size, prompt, cached):
    used = sim.answer("/chat/completions", chat("a" * size))["usage"]
    assert (used["prompt_tokens"], used["prompt_cache_hit_tokens"],
            used["prompt_cache_miss_tokens"]) == (prompt, cached, prompt - cached)


@pytest.mark.parametrize("content, size", [
    ("", 0), ("a\"b\\c\n", 6), ("\u00e9\u20ac\U0001f600", 9), ("\x01", 1),
    ([{"type": "text", "text": "abcd"}, {"type": "image_url", "image_url": {"url": "zz"}},
      {"type": "text", "text": "efgh"}], 8), (None, 0)])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_prompt_is_counted_in_utf8_bytes_of_its_texts(sim, content, size, ascii_only):
    body = chat(content)
    body["messages"].append({"content": "more", "role": "assistant"})
    text = json.dumps(body, ensure_ascii=ascii_only).encode()
    status, _, data = sim.post("/chat/completions", text)
    assert status == 200, data
    assert json.loads(data)["usage"]["prompt_tokens"] == -(-(size + 4) // 4) + 6


def test_stream_has_usage_on_its_last_content_chunk_and_only_there(sim):
    _, head, data = sim.post("/v1/chat/completions", chat(stream=True))
    got = chunks(data)
    assert head["Content-Type"] == "text/event-stream; charset=utf-8"
    assert got[0]["choices"][0]["delta"] == {
        "role": "assistant", "content": None, "reasoning_content": ""}
    assert len(got) == 1 + 24 + 1
    assert all(len(c["choices"]) == 1 for c in got)
    assert [("usage" in c) for c in got] == [False] * 25 + [True]
    assert got[-1]["choices"][0]["finish_reason"] == "stop"
    assert got[-1]["choices"][0]["delta"] == {"content": "", "reasoning_content": None}
    whole = sim.answer("/v1/chat/completions", chat())
    assert got[-1]["usage"] == whole["usage"]
    for part in ("content", "reasoning_content"):
        text = "".join(c["choices"][0]["delta"].get(part) or "" for c in got)
        assert text == whole["choices"][0]["message"][part]


def test_stream_with_include_usage_has_null_on_the_others(sim):
    body = chat(stream=True, stream_options={"include_usage": True}, **PLAIN)
    got = chunks(sim.post("/v1/chat/completions", body)[2])
    assert [c["usage"] is None for c in got] == [True] * 25 + [False]


@pytest.mark.parametrize("path", ["/completions", "/v1/completions", "/beta/completions",
                                  "/v1/beta/completions"])
def test_fim_answers_text(sim, path):
    body = {"model": "deepseek-flash", "prompt": "def f(", "suffix": "):", "max_tokens": 4}
    got = sim.answer(path, body)
    assert got["object"] == "text_completion"
    assert len(got["choices"][0]["text"].split()) == 4
    assert got["usage"]["prompt_tokens"] == 2 and got["usage"]["completion_tokens"] == 4
    streamed = chunks(sim.post(path, {**body, "stream": True})[2])
    assert "".join(c["choices"][0]["text"] for c in streamed) == got["choices"][0]["text"]
    assert streamed[-1]["usage"] == got["usage"]


def test_models_and_balance_as_deepseek_shows_them(sim):
    assert sim.get("/models") == sim.get("/v1/models") == {"object": "list", "data": [
        {"id": "deepseek-flash", "object": "model", "owned_by": "deepseek"},
        {"id": "deepseek-v4-pro", "object": "model", "owned_by": "deepseek"}]}
    assert sim.get("/models/deepseek-flash")["id"] == "deepseek-flash"
    assert sim.request("GET", "/models/none")[0] == 404
    assert sim.get("/user/balance") == {"is_available": True, "balance_infos": [
        {"currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00",
         "topped_up_balance": "100.00"}]}


def test_old_flash_name_is_served_and_counted_as_flash(sim):
    assert sim.answer("/chat/completions",
                      chat(model="deepseek-v4-flash"))["model"] == "deepseek-flash"
    assert list(sim.count()["models"]) == ["deepseek-flash"]


@pytest.mark.parametrize("given, vectors, tokens", [
    ("hello", 1, 2), (["hello", "wide world"], 2, 4), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)])
def test_embeddings_are_unit_vectors_in_numbers_and_base64(sim, given, vectors, tokens):
    body = {"model": "sim-embed", "input": given}
    got = sim.answer("/v1/embeddings", body)
    assert [d["index"] for d in got["data"]] == list(range(vectors))
    assert got["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    packed = sim.answer("/embeddings", {**body, "encoding_format": "base64"})
    for a, b in zip(got["data"], packed["data"]):
        assert len(a["embedding"]) == 64
        assert abs(sum(x * x for x in a["embedding"]) - 1) < 1e-5
        assert struct.unpack("<64f", base64.b64decode(b["embedding"])) == pytest.approx(
            a["embedding"])
    short = sim.answer("/embeddings", {**body, "dimensions": 7})
    assert {len(d["embedding"]) for d in short["data"]} == {7}


# --- the other dialects -----------------------------------------------------

def test_openai_sends_an_extra_usage_chunk_only_if_asked(openai):
    body = chat(model="gpt-4o-mini", stream=True)
    got = chunks(openai.post("/v1/chat/completions", body)[2])
    assert not any("usage" in c for c in got) and all(c["choices"] for c in got)
    body["stream_options"] = {"include_usage": True}
    got = chunks(openai.post("/v1/chat/completions", body)[2])
    assert [c["usage"] for c in got[:-1]] == [None] * (len(got) - 1)
    assert got[-1]["choices"] == []
    assert got[-1]["usage"]["completion_tokens"] == 24
    assert got[-1]["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}
    assert "prompt_cache_hit_tokens" not in got[-1]["usage"]


def test_openai_chunks_are_padded_unless_declined(openai):
    body = chat(model="gpt-4o", stream=True, stream_options={"include_obfuscation": False})
    assert all("obfuscation" not in c
               for c in chunks(openai.post("/v1/chat/completions", body)[2]))
    del body["stream_options"]
    assert all(c["obfuscation"] for c in chunks(openai.post("/v1/chat/completions", body)[2]))


def test_openai_counts_every_choice(openai):
    got = openai.answer("/v1/chat/completions", chat(model="gpt-4o", n=3, max_tokens=5))
    assert [c["index"] for c in got["choices"]] == [0, 1, 2]
    assert got["usage"]["completion_tokens"] == 15
    streamed = chunks(openai.post(
        "/v1/chat/completions", chat(model="gpt-4o", n=3, max_tokens=5, stream=True))[2])
    texts = {i: "" for i in range(3)}
    for c in streamed:
        choice = c["choices"][0]
        texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == {i: got["choices"][i]["message"]["content"] for i in range(3)}


def test_openai_answers_with_a_length_and_a_request_id(openai):
    _, head, data = openai.post("/v1/chat/completions", chat(model="gpt-4o"))
    assert int(head["Content-Length"]) == len(data)
    assert head["x-request-id"].startswith("req_")
    assert json.loads(data)["id"].startswith("chatcmpl-")


def test_openai_unknown_model_is_404(openai):
    status, _, data = openai.post("/v1/chat/completions", chat(model="gpt-9"))
    assert status == 404
    assert json.loads(data)["error"] == {
        "message": "The model `gpt-9` does not exist or you do not have access to it.",
        "type": "invalid_request_error", "param": None, "code": "model_not_found"}


def test_vllm_continuous_usage_is_cumulative(vllm):
    body = chat(model="sim-vllm-8b", stream=True, max_tokens=4,
                stream_options={"continuous_usage_stats": True})
    got = chunks(vllm.post("/v1/chat/completions", body)[2])
    assert [c["usage"]["completion_tokens"] for c in got] == [0, 1, 2, 3, 4, 4, 4]
    assert got[-1]["choices"] == []


def test_vllm_stream_options_alone_ask_for_usage(vllm):
    for options, extra in [({}, 1), ({"include_usage": False}, 0), (None, 0)]:
        body = chat(model="any", stream=True, max_tokens=4)
        if options is not None:
            body["stream_options"] = options
        got = chunks(vllm.post("/v1/chat/completions", body)[2])
        assert len([c for c in got if "usage" in c]) == extra
    assert vllm.get("/v1/models")["data"][0]["max_model_len"] == 4096


def test_vllm_error_code_is_a_number(vllm):
    status, _, data = vllm.post("/v1/chat/completions", chat("sim:status=400"))
    assert status == 400 and json.loads(data)["error"]["code"] == 400
    status, _, data = vllm.post("/v1/chat/completions", chat("sim:status=401"))
    assert status == 401 and json.loads(data) == {"error": "Unauthorized"}


@pytest.mark.parametrize("path", ["/v1/messages", "/messages", "/anthropic/v1/messages"])
@pytest.mark.parametrize("thinking, blocks", [(False, ["text"]), (True, ["thinking", "text"])])
def test_messages_whole_and_streamed(anthropic, path, thinking, blocks):
    body = {"model": "claude-sonnet-4-5", "max_tokens": 30, "system": "x" * 252,
            "messages": [{"role": "user", "content": "hello"}]}
    if thinking:
        body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    got = anthropic.answer(path, body)
    assert [b["type"] for b in got["content"]] == blocks
    assert got["stop_reason"] == "end_turn"
    assert got["usage"] == {"input_tokens": 4, "cache_creation_input_tokens": 0,
                            "cache_read_input_tokens": 64, "output_tokens": 24}
    _, head, data = anthropic.post(path, {**body, "stream": True})
    assert head["request-id"].startswith("req_")
    assert b"[DONE]" not in data
    got_events = [json.loads(e) for e in events(data)]
    names = re.findall(r"^event: (.*)$", data.decode(), re.M)
    assert names == [e["type"] for e in got_events]
    assert names[0] == "message_start" and names[-2:] == ["message_delta", "message_stop"]
    assert got_events[-2]["usage"] == {"output_tokens": 24}
    texts = [""] * len(blocks)
    for e in got_events:
        if e["type"] == "content_block_delta":
            delta = e["delta"]
            texts[e["index"]] += delta.get("text") or delta.get("thinking")
    assert texts == [b[b["type"]] for b in got["content"]]


def test_anthropic_errors_have_its_shape(anthropic):
    status, _, data = anthropic.post("/v1/messages", chat(model="gpt-4o"))
    assert status == 404
    error = json.loads(data)
    assert error["type"] == "error" and error["request_id"].startswith("req_")
    assert error["error"] == {"type": "not_found_error", "message": "model: gpt-4o"}


def test_deepseek_serves_claude_names_with_its_own_models(sim):
    for asked, served in [("claude-opus-4-5", "deepseek-v4-pro"),
                          ("claude-sonnet-4-5", "deepseek-flash")]:
        assert sim.answer("/anthropic/v1/messages", chat(model=asked))["model"] == served
    status, _, data = sim.post("/anthropic/v1/messages", chat(model="gpt-4o"))
    assert status == 400 and json.loads(data)["error"]["type"] == "invalid_request_error"


# --- refusals ---------------------------------------------------------------

@pytest.mark.parametrize("headers, message", [
    ({}, "Authentication Fails (governor)"),
    ({"Authorization": KEY},
     "Authentication Fails (auth header format should be Bearer sk-...)"),
    ({"Authorization": "Bearer sk-wrong9De99"},
     "Authentication Fails, Your api key: ****De99 is invalid"),
    ({"Authorization": "Bearer null"},
     "Authentication Fails, Your api key: ****null is invalid"),
    ({"x-api-key": "xy"}, "Authentication Fails, Your api key: ****xy is invalid"),
    ({"Authorization": "Bearer " + KEY, "x-api-key": "wrong"}, None),
    ({"Authorization": "bearer " + KEY}, None),
    ({"x-api-key": KEY}, None),
])
def test_only_the_key_in_the_file_is_let_in(start, tmp_path, headers, message):
    (tmp_path / "key").write_text(KEY + "\n")
    sim = start("--key", str(tmp_path / "key"))
    status, _, data = sim.request("GET", "/models", headers=headers)
    if message is None:
        assert status == 200
        return
    assert status == 401
    assert json.loads(data) == {"error": {
        "message": message, "type": "authentication_error", "param": None,
        "code": "invalid_request_error"}}


@pytest.mark.parametrize("body, where", [
    ("", "expected a map at line 1 column 0"),
    ("{", "expected a string at line 1 column 1"),
    ("[]", "expected a map at line 1 column 0"),
    ('{"model":1}', "expected a string at line 1 column 9"),
    ('{"model":"deepseek-flash"}', "missing field `messages` at line 1 column 26"),
    ('{"model":"a","messages":[]}', "messages must not be empty"),
    ('{"messages":[{"role":"user","content":"a"}]}', "missing field `model`"),
    ('{"model":"a","messages":[{"content":"a"}]}', "missing field `role`"),
    ('{"model":"a",\n"stream":1}', "expected a boolean at line 2 column 9"),
    ('{"model":"a","max_tokens":0}', "number is out of range"),
    ('{"model":"a","max_tokens":1.5}', "expected an integer"),
    ('{"model":"a",}', "trailing comma"),
    ('{"model":"a"} x', "trailing characters"),
    ('{"model":"a\x01"}', "control character"),
    ('{"model":"\\ud800"}', "invalid escape"),
    ('{"a":01}', "invalid number"),
    ('{"a":tru}', "expected value"),
    ("[" * 200, "expected a map"),
    ('{"a":' + "[" * 200, "recursion limit exceeded"),
])
def test_bad_bodies_are_told_where(sim, body, where):
    status, _, data = sim.post("/chat/completions", body)
    error = json.loads(data)["error"]
    assert status == 400 and error["code"] == "invalid_request_error"
    assert error["message"].startswith(
        "Failed to deserialize the JSON body into the target type: ")
    assert where in error["message"]


def test_every_cut_of_a_body_is_refused_and_the_whole_is_not(sim):
    body = json.dumps(chat("a\u00e9\"\\ \U0001f600", stream=False, stop=["x", 1.5e-3, None, True],
                           metadata={"a": {"b": []}})).encode()
    conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    for end in range(len(body) + 1):
        conn.request("POST", "/chat/completions", body[:end], AUTH)
        response = conn.getresponse()
        response.read()
        assert response.status == (200 if end == len(body) else 400), body[:end]
    conn.close()


def test_unknown_model_and_path(sim):
    status, _, data = sim.post("/chat/completions", chat(model="deepseek-chat"))
    assert status == 400 and json.loads(data)["error"]["message"] == (
        "The supported API model names are deepseek-flash, deepseek-v4-pro, "
        "but you passed deepseek-chat.")
    assert sim.post("/chat", {})[0] == 404
    assert sim.request("GET", "/chat/completions")[0] == 404
    assert sim.request("HEAD", "/models")[2] == b""


# --- faults -----------------------------------------------------------------

ENVELOPE = {"param": None, "code": "invalid_request_error"}
STATUSES = [
    ("402", 402, {"error": {"message": "Insufficient Balance", "type": "unknown_error",
                            **ENVELOPE}}),
    ("400-model", 400, {"error": {"message": "Model Not Exist",
                                  "type": "invalid_request_error", **ENVELOPE}}),
    ("401", 401, {"error": {"message": "Authentication Fails, Your api key: ****cdef is invalid",
                            "type": "authentication_error", **ENVELOPE}}),
    ("503", 503, {"error": {
        "message": "Service is too busy. We advise users to temporarily switch to alternative "
                   "LLM API service providers.",
        "type": "service_unavailable_error", "param": None,
        "code": "service_unavailable_error"}}),
    ("vllm-401", 401, {"error": "Unauthorized"}),
    ("vllm-flat", 404, {"object": "error", "message": "The model `X` does not exist.",
                        "type": "NotFoundError", "param": None, "code": 404}),
    ("vllm-flat-200", 200, {"object": "error", "message": "The model `X` does not exist.",
                            "type": "NotFoundError", "param": None, "code": 404}),
]


@pytest.mark.parametrize("name, status, body", STATUSES)
@pytest.mark.parametrize("stream", [False, True])
def test_status_answers_word_for_word(sim, name, status, body, stream):
    got, head, data = sim.post("/chat/completions", chat("sim:status=" + name, stream=stream))
    assert (got, json.loads(data)) == (status, body)
    assert head["Content-Type"] == "application/json"
    assert sim.count()["total"]["requests"] == 0


@pytest.mark.parametrize("name, status, text", [
    ("400", 400, "Failed to deserialize the JSON body into the target type: messages[1]"),
    ("400-context", 400, "maximum context length is 131072 tokens"),
    ("401-user", 401, "(no such user)"), ("401-governor", 401, "(governor)"),
    ("429", 429, "Rate limit reached for TPM"),
    ("429-concurrency", 429, "exceeds your concurrency limit of 39 based on"),
    ("429-quota", 429, "You exceeded your current quota"),
    ("500", 500, "Internal Server Error"), ("529", 529, "Overloaded"),
    ("418", 418, "Simulated failure")])
def test_status_texts(sim, name, status, text):
    got, _, data = sim.post("/chat/completions", chat("sim:status=" + name))
    assert got == status and text in json.loads(data)["error"]["message"]


@pytest.mark.parametrize("name, status", [("422", 422), ("401-plain", 401)])
def test_status_plain_text(sim, name, status):
    got, head, data = sim.post("/chat/completions", chat("sim:status=" + name))
    assert got == status and head["Content-Type"].startswith("text/plain")
    assert data.startswith((b"Failed to deserialize", b"Authentication Fails"))


def test_cut_stream_ends_without_its_last_chunk_and_is_counted_so_far(sim):
    data = sim.raw(http_request("/chat/completions", chat("sim:cut=4", stream=True)))
    assert data.count(b"data: ") == 4
    assert not data.endswith(b"0\r\n\r\n") and b"[DONE]" not in data
    count = sim.count()
    assert count["aborted"] == 1 and count["streams_open"] == 0
    assert count["total"]["completion_tokens"] == 3


def test_cut_json_ends_in_the_middle(sim):
    conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    conn.request("POST", "/chat/completions", json.dumps(chat("sim:cut")), AUTH)
    with pytest.raises(http.client.IncompleteRead):
        conn.getresponse().read()
    conn.close()


@pytest.mark.parametrize("stream, outcome_tokens", [(True, 2), (False, 24)])
def test_stall_holds_the_connection_until_the_client_leaves(sim, stream, outcome_tokens):
    s = sim.open_stream(chat("sim:stall=3", stream=stream))
    got = s.recv(65536)
    assert got.startswith(b"HTTP/1.1 200")
    s.settimeout(0.2)
    with pytest.raises(socket.timeout):
        while True:
            assert s.recv(65536)
    assert sim.count()["streams_open"] == (1 if stream else 0)
    s.close()
    wait_for(lambda: sim.get("/sim/requests?last=1", {})["data"][0]["outcome"] == "aborted")
    assert sim.count()["streams_open"] == 0
    assert sim.count()["total"]["completion_tokens"] == outcome_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_empty_is_200_and_nothing_and_not_counted(sim, stream):
    status, _, data = sim.post("/chat/completions", chat("sim:empty", stream=stream))
    assert (status, data) == (200, b"")
    assert sim.count()["total"]["requests"] == 0 and sim.count()["streams_open"] == 0


def test_blank_lines_come_before_the_json(sim):
    _, _, data = sim.post("/chat/completions", chat("sim:blank=5"))
    assert data.startswith(b"\n\n\n\n\n{") and json.loads(data)["usage"]


def test_keepalives_come_before_the_stream(sim):
    _, _, data = sim.post("/chat/completions", chat("sim:keepalive=3", stream=True))
    assert data.startswith(b": keep-alive\n\n" * 3 + b"data: {")
    assert len(chunks(data)) == 26


def test_garbage(sim):
    status, _, data = sim.post("/chat/completions", chat("sim:garbage"))
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(data)
    data = sim.post("/chat/completions", chat("sim:garbage", stream=True))[2]
    assert b'data: {"id":"a03, "choices":[{\n\ndat\n\n' in data


@pytest.mark.parametrize("name, check", [
    ("missing", lambda u: u is None),
    ("negative", lambda u: u["prompt_tokens"] < 0 and u["completion_tokens"] < 0),
    ("huge", lambda u: u["completion_tokens"] > 10 ** 17),
    ("string", lambda u: u["completion_tokens"] == "24"),
    ("float", lambda u: u["completion_tokens"] == 24.5)])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_faults_spoil_the_report_but_not_the_count(sim, name, check, stream):
    body = chat("sim:usage-" + name, stream=stream)
    data = sim.post("/chat/completions", body)[2]
    got = chunks(data)[-1] if stream else json.loads(data)
    assert check(got.get("usage"))
    assert sim.count()["total"]["completion_tokens"] == 24


def test_no_done_ends_the_body_in_order(sim):
    data = sim.post("/chat/completions", chat("sim:no-done", stream=True))[2]
    assert b"[DONE]" not in data and json.loads(events(data)[-1])["usage"]


def test_crlf_and_nospace_change_the_framing_only(sim):
    plain = chunks(sim.post("/chat/completions", chat("sim:tokens=9", stream=True))[2])
    crlf = sim.post("/chat/completions", chat("sim:tokens=9 sim:crlf", stream=True))[2]
    assert crlf.count(b"\r\n\r\n") == crlf.count(b"data:") and len(chunks(crlf)) == len(plain)
    tight = sim.post("/chat/completions", chat("sim:tokens=9 sim:nospace", stream=True))[2]
    assert b"data: " not in tight and len(chunks(tight)) == len(plain)


def test_error_midstream(sim):
    data = sim.post("/chat/completions", chat("sim:error-midstream=2", stream=True))[2]
    got = [json.loads(e) for e in events(data)]
    assert len(got) == 3 and got[-1]["error"]["code"] == "internal_error"
    assert sim.count()["aborted"] == 1


def test_slow_takes_its_time_per_token(sim):
    began = time.monotonic()
    sim.post("/chat/completions", chat("sim:slow=20 sim:tokens=10", stream=True))
    assert time.monotonic() - began >= 0.2
    began = time.monotonic()
    sim.answer("/chat/completions", chat("sim:slow=20 sim:tokens=10"))
    assert time.monotonic() - began >= 0.2


def test_tokens_sets_the_length(sim):
    assert sim.answer("/chat/completions",
                      chat("sim:tokens=1000"))["usage"]["completion_tokens"] == 1000
    assert len(chunks(sim.post("/chat/completions", chat("sim:tokens=5000", stream=True))[2])) \
        == 5002


def test_hugeline_makes_one_line_that_long(sim):
    data = sim.post("/chat/completions", chat("sim:hugeline=300000", stream=True))[2]
    lengths = [len(line) for line in data.splitlines()]
    assert len([n for n in lengths if n > 300000]) == 1
    assert len(chunks(data)) == 26
    assert len(sim.answer("/chat/completions", chat("sim:hugeline=300000"))
               ["choices"][0]["message"]["content"]) > 300000


def test_headers_big(sim):
    _, head, data = sim.post("/chat/completions", chat("sim:headers-big=20000"))
    assert sum(len(v) for k, v in head.items() if k.startswith("X-Padding")) == 20000
    assert json.loads(data)["usage"]


def test_redirect_goes_to_another_host(sim):
    status, head, _ = sim.post("/chat/completions", chat("sim:redirect"))
    assert status == 302 and head["Location"] == "http://127.0.0.2:9/elsewhere"


def test_close_after_answers_then_closes_in_spite_of_its_promise(sim):
    data = sim.raw(http_request("/chat/completions", chat("sim:close-after")))
    assert b"Connection: keep-alive" in data and data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("stream", [False, True])
def test_bytewise_sends_each_byte_in_a_chunk_of_its_own(sim, stream):
    body = chat("sim:bytewise sim:tokens=3", stream=stream)
    raw = sim.raw(http_request("/chat/completions", body, "Connection: close"))
    head, rest = raw.split(b"\r\n\r\n", 1)
    assert re.fullmatch(rb"(1\r\n.\r\n)+0\r\n\r\n", rest, re.S)
    data = sim.post("/chat/completions", body)[2]
    assert (chunks(data)[-1] if stream else json.loads(data))["usage"]["completion_tokens"] == 3


def test_only_user_messages_carry_faults(sim):
    body = chat("hello")
    for role in ("system", "assistant", "tool"):
        body["messages"].insert(0, {"role": role, "content": "sim:status=500"})
    assert sim.post("/chat/completions", body)[0] == 200
    body["messages"][0] = {"content": "x\nsim:status=500\n", "role": "user"}
    assert sim.post("/chat/completions", body)[0] == 500


@pytest.mark.parametrize("path, body", [
    ("/completions", {"model": "deepseek-flash", "prompt": "sim:status=500"}),
    ("/embeddings", {"model": "sim-embed", "input": ["a", "sim:status=500"]}),
    ("/anthropic/v1/messages", chat([{"type": "text", "text": "sim:status=500"}]))])
def test_faults_from_prompts_inputs_and_parts(sim, path, body):
    assert sim.post(path, body)[0] == 500


@pytest.mark.parametrize("text, why", [
    ("sim:nonsense", "no fault named 'nonsense'"), ("sim:status=99", "status=99 is not known"),
    ("sim:cut=x", "cut takes a number"), ("sim:empty=1", "empty takes no argument"),
    ("sim:tokens=0", "tokens takes a number from 1 to")])
def test_unknown_faults_are_refused_with_a_sentence(sim, text, why):
    status, _, data = sim.post("/chat/completions", chat(text))
    assert status == 400 and why in json.loads(data)["error"]["message"]


def test_an_armed_fault_holds_for_count_calls(sim):
    sim.arm(fault="status", arg="503", count=2)
    assert [sim.post("/chat/completions", chat())[0] for _ in range(3)] == [503, 503, 200]
    sim.arm(fault="tokens", arg=7)
    assert [sim.answer("/chat/completions", chat())["usage"]["completion_tokens"]
            for _ in range(2)] == [7, 24]
    sim.arm(fault="empty", count=-1)
    assert [sim.post("/chat/completions", chat())[2] for _ in range(3)] == [b""] * 3
    sim.arm(count=0)
    assert sim.post("/chat/completions", chat())[2] != b""


@pytest.mark.parametrize("body", ["", "{", '{"fault":1}', '{"fault":"nope"}', '{"unknown":1}',
                                  "{}", '{"fault":"cut","count":"x"}'])
def test_a_bad_fault_order_is_refused(sim, body):
    status, _, data = sim.post("/sim/fault", body)
    assert status == 400 and json.loads(data)["error"]["message"]


# --- its count and its record -----------------------------------------------

def test_count_is_exact_under_eight_clients(sim):
    kinds = [("/chat/completions", chat("a" * 300), (78, 64, 24, 8)),
             ("/chat/completions", chat("b", model="deepseek-v4-pro", stream=True, **PLAIN),
              (4, 0, 24, 0)),
             ("/beta/completions", {"model": "deepseek-flash", "prompt": "c", "max_tokens": 3,
                                    "stream": True}, (1, 0, 3, 0)),
             ("/embeddings", {"model": "sim-embed", "input": "four"}, (1, 0, 0, 0)),
             ("/chat/completions", chat("sim:status=500"), None)]
    rounds = 60

    def client(_):
        conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
        for _ in range(rounds):
            for path, body, _ in kinds:
                conn.request("POST", path, json.dumps(body), AUTH)
                conn.getresponse().read()
        conn.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))
    got = sim.count()
    calls = 8 * rounds
    assert got["requests_seen"] == calls * len(kinds)
    assert got["aborted"] == 0 and got["streams_open"] == 0
    names = ["prompt_tokens", "prompt_cache_hit_tokens", "completion_tokens", "reasoning_tokens"]
    served = [k[2] for k in kinds if k[2]]
    assert got["total"] == {"requests": calls * 4,
                            **{n: calls * sum(s[i] for s in served)
                               for i, n in enumerate(names)}}
    flash = got["models"]["deepseek-flash"]
    assert flash["requests"] == 2 * calls and flash["completion_tokens"] == 27 * calls
    assert set(got["models"]) == {"deepseek-flash", "deepseek-v4-pro", "sim-embed"}


def test_aborted_stream_counts_what_was_generated(sim):
    s = sim.open_stream(chat("sim:slow=50", stream=True, **PLAIN))
    got = b""
    while got.count(b"data: ") < 4:
        got += s.recv(65536)
    assert sim.count()["streams_open"] == 1
    s.close()
    wait_for(lambda: sim.count()["streams_open"] == 0)
    count = sim.count()
    assert count["aborted"] == 1 and count["total"]["requests"] == 1
    assert 3 <= count["total"]["completion_tokens"] < 24
    assert count["total"]["prompt_tokens"] == 6


def test_records_show_requests_but_never_a_credential(sim):
    body = json.dumps(chat("\u00e9" + "x" * 5000))
    sim.post("/v1/chat/completions?a=b", body, {
        "Authorization": "Bearer " + KEY, "x-api-key": "other", "X-Request-Id": "r1",
        "X-Other": "value"})
    raw = sim.request("GET", "/sim/requests?last=1", headers={})[2]
    assert KEY.encode() not in raw
    got, = json.loads(raw)["data"]
    assert (got["method"], got["path"], got["query"]) == ("POST", "/v1/chat/completions", "a=b")
    headers = dict((k.lower(), v) for k, v in got["headers"])
    assert headers["authorization"] == "Bearer sha256:" + hashlib.sha256(KEY.encode()).hexdigest()
    assert headers["x-api-key"] == "sha256:" + hashlib.sha256(b"other").hexdigest()
    assert headers["x-other"] == "value" and got["x_request_id"] == "r1"
    assert got["body_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    assert got["body_bytes"] == len(body) and got["body"] == body[:4096]
    assert (got["status"], got["outcome"]) == (200, "complete")
    assert sim.get("/sim/requests", {})["data"] == [got]


def test_record_keeps_the_last_4096(sim):
    conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    for i in range(4100):
        conn.request("GET", f"/models/{i}", headers=AUTH)
        conn.getresponse().read()
    conn.close()
    got = sim.get("/sim/requests?last=10000", {})["data"]
    assert [r["path"] for r in got] == [f"/models/{i}" for i in range(4, 4100)]


def test_log_has_one_line_a_request_with_its_outcome(start, tmp_path):
    sim = start("--log", str(tmp_path / "log"), "--no-record")
    sim.answer("/chat/completions", chat())
    sim.raw(http_request("/chat/completions", chat("sim:cut=1", stream=True)))
    sim.count()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(x["status"], x["outcome"]) for x in lines] == [(200, "complete"), (200, "cut")]
    assert KEY not in (tmp_path / "log").read_text()
    assert sim.get("/sim/requests", {})["data"] == []


def test_reset_zeroes_count_record_and_fault(sim):
    sim.answer("/chat/completions", chat())
    sim.arm(fault="empty", count=-1)
    sim.reset()
    got = sim.count()
    assert got["models"] == {} and got["requests_seen"] == 0
    assert sim.get("/sim/requests", {})["data"] == []
    assert sim.answer("/chat/completions", chat())["usage"]


# --- time -------------------------------------------------------------------

def test_latency_token_rate_and_keepalives(start):
    sim = start("--latency", "200", "--keepalive", "40", "--token-rate", "100", "--tokens", "10")
    began = time.monotonic()
    s = sim.open_stream(chat(stream=True))
    got = s.recv(65536)
    assert time.monotonic() - began < 0.2 and b"data:" not in got
    arrivals = []
    while b"[DONE]" not in got:
        got += s.recv(65536)
        arrivals.append(time.monotonic())
    s.close()
    assert got.count(b": keep-alive\n\n") in (3, 4)
    assert arrivals[-1] - began >= 0.3 and len(arrivals) >= 9
    began = time.monotonic()
    _, _, data = sim.post("/chat/completions", chat())
    assert time.monotonic() - began >= 0.3
    assert data.startswith(b"\n\n\n") and json.loads(data)["usage"]["completion_tokens"] == 10


# --- HTTP -------------------------------------------------------------------

def test_request_in_any_pieces(sim):
    data = http_request("/chat/completions", chat("\u00e9"), "Connection: close")
    for piece in (1, 7, 64):
        with socket.create_connection(("127.0.0.1", sim.port), DEADLINE_S) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(data), piece):
                s.sendall(data[i:i + piece])
            got = b""
            while more := s.recv(65536):
                got += more
        assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"0\r\n\r\n")


def test_pipelined_requests_are_answered_in_order(sim):
    one = http_request("/chat/completions", chat(max_tokens=1))
    two = http_request("/models", b"", method="GET")
    slow = http_request("/chat/completions", chat("sim:slow=30 sim:tokens=2", stream=True))
    last = http_request("/models", b"", "Connection: close", method="GET")
    got = sim.raw(one + two + slow + one + last)
    kinds = re.findall(rb"chat\.completion\"|\"object\":\"list\"|\[DONE\]", got)
    assert kinds == [b'chat.completion"', b'"object":"list"', b"[DONE]", b'chat.completion"',
                     b'"object":"list"']


def test_chunked_request_body(sim):
    body = json.dumps(chat("abcdefgh", **PLAIN)).encode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5])
                      for i in range(0, len(body), 5))
    got = sim.raw(b"POST /chat/completions HTTP/1.1\r\nHost: s\r\nx-api-key: k\r\n"
                  b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
                  + b"0\r\n\r\n")
    assert b'"prompt_tokens":5' in got
    record, = sim.get("/sim/requests?last=1", {})["data"]
    assert record["body"].encode() == body


@pytest.mark.parametrize("stream, end", [(False, b"}}"), (True, b"data: [DONE]\n\n")])
def test_http_1_0_gets_no_chunks_and_a_close(sim, stream, end):
    got = sim.raw(http_request("/chat/completions", chat(stream=stream), version="HTTP/1.0"))
    assert b"chunked" not in got and b"Connection: close" in got and got.endswith(end)


def test_expect_continue_and_a_large_body(sim):
    body = json.dumps(chat("x" * 3_000_000)).encode()
    with socket.create_connection(("127.0.0.1", sim.port), DEADLINE_S) as s:
        head = http_request("/chat/completions", body, "Expect: 100-continue",
                            "Connection: close")[:-len(body)]
        s.sendall(head)
        assert s.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        got = b""
        while more := s.recv(65536):
            got += more
    assert b'"prompt_tokens":750003' in got


@pytest.mark.parametrize("data, status", [
    (b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nA" + b"a: b\r\nA" * 400 + b"\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413")])
def test_what_is_not_http_is_refused_and_closed(sim, data, status):
    assert sim.raw(data).startswith(b"HTTP/1.1 " + status)


def test_client_that_never_reads_does_not_grow_the_simulator(sim):
    def resident_kib():
        with open(f"/proc/{sim.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    before = resident_kib()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", sim.port))
    s.sendall(http_request("/chat/completions", chat("sim:tokens=1000000", stream=True)))
    wait_for(lambda: sim.count()["streams_open"] == 1)
    for _ in range(50):
        sim.answer("/chat/completions", chat())
    assert resident_kib() - before < 32768  # the whole stream has 280 MB
    s.close()
    wait_for(lambda: sim.count()["aborted"] == 1)


# --- the program ------------------------------------------------------------

def run(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True,
                          timeout=DEADLINE_S)


@pytest.mark.parametrize("options, why", [
    (["--nope"], "--nope is not an option"), (["--listen"], "--listen needs a value"),
    (["--listen", "9000"], "--listen takes ADDR:PORT"),
    (["--listen", "localhost:0"], "numeric address, not 'localhost'"),
    (["--listen", "127.0.0.1:70000"], "from 0 to 65535"),
    (["--dialect", "x"], "--dialect is deepseek, openai, vllm or anthropic"),
    (["--key", "/nonexistent"], "cannot open '/nonexistent'"),
    (["--key", "/dev/null"], "must hold one key"),
    (["--latency", "-1"], "--latency takes a number from 0"),
    (["--tokens", "0"], "--tokens takes a number from 1"),
    (["--workers", "many"], "--workers takes a number"),
    (["extra"], "'extra' is not an option")])
def test_a_wrong_option_is_one_sentence_and_exit_2(options, why):
    got = run(*options)
    assert got.returncode == 2 and got.stdout == ""
    assert why in got.stderr and got.stderr.count("\n") == 1


def test_an_address_in_use_is_one_sentence_and_exit_1(sim):
    got = run("--listen", f"127.0.0.1:{sim.port}")
    assert got.returncode == 1 and got.stdout == ""
    assert got.stderr == (f"tollgate-sim: cannot listen on 127.0.0.1 port {sim.port}: "
                          "Address already in use\n")


def test_files_that_cannot_be_written_are_one_sentence_and_exit_1(tmp_path):
    for option in ("--url-file", "--log"):
        got = run(option, str(tmp_path / "no" / "file"))
        assert got.returncode == 1 and got.stderr.startswith(f"tollgate-sim: {option}: cannot ")


def test_version_and_help():
    assert re.fullmatch(r"tollgate-sim \d+\.\d+\.\d+\n", run("--version").stdout)
    got = run("--help")
    assert got.returncode == 0 and got.stdout.startswith("usage: tollgate-sim")


def test_url_file_is_private_whole_and_alone(start, tmp_path):
    sim = start("--url-file", str(tmp_path / "url"))
    assert (tmp_path / "url").read_text() == f"http://127.0.0.1:{sim.port}\n"
    assert (tmp_path / "url").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["url"]


def test_interrupt_ends_it_cleanly_with_streams_open():
    sim = Sim()
    s = sim.open_stream(chat("sim:stall", stream=True))
    s.recv(100)
    sim.process.send_signal(signal.SIGINT)
    assert sim.process.wait(DEADLINE_S) == 0
    sim.process.stdout.close()
    sim.process.stderr.close()
    s.close()


def test_it_dies_with_its_parent(tmp_path):
    url = tmp_path / "url"
    parent = subprocess.Popen(
        ["sh", "-c", '"$0" --die-with-parent --url-file "$1" >/dev/null & echo $!; wait',
         PROGRAM, str(url)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    wait_for(url.exists)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    def is_gone():
        try:
            with open(f"/proc/{child}/stat") as f:
                return f.read().split()[2] == "Z"
        except FileNotFoundError:
            return True
    wait_for(is_gone)


def test_many_open_streams_all_end_whole(start):
    """1000 streams at once; the full 10 000 take bench/, not a test."""
    sim = start("--token-rate", "20", "--tokens", "10", "--workers", "2")
    streams = [sim.open_stream(chat(stream=True, **PLAIN)) for _ in range(1000)]
    assert sim.count()["streams_open"] > 0
    whole = []

    def read(s):
        got = b""
        while b"0\r\n\r\n" not in got[-16:]:
            more = s.recv(65536)
            if not more:
                break
            got += more
        whole.append(got.count(b"data: ") == 13)
        s.close()

    threads = [threading.Thread(target=lambda part=streams[i::4]: [read(s) for s in part])
               for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert whole == [True] * 1000
    count = sim.count()
    assert count["total"]["completion_tokens"] == 10_000 and count["aborted"] == 0
