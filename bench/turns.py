"""Load generators of which one works at a time, for a fifth of a second.

A virtual machine's speed changes by a third within seconds.  Candidates that
take turns as short as this all have the same machine; much shorter ones would
measure how caches fill.
"""

import json
import signal
import subprocess
import time
from contextlib import ExitStack

from process import Failure, clean_env, cpu_ns, end_with_parent, wait

TURN_SECONDS = 0.2
REST_SECONDS = 0.002


class Load:
    """A load generator before a candidate: it stands still until it is let
    run."""

    def __init__(self, candidate, request):
        self.name = candidate.name
        self.pids = candidate.by_role()["calls"]
        # An hour: it ends when it is told to.
        command = candidate.load(request, 0, 3600)
        self.process = subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=clean_env(),
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(signal.SIGKILL))
        self.process.send_signal(signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stopped or not, it ends."""
        with self.process:
            self.process.kill()

    def run(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)

    def rest(self):
        """Stops it and waits until what it has sent is answered, so that the
        next one has the processor for itself."""
        self.process.send_signal(signal.SIGSTOP)
        wait(lambda: self.spent() == self.spent(REST_SECONDS),
             f"end of the calls of {self.name}", pause_seconds=0)

    def spent(self, after_seconds=0):
        time.sleep(after_seconds)
        return sum(map(cpu_ns, self.pids))

    def end(self):
        """What it reports."""
        self.process.send_signal(signal.SIGINT)
        self.process.send_signal(signal.SIGCONT)
        out, err = self.process.communicate(timeout=20)
        if self.process.returncode != 0:
            raise Failure(f"load of {self.name}: {err or out}")
        return json.loads(out.strip().splitlines()[-1])


def take(requests, seconds):
    """Every candidate's request so many seconds, in short turns; returns
    {candidate: report}."""
    with ExitStack() as stack:
        loads = {one: stack.enter_context(Load(one, request))
                 for one, request in requests.items()}
        for load in list(loads.values()) * round(seconds / TURN_SECONDS):
            load.run(TURN_SECONDS)
            load.rest()
        return {one: load.end() for one, load in loads.items()}
