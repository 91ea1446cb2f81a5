"""HOME/tollgate.conf: read at a start, and again on SIGHUP."""

import os
import signal
from decimal import Decimal

from conftest import wait


def read_again(gate, text, said):
    """Sends HUP to `up`, as an operator does, until it said what came of it
    once more than before."""
    (gate.home / "tollgate.conf").write_text(text)
    before = gate.said().count(said)
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(lambda: gate.said().count(said) > before, what=said)


def cost(gate, key):
    answer = gate.chat(key, "sim:tokens=100", max_tokens=100)
    assert answer.status == 200, answer.text
    return Decimal(answer.headers["x-tollgate-cost"])


def test_a_factor_is_in_header_record_and_hold(make_gate):
    gate = make_gate(conf="[prices]\nfactor_development = 0.5\n")
    gate.start()
    whole, half = gate.key("whole"), gate.key("half", kind="development")
    full = cost(gate, whole)
    assert cost(gate, half) == full / 2
    rows = gate.wait_calls(2)
    assert {row["key_id"]: Decimal(row["cost"]) for row in rows} == {
        whole.id: full, half.id: full / 2}

    read_again(gate, "[prices]\nfactor_production = 3\n",
               "tollgate.conf was read again")
    assert cost(gate, whole) == 3 * full
    assert cost(gate, half) == full, "what is not in the file is as usual"
    gate.wait_calls(4)
    # A worst cost of three times as much does not fit where one does.
    worst = gate.key("worst", daily_limit=str(full * 2))
    assert gate.chat(worst, "sim:tokens=100", max_tokens=100).status == 402


def test_a_bad_file_changes_nothing_while_it_runs(own_gate):
    key = own_gate.key()
    usual = cost(own_gate, key)
    read_again(own_gate, "[prices]\nfactor_production = 2\n", "was read again")
    assert cost(own_gate, key) == 2 * usual
    read_again(own_gate, "[prices]\nfactor_production = 2\nfactor = 7\n",
               'line 3: [prices] has no "factor"')
    assert "what was set before stays" in own_gate.said()
    assert cost(own_gate, key) == 2 * usual


def outcome(gate, key):
    answer = gate.chat(key, max_tokens=3)
    return 200 if answer.status == 200 else (answer.status, answer.code)


def test_accounts_must_be_verified_where_the_file_says_so(make_gate):
    gate = make_gate(conf="[gate]\nrequire_verification = yes\n")
    gate.start()
    assert outcome(gate, gate.key()) == 200, "the first account is verified"
    account = gate.cli_json("accounts", "create", "--name", "new",
                            "--billing", "postpaid")
    key = gate.key("its", account="new")
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (403, "account_unverified")
    assert "is not verified" in answer.json["error"]["message"]
    assert gate.request("GET", "/v1/models", key).status == 403
    gate.must("accounts", "verify", account["id"])
    assert outcome(gate, key) == 200

    gate.must("accounts", "create", "--name", "other", "--billing", "postpaid")
    other = gate.key("other's", account="other")
    assert outcome(gate, other) == (403, "account_unverified")
    read_again(gate, "[gate]\nrequire_verification = no\n", "was read again")
    assert outcome(gate, other) == 200
    read_again(gate, "[gate]\nrequire_verification = yes\n", "was read again")
    assert outcome(gate, other) == (403, "account_unverified")


WRONG = "sk-tgp_000000000000000000000000000000234bLS"


def test_wrong_keys_are_slowed_down_and_good_ones_are_not(make_gate):
    gate = make_gate(conf="[gate]\nwrong_keys_per_minute = 20\n").start()
    key = gate.key()
    answers = [gate.chat(wrong) for _ in range(20)
               for wrong in (None, "sk-tgp_short", WRONG)]
    statuses = [answer.status for answer in answers]
    assert statuses[:20] == [401] * 20
    # One more comes free every three seconds.
    assert 20 <= statuses.count(401) <= 24
    assert set(statuses) == {401, 429}
    refused = answers[statuses.index(429)]
    assert refused.code == "rate_limit_exceeded"
    assert refused.headers["x-should-retry"] == "false"
    assert 0 < int(refused.headers["retry-after-ms"]) <= 3000
    assert 0 < int(refused.headers["retry-after"]) <= 3
    message = refused.json["error"]["message"]
    assert "127.0.0.1: 20 a minute are allowed" in message
    assert "not known here" in answers[-1].json["error"]["message"]
    for _ in range(30):
        assert gate.chat(key, max_tokens=3).status == 200
        assert gate.chat(WRONG).status in (401, 429)
    gate.must("keys", "disable", key.id, "--yes")
    assert gate.chat(key).code == "key_disabled"

    read_again(gate, "[gate]\nwrong_keys_per_minute = 0\n", "was read again")
    assert [gate.chat(WRONG).status for _ in range(30)] == [401] * 30


def test_300_wrong_keys_a_minute_are_the_default(own_gate):
    statuses = [own_gate.chat(WRONG).status for _ in range(300)]
    assert statuses == [401] * 300
    wait(lambda: own_gate.chat(WRONG).status == 429, what="end of patience")


def test_a_bad_file_is_no_start(make_gate):
    gate = make_gate(conf="[gate]\nwrong_keys_per_minute = many\n")
    code, out, err = gate.cli("up", "--home", gate.home, "--listen",
                              "127.0.0.1:0")
    assert (code, out) == (1, "")
    assert (f"{gate.home}/tollgate.conf, line 2: wrong_keys_per_minute is a "
            'whole number from 0 to 1000000, not "many"') in err
    assert not (gate.home / "store.db").exists()
