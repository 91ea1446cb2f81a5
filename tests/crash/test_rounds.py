"""Calls that end in one round of a worker's events are one write to the
journal, behind their answers.  That write fails, is cut short, or its worker is
killed in front of it and between the answers: each call that a client saw
answered has one record, no call has two, and nothing stays held."""

import http.client
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from books import RECOVERED, compare_records, records, served
from injection import CALLS, Strace
from state_file import StateFile
from test_scarce import set_limit

COUNT = 16
RECORD = 390                          # bytes, at least
CALLS = {**CALLS, "writev": "writev"}


class Rounds:
    """A gate whose workers' calls end together."""

    def __init__(self, make_gate, folder):
        self.log, self.trace = folder / "sim.jsonl", folder / "trace"
        self.gate = make_gate(sim_args=["--log", self.log]).start()
        self.key = self.gate.key("rounds", rpm=10**6, tpm=10**8)
        self.state = StateFile(self.gate.shm)
        self.ids = []

    def call(self, text="Say hello."):
        """The status of a call; None when no answer came whole."""
        try:
            answer = self.gate.chat(self.key, text)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status == 200:
            assert answer.json["usage"]["completion_tokens"] > 0
            self.ids.append(answer.headers["x-request-id"])
        return answer.status

    def warm(self, count=20):
        assert [self.call() for _ in range(count)] == [200] * count

    def together(self, meanwhile, count=COUNT, until=lambda: True):
        """So many calls whose answers all wait for their workers, which stand
        still: meanwhile(pids) says what they then go on with, until all are
        answered and that is so."""
        gate = self.gate
        before = gate.sim.count()
        pids = gate.nginx_workers()
        with ThreadPoolExecutor(count) as threads:
            calls = [threads.submit(self.call, "sim:slow=50 sim:tokens=20")
                     for _ in range(count)]
            gate.wait(lambda: gate.sim.count()["requests_seen"] ==
                      before["requests_seen"] + count, what="calls")
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            gate.wait(lambda: gate.sim.count()["total"]["completion_tokens"]
                      == before["total"]["completion_tokens"] + 20 * count,
                      what="the upstream's answers")
            with meanwhile(pids):
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
                answers = [call.result() for call in calls]
                gate.wait(until, what="end of what goes wrong")
                return answers

    def fails(self, call, fault):
        """Of the first of these calls that a worker makes, or more."""
        return lambda pids: Strace(pids, self.trace, {call: CALLS[call]},
                                   fault)

    def has_failed(self):
        return "INJECTED" in self.trace.read_text()

    def written(self):
        """Bytes that were asked to be written at once to the journal."""
        return [int(size) for size in re.findall(
            r"^\d+ +write\(\d+, \"(?:[^\"\\]|\\.)*\"\.\.\., (\d+)",
            self.trace.read_text(), re.M) if int(size) >= RECORD]

    def settled(self):
        """All books, once they agree."""
        rows, upstream = records(self.gate.home), served(self.log)
        at = self.state.key_at(self.key.id)
        spent = sum(row["cost_nanos"] for row in rows.values())
        if self.state.calls_in_flight() or not upstream.keys() <= rows.keys():
            return None
        if (self.state.committed(), self.state.used_in_day(at)) != (spent,
                                                                   spent):
            return None
        return rows, upstream

    def differences(self):
        return json.loads(self.gate.cli("ledger", "verify", "--json")[1])[
            "differences"]

    def check(self):
        """And calls pass as ever.  Returns what was recovered."""
        gate = self.gate
        gate.wait(lambda: self.call() == 200, 20, "call that passes")
        rows, upstream = gate.wait(self.settled, 20, "agreement of the books")
        compare_records(rows, upstream)
        assert set(self.ids) <= rows.keys() and len(self.ids) == len(
            set(self.ids))
        # What was refused was not served, and nothing is there that was not.
        assert rows.keys() == upstream.keys()
        calls, settled, held, in_flight = self.state.counters(
            self.state.key_at(self.key.id))
        assert (held, in_flight) == (0, 0)
        gate.wait(lambda: self.differences() == [], 20, "ledger that agrees")
        return sum(bool(row["flags"] & RECOVERED) for row in rows.values())


@pytest.fixture
def rounds(make_gate, tmp_path):
    it = Rounds(make_gate, tmp_path)
    it.warm()
    return it


@pytest.mark.parametrize("fault", [
    "error=EIO:when=1", "error=EINTR:when=1", "retval=500:when=1"])
def test_a_write_that_fails_once(rounds, fault):
    """It is made again, where it did not pass in another segment."""
    assert rounds.together(rounds.fails("write", fault),
                           until=rounds.has_failed) == [200] * COUNT
    assert max(rounds.written()) > 2 * RECORD, "several in one"
    assert rounds.check() == 0


def test_writes_that_fail_for_long(rounds):
    """The slots have the records until they can be written; no call is
    admitted meanwhile."""
    assert rounds.together(rounds.fails("write", "error=ENOSPC"),
                           until=rounds.has_failed) == [200] * COUNT
    assert rounds.check() == 0


def kill(pids, let_go):
    """kill -9, of processes that do nothing more once strace lets go of them;
    it would hold those that are killed before."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    let_go()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_a_kill_while_writes_fail(rounds):
    """What clients saw answered stands in slots alone."""
    class Fails(Strace):
        def __exit__(self, *_):
            kill(self.pids, super().__exit__)

    answers = rounds.together(lambda pids: Fails(
        pids, rounds.trace, {"write": "write"}, "error=EIO"),
        until=rounds.has_failed)
    assert answers == [200] * COUNT
    assert rounds.check() == COUNT


class Kills(Strace):
    """`with` it the workers that have so many calls are killed."""

    def __init__(self, rounds, pids, call, when):
        super().__init__(pids, rounds.trace, {call: CALLS[call]},
                         f"signal=KILL:when={when}")
        self.rounds, self.when = rounds, when

    def __enter__(self):
        state = self.rounds.state
        calls = {pid: state.calls_in_flight(state.writer_of(pid))
                 for pid in self.pids}
        self.killed = {pid: n for pid, n in calls.items() if n >= self.when}
        return super().__enter__()

    def __exit__(self, *_):
        self.rounds.gate.wait(
            lambda: not any(os.path.exists(f"/proc/{pid}")
                            for pid in self.killed), what="kills")
        super().__exit__()


@pytest.mark.parametrize("call,when", [
    ("write", 1), ("writev", 1), ("writev", 2), ("writev", 5)])
def test_a_kill_around_the_write(rounds, call, when):
    """In front of it all have their answers, which only slots know of."""
    kills = Kills(rounds, rounds.gate.nginx_workers(), call, when)
    answers = rounds.together(lambda pids: kills)
    assert set(answers) <= {None, 200}
    if call == "write":
        assert answers.count(200) == COUNT
    elif when == 1:
        assert answers.count(200) == 0
    else:
        assert when - 1 <= answers.count(200) < COUNT
    assert rounds.check() == sum(kills.killed.values())


class Cut(Strace):
    """`with` it a worker's files have no more bytes than its segment, and
    room: a write is cut where that ends."""

    def __init__(self, rounds, pids, room):
        super().__init__(pids, rounds.trace, {"write": "write"})
        self.limits = {pid: segment_size(rounds, pid) + room for pid in pids}

    def __enter__(self):
        for pid, size in self.limits.items():
            set_limit(pid, "fsize", size)
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        for pid in self.pids:
            set_limit(pid, "fsize", "unlimited")


def segment_size(rounds, pid):
    """Bytes of the segment that a worker writes."""
    found = list(rounds.gate.home.joinpath("journal").glob(
        f"{rounds.state.writer_of(pid):016x}.*.tgj"))
    return max(found).stat().st_size if found else 0


def cuts(rounds):
    """Bytes of the writes that were cut."""
    return [int(came) for size, came in re.findall(
        r"\.\.\., (\d+)\) += (\d+)$", rounds.trace.read_text(), re.M)
        if int(size) >= RECORD and int(came) < int(size)]


def test_a_write_that_is_cut_once(rounds):
    """Some of its records stand in two segments."""
    def is_long():
        rounds.warm(1)
        return min(segment_size(rounds, pid)
                   for pid in rounds.gate.nginx_workers()) > 2 * COUNT * RECORD

    rounds.gate.wait(is_long, 30, "long segments")
    assert rounds.together(lambda pids: Cut(rounds, pids, 1000),
                           until=lambda: cuts(rounds)) == [200] * COUNT
    assert set(cuts(rounds)) == {1000}
    assert rounds.check() == 0


@pytest.mark.parametrize("is_killed", [False, True])
def test_writes_that_are_cut_twice(make_gate, tmp_path, is_killed):
    """Some of its records stand in three segments, under two numbers, and
    those of other calls have one of these."""
    rounds = Rounds(make_gate, tmp_path)

    class CutTwice(Cut):
        def __exit__(self, *_):
            if is_killed:
                kill(self.pids, super().__exit__)
            else:
                super().__exit__()

    count = 3 * COUNT
    assert rounds.together(lambda pids: CutTwice(rounds, pids, 1000), count,
                           lambda: len(cuts(rounds)) >= 2) == [200] * count
    recovered = rounds.check()
    assert recovered > 0 if is_killed else recovered == 0
