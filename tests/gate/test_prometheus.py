"""dist/: Debian's promtool and a real prometheus, against a real gate: the job,
the alert rules and each expression of the dashboard."""

import json
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, clean_env, free_port, http_request, wait

RULES = ROOT / "dist/prometheus/tollgate.rules.yml"
TESTS = ROOT / "dist/prometheus/tollgate.rules.test.yml"
SCRAPE = ROOT / "dist/prometheus/scrape.yml"
BOARD = json.loads((ROOT / "dist/grafana/tollgate.json").read_text())
DOCUMENT = (ROOT / "docs/metrics.md").read_text()
METRICS = set(re.findall(r"^\| `((?:tollgate|gen_ai|process)_\w+)` \|",
                         DOCUMENT, re.M))

# Of what a gate has nothing to say while nothing of it happened.
SILENT = ("tollgate_units_total", "tollgate_upstream_credential_expiry")


def panels():
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def rules():
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert", rule.get("record")), rule["expr"]


def metrics_in(expr):
    words = re.findall(r"\b(?:tollgate|gen_ai|process)_\w+(?=[{\[ )=]|$)",
                       re.sub(r'"[^"]*"|by \([^)]*\)', "", expr))
    return {re.sub(r"_(bucket|sum|count)$", "", word) if word.startswith(
        "gen_ai_") else word for word in words}


def test_expressions_are_of_metrics_that_there_are():
    for name, expr in [*panels(), *rules()]:
        used = metrics_in(expr)
        assert used <= METRICS, (name, used - METRICS)
        assert used or "up{" in expr, name


def test_promtool_finds_the_rules_right():
    done = subprocess.run(["promtool", "check", "rules", "--lint=all", RULES],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_the_rules_fire_when_they_should_and_not_else():
    done = subprocess.run(["promtool", "test", "rules", TESTS],
                          capture_output=True, text=True, cwd=TESTS.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_says_what_is_wrong_and_how_bad():
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"] in ("warning", "critical")
                assert set(rule["annotations"]) == {"summary", "description"}


def test_a_board_has_room_for_each_panel():
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({p["id"] for p in BOARD["panels"]}) == len(BOARD["panels"])


class Prometheus:
    def __init__(self, folder, gate, token):
        folder.mkdir()
        self.port = free_port()
        self.log = folder / "prometheus.log"
        secret = folder / "tollgate.token"
        secret.write_text(token)
        secret.chmod(0o600)
        shutil.copy(RULES, folder)
        # As it is shipped, but for how often, where, and whose token.
        config = yaml.safe_load(SCRAPE.read_text())
        job, = config["scrape_configs"]
        job["static_configs"] = [
            {"targets": [gate.url.removeprefix("http://")]}]
        job["authorization"]["credentials_file"] = str(secret)
        config["global"] = {"scrape_interval": "1s",
                            "evaluation_interval": "1s"}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        done = subprocess.run(["promtool", "check", "config",
                               folder / "prometheus.yml"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_env())
        wait(self.is_ready, 30, "prometheus")

    def is_ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/-/ready").status == 200
        except OSError:
            return False

    def get(self, path):
        return http_request(f"http://127.0.0.1:{self.port}", "GET", path)

    def ask(self, path):
        answer = self.get("/api/v1" + path).json
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expr):
        return self.ask("/query?query=" + urllib.parse.quote(expr))["result"]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    """A gate of which all that happens has happened, and a prometheus that has
    seen it."""
    from conftest import Gate, require_build

    require_build()
    folder = tmp_path_factory.mktemp("prometheus")
    gate = Gate(folder / "home",
                conf="[gate]\nwrong_keys_per_minute = 0\n").start()
    prometheus = None
    try:
        gate.must("operators", "create", "--name", "prometheus", "--role",
                  "auditor")
        token = gate.cli_json("tokens", "create", "--name", "p", "--operator",
                              "prometheus", "--scope", "metrics")["token"]
        prometheus = Prometheus(folder / "prometheus", gate, token)
        call_for(gate, prometheus)
        yield gate, prometheus
    finally:
        if prometheus is not None:
            prometheus.stop()
        gate.stop()


def call_for(gate, prometheus):
    """Calls of all kinds until two scrapes have seen each."""
    key = gate.key(rpm=10**6, tpm=10**8, daily_limit="100")
    credential = gate.credentials()[0]["id"]
    gate.must("credentials", "update", credential, "--expires", "3d")
    gate.must("credentials", "check", credential)

    def call():
        gate.chat(key, "fine")
        gate.chat(key, "fine", stream=True).body
        gate.chat(key, "sim:status=500")
        gate.request("GET", "/nothing")
        gate.mend()
        return prometheus.query(
            "min(count_over_time(tollgate_requests_total{status='2xx'}[1m]))"
            " > 5 and on() tollgate_keys{health='healthy'} and on() "
            "sum(increase(tollgate_failed_calls_total[1m])) > 0 and on() "
            "min(count_over_time(tollgate_events_total[1m])) > 1")

    wait(call, 90, "scrapes with all of it")


def test_prometheus_reads_it_without_a_complaint(scraped):
    gate, prometheus = scraped
    target, = prometheus.ask("/targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert target["lastScrapeDuration"] < 1
    said = prometheus.log.read_text()
    assert "level=error" not in said and "out of order" not in said


def test_rules_are_loaded_and_evaluated(scraped):
    gate, prometheus = scraped
    groups = prometheus.ask("/rules")["groups"]
    loaded = {rule["name"]: rule for g in groups for rule in g["rules"]}
    assert set(loaded) == {name for name, _ in rules()}
    for name, rule in loaded.items():
        assert rule["health"] == "ok", (name, rule.get("lastError"))
    fine = {"TollgateDown", "TollgateNotReady", "TollgateDiskFull",
            "TollgateWorkersShut", "TollgateJournalUnreadable"}
    for name in fine:
        assert loaded[name]["state"] == "inactive", name
    assert loaded["TollgateCredentialExpires"]["state"] == "firing"


@pytest.mark.parametrize("title,expr", panels())
def test_a_panel_shows_something(scraped, title, expr):
    gate, prometheus = scraped
    expr = expr.replace("$instance", ".*").replace(
        "$__rate_interval", "1m").replace("$__range", "1h")
    assert "$" not in expr
    result = prometheus.query(expr)
    if not any(name in expr for name in SILENT):
        assert result, f"{title}: nothing for {expr}"


@pytest.mark.parametrize("name,expr", rules())
def test_what_a_rule_compares_is_there(scraped, name, expr):
    """Without the comparison each selector has data, or is silent."""
    gate, prometheus = scraped
    prometheus.query(expr)
    selectors = re.findall(
        r"(?:\b(?:tollgate|gen_ai)_\w+|\bup)(?:\{[^}]*\})?", re.sub(
            r"by \([^)]*\)", "", expr))
    for selector in selectors:
        if "severity=\"critical\"" in selector or 'disk=' in selector or \
                not any(s in selector for s in SILENT):
            assert prometheus.query(selector), (name, selector)
