"""Calls at all times: what storm.c does, for a test."""

import json
import signal
import subprocess
from collections import Counter

from books import seen
from conftest import BUILD


def chat(text, **members):
    """A line of what is called."""
    return "/v1/chat/completions\t" + json.dumps({
        "model": "deepseek-flash",
        "messages": [{"role": "user", "content": text}], **members})


class Storm:
    """Calls until its end, or count of them."""

    def __init__(self, gate, folder, keys, calls, **options):
        self.gate, self.seen = gate, folder / "seen"
        (folder / "calls").write_text("".join(it + "\n" for it in calls))
        (folder / "keys").write_text("".join(key + "\n" for key in keys))
        address, port = gate.url.removeprefix("http://").split(":")
        self.process = subprocess.Popen(
            [BUILD / "tests/crash/storm", address, port, folder / "calls",
             folder / "keys", self.seen,
             *(f"{name}={value}" for name, value in options.items())],
            stdout=subprocess.PIPE, text=True)

    def made(self):
        return self.gate.sim.count()["total"]["requests"]

    def goes_on(self, calls):
        """Returns when so many more calls were served."""
        wanted = self.made() + calls
        self.gate.wait(lambda: self.made() >= wanted, 60, "calls")

    def runs(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """For the end of all its calls; how they ended."""
        out, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0
        ends = Counter(one.end if one.status in (0, 200) else one.code
                       for one in seen(self.seen))
        assert sum(ends.values()) == int(out.split()[1])
        return ends

    def end(self):
        """No new calls; returns when those in flight have ended."""
        if self.runs():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait(90)
        finally:
            self.process.kill()
