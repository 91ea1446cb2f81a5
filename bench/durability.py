#!/usr/bin/python3
"""What making the journal durable costs a call, beside what the disk takes.

    bench/durability.py [--seconds N] [--rounds N] [--disk FOLDER] [--awake]

Sixteen connections call 1000 times a second in all, each after a pause of any
length up to twice the mean: in step they would be sixteen calls at once, and
the last of them would wait for the client's own turns.  The journal is on the
disk, and in memory, where a sync costs nothing; sync is batch and strict, in
turns, and each figure the median of the rounds.  Beside them the disk alone:
appending 500 bytes and fdatasync(2), one after the other; and as the workers do
it, in two processes at instants that nobody can foretell, 1000 times a second
each.

A virtual machine's processor that has nothing to do for a fraction of a
millisecond is put to sleep, and an answer of the disk wakes it late.  With
--awake something runs on each that gives way to all else, so that none sleeps:
what is left is what we and the disk take.
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import Gate    # noqa: E402

CONNECTIONS = 16
CALLS_A_SECOND = 1000
SYNCS = ("batch", "strict")

SCRIPT = """
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = '{"model":"deepseek-flash","messages":[{"role":"user","content":"hi"}]}'
function delay() return math.random(0, %d) end
function done(summary, latency, requests)
    print(string.format("figures %%d %%d %%d %%d %%d", latency:percentile(50),
        latency:percentile(99), summary.requests, summary.duration,
        summary.errors.status + summary.errors.read))
end
"""


def measure(folder, sync, seconds):
    """p50 and p99 in milliseconds, calls a second, errors."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        gate = Gate(Path(scratch) / "home", conf=f"[gate]\nsync = {sync}\n")
        gate.start()
        try:
            key = gate.key("bench", rpm=10**9, tpm=10**9)
            script = Path(scratch) / "load.lua"
            script.write_text(SCRIPT % (
                key, 2 * (CONNECTIONS * 1000 // CALLS_A_SECOND)))
            command = ["wrk", "-t1", f"-c{CONNECTIONS}", "--timeout", "10s",
                       "-s", script]
            subprocess.run([*command, "-d2s", gate.url], check=True,
                           capture_output=True)
            out = subprocess.run([*command, f"-d{seconds}s", gate.url],
                                 check=True, capture_output=True,
                                 text=True).stdout
        finally:
            gate.stop()
    p50, p99, calls, us, errors = map(
        int, re.search(r"figures (\d+) (\d+) (\d+) (\d+) (\d+)",
                       out).groups())
    return p50 / 1000, p99 / 1000, calls * 1e6 / us, errors


def write_and_sync(folder, seconds, pause):
    """Milliseconds that each sync took; pauses in between, in seconds."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(random.expovariate(1 / pause) if pause else 0)
            os.write(file.fileno(), bytes(500))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return times


def disk_alone(folder, seconds, processes, pause):
    """p50 and p99 of a sync, in milliseconds."""
    with multiprocessing.Pool(processes) as pool:
        times = pool.starmap(write_and_sync,
                             [(folder, seconds, pause)] * processes)
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--disk", default=tempfile.gettempdir())
    parser.add_argument("--awake", action="store_true")
    options = parser.parse_args()
    with awake() if options.awake else contextlib.nullcontext():
        report(options)


def report(options):
    print("                     p50 ms   p99 ms  calls/s  errors")
    for where, folder in (("memory", "/dev/shm"), ("disk", options.disk)):
        rounds = [[measure(folder, sync, options.seconds) for sync in SYNCS]
                  for _ in range(options.rounds)]
        for sync, runs in zip(SYNCS, zip(*rounds)):
            p50, p99, rate, _ = map(statistics.median, zip(*runs))
            print(f"{sync:7} {where:10} {p50:8.3f} {p99:8.3f} {rate:8.0f} "
                  f"{sum(run[3] for run in runs):7}", flush=True)
    for name, processes, pause in (("the disk alone", 1, 0),
                                   ("asked by two", 2, 0.001)):
        p50, p99 = disk_alone(options.disk, options.seconds, processes, pause)
        print(f"{name:18} {p50:8.3f} {p99:8.3f}")


if __name__ == "__main__":
    main()
