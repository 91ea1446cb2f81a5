"""The life of a provider's secret: its expiry is told in time, its balance and
validity are asked for, and it is replaced without a call that fails."""

import json
import sqlite3
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

A = "sk-aaaaaaaa0123456789abcdef01234567"
B = "sk-bbbbbbbb0123456789abcdef01234567"


class Provider(ThreadingHTTPServer):
    """Says its balance, in DeepSeek's words, to whom it knows."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.balances = [("CNY", "110.00")]
        self.is_available = True
        self.known = {A, B}
        self.asked = 0
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        provider = self.server
        provider.asked += 1
        secret = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status = provider.status if secret in provider.known else 401
        body = {"is_available": provider.is_available, "balance_infos": [
            {"currency": currency, "total_balance": total,
             "granted_balance": "0.00", "topped_up_balance": total}
            for currency, total in provider.balances]}
        if status != 200:
            body = {"error": {"message": "no", "type": "no"}}
        data = b"\n\n" + json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def provider():
    server = Provider()
    yield server
    server.shutdown()
    server.server_close()


def events(gate, kind=None):
    rows = gate.admin("GET", "/events?limit=1000").json["data"]
    return [e for e in rows if kind is None or e["type"] == kind]


def wait_event(gate, kind, count=1):
    return gate.wait(lambda: len(events(gate, kind)) >= count
                     and events(gate, kind), 20, f"{count} × {kind}")[0]


def show(gate, credential):
    return gate.admin("GET", f"/credentials/{credential['id']}").json


def check(gate, credential):
    answer = gate.admin("POST", f"/credentials/{credential['id']}/check", {})
    assert answer.status == 200, answer.text
    return answer.json


def add(gate, provider, secret=A, *args):
    gate.must("upstreams", "add", "--name", "bank", "--base-url", provider.url,
              "--dialect", "deepseek", "--model", "bank-1")
    return json.loads(gate.must("credentials", "add", "--upstream", "bank",
                                "--json", *args, input=secret + "\n"))


def in_days(days):
    at = datetime.now(timezone.utc) + timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# Balance and validity


def test_a_credential_is_asked_for_its_balance(own_gate, provider):
    credential = add(own_gate, provider)
    assert credential["check"] is None
    provider.balances = [("CNY", "110.00"), ("USD", "3.5")]
    checked = check(own_gate, credential)
    assert checked["check"]["result"] == "ok"
    assert checked["check"]["is_low"] is False
    assert checked["check"]["balances"] == [
        {"currency": "CNY", "total": "110.00", "granted": "0.00",
         "topped_up": "110.00"},
        {"currency": "USD", "total": "3.50", "granted": "0.00",
         "topped_up": "3.50"}]
    assert checked["last_error"] is None
    shown = own_gate.must("credentials", "show", credential["id"])
    assert "110.00 CNY, 3.50 USD" in shown
    assert "110.00 CNY" in own_gate.must("credentials", "list")


def test_a_low_balance_is_told_once_and_that_it_is_over(own_gate, provider):
    credential = add(own_gate, provider, A, "--balance-alert", "20")
    assert credential["balance_alert"] == "20.00"
    check(own_gate, credential)
    assert events(own_gate, "balance_low") == []
    provider.balances = [("CNY", "19.99")]
    for _ in range(3):
        assert check(own_gate, credential)["check"]["is_low"] is True
    low, = events(own_gate, "balance_low")
    assert low["severity"] == "warning"
    assert low["credential_id"] == credential["id"]
    assert "19.99 CNY, less than 20.00" in low["message"]
    provider.status = 500
    assert check(own_gate, credential)["check"]["result"] == "failed"
    assert events(own_gate, "balance_recovered") == []
    provider.status = 200
    provider.balances = [("CNY", "20.00")]
    for _ in range(2):
        check(own_gate, credential)
    assert len(events(own_gate, "balance_recovered")) == 1
    provider.is_available = False
    provider.balances = [("CNY", "0.00")]
    check(own_gate, credential)
    critical, before = events(own_gate, "balance_low")
    assert critical["severity"] == "critical" and before["id"] == low["id"]
    assert events(own_gate, "credential_failed") == []


def test_the_balance_in_the_ledgers_currency_counts(own_gate, provider):
    provider.balances = [("CNY", "110.00"), ("USD", "3.50")]
    credential = add(own_gate, provider, A, "--balance-alert", "20")
    assert check(own_gate, credential)["check"]["is_low"] is True


def test_a_secret_that_is_not_known_any_more_is_told_once(own_gate, provider):
    credential = add(own_gate, provider)
    provider.known.clear()
    for _ in range(2):
        checked = check(own_gate, credential)
    assert checked["check"]["result"] == "rejected"
    assert checked["last_error"]["http_status"] == 401
    assert checked["last_error"]["source"] == "check"
    assert "401" in own_gate.must("credentials", "list")
    failed, = events(own_gate, "credential_failed")
    assert A[-4:] in failed["message"] and A not in json.dumps(failed)
    provider.known.add(A)
    for _ in range(2):
        checked = check(own_gate, credential)
    assert len(events(own_gate, "credential_recovered")) == 1
    assert checked["last_error"]["http_status"] == 401, "it stays"


def test_credentials_are_asked_by_the_clock(make_gate, provider):
    gate = make_gate(conf="[upstreams]\ncheck_seconds = 1\n").start()
    credential = add(gate, provider, A, "--balance-alert", "20")
    gate.wait(lambda: provider.asked >= 2, 20, "two checks")
    provider.balances = [("CNY", "1.00")]
    low = wait_event(gate, "balance_low")
    assert low["credential_id"] == credential["id"]
    gate.kill_daemon()
    gate.wait_daemon()
    asked = provider.asked
    gate.wait(lambda: provider.asked >= asked + 2, 20, "two more")
    provider.balances = [("CNY", "100.00")]
    wait_event(gate, "balance_recovered")
    assert len(events(gate, "balance_low")) == 1


def test_nobody_is_asked_when_the_conf_says_so(make_gate, provider):
    gate = make_gate(conf="[upstreams]\ncheck_seconds = 0\n").start()
    credential = add(gate, provider)
    wait_for = gate.admin("POST", "/credentials", {
        "upstream": "bank", "secret": B, "expires_at": "1d"}).json
    wait_event(gate, "credential_expiring")
    assert wait_for["check"] is None and provider.asked == 0
    assert check(gate, credential)["check"]["result"] == "ok"


# Expiry


@pytest.mark.parametrize("days, told", [(13.9, 14), (6.9, 7), (0.9, 1)])
def test_an_expiry_is_told_in_time(gate, days, told):
    old = len(events(gate, "credential_expiring"))
    credential = gate.credentials()[0]
    answer = gate.admin("PATCH", f"/credentials/{credential['id']}",
                        {"expires_at": in_days(days)})
    assert answer.status == 200, answer.text
    event = wait_event(gate, "credential_expiring", old + 1)
    assert event["credential_id"] == credential["id"]
    assert event["evidence"]["days_before"] == told
    assert event["severity"] == ("critical" if told == 1 else "warning")
    gate.admin("PATCH", f"/credentials/{credential['id']}",
               {"expires_at": None})
    assert show(gate, credential)["expires_at"] is None


def test_what_expires_later_is_not_told_and_what_has_is(own_gate):
    credential = own_gate.credentials()[0]
    own_gate.must("credentials", "update", credential["id"], "--expires",
                  "90d")
    later = show(own_gate, credential)["expires_at"]
    assert later > in_days(89)
    own_gate.must("credentials", "update", credential["id"], "--expires",
                  in_days(2 / 86400 + 1e-5))
    wait_event(own_gate, "credential_expired")
    own_gate.kill_daemon()
    own_gate.wait_daemon()
    assert own_gate.chat(own_gate.key()).status == 200, "its provider decides"
    kinds = [e["evidence"]["days_before"]
             for e in events(own_gate, "credential_expiring")]
    assert kinds == [1]
    assert len(events(own_gate, "credential_expired")) == 1


@pytest.mark.parametrize("value", ["yesterday", "2020-01-01", 7])
def test_an_expiry_that_is_none_is_refused(gate, value):
    credential = gate.credentials()[0]
    answer = gate.admin("PATCH", f"/credentials/{credential['id']}",
                        {"expires_at": value})
    assert (answer.status, answer.json["error"]["param"]) == (400,
                                                              "expires_at")


# Rotation with overlap


def rotate(gate, old, secret=B, *args):
    return json.loads(gate.must("credentials", "rotate", old["id"], "--json",
                                *args, input=secret + "\n"))


def end_overlap(gate, old):
    """As if its time were over."""
    store = sqlite3.connect(gate.home / "store.db", timeout=10)
    with store:
        store.execute("UPDATE credentials SET retire_at = 1 WHERE id = ?",
                      (old["id"],))
    store.close()


def test_a_new_secret_takes_over_and_the_old_one_ends_later(own_gate):
    gate = own_gate
    old = gate.credentials()[0]
    key = gate.key()
    assert gate.chat(key).status == 200
    new = rotate(gate, old)
    assert new["replaces"] == old["id"]
    assert show(gate, old)["status"] == "active"
    assert show(gate, old)["retires_at"] > in_days(9 / 1440)
    for _ in range(5):
        assert gate.chat(key).status == 200
    assert gate.sim.asked(B)["requests"] >= 5, "calls moved over"
    end_overlap(gate, old)
    gate.wait(lambda: show(gate, old)["status"] == "replaced", 20, "its end")
    assert [c["id"] for c in gate.credentials()] == [new["id"]]
    assert gate.chat(key).status == 200


def test_no_stream_is_cut_when_the_old_one_ends(own_gate):
    gate = own_gate
    key = gate.key()
    old = gate.credentials()[0]
    gate.sim.fault("slow", 100)
    words = gate.chat(key, stream=True).events()
    next(words)
    assert show(gate, old)["health"]["calls_at_once"] == 1
    rotate(gate, old)
    end_overlap(gate, old)
    gate.wait(lambda: show(gate, old)["status"] == "replaced", 20, "its end")
    *_, last = words
    assert last["choices"][0]["finish_reason"] == "stop"
    assert [c["status"] for c in gate.wait_calls(1, key)] == [200]


def test_where_the_new_one_fails_calls_go_back_to_the_old_one(own_gate):
    gate = own_gate
    old = gate.credentials()[0]
    key = gate.key()
    new = rotate(gate, old)
    gate.sim.rule(B, status="401")
    for _ in range(4):
        assert gate.chat(key).status == 200
    end_overlap(gate, old)
    stalled = wait_event(gate, "credential_rotation_stalled")
    assert stalled["credential_id"] == new["id"]
    assert show(gate, old)["status"] == "active"
    assert gate.chat(key).status == 200
    gate.sim.reset()
    gate.must("credentials", "reopen", new["id"])
    end_overlap(gate, old)
    gate.wait(lambda: show(gate, old)["status"] == "replaced", 20, "its end")
    assert gate.chat(key).status == 200


def test_a_secret_that_is_refused_replaces_nothing(own_gate, provider):
    old = add(own_gate, provider)
    provider.known.discard(B)
    code, _, err = own_gate.cli("credentials", "rotate", old["id"],
                                input=B + "\n")
    assert code == 1 and "401" in err and "nothing was changed" in err
    assert show(own_gate, old)["retires_at"] is None
    new = rotate(own_gate, old, B, "--no-test", "--at-once")
    assert show(own_gate, old)["status"] == "replaced"
    assert new["retires_at"] is None
    provider.known.add("sk-third-0123456789abcdef0123456")
    newer = rotate(own_gate, new, "sk-third-0123456789abcdef0123456")
    code, _, err = own_gate.cli("credentials", "rotate", new["id"],
                                input="sk-fourth-0123456789abcdef012345\n")
    assert code == 1 and "being replaced" in err
    assert newer["replaces"] == new["id"]


def test_killed_in_an_overlap_the_old_one_ends_all_the_same(own_gate):
    gate = own_gate
    old = gate.credentials()[0]
    rotate(gate, old)
    gate.kill_daemon()
    end_overlap(gate, old)
    gate.wait_daemon()
    gate.wait(lambda: show(gate, old)["status"] == "replaced", 20, "its end")
    assert gate.chat(gate.key()).status == 200
