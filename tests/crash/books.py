"""The three books of a gate, and their comparison, call by call: the store,
the simulator's log, and what the clients saw (storm.c)."""

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

NANOS = 10**9
HELD, COUNTED, REPORTED, NONE = range(4)
SENT, RECOVERED, CLIENT_LEFT = 2, 4, 8


def records(home, where="1"):
    """The store's calls by request id."""
    db = sqlite3.connect(f"file:{Path(home) / 'store.db'}?mode=ro", uri=True,
                         timeout=30)
    db.row_factory = sqlite3.Row
    try:
        return {"req_" + row["id"].hex(): row for row in
                db.execute(f"SELECT * FROM calls WHERE {where}")}
    finally:
        db.close()


def served(log):
    """What the simulator counted, by request id: outcome and tokens.  A
    request that came twice is a fault of the gate's."""
    found = {}
    with open(log) as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["counted"] is None:
                continue
            assert entry["x_request_id"] not in found, "sent twice"
            found[entry["x_request_id"]] = (entry["outcome"],
                                            entry["counted"])
    return found


@dataclass
class Seen:
    """A line of storm's."""
    id: str
    status: int
    end: str
    line: int
    key: int
    cost: str
    code: str


def seen(path):
    with open(path) as lines:
        for line in lines:
            id, status, end, at, key, cost, code = line.rstrip("\n").split(
                "\t")
            yield Seen(id, int(status), end, int(at), int(key), cost, code)


def cost_of(row):
    """docs/journal.md: the cost of a call that is not held."""
    cached, written = row["prompt_cache_hit_tokens"], row["cache_write_tokens"]
    picos = (cached * row["hit_picos"] + written * row["write_picos"] +
             (row["prompt_tokens"] - cached - written) * row["miss_picos"] +
             row["completion_tokens"] * row["output_picos"] +
             row["units"] * row["unit_picos"])
    return -(-picos // 1000)


def check_record(row, upstream):
    """One record against what its upstream has counted of it, or None."""
    what = {**dict(row), "id": row["id"].hex(), "upstream": upstream}
    basis, cost = row["basis"], row["cost_nanos"]
    assert 0 <= cost <= row["held_nanos"], what
    assert cost == (0 if basis == NONE else row["held_nanos"]
                    if basis == HELD else cost_of(row)), what
    if upstream is None:
        # Handed to a worker's connection, and the worker was killed.
        assert cost == 0 or row["flags"] & (RECOVERED | CLIENT_LEFT), what
        return
    outcome, counted = upstream
    assert basis != NONE, what
    if basis == REPORTED:
        assert outcome == "complete", what
        for name in ("prompt_tokens", "prompt_cache_hit_tokens",
                     "completion_tokens", "reasoning_tokens"):
            assert row[name] == counted[name], what
    if basis == COUNTED:
        assert row["flags"] & (RECOVERED | CLIENT_LEFT) or row["code"], what
        # Four bytes of text a token, and the simulator's have up to eight.
        assert row["completion_tokens"] <= 2 * counted["completion_tokens"], (
            what)


def check_seen(one, rows):
    """What a client saw of a call against its record."""
    row = rows.get(one.id)
    if one.status == 200 and one.end == "whole":
        assert row is not None, one
        assert (row["status"], row["code"], row["basis"]) == (
            200, 0, REPORTED), (one, dict(row))
        if one.cost != "-":
            assert Decimal(one.cost) * NANOS == row["cost_nanos"], (
                one, dict(row))


def compare_records(rows, upstream):
    """Store and simulator."""
    lost = upstream.keys() - rows.keys()
    assert not lost, f"{len(lost)} calls are lost: {sorted(lost)[:5]}"
    for id, row in rows.items():
        check_record(row, upstream.get(id))


def compare(rows, upstream, storm):
    """All three.  Returns how many calls came to what."""
    compare_records(rows, upstream)
    met, strangers, ends = set(), 0, Counter()
    for one in storm:
        check_seen(one, rows)
        assert one.id not in met, ("two calls with one id", one)
        ends[one.end if one.status in (0, 200) else one.code] += 1
        if one.id != "-":
            met.add(one.id)
        else:
            strangers += 1
    unseen = rows.keys() - met
    assert len(unseen) <= strangers, "calls that nobody made"
    return ends
