"""After the API answered a revocation, no call of that key is admitted, and
what runs ends within a second."""

import itertools
import threading
import time
from datetime import datetime, timezone

import pytest

from conftest import BUILD

# Under a sanitizer it is the code that is tried, not its luck.
ROUNDS = 1000 if BUILD.name == "build" else 100


def must(gate, method, path, body=None):
    if body is None and method not in ("GET", "DELETE"):
        body = {}
    answer = gate.admin(method, path, body)
    assert answer.status in (200, 201), answer.text
    return answer.json


class Victim:
    """A key of an account, made by the API, and the ways to end it."""

    def __init__(self, gate, account="default"):
        made = must(gate, "POST", "/keys", {
            "name": "victim", "account": account,
            "limits": {"requests_per_minute": 10**8,
                       "tokens_per_minute": 10**9}})
        self.gate, self.account = gate, account
        self.secret, self.id = made["key"], made["id"]

    def disable(self):
        must(self.gate, "POST", f"/keys/{self.id}/disable")

    def pause(self):
        must(self.gate, "POST", f"/keys/{self.id}/pause")

    def delete(self):
        must(self.gate, "DELETE", f"/keys/{self.id}")

    def suspend(self):
        must(self.gate, "POST", f"/accounts/{self.account}/suspend")


# What the next call is told.
WAYS = {"disable": (401, "key_disabled"), "pause": (401, "key_inactive"),
        "delete": (401, "invalid_api_key"),
        "suspend": (403, "account_suspended")}


def account_of(gate, name):
    made = must(gate, "POST", "/accounts", {"name": name,
                                            "billing": "postpaid"})
    return made["id"]


class Callers:
    """Threads that call with the key of the moment, all the while."""

    def __init__(self, gate, count=4):
        self.gate = gate
        self.secret, self.is_answered = None, False
        self.admitted, self.late, self.odd = 0, [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over.is_set():
            # In this order: an answer that is seen is that for this key, or
            # for one behind it.
            secret = self.secret
            is_answered = self.is_answered
            if secret is None:
                time.sleep(0.001)
                continue
            status = self.gate.chat(secret, "hello", max_tokens=3).status
            if status == 200:
                self.admitted += 1
                if is_answered and secret is self.secret:
                    self.late.append(secret)
            elif status not in (401, 403):
                self.odd.append(status)

    def take(self, secret):
        """Turns to another key, and returns once it is in use."""
        self.secret, self.is_answered = None, False
        before = self.admitted
        self.secret = secret
        self.gate.wait(lambda: self.admitted > before + 2, 20, "its calls")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_no_call_is_admitted_after_a_revocation_was_answered(
        gate, record_property):
    account = account_of(gate, "revoked")
    callers, took_ms = Callers(gate), []
    try:
        for n, way in zip(range(ROUNDS), itertools.cycle(WAYS)):
            victim = Victim(gate, account)
            callers.take(victim.secret)
            sent = time.monotonic()
            getattr(victim, way)()
            took_ms.append(1000 * (time.monotonic() - sent))
            callers.is_answered = True
            answer = gate.chat(victim.secret)
            assert (answer.status, answer.code) == WAYS[way], n
            assert gate.chat(victim.secret).status != 200
            callers.secret = None
            if way == "suspend":
                must(gate, "POST", f"/accounts/{account}/resume")
    finally:
        callers.end()
    assert callers.late == [] and callers.odd == []
    # What was refused by the time of the answer was enforced within it.
    took_ms.sort()
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        figure = f"{took_ms[int(share * ROUNDS)]:.1f} ms"
        record_property(f"API to enforced, {name}", figure)
        print(f"API to enforced under load, {name}: {figure}")


def streaming(gate, secret):
    """A stream that runs, some of its text sent: the answer and its next
    events."""
    stream = gate.chat(secret, "sim:slow=20 sim:tokens=5000", stream=True)
    assert stream.status == 200
    events = stream.events()
    for _ in range(3):
        next(events)
    return stream, events


def assert_cut(events, code, answered):
    """It ends with the reason, within a second of what ended it."""
    last = list(events)[-1]
    assert time.time() - answered < 1
    assert last["error"]["code"] == code
    assert last["error"]["message"]


@pytest.mark.parametrize("way", WAYS)
def test_a_running_stream_ends_within_a_second(gate, way):
    victim = Victim(gate, account_of(gate, f"cut by {way}"))
    other, others = streaming(gate, gate.key("another's"))
    _, events = streaming(gate, victim.secret)
    getattr(victim, way)()
    assert_cut(events, WAYS[way][1], time.time())
    next(others)
    other.close()
    row, = gate.wait_calls(1, victim)
    assert row["code"] == WAYS[way][1]
    assert row["completion_tokens"] > 0


def test_a_key_expires_under_its_calls(gate):
    victim = Victim(gate)
    until = time.time() + 2
    must(gate, "PATCH", f"/keys/{victim.id}", {
        "expires_at": datetime.fromtimestamp(until, timezone.utc).isoformat()})
    _, events = streaming(gate, victim.secret)
    assert time.time() < until, "too slow for this test"
    assert_cut(events, "key_expired", until)
    answer = gate.chat(victim.secret)
    assert (answer.status, answer.code) == (401, "key_expired")
    shown = must(gate, "GET", f"/keys/{victim.id}")
    assert shown["status"] == "expired"
    must(gate, "PATCH", f"/keys/{victim.id}", {"expires_at": None})
    assert gate.chat(victim.secret).status == 200, "an end may be moved"
