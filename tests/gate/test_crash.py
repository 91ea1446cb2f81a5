"""Processes that die: no call fails for the daemon, none is lost or doubled
for a worker, and all books agree."""

import os
import signal
import threading

import pytest


class Load:
    """Threads that call until they are told to end; counts what came."""

    def __init__(self, gate, key, threads=6, **members):
        self.gate, self.key, self.members = gate, key, members
        self.answers, self.failures = [], []
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.is_over.is_set():
            try:
                answer = self.gate.chat(self.key, **self.members)
                if answer.body and answer.status == 200:
                    self.answers.append(answer.headers["x-request-id"])
                else:
                    self.failures.append(answer.status)
            except OSError as error:
                self.failures.append(repr(error))
            except Exception as error:    # http.client's: a cut answer
                self.failures.append(type(error).__name__)

    def goes_on(self, answers=25):
        """Returns when so many more calls were answered."""
        wanted = len(self.answers) + answers
        self.gate.wait(lambda: len(self.answers) >= wanted, 20, "answers")

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(60)


def books(gate):
    """Totals by the store and by the simulator."""
    store = gate.usage_total()
    sim = gate.sim.count()["total"]
    names = ("requests", "prompt_tokens", "completion_tokens",
             "reasoning_tokens", "prompt_cache_hit_tokens")
    return ({n: store[n] for n in names}, {n: sim[n] for n in names})


def test_no_call_fails_while_the_daemon_is_dead(own_gate):
    gate = own_gate
    key = gate.key("steady", rpm=10**8, tpm=10**9)
    load = Load(gate, key)
    for _ in range(5):
        load.goes_on()
        gate.kill_daemon()
    gate.wait_daemon()
    load.end()
    assert load.failures == []
    assert len(load.answers) > 50
    rows = gate.wait_calls(len(load.answers))
    assert {row["request_id"] for row in rows} == set(load.answers)
    store, sim = books(gate)
    assert store == sim


@pytest.mark.parametrize("stream", [False, True])
def test_a_killed_worker_loses_and_doubles_nothing(make_gate, stream):
    gate = make_gate(sim_args=["--latency", "10"]).start()
    key = gate.key("killed", rpm=10**8, tpm=10**9)
    load = Load(gate, key, stream=stream,
                text="sim:slow=2 sim:tokens=10" if stream else "hello")
    for _ in range(8):
        load.goes_on()
        for pid in gate.nginx_workers()[:1]:
            os.kill(pid, signal.SIGKILL)
    load.end()
    assert len(load.answers) > 50

    served = {row["x_request_id"] for row in gate.sim.requests(4096)
              if row["method"] == "POST"}
    assert len(served) < 4096, "the simulator remembers them all"

    def settled():
        rows = gate.calls()
        recorded = {row["request_id"] for row in rows}
        return rows if served <= recorded else None

    rows = gate.wait(settled, 20, "record of every served call")
    recorded = [row["request_id"] for row in rows]
    assert len(recorded) == len(set(recorded)), "a call was recorded twice"
    assert set(load.answers) <= set(recorded)
    # A call whose worker died is settled by what is known of it.
    whole = [row for row in rows if row["basis"] == "reported"]
    assert set(load.answers) <= {row["request_id"] for row in whole}
    own = gate.request("GET", "/v1/key", key).json["use"]
    assert own["in_flight"] == 0


def test_a_reload_drops_no_call(own_gate):
    gate = own_gate
    key = gate.key("reload", rpm=10**8, tpm=10**9)
    load = Load(gate, key)
    streams = [gate.chat(key, "sim:slow=20 sim:tokens=60", stream=True)
               for _ in range(4)]
    old = set(gate.nginx_workers())
    os.kill(gate.up_pid(), signal.SIGHUP)
    gate.wait(lambda: not old & set(gate.nginx_workers()[:2]) or
              len(gate.nginx_workers()) > len(old), 10, "new workers")
    for stream in streams:
        assert len(list(stream.events())) >= 60
    gate.wait(lambda: not old & set(gate.nginx_workers()), 20,
              "end of the old workers")
    load.end()
    assert load.failures == []
    gate.wait_calls(len(load.answers) + len(streams))
    store, sim = books(gate)
    assert store == sim


def test_all_books_agree_after_a_restart(own_gate):
    gate = own_gate
    key = gate.key("restart")
    for n in range(20):
        gate.chat(key, f"call {n}", stream=n % 2 == 0).body
    gate.stop_up()
    gate.start_up()
    assert gate.chat(key).status == 200
    gate.wait_calls(21)
    store, sim = books(gate)
    assert store == sim
