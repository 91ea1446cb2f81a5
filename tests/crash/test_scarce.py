"""Descriptors and memory run out, in a worker and in the daemon: what cannot
be done is refused, nothing is lost, and it is over when there is enough."""

import os
import resource
import subprocess

import pytest

from books import compare, records, seen, served
from state_file import StateFile
from storms import Storm, chat
from victims import roles

MIB = 1 << 20
REFUSED = {"internal_error", "gate_unavailable", "upstream_unavailable",
           "upstream_error", "request_too_large"}


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def address_space(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


LIMITS = {"descriptors": ("nofile", open_files),
          "memory": ("as", address_space)}


def owner(pid):
    with open(f"/proc/{pid}/status") as file:
        ids = dict(line.split(":", 1) for line in file)
    return {name: int(ids[name.capitalize()].split()[0])
            for name in ("uid", "gid")}


def set_limit(pid, name, soft):
    """The soft one.  A process's own user may, where root may not."""
    user = owner(pid)
    more = {} if user["uid"] == os.geteuid() else {
        "user": user["uid"], "group": user["gid"], "extra_groups": []}
    subprocess.run(["prlimit", "--pid", str(pid), f"--{name}={soft}:"],
                   check=True, **more)


class Limit:
    """`with` it, pids have so much of it as they have now, and more."""

    def __init__(self, what, pids, more):
        self.name, self.used = LIMITS[what]
        self.pids, self.more = pids, more

    def __enter__(self):
        for pid in self.pids:
            set_limit(pid, self.name, self.used(pid) + self.more)

    def __exit__(self, *_):
        for pid in self.pids:
            if os.path.exists(f"/proc/{pid}/status"):
                set_limit(pid, self.name,
                          4096 if self.name == "nofile" else "unlimited")


@pytest.fixture
def scarce(make_gate, tmp_path):
    gate = make_gate(sim_args=["--log", tmp_path / "sim.jsonl"]).start()
    gate.steady = gate.key("steady", rpm=10**8, tpm=10**9)
    return gate


def books_agree(gate, tmp_path, storm=()):
    state = StateFile(gate.shm)

    def agree():
        rows, upstream = records(gate.home), served(tmp_path / "sim.jsonl")
        if state.calls_in_flight() or not upstream.keys() <= rows.keys():
            return None
        spent = sum(row["cost_nanos"] for row in rows.values())
        return (rows, upstream) if spent == state.committed() else None

    rows, upstream = gate.wait(agree, 20, "agreement of the books")
    if storm:
        compare(rows, upstream, storm)


BIG = "x" * (2 * MIB)


@pytest.mark.parametrize("what, more, calls", [
    ("descriptors", 4, [chat("sim:slow=5 sim:tokens=20", stream=True),
                        chat("sim:slow=2")]),
    ("memory", MIB // 2, [chat("hello"), chat(BIG)]),
])
def test_a_worker_that_has_too_little(scarce, tmp_path, what, more, calls):
    gate = scarce
    before = roles(gate)
    for _ in range(10):               # each has its journal open
        assert gate.chat(gate.steady).status == 200
    with Limit(what, before["worker"], more):
        storm = Storm(gate, tmp_path, [gate.steady], calls, connections=40,
                      count=400)
        ends = storm.wait(120)
    print(dict(ends))
    assert set(ends) <= {"whole", "none", "cut", *REFUSED}, ends
    assert ends["whole"] > 0
    assert ends["whole"] < 400, "it was too little"
    gate.wait(lambda: gate.chat(gate.steady).status == 200, 10, "good call")
    assert roles(gate)["worker"] == before["worker"], "none has died"
    after = Storm(gate, tmp_path, [gate.steady], calls, connections=8,
                  count=100).wait(120)
    assert after == {"whole": 100}
    books_agree(gate, tmp_path)


def make_key(gate, name):
    """The status; None when nobody took the request within two seconds."""
    token = (gate.home / "admin.token").read_text().strip()
    try:
        return gate.request("POST", "/admin/v1/keys", token, {"name": name},
                            timeout=2).status
    except TimeoutError:
        return None


@pytest.mark.parametrize("what, more", [("descriptors", 0),
                                        ("memory", 0)])
def test_a_daemon_that_has_too_little(scarce, tmp_path, what, more):
    gate = scarce
    daemon = roles(gate)["daemon"]
    with Limit(what, daemon, more):
        storm = Storm(gate, tmp_path, [gate.steady],
                      [chat("hello"), chat("hello", stream=True)],
                      connections=8, count=1000)
        answers = [make_key(gate, f"made {n}") for n in range(3)]
        ends = storm.wait(120)
    print(dict(ends), answers)
    # No call fails for it; an operator is told so, or served.
    assert ends == {"whole": 1000}
    assert set(answers) <= {201, 500, 502, 503, 504, None}, answers
    gate.wait_daemon()
    gate.wait(lambda: gate.admin("POST", "/keys", {"name": "after"}).status ==
              201, 20, "change that is made")
    books_agree(gate, tmp_path, list(seen(storm.seen)))
