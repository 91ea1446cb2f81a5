"""Streams hold in steps: many start on a small budget, each is topped up as it
runs, and one that can hold no more ends with an error event."""

import http.client
import threading
import time
from decimal import Decimal

import pytest

from state_file import StateFile, Watch

NANOS = 10**9


def money(nanos):
    return f"{Decimal(nanos) / NANOS:.9f}"


def used(gate, key):
    state = StateFile(gate.shm)
    return state.used_in_day(state.key_at(key.id))


def change(gate, key, **members):
    answer = gate.admin("PATCH", f"/keys/{key.id}", members)
    assert answer.status == 200, answer.text


def begin(gate, key, text, **members):
    """A stream that has its first event, with the text in so many bytes."""
    answer = gate.chat(key, text.ljust(60), stream=True, **members)
    assert answer.status == 200, answer.text
    events = answer.events()
    next(events)
    return events


def read(events):
    """All events up to the end or an error, which ends the answer early."""
    found = []
    try:
        for event in events:
            found.append(event)
    except http.client.IncompleteRead:
        pass
    return found


def first_hold(gate):
    """What a stream holds when it begins."""
    key = gate.key("first hold")
    answer = gate.chat(key, "sim:stall=1".ljust(60), stream=True)
    next(answer.events())
    held = used(gate, key)
    answer.close()
    return held


def test_many_streams_start_where_one_would_have_held_it_all(gate):
    streams, first = 40, first_hold(gate)
    key = gate.key("many", rpm=10**8, tpm=10**9,
                   daily_limit=money(streams * first))
    watch = Watch(gate, key)
    # Whole, the answer of a single one is more than all of the budget.
    price = Decimal(first) / 1024 / NANOS / 2
    assert price * 393216 > Decimal(streams * first) / NANOS
    ends = [None] * streams
    all_begun = threading.Barrier(streams)

    def run(n):
        events = begin(gate, key, "sim:slow=15 sim:tokens=300")
        all_begun.wait(20)
        ends[n] = read(events)[-1]

    threads = [threading.Thread(target=run, args=(n,))
               for n in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {end["choices"][0]["finish_reason"] for end in ends} == {"stop"}
    rows = gate.wait_calls(streams, key)
    assert {row["basis"] for row in rows} == {"reported"}
    seen = watch.end()
    assert seen["most"] <= streams * first
    assert seen["most"] > streams * first * 0.8, "they ran side by side"
    spent = sum(Decimal(row["cost"]) for row in rows)
    assert used(gate, key) == spent * NANOS


def test_a_long_stream_is_topped_up(gate):
    first = first_hold(gate)
    key = gate.key("long")
    watch = Watch(gate, key)
    events = read(begin(gate, key, "sim:slow=1 sim:tokens=3000"))
    seen = watch.end()
    assert events[-1]["usage"]["completion_tokens"] == 3000
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["completion_tokens"]) == ("reported", 3000)
    assert used(gate, key) == Decimal(call["cost"]) * NANOS
    nothing, begun, *more = seen["amounts"]
    assert (nothing, begun) == (0, first)
    # 15834 bytes of text may be 7917 tokens: up to 2048, 4096, 8192.
    *steps, settled = more
    assert first < steps[0] < steps[1] < steps[2]
    assert len(steps) == 3 and settled < steps[2]


@pytest.mark.parametrize("budget,code,said", [
    ("daily_limit", "budget_exceeded", "daily budget"),
    ("monthly_limit", "budget_exceeded", "monthly budget"),
    ("balance", "insufficient_balance", "top it up"),
])
def test_a_stream_that_runs_out_ends_with_an_error(gate, budget, code, said):
    first = first_hold(gate)
    if budget == "balance":
        account = gate.cli_json("accounts", "create", "--name", code,
                                "--billing", "prepaid")["id"]
        gate.must("accounts", "top-up", account, money(3 * first))
        key = gate.key("out of money", account=account)
    else:
        key = gate.key("out of money", **{budget: money(3 * first)})
    stream = begin(gate, key, "sim:slow=3 sim:tokens=3000")
    before = gate.sim.count()["total"]["completion_tokens"]

    # A call that is not streamed holds all that is left, for a while.
    other = threading.Thread(target=gate.chat, args=(
        key, "sim:slow=30 sim:tokens=70"))
    other.start()
    gate.wait(lambda: used(gate, key) > 2.9 * first, 5, "all is held")
    events = read(stream)
    ended = time.monotonic()
    error = events[-1]["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["param"]) == (code, None)
    assert said in error["message"]
    assert all("choices" in event for event in events[:-1])

    gate.wait(lambda: gate.sim.requests(2)[0]["outcome"] == "aborted" or
              gate.sim.requests(2)[1]["outcome"] == "aborted", 5, "the end "
              "upstream")
    assert time.monotonic() - ended < 1
    made = gate.sim.count()["total"]["completion_tokens"] - before
    other.join()
    rows = gate.wait_calls(2, key)
    call, = [row for row in rows if row["stream"]]
    assert (call["code"], call["status"]) == (code, 200)
    assert call["basis"] == "counted"
    # What was seen of what was made: all but what came at the very end.
    assert made - 200 < call["completion_tokens"] <= made * 1.5
    assert Decimal(call["cost"]) * NANOS <= first
    spent = sum(Decimal(row["cost"]) for row in rows)
    assert spent * NANOS <= 3 * first
    assert used(gate, key) == spent * NANOS


def test_a_stream_goes_on_with_what_is_given_back(gate):
    """Others held the rest, and are gone when it is wanted."""
    first = first_hold(gate)
    key = gate.key("in time", daily_limit=money(6 * first))
    stream = begin(gate, key, "sim:slow=5 sim:tokens=600")
    gate.chat(key, "sim:tokens=5").body
    events = read(stream)
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert all("error" not in event for event in events)


def test_a_budget_made_smaller_ends_a_stream(gate):
    first = first_hold(gate)
    key = gate.key("cut down", daily_limit=money(1000 * first))
    stream = begin(gate, key, "sim:slow=3 sim:tokens=3000")
    change(gate, key, budget={"daily": money(first)})
    assert read(stream)[-1]["error"]["code"] == "budget_exceeded"
    call, = gate.wait_calls(1, key)
    assert call["code"] == "budget_exceeded"
    assert Decimal(call["cost"]) * NANOS <= first
