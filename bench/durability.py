#!/usr/bin/python3
"""What making the journal durable costs a call, beside what the disk takes.

    bench/durability.py [--seconds N] [--rounds N] [--disk FOLDER] [--awake]

Sixteen connections call 1000 times a second in all, each after a pause of any
length up to twice the mean: in step they would be sixteen calls at once, and
the last of them would wait for the client's own turns.  Four gates stand there
from the start, with sync = batch and strict, the journal on the disk and in
memory, where a sync costs nothing.  In each round each has a turn of a few
seconds, since what a disk takes changes within a minute by more than what is
looked for: told are the medians of the turns, and of what strict took longer
than batch in the same round.

In a turn of its own the disk alone does what calls ask of it: two processes,
each 500 times a second and at instants that nobody can foretell, append 500
bytes and call fdatasync(2), and once more a tenth of a millisecond later.  A
strict call cannot take less than both.

A virtual machine's processor that has nothing to do for a fraction of a
millisecond is put to sleep, and an answer of the disk wakes it late.  With
--awake something runs on each that gives way to all else, so that none sleeps:
what is left is what we and the disk take.
"""

import argparse
import contextlib
import multiprocessing
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import BUILD, Gate    # noqa: E402

CONNECTIONS = 16
CALLS_A_SECOND = 1000
PROCESSES = 2
UPSTREAM_S = 0.0001    # between a call's two syncs

REQUEST = """Content-Type: application/json
Authorization: Bearer %s

{"model":"deepseek-flash","messages":[{"role":"user","content":"hi"}]}"""


class Load:
    """A gate, and calls for it."""

    def __init__(self, folder, sync):
        self.scratch = tempfile.TemporaryDirectory(dir=folder)
        self.gate = Gate(Path(self.scratch.name) / "home",
                         conf=f"[gate]\nsync = {sync}\n")

    def __enter__(self):
        self.gate.start()
        key = self.gate.key("bench", rpm=10**9, tpm=10**9)
        self.request = Path(self.scratch.name) / "request"
        self.request.write_text(REQUEST % key)
        self.turn(1)
        return self

    def __exit__(self, *_):
        self.gate.stop()
        self.scratch.cleanup()

    def turn(self, seconds):
        """p50 and p99 in milliseconds."""
        out = subprocess.run(
            [BUILD / "bench/bench-load", self.gate.url.rsplit(":")[-1],
             "/v1/chat/completions", self.request,
             str(CONNECTIONS * 10**6 // CALLS_A_SECOND), str(1000 * seconds)],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        report = json.loads(out)
        if report["refused"]:
            sys.exit(f"durability: calls were refused:\n{out}")
        return report["p50_us"] / 1000, report["p99_us"] / 1000


def syncs_of_calls(folder, seconds):
    """Milliseconds that the two syncs of each call took."""
    times = []
    pause = PROCESSES / CALLS_A_SECOND
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        def sync():
            os.write(file.fileno(), bytes(500))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            return (time.perf_counter() - begin) * 1000

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(random.expovariate(1 / pause))
            took = sync()
            time.sleep(UPSTREAM_S)
            times.append(took + sync())
    return times


def disk_alone(folder, seconds):
    """p50 and p99 of two syncs, in milliseconds."""
    with multiprocessing.Pool(PROCESSES) as pool:
        times = pool.starmap(syncs_of_calls,
                             [(folder, seconds)] * PROCESSES)
    cuts = statistics.quantiles(sum(times, []), n=100)
    return cuts[49], cuts[98]


@contextlib.contextmanager
def awake():
    """Something to do for each processor, behind all else."""
    spin = ("import os, sys\n"
            "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
            "os.sched_setaffinity(0, {int(sys.argv[1])})\n"
            "parent = os.getppid()\n"
            "while os.getppid() == parent: pass\n")
    spinning = [subprocess.Popen([sys.executable, "-c", spin, str(cpu)])
                for cpu in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def rounds(options):
    """{who: [(p50, p99) of each round]}"""
    with contextlib.ExitStack() as stack:
        loads = {f"{sync}, {name}": stack.enter_context(Load(folder, sync))
                 for name, folder in (("memory", "/dev/shm"),
                                      ("disk", options.disk))
                 for sync in ("batch", "strict")}
        turns = {name: load.turn for name, load in loads.items()}
        turns["two syncs of the disk"] = lambda seconds: disk_alone(
            options.disk, seconds)
        got = {name: [] for name in turns}
        for number in range(options.rounds):
            # Each round the other way round.
            for name in list(turns)[::-1 if number % 2 else 1]:
                got[name].append(turns[name](options.seconds))
    return got


def line(name, pairs):
    for_p99 = sorted(p99 for _, p99 in pairs)
    low, high = (for_p99[len(for_p99) * part // 4] for part in (1, 3))
    p50, p99 = map(statistics.median, zip(*pairs))
    print(f"{name:24} {p50:8.3f} {p99:8.3f}   {low:6.3f} {high:6.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--disk", default=tempfile.gettempdir())
    parser.add_argument("--awake", action="store_true")
    options = parser.parse_args()
    with awake() if options.awake else contextlib.nullcontext():
        got = rounds(options)
    print("                           p50 ms   p99 ms   quartiles")
    for name, pairs in got.items():
        line(name, pairs)
    for where in ("memory", "disk"):
        line(f"strict adds, {where}",
             [(strict[0] - batch[0], strict[1] - batch[1])
              for batch, strict in zip(got[f"batch, {where}"],
                                       got[f"strict, {where}"])])


if __name__ == "__main__":
    main()
