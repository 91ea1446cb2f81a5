"""Processes that are started, ended and accounted for."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A sentence that says what went wrong and ends the run."""


def wait(condition, what, deadline=30.0, pause_seconds=0.01):
    """Calls condition until it returns something true, and returns that."""
    end = time.monotonic() + deadline
    while not (result := condition()):
        if time.monotonic() > end:
            raise Failure(f"no {what} within {deadline:.0f} s")
        time.sleep(pause_seconds)
    return result


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_env(**more):
    """The environment without anything that points at a gate or a proxy."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("TOLLGATE_", "DEEPSEEK_"))
           and not k.lower().endswith("_proxy")}
    # Where Debian has nginx and haproxy; not in everybody's path.
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    env.update(more)
    return env


def end_with_parent(number=signal.SIGTERM):
    """Called in a child: it gets this signal when whoever started it ends."""
    libc.prctl(PR_SET_PDEATHSIG, number)


def family(pid):
    """A process and all its descendants, as {pid: name}."""
    parents, names = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
        names[int(entry)] = name
        parents.setdefault(int(rest.split()[1]), []).append(int(entry))
    found, todo = {}, [pid]
    while todo:
        pid = todo.pop()
        if pid in names:
            found[pid] = names[pid]
            todo += parents.get(pid, [])
    return found


def cpu_ns(pid):
    """What all threads of a process have run, user and system, in ns.

    The scheduler's own sum: /proc/PID/stat shows the same in 10 ms ticks.
    """
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        text = Path(f"/proc/{pid}/task/{task}/schedstat").read_text()
        total += int(text.split()[0])
    return total


def memory_kib(pid):
    """Resident memory by kind: anon, file, shmem."""
    kinds = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Rss"):
            name, value = line.split(":")
            kinds[name[3:].lower()] = int(value.split()[0])
    return kinds


class Service:
    """A program that runs until stop(): its process and all below it."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.process = None
        self.url = None
        self.log_from = 0

    def run(self, *command, **options):
        self.folder.mkdir(parents=True, exist_ok=True)
        options.setdefault("env", clean_env())
        with open(self.log, "ab") as log:
            self.log_from = log.tell()
            self.process = subprocess.Popen(
                [str(c) for c in command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                preexec_fn=end_with_parent, **options)

    def said(self):
        """What it has written since it was started."""
        return self.log.read_bytes()[self.log_from:].decode(errors="replace")

    def must_live(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended: {self.said()[-2000:]}")
        return True

    def await_port(self):
        port = int(self.url.rsplit(":", 1)[1])

        def answers():
            self.must_live()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        wait(answers, f"answer of {self.name}")

    def members(self):
        """{pid: name} of every process of it."""
        return family(self.process.pid)

    def cpu(self):
        """{(pid, name): ns} of every process of it."""
        return {(p, n): cpu_ns(p) for p, n in self.members().items()}

    def stop(self):
        if self.process is None:
            return
        members = self.members()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in members:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
        wait(lambda: not any(map(is_alive, members)),
             f"end of {self.name}'s processes")
        self.process.wait()
        self.process = None


def is_alive(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"
