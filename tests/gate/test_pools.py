"""Pools of credentials, and several upstreams of a model: what a call goes on
from, what it does not, and how credentials come back."""

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import Sim
from state_file import StateFile
from test_openapi import properties, required

MODEL = "deepseek-flash"
A, B, C, D = ("sk-pool-" + letter * 24 for letter in "abcd")


def add(gate, upstream, secret, *options):
    return json.loads(gate.must("credentials", "add", "--upstream", upstream,
                                *options, "--json", input=secret + "\n"))


@pytest.fixture
def pool(make_gate):
    """A gate whose one upstream has the credentials A and B."""
    gate = make_gate().start()
    gate.first = add(gate, "sim", A, "--replace")
    gate.second = add(gate, "sim", B)
    return gate


@pytest.fixture
def two(make_gate, tmp_path):
    """two(dialect=…): a gate with a second upstream behind the first; each
    has one credential."""
    sims = []

    def make(dialect="deepseek", models=(MODEL,), url=None):
        gate = make_gate().start()
        add(gate, "sim", A, "--replace")
        if url is None:
            sims.append(Sim(tmp_path / "second", ["--dialect", dialect]))
            gate.other, url = sims[-1], sims[-1].url
        gate.must("upstreams", "add", "--name", "other", "--base-url", url,
                  "--dialect", dialect, "--join",
                  *[word for m in models for word in ("--model", m)])
        add(gate, "other", B)
        return gate

    yield make
    for sim in sims:
        sim.stop()


def favourite(gate, key):
    """The secret that this key's calls go with, and the other one."""
    gate.sim.reset()
    assert gate.chat(key).status == 200
    asked = [s for s in (A, B) if gate.sim.asked(s)["requests"] == 1]
    assert len(asked) == 1
    gate.sim.reset()
    return asked[0], B if asked[0] == A else A


def health(gate, credential):
    return gate.admin("GET",
                      "/credentials/" + credential["id"]).json["health"]


def seen(sim):
    """The calls that the simulator saw."""
    return [r for r in sim.requests(1000) if r["method"] == "POST"]


# A call goes on


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("status", ["401", "402", "429", "429-concurrency",
                                    "429-quota", "500", "503"])
def test_a_refusal_is_overcome_by_the_next_credential(pool, status, stream):
    gate = pool
    key = gate.key("overcomes")
    first, second = favourite(gate, key)
    gate.sim.rule(first, status=status)
    answer = gate.chat(key, "hello there", stream=stream, max_tokens=9)
    assert answer.status == 200
    if stream:
        events = list(answer.events())
        assert events[-1]["usage"]["completion_tokens"] == 9
    else:
        assert answer.json["usage"]["completion_tokens"] == 9
    assert gate.sim.asked(first)["refused"] == 1
    assert gate.sim.asked(second)["requests"] == 1
    assert gate.sim.count()["total"]["requests"] == 1
    calls = gate.wait_calls(2, key)
    assert calls[0]["status"] == 200 and calls[0]["completion_tokens"] == 9
    assert calls[0]["basis"] == "reported"
    use = gate.request("GET", "/v1/key", key).json["use"]
    assert use["in_flight"] == 0
    assert {h["calls_at_once"] for h in
            (health(gate, gate.first), health(gate, gate.second))} == {0}


def test_what_the_client_sees_is_one_answer_and_nothing_of_the_other(pool):
    gate = pool
    key = gate.key("sees")
    first, _ = favourite(gate, key)
    plain = gate.chat(key, "same words")
    gate.sim.rule(first, status="401")
    answer = gate.chat(key, "same words")
    assert sorted(answer.headers) == sorted(plain.headers)
    assert "refus" not in answer.text and "****" not in answer.text
    assert {k: v for k, v in answer.json.items() if k not in ("id", "created")
            } == {k: v for k, v in plain.json.items()
                  if k not in ("id", "created")}


def test_a_call_has_one_record_however_many_tries_it_took(two):
    gate = two()
    key = gate.key("one record")
    gate.sim.fault("status", "503", count=1)
    assert gate.chat(key).status == 200
    call, = gate.wait_calls(1, key)
    assert call["upstream"] == "other" and call["status"] == 200
    assert gate.other.count()["total"]["completion_tokens"] == \
        call["completion_tokens"]
    assert gate.sim.count()["total"]["requests"] == 0


@pytest.mark.parametrize("dialect, model", [("openai", "gpt-4o-mini"),
                                            ("vllm", "any/model")])
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_another_dialect_gets_a_body_of_its_own(two, dialect, model, stream):
    """The first is DeepSeek, which needs nothing asked; the second is told
    to report, and to obey the limit that was held for."""
    gate = two(dialect=dialect, models=[model])
    gate.must("models", "add", model, "--upstream", "sim", "--upstream",
              "other", "--prompt", "1", "--completion", "2", "--max-output",
              "50")
    key = gate.key("dialects")
    gate.sim.fault("status", "503", count=1)
    answer = gate.request("POST", "/v1/chat/completions", key, {
        "model": model, "stream": stream,
        "messages": [{"role": "user", "content": "hello"}]}, stream=stream)
    assert answer.status == 200, answer.text
    if stream:
        events = list(answer.events())
        assert all("usage" not in e for e in events)
        assert all(e["choices"] for e in events)
    sent = json.loads(seen(gate.other)[-1]["body"])
    assert sent.get("stream_options") == (
        {"include_usage": True} if stream else None)
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "reported" and call["upstream"] == "other"
    total = gate.other.count()["total"]
    assert (call["prompt_tokens"], call["completion_tokens"]) == (
        total["prompt_tokens"], total["completion_tokens"])


def test_a_stream_holds_all_where_tokens_are_made_unseen(two):
    """On its way to DeepSeek it held a first step, which OpenAI's would not
    be enough for."""
    limits = {"gpt-4o-mini": 1024, "gpt-4o": 5000}
    gate = two(dialect="openai", models=list(limits))
    held = {}
    for model, limit in limits.items():
        gate.must("models", "add", model, "--upstream", "sim", "--upstream",
                  "other", "--prompt", "1", "--completion", "2",
                  "--max-output", str(limit))
        key = gate.key(model)
        gate.sim.fault("status", "503", count=1)
        answer = gate.chat(key, "sim:stall=1", model=model, stream=True)
        next(answer.events())
        state = StateFile(gate.shm)
        held[model] = state.used_in_day(state.key_at(key.id))
        answer.close()
    nanos_a_token = 2000
    assert held["gpt-4o"] - held["gpt-4o-mini"] == (5000 - 1024) * nanos_a_token


def test_a_limit_that_the_next_dialect_ignores_is_said_in_its_words(two):
    """OpenAI obeys max_completion_tokens, and that much is held; DeepSeek
    ignores it, so it is told with max_tokens."""
    gate = two(dialect="deepseek", models=[MODEL])
    gate.must("upstreams", "add", "--replace", "--name", "sim", "--base-url",
              gate.sim.url, "--dialect", "vllm")
    key = gate.key("limits")
    gate.sim.fault("status", "503", count=1)
    answer = gate.chat(key, max_completion_tokens=7)
    assert answer.status == 200, answer.text
    assert json.loads(seen(gate.other)[-1]["body"])["max_tokens"] == 7
    call, = gate.wait_calls(1, key)
    assert call["completion_tokens"] == 7 and call["basis"] == "reported"


@pytest.mark.parametrize("size", [100, 100_000, 1_000_000],
                         ids=["small", "buffer", "file"])
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_the_body_is_sent_again_byte_by_byte(two, size, stream):
    """In memory and spooled to a file, and with an edit in it."""
    gate = two(dialect="openai", models=["gpt-4o-mini"])
    gate.must("upstreams", "add", "--replace", "--name", "sim", "--base-url",
              gate.sim.url, "--dialect", "openai")
    gate.must("models", "add", "gpt-4o-mini", "--upstream", "sim",
              "--upstream", "other", "--prompt", "0.01", "--completion", "1")
    key = gate.key("again", tpm=10**8)
    gate.sim.fault("status", "503", count=1)
    answer = gate.request("POST", "/v1/chat/completions", key, {
        "model": "gpt-4o-mini", "stream": stream, "max_tokens": 5,
        "messages": [{"role": "user", "content": "x" * size}]}, stream=stream)
    assert answer.status == 200
    answer.body
    first, second = seen(gate.sim)[-1], seen(gate.other)[-1]
    assert first["status"] == 503 and second["status"] == 200
    assert first["body_bytes"] == second["body_bytes"] > size
    assert first["body_sha256"] == second["body_sha256"]
    assert ("include_usage" in second["body"]) == (stream and size == 100
                                                   or "include_usage"
                                                   in first["body"])
    gate.wait_calls(1, key)


def test_an_upstream_that_refuses_connections_is_passed_over(two):
    """Nothing was sent.  The next calls do not even try it."""
    gate = two()
    gate.sim.stop()
    key = gate.key("refused")
    for stream in (False, True, False):
        answer = gate.chat(key, stream=stream)
        assert answer.status == 200
        answer.body
    assert {c["upstream"] for c in gate.wait_calls(3, key)} == {"other"}
    assert gate.other.count()["requests_seen"] == 3


def test_an_upstream_that_does_not_accept_is_given_up_in_time(two):
    """Its queue is full, so a connection neither comes about nor fails."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        gate = two()
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        fill = []
        for _ in range(3):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(deaf.getsockname())
            fill.append(s)
        key = gate.key("deaf")
        began = time.monotonic()
        assert gate.chat(key).status == 200
        assert 2 < time.monotonic() - began < 9
        for s in fill:
            s.close()


def test_a_large_error_is_overcome_too(two):
    """As of a proxy in front of a provider: more than is read of it."""
    gate = two()
    page = b"<html>" + b"x" * 60000 + b"</html>"

    def answer_with_page(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: "
                + str(len(page)).encode() + b"\r\n\r\n" + page)

    with socket.create_server(("127.0.0.1", 0)) as server:
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=answer_with_page, args=(server,))
        thread.start()
        assert gate.chat(gate.key("page")).status == 200
        thread.join(10)


def test_an_error_that_does_not_end_is_not_waited_for(two):
    gate = two()
    over = threading.Event()

    def drip(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\n"
                               b"Content-Length: 1000000\r\n\r\n{")
            over.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as server:
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        began = time.monotonic()
        assert gate.chat(gate.key("drip")).status == 200
        assert time.monotonic() - began < 6
        over.set()
        thread.join(10)


def test_four_tries_at_most(pool):
    gate = pool
    for n in range(4):
        add(gate, "sim", f"sk-pool-more-{n}-dddddddddddddddddd")
    gate.sim.fault("status", "429", count=6)
    answer = gate.chat(gate.key("four"))
    assert answer.status == 429
    assert gate.sim.count()["requests_seen"] == 4


def test_the_books_agree_while_upstreams_refuse_at_random(two):
    """Of two upstreams with two credentials each: every call has one record,
    and what was answered is what they say they served."""
    gate = two()
    add(gate, "sim", C, "--concurrency", "3")
    add(gate, "other", D)
    key = gate.key("random", rpm=10**6, tpm=10**9)
    dice, over = random.Random(20261126), threading.Event()

    def refuse():
        while not over.is_set():
            sim = dice.choice([gate.sim, gate.other])
            sim.rule(dice.choice([A, C] if sim is gate.sim else [B, D]),
                     status=dice.choice(["401", "429", "429-concurrency",
                                         "500", "503", "503"]),
                     count=dice.choice([0, 1, 3]))
            over.wait(0.01)

    def call(n):
        answer = gate.chat(key, "sim:slow=1", stream=n % 3 == 0,
                           max_tokens=5 + n % 7)
        answer.body
        return answer.status

    thread = threading.Thread(target=refuse)
    thread.start()
    with ThreadPoolExecutor(16) as many:
        statuses = list(many.map(call, range(600)))
    over.set()
    thread.join()
    fine = statuses.count(200)
    assert fine > 300 and fine < 600, "some went through, some did not"
    rows = [row for row in gate.calls() if row["key_id"] == key.id]
    served = [s.count()["total"] for s in (gate.sim, gate.other)]
    assert sum(s["requests"] for s in served) == fine == \
        sum(row["status"] == 200 for row in rows)
    assert sum(s["completion_tokens"] for s in served) == \
        sum(row["completion_tokens"] for row in rows)
    assert {row["upstream"] for row in rows if row["status"] == 200} == {
        "sim", "other"}
    assert all(row["cost"] == "0.00" for row in rows if row["status"] != 200)
    use = gate.request("GET", "/v1/key", key).json["use"]
    assert use["in_flight"] == 0
    assert all(c["health"]["calls_at_once"] == 0 for c in gate.credentials())


# A call does not go on


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("fault, arg, status, code", [
    ("status", "400", 400, "invalid_request"),
    ("status", "404", 404, "invalid_request"),
    ("status", "422", 422, "invalid_request"),
    ("status", "504", 504, "upstream_timeout"),
    ("empty", None, 502, "upstream_error"),
])
def test_what_may_have_been_done_or_is_the_clients_fault_is_not_tried_again(
        two, fault, arg, status, code, stream):
    gate = two()
    key = gate.key("stays")
    gate.sim.fault(fault, arg, count=1)
    answer = gate.chat(key, stream=stream)
    assert (answer.status, answer.code) == (status, code)
    assert len(seen(gate.sim)) == 1 and seen(gate.other) == []
    call, = gate.wait_calls(1, key)
    assert call["upstream"] == "sim"


@pytest.mark.parametrize("behaviour", ["closes", "nonsense", "half a head"])
def test_an_upstream_that_got_the_request_and_gave_no_answer(two, behaviour):
    gate = two()
    requests = []

    def serve(server):
        connection, _ = server.accept()
        with connection:
            requests.append(connection.recv(65536))
            if behaviour == "nonsense":
                connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            if behaviour == "half a head":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")

    with socket.create_server(("127.0.0.1", 0)) as server:
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        key = gate.key("silent")
        answer = gate.chat(key)
        thread.join(10)
    assert (answer.status, answer.code) == (502, "upstream_error")
    assert len(requests) == 1 and seen(gate.other) == []
    gate.wait_calls(1, key)


def test_nothing_goes_on_once_a_byte_was_passed_on(two):
    gate = two()
    key = gate.key("begun")
    gate.sim.fault("error-midstream", 3, count=1)
    events = list(gate.chat(key, stream=True).events())
    assert "error" in events[-1]
    gate.sim.fault("cut", 3, count=1)
    answer = gate.chat(key, stream=True)
    last = None
    for last in answer.events():
        pass
    assert last["error"]["code"] == "upstream_error"
    assert len(seen(gate.sim)) == 2 and seen(gate.other) == []


def test_a_key_that_was_disabled_meanwhile_does_not_go_on(two):
    """Each try is a request of its own: the key is asked again."""
    gate = two()
    key = gate.key("revoked")
    asked, may_answer = threading.Event(), threading.Event()

    def serve(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            asked.set()
            may_answer.wait(20)
            connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n"
                               b"\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as server:
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        with ThreadPoolExecutor(1) as one:
            answer = one.submit(gate.chat, key)
            assert asked.wait(10)
            gate.must("keys", "disable", key.id, "--yes")
            may_answer.set()
            assert answer.result().status == 503
        thread.join(10)
    assert seen(gate.other) == []


# Credentials that are taken out


def test_one_that_is_rejected_is_taken_out_and_comes_back(pool):
    gate = pool
    key = gate.key("out")
    first, second = favourite(gate, key)
    out = gate.first if first == A else gate.second
    gate.sim.rule(first, status="402")
    for _ in range(5):
        assert gate.chat(key).status == 200
    assert gate.sim.asked(first)["requests"] == 1, "it was asked once"
    state = health(gate, out)
    assert state["state"] == "rejected" and state["last_status"] == 402
    assert state["failures"] == 1 and state["until"] is not None
    listed = gate.must("credentials", "list")
    assert "rejected" in listed and "402" in listed

    gate.sim.rule(first)
    gate.must("credentials", "reopen", out["id"])
    assert gate.chat(key).status == 200
    assert gate.sim.asked(first)["requests"] == 2, "and is its keys' again"
    assert health(gate, out)["state"] == "open"


def test_it_is_tried_again_half_open_with_one_call_at_a_time(pool):
    gate = pool
    key = gate.key("half-open")
    first, second = favourite(gate, key)
    out = gate.first if first == A else gate.second
    gate.sim.rule(first, status="401")
    assert gate.chat(key).status == 200
    gate.sim.rule(first)
    gate.wait(lambda: health(gate, out)["state"] == "due", 20, "time to probe")
    with ThreadPoolExecutor(8) as eight:
        for answer in eight.map(
                lambda _: gate.chat(key, "sim:slow=100 sim:tokens=5"),
                range(8)):
            assert answer.status == 200
    assert gate.sim.asked(first)["most_at_once"] == 1
    assert gate.sim.asked(first)["requests"] == 2
    assert health(gate, out)["state"] == "open"


def test_when_all_are_out_the_refusal_says_so_and_it_ends_by_itself(pool):
    gate = pool
    key = gate.key("all out")
    for secret in (A, B):
        gate.sim.rule(secret, status="401")
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (502, "upstream_error")
    before = gate.sim.count()["requests_seen"]
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert "refuses every credential" in answer.json["error"]["message"]
    assert gate.sim.count()["requests_seen"] == before
    for secret in (A, B):
        gate.sim.rule(secret)
    gate.wait(lambda: gate.chat(key).status == 200, 20, "probe")


def test_an_upstream_that_asks_to_wait_is_not_asked_meanwhile(two):
    gate = two()

    def serve(server):
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 429 Slow down\r\nRetry-After: 40\r\n"
                               b"Content-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as server:
        gate.must("models", "add", MODEL, "--upstream", "sim", "--prompt", "1",
                  "--completion", "1")
        gate.must("upstreams", "add", "--replace", "--name", "sim",
                  "--base-url", f"http://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        key = gate.key("patient")
        answer = gate.chat(key)
        thread.join(10)
        assert answer.status == 429 and answer.headers["retry-after"] == "40"
        answer = gate.chat(key)
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert 30 < int(answer.headers["retry-after"]) <= 40
    assert "wants this gate to wait" in answer.json["error"]["message"]
    assert "x-should-retry" not in answer.headers


# Events


def events(gate, **query):
    path = "/events?" + "&".join(f"{k}={v}" for k, v in query.items())
    return gate.admin("GET", path).json["data"]


def test_an_event_is_told_once_when_one_goes_out_and_comes_back(pool):
    gate = pool
    key = gate.key("events")
    first, _ = favourite(gate, key)
    out = gate.first if first == A else gate.second
    gate.sim.rule(first, status="401")
    assert gate.chat(key).status == 200
    gate.wait(lambda: events(gate), 10, "event")
    failed, = events(gate)
    assert set(failed) == properties("event") == required("event")
    assert failed["type"] == "credential_failed"
    assert failed["severity"] == "warning"
    assert failed["credential_id"] == out["id"]
    assert failed["upstream_id"] == out["upstream_id"]
    assert failed["evidence"]["status"] == 401
    assert failed["evidence"]["upstream"] == "sim"
    assert failed["evidence"]["last4"] == first[-4:]
    assert first not in json.dumps(failed)
    log = [line for line in gate.said().splitlines() if out["id"] in line]
    assert len(log) == 1 and " warning: " in log[0] and "401" in log[0]

    code, text, _ = gate.cli("status")
    assert "refused" in text and out["id"] in text
    assert gate.status()["daemon"]["health"]["status"] == "degraded"

    # Its probe fails, too, and the daemon dies: that is the same episode.
    gate.wait(lambda: (gate.chat(key), health(gate, out))[1]["failures"] > 1,
              20, "probe")
    gate.kill_daemon()
    gate.wait_daemon()
    gate.sim.rule(first)
    gate.must("credentials", "reopen", out["id"])
    gate.wait(lambda: len(events(gate)) > 1, 10, "event")
    back, failed = events(gate)
    assert back["type"] == "credential_recovered"
    assert back["severity"] == "info" and back["credential_id"] == out["id"]
    assert [e["id"] for e in events(gate, type="credential_recovered")] == [
        back["id"]]
    assert [e["id"] for e in events(gate, limit=1)] == [back["id"]]
    assert [e["id"] for e in events(gate, after=back["id"])] == [failed["id"]]
    assert events(gate, since="2099-01-01") == []
    assert gate.admin("GET", "/events?after=evt_x").status == 400
    assert gate.status()["daemon"]["health"]["status"] == "ok"

    listed = gate.must("events", "--type", "credential_failed")
    assert "401" in listed and "recovered" not in listed
    assert len(gate.cli_json("events", "list", "--since", "1h")["data"]) == 2


def test_an_episode_while_the_daemon_is_dead_is_told_later(pool):
    gate = pool
    key = gate.key("later")
    first, _ = favourite(gate, key)
    gate.sim.rule(first, status="401", count=1)
    os.kill(gate.up_pid(), signal.SIGSTOP)
    try:
        os.kill(gate.daemon_pid(), signal.SIGKILL)
        assert gate.chat(key).status == 200
        gate.wait(lambda: (gate.chat(key),
                           gate.sim.asked(first)["requests"])[1] > 1, 20,
                  "probe")
    finally:
        os.kill(gate.up_pid(), signal.SIGCONT)
    gate.wait_daemon()
    gate.wait(lambda: len(events(gate)) >= 2, 10, "events")
    assert [e["type"] for e in events(gate)] == ["credential_recovered",
                                                 "credential_failed"]


def test_the_last_one_that_goes_out_is_critical(pool):
    gate = pool
    for secret in (A, B):
        gate.sim.rule(secret, status="401")
    gate.chat(gate.key("critical"))
    gate.wait(lambda: len(events(gate)) >= 2, 10, "events")
    assert "critical" in {e["severity"] for e in events(gate)}
    assert any("no other credential" in e["message"] for e in events(gate))


def test_a_limit_or_a_fault_of_the_request_is_no_event(pool):
    gate = pool
    key = gate.key("no event")
    for status in ("400", "429", "503", "500", "422"):
        gate.sim.fault("status", status, count=1)
        gate.chat(key)
    gate.mend()
    gate.sim.rule(A, status="401")
    gate.sim.rule(B, status="401")
    gate.chat(key)
    gate.wait(lambda: len(events(gate)) >= 2, 10, "events")
    assert {e["evidence"]["status"] for e in events(gate)} == {401}


# Calls at once


def at_once(gate, key, n, text="sim:slow=20 sim:tokens=10"):
    with ThreadPoolExecutor(n) as many:
        return [a.status for a in many.map(lambda _: gate.chat(key, text),
                                           range(n))]


def test_a_limit_is_learned_and_never_exceeded_again(make_gate):
    gate = make_gate().start()
    credential = add(gate, "sim", A, "--replace")
    gate.sim.rule(A, concurrency=3)
    key = gate.key("learns", rpm=100000, tpm=10000000)
    statuses = at_once(gate, key, 12)
    assert set(statuses) == {200, 429}
    assert health(gate, credential)["concurrency"] == 3
    refused = gate.sim.asked(A)["refused"]
    assert refused > 0
    gate.must("credentials", "reopen", credential["id"])
    gate.sim.rule(A, concurrency=3)
    at_once(gate, key, 12)
    learned = gate.sim.asked(A)["refused"]
    for _ in range(5):
        assert 200 in at_once(gate, key, 12)
    assert gate.sim.asked(A)["refused"] == learned


def with_workers(gate, n):
    """As many as a machine with n processors has."""
    conf = gate.home / "run" / "nginx.conf"
    text = conf.read_text()
    assert "worker_processes auto;" in text
    conf.write_text(text.replace("worker_processes auto;",
                                 f"worker_processes {n};"))
    os.kill(gate.nginx_pid(), signal.SIGHUP)
    gate.wait(lambda: len(gate.nginx_workers()) == n, 20, f"{n} workers")


def test_a_limit_holds_over_all_workers(make_gate):
    gate = make_gate().start()
    with_workers(gate, 8)
    credential = add(gate, "sim", A, "--replace", "--concurrency", "3")
    assert credential["concurrency"] == 3
    key = gate.key("three", rpm=1000000, tpm=100000000)
    for _ in range(4):
        statuses = at_once(gate, key, 24, "sim:slow=5 sim:tokens=8")
        assert set(statuses) <= {200, 429} and 200 in statuses
    assert gate.sim.asked(A)["most_at_once"] == 3
    refusal = None
    with ThreadPoolExecutor(24) as many:
        for answer in many.map(
                lambda _: gate.chat(key, "sim:slow=50 sim:tokens=8"),
                range(24)):
            refusal = answer if answer.status == 429 else refusal
    assert refusal.headers["retry-after"] == "1"
    assert "as many calls at once" in refusal.json["error"]["message"]
    gate.wait(lambda: health(gate, credential)["calls_at_once"] == 0, 5,
              "end of all calls")


def test_full_credentials_make_room_in_others(pool):
    gate = pool
    for credential in (gate.first, gate.second):
        gate.must("credentials", "update", credential["id"], "--concurrency",
                  "2")
    key = gate.key("room", rpm=100000, tpm=10000000)
    statuses = at_once(gate, key, 4, "sim:slow=100 sim:tokens=10")
    assert statuses == [200] * 4
    assert gate.sim.asked(A)["requests"] == 2
    assert gate.sim.asked(B)["requests"] == 2


def test_killed_workers_leave_no_calls_counted(pool):
    gate = pool
    key = gate.key("killed", rpm=100000, tpm=10000000)
    streams = [gate.chat(key, "sim:slow=100 sim:tokens=1000", stream=True)
               for _ in range(6)]
    for stream in streams:
        next(stream.events())

    def counted():
        return sum(health(gate, c)["calls_at_once"]
                   for c in (gate.first, gate.second))

    assert counted() == 6
    for pid in gate.nginx_workers():
        os.kill(pid, signal.SIGKILL)
    gate.wait(lambda: counted() == 0, 20, "recovery")
    for stream in streams:
        stream.close()
    gate.wait(lambda: gate.chat(key).status == 200, 10, "new worker")


def test_clients_that_leave_give_their_places_back(make_gate):
    gate = make_gate().start()
    credential = add(gate, "sim", A, "--replace", "--concurrency", "2")
    key = gate.key("leaves", rpm=100000, tpm=10000000)
    for _ in range(3):
        streams = [gate.chat(key, "sim:slow=50 sim:tokens=1000", stream=True)
                   for _ in range(2)]
        for stream in streams:
            next(stream.events())
        assert gate.chat(key).status == 429
        for stream in streams:
            stream.close()
        gate.wait(lambda: health(gate, credential)["calls_at_once"] == 0, 5,
                  "places")


# Administration


def test_adding_joins_the_pool_and_the_same_secret_only_once(pool):
    gate = pool
    assert [c["id"] for c in gate.credentials()] == [gate.first["id"],
                                                     gate.second["id"]]
    again = add(gate, "sim", A, "--concurrency", "9")
    assert again["id"] == gate.first["id"] and again["concurrency"] == 9
    assert len(gate.credentials()) == 2
    only = add(gate, "sim", C, "--replace")
    assert [c["id"] for c in gate.credentials()] == [only["id"]]
    assert add(gate, "sim", C, "--replace")["id"] == only["id"]
    assert gate.chat(gate.key("one")).status == 200
    assert gate.sim.asked(C)["requests"] == 1


def test_rotating_switches_from_one_call_to_the_next(pool):
    gate = pool
    key = gate.key("rotates")
    first, _ = favourite(gate, key)
    old = gate.first if first == A else gate.second
    gate.must("credentials", "update", old["id"], "--concurrency", "50")
    gate.sim.rule(first, status="401")
    gate.chat(key)
    new = json.loads(gate.must("credentials", "rotate", old["id"], "--json",
                               input=C + "\n"))
    assert new["concurrency"] == 50 and new["id"] != old["id"]
    assert new["health"]["state"] == "open"
    gate.sim.reset()
    assert gate.chat(key).status == 200
    assert gate.sim.asked(C)["requests"] == 1, "its keys are the new one's"
    code, _, err = gate.cli("credentials", "rotate", old["id"],
                            input=C + "\n")
    assert code == 1 and "replaced or disabled" in err
    code, _, err = gate.cli("credentials", "rotate", new["id"],
                            input=C + "\n")
    assert code == 1 and "in the pool already" in err


def test_a_disabled_one_is_not_used_and_its_place_is_free(pool):
    gate = pool
    gate.must("credentials", "disable", gate.first["id"], "--yes")
    key = gate.key("disabled")
    gate.sim.reset()
    for _ in range(3):
        assert gate.chat(key).status == 200
    assert gate.sim.asked(A)["requests"] == 0
    gate.must("credentials", "disable", gate.second["id"], "--yes")
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert "without a credential" in answer.json["error"]["message"]
    add(gate, "sim", A)
    assert gate.chat(key).status == 200


def test_a_pool_has_its_limits(pool):
    gate = pool
    for n in range(14):
        assert gate.admin("POST", "/credentials", {
            "upstream": "sim", "secret": f"sk-more-{n}-0123456789"}
                          ).status == 201
    answer = gate.admin("POST", "/credentials",
                        {"upstream": "sim", "secret": "sk-one-too-many"})
    assert (answer.status, answer.code) == (409, "limit_reached")
    assert gate.chat(gate.key("many")).status == 200


def test_credentials_keep_their_rows_and_their_health(pool):
    """A change of another one, and the daemon's death, leave it out."""
    gate = pool
    key = gate.key("rows")
    first, second = favourite(gate, key)
    out = gate.first if first == A else gate.second
    gate.sim.rule(first, status="402")
    assert gate.chat(key).status == 200
    third = add(gate, "sim", C)
    gate.must("credentials", "disable", third["id"], "--yes")
    assert health(gate, out)["state"] == "rejected"
    gate.kill_daemon()
    gate.wait_daemon()
    assert health(gate, out)["state"] == "rejected"
    assert gate.chat(key).status == 200
    assert gate.sim.asked(first)["requests"] == 1


def test_models_have_upstreams_in_their_order(two):
    gate = two()
    model = gate.admin("GET", f"/models/{MODEL}").json
    assert model["upstreams"] == ["sim", "other"]
    assert model["upstream"] == "sim"
    key = gate.key("ordered")
    assert gate.chat(key).status == 200
    gate.must("models", "add", MODEL, "--upstream", "other", "--upstream",
              "sim", "--prompt", "1", "--completion", "1")
    assert gate.chat(key).status == 200
    assert [c["upstream"] for c in gate.wait_calls(2, key)] == ["other", "sim"]
    assert MODEL in gate.cli_json("upstreams", "list")["data"][0]["models"]
    answer = gate.admin("POST", "/models", {"id": MODEL, "upstreams":
                                            ["sim", "sim"]})
    assert answer.status == 400
    answer = gate.admin("POST", "/models", {"id": MODEL, "upstreams":
                                            ["a", "b", "c", "d", "e"]})
    assert answer.status == 400


def test_http2_and_tls_in_front_change_nothing(tls_gate):
    gate = tls_gate
    add(gate, "sim", A, "--replace")
    add(gate, "sim", B)
    key = gate.key("h2")
    first, _ = favourite(gate, key)
    gate.sim.rule(first, status="503")
    body = json.dumps({"model": MODEL, "max_tokens": 3, "messages":
                       [{"role": "user", "content": "hello"}]})
    done = subprocess.run(
        ["curl", "-s", "--http2", "--noproxy", "*", "--cacert",
         gate.ca, "-w", "%{http_version} %{http_code}", "-H",
         f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "-d", body,
         gate.tls_url + "/v1/chat/completions"],
        capture_output=True, text=True, timeout=30)
    assert done.stdout.endswith("2 200"), done.stdout + done.stderr
    assert json.loads(done.stdout[:-len("2 200")])["usage"][
        "completion_tokens"] == 3
