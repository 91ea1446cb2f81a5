"""The clock jumps, by seconds, a day, a month, forward and back, while calls
run: the wall clock alone, as an administrator or NTP sets it, and the clock
that should only go forward with it, as it is after a machine was stopped.

The gate's processes have clocks of ours (clock.c); the simulator and the
callers have the real ones.
"""

import os
import re
import signal
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from books import compare_records, records, served
from clocks import NANOS, Clock
from state_file import StateFile
from storms import Storm, chat
from victims import roles

SECOND, DAY, MONTH = 1, 86400, 31 * 86400
STANDS = 601                          # a clock that is set, to be believed


@pytest.fixture
def clock(tmp_path):
    folder = tmp_path / "clock"
    folder.mkdir()
    return Clock(folder)


@pytest.fixture
def clock_gate(make_gate, clock, tmp_path):
    gate = make_gate(sim_args=["--log", tmp_path / "sim.jsonl"],
                     up_env={"LD_PRELOAD": clock.library})
    gate.start()
    assert "object '" not in gate.said(), "the library is preloaded"
    # As dear at every hour, so that what a budget pays for is the same.
    since = datetime.now(timezone.utc) - timedelta(seconds=2 * MONTH)
    gate.must("prices", "add", "deepseek-flash", "--prompt", "0.14",
              "--completion", "0.28", "--effective", f"{since:%Y-%m-%d}")
    return gate


def passes(gate, key, text="hello"):
    return gate.chat(key, text).status == 200


BUDGET = 300_000                      # nano-units, for a few calls


def spend_all(gate, key):
    """Until the budget ends it; gives what that cost, in nanos."""
    spent = 0
    for _ in range(200):
        answer = gate.chat(key, "sim:tokens=50", max_tokens=50)
        if answer.status != 200:
            assert answer.code == "budget_exceeded", answer.text
            return spent
        spent += int(Decimal(answer.headers["x-tollgate-cost"]) * NANOS)
    pytest.fail("the budget never ends")


def books_agree(gate, tmp_path, keys):
    state = StateFile(gate.shm)

    def agree():
        rows, upstream = records(gate.home), served(tmp_path / "sim.jsonl")
        if state.calls_in_flight() or not upstream.keys() <= rows.keys():
            return None
        spent = sum(row["cost_nanos"] for row in rows.values())
        return (rows, upstream) if spent == state.committed() else None

    rows, upstream = gate.wait(agree, 20, "agreement of the books")
    compare_records(rows, upstream)
    return rows


@pytest.mark.parametrize("jumps", [
    [5 * SECOND, -5 * SECOND], [-5 * SECOND, 5 * SECOND],
    [DAY, -DAY], [-DAY, DAY], [MONTH, -MONTH], [-MONTH, MONTH]], ids=str)
def test_no_call_fails_when_the_wall_clock_jumps(clock_gate, clock, tmp_path,
                                                 jumps):
    gate = clock_gate
    many = {"rpm": 10**8, "tpm": 10**9}
    steady = gate.key("steady", **many)
    # Both limits are far above what this test makes in a minute.
    rated = gate.key("rated", rpm=600, qps=50, tpm=10**6)
    before = roles(gate)
    storm = Storm(gate, tmp_path, [steady], [
        chat("hello"), chat("sim:slow=20 sim:tokens=20", stream=True)],
        connections=6)
    try:
        for jump in jumps:
            storm.goes_on(20)
            assert passes(gate, rated)
            clock.jump(wall=jump)
            storm.goes_on(20)
            gate.wait(lambda: passes(gate, rated), 10, "a call that passes")
            gate.wait(lambda: said_jump(gate, jump), 5, "alarm")
    finally:
        ends = storm.end()
    assert set(ends) == {"whole"}, ends
    assert roles(gate) == before, "no process has died"
    books_agree(gate, tmp_path, [steady, rated])


def said_jump(gate, jump):
    way = "forward" if jump > 0 else "back"
    return any(abs(float(by) - abs(jump)) < 0.5 for by in re.findall(
        rf"the clock was set {way} by ([\d.]+) s", gate.said()))


def test_a_jump_is_an_event(clock_gate, clock):
    gate = clock_gate
    clock.jump(wall=DAY)
    event = gate.wait(lambda: [
        event for event in gate.admin("GET", "/events").json["data"]
        if event["type"] == "clock_jumped"], 5, "event")[0]
    assert event["severity"] == "warning"
    assert abs(event["evidence"]["by_seconds"] - DAY) <= 1


def test_a_small_step_is_none(clock_gate, clock):
    state = StateFile(clock_gate.shm)

    def beats(count):
        for _ in range(count):
            last = state.daemon_seen_at()
            clock_gate.wait(lambda: state.daemon_seen_at() != last,
                            what="a beat of the daemon")
    beats(1)
    clock.jump(wall=1)
    beats(2)                          # one of them has looked at the clock
    assert "the clock was set" not in clock_gate.said()
    clock.jump(wall=DAY)
    clock_gate.wait(lambda: clock_gate.said().count("the clock was set") == 1,
                    what="word of a large one, and of no other")


@pytest.mark.parametrize("jump", [5 * SECOND, DAY, MONTH])
def test_calls_go_on_when_all_clocks_jump_forward(clock_gate, clock, tmp_path,
                                                  jump):
    """Time-outs of calls in flight are over then, and of nothing else."""
    gate = clock_gate
    key = gate.key("steady", rpm=10**8, tpm=10**9)
    before = roles(gate)
    storm = Storm(gate, tmp_path, [key], [
        chat("hello"), chat("sim:slow=20 sim:tokens=20", stream=True)],
        connections=6)
    try:
        storm.goes_on(20)
        clock.jump(wall=jump, monotonic=jump)
        storm.goes_on(50)
    finally:
        ends = storm.end()
    assert ends["whole"] >= 60
    # One for each connection ran when it jumped; another may have been sent
    # to the other worker, which had not yet looked at its clock.
    assert sum(ends.values()) - ends["whole"] <= 2 * 6, ends
    assert roles(gate) == before, "no process has died"
    books_agree(gate, tmp_path, [key])


def events(gate, type):
    answer = gate.admin("GET", "/events")
    return [event for event in answer.json["data"]
            if event["type"] == type] if answer.status == 200 else []


def more(gate, type, change):
    """Makes the change; until there is another event of this type."""
    before = len(events(gate, type))
    change()
    gate.wait(lambda: len(events(gate, type)) > before, 5, type)


def set_and_stands(gate, clock, wall):
    """Ten minutes after a clock was set it is believed."""
    more(gate, "clock_jumped", lambda: clock.jump(wall=wall))
    more(gate, "clock_followed",
         lambda: clock.jump(wall=STANDS, monotonic=STANDS))


def poor(gate, budget):
    return gate.key("poor", daily_limit=f"{Decimal(budget) / NANOS:.9f}",
                    rpm=10**8, tpm=10**9)


def spent_by_day(gate, tmp_path, key):
    spent = {}
    for row in books_agree(gate, tmp_path, [key]).values():
        day = row["at"] // (DAY * 1000)
        spent[day] = spent.get(day, 0) + row["cost_nanos"]
    return spent


@pytest.mark.parametrize("far", [DAY, MONTH])
def test_no_budget_begins_for_a_clock_that_jumps_and_comes_back(
        clock_gate, clock, tmp_path, far):
    gate = clock_gate
    budget = BUDGET
    key = poor(gate, budget)
    days = []
    for jump in (0, far, -far, -far, far):
        clock.jump(wall=jump)
        days.append(spend_all(gate, key))
        if jump:                      # and behind the daemon's back, or not
            gate.wait(lambda: said_jump(gate, jump), 5, "alarm")
            assert spend_all(gate, key) == 0
    assert 0 < days[0] <= budget and days[1:] == [0] * 4
    assert len(spent_by_day(gate, tmp_path, key)) == 1, "it is one day"


@pytest.mark.parametrize("far", [DAY, MONTH])
def test_a_budget_is_spent_once_in_a_day_that_comes_once(clock_gate, clock,
                                                         tmp_path, far):
    """The clock is followed when it stands."""
    gate = clock_gate
    budget = BUDGET
    key = poor(gate, budget)
    state = StateFile(gate.shm)
    at = state.key_at(key.id)
    days = []
    for jump in (0, far, -far, far):
        if jump:
            set_and_stands(gate, clock, jump)
        days.append(spend_all(gate, key))
        assert state.used_in_day(at) <= budget
    print(f"spent day by day: {days}")
    # The new day has its budget; a day that comes again has none.
    assert 0 < days[0] == days[1] <= budget
    assert days[2] == days[3] == 0
    assert max(spent_by_day(gate, tmp_path, key).values()) <= budget


def test_an_operator_can_say_that_the_clock_is_right(clock_gate, clock):
    gate = clock_gate
    key = poor(gate, BUDGET)
    spend_all(gate, key)
    clock.jump(wall=DAY)
    gate.wait(lambda: events(gate, "clock_jumped"), 5, "alarm")
    assert spend_all(gate, key) == 0
    os.kill(gate.daemon_pid(), signal.SIGHUP)
    event, = gate.wait(lambda: events(gate, "clock_followed"), 5, "belief")
    assert abs(event["evidence"]["by_seconds"] - DAY) <= 1
    assert spend_all(gate, key) > 0, "the new day has its budget"


def test_a_daemon_that_is_started_anew_does_not_follow_for_that(clock_gate,
                                                                clock):
    gate = clock_gate
    key = poor(gate, BUDGET)
    spend_all(gate, key)
    gate.kill_daemon()
    clock.jump(wall=DAY)
    assert spend_all(gate, key) == 0, "nobody has said so"
    gate.wait(lambda: events(gate, "clock_jumped"), 20, "alarm")
    assert spend_all(gate, key) == 0
