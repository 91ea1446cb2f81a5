"""A thousand parallel calls, streamed and not, on a budget for ten, while
workers are killed at random: settled and held are never above the budget at
any instant, and what is spent in the end is the budget to within one call.

TOLLGATE_RUNS says how often (3 unless told); TOLLGATE_SEED what is random.
"""

import asyncio
import json
import os
import random
import resource
import signal
import time
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from state_file import StateFile, Watch

RUNS = int(os.environ.get("TOLLGATE_RUNS", "3"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
CALLS = 1000
ROOM = 10
TOKENS = 1500
NANOS = 10**9


def body_of(is_stream, text=""):
    members = {"model": "deepseek-flash", "messages": [
        {"role": "user", "content": f"sim:tokens={TOKENS} {text}"}]}
    # A stream may have all that the model makes; so it holds in steps.
    if is_stream:
        members["stream"] = True
    else:
        members["max_tokens"] = TOKENS
    return json.dumps(members).encode()


class Storm:
    """Calls that are all connected before the first of them is sent; one whose
    worker is killed is made again, as an SDK does."""

    def __init__(self, gate, key, chance):
        self.address = urlsplit(gate.url)
        self.key, self.chance = key, chance
        self.connected = self.killed = 0
        self.ends = []

    def request(self):
        slow = self.chance.choice(["", "sim:slow=1"])
        body = body_of(self.chance.random() < 0.5, slow)
        return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {self.key}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    async def try_once(self, doors, is_open, request):
        try:
            async with doors:
                reader, writer = await asyncio.open_connection(
                    self.address.hostname, self.address.port)
            self.connected += 1
            if self.connected == CALLS:
                is_open.set()
            await is_open.wait()
            writer.write(request)
            answer = await reader.read(-1)
            writer.close()
        except OSError:
            return None
        return end_of(answer)

    async def call(self, doors, is_open):
        request = self.request()
        deadline = time.monotonic() + 60
        while (end := await self.try_once(doors, is_open, request)) is None:
            assert time.monotonic() < deadline, "no answer, again and again"
            self.killed += 1
        return end

    async def run(self):
        doors, is_open = asyncio.Semaphore(100), asyncio.Event()
        self.ends = await asyncio.gather(
            *(self.call(doors, is_open) for _ in range(CALLS)))


def end_of(answer):
    """What a call came to; None when it broke off."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if not rest:
        return None
    status = head.split(b" ", 2)[1].decode()
    if b"text/event-stream" not in head.lower():
        return status
    if b"data: [DONE]" in rest:
        return "streamed"
    return "cut" if b'"code":"budget_exceeded"' in rest else None


async def kill_at_random(gate, chance, is_over):
    """Kills workers, a while after each other, until all is over."""
    kills = 0
    while True:
        try:
            await asyncio.wait_for(is_over.wait(), chance.uniform(0.02, 0.4))
            return kills
        except asyncio.TimeoutError:
            pass
        workers = await asyncio.to_thread(gate.nginx_workers)
        if workers:
            try:
                os.kill(chance.choice(workers), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass


async def weather(gate, storm, chance):
    is_over = asyncio.Event()
    killer = asyncio.create_task(kill_at_random(gate, chance, is_over))
    await storm.run()
    is_over.set()
    return await killer


def spend_the_rest(gate, key):
    """Calls until nothing is left for another one."""
    for _ in range(10 * ROOM):
        answer = gate.request("POST", "/v1/chat/completions", key,
                              body_of(False))
        if answer.status != 200:
            assert (answer.status, answer.code) == (402, "budget_exceeded")
            return
    pytest.fail("the budget never ends")


@pytest.fixture(scope="module")
def storm_gate(tmp_path_factory):
    from conftest import Gate, require_build
    require_build()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gate = Gate(tmp_path_factory.mktemp("storm") / "home")
    try:
        yield gate.start()
    finally:
        gate.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def spent_nanos(gate, key):
    return int(Decimal(gate.usage_total("--key", key.id)["cost"]) * NANOS)


@pytest.mark.parametrize("run", range(RUNS))
def test_a_thousand_calls_on_a_budget_for_ten(storm_gate, run):
    gate, chance = storm_gate, random.Random(SEED * 1000 + run)
    answer = gate.request("POST", "/v1/chat/completions",
                          gate.key("one call"), body_of(False))
    one = int(Decimal(answer.headers["x-tollgate-cost"]) * NANOS)
    budget = ROOM * one
    key = gate.key("ten calls", daily_limit=f"{Decimal(budget) / NANOS:.9f}",
                   rpm=10**8, tpm=10**9)
    state = StateFile(gate.shm)
    at = state.key_at(key.id)
    watch = Watch(gate, key)

    storm = Storm(gate, key, chance)
    began = time.monotonic()
    kills = asyncio.run(weather(gate, storm, chance))
    took = time.monotonic() - began

    # What a killed worker held is settled by the daemon, exactly.
    gate.wait(lambda: state.used_in_day(at) == spent_nanos(gate, key), 30,
              "the end of all calls")
    stormed = spent_nanos(gate, key)
    spend_the_rest(gate, key)
    gate.wait(lambda: state.used_in_day(at) == spent_nanos(gate, key), 30,
              "the end of the rest")
    spent, seen = spent_nanos(gate, key), watch.end()

    ends = {end: storm.ends.count(end) for end in sorted(set(storm.ends))}
    print(f"run {run}: {took:.1f} s, {kills} workers killed with "
          f"{storm.killed} calls, {ends}, of {budget} "
          f"{stormed} spent in the storm, {spent} in all, at most "
          f"{seen['most']} used in {seen['looks']} looks")
    assert seen["least"] == 0 and seen["most"] <= budget
    assert budget - one < spent <= budget
    assert len(storm.ends) == CALLS
    assert set(ends) <= {"200", "402", "streamed", "cut"}
    assert seen["most"] > budget - one, "nearly all of it was used at once"
    assert ends["402"] > CALLS / 2
