"""`keys check` says of a key what the gate would say, and all of it."""

import datetime
import json
import shlex

import pytest

CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}
NAMES = ["credential", "status", "expiry", "account", "network", "referrer",
         "hours", "endpoint", "scope", "model", "rates", "budget", "price",
         "upstream"]
ASK = ("--scope", "chat", "--model", "deepseek-flash", "--ip", "127.0.0.1")


def check(gate, key, *args):
    code, out, err = gate.cli("keys", "check", key.id, "--json", *args)
    assert err == ""
    answer = json.loads(out)
    assert answer["object"] == "key.check" and answer["key_id"] == key.id
    assert code == (0 if answer["allowed"] else 1)
    failed = [c for c in answer["checks"] if c["ok"] is False]
    assert answer["allowed"] == (not failed)
    assert len(answer["missing"]) == len(failed)
    for one in answer["checks"]:
        assert one["message"]
        assert (one["code"] is None) == (one["ok"] is not False)
    return answer


def failures(answer):
    return {c["name"]: c["code"] for c in answer["checks"]
            if c["ok"] is False}


def call(gate, key):
    return gate.request("POST", "/v1/chat/completions", key, CHAT)


def is_what_the_gate_says(gate, key, answer):
    said = call(gate, key)
    first = next(c for c in answer["checks"] if c["ok"] is False)
    error = said.json["error"]
    assert (said.status, error["code"]) == (first["status"], first["code"])
    assert error["message"] == first["message"]


def test_a_sound_key(gate):
    key = gate.key("sound", monthly_limit="5")
    answer = check(gate, key, *ASK)
    assert [c["name"] for c in answer["checks"]] == NAMES
    assert all(c["ok"] for c in answer["checks"]), answer
    assert answer["allowed"] and answer["missing"] == []
    assert call(gate, key).status == 200


def test_without_a_use_the_general_rows_are_asked(gate):
    key = gate.key("general", allow_ip="192.0.2.0/24")
    answer = check(gate, key)
    assert answer["allowed"]
    unasked = [c["name"] for c in answer["checks"] if c["ok"] is None]
    assert unasked == ["network", "endpoint", "scope", "model", "price",
                       "upstream"]


# What is wrong with the key, how it fails, and whether its cure is one
# command that can be run as it stands.
WRONGS = [
    ({"scope": "code"}, {"scope": "permission_denied"}, True),
    ({"endpoint": "POST /v1/embeddings"}, {"endpoint": "permission_denied"},
     True),
    ({"model": "gpt-4o"}, {"model": "model_not_found"}, True),
    ({"allow_ip": "192.0.2.0/24"}, {"network": "ip_not_allowed"}, True),
    ({"hours": None}, {"hours": "permission_denied"}, True),
    ({"daily_limit": "0.000000001"}, {"budget": "budget_exceeded"}, False),
    ({"scope": "code", "model": "gpt-4o", "allow_ip": "192.0.2.0/24",
      "endpoint": "POST /v1/embeddings", "daily_limit": "0.000000001"},
     {"network": "ip_not_allowed", "endpoint": "permission_denied",
      "scope": "permission_denied", "model": "model_not_found",
      "budget": "budget_exceeded"}, False),
]


@pytest.mark.parametrize("policy,want,is_mended", WRONGS)
def test_what_is_missing_and_how_to_mend_it(gate, policy, want, is_mended):
    if "hours" in policy:
        policy = {"hours": closed_now()}
    key = gate.key("wrong", **policy)
    answer = check(gate, key, *ASK)
    assert failures(answer) == want
    is_what_the_gate_says(gate, key, answer)
    if not is_mended:
        return
    for one in answer["checks"]:
        if one["cure"] is not None:
            words = shlex.split(one["cure"])
            assert words[0] == "tollgate"
            gate.must(*words[1:])
    assert check(gate, key, *ASK)["allowed"]
    assert call(gate, key).status == 200


def closed_now():
    """Hours that are half a day away."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = (now.hour + 12) % 24
    return f"daily {hour:02}:00-{hour:02}:15"


def test_a_referrer_counts_as_the_page_that_calls(gate):
    key = gate.key("paged", allow_referrer="https://app.example.com/*")
    assert check(gate, key, *ASK)["allowed"]
    wrong = check(gate, key, *ASK, "--referrer", "https://example.org/x")
    assert failures(wrong) == {"referrer": "referrer_not_allowed"}
    assert check(gate, key, *ASK, "--referrer",
                 "https://app.example.com/chat")["allowed"]


def test_endpoints_of_a_scope_and_their_contradiction(gate):
    key = gate.key("narrow", endpoint="POST /v1/beta/completions")
    assert check(gate, key, "--scope", "code")["allowed"]
    assert check(gate, key, "--endpoint", "POST /beta/completions")["allowed"]
    assert failures(check(gate, key, "--endpoint", "POST /v1/completions")) \
        == {"endpoint": "permission_denied"}
    assert check(gate, key, "--endpoint", "GET /v1/models")["allowed"]
    code, _, err = gate.cli("keys", "check", key.id, "--scope", "chat",
                            "--endpoint", "POST /v1/embeddings")
    assert code == 1 and "not of the scope chat but of embeddings" in err
    assert "--endpoint" in err


def test_paused_and_of_a_suspended_account(gate):
    gate.must("accounts", "create", "--name", "their's", "--billing",
              "postpaid")
    key = gate.key("paused", account="their's")
    gate.must("keys", "pause", key.id)
    gate.must("accounts", "suspend", "their's")
    answer = check(gate, key, *ASK)
    assert failures(answer) == {"status": "key_inactive",
                                "account": "account_suspended"}
    is_what_the_gate_says(gate, key, answer)
    for one in answer["checks"]:
        if one["cure"] is not None:
            gate.must(*shlex.split(one["cure"])[1:])
    assert check(gate, key, *ASK)["allowed"]


def test_rates_as_they_stand_and_at_another_time(gate):
    key = gate.key("spent", rpd=2)
    assert call(gate, key).status == call(gate, key).status == 200
    answer = check(gate, key, *ASK)
    assert failures(answer) == {"rates": "rate_limit_exceeded"}
    is_what_the_gate_says(gate, key, answer)
    assert check(gate, key, *ASK, "--at", "2099-01-01")["allowed"]


def test_a_key_that_will_have_expired(gate):
    key = gate.key("ends", expires="2098-01-01")
    assert check(gate, key, *ASK)["allowed"]
    later = check(gate, key, *ASK, "--at", "2099-01-01")
    assert failures(later) == {"expiry": "key_expired"}


def test_models_that_nobody_serves_or_knows(gate):
    key = gate.key("any")
    unserved = check(gate, key, "--model", "gpt-4o", "--scope", "chat")
    assert failures(unserved) == {"upstream": "upstream_unavailable"}
    unknown = check(gate, key, "--model", "no-such-model")
    assert failures(unknown) == {"model": "model_not_found"}


def test_an_upstream_that_refuses_our_credential(own_gate):
    gate = own_gate
    key = gate.key("unlucky")
    assert check(gate, key, *ASK)["allowed"]
    gate.sim.fault("status", "401", count=100)
    assert call(gate, key).status >= 500
    answer = check(gate, key, *ASK)
    assert failures(answer) == {"upstream": "upstream_unavailable"}
    assert answer["missing"] == [
        "a credential that is accepted for deepseek-flash"]
    assert answer["checks"][-1]["cure"] == "tollgate credentials list"
    is_what_the_gate_says(gate, key, answer)


def test_a_price_by_units_is_said(gate):
    gate.must("models", "add", "painter", "--unit", "image", "--unit-price",
              "0.04")
    key = gate.key("paints")
    answer = check(gate, key, "--model", "painter")
    price = next(c for c in answer["checks"] if c["name"] == "price")
    assert price["ok"] and price["message"] == "0.04 per image"


def test_disabled_and_deleted(gate):
    key = gate.key("ended")
    gate.must("keys", "disable", key.id, "--yes")
    answer = check(gate, key, *ASK)
    assert failures(answer) == {"status": "key_disabled"}
    is_what_the_gate_says(gate, key, answer)
    gate.must("keys", "delete", key.id, "--yes")
    answer = check(gate, key, *ASK)
    assert failures(answer) == {"credential": "invalid_api_key"}
    is_what_the_gate_says(gate, key, answer)
    assert gate.admin("GET", "/keys/key_nothere/check").status == 404


def test_a_check_takes_nothing(gate):
    key = gate.key("looked at", rpm=3, rpd=3, concurrency=1)
    for _ in range(10):
        assert check(gate, key, *ASK)["allowed"]
    assert [call(gate, key).status for _ in range(4)] == [200, 200, 200, 429]


def test_for_people(gate):
    key = gate.key("seen", scope="code")
    code, out, err = gate.cli("keys", "check", key.id, *ASK)
    assert code == 1 and err == ""
    lines = out.splitlines()
    assert lines[0].split() == ["OK", "CHECK", "SAYS"]
    assert [line.split()[2] for line in lines[1:15]] == NAMES
    assert lines[9].startswith("✗ no ") and "lacks the scope" in lines[9]
    assert lines[1].startswith("✓ yes")
    assert lines[16] == f"{key.id}: such a call is refused; missing: " \
                        "the scope chat"
    assert lines[17].strip() == \
        f"tollgate keys update {key.id} --scope code --scope chat"
    code, out, _ = gate.cli("keys", "check", key.id, "--scope", "code")
    assert code == 0 and out.endswith(
        "nothing is in the way of such a call\n")
    assert gate.cli("keys", "check", key.id, "--quiet")[1] == ""


@pytest.mark.parametrize("args,what", [
    (["--ip", "127.0.0"], "no IPv4 or IPv6 address"),
    (["--endpoint", "POST /nowhere"], "no endpoint of the gate"),
    (["--at", "soon"], "is an instant"),
    (["--model", "x" * 65], "up to 64 bytes"),
])
def test_what_it_refuses(gate, args, what):
    key = gate.key("asked wrongly")
    code, _, err = gate.cli("keys", "check", key.id, *args)
    assert code == 1 and what in err, err
