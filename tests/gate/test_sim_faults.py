"""The simulated upstream: faults on demand, its count, its record, time."""
import hashlib
import http.client
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    AUTH, DEADLINE_S, KEY, PLAIN, chat, chunks, deepseek, events, http_request, sim,
    start, wait_for)


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
                               for i, n in enumerate(names)},
                            "cache_write_tokens": 0, "images": 0, "audio_ms": 0, "characters": 0}
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
    assert [x["counted"]["completion_tokens"] for x in lines] == [24, 0]
    assert KEY not in (tmp_path / "log").read_text()
    assert sim.get("/sim/requests", {})["data"] == []


def test_reset_zeroes_count_record_and_fault(sim):
    sim.answer("/chat/completions", chat())
    sim.arm(fault="empty", count=-1)
    sim.reset()
    got = sim.count()
    assert got["models"] == {} and got["requests_seen"] == 0 and got["credentials"] == {}
    assert sim.get("/sim/requests", {})["data"] == []
    assert sim.answer("/chat/completions", chat())["usage"]


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
