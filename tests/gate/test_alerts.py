"""Rules of alerts: each finds what it is about once, and its end."""

import json
import os
import signal
import time
from decimal import Decimal

import pytest

from clocks import Clock

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.fixture
def clock_gate(make_gate, tmp_path):
    folder = tmp_path / "clock"
    folder.mkdir()
    clock = Clock(folder)
    gate = make_gate(up_env={"LD_PRELOAD": clock.library}).start()
    gate.jump = lambda s: clock.jump(wall=s, monotonic=s)
    return gate


def must(gate, method, path, body=None, status=(200, 201)):
    answer = gate.admin(method, path, body)
    assert answer.status in status, answer.text
    return answer.json


def rules(gate):
    return {r["name"]: r for r in must(gate, "GET", "/alerts")["data"]}


def episodes(gate, kind=None, **query):
    path = "/alerts/episodes?limit=1000" + "".join(
        f"&{k}={v}" for k, v in query.items())
    return [e for e in must(gate, "GET", path)["data"]
            if kind in (None, e["kind"])]


def opened(gate, kind, count=1, **query):
    """Waits for so many, and checks that there are no more."""
    gate.wait(lambda: len(episodes(gate, kind, **query)) >= count, 20,
              f"{count} of {kind}; there are {episodes(gate)}")
    found = episodes(gate, kind, **query)
    assert len(found) == count
    return found


def closed(gate, episode):
    def is_closed():
        return next((e for e in episodes(gate)
                     if e["id"] == episode["id"] and not e["open"]), None)

    end = gate.wait(is_closed, 20, f"end of {episode['message']}")
    assert end["closed_by"] == "recovered"
    return end


def passes(gate, kinds=2):
    """Waits until the rules were looked at so often: an alarm of a new account
    is found by a pass of its own."""
    for _ in range(kinds):
        made = must(gate, "POST", "/accounts", {
            "name": f"probe {time.monotonic_ns()}", "billing": "prepaid",
            "granted": "1"})
        gate.wait(lambda: [e for e in episodes(gate, "balance")
                           if e["account_id"] == made["id"]], 20, "a pass")


def call(gate, key, text="sim:tokens=10", **members):
    answer = gate.chat(key, text, **members)
    answer.text
    return answer


def cost_of_a_call(gate, key):
    """Of 100 tokens, at this time of day."""
    return Decimal(call(gate, key, "sim:tokens=100",
                        max_tokens=100).headers["x-tollgate-cost"])


def set_budget(gate, key, which, amount):
    must(gate, "PATCH", "/keys/" + key.id, {"budget": {which: f"{amount:.9f}"}})


def test_the_rules_that_everybody_has_are_there_from_the_start(make_gate):
    gate = make_gate().start()
    found = rules(gate)
    assert list(found) == [
        "Requests above twice the average", "Error rate above 10 %",
        "Cost above the daily budget", "Budget used by 50, 80 and 100 %",
        "Utilisation above 80 %", "Balance below 5.00",
        "An upstream's credential fails", "Somebody uses a key who should not",
        "A leak is reported", "A key is about to expire",
        "A key's rotation needs somebody", "Anything critical happened"]
    assert found["Requests above twice the average"]["params"]["percent"] == 200
    assert found["Budget used by 50, 80 and 100 %"]["params"] == {
        "percents": [50, 80, 100]}
    assert all(r["on"] for r in found.values())
    # What was changed or deleted stays so.
    must(gate, "DELETE", "/alerts/" + found["A leak is reported"]["id"])
    changed = must(gate, "PATCH",
                   "/alerts/" + found["Error rate above 10 %"]["id"],
                   {"on": False, "params": {"percent": 20}})
    assert changed["params"] == {"percent": 20, "window_minutes": 15,
                                 "min_requests": 20}
    gate.kill_daemon()
    gate.wait_daemon()
    again = rules(gate)
    assert "A leak is reported" not in again and len(again) == 11
    assert again["Error rate above 10 %"] == changed


def test_an_error_rate_opens_once_and_recovers(own_gate):
    gate = own_gate
    key = gate.key("flaky", rpm=10**6, tpm=10**8)
    quiet = gate.key("quiet", rpm=10**6, tpm=10**8)
    gate.sim.fault("status", 400, 1)
    call(gate, quiet)
    call(gate, quiet)
    gate.sim.fault("status", 400, 5)
    for _ in range(25):
        call(gate, key)
    [found] = opened(gate, "error_rate")
    assert found["key_id"] == key.id and found["severity"] == "warning"
    assert found["evidence"]["errors"] == 5
    assert f"key flaky ({key.id}): 5 of 2" in found["message"]
    for _ in range(40):
        call(gate, key)
    closed(gate, found)
    assert len(episodes(gate, "error_rate")) == 1, \
        "one of two calls of the other key is no alert"


def test_budgets_are_told_at_50_80_and_100_percent_once(clock_gate):
    gate = clock_gate
    key = gate.key("spender", rpm=10**6, tpm=10**8)
    cost = cost_of_a_call(gate, key)
    set_budget(gate, key, "monthly", 20 * cost)
    for _ in range(40):
        answer = call(gate, key, "sim:tokens=100", max_tokens=100)
        if answer.status != 200:
            assert answer.code == "budget_exceeded"
            break
    found = opened(gate, "budget", 3, key=key.id)
    assert sorted(e["evidence"]["percent"] for e in found) == [50, 80, 100]
    assert {e["evidence"]["budget"] for e in found} == {"monthly"}
    assert [e["severity"] for e in sorted(
        found, key=lambda e: e["evidence"]["percent"])] == [
            "info", "warning", "critical"]
    # What is used up stays so, when nobody tries any more, too.
    gate.jump(20 * MINUTE)
    passes(gate)
    assert all(e["open"] for e in episodes(gate, "budget", key=key.id))
    # A larger budget ends them, and is another one.
    set_budget(gate, key, "monthly", 30 * cost)
    for episode in found:
        closed(gate, episode)
    assert opened(gate, "budget", 4, key=key.id)[0]["evidence"]["percent"] == 50
    # The first one again: it was told.
    set_budget(gate, key, "monthly", 20 * cost)
    passes(gate)
    assert len(episodes(gate, "budget", key=key.id)) == 4


def test_a_budget_is_told_exactly_at_its_line(own_gate):
    gate = own_gate
    key = gate.key("exact", rpm=10**6, tpm=10**8)
    cost = cost_of_a_call(gate, key)
    # What was spent is half of it, less a nano-unit; then half of it.
    set_budget(gate, key, "daily", 2 * cost + 2 * Decimal("0.000000001"))
    passes(gate)
    assert episodes(gate, "budget", key=key.id) == []
    set_budget(gate, key, "daily", 2 * cost)
    [found] = opened(gate, "budget", key=key.id)
    assert found["evidence"]["percent"] == 50
    assert Decimal(found["evidence"]["used"]) == cost


def test_a_hold_is_not_spent(own_gate):
    gate = own_gate
    key = gate.key("holder", rpm=10**6, tpm=10**8)
    # A stream holds 1024 tokens: more than half of it.
    budget = 15 * cost_of_a_call(gate, key)
    set_budget(gate, key, "daily", budget)
    gate.sim.fault("stall", 1, 1)
    stream = gate.chat(key, "sim:tokens=4", stream=True, max_tokens=4000)
    next(stream.events())
    left = gate.request("GET", "/v1/key", key).json["left"]["daily"]
    assert Decimal(left["left"]) * 2 < budget, left
    passes(gate)
    assert episodes(gate, "budget", key=key.id) == []
    stream.close()


def test_the_cost_of_a_day_is_told_and_is_over_with_it(clock_gate):
    gate = clock_gate
    key = gate.key("costly", rpm=10**6, tpm=10**8)
    rule = must(gate, "POST", "/alerts", {
        "kind": "cost", "name": "soft", "params": {"amount": "0.000001"},
        "scope": "key:" + key.id})
    call(gate, key, "sim:tokens=100", max_tokens=100)
    [found] = opened(gate, "cost", key=key.id)
    assert found["alert_id"] == rule["id"]
    gate.jump(DAY)
    closed(gate, found)
    call(gate, key, "sim:tokens=100", max_tokens=100)
    opened(gate, "cost", 2, key=key.id)


def test_requests_above_twice_the_average_are_told(clock_gate):
    gate = clock_gate
    key = gate.key("busy", rpm=10**6, tpm=10**8)
    new = gate.key("new", rpm=10**6, tpm=10**8)
    must(gate, "POST", "/alerts", {
        "kind": "requests", "name": "spike", "scope": "key:" + key.id,
        "params": {"percent": 200, "window_minutes": 5, "min_requests": 30}})
    for _ in range(20):
        call(gate, key)
    gate.wait_calls(20, key)
    gate.jump(DAY)
    for _ in range(40):
        call(gate, key)
        call(gate, new)
    [found] = opened(gate, "requests")
    assert found["key_id"] == key.id
    assert found["evidence"]["average_requests"] < 1
    gate.jump(10 * MINUTE)
    closed(gate, found)


def test_utilisation_of_each_limit_is_told(own_gate):
    gate = own_gate
    rule = rules(gate)["Utilisation above 80 %"]
    must(gate, "PATCH", "/alerts/" + rule["id"], {"params": {"for_seconds": 1}})
    key = gate.key("rpm", rpm=20, tpm=10**8)
    for _ in range(18):
        call(gate, key)
    [found] = opened(gate, "utilisation", key=key.id)
    assert found["evidence"]["limit"] == "requests_per_minute"
    one = gate.key("few", rpm=10**6, tpm=10**8, concurrency=2)
    gate.sim.fault("stall", 1, 2)
    streams = [gate.chat(one, "sim:tokens=4", stream=True) for _ in range(2)]
    for stream in streams:
        next(stream.events())
    [found] = opened(gate, "utilisation", key=one.id)
    assert found["evidence"] == {"limit": "concurrency", "used": 2, "of": 2}
    for stream in streams:
        stream.close()
    closed(gate, found)


def test_an_event_is_told_counted_and_over_when_it_recovers(own_gate):
    gate = own_gate
    secret = "sk-0123456789abcdef0123456789abcdef"
    key = gate.key("caller")
    gate.sim.rule(secret, status=401)
    call(gate, key)
    [found] = opened(gate, "event", alert=rules(gate)[
        "An upstream's credential fails"]["id"])
    assert found["message"].startswith("credential_failed: ")
    assert found["credential_id"] and found["severity"] == "critical"
    gate.sim.rule(secret)
    gate.mend()
    closed(gate, found)


def test_events_are_over_when_none_came_for_a_while(clock_gate):
    gate = clock_gate
    secret = "sk-0123456789abcdef0123456789abcdef"
    for rule in rules(gate).values():
        must(gate, "PATCH", "/alerts/" + rule["id"], {"on": False})
    rule = must(gate, "POST", "/alerts", {
        "kind": "event", "name": "mine", "severity": "warning",
        "params": {"types": ["credential_failed"], "quiet_minutes": 5}})
    key = gate.key("caller")
    gate.sim.rule(secret, status=401)
    call(gate, key)
    [found] = opened(gate, "event", alert=rule["id"])
    gate.kill_daemon()
    gate.wait_daemon()
    assert episodes(gate, "event")[0]["open"]
    gate.jump(6 * MINUTE)
    closed(gate, found)


def test_a_low_balance_is_told_and_over_when_it_is_filled(own_gate):
    gate = own_gate
    must(gate, "POST", "/accounts", {"name": "new", "billing": "prepaid"})
    account = must(gate, "POST", "/accounts", {
        "name": "poor", "billing": "prepaid", "granted": "5"})
    passes(gate)
    assert len(episodes(gate)) == 2, "those of the passes"
    key = gate.key("payer", account="poor", rpm=10**6, tpm=10**8)
    call(gate, key)
    found = gate.wait(lambda: [e for e in episodes(gate, "balance") if
                               e["account_id"] == account["id"]], 20, "alert")
    must(gate, "POST", f"/accounts/{account['id']}/grant", {"amount": "1"})
    closed(gate, found[0])


@pytest.mark.parametrize("scope", ["account", "key", "label"])
def test_a_scope_says_of_whom(own_gate, scope):
    gate = own_gate
    must(gate, "POST", "/accounts", {"name": "other", "billing": "postpaid"})
    inside = gate.key("in", account="other", label=["team=search"],
                      rpm=10**6, tpm=10**8)
    outside = gate.key("out", label=["team=ads"], rpm=10**6, tpm=10**8)
    value = {"account": "account:other", "key": "key:" + inside.id,
             "label": "label:team=search"}[scope]
    rule = must(gate, "POST", "/alerts", {
        "kind": "cost", "name": "scoped", "scope": value,
        "params": {"amount": "0.000000001"}})
    call(gate, outside)
    call(gate, inside)
    [found] = opened(gate, "cost", alert=rule["id"])
    assert found["key_id"] == inside.id
    passes(gate)
    assert len(episodes(gate, "cost")) == 1


def test_an_episode_survives_kills_and_is_told_once(own_gate):
    gate = own_gate
    key = gate.key("survivor", rpm=10**6, tpm=10**8, monthly_limit="10")
    rule = must(gate, "POST", "/alerts", {
        "kind": "cost", "name": "tiny", "params": {"amount": "0.000000001"},
        "scope": "key:" + key.id})
    call(gate, key)
    [found] = opened(gate, "cost")
    for _ in range(3):
        gate.kill_daemon()
        gate.wait_daemon()
        call(gate, key)
        passes(gate)
        assert [e["id"] for e in episodes(gate, "cost")] == [found["id"]]
    # A rule that is switched off ends it without a word.
    must(gate, "PATCH", "/alerts/" + rule["id"], {"on": False})
    gate.wait(lambda: not episodes(gate, "cost")[0]["open"], 20, "an end")
    assert episodes(gate, "cost")[0]["closed_by"] == "rule_off"


def test_what_a_rule_may_not_have_is_refused_by_name(gate):
    for body, param in [
            ({"kind": "nothing", "name": "x"}, "kind"),
            ({"name": "x"}, "kind"),
            ({"kind": "budget"}, "name"),
            ({"kind": "budget", "name": "x", "params": {"percent": 5}},
             "params.percent"),
            ({"kind": "budget", "name": "x", "params": {"percents": []}},
             "params.percents"),
            ({"kind": "budget", "name": "x", "params": {"percents": [80, 50]}},
             "params.percents"),
            ({"kind": "error_rate", "name": "x", "params": {"percent": 101}},
             "params.percent"),
            ({"kind": "requests", "name": "x", "params": {"percent": 100}},
             "params.percent"),
            ({"kind": "event", "name": "x", "params": {"types": ["A b"]}},
             "params.types"),
            ({"kind": "balance", "name": "x", "params": {"amount": None}},
             "params.amount"),
            ({"kind": "cost", "name": "x", "scope": "key:key_0"}, "scope"),
            ({"kind": "cost", "name": "x", "scope": "label:team"}, "scope"),
            ({"kind": "cost", "name": "x", "scope": "account:none"}, "scope"),
            ({"kind": "cost", "name": "x", "channels": ["none"]}, "channels"),
            ({"kind": "cost", "name": "x", "severity": "bad"}, "severity"),
            ({"kind": "cost", "name": "x", "what": 1}, "what")]:
        answer = gate.admin("POST", "/alerts", body)
        assert answer.status == 400, (body, answer.text)
        assert answer.json["error"]["param"] == param
    taken = gate.admin("POST", "/alerts", {
        "kind": "cost", "name": "Error rate above 10 %"})
    assert (taken.status, taken.code) == (409, "already_exists")


def test_the_command_line_has_it_all(gate, tmp_path):
    made = gate.cli_json("alerts", "rules", "add", "--name", "by hand",
                         "--kind", "budget", "--percents", "90",
                         "--severity", "critical")
    assert made["params"] == {"percents": [90]}
    gate.must("alerts", "rules", "update", made["id"], "--percents", "70",
              "--percents", "90", "--off")
    shown = gate.cli_json("alerts", "rules", "show", made["id"])
    assert shown["params"]["percents"] == [70, 90] and shown["on"] is False
    assert "by hand" in gate.must("alerts", "rules", "list")
    gate.must("alerts", "rules", "delete", made["id"], "--yes")
    assert "by hand" not in gate.must("alerts", "rules", "list")
    secret = tmp_path / "secret"
    secret.write_text("whsec_0123456789abcdef\n")
    hook = gate.cli_json("alerts", "channels", "add", "--kind", "webhook",
                         "--name", "ops", "--url", "https://192.0.2.1/x",
                         "--secret-file", secret)
    assert hook["address"] == "https://192.0.2.1"
    code, out, err = gate.cli("alerts", "channels", "test", "ops")
    assert code == 1 and "egress" in out + err
    chat = json.loads(gate.must(
        "alerts", "channels", "add", "--kind", "slack", "--name", "chat",
        "--json", input="https://hooks.slack.example/services/T/B/x\n"))
    assert chat["address"] == "https://hooks.slack.example"
    assert "ops" in gate.must("alerts", "channels", "list")
    assert gate.must("alerts", "deliveries") is not None
    assert gate.must("alerts") is not None
    for name in ("ops", "chat"):
        gate.must("alerts", "channels", "delete", name, "--yes")
