"""sync = strict: nobody acts on what is not durable, and no worker waits for
a disk that is known to be slow."""

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

import pytest

from conftest import has_processes, processes_of
from test_durability import all_recorded, trace    # noqa: F401: a fixture

DELAY = 0.8
SLOW = ("-e", "trace=fdatasync", "-e",
        f"inject=fdatasync:delay_enter={int(DELAY * 1e6)}")
BROKEN = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO")


@pytest.fixture
def gate(make_gate):
    return make_gate(conf="[gate]\nsync = strict\n").start()


class Later:
    """What a call in another thread returns, and how long it took."""

    def __init__(self, call):
        self.result, self.seconds = None, None
        self.thread = threading.Thread(target=self.run, args=(call,),
                                       daemon=True)
        self.thread.start()

    def run(self, call):
        begin = time.monotonic()
        self.result = call()
        self.seconds = time.monotonic() - begin

    def get(self):
        self.thread.join(30)
        assert self.seconds is not None, "it does not end"
        return self.result


def served(gate):
    return gate.sim.count()["total"]["requests"]


def record_types(gate):
    """The types of the journal's records, by writer: docs/journal.md."""
    found = {}
    for path in sorted([*(gate.home / "journal").glob("*.tgj"),
                        *(gate.home / "journal-kept").glob("*.tgj")]):
        data = path.read_bytes()
        at = 64
        while at + 24 <= len(data):
            length, = struct.unpack_from("<I", data, at)
            kind, = struct.unpack_from("<H", data, at + 8)
            found.setdefault(path.name[:16], []).append(kind)
            at += length
    return list(found.values())


def test_a_hold_stands_before_its_call(gate):
    key = gate.key("order")
    answers = [gate.chat(key, stream=n % 2 == 0) for n in range(4)]
    for answer in answers:
        assert answer.status == 200 and answer.body
    all_recorded(gate, key, answers)
    kinds = [kind for writer in record_types(gate) for kind in writer]
    assert sorted(kinds) == [1, 1, 1, 1, 2, 2, 2, 2]
    for writer in record_types(gate):
        assert writer == [2, 1] * (len(writer) // 2)


def test_batch_writes_no_holds(own_gate):
    key = own_gate.key("batch")
    all_recorded(own_gate, key, [own_gate.chat(key)])
    assert record_types(own_gate) == [[1]]


def test_nothing_goes_upstream_before_its_hold_is_durable(gate, trace):
    key = gate.key("slow", rpm=10**6)
    trace(gate, *SLOW)
    call = Later(lambda: gate.chat(key))
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 1, what="call in flight")
    # The worker itself waits for nothing: this one needs no disk.
    begin = time.monotonic()
    assert gate.request("GET", "/v1/models", key).status == 200
    assert time.monotonic() - begin < DELAY / 2
    assert served(gate) == 0
    assert call.get().status == 200
    assert call.seconds >= 2 * DELAY, "one sync for the hold, one for the end"
    assert served(gate) == 1


def test_calls_share_a_sync(gate, trace):
    key = gate.key("group", rpm=10**6)
    strace = trace(gate, *SLOW)
    calls = [Later(lambda: gate.chat(key)) for _ in range(30)]
    assert {call.get().status for call in calls} == {200}
    assert len(strace.lines("DELAYED")) < 20


@pytest.fixture
def quick_gate(small_disk, make_gate):
    """Its journal is in memory, and its workers know that syncs are quick."""
    gate = make_gate(conf="[gate]\nsync = strict\n").start()
    key = gate.key("quick", rpm=10**6, tpm=10**9)
    # Enough for each of a few workers, whoever takes which.
    calls = [Later(lambda: [gate.chat(key) for _ in range(20)])
             for _ in range(8)]
    for call in calls:
        assert {answer.status for answer in call.get()} == {200}
    return gate


def who_synced(strace):
    """The processes and threads, one a sync that began."""
    return [int(pid) for pid in strace.lines(r"^(\d+) .*fdatasync\(")]


def test_a_quick_disk_that_becomes_slow_stops_a_worker_once(quick_gate, trace):
    gate = quick_gate
    key = gate.key("once", rpm=10**6)
    strace = trace(gate, *SLOW)
    calls = [Later(lambda: [gate.chat(key) for _ in range(3)])
             for _ in range(8)]
    for call in calls:
        assert {answer.status for answer in call.get()} == {200}
    workers = gate.nginx_workers()
    for pid in workers:
        assert who_synced(strace).count(pid) <= 1
    assert set(workers) & set(who_synced(strace)), "none did it by itself"
    # Nobody but those who wait for a record waits now.
    call = Later(lambda: gate.chat(key))
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 1, what="call in flight")
    begin = time.monotonic()
    for _ in range(10):
        assert gate.request("GET", "/v1/models", key).status == 200
    assert time.monotonic() - begin < DELAY / 2
    assert call.get().status == 200


class Raw:
    """A streamed call over a connection of its own, byte by byte."""

    def __init__(self, gate, key, text):
        url = urlsplit(gate.url)
        body = json.dumps({"model": "deepseek-flash", "stream": True,
                           "messages": [{"role": "user", "content": text}]})
        self.socket = socket.create_connection((url.hostname, url.port))
        self.socket.sendall(
            (f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
             f"Authorization: Bearer {key}\r\n"
             f"Content-Type: application/json\r\n"
             f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        self.bytes = b""

    def read_until(self, text, seconds=20):
        """Whether it came."""
        self.socket.settimeout(seconds)
        try:
            while text not in self.bytes:
                data = self.socket.recv(65536)
                if not data:
                    return False
                self.bytes += data
        except TimeoutError:
            return False
        return True

    def close(self):
        self.socket.close()


END = b"0\r\n\r\n"


def test_the_last_byte_of_a_stream_waits_for_the_record(gate, trace):
    key = gate.key("last", rpm=10**6)
    call = Raw(gate, key, "sim:slow=20 sim:tokens=50")
    assert call.read_until(b"data: ")
    strace = trace(gate, *SLOW)
    gate.wait(lambda: strace.lines("fdatasync"), what="sync of the record")
    assert not call.read_until(END, DELAY / 2)
    assert call.read_until(END)
    assert strace.lines("DELAYED")
    call.close()


def test_an_answer_waits_for_the_record_as_a_whole(gate, trace):
    key = gate.key("whole", rpm=10**6)
    strace = trace(gate, *SLOW)
    answer = gate.chat(key)
    assert answer.status == 200 and answer.json["usage"]
    assert "x-tollgate-cost" in answer.headers
    assert "content-length" in answer.headers
    assert len(strace.lines("DELAYED")) == 2


def test_a_client_that_leaves_before_its_hold_is_durable(gate, trace):
    key = gate.key("left", rpm=10**6)
    trace(gate, *SLOW)
    call = Raw(gate, key, "hello")
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 1, what="call in flight")
    call.close()
    row, = gate.wait_calls(1, key)
    assert row["basis"] == "none" and row["code"] == "client_closed_request"
    assert float(row["cost"]) == 0
    assert served(gate) == 0


def test_a_client_that_leaves_before_its_last_byte(gate, trace):
    key = gate.key("left", rpm=10**6)
    call = Raw(gate, key, "sim:slow=20 sim:tokens=20")
    assert call.read_until(b"data: ")
    strace = trace(gate, *SLOW)
    gate.wait(lambda: strace.lines("fdatasync"), what="sync of the record")
    call.close()
    row, = gate.wait_calls(1, key)
    assert row["basis"] == "reported" and row["status"] == 200
    # The worker is well.
    assert gate.chat(key).status == 200


def test_a_failed_sync_fails_no_call(gate, trace):
    key = gate.key("failed", rpm=10**6)
    strace = trace(gate, *BROKEN[:-1], BROKEN[-1] + ":when=1")
    answers = [gate.chat(key, f"call {n}") for n in range(10)]
    assert {answer.status for answer in answers} == {200}
    assert strace.lines("EIO")
    strace.end()
    all_recorded(gate, key, answers)


def test_a_disk_that_syncs_nothing_costs_nothing(gate, trace):
    key = gate.key("stuck", rpm=10**6)
    strace = trace(gate, *BROKEN)
    refusals = [gate.chat(key) for _ in range(4)]
    assert {answer.status for answer in refusals} == {503}
    assert {answer.code for answer in refusals} == {"gate_unavailable"}
    assert served(gate) == 0
    strace.end()
    answer = gate.wait(lambda: next(
        (a for a in [gate.chat(key)] if a.status == 200), None),
        what="a call that is admitted")
    rows = gate.wait(lambda: next(
        (rows for rows in [gate.calls()] if answer.headers["x-request-id"] in
         {row["request_id"] for row in rows}), None), 20, "its record")
    assert sum(row["status"] == 200 for row in rows) == 1
    assert all(float(row["cost"]) == 0 and row["basis"] == "none"
               for row in rows if row["status"] == 503)
    use = gate.request("GET", "/v1/key", key).json["use"]
    assert use["in_flight"] == 0


def test_an_answer_that_cannot_be_made_durable_does_not_end(gate, trace):
    key = gate.key("never", rpm=10**6)
    call = Raw(gate, key, "sim:slow=20 sim:tokens=20")
    assert call.read_until(b"data: ")
    strace = trace(gate, *BROKEN)
    gate.wait(lambda: len(strace.lines("EIO")) >= 3, 20, "syncs that fail")
    assert not call.read_until(END, 0.2)
    strace.end()
    assert call.read_until(END)
    call.close()
    row, = gate.wait_calls(1, key)
    assert row["basis"] == "reported"


def test_a_reload_waits_for_what_is_not_durable(gate, trace):
    key = gate.key("reload", rpm=10**6)
    old = set(gate.nginx_workers())
    trace(gate, *SLOW)
    calls = [Later(lambda: gate.chat(key)) for _ in range(6)]
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] > 0, what="call in flight")
    os.kill(gate.up_pid(), signal.SIGHUP)
    answers = [call.get() for call in calls]
    assert {answer.status for answer in answers} == {200}
    gate.wait(lambda: not old & set(gate.nginx_workers()), 20,
              "end of the old workers")
    all_recorded(gate, key, answers)


def test_a_worker_killed_while_a_hold_is_not_durable(gate, trace):
    key = gate.key("killed", rpm=10**6)
    strace = trace(gate, *SLOW)
    call = Raw(gate, key, "hello")
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 1, what="call in flight")
    for pid in gate.nginx_workers():
        os.kill(pid, signal.SIGKILL)
    strace.end()
    row, = gate.wait_calls(1, key)
    assert row["basis"] == "none" and served(gate) == 0
    call.close()


def test_a_call_that_was_sent_is_not_forgotten(gate):
    """All that a power cut leaves: the store and the journal."""
    key = gate.key("cut", rpm=10**6)
    ended = gate.chat(key)
    gate.wait_calls(1, key)
    stream = gate.chat(key, "sim:slow=20 sim:tokens=500", stream=True)
    next(stream.events())
    for pid in [gate.up_pid(), *processes_of(gate.home)]:
        with contextlib.suppress(ProcessLookupError):  # it died with another
            os.kill(pid, signal.SIGKILL)
    gate.wait(lambda: not has_processes(gate.home), what="end of all")
    stream.close()
    shutil.rmtree(gate.shm)
    gate.start_up()
    rows = {row["request_id"]: row for row in gate.wait_calls(2, key)}
    assert rows[ended.headers["x-request-id"]]["basis"] == "reported"
    lost = rows[stream.headers["x-request-id"]]
    assert lost["basis"] == "held" and float(lost["cost"]) > 0
    use = gate.request("GET", "/v1/key", key).json["use"]
    assert use["in_flight"] == 0
