#!/usr/bin/python3
"""How quickly all calls are exported, and what that does to everybody else.

    bench/export.py [--calls N] [--rounds N] [--folder FOLDER]

A store is filled with calls over thirty days, of a thousand keys; then
`tollgate calls export` writes them into a file, through nginx.  CPU is that
of all threads of a process, from /proc; told is the median of the rounds.
Beside it: what GET /keys takes meanwhile, the daemon's memory, and the WAL.
"""

import argparse
import http.client
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench"))

from conftest import BUILD, Gate, clean_env    # noqa: E402
from process import cpu_ns                     # noqa: E402

IDLE_S = 3  # that requests are timed while nothing is exported
DAYS_30_MS = 30 * 86_400_000
KEYS = 1000
KEY = f"key_{7:020d}"

FILL = """
INSERT INTO call_rows (seq, id, at, key_id, account_id, kind, flags, status,
    code, basis, latency_ms, ttft_ms, prompt_tokens, prompt_cache_hit_tokens,
    cache_write_tokens, completion_tokens, reasoning_tokens, units, held_nanos,
    cost_nanos, day, month, ip, user_agent, trace_id)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                         WHERE i < :calls)
SELECT i, randomblob(16), :begun + i * :span / :calls,
    printf('key_%020d', abs(random()) % :keys),
    printf('acct_%019d', abs(random()) % 20), :kind, 3,
    CASE abs(random()) % 50 WHEN 0 THEN 429 WHEN 1 THEN 502 ELSE 200 END, 0,
    2, 200 + abs(random()) % 4000, 100 + abs(random()) % 900,
    500 + abs(random()) % 4000, abs(random()) % 500, 0, abs(random()) % 900,
    0, 0, 9000000, abs(random()) % 9000000, 0, 0,
    printf('203.0.113.%d', abs(random()) % 256), 'OpenAI/Python 1.109.1',
    printf('chatcmpl-%032x', random())
FROM n"""

KIND = """
INSERT INTO call_kinds (block, upstream_id, credential_id, model, endpoint,
    unit, hit_picos, miss_picos, output_picos, write_picos, unit_picos)
VALUES (:calls >> 17, :upstream, 'cred_0000000000000000000', 'deepseek-flash',
    1, 0, 2500, 25000, 100000, 0, 0)"""


def fill(store, calls):
    db = sqlite3.connect(store)
    upstream, = db.execute("SELECT id FROM upstreams LIMIT 1").fetchone()
    with db:
        kind = db.execute(KIND, {"calls": calls,
                                 "upstream": upstream}).lastrowid
        db.execute(FILL, {
            "calls": calls, "keys": KEYS, "span": DAYS_30_MS,
            "begun": int(time.time() * 1000) - DAYS_30_MS, "kind": kind})
    db.close()


def settle(gate):
    """Until the calls are rolled up: the daemon does nothing any more."""
    pid, quiet = gate.daemon_pid(), 0
    end = time.monotonic() + 600
    while quiet < 3:
        if time.monotonic() > end:
            raise SystemExit("export: the daemon does not come to rest")
        before = cpu_ns(pid)
        time.sleep(1)
        quiet = quiet + 1 if cpu_ns(pid) - before < 30_000_000 else 0


class Gets(threading.Thread):
    """GET /keys, one after the other, each timed."""

    def __init__(self, gate):
        super().__init__()
        self.gate, self.times, self.is_over = gate, [], threading.Event()
        self.token = (gate.home / "admin.token").read_text().strip()

    def run(self):
        parts = urlsplit(self.gate.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        while not self.is_over.wait(0.005):
            begun = time.perf_counter()
            connection.request(
                "GET", "/admin/v1/keys?limit=10",
                headers={"Authorization": "Bearer " + self.token})
            connection.getresponse().read()
            self.times.append((time.perf_counter() - begun) * 1000)
        connection.close()

    def end(self):
        self.is_over.set()
        self.join()
        cuts = statistics.quantiles(self.times, n=100)
        return cuts[49], cuts[98]


def memory_mib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


def export(gate, out, args):
    """Rows a second; CPU in seconds of daemon, nginx and command line;
    rows."""
    daemon, workers = gate.daemon_pid(), gate.nginx_workers()
    before = cpu_ns(daemon), sum(map(cpu_ns, workers))
    cli = os.times()
    begun = time.perf_counter()
    subprocess.run([BUILD / "tollgate", "calls", "export", out, *args],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True,
                   env=clean_env(TOLLGATE_HOME=str(gate.home)))
    took, after = time.perf_counter() - begun, os.times()
    rows = int(subprocess.run(["wc", "-l", out], check=True,
                              capture_output=True).stdout.split()[0])
    rows -= "jsonl" not in args
    return (rows / took, (cpu_ns(daemon) - before[0]) / 1e9,
            (sum(map(cpu_ns, workers)) - before[1]) / 1e9,
            after.children_user + after.children_system - cli.children_user -
            cli.children_system, rows)


def measure(gate, folder, name, args, options):
    rounds = []
    wal = Path(str(gate.home / "store.db") + "-wal")
    for _ in range(options.rounds):
        gets = Gets(gate)
        gets.start()
        figures = export(gate, folder / "out", args)
        rounds.append((*figures, *gets.end(), wal.stat().st_size / 1e6))
    rate, daemon, nginx, cli, rows, p50, p99, wal_mb = (
        statistics.median(column) for column in zip(*rounds))
    share = 1e6 / (rows or options.calls)  # or of those looked at
    print(f"{name:26} {rows:10,.0f} {rate:10,.0f} {daemon * share:8.2f} "
          f"{nginx * share:8.2f} {cli * share:8.2f} {p50:8.2f} {p99:8.2f} "
          f"{wal_mb:7.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        folder = Path(scratch)
        gate = Gate(folder / "home").start()
        try:
            gate.stop_up()
            fill(gate.home / "store.db", options.calls)
            gate.start_up()
            settle(gate)
            idle = Gets(gate)
            idle.start()
            time.sleep(IDLE_S)
            p50, p99 = idle.end()
            print(f"{'':26} {'rows':>10} {'rows/s':>10}   µs of CPU a row:"
                  f"          GET ms:           WAL\n{'':48} {'daemon':>8} "
                  f"{'nginx':>8} {'tollgate':>8} {'p50':>8} {'p99':>8} "
                  f"{'MB':>7}\n{'nothing is exported':75} {p50:8.2f} "
                  f"{p99:8.2f}")
            for name, args in (
                    ("CSV", ()), ("JSON lines", ("--format", "jsonl")),
                    ("CSV, --not-ok", ("--not-ok",)),
                    ("CSV, one of 1000 keys", ("--key", KEY)),
                    ("CSV, --agent of nobody *", ("--agent", "nobody"))):
                measure(gate, folder, name, args, options)
            print(f"* a row is a call that was looked at.  The daemon's "
                  f"memory was {memory_mib(gate.daemon_pid()):.0f} MiB at "
                  f"most, with rolling up.")
        finally:
            gate.stop()


if __name__ == "__main__":
    main()
