"""A past that no test waits for: calls in the store like one of a key's.

Journal and store do not agree of them, so they are planted in a gate that no
other module has.
"""

import os
import sqlite3
import time

import call_rows
from conftest import Gate

MINUTE = 60 * 1000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def now_ms():
    return int(time.time() * 1000)


def store(gate):
    db = sqlite3.connect(gate.home / "store.db", timeout=30)
    db.row_factory = sqlite3.Row
    return db


def rows(gate, query, *values):
    db = store(gate)
    found = [dict(row) for row in db.execute(query, values)]
    db.close()
    return found


def plant(gate, key, calls):
    """Adds calls that are like one of the key's, but for what each says.  No
    other call may be on its way: it would have the number of one of these."""
    gate.wait(lambda: rows(gate, "SELECT 1 FROM calls WHERE key_id = ?",
                           key.id), what="a call")
    db = call_rows.writable(store(gate))
    with db:
        like = dict(db.execute("SELECT * FROM calls WHERE key_id = ? LIMIT 1",
                               (key.id,)).fetchone())
        for changes in calls:
            row = {**like, **changes, "id": os.urandom(16)}
            row["seq"] = db.execute("SELECT max(seq) + 1 FROM calls"
                                    ).fetchone()[0]
            db.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES "
                       f"({', '.join('?' * len(row))})", tuple(row.values()))
    db.close()
    gate.is_planted = True


def chat(gate, key, **members):
    """A call.  A daemon numbers its own on from those that it knows of, so
    after others were planted it is another daemon."""
    if getattr(gate, "is_planted", False):
        gate.kill_daemon()
        gate.wait_daemon()
        gate.is_planted = False
    return gate.chat(key, **members)


def born(gate, key, at):
    db = store(gate)
    with db:
        db.execute("UPDATE keys SET created_at = ? WHERE id = ?", (at, key.id))
    db.close()


def own_gate(tmp_path_factory, name):
    """For a fixture of a module."""
    it = Gate(tmp_path_factory.mktemp(name) / "home")
    try:
        yield it.start()
    finally:
        it.stop()
