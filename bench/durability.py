#!/usr/bin/python3
"""What making the journal durable costs a call, beside what the disk takes.

    bench/durability.py [--seconds N] [--disk FOLDER]

Sixteen connections call 1000 times a second in all.  The journal is on the
disk, and in memory, where a sync costs nothing; sync is batch, and strict.
Beside them: appending 500 bytes and fdatasync(2), one after the other, on the
same disk.
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

SCRIPT = """
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = '{"model":"deepseek-flash","messages":[{"role":"user","content":"hi"}]}'
function delay() return %d end
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
                key, CONNECTIONS * 1000 // CALLS_A_SECOND - 1))
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
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--disk", default=tempfile.gettempdir())
    options = parser.parse_args()

    print("                     p50 ms   p99 ms  calls/s  errors")
    for where, folder in (("memory", "/dev/shm"), ("disk", options.disk)):
        for sync in ("batch", "strict"):
            p50, p99, rate, errors = measure(folder, sync, options.seconds)
            print(f"{sync:7} {where:10} {p50:8.3f} {p99:8.3f} {rate:8.0f} "
                  f"{errors:7}", flush=True)
    p50, p99 = disk_alone(options.disk, options.seconds)
    print(f"{'the disk alone':18} {p50:8.3f} {p99:8.3f}")


if __name__ == "__main__":
    main()
