"""Calls put into a store while no daemon runs, as many and as odd as a test
wants them; and calls changed by hand."""

import sqlite3
import time

COLUMNS = {
    "at": 0, "key_id": "key_" + "0" * 20, "account_id": "acct_" + "0" * 19,
    "upstream_id": "", "credential_id": "", "model": "deepseek-flash", "endpoint": 1, "flags": 2,
    "status": 200, "code": 0, "basis": 2, "latency_ms": 12, "ttft_ms": None,
    "prompt_tokens": 100, "prompt_cache_hit_tokens": 0,
    "cache_write_tokens": 0, "completion_tokens": 10, "reasoning_tokens": 0,
    "unit": 0, "units": 0, "hit_picos": 0, "miss_picos": 0, "output_picos": 0,
    "write_picos": 0, "unit_picos": 0, "held_nanos": 0, "cost_nanos": 1000,
    "ip": "127.0.0.1", "user_agent": "", "trace_id": ""}


KIND = ("upstream_id", "credential_id", "model", "endpoint", "unit",
        "hit_picos", "miss_picos", "output_picos", "write_picos", "unit_picos")
OWN = ("seq", "id", "at", "key_id", "account_id", "flags", "status", "code",
       "basis", "latency_ms", "ttft_ms", "prompt_tokens",
       "prompt_cache_hit_tokens", "cache_write_tokens", "completion_tokens",
       "reasoning_tokens", "units", "held_nanos", "cost_nanos", "day", "month",
       "ip", "user_agent", "trace_id")


def writable(db):
    """Lets a connection change calls, which is a view, as if it were a table.
    Returns the connection."""
    def new(names):
        return ", ".join(f"coalesce(new.{name}, 0)"
                         if name in ("day", "month") else f"new.{name}"
                         for name in names)

    add_kind = (f"INSERT OR IGNORE INTO call_kinds (block, {', '.join(KIND)}) "
                f"VALUES (1 << 40, {new(KIND)});")
    kind = ("(SELECT number FROM call_kinds WHERE " +
            " AND ".join(f"{name} = new.{name}" for name in KIND) + ")")
    for what, then in [
            ("INSERT", f"{add_kind} INSERT INTO call_rows ({', '.join(OWN)}, "
                       f"kind) VALUES ({new(OWN)}, {kind});"),
            ("UPDATE", f"{add_kind} UPDATE call_rows SET ({', '.join(OWN)}, "
                       f"kind) = ({new(OWN)}, {kind}) WHERE seq = old.seq;"),
            ("DELETE", "DELETE FROM call_rows WHERE seq = old.seq;")]:
        db.execute(f"CREATE TEMP TRIGGER by_hand_{what} INSTEAD OF {what} ON "
                   f"main.calls BEGIN {then} END")
    return db


def hex_of(number):
    """The digits of the id of the call with that number."""
    return f"{number:032x}"


def put(store, rows, first=None):
    """Adds rows, oldest first: dicts of what is not as in COLUMNS.  A call's
    id is its number, from first on.  Returns the number after the last."""
    db = writable(sqlite3.connect(store))
    if first is None:
        first = db.execute("SELECT coalesce(max(seq), 0) + 1 "
                           "FROM calls").fetchone()[0]
    names = ", ".join(COLUMNS)
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    now = int(time.time() * 1000)
    seq = first
    values = []
    for row in rows:
        full = {**COLUMNS, "at": now - 3_600_000 + seq, **row}
        assert len(full) == len(COLUMNS), set(full) - set(COLUMNS)
        values.append((seq, bytes.fromhex(hex_of(seq)), *full.values()))
        seq += 1
    with db:
        db.executemany(f"INSERT INTO calls (seq, id, {names}) "
                       f"VALUES ({marks})", values)
    db.close()
    return seq


def put_many(store, count, begun_at, step_ms=10):
    """Adds so many to an empty table, quickly: the n-th at begun_at and n
    steps, of one of ten keys; every hundredth has failed."""
    made = {"at": f"{begun_at} + n * {step_ms}",
            "key_id": "printf('key_%020d', n % 10)",
            "status": "CASE n % 100 WHEN 0 THEN 502 ELSE 200 END",
            "latency_ms": "200 + n % 4000",
            "user_agent": "'OpenAI/Python 1.109.1'"}
    others = {k: v for k, v in COLUMNS.items() if k not in made}
    db = writable(sqlite3.connect(store))
    db.create_function("id_of", 1, lambda n: bytes.fromhex(hex_of(n)))
    with db:
        db.execute(
            f"INSERT INTO calls (seq, id, {', '.join(COLUMNS)}) "
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 "
            f"FROM numbers WHERE n < {count}) SELECT n, id_of(n), " +
            ", ".join(made.get(name, ":" + name) for name in COLUMNS) +
            " FROM numbers", others)
    db.close()
