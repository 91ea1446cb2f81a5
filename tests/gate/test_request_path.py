"""What a worker asks the kernel for while calls come: the client and the
upstream, one write of the journal, and nobody else (promise P1)."""

import re

from conftest import wait
from test_durability import Trace, trace  # noqa: F401

CALLS, STREAMS, REFUSALS = 20, 5, 10
LINE = re.compile(r"^(\d+) +\d+\.\d+ (\w+)\((.*)$", re.M)

# Where a database, a lock or a file would show.
NEVER = {"flock", "fsync", "fdatasync", "sync_file_range", "msync", "open",
         "openat", "openat2", "rename", "renameat", "unlink", "unlinkat",
         "semop", "msgsnd", "msgrcv", "sched_yield", "nanosleep",
         "clock_nanosleep", "poll", "select", "fork", "clone", "execve"}


def test_a_call_asks_for_nothing_but_its_client_and_its_upstream(
        own_gate, trace):  # noqa: F811
    gate = own_gate
    key = gate.key("path", rpm=10**6, tpm=10**8, daily_limit=100,
                   monthly_limit=1000, allow_ip="127.0.0.0/8")
    for _ in range(20):           # each worker knows its credential by now
        gate.chat(key)
    workers = {str(pid) for pid in gate.nginx_workers()}
    strace = trace(gate)
    for n in range(CALLS):
        assert gate.chat(key, f"call {n}").status == 200
    for n in range(STREAMS):
        assert list(gate.chat(key, f"stream {n}", stream=True).events())
    for n in range(REFUSALS):
        assert gate.request("GET", "/v1/key", "sk-tgp_no").status == 401

    # Of its own thread: the one that waits for the disk holds up no call.
    def asked():
        return [(name, rest) for pid, name, rest in
                LINE.findall(strace.log.read_text()) if pid in workers]

    def records():
        """A call's record is longer than what else is appended."""
        return [rest for name, rest in asked()
                if name == "write" and re.search(
                    r", (?:39\d|4\d\d)(?:\)| <)", rest)]
    wait(lambda: len(records()) >= CALLS + STREAMS, what="the last record")
    strace.end()
    assert len(records()) == CALLS + STREAMS, "one write a call"
    seen = {name for name, _ in asked()}
    assert {"epoll_wait", "recvfrom", "writev"} <= seen, "it was traced"
    assert not seen & NEVER
    for name, rest in asked():
        if name == "connect":
            assert f"sin_port=htons({gate.sim.url.rpartition(':')[2]})" in rest
        if name == "fcntl":
            assert "LK" not in rest, "no lock of a file"
        if name == "futex":
            assert "WAKE" in rest, "it wakes the disk's thread, and waits not"
