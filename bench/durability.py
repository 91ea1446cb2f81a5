#!/usr/bin/python3
"""What making the journal durable costs a call, beside what the disk takes.

    bench/durability.py [--seconds N] [--rounds N] [--disk FOLDER]

Sixteen connections call 1000 times a second in all, each after a pause of any
length up to twice the mean: in step they would be sixteen calls at once, and
the last of them would wait for the client's own turns.  The journal is on the
disk, and in memory, where a sync costs nothing; sync is batch and strict, in
turns, and each figure the median of the rounds.  Beside them: appending 500
bytes and fdatasync(2), one after the other, on the same disk.
"""

import argparse
import os
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


def disk_alone(folder, seconds):
    """p50 and p99 of a sync, in milliseconds."""
    times = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(file.fileno(), bytes(500))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--disk", default=tempfile.gettempdir())
    options = parser.parse_args()

    print("                     p50 ms   p99 ms  calls/s  errors")
    for where, folder in (("memory", "/dev/shm"), ("disk", options.disk)):
        rounds = [[measure(folder, sync, options.seconds) for sync in SYNCS]
                  for _ in range(options.rounds)]
        for sync, runs in zip(SYNCS, zip(*rounds)):
            p50, p99, rate, _ = map(statistics.median, zip(*runs))
            print(f"{sync:7} {where:10} {p50:8.3f} {p99:8.3f} {rate:8.0f} "
                  f"{sum(run[3] for run in runs):7}", flush=True)
    p50, p99 = disk_alone(options.disk, options.seconds)
    print(f"{'the disk alone':18} {p50:8.3f} {p99:8.3f}")


if __name__ == "__main__":
    main()
