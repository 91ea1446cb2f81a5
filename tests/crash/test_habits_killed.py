"""A daemon that starts reads the calls again whose habits were not written
yet.  It is killed while it does, again and again: each key that was used in
another way is told of once, what its policy says is done with it once, and
the admin API answers meanwhile."""

import os
import signal
import sqlite3
from contextlib import closing

import call_rows

KEYS, ROUNDS, LEARNT = 80, 1500, 30
KILLS = 6
CONF = "[events]\nlearning_days = 0\nlearning_calls = 20\n"
USUAL = {"ip": "127.0.0.1", "user_agent": "OpenAI/Python 1.52.0"}
ODD = {"ip": "127.0.7.9", "user_agent": "curl/7.88.1"}


def past(keys):
    """The keys call in turn; each is used once in another way, the first of
    them early, the last late."""
    for n in range(ROUNDS):
        for i, key in enumerate(keys):
            yield {"key_id": key, **USUAL}
            if n == LEARNT + i * (ROUNDS - LEARNT) // len(keys):
                yield {"key_id": key, **ODD}


def ask(gate, query):
    with closing(sqlite3.connect(f"file:{gate.home / 'store.db'}?mode=ro",
                                 uri=True, timeout=30)) as db:
        return db.execute(query).fetchall()


def told(gate):
    """The keys that an event is of, each as often as there is one."""
    return [key for key, in ask(gate, "SELECT key_id FROM events WHERE type = "
                                "'suspicious_pattern'")]


def test_a_daemon_killed_while_it_reads_calls_again(make_gate):
    gate = make_gate(conf=CONF).start()
    keys = []
    for i in range(KEYS):
        responses = {"suspicious_pattern": "pause"} if i % 2 else {}
        made = gate.admin("POST", "/keys", {
            "name": f"key {i}", "responses": responses})
        assert made.status == 201, made.text
        keys.append(made.json["id"])
    gate.stop_up()
    call_rows.put(gate.home / "store.db", past(keys))
    gate.start_up()

    known = 0
    for kill in range(KILLS):
        goal = max(known + 1, KEYS * (kill + 1) // (KILLS + 2))
        gate.wait(lambda: len(told(gate)) >= goal, 60, "more events")
        pid = gate.daemon_pid()
        os.kill(pid, signal.SIGKILL)
        known = len(told(gate))
        gate.wait(lambda: gate.daemon_pid() not in (None, pid), 40, "daemon")
        gate.wait_daemon()
        assert gate.admin("GET", "/keys?limit=5").status == 200
        assert len(told(gate)) < KEYS, "it answers before it is done"
    gate.wait(lambda: len(told(gate)) >= KEYS, 60, "all events")
    # Once it has read what stands behind them it has read all again.
    last = gate.key("last").id
    gate.stop_up()
    call_rows.put(gate.home / "store.db", [
        {"key_id": last, **USUAL}] * LEARNT + [{"key_id": last, **ODD}])
    gate.start_up()
    gate.wait(lambda: last in told(gate), 60, "the last event")
    keys.append(last)

    assert sorted(told(gate)) == sorted(keys)
    paused = ask(gate, "SELECT subject FROM audit WHERE action = 'key.pause'")
    assert sorted(key for key, in paused) == sorted(keys[1:KEYS:2])
    status = {key["id"]: key["status"] for key in gate.admin(
        "GET", "/keys?limit=1000").json["data"]}
    assert [status[key] for key in keys[:-1]] == [
        "active", "inactive"] * (KEYS // 2)
