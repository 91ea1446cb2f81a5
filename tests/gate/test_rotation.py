"""Rotation: a key gets a second secret, both are admitted for the grace, then
the old one is told what replaced it; identity, policy, budget and history
stay."""

from decimal import Decimal

import pytest

from conftest import Key
from lone_daemon import wait


def rotate(gate, key, **body):
    """The key with its new secret, and the answer."""
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", body)
    assert answer.status == 200, answer.text
    new = Key(answer.json["key"])
    new.id = key.id
    return new, answer.json


def step(gate, key, name, **body):
    answer = gate.admin("POST", f"/keys/{key.id}/rotation/{name}", body)
    assert answer.status == 200, answer.text
    return answer.json


def show(gate, key):
    return gate.admin("GET", f"/keys/{key.id}").json


def is_refused(gate, secret, code):
    answer = gate.chat(secret)
    assert (answer.status, answer.code) == (401, code), answer.text
    return answer.json["error"]["message"]


def test_both_secrets_are_admitted_in_the_grace(gate):
    old = gate.key("graceful")
    new, key = rotate(gate, old, grace="24h")
    assert new != old and new.startswith("sk-tgp_")
    assert gate.chat(old).status == gate.chat(new).status == 200
    assert key["id"] == old.id and key["last4"] == new[-4:]
    assert key["rotation"]["state"] == "grace"
    newest, before = key["secrets"]
    assert newest["valid_until"] is None
    assert key["rotation"]["ends_at"] == before["valid_until"] > \
        key["created_at"]
    assert key["rotation"]["old_secret"] == before["id"]


def test_the_secret_is_told_once(gate):
    new, _ = rotate(gate, gate.key("once"))
    assert "key" not in show(gate, new)
    assert str(new) not in gate.must("keys", "show", new.id, "--json")


def test_without_grace_the_old_one_is_dead_at_once(gate):
    old = gate.key("dead")
    new, key = rotate(gate, old, grace="0")
    said = is_refused(gate, old, "key_rotated")
    assert f"ends in {new[-4:]}" in said
    assert gate.chat(new).status == 200
    assert key["rotation"]["state"] == "none"


def test_what_replaced_it_is_still_told_after_a_kill(own_gate):
    gate = own_gate
    old = gate.key("timely")
    new, _ = rotate(gate, old, grace="1h")
    step(gate, old, "end")
    is_refused(gate, old, "key_rotated")
    gate.kill_daemon()
    gate.wait_daemon()
    is_refused(gate, old, "key_rotated")
    assert gate.chat(new).status == 200


def test_a_third_secret_there_is_not(gate):
    old = gate.key("two")
    new, _ = rotate(gate, old)
    answer = gate.admin("POST", f"/keys/{old.id}/rotate", {})
    assert (answer.status, answer.code) == (409, "rotation_under_way")
    said = answer.json["error"]["message"]
    for step in ("end", "undo"):
        assert f"tollgate keys rotation {step} {old.id}" in said
    assert old[-4:] in said and new[-4:] in said
    assert gate.chat(old).status == gate.chat(new).status == 200


def test_undo_takes_the_new_one_back(gate):
    old = gate.key("undone")
    new, _ = rotate(gate, old)
    key = step(gate, old, "undo")
    assert key["rotation"]["state"] == "none"
    assert key["last4"] == old[-4:]
    is_refused(gate, new, "key_rotated")
    assert gate.chat(old).status == 200
    newest, first = key["secrets"]
    assert newest["valid_until"] and first["valid_until"] is None
    # And it can be rotated again.
    again, _ = rotate(gate, old, grace="0")
    is_refused(gate, old, "key_rotated")
    assert gate.chat(again).status == 200


def test_end_and_extend(gate):
    old = gate.key("ends")
    _, key = rotate(gate, old, grace="24h")
    longer = step(gate, old, "extend", grace="48h")
    assert longer["rotation"]["ends_at"] > key["rotation"]["ends_at"]
    step(gate, old, "end")
    is_refused(gate, old, "key_rotated")
    for name in ("end", "extend", "undo"):
        answer = gate.admin("POST", f"/keys/{old.id}/rotation/{name}", {})
        assert (answer.status, answer.code) == (409, "no_rotation"), name


def test_budget_and_history_are_shared(gate):
    old = gate.key("budget", monthly_limit="1")
    before = gate.admin("GET", f"/keys/{old.id}").json
    assert gate.chat(old).status == 200
    new, _ = rotate(gate, old)
    assert gate.chat(new).status == gate.chat(old).status == 200
    gate.wait_calls(3, old)
    usage = gate.admin("GET", f"/usage?key={old.id}").json["total"]
    assert usage["requests"] == 3 and Decimal(usage["cost"]) > 0
    spent = [gate.request("GET", "/v1/key", secret).json["use"]
             for secret in (old, new)]
    assert spent[0] == spent[1]
    after = show(gate, old)
    for member in ("name", "scopes", "budget", "limits", "created_at"):
        assert after[member] == before[member], member


def test_each_secret_has_its_last_use(gate):
    old = gate.key("used")
    assert gate.request("POST", "/v1/chat/completions", old, {
        "model": "deepseek-flash",
        "messages": [{"role": "user", "content": "hi"}]},
        {"User-Agent": "first/1"}).status == 200
    new, _ = rotate(gate, old)

    def uses():
        return [row["last_used_agent"] for row in show(gate, old)["secrets"]]

    # A round's records are written right behind its answers.
    def used(agents):
        wait(lambda: uses() == agents, what=f"uses {agents}")

    used([None, "first/1"])

    def call(secret, agent):
        assert gate.request("POST", "/v1/chat/completions", secret, {
            "model": "deepseek-flash",
            "messages": [{"role": "user", "content": "hi"}]},
            {"User-Agent": agent}).status == 200

    call(new, "new/1")
    used(["new/1", "first/1"])
    call(old, "old/2")
    used(["new/1", "old/2"])
    call(new, "new/2")
    used(["new/2", "old/2"])
    step(gate, old, "end")
    call(new, "new/3")
    used(["new/3", "old/2"])
    newer, _ = rotate(gate, new)
    used([None, "new/3", "old/2"])
    call(new, "new/4")
    used([None, "new/4", "old/2"])
    step(gate, old, "undo")
    call(new, "new/5")
    used([None, "new/5", "old/2"])
    newest, _ = rotate(gate, new, grace="0")
    used([None, None, "new/5", "old/2"])
    call(newest, "newest/1")
    used(["newest/1", None, "new/5", "old/2"])
    first = show(gate, old)["secrets"][0]
    assert first["last_used_ip"] == "127.0.0.1"


@pytest.mark.parametrize("body, param", [
    ({"grace": "soon"}, "grace"), ({"grace": "366d"}, "grace"),
    ({"grace_days": -1}, "grace_days"), ({"grace_days": 366}, "grace_days"),
    ({"grace_days": 1, "grace": "1d"}, "grace"), ({"days": 1}, "days")])
def test_what_is_wrong_is_named(gate, body, param):
    key = gate.key("wrong")
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", body)
    assert answer.status == 400, answer.text
    assert answer.json["error"]["param"] == param
    assert gate.chat(key).status == 200


def test_a_key_that_has_ended_is_not_rotated(gate):
    key = gate.key("over")
    gate.must("keys", "disable", key.id, "--yes")
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", {})
    assert (answer.status, answer.code) == (409, "key_disabled")
    gate.must("keys", "delete", key.id, "--yes")
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", {})
    assert (answer.status, answer.code) == (409, "key_deleted")
    assert gate.admin("POST", "/keys/key_0123456789abcdefghij/rotate",
                      {}).status == 404


def test_policy_of_rotation(gate):
    made = gate.admin("POST", "/keys", {
        "name": "planned",
        "rotation": {"interval_days": 30, "grace_days": 3}}).json
    assert made["rotation"]["interval_days"] == 30
    assert made["rotation"]["grace_days"] == 3
    assert made["rotation"]["next_at"] > made["created_at"]
    changed = gate.admin("PATCH", f"/keys/{made['id']}",
                         {"rotation": {"grace_days": None}}).json
    assert changed["rotation"]["grace_days"] == 7
    assert changed["rotation"]["interval_days"] == 30
    off = gate.admin("PATCH", f"/keys/{made['id']}",
                     {"rotation": {"interval_days": None}}).json
    assert off["rotation"]["interval_days"] is None
    assert off["rotation"]["next_at"] is None
    answer = gate.admin("PATCH", f"/keys/{made['id']}", {
        "rotation": {"interval_days": 7, "grace_days": 7}})
    assert answer.json["error"]["param"] == "rotation.grace_days"


def test_a_rotation_that_is_sent_again_is_done_once(gate):
    old = gate.key("again")
    token = (gate.home / "admin.token").read_text().strip()
    answers = [gate.request("POST", f"/admin/v1/keys/{old.id}/rotate", token,
                            {"grace": "1h"}, {"Idempotency-Key": "r-" + old.id})
               for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    first, second = (answer.json["key"] for answer in answers)
    gate.hunt.plant("client key", first)
    assert first == second and gate.chat(first).status == 200
    assert len(show(gate, old)["secrets"]) == 2
