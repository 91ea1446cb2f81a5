"""Lets the n-th system call of a name fail, in processes that run (strace)."""

import os
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path

from conftest import AS_ROOT, wait

# By the name in a test; a "?" is for calls that some machines do not have.
CALLS = {
    "write": "write", "pwrite64": "pwrite64", "fsync": "fsync",
    "fdatasync": "fdatasync", "openat": "openat", "ftruncate": "ftruncate",
    "fallocate": "fallocate", "unlink": "?unlink,unlinkat",
    "rename": "?rename,renameat,renameat2",
}


def tracer():
    """Programs that hold secrets let nobody but root look at them."""
    return [*AS_ROOT, "strace"]


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return []


def is_traced(pid):
    try:
        return all("TracerPid:\t0\n" not in
                   Path(f"/proc/{pid}/task/{task}/status").read_text()
                   for task in tasks(pid))
    except OSError:
        return True                 # a task that has ended


def options(log, calls, fault=None):
    """strace's, to log calls, a dict as CALLS is.  They fail as fault says,
    "error=EIO:when=2" for example; each task has its own n."""
    names = ",".join(calls.values())
    inject = ["-e", f"inject={names}:{fault}"] if fault else []
    return ["-f", "-qq", "-o", log, "-e", f"trace={names}", *inject]


def made(log, calls):
    """By name, how many of the calls the busiest task made."""
    found = Counter(re.findall(r"^(\d+) +(\w+)\(", Path(log).read_text(), re.M))
    names = {name: call for call, names in calls.items()
             for name in names.replace("?", "").split(",")}
    by_task = Counter()
    for (task, name), count in found.items():
        by_task[names[name], task] += count
    return {call: max((n for (c, _), n in by_task.items() if c == call),
                      default=0) for call in calls}


def injected(log):
    return Path(log).read_text().count("(INJECTED)")


class Strace:
    """`with` it the calls of pids are watched, and fail: see options."""

    def __init__(self, pids, log, calls, fault=None):
        self.pids = pids
        self.command = [*tracer(), *options(log, calls, fault)]
        for pid in pids:
            self.command += ["-p", str(pid)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command,
                                        stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        wait(lambda: all(map(is_traced, self.pids)) or
             self.process.poll() is not None, what="strace")
        assert self.process.poll() is None, self.process.stderr.read()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
