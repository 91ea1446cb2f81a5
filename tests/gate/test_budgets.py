"""Hard budgets: settled and held together never exceed them."""

import json
import os
import signal
import threading
from decimal import Decimal


def own(gate, key):
    return gate.request("GET", "/v1/key", key).json["use"]


def run_all(target, count, threads):
    """Calls target count times from so many threads; all that it returned."""
    results, todo = [], list(range(count))

    def work():
        while todo:
            try:
                todo.pop()
            except IndexError:
                return
            results.append(target())

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def test_parallel_calls_never_overspend_a_budget(gate):
    budget = Decimal("0.0030")
    key = gate.key("budget", daily_limit=budget, rpm=10**8, tpm=10**9)

    def call():
        stream = os.urandom(1)[0] % 2 == 0
        answer = gate.chat(key, "sim:tokens=100", max_tokens=500,
                           stream=stream)
        answer.body
        return answer.status

    statuses = run_all(call, 300, 16)
    assert set(statuses) <= {200, 402}
    assert statuses.count(200) > 10 and statuses.count(402) > 10
    rows = gate.wait_calls(statuses.count(200), key)
    spent = sum(Decimal(row["cost"]) for row in rows)
    assert spent <= budget
    # Used up to within one call: what is left pays no more than the floor.
    assert budget - spent < Decimal("0.0015")
    assert own(gate, key)["in_flight"] == 0


def test_a_budget_that_is_used_up_says_so(gate):
    key = gate.key("empty", monthly_limit="0.0001")
    answer = gate.chat(key, "word " * 1000)
    assert (answer.status, answer.code) == (402, "budget_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    message = answer.json["error"]["message"]
    assert "monthly budget" in message and "0.0001" in message
    assert "T00:00:00" in message


def test_an_answer_is_shortened_to_what_is_affordable(gate):
    key = gate.key("short", daily_limit="0.002")
    answer = gate.chat(key, "sim:tokens=100000")
    assert answer.status == 200
    sent = json.loads(gate.sim.requests(1)[0]["body"])
    assert 16 <= sent["max_tokens"] < 4000
    assert answer.json["choices"][0]["finish_reason"] == "length"
    call, = gate.wait_calls(1, key)
    assert Decimal(call["cost"]) <= Decimal("0.002")
    whole = gate.chat(gate.key("whole"), "hello")
    assert "max_tokens" not in json.loads(gate.sim.requests(1)[0]["body"])
    assert whole.json["choices"][0]["finish_reason"] == "stop"


def test_a_prepaid_account_spends_what_it_has(gate):
    account = gate.cli_json("accounts", "create", "--name", "prepaid",
                            "--billing", "prepaid")["id"]
    key = gate.key("prepaid", account=account, rpm=10**8)
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (402, "insufficient_balance")
    assert answer.headers["x-should-retry"] == "false"
    gate.must("accounts", "grant", account, "0.001")
    gate.must("accounts", "top-up", account, "0.002")
    balance = gate.request("GET", "/user/balance", key).json
    info, = balance["balance_infos"]
    assert balance["is_available"] is True
    assert (info["granted_balance"], info["topped_up_balance"]) == (
        "0.001", "0.002")
    answer = gate.chat(key, "hello", max_tokens=20)
    assert answer.status == 200
    cost = Decimal(answer.headers["x-tollgate-cost"])
    info, = gate.request("GET", "/user/balance", key).json["balance_infos"]
    assert Decimal(info["granted_balance"]) == Decimal("0.001") - cost
    assert info["topped_up_balance"] == "0.002"
    statuses = run_all(
        lambda: gate.chat(key, "sim:tokens=300", max_tokens=400).status, 60, 8)
    assert 402 in statuses
    total = gate.usage_total("--key", key.id)["cost"]
    assert Decimal(total) <= Decimal("0.003")


def test_killed_workers_never_overspend(make_gate):
    gate = make_gate(sim_args=["--latency", "5"]).start()
    budget = Decimal("0.004")
    key = gate.key("killed", daily_limit=budget, rpm=10**8, tpm=10**9)
    over = threading.Event()

    def kill():
        while not over.wait(0.2):
            for pid in gate.nginx_workers()[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def call():
        try:
            answer = gate.chat(key, "hello", max_tokens=300)
            return answer.body and answer.status
        except Exception:
            return None               # its worker was killed

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        statuses = run_all(call, 600, 12)
    finally:
        over.set()
        killer.join()
    assert 200 in statuses and 402 in statuses

    def at_rest():
        return own(gate, key)["in_flight"] <= 0

    gate.wait(at_rest, 20, "end of all calls")
    spent = Decimal(gate.usage_total("--key", key.id)["cost"])
    assert spent <= budget


def test_a_budget_outlives_the_state_file(own_gate):
    gate = own_gate
    key = gate.key("lost", daily_limit="0.0005", timezone="Asia/Shanghai")
    other = gate.key("other")

    def spend():
        return gate.chat(key, "sim:tokens=200", max_tokens=200).status

    while spend() == 200:
        pass
    left = Decimal(gate.request("GET", "/v1/key", key).json["left"]["money"])
    gate.chat(other)
    gate.stop_up()
    (gate.shm / "state").unlink()
    gate.start_up()
    shown = gate.request("GET", "/v1/key", key).json
    assert Decimal(shown["left"]["money"]) == left
    assert spend() == 402
    assert gate.chat(other).status == 200
