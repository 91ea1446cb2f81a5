"""Every change has its entry in the audit log, in one transaction with it."""

import hashlib
import json
import sqlite3

import pytest

from lone_daemon import LoneDaemon


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def store(daemon):
    return sqlite3.connect(daemon.home / "store.db")


FIELDS = ["number", "id", "at", "operator_id", "operator", "via", "ip",
          "request_id", "action", "subject", "details"]


def entries(daemon):
    db = store(daemon)
    db.row_factory = sqlite3.Row
    return db.execute("SELECT * FROM audit ORDER BY number").fetchall()


def chain(rows):
    """The digests as docs/audit.md says them."""
    digest = bytes(32)
    for row in rows:
        text = b""
        for name in FIELDS:
            value = str(row[name]).encode()
            text += b"%d:%s," % (len(value), value)
        digest = hashlib.sha256(digest + text).digest()
        yield digest


def test_a_change_leaves_who_what_and_from_where(daemon):
    reply = daemon.ask("POST", "/keys", {"name": "k", "scopes": ["chat"]},
                       headers={"X-Forwarded-For": "203.0.113.7"})
    key = reply.json
    assert daemon.ask("PATCH", f"/keys/{key['id']}",
                      {"name": "l"}).status == 200
    made, changed = entries(daemon)
    assert made["action"] == "key.create" and made["subject"] == key["id"]
    assert made["operator"] == "owner" and made["operator_id"][:3] == "op_"
    assert made["ip"] == "203.0.113.7"
    assert made["request_id"] == reply.headers["x-request-id"]
    details = json.loads(made["details"])
    assert details["scopes"] == [None, ["chat"]]
    assert key["key"] not in made["details"]
    assert changed["action"] == "key.update"
    assert json.loads(changed["details"]) == {"name": ["k", "l"]}
    assert [r["digest"] for r in (made, changed)] == list(chain((made, changed)))
    assert [r["number"] for r in (made, changed)] == [1, 2]


def test_what_is_refused_leaves_none(daemon):
    daemon.must("/keys", {"name": "k"})
    assert daemon.ask("POST", "/keys", {"name": ""}).status == 400
    assert daemon.ask("PATCH", "/keys/key_x", {"name": "l"}).status == 404
    assert daemon.ask("POST", "/accounts/default/top-up",
                      {"amount": "9999999999999"}).status == 400
    assert [r["action"] for r in entries(daemon)] == ["key.create"]


def test_without_its_entry_a_change_is_not_made(daemon):
    key = daemon.must("/keys", {"name": "k"})
    db = store(daemon)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON audit "
               "BEGIN SELECT RAISE(ABORT, 'no room'); END")
    db.commit()
    for method, path, body in [
            ("POST", "/keys", {"name": "other"}),
            ("PATCH", f"/keys/{key['id']}", {"name": "l"}),
            ("POST", f"/keys/{key['id']}/disable", {}),
            ("POST", "/accounts", {"name": "a"}),
            ("POST", "/accounts/default/grant", {"amount": "1"}),
            ("POST", "/upstreams", {"name": "u",
                                    "base_url": "http://127.0.0.1:1"}),
            ("POST", "/models", {"id": "m", "scopes": ["chat"]}),
            ("POST", "/prices", {"model": "deepseek-flash", "prompt": "1",
                                 "completion": "1"}),
            ("POST", "/ledger/verify", {})]:
        reply = daemon.ask(method, path, body)
        assert reply.status == 503, (method, path, reply.body)
    assert len(daemon.get("/keys").json["data"]) == 1
    assert daemon.get(f"/keys/{key['id']}").json["name"] == "k"
    assert len(daemon.get("/accounts").json["data"]) == 1
    assert daemon.get("/accounts/default").json["granted"] == "0.00"
    assert daemon.get("/upstreams").json["data"] == []


def test_an_entry_can_be_neither_changed_nor_taken_out(daemon):
    daemon.must("/keys", {"name": "k"})
    db = store(daemon)
    for statement in ["UPDATE audit SET operator = 'nobody'",
                      "DELETE FROM audit"]:
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            db.execute(statement)
