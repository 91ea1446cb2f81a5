"""/metrics: what it says is what was called, to the nano-unit; its counters
outlive whatever is killed; its labels are bounded, and the document has what
it has."""

import os
import re
import signal
import subprocess
import time
from decimal import Decimal

import pytest

from conftest import ROOT, http_request, wait
from lone_daemon import BUILD, LoneDaemon

DAY = 86400
DOCUMENT = (ROOT / "docs/metrics.md").read_text()
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        self.helps = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.M))
        self.units = dict(re.findall(r"^# UNIT (\w+) (\w+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            labels = LABEL.findall(labels or "")
            assert len(dict(labels)) == len(labels), line
            at = name, frozenset(labels)
            assert at not in self.samples, f"twice: {line}"
            self.samples[at] = Decimal(value) if value != "+Inf" else value

    def sum(self, name, **labels):
        return sum(value for (n, l), value in self.samples.items()
                   if n == name and labels.items() <= dict(l).items())

    def family(self, name):
        """Of a sample: buckets and the like are a histogram's."""
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        return base if self.types.get(base) == "histogram" else name


def scrape(gate):
    answer = gate.admin("GET", "/metrics")
    assert answer.status == 200, answer.text
    return Scrape(answer.text)


def counters(scrape):
    return {at: value for at, value in scrape.samples.items()
            if scrape.types[scrape.family(at[0])] != "gauge" and
            not at[0].startswith("process_")}


def test_it_is_what_prometheus_reads(gate):
    answer = gate.admin("GET", "/metrics")
    assert answer.headers["content-type"] == \
        "text/plain; version=0.0.4; charset=utf-8"
    token = (gate.home / "admin.token").read_text().strip()
    own = http_request(gate.url, "GET", "/metrics",
                       {"Authorization": f"Bearer {token}"})
    assert own.status == 200
    assert set(Scrape(own.text).types) == set(Scrape(answer.text).types)
    assert answer.text.endswith("\n")
    found = scrape(gate)
    assert set(found.types) == set(found.helps)
    assert {found.family(name) for name, _ in found.samples} <= \
        set(found.types)


def test_promtool_finds_nothing_wrong_with_it(gate):
    gate.chat(gate.key())
    done = subprocess.run(["promtool", "check", "metrics"],
                          input=gate.admin("GET", "/metrics").text,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_who_may_read_it(gate):
    def status(token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return http_request(gate.url, "GET", "/metrics", headers).status

    def token(*args):
        made = gate.cli_json("tokens", "create", "--name", "m", *args)
        gate.hunt.plant("owner's token", made["token"])
        return made["token"]

    assert status() == 401
    assert status(gate.key()) == 401
    gate.must("operators", "create", "--name", "prometheus", "--role",
              "auditor")
    narrow = token("--operator", "prometheus", "--scope", "metrics")
    assert status(narrow) == 200
    for path in ("/keys", "/usage", "/calls", "/health"):
        assert http_request(gate.url, "GET", "/admin/v1" + path, {
            "Authorization": f"Bearer {narrow}"}).status == 403, path
    assert status(token("--scope", "read")) == 403
    account = gate.cli_json("accounts", "create", "--name", "metrics")["id"]
    assert status(token("--scope", "metrics", "--account", account)) == 403


def rows_of_the_document():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w*) ?\| (.*?) ?\| (.+) \|$",
                      DOCUMENT, re.M)
    assert len(rows) == len(re.findall(r"^\| `(?:tollgate|gen_ai|process)_",
                                       DOCUMENT, re.M))
    return {name: (kind, unit, set(re.findall(r"`(\w+)`", labels)))
            for name, kind, unit, labels, _ in rows}


def test_the_document_has_each_metric_and_no_other(own_gate):
    gate = own_gate
    key = gate.key()
    gate.chat(key)
    gate.chat(key, "sim:400")
    gate.chat(key, stream=True).body
    gate.must("credentials", "update", gate.credentials()[0]["id"],
              "--expires", "30d")
    gate.must("credentials", "check", gate.credentials()[0]["id"])
    gate.wait_calls(3)
    found, rows = scrape(gate), rows_of_the_document()
    assert set(found.types) == set(rows)
    for name, (kind, unit, labels) in rows.items():
        assert found.types[name] == kind, name
        assert found.units.get(name, "") == unit, name
    seen = {}
    for name, labels in found.samples:
        seen.setdefault(found.family(name), set()).update(
            label for label, _ in labels if label != "le")
    for name, labels in seen.items():
        assert labels == rows[name][2], name
    silent = set(rows) - set(seen)
    assert silent <= {"tollgate_units_total", "tollgate_denials_total",
                      "tollgate_events_total", "tollgate_keys",
                      "tollgate_alerts_opened_total",
                      "tollgate_account_balance"}, silent


def test_sums_are_those_of_the_calls(own_gate):
    gate = own_gate
    key = gate.key(rpm=10**6, tpm=10**8)
    for n in range(6):
        gate.chat(key, f"call {n}", max_tokens=5 + n)
    gate.chat(key, "sim:400")
    gate.chat(key, "sim:status=500")
    answer = gate.chat(key, stream=True)
    list(answer.events())
    gate.request("POST", "/v1/embeddings", key,
                 {"model": "none such", "input": "x"})
    gate.request("GET", "/nothing")
    calls = gate.wait_calls(9)
    wait(lambda: scrape(gate).sum("tollgate_denials_total") == 2,
         what="denials")
    found = scrape(gate)
    assert found.sum("tollgate_requests_total") == 9
    for status in ("2xx", "4xx", "5xx"):
        assert found.sum("tollgate_requests_total", status=status) == \
            len([c for c in calls if str(c["status"])[0] == status[0]])
    for kind, member in (("prompt", "prompt_tokens"),
                         ("prompt_cache_hit", "prompt_cache_hit_tokens"),
                         ("completion", "completion_tokens"),
                         ("reasoning", "reasoning_tokens")):
        assert found.sum("tollgate_tokens_total", kind=kind) == \
            sum(c[member] for c in calls), kind
    assert found.sum("tollgate_cost_total") == \
        sum(Decimal(c["cost"]) for c in calls) == \
        Decimal(gate.usage_total()["cost"])
    assert found.sum("tollgate_denials_total", code="not_found") == 1
    assert found.sum("tollgate_denials_total", code="model_not_found") == 1
    assert found.sum("tollgate_failed_calls_total") == \
        len([c for c in calls if c["code"]])
    name = "gen_ai_server_request_duration_seconds"
    assert found.sum(name + "_count") == 9
    assert found.sum(name + "_bucket", le="+Inf") == 9
    assert found.sum(name + "_sum") == \
        sum(Decimal(c["latency_ms"]) for c in calls) / 1000
    for le in ("0.01", "0.16", "81.92"):
        assert found.sum(name + "_bucket", le=le) == len(
            [c for c in calls if c["latency_ms"] <= Decimal(le) * 1000])
    name = "gen_ai_server_time_to_first_token_seconds"
    with_token = [c for c in calls if c["ttft_ms"] is not None]
    assert found.sum(name + "_count") == len(with_token)
    assert found.sum("gen_ai_client_token_usage_sum",
                     gen_ai_token_type="output") == \
        sum(c["completion_tokens"] for c in calls)


def test_an_upstream_that_refuses_us_shows(own_gate):
    gate = own_gate
    found = scrape(gate)
    assert found.sum("tollgate_ready") == 1
    assert found.sum("tollgate_upstream_credentials", state="open") == 1
    gate.sim.rule("sk-0123456789abcdef0123456789abcdef", status="401")
    gate.chat(gate.key())
    found = scrape(gate)
    assert found.sum("tollgate_ready") == 0
    assert found.sum("tollgate_upstream_credentials", state="rejected",
                     upstream="sim") == 1
    wait(lambda: scrape(gate).sum("tollgate_events_total",
                                  type="credential_failed") == 1,
         what="event")
    wait(lambda: scrape(gate).sum("tollgate_alerts_opened_total") >= 1,
         what="alert")
    assert scrape(gate).sum("tollgate_alerts_open") >= 1


def test_calls_in_flight_are_those_that_run(own_gate):
    gate = own_gate
    streams = [gate.chat(gate.key(), "sim:slow=50 sim:tokens=100",
                         stream=True) for _ in range(3)]
    wait(lambda: scrape(gate).sum("tollgate_calls_in_flight") == 3,
         what="calls in flight")
    for stream in streams:
        stream.close()
    wait(lambda: scrape(gate).sum("tollgate_calls_in_flight") == 0,
         what="their end")


def test_no_label_is_a_callers(own_gate):
    gate = own_gate
    key = gate.key("very-secret-name")
    gate.request("POST", "/v1/chat/completions", key, {
        "model": "deepseek-flash", "messages": [
            {"role": "user", "content": "x"}], "user": "strange-user"},
        headers={"User-Agent": "strange-agent"})
    gate.request("POST", "/v1/chat/completions", key, {
        "model": "strange-model", "messages": []})
    gate.request("GET", "/strange-path")
    gate.wait_calls(1)
    wait(lambda: scrape(gate).sum("tollgate_denials_total") == 2,
         what="denials")
    text = scrape(gate).text
    for word in ("strange", "very-secret", key.id, "127.0.0.1", "acct_",
                 str(key)[:12]):
        assert word not in text, word


def test_accounts_are_labels_where_the_operator_says_so(make_gate):
    gate = make_gate(conf="[metrics]\naccounts = 2\n").start()
    ids = []
    for n in range(3):
        made = gate.cli_json("accounts", "create", "--name", f"a{n}")
        gate.must("accounts", "top-up", made["id"], f"{n + 1}.5")
        ids.append(made["id"])
    found = scrape(gate)
    assert [found.sum("tollgate_account_balance", account=i)
            for i in ids] == [Decimal("1.5"), Decimal("2.5"), 0]
    assert "default" not in str([l for n, l in found.samples
                                 if n == "tollgate_account_balance"])


def never_less(before, after):
    for at, value in before.items():
        assert at in after and after[at] >= value, (at, value, after.get(at))
    return after


def test_counters_outlive_whatever_is_killed(own_gate):
    """While calls run: the daemon, workers, and all of the gate are killed;
    no scrape shows less than one before, and in the end each call counts
    once."""
    gate = own_gate
    key = gate.key(rpm=10**6, tpm=10**8)
    seen, answers, made = {}, [], 0
    for n in range(12):
        for _ in range(10):
            try:
                answers.append(gate.chat(key, max_tokens=3).status)
            except OSError:
                answers.append(None)
        victim = ("daemon", "worker", "none", "all")[n % 4]
        if victim == "daemon":
            gate.kill_daemon()
        elif victim == "worker":
            try:
                os.kill(gate.nginx_workers()[0], signal.SIGKILL)
            except (ProcessLookupError, IndexError):
                pass
        elif victim == "all":
            url = gate.url.removeprefix("http://")
            os.kill(gate.up_pid(), signal.SIGKILL)
            gate.start_again(url)
        gate.wait_daemon()
        answer = gate.admin("GET", "/metrics")
        if answer.status == 200:
            seen = never_less(seen, counters(Scrape(answer.text)))
            made += 1
    assert made >= 6
    assert answers.count(200) > 60

    def settled():
        rows = gate.cli_json("calls", "list", "--limit", "100000")["data"]
        total = gate.usage_total()
        found = scrape(gate)
        return found.sum("tollgate_requests_total") == len(rows) >= \
            answers.count(200) and found.sum("tollgate_cost_total") == \
            Decimal(total["cost"])

    wait(settled, 20, "the same sums as the store has")
    never_less(seen, counters(scrape(gate)))


def write_calls(daemon, writer, count, days_ago=0):
    at = int(time.time()) - days_ago * DAY
    subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, str(writer),
         str(count), daemon.key["id"], daemon.key["account_id"], "--at",
         str(at * 1000)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


@pytest.fixture
def daemon(tmp_path):
    it = LoneDaemon(tmp_path / "home")
    it.home.mkdir(mode=0o700)
    (it.home / "tollgate.conf").write_text("[retention]\ncalls_days = 0\n")
    it.start()
    it.key = it.must("/keys", {"name": "k"})
    yield it
    it.clean()


def test_what_goes_by_age_stays_counted(daemon):
    def sums():
        found = Scrape(daemon.get("/metrics").body.decode())
        return (found.sum("tollgate_requests_total"),
                found.sum("tollgate_cost_total"))

    write_calls(daemon, 7, 5, 60)
    wait(lambda: sums()[0] == 5, what="calls")
    before = sums()
    assert before[1] > 0
    (daemon.home / "tollgate.conf").write_text(
        "[retention]\ncalls_days = 1\nrollups_days = 35\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait(lambda: daemon.get("/calls?since=2020-01-01").json["data"] == [], 30,
         "calls that are gone")
    assert sums() == before
    daemon.kill()
    daemon.start()
    assert sums() == before
    write_calls(daemon, 8, 3)
    wait(lambda: sums()[0] == 8, what="more calls")
