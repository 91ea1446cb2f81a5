"""A past that no test waits for: calls in the store like one of a key's."""

import os
import sqlite3
import time

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
    """Adds calls that are like one of the key's, but for what each says."""
    gate.wait(lambda: rows(gate, "SELECT 1 FROM calls WHERE key_id = ?",
                           key.id), what="a call")
    db = store(gate)
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


def born(gate, key, at):
    db = store(gate)
    with db:
        db.execute("UPDATE keys SET created_at = ? WHERE id = ?", (at, key.id))
    db.close()
