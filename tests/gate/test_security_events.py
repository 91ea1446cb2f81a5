"""Security events: what of refusals and calls is told, with which evidence,
once; and what the gate does with a key because of it."""

import http.client
import json
import os
import re
import signal
import sqlite3
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest

LEARNT_SOON = "[events]\nlearning_days = 0\nlearning_calls = 20\n"
PYTHON = "OpenAI/Python 1.52.0"


def chat_from(gate, key, ip="127.0.0.1", agent=PYTHON, **members):
    """A chat call from an address of this machine; returns its status and
    headers."""
    parts = urlsplit(gate.url)
    connection = http.client.HTTPConnection(
        parts.hostname, parts.port, timeout=30, source_address=(ip, 0))
    body = {"model": "deepseek-flash", "max_tokens": 16,
            "messages": [{"role": "user", "content": "Say hello."}], **members}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {
        "Authorization": f"Bearer {key}", "User-Agent": agent,
        "Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    headers = dict(answer.getheaders())
    connection.close()
    return answer.status, headers


def events(gate, **filters):
    query = "&".join(f"{k}={v}" for k, v in filters.items())
    answer = gate.admin("GET", f"/events?limit=1000&{query}")
    assert answer.status == 200, answer.text
    return answer.json["data"]


def wait_event(gate, **filters):
    return gate.wait(lambda: events(gate, **filters), 15,
                     f"event {filters}")[0]


def of_key(gate, key):
    return gate.admin("GET", f"/keys/{key.id}").json


def said(key):
    """Of its responses those that its policy names."""
    return {k: v for k, v in key["responses"].items() if v is not None}


def learn(gate, key, calls=20):
    for _ in range(calls):
        assert chat_from(gate, key)[0] == 200
    gate.wait_calls(calls, key)


def steal(gate, key, count=1):
    return [chat_from(gate, key, "127.0.7.9", "curl/7.88.1")[0]
            for _ in range(count)]


def told_after(gate):
    """Returns when all that has happened so far would have been told."""
    key = gate.key(allow_ip="10.0.0.0/8")
    chat_from(gate, key)
    wait_event(gate, key=key.id)


@pytest.fixture
def soon_gate(make_gate):
    """A gate that has learnt a key after twenty calls."""
    return make_gate(conf=LEARNT_SOON).start()


def test_many_wrong_keys_from_an_address_are_one_event(own_gate):
    for i in range(60):
        wrong = f"sk-tgp_{i:030d}000000"
        assert own_gate.request("GET", "/v1/models", wrong).status in (401, 429)
    event = wait_event(own_gate, type="unauthorized_access")
    assert event["severity"] == "warning"
    assert event["message"].startswith("127.0.0.1 tries keys that do not exist")
    assert event["key_id"] is None
    evidence = event["evidence"]
    assert evidence["count"] >= 20
    assert evidence["addresses"][0]["ip"] == "127.0.0.1"
    assert evidence["codes"]
    assert all(re.fullmatch("req_[0-9a-f]{32}", i)
               for i in evidence["request_ids"])
    for i in range(30):
        own_gate.request("GET", "/v1/models", f"sk-tgp_{i:030d}000001")
    own_gate.wait(lambda: sum(
        d["count"] for d in own_gate.cli_json("denials", "list")["data"]) >= 90,
        10, "all denials")
    assert len(events(own_gate, type="unauthorized_access")) == 1


REFUSED = {
    "its network": ("ip_denied", {"allow_ip": "10.0.0.0/8"}, 1, 403),
    "its scope": ("unauthorized_access",
                  {"kind": "restricted", "scope": "embeddings",
                   "model": "deepseek-flash"}, 20, 403),
    "its rate": ("rate_limit_exceeded", {"rpm": 1}, 51, 429),
    "its budget": ("budget_exhausted", {"daily_limit": "0.000000001"}, 1, 402),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_key_that_is_refused_for_something_is_told_of(gate, name):
    kind, policy, times, status = REFUSED[name]
    key = gate.key(**policy)
    for _ in range(times):
        last = chat_from(gate, key)[0]
    assert last == status
    event = wait_event(gate, key=key.id)
    assert event["type"] == kind
    assert event["account_id"] == of_key(gate, key)["account_id"]
    assert key.id in event["message"]
    assert event["evidence"]["addresses"] == [
        {"ip": "127.0.0.1", "count": event["evidence"]["count"]}]
    assert event["evidence"]["user_agent"] == PYTHON
    assert "response" not in event["evidence"]
    assert of_key(gate, key)["response"] is None
    assert of_key(gate, key)["status"] == "active"
    assert gate.admin("GET", f"/events/{event['id']}").json == event


def test_a_key_that_has_ended_and_is_used_is_told_of(gate):
    end = datetime.now(timezone.utc) + timedelta(seconds=2)
    expired = gate.key(expires=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
    disabled = gate.key()
    gate.must("keys", "disable", disabled.id, "--yes")
    assert chat_from(gate, disabled)[0] == 401
    gate.wait(lambda: chat_from(gate, expired)[0] == 401, what="the end")
    event = wait_event(gate, key=disabled.id)
    assert (event["type"], event["severity"]) == ("unauthorized_access",
                                                  "critical")
    assert event["evidence"]["codes"] == ["key_disabled"]
    event = wait_event(gate, key=expired.id, type="expired_key_used")
    assert event["evidence"]["codes"] == ["key_expired"]


def test_a_stolen_key_is_told_of_with_what_was_before(soon_gate):
    key = soon_gate.key()
    learn(soon_gate, key)
    assert steal(soon_gate, key, 3) == [200] * 3
    event = wait_event(soon_gate, type="suspicious_pattern")
    assert event["key_id"] == key.id
    assert "from a network that is new" in event["message"]
    evidence = event["evidence"]
    assert {"new_network", "new_user_agent"} <= set(evidence["traits"])
    assert evidence["before"]["networks"] == ["127.0.0.0/24"]
    assert evidence["before"]["user_agents"] == ["openai/python"]
    assert evidence["before"]["models"] == ["deepseek-flash"]
    assert evidence["now"]["ip"] == "127.0.7.9"
    assert evidence["now"]["network"] == "127.0.7.0/24"
    assert evidence["now"]["kind_of_program"] == "curl"
    calls = soon_gate.wait_calls(23, key)
    assert evidence["request_ids"][0] in [
        c["request_id"] for c in calls if c["ip"] == "127.0.7.9"]
    assert len(events(soon_gate)) == 1


def test_a_key_that_is_not_learnt_is_not_suspicious(gate):
    key = gate.key()
    learn(gate, key, 21)
    steal(gate, key, 2)
    gate.wait_calls(23, key)
    told_after(gate)
    assert events(gate, key=key.id) == []


def test_a_stolen_key_is_paused_when_its_policy_says_so(soon_gate):
    key = soon_gate.key(on="suspicious_pattern=pause")
    assert said(of_key(soon_gate, key)) == {"suspicious_pattern": "pause"}
    learn(soon_gate, key)
    stolen_at = time.monotonic()
    assert steal(soon_gate, key) == [200]
    soon_gate.wait(lambda: steal(soon_gate, key) == [401], 10, "a paused key")
    took = time.monotonic() - stolen_at
    assert took < 5, "about a second, on a machine that is not busy"
    event = wait_event(soon_gate, type="suspicious_pattern")
    shown = of_key(soon_gate, key)
    assert shown["status"] == "inactive"
    assert shown["response"]["action"] == "pause"
    assert shown["response"]["event_id"] == event["id"]
    assert shown["response"]["until"] is None
    assert event["evidence"]["response"]["action"] == "pause"
    assert "it is paused" in event["message"]
    assert f"because of {event['id']}" in soon_gate.must("keys", "show", key.id)
    with sqlite3.connect(soon_gate.home / "store.db") as store:
        entry = store.execute(
            "SELECT operator, details FROM audit WHERE action = 'key.pause' "
            "AND subject = ?", (key.id,)).fetchall()
    store.close()
    assert len(entry) == 1 and entry[0][0] == "tollgated"
    assert json.loads(entry[0][1])["event_id"] == event["id"]

    soon_gate.must("keys", "resume", key.id)
    shown = of_key(soon_gate, key)
    assert (shown["status"], shown["response"]) == ("active", None)
    assert steal(soon_gate, key) == [200]
    told_after(soon_gate)
    assert len(events(soon_gate, type="suspicious_pattern")) == 1


def limit_of(gate, key):
    status, headers = chat_from(gate, key)
    return status, headers.get("x-ratelimit-limit-requests")


def test_a_key_is_throttled_for_a_time_and_goes_on_by_itself(own_gate):
    key = own_gate.key(rpm=500, model="deepseek-flash",
                       on="unauthorized_access=throttle")
    assert limit_of(own_gate, key) == (200, "500")
    for _ in range(20):
        chat_from(own_gate, key, model="deepseek-v4-pro")
    event = wait_event(own_gate, key=key.id)
    own_gate.wait(lambda: limit_of(own_gate, key)[1] == "50", 10, "throttle")
    shown = of_key(own_gate, key)
    assert shown["status"] == "active"
    assert shown["limits"]["requests_per_minute"] == 500
    assert shown["response"]["action"] == "throttle"
    assert shown["response"]["event_id"] == event["id"]
    assert shown["response"]["until"] > shown["response"]["at"]

    with sqlite3.connect(own_gate.home / "store.db", timeout=10) as store:
        store.execute("UPDATE keys SET response_until = 1 WHERE id = ?",
                      (key.id,))
    store.close()
    own_gate.wait(lambda: limit_of(own_gate, key)[1] == "500", 10, "the end")
    assert of_key(own_gate, key)["response"] is None


def test_a_person_lets_a_throttled_key_go_on(own_gate):
    key = own_gate.key(rpm=500, allow_ip="127.0.0.1/32",
                       on="ip_denied=throttle")
    chat_from(own_gate, key, "127.0.7.9")
    wait_event(own_gate, key=key.id)
    own_gate.wait(lambda: limit_of(own_gate, key)[1] == "50", 10, "throttle")
    own_gate.kill_daemon()
    own_gate.wait_daemon()
    assert limit_of(own_gate, key) == (200, "50")
    own_gate.must("keys", "resume", key.id)
    assert limit_of(own_gate, key) == (200, "500")


def test_what_the_conf_says_counts_where_the_key_says_nothing(make_gate):
    gate = make_gate(conf="[responses]\nip_denied = pause\n"
                          "[responses development]\nip_denied = alert\n").start()
    paused = gate.key(allow_ip="10.0.0.0/8")
    alone = gate.key(allow_ip="10.0.0.0/8", kind="development")
    said = gate.key(allow_ip="10.0.0.0/8", on="ip_denied=alert")
    broke = gate.key(daily_limit="0.000000001")
    for key in (paused, alone, said, broke):
        chat_from(gate, key)
    for key in (paused, alone, said, broke):
        wait_event(gate, key=key.id)
    assert of_key(gate, paused)["status"] == "inactive"
    for key in (alone, said, broke):
        assert of_key(gate, key)["status"] == "active"


def test_what_the_account_says_counts_before_the_conf(make_gate):
    gate = make_gate(conf="[responses]\nip_denied = throttle\n").start()
    gate.must("accounts", "create", "--name", "careful", "--billing",
              "postpaid")
    gate.must("accounts", "update", "careful", "--on", "ip_denied=pause")
    gate.must("accounts", "update", "careful", "--on",
              "suspicious_pattern=alert")
    assert said(gate.cli_json("accounts", "show", "careful")) == {
        "ip_denied": "pause", "suspicious_pattern": "alert"}
    paused = gate.key(account="careful", allow_ip="10.0.0.0/8")
    alone = gate.key(account="careful", allow_ip="10.0.0.0/8",
                     on="ip_denied=alert")
    other = gate.key(allow_ip="10.0.0.0/8")
    for key in (paused, alone, other):
        chat_from(gate, key)
    for key in (paused, alone, other):
        wait_event(gate, key=key.id)
    assert of_key(gate, paused)["response"]["action"] == "pause"
    assert of_key(gate, alone)["response"] is None
    assert of_key(gate, other)["response"]["action"] == "throttle"
    answer = gate.admin("PATCH", "/accounts/careful",
                        {"responses": {"ip_denied": "kill"}})
    assert (answer.status, answer.json["error"]["param"]) == (
        400, "responses.ip_denied")
    gate.must("accounts", "update", "careful", "--no-on")
    assert said(gate.cli_json("accounts", "show", "careful")) == {}


def test_a_key_without_money_is_paused_only_when_asked(gate):
    key = gate.key(daily_limit="0.000000001", on="budget_exhausted=pause")
    chat_from(gate, key)
    wait_event(gate, key=key.id)
    gate.wait(lambda: of_key(gate, key)["status"] == "inactive",
              what="a paused key")


def test_responses_are_changed_event_by_event(gate):
    key = gate.key(on=["ip_denied=pause", "suspicious_pattern=throttle"])

    def change(responses):
        return gate.admin("PATCH", f"/keys/{key.id}", {"responses": responses})

    changed = change({"ip_denied": None, "budget_exhausted": "alert"}).json
    assert said(changed) == {"suspicious_pattern": "throttle",
                             "budget_exhausted": "alert"}
    shown = gate.must("keys", "show", key.id)
    assert "suspicious_pattern=throttle" in shown
    assert said(change(None).json) == {}
    answer = change({"ip_denied": "kill"})
    assert (answer.status, answer.json["error"]["param"]) == (
        400, "responses.ip_denied")
    answer = change({"nonsense": "alert"})
    assert (answer.status, answer.json["error"]["param"]) == (
        400, "responses.nonsense")
    code, out, err = gate.cli("keys", "update", key.id, "--on", "ip_denied=x")
    assert code == 1 and "alert" in err


def test_events_are_found_by_what_they_are(own_gate):
    one = own_gate.key(allow_ip="10.0.0.0/8")
    two = own_gate.key(daily_limit="0.000000001")
    for key in (one, two):
        chat_from(own_gate, key)
    first = wait_event(own_gate, key=one.id)
    second = wait_event(own_gate, key=two.id)
    account = first["account_id"]
    assert [e["id"] for e in events(own_gate, type="ip_denied")] == [
        first["id"]]
    assert len(events(own_gate, account=account)) == 2
    assert len(events(own_gate, account="default")) == 2
    assert len(events(own_gate, severity="warning")) == 2
    assert events(own_gate, severity="critical") == []
    newest = max(first["at"], second["at"])
    assert [e["at"] for e in events(own_gate, since=newest)].count(newest) >= 1
    assert all(e["at"] < newest for e in events(own_gate, until=newest))
    assert own_gate.admin("GET", "/events?severity=bad").status == 400
    assert own_gate.admin("GET", "/events/evt_00000000000000000000").status \
        == 404
    page = own_gate.admin("GET", "/events?limit=1").json
    assert page["has_more"] and page["next"] == page["data"][0]["id"]
    shown = own_gate.must("events", "show", first["id"])
    assert "ip_denied" in shown and '"ip_not_allowed"' in shown
    listed = own_gate.cli_json("events", "list", "--key", two.id, "--type",
                               "budget_exhausted", "--since", "1h")
    assert [e["id"] for e in listed["data"]] == [second["id"]]


def kill(gate):
    """kill -9; `up` starts another, later each time."""
    pid = gate.wait(gate.daemon_pid, 40, "daemon to kill")
    os.kill(pid, signal.SIGKILL)
    return pid


def test_killed_again_and_again_each_is_told_once(soon_gate):
    gate = soon_gate
    keys = [gate.key(on="suspicious_pattern=pause") for _ in range(3)]
    refused = [gate.key(allow_ip="10.0.0.0/8") for _ in range(3)]
    for i in range(20):
        for key in keys:
            assert chat_from(gate, key)[0] == 200
        if i == 10:
            kill(gate)
    gate.wait(lambda: gate.cli("status")[0] == 0, 60, "healthy daemon")
    for key in keys:
        gate.wait_calls(20, key)
    for key, other in zip(keys, refused):
        assert steal(gate, key) == [200]
        assert chat_from(gate, other)[0] == 403
        pid = kill(gate)
        gate.wait(lambda: gate.daemon_pid() not in (None, pid), 40, "another")
    gate.wait(lambda: gate.cli("status")[0] == 0, 60, "healthy daemon")
    for key in keys + refused:
        gate.wait(lambda: events(gate, key=key.id), 40, "event")
    kill(gate)
    gate.wait(lambda: gate.cli("status")[0] == 0, 60, "healthy daemon")
    told_after(gate)
    for key in keys + refused:
        assert len(events(gate, key=key.id)) == 1
    assert [of_key(gate, key)["status"] for key in keys] == ["inactive"] * 3
