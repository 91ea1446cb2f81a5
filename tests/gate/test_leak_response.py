"""`tollgate leak respond`: shut, replace with the least, report."""

import csv
import io
import json
import os
import sqlite3
import time

import pytest

import call_rows

HOUR = 3600 * 1000
DAY = 24 * HOUR


@pytest.fixture
def proxied(make_gate):
    """A gate that believes X-Forwarded-For of the tests."""
    return make_gate(up_args=("--trusted-proxy", "127.0.0.1/32")).start()


def call(gate, key, ip, agent="app/1.0", **members):
    body = {"model": "deepseek-flash",
            "messages": [{"role": "user", "content": "Say hello."}], **members}
    return gate.request("POST", "/v1/chat/completions", key, body,
                        headers={"X-Forwarded-For": ip, "User-Agent": agent})


def plant(gate, key, count=1, **changes):
    """Adds calls to the store that are like one of the key's, but for what is
    changed: a past that no test waits for."""
    gate.wait(lambda: gate.cli_json("calls", "list", "--key",
                                    key.id)["data"], what="a call")
    db = call_rows.writable(
        sqlite3.connect(gate.home / "store.db", timeout=30))
    db.row_factory = sqlite3.Row
    row = dict(db.execute("SELECT * FROM calls WHERE key_id = ? LIMIT 1",
                          (key.id,)).fetchone())
    row.update(changes)
    with db:
        for _ in range(count):
            row["id"] = os.urandom(16)
            row["seq"] = db.execute("SELECT max(seq) + 1 FROM calls"
                                    ).fetchone()[0]
            db.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES "
                       f"({', '.join('?' * len(row))})", tuple(row.values()))
    db.close()


def now_ms():
    return int(time.time() * 1000)


def respond(gate, key, *words):
    return gate.cli_json("leak", "respond", key.id, "--yes", *words)


def test_the_key_is_dead_and_the_new_one_may_what_was_used(proxied):
    key = proxied.key("bot", owner="ada", label="team=core", tpm=5000,
                      monthly_limit="10")
    for ip in ["203.0.113.5", "198.51.100.1", "198.51.100.2", "198.51.100.3",
               "2001:db8::77"]:
        assert call(proxied, key, ip).status == 200
    proxied.wait_calls(5, key)
    answer = respond(proxied, key)
    new = answer["replacement"]
    refused = call(proxied, key, "203.0.113.5")
    assert (refused.status, refused.code) == (401, "key_disabled")
    assert new["name"] == "bot" and new["owner"] == "ada"
    assert new["labels"] == {"team": "core"}
    assert new["scopes"] == ["chat"]
    assert new["models"] == ["deepseek-flash"]
    assert sorted(new["allowed_ips"]) == [
        "198.51.100.0/24", "2001:db8::/64", "203.0.113.5/32"]
    assert new["limits"]["requests_per_minute"] == 100
    assert new["limits"]["requests_per_day"] == 15
    assert new["limits"]["tokens_per_minute"] == 5000
    assert new["budget"]["monthly"] == "10.00"
    assert call(proxied, new["key"], "203.0.113.5").status == 200
    assert call(proxied, new["key"], "203.0.113.6").status == 403
    assert proxied.admin("GET", f"/keys/{key.id}").json["status"] == "disabled"
    leak, = proxied.admin("GET", f"/leaks?key={key.id}").json["data"]
    assert (leak["source"], leak["replaced_by"]) == ("response", new["id"])


def test_rates_follow_what_was_really_used(proxied):
    key = proxied.key("bot", rpm=5000)
    call(proxied, key, "203.0.113.5")
    minute = (now_ms() - DAY) // 60000 * 60000
    plant(proxied, key, 250, at=minute + 1000)
    plant(proxied, key, 99, at=minute - 3 * HOUR)
    db = sqlite3.connect(proxied.home / "store.db", timeout=30)
    with db:
        db.execute("UPDATE keys SET created_at = ? WHERE id = ?",
                   (now_ms() - 90 * DAY, key.id))
    db.close()
    answer = respond(proxied, key)
    limits = answer["replacement"]["limits"]
    assert limits["requests_per_minute"] == 300, "120 % of 250"
    assert limits["requests_per_day"] == 150, "three times 350 in 7 days"


def test_a_limit_never_grows_by_a_leak(proxied):
    key = proxied.key("bot", rpm=20, rpd=2)
    call(proxied, key, "203.0.113.5")
    proxied.wait_calls(1, key)
    limits = respond(proxied, key)["replacement"]["limits"]
    assert limits["requests_per_minute"] == 20
    assert limits["requests_per_day"] == 2


def test_calls_from_the_leak_on_do_not_say_what_it_is_for(proxied):
    key = proxied.key("bot")
    call(proxied, key, "203.0.113.5")
    proxied.wait_calls(1, key)
    plant(proxied, key, at=now_ms() - 2 * DAY)
    plant(proxied, key, 3, at=now_ms() - 2 * HOUR, ip="192.0.2.66",
          user_agent="thief/9", cost_nanos=1000000)
    answer = respond(proxied, key, "--leaked-at", "12h")
    assert answer["replacement"]["allowed_ips"] == ["203.0.113.5/32"]
    usage = answer["usage"]
    assert usage["requests"] == 5
    assert float(usage["cost_since_leak"]) >= 0.003
    assert {a["ip"] for a in usage["addresses"]} == {"203.0.113.5",
                                                     "192.0.2.66"}


def test_the_report_shows_what_is_new_and_what_was_refused(proxied):
    key = proxied.key("bot")
    call(proxied, key, "203.0.113.5", "app/1.0")
    call(proxied, key, "192.0.2.66", "=cmd|' /C calc'!A0")
    assert call(proxied, key, "203.0.113.5", model="nope").status == 404
    plant(proxied, key, at=now_ms() - 20 * DAY, user_agent="app/1.0",
          ip="203.0.113.5")
    plant(proxied, key, status=502, user_agent="app/1.0", ip="203.0.113.5")
    proxied.admin("PATCH", f"/keys/{key.id}",
                  {"allowed_ips": ["203.0.113.0/24"]})
    assert call(proxied, key, "192.0.2.66").status == 403
    proxied.wait(lambda: len(proxied.cli_json(
        "denials", "list", "--key", key.id)["data"]) == 2, what="denials")
    usage = proxied.cli_json("leak", "show", key.id)
    agents = {a["user_agent"]: a for a in usage["user_agents"]}
    assert not agents["app/1.0"]["is_new"]
    assert agents["=cmd|' /C calc'!A0"]["is_new"]
    addresses = {a["ip"]: a for a in usage["addresses"]}
    assert not addresses["203.0.113.5"]["is_new"]
    assert addresses["203.0.113.5"]["is_allowed"]
    assert addresses["192.0.2.66"]["is_new"]
    assert not addresses["192.0.2.66"]["is_allowed"]
    assert [(s["status"], s["requests"]) for s in usage["statuses"]] == [
        (502, 1)]
    assert {(d["code"], d["ip"]) for d in usage["denials"]} == {
        ("ip_not_allowed", "192.0.2.66"), ("model_not_found", "203.0.113.5")}
    text = proxied.must("leak", "show", key.id)
    assert "Programs; new ones" in text and "192.0.2.66" in text
    rows = list(csv.DictReader(io.StringIO(
        proxied.must("leak", "show", key.id, "--csv"))))
    values = [r["value"] for r in rows if r["about"] == "user_agent"]
    assert "'=cmd|' /C calc'!A0" in values, "no spreadsheet calculates it"
    assert {r["about"] for r in rows} == {"status", "user_agent", "address",
                                          "denial"}


def test_a_dry_run_changes_nothing(proxied):
    key = proxied.key("bot")
    call(proxied, key, "203.0.113.5")
    proxied.wait_calls(1, key)
    plan = proxied.cli_json("leak", "respond", key.id, "--dry-run")
    assert plan["dry_run"] and plan["replacement"] is None
    assert plan["policy"]["allowed_ips"] == ["203.0.113.5/32"]
    assert call(proxied, key, "203.0.113.5").status == 200
    assert len(proxied.cli_json("keys", "list")["data"]) == 1
    code, _, said = proxied.cli("leak", "respond", key.id)
    assert code == 1 and "--yes" in said
    assert call(proxied, key, "203.0.113.5").status == 200


def test_a_key_that_was_never_used_is_replaced_as_it_is(own_gate):
    key = own_gate.key("idle", scope=["chat"], allow_ip="10.0.0.0/8", rpm=7)
    answer = respond(own_gate, key)
    new = answer["replacement"]
    assert new["scopes"] == ["chat"] and new["limits"][
        "requests_per_minute"] == 7
    assert new["allowed_ips"] == ["10.0.0.0/8"]
    assert "may what the old one might" in answer["notes"][0]


def test_a_second_answer_has_to_be_asked_for(own_gate):
    key = own_gate.key("bot")
    first = respond(own_gate, key)["replacement"]["id"]
    code, _, said = own_gate.cli("leak", "respond", key.id, "--yes")
    assert code == 1 and first in said
    second = respond(own_gate, key, "--again")["replacement"]["id"]
    assert second != first


def test_the_secret_goes_to_a_file_when_one_is_named(own_gate, tmp_path):
    key = own_gate.key("bot")
    path = tmp_path / "new.jsonl"
    out = own_gate.must("leak", "respond", key.id, "--yes", "--secrets", path)
    assert "sk-tg" not in out
    row = json.loads(path.read_text())
    own_gate.hunt.plant_keys(path.read_text())
    assert oct(path.stat().st_mode)[-3:] == "600"
    assert own_gate.chat(row["key"]).status == 200


def test_sessions_and_tokens_of_the_account_end_on_request(own_gate):
    own_gate.must("accounts", "create", "--name", "acme", "--billing",
                  "postpaid")
    own_gate.must("accounts", "verify", "acme")
    key = own_gate.key("bot", account="acme")
    account = own_gate.admin("GET", "/accounts/acme").json["id"]
    bound = own_gate.admin("POST", "/operators", {
        "name": "carl", "role": "admin", "accounts": [account]}).json
    free = own_gate.admin("POST", "/operators", {
        "name": "dora", "role": "admin"}).json

    def token(**body):
        made = own_gate.admin("POST", "/tokens", body).json
        text = made["token"]
        own_gate.hunt.plant("owner's token", text)
        return text

    def works(text):
        return own_gate.request("GET", "/admin/v1/health", text).status == 200

    carls = token(operator=bound["id"], name="c")
    doras = token(operator=free["id"], name="d")
    narrow = token(operator=free["id"], name="n", account=account)
    assert works(carls) and works(doras) and works(narrow)
    answer = respond(own_gate, key, "--end-sessions")
    assert answer["ended"]["operators"] == [bound["id"]]
    assert len(answer["ended"]["tokens"]) == 1
    assert (works(carls), works(doras), works(narrow)) == (False, True, False)


def test_each_step_has_its_entry(own_gate):
    key = own_gate.key("bot")
    new = respond(own_gate, key)["replacement"]
    db = sqlite3.connect(own_gate.home / "store.db", timeout=30)
    rows = db.execute("SELECT action, details FROM audit WHERE subject = ? "
                      "ORDER BY number", (key.id,)).fetchall()
    db.close()
    assert [r[0] for r in rows] == ["key.create", "leak.respond",
                                    "leak.respond"]
    assert json.loads(rows[1][1])["status"] == ["active", "disabled"]
    assert json.loads(rows[2][1])["replaced_by"] == new["id"]
    assert new["key"] not in "".join(r[1] for r in rows)


def test_an_answer_is_told_as_a_leak(own_gate):
    key = own_gate.key("bot")
    new = respond(own_gate, key)["replacement"]
    [event] = own_gate.cli_json("events", "list", "--type",
                                "leak_reported")["data"]
    assert event["key_id"] == key.id and event["severity"] == "critical"
    assert new["id"] in event["message"]
    assert event["evidence"]["source"] == "response"
