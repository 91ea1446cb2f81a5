"""`tollgate health`, of the gate and of a key: what is well, what is not, by
which figures, and what a monitor makes of it."""

import json
import os
import signal

import pytest

from clock_daemon import DAY, ClockDaemon
from conftest import http_request, wait

SECRET = "sk-0123456789abcdef0123456789abcdef"


def report(gate, key=None):
    answer = gate.admin("GET", "/health/checks" if key is None
                        else f"/keys/{key.id}/health")
    assert answer.status == 200, answer.text
    report = answer.json
    order = ["healthy", "warning", "unhealthy"]
    assert order.index(report["status"]) == max(
        order.index(check["status"]) for check in report["checks"])
    for check in report["checks"]:
        assert check["message"], check
        assert (check["cure"] is None) == (check["status"] == "healthy"), check
    return report


def checks(gate, key=None):
    return {check["name"]: check for check in report(gate, key)["checks"]}


def bad(gate, key=None):
    """Names and statuses of what is not well."""
    return {name: check["status"] for name, check in checks(gate, key).items()
            if check["status"] != "healthy"}


def test_a_gate_that_is_well_says_so_with_figures(gate):
    found = checks(gate)
    assert {"gate", "workers", "journal", "ingest", "disk", "memory", "store",
            "upstream sim", "errors", "accounts", "alerts", "channels",
            "deliveries", "audit"} == set(found)
    assert gate.url in found["gate"]["message"]
    assert "workers of nginx have" in found["workers"]["message"] or \
        "worker of nginx has" in found["workers"]["message"]
    assert found["upstream sim"]["open"] == 1
    assert "GiB" in found["disk"]["message"]
    assert "as it was signed" in found["audit"]["message"]


def test_an_empty_gate_says_what_is_missing(make_gate):
    gate = make_gate()
    gate.start_up()
    assert bad(gate) == {"gate": "unhealthy", "upstreams": "unhealthy"}
    code, out, err = gate.cli("health")
    assert code == 1, err
    assert "no upstream has a credential" in out
    assert "tollgate upstreams add --name" in out
    assert out.rstrip().endswith("The gate is unhealthy.")
    key = gate.key()
    assert "upstreams" in bad(gate, key)
    assert gate.cli("health", key.id)[0] == 1


def test_a_key_that_is_well_says_so_with_figures(gate):
    key = gate.key(rpm=100, monthly_limit="10")
    assert gate.chat(key).status == 200
    gate.wait_calls(1, key)
    found = checks(gate, key)
    assert bad(gate, key) == {}
    assert found["limit requests_per_minute"]["size"] == 100
    assert "of 10.00 USD are used" in found["budget monthly"]["message"]
    assert found["errors"]["message"].startswith("0 of 1 call failed")
    code, out, err = gate.cli("health", key.id)
    assert code == 0, err
    assert f"{key.id} is healthy." in out and "What to do" not in out


def test_there_is_no_key_of_that_id(gate):
    code, out, err = gate.cli("health", "key_" + "0" * 20)
    assert (code, out) == (1, "")
    assert "key" in err


def test_limits_warn_from_four_fifths_on(gate):
    key = gate.key(rpd=10)
    for n in range(1, 11):
        assert gate.chat(key).status == 200
        expected = ("unhealthy" if n == 10 else
                    "warning" if n >= 8 else "healthy")
        check = checks(gate, key)["limit requests_per_day"]
        assert (check["used"], check["status"]) == (n, expected)
    assert f"{n} of 10 requests are used (100 %)" in check["message"]
    assert check["cure"] == f"tollgate keys update {key.id} --rpd N"
    assert gate.chat(key).status == 429


def test_budgets_warn_at_four_fifths_and_end_at_all(gate):
    key = gate.key(daily_limit="1000")
    assert gate.chat(key).status == 200
    cost = float(gate.wait_calls(1, key)[0]["cost"])

    def status(share):
        gate.must("keys", "update", key.id, "--daily-limit",
                  f"{cost / share:.9f}")
        return checks(gate, key)["budget daily"]["status"]

    assert [status(s) for s in (0.5, 0.79, 0.81, 0.99)] == [
        "healthy", "healthy", "warning", "warning"]
    gate.must("keys", "update", key.id, "--daily-limit", f"{cost:.9f}")
    check = checks(gate, key)["budget daily"]
    assert check["status"] == "unhealthy"
    assert "(100 %)" in check["message"]
    keys = report(gate)["keys"]
    assert keys["unhealthy"] >= 1
    shown = {row["key_id"]: row for row in keys["data"]}[key.id]
    assert shown["status"] == "unhealthy"
    assert "daily budget" in shown["message"]


def test_errors_are_told_with_their_counts_and_few_are_no_alarm(gate):
    key = gate.key(rpm=10**6, tpm=10**8)
    for n in range(19):
        gate.chat(key, "sim:400" if n < 2 else "fine")
    gate.wait_calls(19, key)
    check = checks(gate, key)["errors"]
    assert (check["status"], check["errors"], check["requests"]) == (
        "healthy", 2, 19)
    assert "too few" in check["message"]
    gate.chat(key)
    gate.wait_calls(20, key)
    check = checks(gate, key)["errors"]
    assert (check["status"], check["errors"], check["requests"]) == (
        "warning", 2, 20)
    assert "2 of 20 calls failed in the last hour (10.00 %)" == \
        check["message"]
    for _ in range(21):
        gate.chat(key)
    gate.wait_calls(41, key)
    assert "4.87 %" in checks(gate, key)["errors"]["message"]
    assert checks(gate, key)["errors"]["status"] == "healthy"


def test_a_balance_is_told_in_days_at_the_present_pace(gate):
    account = gate.cli_json("accounts", "create", "--name", "prepaid-health")
    gate.must("accounts", "verify", account["id"])
    gate.must("accounts", "top-up", account["id"], "50")
    key = gate.key(account=account["id"])
    check = checks(gate, key)["balance"]
    assert check["status"] == "healthy"
    assert "nothing was spent" in check["message"]
    assert gate.chat(key).status == 200
    cost = float(gate.wait_calls(1, key)[0]["cost"])
    check = checks(gate, key)["balance"]
    assert check["status"] == "healthy" and "more than 3650" in check["message"]

    poor = gate.cli_json("accounts", "create", "--name", "poor-health")
    gate.must("accounts", "verify", poor["id"])
    gate.must("accounts", "top-up", poor["id"], f"{cost * 40:.9f}")
    key = gate.key(account=poor["id"], tpm=10**8)
    assert gate.chat(key, max_tokens=16).status == 200
    gate.wait_calls(1, key)
    check = checks(gate, key)["balance"]
    assert check["status"] == "warning", check
    assert " days at the pace of the last 1 h" in check["message"]
    assert check["cure"] == f"tollgate accounts top-up {poor['id']} AMOUNT"
    gate.must("accounts", "suspend", poor["id"])
    assert bad(gate, key)["account"] == "unhealthy"


def test_status_and_rotation_of_a_key(gate):
    key = gate.key()
    old = str(key)
    assert gate.chat(old).status == 200
    gate.must("keys", "rotate", key.id)
    assert gate.chat(old).status == 200
    gate.wait_calls(2, key)
    check = checks(gate, key)["second secret"]
    assert check["status"] == "warning"
    assert "was used" in check["message"] and "ends in 6 d 23 h" in \
        check["message"]
    gate.must("keys", "pause", key.id)
    assert bad(gate, key)["status"] == "warning"
    gate.must("keys", "resume", key.id)
    gate.must("keys", "disable", key.id, "--yes")
    assert bad(gate, key)["status"] == "unhealthy"
    assert key.id not in [row["key_id"]
                          for row in report(gate)["keys"]["data"]]


@pytest.fixture
def daemon(tmp_path):
    it = ClockDaemon(tmp_path).start()
    yield it
    it.clean()


def test_ends_and_rotations_are_told_in_time(daemon):
    key = daemon.ask("POST", "/keys", {
        "name": "clock", "expires_at": "20d",
        "rotation": {"interval_days": 10}}).json

    def of(name):
        found = daemon.get(f"/keys/{key['id']}/health").json["checks"]
        check, = [check for check in found if check["name"] == name]
        return check

    told = [of("expiry")["status"]]
    assert of("rotation")["status"] == "healthy"
    for days in (5, 1, 7, 5):  # on the 5th, 6th, 13th, 18th
        daemon.forward(days * DAY)
        told.append(of("expiry")["status"])
    assert told == ["healthy", "healthy", "warning", "warning", "warning"]
    assert of("rotation")["status"] == "warning"
    assert "overdue by 8 d" in of("rotation")["message"]
    daemon.forward(DAY + 60)
    assert of("expiry")["status"] == "unhealthy"
    assert "expires in 23 h" in of("expiry")["message"]
    keys = daemon.get("/health/checks").json["keys"]
    assert [row["key_id"] for row in keys["data"]] == [key["id"]]
    assert keys["unhealthy"] == 1
    daemon.forward(DAY)
    assert "it expired" in of("expiry")["message"]
    assert daemon.get("/health/checks").json["keys"]["active"] == 0


def test_a_credential_that_is_refused_is_named(own_gate):
    gate = own_gate
    key = gate.key()
    gate.sim.rule(SECRET, status="401")
    gate.chat(key)
    for whose in (None, key):
        found = checks(gate, whose)
        assert found["upstream sim"]["status"] == "unhealthy"
        assert "status 401" in found["upstream sim"]["message"]
        assert found["gate"]["status"] == "unhealthy"
        assert "every credential is refused" in found["gate"]["message"]
    gate.must("credentials", "add", "--upstream", "sim",
              input="sk-fedcba98765432100123456789abcdef\n")
    found = checks(gate)
    assert found["upstream sim"]["status"] == "warning"
    assert found["upstream sim"]["open"] == 1
    assert found["gate"]["status"] == "healthy"


def test_a_key_hears_only_of_the_upstreams_of_its_models(own_gate):
    gate = own_gate
    gate.must("upstreams", "add", "--name", "other", "--base-url",
              gate.sim.url, "--dialect", "vllm")
    gate.must("models", "add", "elsewhere", "--upstream", "other", "--prompt",
              "1", "--completion", "1")
    assert bad(gate) == {"upstream other": "unhealthy"}
    assert "upstream other" not in checks(gate, gate.key(
        model="deepseek-flash"))
    found = checks(gate, gate.key(model="elsewhere"))
    assert "upstream sim" not in found
    assert found["upstream other"]["status"] == "unhealthy"


def test_live_asks_the_upstreams_now(own_gate):
    gate = own_gate
    answer = json.loads(gate.must("health", "--live", "--json"))
    live, = [c for c in answer["checks"] if c["name"] == "live sim"]
    assert live["status"] == "healthy"
    assert "it takes 1 of 1 credential" in live["message"]
    gate.sim.stop()
    code, out, _ = gate.cli("health", "--live", "--json")
    answer = json.loads(out)
    live, = [c for c in answer["checks"] if c["name"] == "live sim"]
    assert (code, live["status"], answer["status"]) == (
        1, "unhealthy", "unhealthy")
    assert "nobody accepts a connection" in live["message"]


def test_a_gate_without_nginx_is_unhealthy(own_gate):
    gate = own_gate
    url = f"unix:{gate.shm}/admin.sock"
    assert gate.cli("health", "--admin-url", url)[0] == 0
    os.kill(gate.up_pid(), signal.SIGSTOP)  # which would start it again
    try:
        for pid in [gate.nginx_pid()] + gate.nginx_workers():
            os.kill(pid, signal.SIGKILL)

        def answer():
            code, out, _ = gate.cli("health", "--json", "--admin-url", url)
            found = {c["name"]: c["status"] for c in json.loads(out)["checks"]}
            return code == 1 and found["gate"] == found["workers"] == \
                "unhealthy"

        wait(answer, what="a report that says so")
    finally:
        os.kill(gate.up_pid(), signal.SIGCONT)


def test_exit_codes_for_people_and_for_monitors(own_gate):
    gate = own_gate
    key = gate.key(rpd=5)

    def codes():
        return [gate.cli("health", key.id, *options)[0]
                for options in ((), ("--strict",), ("--nagios",))]

    assert codes() == [0, 0, 0]
    out = gate.must("health", key.id, "--nagios")
    assert out.startswith("TOLLGATE OK - 0 of ") and out.count("\n") == 1
    assert "'limit requests_per_day'=0;;;0;5" in out.partition(" | ")[2]
    for _ in range(4):
        assert gate.chat(key).status == 200
    assert codes() == [0, 1, 1]
    code, out, _ = gate.cli("health", key.id, "--nagios")
    assert out.startswith("TOLLGATE WARNING - 1 of ")
    assert "limit requests_per_day: 4 of 5 requests" in out.split("\n")[0]
    assert out.split("\n")[1].startswith("warning: limit requests_per_day")
    assert gate.chat(key).status == 200
    assert codes() == [1, 1, 2]
    assert gate.cli("health", "--nothing")[0] == 2
    code, out, _ = gate.cli("health", "key_" + "0" * 20, "--nagios")
    assert code == 3 and out.startswith("TOLLGATE UNKNOWN")
    gate.stop_up()
    assert gate.cli("health")[0] == 3
    assert gate.cli("health", "--nagios")[0] == 3


def test_those_bound_to_an_account_see_their_keys_alone(gate):
    account = gate.cli_json("accounts", "create", "--name", "bound-health")
    operator = gate.cli_json("operators", "create", "--name", "bound-health",
                             "--role", "auditor", "--account", account["id"])
    token = gate.cli_json("tokens", "create", "--name", "t", "--operator",
                          operator["id"])["token"]
    own = gate.key(account=account["id"])
    others = gate.key()

    def status(path):
        return http_request(gate.url, "GET", "/admin/v1" + path, {
            "Authorization": "Bearer " + token}).status

    assert status(f"/keys/{own.id}/health") == 200
    assert status(f"/keys/{others.id}/health") == 404
    assert status("/health/checks") == 403
