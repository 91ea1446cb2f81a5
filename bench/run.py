"""One run over all candidates; see README.md.

In every window all candidates take short turns, so that whatever else the
machine does falls on all of them; what is told is the median of the windows,
and the median of each window's ratio to bare nginx.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import candidates
import check
import measure
import report
import work
from process import Failure

ALL = [candidates.Gate, candidates.GateMillion, candidates.Bare,
       candidates.BareBuffered, candidates.LuaKey, candidates.LuaFull,
       candidates.HAProxy, candidates.Portkey]
STREAMING = [kind for kind in ALL if kind is not candidates.BareBuffered]
LATENCY_PAUSE_US = 5000
INGEST_KEYS = (1, 1000, 50_000)


class Size:
    """How much is measured."""

    def __init__(self, is_quick, rounds):
        self.rounds = 1 if is_quick else rounds
        self.seconds = 1 if is_quick else 2.5
        self.warm_seconds = 3
        self.latency_seconds = 1
        self.latency_rounds = 3 if is_quick else 4 * rounds
        self.tokens = 50, 1  # of a long stream and of a short one
        self.ms_each = 4
        self.stream_rounds = 4 if is_quick else 40
        self.open_streams = 500 if is_quick else 2000
        self.ingest_calls = 200_000 if is_quick else 1_000_000
        self.million_calls = 200_000 if is_quick else 10_000_000


class Bench:
    def __init__(self, build, folder, size):
        self.build = build.resolve()
        self.folder = folder
        self.size = size
        self.core, *self.others = sorted(os.sched_getaffinity(0))
        self.sim = candidates.Simulator(self.build, folder)
        self.all = []
        self.rows = []
        self.decide = {}
        self.ingest = {}  # keys: [{figure: value} of each run]
        self.stream_kinds = []  # (body, events of its answer), long and short

    def of_kind(self, name):
        return next(one for one in self.all if type(one).__name__ == name)

    def say(self, what):
        print(f"bench: {time.strftime('%H:%M:%S')} {what}", flush=True)

    def pin(self, one):
        """Who serves calls has a processor for itself; the load generator,
        the simulator and the daemon are on the others."""
        for pid in one.by_role()["calls"] if self.others else ():
            os.sched_setaffinity(pid, {self.core})

    def start(self):
        os.sched_setaffinity(0, self.others or {self.core})
        self.sim.start()
        bodies = [work.stream_call(tokens, self.size.ms_each)
                  for tokens in self.size.tokens]
        for kind in ALL:
            one = kind(self)
            self.all.append(one)
            one.start()
            self.pin(one)
            check.candidate(one)
            self.stream_kinds = [
                (body, check.stream(one, body, tokens))
                for body, tokens in zip(bodies, self.size.tokens)]
            self.say(f"{one.label} is there and does its work")

    def stop(self):
        """Ends all, also when one of them does not end as it should."""
        failures = []
        for service in [*self.all, self.sim]:
            try:
                service.stop()
            except Failure as failure:
                failures.append(str(failure))
        if failures:
            raise Failure("; ".join(failures))

    def put(self, what, variant, number, one, **figures):
        self.rows.append({"what": what, "variant": variant, "round": number,
                          "who": type(one).__name__, **figures})

    def windows(self, kinds):
        """(number, candidates) of each."""
        those = [one for one in self.all if type(one) in kinds]
        for number in range(self.size.rounds):
            yield number, those

    def request(self, one, body, **headers):
        return work.request_file(self.folder / f"{one.name}.request",
                                 one.headers | headers, body)

    def warm_up(self):
        for one in self.all:
            measure.warm_up(one, self.request(one, work.BODIES["8 KiB"]),
                            self.size.warm_seconds)
        self.say("all are warm")

    def memory(self):
        """Last, since some do not get over so many streams (HAProxy's calls
        cost three times as much afterwards)."""
        for one in self.all:
            if type(one) not in STREAMING:
                continue
            kib = measure.memory(one, work.stalled_stream(5),
                                 self.size.open_streams, 5)
            self.put("memory", "", 0, one, kib=sum(kib.values()))
            self.say(f"{self.size.open_streams} open streams: {one.label}")

    def calls(self):
        for name, body in work.BODIES.items():
            for number, those in self.windows(ALL):
                self.load("call", name, number, those, body)
            self.say(f"calls of {name}: done")

    def load(self, what, variant, number, those, body, bad_key=None):
        """With a bad key, who checks keys has to refuse all of it."""
        refusing = [one for one in those if bad_key and one.checks]
        requests = {}
        for one in those:
            one.prepare()
            headers = {"Authorization": f"Bearer {bad_key}"} \
                if one in refusing else {}
            requests[one] = self.request(one, body, **headers)
        got = measure.calls(requests, self.size.seconds, refusing)
        self.put_cpu(what, variant, number, got)

    def put_cpu(self, what, variant, number, cpu_us):
        """CPU by role, and in all."""
        for one, by_member in cpu_us.items():
            roles = {role: sum(us for (pid, _), us in by_member.items()
                               if pid in pids)
                     for role, pids in one.by_role().items()}
            self.put(what, variant, number, one, **roles,
                     total=sum(by_member.values()))

    def latency(self):
        kinds = (candidates.Gate, candidates.GateMillion, candidates.Bare,
                 candidates.HAProxy, candidates.LuaFull)
        those = [one for one in self.all if type(one) in kinds]
        for number in range(self.size.latency_rounds):
            for one in those:
                one.prepare()
                got = measure.latency(
                    one, self.request(one, work.BODIES["100 B"]),
                    LATENCY_PAUSE_US, self.size.latency_seconds)
                self.put("latency", "", number, one, p50_us=got["p50_us"],
                         p99_us=got["p99_us"])
        self.say("latency: done")

    def refusals(self):
        kinds = (candidates.Gate, candidates.Bare, candidates.LuaKey)
        for number, those in self.windows(kinds):
            for variant, key in candidates.BAD_KEYS.items():
                self.load("refusal", variant, number, those,
                          work.BODIES["100 B"], bad_key=key)
        self.say("refusals: done")

    def streams(self):
        for number, those in self.windows(STREAMING):
            got = measure.streams(those, *self.stream_kinds,
                                  self.size.stream_rounds)
            self.put_cpu("event", "", number, got)
        self.say("streams: done")

    def figures(self, program, *args):
        """What a program of ours prints: a name and a number a line."""
        done = subprocess.run([self.build / "bench" / program,
                               *map(str, args)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{program}: {done.stderr}")
        return {name: int(value) for name, value in
                map(str.split, done.stdout.splitlines())}

    def decision(self):
        self.decide = self.figures("bench-decide")
        self.say("the decision alone: done")

    def ingestion(self):
        folder = self.folder / "ingest"
        for keys in INGEST_KEYS:
            self.ingest[keys] = []
            for _ in range(self.size.rounds):
                self.ingest[keys].append(self.figures(
                    "bench-ingest", folder, self.size.ingest_calls, keys))
                shutil.rmtree(folder)
        self.say("ingest alone: done")

    def run(self):
        self.decision()
        self.ingestion()
        self.start()
        self.warm_up()
        self.calls()
        self.refusals()
        self.latency()
        self.streams()
        self.memory()


def raise_descriptor_limit(streams):
    """A proxy needs two for a stream."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 2 * streams + 500:
        raise Failure(f"only {most} open files are allowed here, and "
                      f"{2 * streams + 500} are needed: raise ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def interrupted(number, frame):
    """Whatever ends us, what was started ends first."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Failure("interrupted; everything that was started has ended")


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS,
                        required=True)
    parser.add_argument("--quick", action="store_true",
                        help="one short window of each; nothing is written")
    parser.add_argument("--rounds", type=int, default=5,
                        help="how many windows of each (5)")
    options = parser.parse_args()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupted)

    size = Size(options.quick, options.rounds)
    folder = Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
    bench = Bench(options.build, folder, size)
    try:
        raise_descriptor_limit(size.open_streams)
        try:
            bench.run()
        finally:
            bench.stop()
            shutil.rmtree(folder, ignore_errors=True)
    except Failure as failure:
        sys.exit(f"script/bench: {failure}")

    text = report.write(bench)
    if options.quick:
        print(text)
    else:
        (Path(__file__).parent / "RESULTS.md").write_text(text)
        bench.say("bench/RESULTS.md is written")


if __name__ == "__main__":
    main()
