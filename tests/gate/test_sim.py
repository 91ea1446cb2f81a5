"""The simulated upstream: answers, dialects, refusals."""
import base64
import http.client
import json
import re
import struct

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    AUTH, DEADLINE_S, KEY, PLAIN, anthropic, chat, chunks, deepseek, events, openai, sim,
    start, vllm)


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


MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"ttl": "1h", "type": "ephemeral"}}


def text(size, **more):
    return {"type": "text", "text": "x" * size, **more}


@pytest.mark.parametrize("system, content, read, written, kept, left", [
    ("x" * 400, "hello", 64, 0, None, 41), ([text(400, **MARK)], "hello", 64, 36, (36, 0), 5),
    ([text(400, **MARK), text(400)], "hello", 192, 0, None, 13),
    ([text(400)], [text(400, **HOUR), text(10)], 192, 8, (0, 8), 6),
    ([text(200, **MARK)], [text(16, **MARK)], 0, 54, (54, 0), 3),
    ([{**MARK, "type": "text", "text": "x" * 100}], "hello", 0, 25, (25, 0), 5)])
def test_what_is_marked_and_not_read_is_written_to_the_cache(
        anthropic, system, content, read, written, kept, left):
    anthropic.reset()
    body = {"model": "claude-sonnet-4-5", "max_tokens": 30, "system": system,
            "messages": [{"role": "user", "content": content}]}
    used = anthropic.answer("/v1/messages", body)["usage"]
    assert (used["cache_read_input_tokens"], used["cache_creation_input_tokens"],
            used["input_tokens"]) == (read, written, left)
    assert used.get("cache_creation") == (kept and {
        "ephemeral_5m_input_tokens": kept[0], "ephemeral_1h_input_tokens": kept[1]})
    start = json.loads(events(anthropic.post("/v1/messages", {**body, "stream": True})[2])[0])
    assert {**start["message"]["usage"], "output_tokens": 24} == used
    total = anthropic.count()["total"]
    assert total["cache_write_tokens"] == 2 * written
    assert total["prompt_tokens"] == 2 * (read + written + left)


def test_deepseek_writes_nothing_whatever_is_marked(sim):
    got = sim.answer("/anthropic/v1/messages", chat([text(100, **MARK)]))
    assert got["usage"]["cache_creation_input_tokens"] == 0
    assert sim.count()["total"]["cache_write_tokens"] == 0


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
