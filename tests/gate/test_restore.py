"""A store that is lost: restored from a backup that is older, and caught up
from the journal, it has the same calls, each once, to the same numbers."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
from decimal import Decimal

import pytest

from conftest import BUILD, clean_env
from lone_daemon import LoneDaemon, wait as daemon_wait
from state_file import StateFile
from test_crash import Load, books

NANOS = 10**9


def nanos(text):
    return int(Decimal(text) * NANOS)


def ledger(gate, key):
    """What a bill is made of."""
    calls = {c["id"]: (c["cost"], c["total_tokens"], c["basis"], c["key_id"])
             for c in gate.calls()}
    state = StateFile(gate.shm)
    return {"calls": calls, "usage": gate.usage_total(),
            "spent": gate.cli_json("accounts", "show", "default")["spent"],
            "day": state.used_in_day(state.key_at(key.id))}


def settled(gate, key):
    """The same, once nothing is held."""
    def quiet():
        found = ledger(gate, key)
        own = gate.request("GET", "/v1/key", key).json["use"]
        return found if own["in_flight"] == 0 and \
            found["day"] == nanos(found["usage"]["cost"]) else None
    return gate.wait(quiet, 20, "the end of all calls")


def lose_store(gate):
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (gate.home / name).unlink(missing_ok=True)


def test_a_backup_is_caught_up_from_the_journal(own_gate, tmp_path):
    gate = own_gate
    key = gate.key("busy", rpm=10**8, tpm=10**9)
    load = Load(gate, key)
    load.goes_on()
    gate.wait(gate.calls, what="a first call in the store")
    copy = tmp_path / "tollgate.db"
    made = gate.cli_json("backup", copy)      # while calls run
    load.goes_on(100)
    for _ in range(2):                        # new writers, done segments
        os.kill(gate.up_pid(), signal.SIGHUP)
        load.goes_on(100)
    load.end()
    before = settled(gate, key)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert 0 < made["calls"] < len(before["calls"])
    gate.stop_up()
    lose_store(gate)
    done = gate.cli_json("restore", copy, "--yes")
    assert done["calls"] == made["calls"] and done["gap_until"] is None
    assert done["segments"] > 0 and done["set_aside"] is None
    gate.start_up()
    assert settled(gate, key) == before
    store, sim = books(gate)
    assert store == sim
    assert gate.chat(key).status == 200       # and the key still works
    gate.wait_calls(len(before["calls"]) + 1)


def test_calls_in_flight_when_all_was_killed_are_there_after_a_restore(
        make_gate, tmp_path):
    gate = make_gate(sim_args=["--latency", "300"]).start()
    key = gate.key("cut", rpm=10**8, tpm=10**9)
    assert gate.chat(key).status == 200
    gate.wait_calls(1)
    copy = tmp_path / "tollgate.db"
    gate.must("backup", copy)
    load = Load(gate, key)
    state = StateFile(gate.shm)
    at = state.key_at(key.id)
    gate.wait(lambda: len(gate.sim.requests(64)) > 4, what="calls in flight")
    held = state.used_in_day(at)
    from conftest import processes_of
    # First it can start nobody again, and last it ends: a daemon that is told
    # to end before it is killed would settle what workers left.
    up = gate.up_pid()
    os.kill(up, signal.SIGSTOP)
    for pid in [p for p in processes_of(gate.home) if p != up] + [up]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    load.is_over.set()
    gate.wait(lambda: not has_processes(gate), what="end of all processes")
    assert held > 0
    sent = {r["x_request_id"] for r in gate.sim.requests(4096)
            if r["method"] == "POST"}
    lose_store(gate)
    done = gate.cli_json("restore", copy, "--yes")
    assert done["calls_settled"] > 0
    gate.start_up()
    load.end()
    rows = gate.wait(lambda: (lambda rows: rows if sent <= {
        r["request_id"] for r in rows} else None)(gate.calls()), 20,
        "a record of every call that was sent")
    ids = [row["request_id"] for row in rows]
    assert len(ids) == len(set(ids))
    settled(gate, key)


def has_processes(gate):
    from conftest import has_processes as has
    return has(gate.home)


def test_a_lost_state_file_is_made_anew_to_the_same_numbers(own_gate):
    gate = own_gate
    one = nanos(gate.chat(gate.key("price"), max_tokens=100,
                          text="sim:tokens=100").headers["x-tollgate-cost"])
    key = gate.key("partly", daily_limit=f"{Decimal(5 * one) / NANOS:.9f}",
                   rpm=10**8, tpm=10**9)
    for _ in range(3):
        assert gate.chat(key, "sim:tokens=100", max_tokens=100).status == 200
    gate.wait_calls(3, key)
    state = StateFile(gate.shm)
    used = state.used_in_day(state.key_at(key.id))
    assert used == 3 * one
    gate.stop_up()
    (gate.shm / "state").unlink()
    gate.start_up()
    state = StateFile(gate.shm)
    assert state.used_in_day(state.key_at(key.id)) == used
    answers = [gate.chat(key, "sim:tokens=100", max_tokens=100)
               for _ in range(3)]
    assert answers[0].status == 200
    assert answers[-1].code == "budget_exceeded"
    assert len(gate.wait_calls(3 + sum(a.status == 200 for a in answers),
                               key)) <= 5


def test_a_state_file_of_another_version_is_made_anew(own_gate):
    gate = own_gate
    key = gate.key("old")
    for _ in range(3):
        assert gate.chat(key).status == 200
    before = settled(gate, key)
    gate.stop_up()
    with open(gate.shm / "state", "r+b") as state:
        state.seek(8)
        state.write((1).to_bytes(4, "little"))
    gate.start_up()
    assert settled(gate, key) == before
    assert "is of another version" in gate.said()


def test_what_a_backup_and_a_restore_refuse(own_gate, tmp_path):
    gate = own_gate
    key = gate.key("guarded")
    gate.chat(key)
    gate.wait_calls(1)
    copy = tmp_path / "tollgate.db"
    gate.must("backup", copy)
    first = copy.read_bytes()

    code, _, err = gate.cli("backup", copy)
    assert code == 1 and "--yes" in err and copy.read_bytes() == first
    gate.must("backup", copy, "--yes")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("toll")
                and p != copy], "nothing half-made is left"
    code, _, err = gate.cli("restore", copy, "--yes")
    assert code == 1 and "tollgate down" in err

    gate.stop_up()
    present = (gate.home / "store.db").read_bytes()

    def refused(data, reason):
        other = tmp_path / "other.db"
        other.write_bytes(data)
        code, _, err = gate.cli("restore", other, "--yes")
        assert code == 1 and reason in err, err
        assert (gate.home / "store.db").read_bytes() == present
        assert not list(gate.home.glob("store*restoring*"))

    data = copy.read_bytes()
    refused(b"", "is an empty file")
    refused(b"no database at all" * 1000, "not a Tollgate store")
    page = int.from_bytes(data[16:18], "big")
    # Two pages of a table's or an index's middle are gone.
    bad = bytearray(data)
    for at in range(page * 3, len(bad) - page, page):
        bad[at:at + 16] = b"\xff" * 16
    refused(bytes(bad), "malformed")
    refused(data[:len(data) // 2 // page * page], "")
    newer = bytearray(data)
    newer[60:64] = (9999).to_bytes(4, "big")
    refused(bytes(newer), "newer Tollgate")

    token = (gate.home / "master.key").read_bytes()
    (gate.home / "master.key").write_bytes(bytes(32))
    code, _, err = gate.cli("restore", copy, "--yes")
    assert code == 1 and "is not the master key" in err
    (gate.home / "master.key").write_bytes(token)
    assert key.encode() not in data and token not in data

    done = gate.cli_json("restore", copy, "--yes")
    assert open(done["set_aside"], "rb").read() == present
    gate.start_up()
    assert len(gate.wait_calls(1)) == 1
    assert gate.chat(key).status == 200


def test_a_gap_that_nothing_covers_is_told(make_gate, tmp_path):
    gate = make_gate(conf="[journal]\nkeep_days = 0\n").start()
    key = gate.key("gap")
    gate.chat(key)
    gate.wait_calls(1)
    copy = tmp_path / "tollgate.db"
    gate.must("backup", copy)
    gate.chat(key)
    gate.wait_calls(2)
    gate.stop_up()
    gate.start_up()           # its writers are gone, and so are segments
    gate.wait(lambda: (gate.home / "journal-kept" / "gone").exists(),
              what="a segment that went")
    gate.stop_up()
    lose_store(gate)
    code, _, err = gate.cli("restore", copy, "--yes")
    assert code == 1 and "--accept-gap" in err
    assert not (gate.home / "store.db").exists()
    done = gate.cli_json("restore", copy, "--yes", "--accept-gap")
    assert done["gap_until"] is not None
    gate.start_up()
    assert len(gate.wait_calls(1)) == 1


def test_a_restore_that_was_killed_keeps_the_daemon_from_starting(own_gate,
                                                                 tmp_path):
    gate = own_gate
    copy = tmp_path / "tollgate.db"
    gate.must("backup", copy)
    gate.stop_up()
    (gate.home / "run" / "restoring").write_text("\n")
    result = subprocess.run([BUILD / "tollgated", "--home", gate.home],
                            capture_output=True, text=True, timeout=30,
                            env=clean_env())
    assert result.returncode == 1 and "tollgate restore" in result.stderr
    gate.must("restore", copy, "--yes")
    gate.start_up()


def test_a_backup_without_a_daemon_has_all_that_is_in_the_wal(own_gate,
                                                             tmp_path):
    gate = own_gate
    key = gate.key("wal")
    for _ in range(3):
        gate.chat(key)
    gate.wait_calls(3)
    gate.kill_daemon()
    gate.stop_up()
    copy = tmp_path / "tollgate.db"
    assert gate.cli_json("backup", copy)["calls"] == 3
    db = sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)
    assert db.execute("SELECT count(*) FROM calls").fetchone() == (3,)
    assert db.execute("PRAGMA journal_mode").fetchone() != ("wal",)
    db.close()


def test_a_restore_refuses_while_a_worker_lives(tmp_path):
    """And settles the calls of one that does not, though no daemon ran."""
    daemon = LoneDaemon(tmp_path / "home").start()
    key = daemon.must("/keys", {"name": "k"})
    copy = tmp_path / "tollgate.db"

    def tollgated(*args):
        return subprocess.run([BUILD / "tollgated", "--home", daemon.home,
                               *args], capture_output=True, text=True,
                              timeout=30, env=clean_env())

    worker = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal, "abc1", "10",
         key["id"], key["account_id"], "--die", daemon.state],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "done\n"
    assert daemon.stop() == 0
    assert tollgated("--backup", copy).returncode == 0
    before = (daemon.home / "store.db").read_bytes()
    refused = tollgated("--restore", copy)
    assert refused.returncode == 1 and "nginx still runs" in refused.stderr
    assert (daemon.home / "store.db").read_bytes() == before
    worker.kill()
    worker.communicate()
    done = tollgated("--restore", copy)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calls_settled"] >= 3
    daemon.start()
    daemon_wait(lambda: daemon.total()["requests"] == 14, what="14 calls")
    daemon.clean()
