"""One window of all candidates: what they are given, and CPU from the
kernel's books."""

import json
import subprocess
import time

import check
import turns
from process import Failure, memory_kib
from streams import Streams

# Whole seconds: the daemon has something to do in each.
IDLE_SECONDS = 2


def spent(before, after, what):
    """CPU between two readings, of the same processes, in ns."""
    if before.keys() != after.keys():
        raise Failure(f"{what}: a process ended or began meanwhile")
    return {member: after[member] - before[member] for member in before}


def cpu(ones):
    return {one: one.cpu() for one in ones}


def window(ones, play):
    """play() has all of them do their part, for about as long each.  Returns
    what it returns, and {one: {member: ns}}: CPU for that, until nothing is
    left to do, less what it takes to be there in the turns of the others.
    """
    idle = cpu(ones)
    time.sleep(IDLE_SECONDS)
    before, began = cpu(ones), time.monotonic()
    result = play()
    for one in ones:
        one.quiesce()
    waited = (time.monotonic() - began) * (1 - 1 / len(ones))
    after, ns = cpu(ones), {}
    for one in ones:
        still = spent(idle[one], before[one], one.name)
        ns[one] = {member: value - still[member] * waited / IDLE_SECONDS
                   for member, value in
                   spent(before[one], after[one], one.name).items()}
    return result, ns


def calls(requests, seconds, refusing=()):
    """{one: cpu_us per call by process} of the candidates in requests."""
    reports, ns = window(list(requests), lambda: turns.take(requests, seconds))
    for one, report in reports.items():
        must_be_right(one, requests[one], report, one in refusing)
    return {one: {member: value / 1000 / reports[one]["calls"]
                  for member, value in ns[one].items()} for one in requests}


def must_be_right(one, request, report, refused=False):
    """All answers have to be 2xx, or with refused all 4xx."""
    wrong = report["calls"] - report["refused"] if refused \
        else report["refused"]
    if wrong or report["broken"] or report["calls"] < 100:
        body = request.read_bytes().partition(b"\n\n")[2]
        raise Failure(f"{one.name}: not every call went as it should: "
                      f"{report}; now it answers {check.ask(one, body)}")


def warm_up(one, request, seconds):
    """One candidate under load, for nobody to count."""
    must_be_right(one, request, turns.take({one: request}, seconds)[one])
    one.quiesce()


def latency(one, request, pause_us, seconds):
    """What one candidate's calls take that pause in between."""
    done = subprocess.run(
        [str(c) for c in one.load(request, pause_us, seconds)],
        capture_output=True, text=True, timeout=seconds + 30)
    if done.returncode != 0:
        raise Failure(f"load of {one.name}: {done.stderr}")
    report = json.loads(done.stdout)
    one.quiesce()
    must_be_right(one, request, report)
    return report


def streams(ones, long, short, rounds):
    """{one: cpu_us per event by process}: what long streams cost more than
    short ones, by the events that they have more.

    long and short are (body, events of its answer).  Of the short ones, which
    cost little, a quarter of the rounds tells enough.
    """
    per_long = stream_ns(ones, *long, rounds)
    per_short = stream_ns(ones, *short, (rounds + 3) // 4)
    more = long[1] - short[1]
    return {one: {member: (ns - per_short[one][member]) / 1000 / more
                  for member, ns in per_long[one].items()} for one in ones}


def stream_ns(ones, body, events, rounds):
    """{one: CPU of a stream by process}, of batches in turn: each candidate
    has one in as many of the rounds as it is looked at closely."""
    turns_of = {one: [number for number in range(rounds)
                      if number % one.stream_every == 0] for one in ones}

    def play():
        for number in range(rounds):
            for one in ones:
                if number in turns_of[one]:
                    batch(one, body, events)
    _, ns = window(ones, play)
    return {one: {member: value / len(turns_of[one]) / one.streams
                  for member, value in ns[one].items()} for one in ones}


def batch(one, body, events):
    """Every stream has to have its events, so that what is divided by is what
    really came."""
    these = Streams(one, body, one.streams)
    these.read_all()
    got = {stream.events() for stream in these.all}
    these.close()
    if got != {events}:
        raise Failure(f"{one.name}: streams have {got} events, not {events}")


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
