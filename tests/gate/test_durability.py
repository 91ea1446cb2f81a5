"""The journal on a disk that is slow, full, or fails."""

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import AS_ROOT, fill_disk, wait


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Trace:
    """strace on the gate's workers, with what it injects."""

    def __init__(self, gate, tmp_path, *args):
        self.log = tmp_path / "strace.log"
        self.log.write_text("")
        pids = []
        for pid in gate.nginx_workers():
            pids += ["-p", str(pid)]
        # Workers may be traced by root alone.
        self.process = subprocess.Popen(
            [*AS_ROOT, "strace", "-f", "-ttt", "-o", self.log, *args, *pids],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # It says so once for each thread, the workers' own and the one that
        # waits for the disk.
        for _ in range(len(pids) // 2):
            line = self.process.stderr.readline()
            assert "attached" in line, line

    def lines(self, pattern):
        return re.findall(pattern, self.log.read_text(), re.M)

    def end(self):
        if self.process.poll() is None:
            self.signal("TERM", self.process.pid)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            # Its processes were killed while it held them.
            for pid in [*children(self.process.pid), self.process.pid]:
                self.signal("KILL", pid)
            self.process.wait(10)
        self.process.stderr.close()

    @staticmethod
    def signal(name, pid):
        subprocess.run([*AS_ROOT, "kill", f"-{name}", str(pid)],
                       stderr=subprocess.DEVNULL)


@pytest.fixture
def trace(tmp_path):
    traces = []

    def begin(gate, *args):
        traces.append(Trace(gate, tmp_path, *args))
        return traces[-1]

    yield begin
    for it in traces:
        it.end()


def all_recorded(gate, key, answers):
    """Each answered call stands in the store, once."""
    rows = gate.wait_calls(len(answers), key)
    assert ({row["request_id"] for row in rows} ==
            {answer.headers["x-request-id"] for answer in answers})


def test_records_are_durable_within_50_ms(own_gate, trace):
    gate = own_gate
    key = gate.key("batch")
    gate.chat(key)
    strace = trace(gate, "-e", "trace=write,fdatasync")

    # A record is larger than any other write to a file that is appended to.
    def written():
        return [float(at) for at in strace.lines(
            r"^\d+ +(\d+\.\d+) write\(\d+, \"(?:[^\"\\]|\\.)*\"\.\.\., "
            r"(?:39\d|4\d\d)(?:\)| <)")]

    def synced(begin):
        """When the first sync ended that was not over by then."""
        return next((float(at) for at in strace.lines(
            r"^\d+ +(\d+\.\d+) (?:fdatasync\(\d+\)|<\.\.\. "
            r"fdatasync resumed>\)) += 0$") if float(at) > begin), None)

    for n in range(5):
        assert gate.chat(key, f"call {n}").status == 200
        wait(lambda: len(written()) > n and synced(written()[n]),
             what="sync of the journal")
    assert len(written()) == 5
    for begin in written():
        # As strace sees it, which slows each call down.
        assert synced(begin) - begin < 0.5


def test_calls_that_end_together_are_answered_and_then_written(
        own_gate, trace):
    gate, count = own_gate, 16
    key, first = gate.key("together"), gate.key("first", rpm=10**6)
    for _ in range(20):           # each worker knows its credential by now
        gate.chat(first)
    workers = gate.nginx_workers()
    strace = trace(gate, "-e", "trace=write,writev")

    def asked(pid):
        """(bytes to the journal, 0) or (0, 1) of an answer, in order."""
        for name, rest in strace.lines(rf"^{pid} +\S+ (write|writev)\((.*)"):
            length = re.search(r"\.\.\., (\d+)(?:\)| <)", rest)
            if name == "writev" and '"HTTP/1.1 200 OK' in rest:
                yield 0, 1
            elif name == "write" and length and int(length[1]) > 390:
                yield int(length[1]), 0

    def all_asked():
        return [it for pid in workers for it in asked(pid)]

    answers = [gate.chat(key)]
    size = wait(lambda: max((it[0] for it in all_asked()), default=0),
                what="a record")
    before = gate.sim.count()
    with ThreadPoolExecutor(count) as threads:
        calls = [threads.submit(gate.chat, key, "sim:slow=50 sim:tokens=20")
                 for _ in range(count)]
        wait(lambda: gate.sim.count()["requests_seen"]
             == before["requests_seen"] + count, what="calls in flight")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            wait(lambda: gate.sim.count()["total"]["completion_tokens"]
                 == before["total"]["completion_tokens"] + 20 * count,
                 what="the upstream's answers")
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        answers += [call.result() for call in calls]
    assert {answer.status for answer in answers} == {200}
    all_recorded(gate, key, answers)
    strace.end()
    writes = [it[0] for it in all_asked() if it[0]]
    assert sum(writes) == size * (1 + count)
    assert len(writes) <= 1 + count / 2, "several in one write"
    for pid in workers:
        written = answered = 0
        for length, is_answer in asked(pid):
            written += length
            answered += is_answer
            if length:
                assert written == answered * size, "all that were answered"


def test_a_slow_disk_stops_no_worker(own_gate, trace):
    gate = own_gate
    key = gate.key("slow", rpm=10**6, tpm=10**8)
    gate.chat(key)
    strace = trace(gate, "-e", "trace=fdatasync", "-e",
                   "inject=fdatasync:delay_enter=3000000")
    answers = [gate.chat(key, f"call {n}") for n in range(20)]
    assert [answer.status for answer in answers] == [200] * 20
    assert not strace.lines(r"DELAYED"), "they did not wait for it"
    wait(lambda: strace.lines(r"DELAYED"), what="a sync that was delayed")
    assert "has not made the journal durable" in gate.nginx_log()


def test_a_failed_sync_is_made_up_for(own_gate, trace):
    gate = own_gate
    key = gate.key("failed", rpm=10**6, tpm=10**8)
    answers = [gate.chat(key)]
    strace = trace(gate, "-e", "trace=fdatasync", "-e",
                   "inject=fdatasync:error=EIO:when=1")
    while not strace.lines(r"EIO"):
        answers.append(gate.chat(key))
        assert len(answers) < 1000
    # strace may say it in two lines, when another thread comes in between.
    wait(lambda: strace.lines(r"fdatasync(\(\d+| resumed>)\) += 0$"),
         what="a sync that succeeds")
    strace.end()
    answers += [gate.chat(key) for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert "the disk does not keep the journal" in gate.nginx_log()
    # What was written to two segments is one call.
    all_recorded(gate, key, answers)


def test_a_copy_without_denials_leaves_no_gap(own_gate, trace):
    """A new segment begins with the calls that were not durable, and not with
    the denials between them: their numbers are missing in it alone."""
    gate = own_gate
    key = gate.key("copied", rpm=10**6, tpm=10**8)
    gate.chat(key)
    strace = trace(gate, "-e", "trace=fdatasync", "-e",
                   "inject=fdatasync:error=EIO:when=1+3")
    calls, until = 1, time.monotonic() + 8
    while time.monotonic() < until:
        assert gate.chat("sk-tgp_short").status in (401, 429)
        calls += gate.chat(key).status == 200
    assert len(strace.lines(r"EIO")) > 10
    strace.end()
    gate.wait_calls(calls, key)
    code, out, err = gate.cli("ledger", "verify", "--json")
    assert json.loads(out)["differences"] == [], out
    assert code == 0, err


def test_a_disk_that_syncs_nothing_admits_nothing(own_gate, trace):
    gate = own_gate
    key = gate.key("stuck", rpm=10**6, tpm=10**8)
    answers = [gate.chat(key)]
    strace = trace(gate, "-e", "trace=fdatasync", "-e",
                   "inject=fdatasync:error=EIO")

    def refused():
        answer = gate.chat(key)
        if answer.status == 200:
            answers.append(answer)
        return answer if answer.status != 200 else None

    # Each worker finds it out by itself.
    refusal = wait(refused, what="a refusal")
    assert refusal.status == 503 and refusal.code == "gate_unavailable"
    before = gate.sim.count()["total"]["requests"]
    assert before == len(answers), "a refused call reached the upstream"
    strace.end()
    for _ in range(10):
        answers.append(wait(lambda: next(
            (a for a in [gate.chat(key)] if a.status == 200), None),
            what="a call that is admitted"))
    wait(lambda: "the journal takes records again" in gate.nginx_log(),
         what="a word that all is well")
    all_recorded(gate, key, answers)


def test_a_full_disk_admits_no_call_and_loses_none(small_disk, make_gate):
    gate = make_gate().start()
    key = gate.key("full", rpm=10**6, tpm=10**8)
    answers = [gate.chat(key) for _ in range(20)]
    streams = [gate.chat(key, "sim:slow=30 sim:tokens=150", stream=True)
               for _ in range(8)]
    old = set(gate.nginx_workers())
    fill_disk(small_disk / "ballast")

    # New workers have nothing ahead; the old ones have, for their streams.
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(lambda: len(gate.nginx_workers()) > len(old), what="new workers")

    def refused():
        answer = gate.chat(key)
        if answer.status == 200:
            answers.append(answer)
        return answer if answer.status != 200 else None

    refusal = wait(refused, what="a refusal")
    assert refusal.status == 503 and refusal.code == "gate_unavailable"
    served = gate.sim.count()["total"]["requests"]
    assert served == len(answers), "a refused call was sent on"

    for stream in streams:
        assert len(list(stream.events())) >= 150
    all_recorded(gate, key, answers + streams)

    # The old workers' places are free again.
    answers.append(wait(lambda: next(
        (a for a in [gate.chat(key)] if a.status == 200), None), 20,
        "a call that is admitted"))
    assert "No space left on device" in gate.nginx_log()
    all_recorded(gate, key, answers + streams)
