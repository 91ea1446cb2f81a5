"""Each write, sync, rename, truncation, removal and opening of a worker or of
the daemon fails, the first, the second and so on, with EIO or ENOSPC: no call
is lost or doubled, none is done without a record, and all goes on by itself.

TOLLGATE_SWEEP=1 tries them all; unless told a few are drawn by
TOLLGATE_SEED.
"""

import os
import random
import signal
import time

import pytest

from books import compare_records, records, served
from conftest import Gate, require_build
from injection import CALLS, Strace, injected, made
from state_file import StateFile
from victims import roles

SWEEPS = bool(os.environ.get("TOLLGATE_SWEEP"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
EACH = 2                              # of a kind, of a sample
LAST = 40                             # the n-th call, at most


class Bench:
    """A gate with one worker to trace, and what is done to it each time."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "sim.jsonl"
        self.gate = Gate(folder / "home", sim_args=["--log", self.log])
        self.gate.start()
        self.key = self.gate.key("steady", rpm=10**8, tpm=10**9)
        self.state = StateFile(self.gate.shm)
        self.keys = [self.key]

    def pids(self, role):
        return self.gate.wait(lambda: roles(self.gate)[role], 40, role)

    def call(self, stream=False):
        answer = self.gate.chat(self.key, stream=stream)
        return answer.status, answer.body

    def stir(self, role):
        """Calls and, when it is the daemon that suffers, all else that makes
        it write: workers that die with a call in flight, and an operator's
        change.  Gives the calls' status."""
        ends = [self.call(stream=n % 2 == 1)[0] for n in range(6)]
        if role == "daemon":
            self.lose_workers()
            self.change()
            ends += [self.call()[0] for _ in range(2)]
            self.wait_for_daemon()
        return ends

    def new_workers(self):
        """They have begun, and not yet written anything."""
        old = self.pids("worker")
        for pid in old:
            os.kill(pid, signal.SIGKILL)

        def have_begun():
            new = set(self.pids("worker")) - set(old)
            return len(new) == len(old) and new <= self.state.writers()

        self.gate.wait(have_begun, what="new workers")

    def lose_workers(self):
        stream = self.gate.chat(self.key, "sim:slow=20 sim:tokens=500",
                                stream=True)
        next(stream.events())
        self.new_workers()
        stream.close()

    def wait_for_daemon(self):
        """Until it has settled the calls of the dead and removed what they
        wrote; it may be that it cannot."""
        deadline = time.monotonic() + 2.5
        journal = self.gate.home / "journal"
        while time.monotonic() < deadline and (
                self.state.calls_in_flight() or
                len(list(journal.iterdir())) > 3):
            time.sleep(0.02)

    def change(self):
        """A key is made, or refused with an error; one that is made is used
        from then on."""
        try:
            answer = self.gate.admin("POST", "/keys", {"name": "made"})
        except OSError:
            return
        assert answer.status in (201, 500, 503), answer.text
        if answer.status == 201:
            made = answer.json
            assert self.gate.chat(made["key"]).status == 200
            self.keys.append(made["id"])

    def settles(self):
        """All books agree; asked until they do."""
        rows, upstream = records(self.gate.home), served(self.log)
        if self.state.calls_in_flight() or not upstream.keys() <= rows.keys():
            return None
        spent = sum(row["cost_nanos"] for row in rows.values())
        return (rows, upstream) if spent == self.state.committed() else None

    def heals(self):
        self.gate.wait(lambda: self.call()[0] == 200, 20, "call that passes")
        rows, upstream = self.gate.wait(self.settles, 20,
                                        "agreement of the books")
        compare_records(rows, upstream)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    require_build()
    bench = Bench(tmp_path_factory.mktemp("injected"))
    try:
        yield bench
    finally:
        bench.gate.stop()


def count(bench):
    """How often each process makes each call while it is stirred."""
    found = {}
    for role in ("worker", "daemon"):
        bench.new_workers()
        log = bench.folder / f"count.{role}"
        with Strace(bench.pids(role), log, CALLS):
            bench.stir(role)
            bench.heals()
        for call, n in made(log, CALLS).items():
            found[role, call] = min(n, LAST)
    return found


def cases(found):
    """Once, and from then on for as long as it is traced.  Of a sample the
    later calls, which are not made each time, are left out."""
    for (role, call), most in sorted(found.items()):
        most = most if SWEEPS else (most + 1) // 2
        for error in ("EIO", "ENOSPC"):
            for n in range(1, most + 1):
                yield role, call, f"error={error}:when={n}"
            if most:
                yield role, call, f"error={error}:when=1+"


def sample(tried):
    """Of each call of each process as many."""
    chance = random.Random(SEED)
    kinds = sorted({case[:2] for case in tried})
    return [case for kind in kinds for case in chance.sample(
        [case for case in tried if case[:2] == kind], EACH)]


def test_failing_calls_lose_and_double_nothing(bench):
    found = count(bench)
    tried = sorted(cases(found))
    assert {role for role, *_ in tried} == {"worker", "daemon"}
    if not SWEEPS:
        tried = sample(tried)
    print(found)
    hit = 0
    log = bench.folder / "trace"
    for role, call, fault in tried:
        print(f"{role} {call} {fault}", end=": ", flush=True)
        bench.new_workers()
        pids = bench.pids(role)
        with Strace(pids, log, {call: CALLS[call]}, fault):
            ends = bench.stir(role)
            # Not one call is done that cannot be recorded, none fails for
            # the daemon.
            assert set(ends) <= ({200, 503} if role == "worker" else {200})
        bench.heals()
        died = role == "daemon" and bench.pids(role) != pids
        hit += injected(log) > 0
        print(f"{injected(log)} failed, answers {ends}"
              f"{', the daemon was started again' if died else ''}")
        if died:
            bench.gate.stop_up()
            bench.gate.start_up(bench.gate.url.removeprefix("http://"))
    print(f"seed {SEED}: {hit} of {len(tried)} faults were met")
    assert hit > len(tried) / 2
