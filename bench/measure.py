"""One round of one candidate: load from wrk, CPU from the kernel's books."""

import json
import subprocess
from pathlib import Path

import check
from process import Failure, clean_env, memory_kib
from streams import Streams

HERE = Path(__file__).resolve().parent


def wrk(url, request, seconds, connections, pause_ms=0, keys=None):
    """Runs wrk and returns what load.lua reports."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
               "--timeout", "10s", "-s", HERE / "load.lua", url, "--", request,
               str(pause_ms)]
    if keys:
        command.append(keys)
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, env=clean_env())
    if done.returncode != 0:
        raise Failure(f"wrk: {done.stderr or done.stdout}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def spent(before, after, what):
    """CPU between two readings, of the same processes, in ns."""
    if before.keys() != after.keys():
        raise Failure(f"{what}: a process ended or began during a round")
    return {member: after[member] - before[member] for member in before}


def load(candidate, request, seconds, refused=False, **options):
    """One round: wrk's report, and cpu_us per call by process.

    All answers have to be 2xx, or with refused all 4xx.
    """
    before = candidate.cpu()
    report = wrk(candidate.chat_url(), request, seconds,
                 candidate.connections, keys=candidate.keys, **options)
    candidate.quiesce()
    ns = spent(before, candidate.cpu(), candidate.name)

    wrong = report["calls"] - report["refused"] if refused \
        else report["refused"]
    if wrong or report["broken"] or report["calls"] < 100:
        body = request.read_bytes().partition(b"\n\n")[2]
        raise Failure(f"{candidate.name}: not every call went as it should: "
                      f"{report}; now it answers {check.ask(candidate, body)}")
    report["cpu_us"] = {member: value / 1000 / report["calls"]
                        for member, value in ns.items()}
    return report


def streams(candidate, body, count, times, events):
    """count streams at once, that many times over: cpu_us per event.

    Every stream has to have its events, so that what is divided by is what
    really came.
    """
    before = candidate.cpu()
    for _ in range(times):
        these = Streams(candidate, body, count)
        these.read_all()
        got = {stream.events() for stream in these.all}
        these.close()
        if got != {events}:
            raise Failure(f"{candidate.name}: streams have {got} events, "
                          f"not {events}")
    candidate.quiesce()
    ns = spent(before, candidate.cpu(), candidate.name)
    total = count * times * events
    return {"events": total, "cpu_us": {member: value / 1000 / total
                                        for member, value in ns.items()}}


def memory(candidate, body, count, first_events):
    """count streams open and waiting: what each takes, in KiB by kind.

    It is what the processes that serve calls have more of with all than with
    half of them: what an earlier load left free is in use by then.
    """
    def resident():
        total = {}
        for pid in candidate.by_role()["calls"]:
            for kind, kib in memory_kib(pid).items():
                total[kind] = total.get(kind, 0) + kib
        return total

    opened, readings = [], []
    try:
        for _ in range(2):
            these = Streams(candidate, body, count // 2)
            opened.append(these)
            these.read_until(
                lambda: all(s.text.count(b"data: ") >= first_events
                            for s in these.all),
                "first events of all streams")
            readings.append(resident())
    finally:
        for these in opened:
            these.close()
    half, full = readings
    return {kind: (full[kind] - half[kind]) / (count // 2) for kind in full}
