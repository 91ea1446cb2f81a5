"""A rotation whose new secret goes to a sink: the old one's grace is counted
from the verified delivery, and one that fails shuts nothing."""

import secrets

import pytest

from conftest import Gate, Key, require_build
from secret_servers import Vault


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    require_build()
    it = Gate(tmp_path_factory.mktemp("delivery") / "home",
              conf="[egress]\nallow = 127.0.0.1\n")
    yield it.start()
    it.stop()


@pytest.fixture
def vault(gate):
    token = secrets.token_urlsafe(30)
    gate.hunt.plant("provider credential", token)
    with Vault(token) as it:
        it.put()
        yield it


@pytest.fixture
def key(gate, vault):
    """A key whose secret is read from a sink."""
    made = gate.key("delivered")
    name = "s" + secrets.token_hex(4)
    answer = gate.admin("POST", "/sinks", {
        "name": name, "kind": "vault", "config": vault.config(),
        "credentials": vault.credentials()})
    assert answer.status == 201, answer.text
    answer = gate.admin("PUT", f"/keys/{made.id}/sinks", {"sinks": [
        {"sink": name, "place": vault.place, "name": vault.name}]})
    assert answer.status == 200, answer.text
    return made


def rotate(gate, key, **body):
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", body)
    assert answer.status == 200, answer.text
    return Key(answer.json["key"]), answer.json


def show(gate, key):
    return gate.admin("GET", f"/keys/{key.id}").json


def state(gate, key):
    return show(gate, key)["rotation"]["state"]


def events(gate, key, kind):
    return [event for event in gate.admin(
        "GET", f"/events?type={kind}&key={key.id}").json["data"]]


def test_the_grace_begins_when_it_is_delivered(gate, vault, key):
    new, made = rotate(gate, key, grace="24h")
    assert made["rotation"]["state"] in ("delivering", "grace")
    gate.wait(lambda: state(gate, key) == "grace", what="delivery")
    assert vault.value() == new and vault.others_stay()
    assert gate.chat(key).status == gate.chat(vault.value()).status == 200
    assert show(gate, key)["rotation"]["ends_at"]
    actions = [row["action"] for row in gate.admin(
        "GET", f"/audit?subject={key.id}").json["data"]]
    assert "key.rotation_delivered" in actions


def test_without_grace_the_old_one_dies_at_the_delivery(gate, vault, key):
    vault.fault = lambda request: 503
    new, made = rotate(gate, key, grace="0")
    assert made["rotation"]["state"] == "delivering"
    assert made["secrets"][1]["valid_until"] is None
    assert gate.chat(key).status == gate.chat(new).status == 200
    vault.fault = None
    gate.wait(lambda: state(gate, key) == "none", 30, "delivery")
    assert gate.chat(key).code == "key_rotated"
    assert gate.chat(vault.value()).status == 200


def test_a_delivery_that_fails_shuts_nothing(gate, vault, key):
    vault.fault = lambda request: 403
    new, _ = rotate(gate, key, grace="0")
    gate.wait(lambda: events(gate, key, "rotation_undelivered"), 20, "alarm")
    event, = events(gate, key, "rotation_undelivered")
    assert event["severity"] == "critical" and key.id in event["message"]
    assert state(gate, key) == "delivering"
    assert gate.chat(key).status == gate.chat(new).status == 200
    for step in ("end", "extend"):
        answer = gate.admin("POST", f"/keys/{key.id}/rotation/{step}", {})
        assert (answer.status, answer.code) == (409, "not_delivered")
    answer = gate.admin("POST", f"/keys/{key.id}/rotate", {})
    assert (answer.status, answer.code) == (409, "rotation_under_way")
    answer = gate.admin("POST", f"/keys/{key.id}/rotation/undo", {})
    assert answer.json["rotation"]["state"] == "none"
    assert gate.chat(key).status == 200 and gate.chat(new).status == 401
    gate.kill_daemon()
    gate.wait_daemon()
    assert gate.chat(key).status == 200
    vault.fault = None
    newer, _ = rotate(gate, key)
    gate.wait(lambda: state(gate, key) == "grace", 30, "delivery")
    assert vault.value() == newer


def test_delivery_can_be_asked_for_and_left_out(gate, vault, key):
    new, made = rotate(gate, key, deliver=False, grace="24h")
    assert made["rotation"]["state"] == "grace" and vault.value() is None
    plain = gate.key("plain")
    answer = gate.admin("POST", f"/keys/{plain.id}/rotate", {"deliver": True})
    assert (answer.status, answer.code) == (409, "no_sink")
    assert len(show(gate, plain)["secrets"]) == 1
    assert gate.chat(plain).status == 200


def test_old_keys_are_rotated_into_their_sinks(gate, vault, key):
    plain = gate.key("no sink")
    code, out, err = gate.cli("keys", "rotate", "--older-than", "0d",
                              "--deliver", "--yes")
    gate.wait(lambda: state(gate, key) == "grace", 30, "delivery")
    assert gate.chat(vault.value()).status == 200
    # One that has none is said, and does not end it.
    assert code == 1 and "on its way to their sinks" in err
    assert "were refused" in err and f"keys deliver {plain.id}" in err
    assert "sk-tg" not in out + err
