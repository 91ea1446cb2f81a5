"""Calls that wait for room under their key's limits: --queue."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import namedtuple
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from conftest import free_port, http_request, wait

Row = namedtuple("Row", "area ticket")

# Connections are spread over the workers here, and not where they please.
SPREAD = """
server {
    listen 127.0.0.1:%d reuseport;
    include gate.conf;
}
"""


class StateFile:
    """What docs/state.md says of waiters and areas."""

    def __init__(self, gate):
        self.path = gate.shm / "state"

    def read(self, offset, layout):
        with open(self.path, "rb") as file:
            file.seek(offset)
            return struct.unpack(layout, file.read(struct.calcsize(layout)))

    def waiters(self):
        """The rows in use, first come first."""
        at, = self.read(136, "<Q")
        words = self.read(at, "<" + "QQIIQ" * 1024)
        rows = [Row(words[i + 3], words[i + 1])
                for i in range(0, len(words), 5) if words[i] and words[i + 1]]
        return sorted(rows, key=lambda row: row.ticket)

    def pid(self, area):
        at, = self.read(96, "<Q")
        return self.read(at + 1088 * area + 8, "<I")[0]


@pytest.fixture
def spread_gate(make_gate):
    """A gate that is served on spread_url, too."""
    it = make_gate()
    (it.home / "nginx.d").mkdir(parents=True, mode=0o700)
    port = free_port()
    (it.home / "nginx.d" / "spread.conf").write_text(SPREAD % port)
    it.spread_url = f"http://127.0.0.1:{port}"
    return it.start()


def body(text, **members):
    return {"model": "deepseek-flash", "max_tokens": 3,
            "messages": [{"role": "user", "content": text}], **members}


class Call(threading.Thread):
    """A call of its own thread: its answer, or what became of it."""

    def __init__(self, url, key, text="hello"):
        super().__init__(daemon=True)
        self.url, self.key, self.text = url, key, text
        self.answer = self.failure = None
        self.start()

    def run(self):
        self.begun = time.monotonic()
        try:
            self.answer = http_request(
                self.url, "POST", "/v1/chat/completions",
                {"Authorization": f"Bearer {self.key}"}, body(str(self.text)),
                timeout=60)
        except (OSError, http.client.HTTPException) as failure:
            self.failure = failure
        self.took = time.monotonic() - self.begun

    def end(self):
        self.join(60)
        assert not self.is_alive(), "a call that does not end"
        return self


def hold(gate, key, url=None):
    """A stream that runs until it is left."""
    answer = http_request(
        url or gate.url, "POST", "/v1/chat/completions",
        {"Authorization": f"Bearer {key}"},
        body("sim:slow=20 sim:tokens=100000", max_tokens=100000, stream=True),
        stream=True)
    assert answer.status == 200
    next(answer.events())
    return answer


def line_up(gate, key, texts, url=None):
    """Calls that wait, each behind the one before."""
    state, calls = StateFile(gate), []
    before = len(state.waiters())
    for text in texts:
        calls.append(Call(url or gate.url, key, text))
        wait(lambda: len(state.waiters()) == before + len(calls),
             what=f"call {text} in line")
    return calls


def line_up_in_both(gate, key):
    """Calls that wait in two workers, if there are two."""
    areas = min(2, len(gate.nginx_workers()))
    state = StateFile(gate)
    calls = line_up(gate, key, range(8), gate.spread_url)
    while len({row.area for row in state.waiters()}) < areas:
        assert len(calls) < 60, "all connections go to one worker"
        calls += line_up(gate, key, [len(calls)], gate.spread_url)
    return calls


def asked(gate, count):
    """The texts of the last requests upstream, oldest first."""
    return [json.loads(request["body"])["messages"][0]["content"]
            for request in gate.sim.requests(count)]


def at_ms(call):
    return round(datetime.fromisoformat(
        call["at"].replace("Z", "+00:00")).timestamp() * 1000)


def test_first_come_first_served_over_workers(spread_gate):
    gate = spread_gate
    key = gate.key("line", concurrency=1, queue="60s", rpm=10**8)
    held = hold(gate, key)
    calls = line_up_in_both(gate, key)
    seen = gate.sim.count()["requests_seen"]
    assert seen == 1, "nothing of them is upstream yet"
    held.close()
    assert [call.end().answer.status for call in calls] == [200] * len(calls)
    assert asked(gate, len(calls)) == [str(n) for n in range(len(calls))]
    assert StateFile(gate).waiters() == []
    rows = gate.wait_calls(len(calls) + 1, key)
    assert [row["status"] for row in rows[:-1]] == [200] * len(calls)
    assert gate.request("GET", "/v1/key", key).json["use"]["in_flight"] == 0


def test_a_rate_is_waited_for_exactly(gate):
    key = gate.key("exact", qps=2, queue="20s", rpm=10**8)
    calls = [Call(gate.url, key) for _ in range(7)]
    assert [call.end().answer.status for call in calls] == [200] * 7
    # Of a full bucket of two, one comes back every 500 ms.
    rows = sorted(gate.wait_calls(7, key), key=at_ms)
    due = [at_ms(rows[0]) + max(0, n - 1) * 500 for n in range(7)]
    late = [at_ms(row) - at for row, at in zip(rows, due)][2:]
    assert min(late) >= 0, "never before its time"
    assert max(late) < 400, "and soon after"
    # The wait is the caller's time, so it is in the record.
    took = {call.answer.headers["x-request-id"]: 1000 * call.took
            for call in calls}
    for row in rows:
        assert took[row["request_id"]] - 400 < row["latency_ms"]
        assert row["ttft_ms"] <= row["latency_ms"]
    last = max(calls, key=lambda call: call.took).answer
    assert last.headers["x-ratelimit-limit-requests"] == "2"
    assert last.headers["x-ratelimit-remaining-requests"] == "0"


def test_who_would_wait_too_long_is_refused_at_once(gate):
    key = gate.key("too long", rpm=1, queue="30s")
    assert Call(gate.url, key).end().answer.status == 200
    call = Call(gate.url, key).end()
    assert (call.answer.status, call.answer.code) == (
        429, "rate_limit_exceeded")
    assert call.took < 15
    assert 40000 < int(call.answer.headers["retry-after-ms"]) <= 60000
    assert "1 request per minute" in call.answer.text
    assert "waited" not in call.answer.text


def test_nobody_waits_longer_than_allowed(gate):
    key = gate.key("bounded", concurrency=1, queue="500ms")
    held = hold(gate, key)
    call = Call(gate.url, key).end()
    assert call.took > 0.49
    assert (call.answer.status, call.answer.code) == (
        429, "rate_limit_exceeded")
    assert "1 call at once, and this one has waited 5" in call.answer.text
    assert call.answer.headers["retry-after"] == "1"
    held.close()


def test_who_leaves_gives_up_the_place(gate):
    key = gate.key("leaves", concurrency=1, queue="60s")
    state = StateFile(gate)
    held = hold(gate, key)
    seen = gate.sim.count()["requests_seen"]
    parts = urlsplit(gate.url)
    content = json.dumps(body("who left")).encode()
    with socket.create_connection((parts.hostname, parts.port)) as leaver:
        leaver.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (key.encode(), len(content),
                                               content))
        wait(lambda: len(state.waiters()) == 1, what="one in line")
        behind, = line_up(gate, key, ["who stayed"])
    wait(lambda: len(state.waiters()) == 1, what="its leaving")
    assert gate.sim.count()["requests_seen"] == seen
    held.close()
    assert behind.end().answer.status == 200
    assert asked(gate, 1) == ["who stayed"]
    gate.wait_calls(2, key)


def test_a_key_that_is_disabled_lets_nobody_wait_on(gate):
    key = gate.key("ends", concurrency=1, queue="60s")
    hold_key = hold(gate, key)
    calls = line_up(gate, key, ["a", "b"])
    seen = gate.sim.count()["requests_seen"]
    answer = gate.admin("POST", f"/keys/{key.id}/disable")
    assert answer.status == 200
    for call in calls:
        assert (call.end().answer.status, call.answer.code) == (
            401, "key_disabled")
    assert gate.sim.count()["requests_seen"] == seen
    assert StateFile(gate).waiters() == []
    hold_key.close()


def test_a_limit_that_is_raised_is_live_for_those_who_wait(gate):
    key = gate.key("raised", concurrency=1, queue="60s")
    held = hold(gate, key)
    calls = line_up(gate, key, ["a", "b"])
    gate.must("keys", "update", key.id, "--concurrency", 3)
    assert [call.end().answer.status for call in calls] == [200, 200]
    held.close()


def test_the_line_of_one_key_is_not_that_of_another(gate):
    key = gate.key("full", concurrency=1, queue="60s")
    other = gate.key("free", concurrency=1, queue="60s")
    held = hold(gate, key)
    waiting, = line_up(gate, key, ["waits"])
    assert Call(gate.url, other).end().answer.status == 200
    assert waiting.is_alive()
    held.close()
    assert waiting.end().answer.status == 200


def test_a_killed_worker_holds_nobody_up(spread_gate):
    gate, state = spread_gate, StateFile(spread_gate)
    if len(gate.nginx_workers()) < 2:
        pytest.skip("one processor, one worker")
    key = gate.key("killed", concurrency=1, queue="60s", rpm=10**8)
    held = hold(gate, key, gate.spread_url)
    calls = line_up_in_both(gate, key)
    rows = state.waiters()
    gone = [row.area == rows[0].area for row in rows]
    os.kill(state.pid(rows[0].area), signal.SIGKILL)
    held.close()
    for call, is_gone in zip(calls, gone):
        call.end()
        assert (call.failure is not None) == is_gone
        assert is_gone or call.answer.status == 200
    assert Call(gate.url, key).end().answer.status == 200
    wait(lambda: state.waiters() == [], what="an empty table")


def test_a_reload_keeps_the_line(own_gate):
    gate = own_gate
    key = gate.key("reload", concurrency=1, queue="60s")
    held = hold(gate, key)
    workers = gate.nginx_workers()
    calls = line_up(gate, key, ["a", "b"])
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(lambda: set(gate.nginx_workers()) - set(workers),
         what="workers of the reload")
    calls += line_up(gate, key, ["c"])
    held.close()
    assert [call.end().answer.status for call in calls] == [200] * 3
    assert asked(gate, 3) == ["a", "b", "c"]


def test_an_end_does_not_wait_for_those_who_wait(own_gate):
    gate = own_gate
    key = gate.key("end", concurrency=1, queue="60s")
    held = hold(gate, key)
    calls = line_up(gate, key, ["a", "b", "c"])
    os.kill(gate.up_pid(), signal.SIGTERM)
    wait(lambda: "a second signal ends them now" in gate.said(),
         what="its patience")
    os.kill(gate.up_pid(), signal.SIGTERM)
    assert gate.stop_up() == 0
    for call in calls:
        assert call.end().failure is not None
    held.close()
    gate.start_up()
    assert StateFile(gate).waiters() == []
    assert gate.chat(key).status == 200


def curl(gate, key, text, *args):
    return subprocess.Popen(
        ["curl", "-sS", "--http2", "--cacert", gate.ca, "-H",
         f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "-d", json.dumps(body(text)),
         "-o", "/dev/null", "-w", "%{http_version} %{http_code}", *args,
         gate.tls_url + "/v1/chat/completions"],
        stdout=subprocess.PIPE, text=True)


def test_http2_waits_and_leaves_alike(tls_gate):
    gate, state = tls_gate, StateFile(tls_gate)
    key = gate.key("h2", concurrency=1, queue="60s")
    held = hold(gate, key)
    leaver = curl(gate, key, "leaves")
    wait(lambda: len(state.waiters()) == 1, what="one in line")
    stayer = curl(gate, key, "stays")
    wait(lambda: len(state.waiters()) == 2, what="two in line")
    leaver.terminate()
    leaver.wait(20)
    wait(lambda: len(state.waiters()) == 1, what="the leaving of one")
    seen = gate.sim.count()["requests_seen"]
    held.close()
    assert stayer.communicate(timeout=30)[0] == "2 200"
    assert gate.sim.count()["requests_seen"] == seen + 1
    assert asked(gate, 1) == ["stays"]
    # Of several streams on one connection, one is reset.
    held = hold(gate, key)
    timed = curl(gate, key, "gives up", "--max-time", "1")
    assert timed.wait(20) == 28
    wait(lambda: state.waiters() == [], what="the leaving of a stream")
    held.close()
