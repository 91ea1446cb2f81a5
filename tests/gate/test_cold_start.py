"""A start without a state file: calls are served while keys are still being
loaded, each with all that its key has spent, and no key is refused for not
being there yet."""

import os
import re
import signal
import sqlite3
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from conftest import free_port, has_processes, processes_of
from state_file import StateFile

NANOS = 10**9
FILLERS = 150_000
COLUMNS = ("account_id, kind, status, scopes, models, endpoints, allowed_ips, "
           "allowed_referrers, created_at")


def nanos(text):
    return int(Decimal(text) * NANOS)


def add_fillers(gate, like):
    """Keys that are loaded, so that loading takes a while."""
    numbers = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
               f"WHERE i < {FILLERS}) ")
    store = sqlite3.connect(gate.home / "store.db")
    with store:
        store.execute(
            f"{numbers}INSERT INTO keys (id, name, {COLUMNS}) SELECT "
            f"printf('key_%020d', i), 'filler', {COLUMNS} FROM n, "
            "(SELECT * FROM keys WHERE id = ?)", (like.id,))
        store.execute(
            f"{numbers}INSERT INTO secrets (id, key_id, digest, prefix, last4,"
            " created_at) SELECT printf('sec_%020d', i), "
            "printf('key_%020d', i), randomblob(32), 'sk-tgp_', '0000', 0 "
            "FROM n")
    store.close()


def is_filling(gate):
    """Calls are admitted, and keys are missing; docs/state.md, header."""
    try:
        with open(gate.shm / "state", "rb") as file:
            header = file.read(336)
    except OSError:
        return False
    return len(header) == 336 and struct.unpack_from("<I", header, 304)[0] == 1 \
        and struct.unpack_from("<I", header, 316)[0] == 1


def daemon_of(gate):
    for pid in processes_of(gate.home):
        try:
            with open(f"/proc/{pid}/comm") as file:
                if file.read() == "tollgated\n":
                    return pid
        except OSError:
            pass
    return None


class ColdStart:
    """`up`, started without a state file, its daemon stopped amid loading."""

    def __init__(self, gate):
        self.gate = gate
        for _ in range(5):
            if self.begin():
                return
            self.end()
        pytest.fail("loading is over before the daemon can be stopped")

    def begin(self):
        gate = self.gate
        (gate.shm / "state").unlink(missing_ok=True)
        port = free_port()
        gate.url = f"http://127.0.0.1:{port}"
        self.is_ready, self.is_over = threading.Event(), threading.Event()
        threading.Thread(target=self.start_up, args=(f"127.0.0.1:{port}",),
                         daemon=True).start()
        self.daemon = gate.wait(lambda: daemon_of(gate), 20, "daemon")
        end = time.monotonic() + 20
        while not is_filling(gate) and time.monotonic() < end:
            pass
        os.kill(self.daemon, signal.SIGSTOP)
        if not is_filling(gate):
            os.kill(self.daemon, signal.SIGCONT)
            return False
        gate.wait(self.answers, 20, "nginx")
        return True

    def start_up(self, listen):
        """`up` ends with the thread that has started it."""
        try:
            self.gate.start_up(listen)
            self.is_ready.set()
        except pytest.fail.Exception:
            pass  # it was killed
        self.is_over.wait()

    def answers(self):
        try:
            return self.gate.request("GET", "/readyz").status == 200
        except OSError:
            return False

    def goes_on(self):
        os.kill(self.daemon, signal.SIGCONT)

    def kill(self):
        os.kill(self.daemon, signal.SIGKILL)

    def ready(self):
        assert self.is_ready.wait(60)
        assert not is_filling(self.gate)

    def end(self):
        self.ready()
        self.gate.stop_up()
        self.is_over.set()


@pytest.fixture
def keys(own_gate):
    """Keys by name, beside many others; one has spent three fifths."""
    gate = own_gate
    one = nanos(gate.chat(gate.key("price"), "sim:tokens=100", max_tokens=100)
                .headers["x-tollgate-cost"])
    made = {name: gate.key(name, rpm=10**8, tpm=10**9) for name in "abc"}
    made["partly"] = gate.key("partly", rpm=10**8, tpm=10**9,
                              daily_limit=f"{Decimal(5 * one) / NANOS:.9f}")
    made["disabled"] = gate.key("disabled")
    for _ in range(3):
        assert gate.chat(made["partly"], "sim:tokens=100",
                         max_tokens=100).status == 200
    gate.must("keys", "disable", made["disabled"].id, "--yes")
    gate.wait_calls(3, made["partly"])
    gate.stop_up()
    add_fillers(gate, made["a"])
    made["one"] = one
    return made


def used(gate, key):
    state = StateFile(gate.shm)
    return state.used_in_day(state.key_at(key.id))


def spent(gate, key, calls):
    """What its calls have cost, once so many are recorded."""
    return sum(nanos(row["cost"]) for row in gate.wait_calls(calls, key))


def made_at(gate):
    with open(gate.shm / "state", "rb") as file:
        return struct.unpack_from("<q", file.read(64), 24)[0]


def makes_large_pages():
    """Whether the kernel puts 2 MiB of a file in memory into one page."""
    version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    return version >= (6, 1) and \
        os.path.exists("/sys/kernel/mm/transparent_hugepage")


def large_pages(pid):
    """Of the state file, as this process has it mapped, in MiB."""
    with open(f"/proc/{pid}/smaps") as file:
        kib = re.findall(r"^ShmemPmdMapped: +(\d+) kB$", file.read(), re.M)
    return sum(map(int, kib)) // 1024


def test_many_keys_are_put_into_large_pages(own_gate, keys):
    gate = own_gate
    if os.geteuid() != 0:
        pytest.skip("only root sees how a daemon's memory is mapped")
    gate.start_up()
    if not makes_large_pages():
        pytest.skip("large pages need Linux 6.1")
    bytes_before = os.stat(gate.shm / "state").st_blocks
    gate.wait(lambda: large_pages(daemon_of(gate)) > 90, 60,
              "large pages of 150 000 keys")
    assert os.stat(gate.shm / "state").st_blocks == bytes_before
    assert [gate.chat(keys[name]).status for name in "abc"] == [200] * 3
    before = used(gate, keys["partly"])
    answer = gate.chat(keys["partly"], "sim:tokens=100", max_tokens=100)
    cost = nanos(answer.headers["x-tollgate-cost"])
    gate.wait(lambda: used(gate, keys["partly"]) == before + cost, 10,
              "what the call has spent")


def test_calls_wait_for_their_keys_and_no_longer(own_gate, keys):
    gate = own_gate
    start = ColdStart(gate)
    with ThreadPoolExecutor(8) as pool:
        def call(key):
            answer = gate.chat(key)
            return answer.status, is_filling(gate)
        calls = [pool.submit(call, keys[name]) for name in "abc"]
        wrong = pool.submit(gate.chat,
                            "sk-tgp_000000000000000000000000000000234bLS")
        disabled = pool.submit(gate.chat, keys["disabled"])
        gate.wait(lambda: wanted(gate) == 5, what="five keys that are wanted")
        assert not any(c.done() for c in [*calls, wrong, disabled])
        start.goes_on()
        answers = [c.result(30) for c in calls]
        assert [status for status, _ in answers] == [200] * 3
        assert any(filling for _, filling in answers)
        assert (wrong.result(30).status, wrong.result().code) == \
            (401, "invalid_api_key")
        assert disabled.result(30).code == "key_disabled"
    start.ready()
    assert [gate.chat(keys[name]).status for name in "abc"] == [200] * 3
    assert gate.chat("sk-tgp_000000000000000000000000000000234bLS").code == \
        "invalid_api_key"


def wanted(gate):
    """Rows of docs/state.md, wanted keys, in which one is wanted."""
    with open(gate.shm / "state", "rb") as file:
        file.seek(144)
        file.seek(struct.unpack("<Q", file.read(8))[0])
        rows = file.read(64 * 512)
    return sum(struct.unpack_from("<Q", rows, at)[0] & 3 == 2
               for at in range(0, len(rows), 64))


def test_a_key_has_spent_what_it_had_before(own_gate, keys):
    gate, key, one = own_gate, keys["partly"], keys["one"]
    start = ColdStart(gate)
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(gate.chat, key, "sim:tokens=100", max_tokens=100)
                 for _ in range(6)]
        gate.wait(lambda: wanted(gate) > 0, what="a key that is wanted")
        start.goes_on()
        answers = [c.result(30) for c in calls]
    fine = sum(a.status == 200 for a in answers)
    assert 1 <= fine <= 2
    assert all(a.code == "budget_exceeded" for a in answers if a.status != 200)
    start.ready()
    assert used(gate, key) == spent(gate, key, 3 + fine) <= 5 * one
    assert used(gate, keys["a"]) == 0


def call_once(gate, start, key):
    """A call amid loading, whose key is found ahead of the others."""
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(gate.chat, key, "sim:tokens=10", max_tokens=10)
        gate.wait(lambda: wanted(gate) == 1, what="a key that is wanted")
        start.goes_on()
        assert call.result(30).status == 200


def check_books(gate, keys):
    assert used(gate, keys["partly"]) == spent(gate, keys["partly"], 4)
    assert [gate.chat(keys[name]).status for name in "abc"] == [200] * 3
    gate.wait(lambda: gate.cli("ledger", "verify")[0] == 0, 30,
              "books that agree")


def test_the_daemon_is_killed_while_keys_are_loaded(own_gate, keys):
    """What was called meanwhile counts, and what was not there comes: `up`
    starts another one, and the filling of the state file goes on."""
    gate = own_gate
    start = ColdStart(gate)
    call_once(gate, start, keys["partly"])
    was_filling, before = is_filling(gate), made_at(gate)
    start.kill()
    start.ready()
    assert was_filling and made_at(gate) == before
    assert daemon_of(gate) != start.daemon
    check_books(gate, keys)


def test_all_is_killed_while_keys_are_loaded(own_gate, keys):
    """The state file stays, and the next start goes on with it."""
    gate = own_gate
    start = ColdStart(gate)
    call_once(gate, start, keys["partly"])
    was_filling, before = is_filling(gate), made_at(gate)
    gate._up.kill()
    gate.wait(lambda: not has_processes(gate.home), 20, "end of all")
    gate.start_up()
    start.is_over.set()
    assert was_filling and made_at(gate) == before
    check_books(gate, keys)


def test_what_is_revoked_right_after_is_refused(own_gate, keys):
    """No revocation is answered before all keys are there."""
    gate = own_gate
    start = ColdStart(gate)
    with ThreadPoolExecutor(2) as pool:
        call = pool.submit(gate.chat, keys["a"])
        gate.wait(lambda: wanted(gate) == 1, what="a key that is wanted")
        early = gate.cli("keys", "disable", keys["a"].id, "--yes")
        assert early[0] != 0
        start.goes_on()
        assert call.result(30).status == 200
    start.ready()
    gate.must("keys", "disable", keys["a"].id, "--yes")
    assert gate.chat(keys["a"]).code == "key_disabled"
    gate.must("keys", "disable", keys["b"].id, "--yes")
    assert gate.chat(keys["b"]).code == "key_disabled"
