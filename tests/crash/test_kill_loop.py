"""kill -9 under load, of workers, daemon, nginx's master and `up`, in any
combination: no record is lost and none doubled, and all books agree.

TOLLGATE_KILLS says how many processes are killed (150 unless told),
TOLLGATE_SEED which ones and when.
"""

import json
import os
import time

from books import CLIENT_LEFT, RECOVERED, compare, records, seen, served
from state_file import StateFile
from storms import Storm, chat
from victims import Killer, low_port

KILLS = int(os.environ.get("TOLLGATE_KILLS", "150"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
NANOS = 10**9


CALLS = [
    chat("hello"),
    chat("sim:tokens=200 a longer answer", max_tokens=300),
    chat("sim:slow=3 sim:tokens=12", max_tokens=64),
    chat("hello", stream=True),
    chat("sim:slow=2 sim:tokens=30", stream=True),
    chat("sim:slow=10 sim:tokens=20", stream=True, max_tokens=40,
         model="deepseek-v4-pro"),
    "/v1/messages\t" + json.dumps({
        "model": "deepseek-flash", "max_tokens": 50, "stream": True,
        "messages": [{"role": "user", "content": "sim:slow=2 hello"}]}),
]


def keys(gate):
    """Without a limit, with budgets that run out or do not, with calls at
    once: by name."""
    many = {"rpm": 10**8, "tpm": 10**9}
    return {"free": gate.key("free", **many),
            "free too": gate.key("free too", **many),
            "rich": gate.key("rich", daily_limit="1000", **many),
            "poor": gate.key("poor", daily_limit="0.02", **many),
            "narrow": gate.key("narrow", concurrency=8, **many)}


def at_rest(gate, state):
    """Returns once no call is in flight anywhere."""
    gate.wait_daemon()
    gate.wait(lambda: gate.sim.count()["streams_open"] == 0, 30,
              "end of the streams")
    gate.wait(lambda: state.calls_in_flight() == 0, 30,
              "settlement of the calls of dead workers")


def spent(rows, key):
    return sum(row["cost_nanos"] for row in rows.values()
               if row["key_id"] == key.id)


def test_kill_9_of_any_process_loses_and_doubles_nothing(make_gate, tmp_path):
    log = tmp_path / "sim.jsonl"
    gate = make_gate(sim_args=["--log", log, "--no-record"])
    gate.start(f"127.0.0.1:{low_port()}")
    made = keys(gate)
    state = StateFile(gate.shm)
    killer = Killer(gate, SEED)
    began = time.monotonic()
    storm = Storm(gate, tmp_path, made.values(), CALLS, connections=24,
                  seed=SEED)
    try:
        while killer.kills < KILLS:
            killer.strike()
            time.sleep(killer.pause())
            assert storm.runs()
        took = time.monotonic() - began
    finally:
        calls = sum(storm.end().values())
    at_rest(gate, state)

    upstream = served(log)
    rows = gate.wait(
        lambda: (lambda rows: rows if upstream.keys() <= rows.keys() and
                 all(state.used_in_day(state.key_at(key.id)) ==
                     spent(rows, key) for key in made.values()) else None)(
            records(gate.home)), 30, "record of every served call")
    ends = compare(rows, upstream, seen(storm.seen))

    drift = {name: state.counters(state.key_at(key.id))[2:]
             for name, key in made.items()}
    recovered = sum(bool(row["flags"] & RECOVERED) for row in rows.values())
    left = sum(bool(row["flags"] & CLIENT_LEFT) for row in rows.values())
    print(f"seed {SEED}: {killer.kills} kills {killer.by_role} in {took:.0f} "
          f"s, {calls} calls {dict(ends)}, {len(rows)} records, "
          f"{len(upstream)} served, {recovered} recovered, {left} left, "
          f"counters of holds and calls in flight {drift}")

    # The totals of both books: what was served whole is the same in both.
    total = gate.sim.count()["total"]
    assert total["requests"] == len(upstream)
    # Money: what budgets count is the records' sum, and within the budget.
    assert state.committed() == sum(r["cost_nanos"] for r in rows.values())
    assert spent(rows, made["poor"]) <= NANOS // 50
    assert ends["budget_exceeded"] > 0, "the poor one met its budget"
    assert ends["whole"] > KILLS
