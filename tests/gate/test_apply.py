"""`tollgate apply` and `export`: policy as code, against a real daemon."""

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from lone_daemon import BUILD, LoneDaemon, wait

EVERYTHING = """
accounts:
  - name: research
    plan: subscription
    billing: postpaid
    verification: verified
    responses: {suspicious_pattern: pause}
  - name: trials
    status: suspended
upstreams:
  - name: vllm
    base_url: http://127.0.0.1:9
    dialect: vllm
  - name: spare
    base_url: http://127.0.0.1:10
    dialect: vllm
credentials:
  - upstream: vllm
    from_file: vllm.key
    concurrency: 7
    expires_at: 2031-06-01
    balance_alert: 12.5
models:
  - id: qwen3-32b
    upstreams: [vllm, spare]
    scopes: [chat]
    development: true
    max_context_tokens: 40960
    max_output_tokens: 4096
    max_image_tokens: 1000
prices:
  - model: qwen3-32b
    effective_at: 2026-01-01
    prompt: 0.2
    prompt_cache_hit: 0.02
    prompt_cache_write: 0.25
    completion: 0.80
    peak:
      hours: ["mon-fri 01:00-04:00"]
      not_on_holidays: true
      prompt: 0.4
      completion: 1.6
    source: a contract
  - model: dall-e-3
    effective_at: 2031-05-01T12:00:00Z
    unit: image
    unit_price: 0.04
    sizes: {1024x1792: 0.08}
alerts:
  - name: Error rate above 10 %
    kind: error_rate
    severity: critical
    params: {percent: 5, window_minutes: 30, min_requests: 7}
  - name: research spends
    kind: budget
    on: false
    scope: account:research
    channels: []
    recovery: false
    params: {percents: [10, 20]}
  - name: bad news
    kind: event
    params: {types: [ip_denied, leak_reported], quiet_minutes: 5}
  - name: poor
    kind: balance
    params: {amount: 7.5}
keys:
  - name: all of it
    account: research
    kind: development
    status: inactive
    description: "reads: # everything"
    owner: 'O''Brien'
    labels: {team: core, "env/x": "12"}
    scopes: [embeddings, chat]
    models: [qwen3-32b, deepseek-*]
    endpoints: [POST /v1/chat/completions]
    limits:
      requests_per_second: 5
      requests_per_minute: 60
      requests_per_day: 1000
      tokens_per_minute: 9000
      concurrency: 3
      max_queue_ms: 250
    budget:
      monthly: 10.5
      daily: "1"
      timezone: Asia/Shanghai
    allowed_ips: [10.0.0.1, "2001:db8::/32"]
    allowed_referrers: ["https://app.example.com/*"]
    hours: mon-fri 08:00-19:00 Asia/Shanghai
    expires_at: 2031-01-31
    rotation: {interval_days: 30, grace_days: 0}
    responses: {ip_denied: pause, suspicious_pattern: throttle}
  - name: nothing said
  - name: unlimited
    limits: null
    budget: {monthly: null}
    scopes: null
"""


class Policies:
    """The command line in a folder of its own, pointed at a daemon."""

    def __init__(self, daemon, folder):
        self.daemon = daemon
        self.folder = folder
        (folder / "vllm.key").write_text("sk-vllm-0123456789abcdef\n")
        (folder / "vllm.key").chmod(0o600)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("TOLLGATE_")}
        self.env |= {"TOLLGATE_ADMIN_URL": f"unix:{daemon.socket}",
                     "TOLLGATE_ADMIN_TOKEN": daemon.token,
                     "UPSTREAM_KEY": "sk-other-0123456789abcdef"}

    def __call__(self, *words, input=""):
        done = subprocess.run([BUILD / "tollgate", *map(str, words)],
                              env=self.env, input=input, text=True,
                              cwd=self.folder, capture_output=True,
                              timeout=120)
        self.daemon.hunt.plant_keys(self.secrets_text())
        return done

    def secrets_text(self):
        path = self.folder / "new.jsonl"
        return path.read_text() if path.exists() else ""

    def secrets(self):
        return [json.loads(line) for line in self.secrets_text().splitlines()]

    def file(self, text, name="policy.yaml"):
        (self.folder / name).write_text(text)
        return name

    def apply(self, text, *words):
        return self("apply", "-f", self.file(text), "--secrets", "new.jsonl",
                    *words)

    def must(self, text, *words):
        done = self.apply(text, *words)
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    def plan(self, text, *words):
        done = self("apply", "-f", self.file(text), "--dry-run", "--json",
                    *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def keys(self):
        page = self.daemon.get("/keys?limit=1000").json
        assert not page["has_more"]
        return {k["name"]: k for k in page["data"]}


@pytest.fixture
def policies(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield Policies(daemon, tmp_path)
    daemon.clean()


def nothing_to_do(done):
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.startswith("0 to create, 0 to change, 0 to delete")


# What is wrong with a file, and where.

BAD = [
    ("keys: [}", "1:8: while parsing a flow node, did not find expected node content"),
    ("keys:\n  - name: a\n    name: b\n",
     '3:5: "name" stands twice; first in line 2'),
    ("kyes: []\n", "1:1: there is no section kyes; did you mean keys?"),
    ("keys: {}\n", "1:7: keys must be a list"),
    ("- keys\n", "1:1: a policy is a map of sections"),
    ("keys:\n  - ci\n", "2:5: a key is a map of its members"),
    ("keys:\n  - scopes: [chat]\n", "2:5: a key needs the member name"),
    ("keys:\n  - name: a\n    scpoes: [chat]\n",
     "3:5: a key has no member scpoes; did you mean scopes?"),
    ("keys:\n  - name: a\n    limits: {rpm: 5}\n",
     "3:14: a key has no member limits.rpm"),
    ("keys:\n  - name: a\n    limits.concurrency: 5\n",
     "3:5: a key has no member limits.concurrency"),
    ("keys:\n  - name: 12\n",
     '2:11: name must be a text: write it in quotes, "12"'),
    ("keys:\n  - name: true\n",
     '2:11: name must be a text: write it in quotes, "true"'),
    ("keys:\n  - name: null\n", "2:11: name must not be null"),
    ("keys:\n  - name: [a]\n", "2:11: name must be one value"),
    ("keys:\n  - name: a\n    scopes: chat\n",
     "3:13: scopes must be a list"),
    ("keys:\n  - name: a\n    scopes: [chat, chat]\n",
     "3:20: scopes[1] stands twice in the list"),
    ("keys:\n  - name: a\n    scopes: [talk]\n",
     "3:14: scopes[0]: there is no scope 'talk'"),
    ("keys:\n  - name: a\n    kind: pro\n",
     "3:11: kind must be one of: production development restricted"),
    ("keys:\n  - name: a\n    limits: {concurrency: many}\n",
     "3:27: limits.concurrency must be a whole number from 1 to 1000000000"),
    ("keys:\n  - name: a\n    limits: {concurrency: 0}\n",
     "3:27: limits.concurrency must be a whole number from 1 to 1000000000"),
    ('keys:\n  - name: a\n    limits: {concurrency: "5"}\n',
     "3:27: limits.concurrency must be a whole number from 1 to 1000000000"),
    ("keys:\n  - name: a\n    limits: 5\n", "3:13: limits must be a map"),
    ("keys:\n  - name: a\n    budget: {monthly: -1}\n",
     "3:23: budget.monthly must be an amount such as 12.50"),
    ("keys:\n  - name: a\n    budget: {monthly: 1e3}\n",
     "3:23: budget.monthly must be an amount such as 12.50"),
    ("keys:\n  - name: a\n    allowed_ips: [10.0.0.1/8]\n",
     "3:19: allowed_ips[0]: '10.0.0.1/8' has bits behind its prefix; did you "
     "mean 10.0.0.0/8?"),
    ("keys:\n  - name: a\n    labels: {n: 1}\n",
     '3:17: labels.n must be a text: write it in quotes, "1"'),
    ("keys:\n  - name: a\n    expires_at: 90d\n",
     "3:17: expires_at must be a date such as 2027-01-31"),
    ("keys:\n  - name: a\n    account: nobody\n",
     "3:14: there is no account nobody: add it under accounts"),
    ("keys:\n  - name: a\n    id: key_000000000000000000000000\n",
     "3:9: there is no key key_000000000000000000000000: leave id out"),
    ("keys:\n  - name: a\n  - name: a\n",
     "3:5: the key default/a stands twice; first in policy.yaml:2"),
    ("keys:\n  - name: !!str a\n", "2:11: tags such as"),
    ("keys:\n  - name: *a\n", "2:11: there is no anchor &a before this"),
    ("a: &a [*a]\n", "1:8: there is no anchor &a before this"),
    ("keys:\n  - <<: 5\n    name: a\n",
     "2:9: << takes a map, or a list of maps"),
    ("models:\n  - id: m\n    upstreams: [gone]\n",
     "3:16: there is no upstream gone: add it under upstreams"),
    ("models:\n  - id: m\n    development: yes\n",
     "3:18: development must be true or false"),
    ("credentials:\n  - upstream: u\n",
     "2:5: a credential has one of the members"),
    ("prices:\n  - model: nobody-has-it\n    prompt: 1\n    completion: 1\n",
     "2:5: there is no model 'nobody-has-it' here"),
    ("prices:\n  - model: gpt-4o\n    prompt: 1\n    completion: 1.1234567\n",
     "4:17: completion must be a decimal string"),
    ("alerts:\n  - name: a\n", "2:5: an alert needs the member kind"),
    ("alerts:\n  - name: a\n    kind: budget\n    params: {percents: [x]}\n",
     "4:25: params.percents[0] must be a whole number from 1 to 1000"),
    ("keys:\n\t- name: a\n", "2:1: "),
    ("keys:\n  - name: \"a\\0b\"\n", "2:11: a zero byte is no text"),
]


def test_a_bad_file_is_refused_with_the_place_of_its_fault(policies):
    wrong = []
    for text, fault in BAD:
        done = policies.apply(text)
        if done.returncode != 1 or not done.stderr.startswith(
                "policy.yaml:" + fault):
            wrong.append((text, fault, done.returncode, done.stderr))
        assert "nothing was changed" in done.stderr
    assert wrong == []
    assert policies.keys() == {}


def test_all_faults_are_said_at_once_each_with_its_file(policies):
    policies.file("keys:\n  - name: 1\n", "a.yaml")
    policies.file("keys:\n  - nmae: b\n", "b.yaml")
    done = policies("apply", "-f", "a.yaml", "-f", "b.yaml")
    assert done.returncode == 1
    first, second, last = done.stderr.splitlines()
    assert first.startswith("a.yaml:2:11: name must be a text")
    assert second.startswith("b.yaml:2:5: a key has no member nmae")
    assert last.endswith("2 faults; nothing was changed")


def test_a_key_in_a_file_of_the_wrong_place_is_not_repeated(policies):
    secret = policies.daemon.must("/keys", {"name": "x"})["key"]
    done = policies.apply(f"keys:\n  - name: a\n    scopes: [{secret}]\n")
    assert done.returncode == 1
    assert secret not in done.stderr + done.stdout


def test_laughs_are_counted_not_written_out(policies):
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 12):
        lines.append(f"b{i}: &a{i} [" +
                     ", ".join([f"*a{i - 1}"] * 10) + "]")
    began = time.monotonic()
    done = policies.apply("\n".join(lines))
    assert done.returncode == 1
    assert "with its aliases written out" in done.stderr
    assert time.monotonic() - began < 5


def test_a_deep_nest_is_refused(policies):
    done = policies.apply("a: " + "[" * 2000 + "]" * 2000)
    assert done.returncode == 1
    assert "nested more than 32 deep" in done.stderr


# What is applied.

def test_everything_that_can_be_said_is_applied_and_exported_again(policies):
    made = policies.must(EVERYTHING)
    assert "Done: 14 created, 1 changed, 0 deleted." in made.stdout
    assert nothing_to_do(policies.apply(EVERYTHING))
    exported = policies("export").stdout
    assert nothing_to_do(policies.apply(exported))
    as_json = policies("export", "--json").stdout
    assert nothing_to_do(policies.apply(as_json))
    assert policies("export").stdout == exported

    key = policies.keys()["all of it"]
    assert key["status"] == "inactive"
    assert key["limits"]["max_queue_ms"] == 250
    assert key["budget"] == {"monthly": "10.50", "daily": "1.00",
                             "timezone": "Asia/Shanghai"}
    assert key["allowed_ips"] == ["10.0.0.1/32", "2001:db8::/32"]
    assert key["labels"] == {"team": "core", "env/x": "12"}
    assert key["owner"] == "O'Brien"
    free = policies.keys()["unlimited"]
    assert free["limits"]["requests_per_minute"] is None
    assert free["scopes"] == []
    assert "sk-vllm" not in exported and "sk-tg" not in exported


def test_an_export_makes_the_same_gate_elsewhere(policies, tmp_path):
    policies.must(EVERYTHING)
    exported = policies("export").stdout
    found = re.sub(r"id: cred_\w+", "from_env: UPSTREAM_KEY", exported)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    daemon = LoneDaemon(tmp_path / "other").start()
    try:
        other = Policies(daemon, folder)
        other.must(found)
        again = other("export").stdout
        assert re.sub(r"id: cred_\w+", "from_env: UPSTREAM_KEY",
                      again) == found
    finally:
        daemon.clean()


@pytest.mark.parametrize("kind", ["production", "development", "restricted"])
def test_what_a_file_leaves_out_is_as_a_new_key_has_it(policies, kind):
    """So a change made by hand is found, and undone."""
    made = policies.daemon.must("/keys", {"name": "k", "kind": kind})
    text = f"keys:\n  - name: k\n    kind: {kind}\n"
    assert nothing_to_do(policies.apply(text))
    policies.daemon.ask("PATCH", "/keys/" + made["id"],
                        {"allowed_ips": ["10.0.0.0/8"],
                         "limits": {"requests_per_minute": 5}})
    step, = policies.plan(text)["steps"]
    assert step["action"] == "change" and step["id"] == made["id"]
    assert step["changes"]["allowed_ips"] == [["10.0.0.0/8"], []]
    policies.must(text)
    assert policies.keys()["k"]["allowed_ips"] == []


def test_a_dry_run_changes_nothing_and_says_so_in_its_exit_code(policies):
    text = "keys:\n  - name: a\n"
    dry = policies.apply(text, "--dry-run", "--detailed-exitcode")
    assert dry.returncode == 2
    assert "+ key default/a" in dry.stdout
    assert policies.keys() == {}
    assert not (policies.folder / "new.jsonl").exists()
    assert policies.apply(text, "--detailed-exitcode").returncode == 2
    assert policies.apply(text, "--detailed-exitcode").returncode == 0


def test_secrets_of_new_keys_go_to_the_file_and_nowhere_else(policies):
    text = "keys:\n  - name: a\n  - name: b\n"
    without = policies("apply", "-f", policies.file(text))
    assert without.returncode == 2 and "--secrets FILE" in without.stderr
    assert policies.keys() == {}
    done = policies.must(text)
    assert "sk-tg" not in done.stdout + done.stderr
    rows = [row for row in policies.secrets() if "key" in row]
    assert [(r["account"], r["name"]) for r in rows] == [
        ("default", "a"), ("default", "b")]
    assert {r["id"] for r in rows} == {k["id"]
                                       for k in policies.keys().values()}
    assert oct((policies.folder / "new.jsonl").stat().st_mode)[-3:] == "600"
    (policies.folder / "new.jsonl").chmod(0o644)
    refused = policies.apply(text + "  - name: c\n")
    assert refused.returncode == 1 and "chmod 600" in refused.stderr
    assert "c" not in policies.keys()


def test_a_key_whose_secret_was_lost_in_a_crash_is_made_anew(policies):
    """The run died between the gate's answer and its own writing."""
    lost = policies.daemon.must("/keys", {"name": "a"})
    path = policies.folder / "new.jsonl"
    path.write_text('{"account":"default","name":"a"}\n{"acc')
    path.chmod(0o600)
    text = "keys:\n  - name: a\n"
    asked = policies.apply(text)
    assert asked.returncode == 1 and "--yes" in asked.stderr
    policies.must(text, "--yes")
    row = json.loads(policies.secrets_text().splitlines()[-1])
    assert policies.keys()["a"]["id"] == row["id"] != lost["id"]
    assert nothing_to_do(policies.apply(text))


def test_only_prune_deletes_and_only_in_accounts_that_are_named(policies):
    daemon = policies.daemon
    daemon.must("/accounts", {"name": "other"})
    daemon.must("/keys", {"name": "theirs", "account": "other"})
    daemon.must("/keys", {"name": "old"})
    text = "keys:\n  - name: a\n"
    policies.must(text)
    assert set(policies.keys()) == {"theirs", "old", "a"}
    refused = policies.apply(text, "--prune")
    assert refused.returncode == 1 and "- key default/old" in refused.stdout
    assert set(policies.keys()) == {"theirs", "old", "a"}
    done = policies.must(text, "--prune", "--yes")
    assert "1 deleted" in done.stdout
    assert set(policies.keys()) == {"theirs", "a"}


def test_a_disabled_key_is_never_brought_back(policies):
    text = "keys:\n  - name: a\n"
    policies.must(text)
    first = policies.keys()["a"]["id"]
    policies.daemon.must(f"/keys/{first}/disable", {})
    by_id = policies.apply(f"keys:\n  - name: a\n    id: {first}\n")
    assert by_id.returncode == 1
    assert "was disabled for good" in by_id.stderr
    assert nothing_to_do(policies.apply(
        "keys:\n  - name: a\n    status: disabled\n"))
    done = policies.must(text)
    assert f"the one of this name, {first}, was disabled" in done.stdout
    assert policies.daemon.get("/keys/" + first).json["status"] == "disabled"


def test_two_keys_of_a_name_are_told_by_their_ids(policies):
    ids = [policies.daemon.must("/keys", {"name": "a"})["id"]
           for _ in range(2)]
    done = policies.apply("keys:\n  - name: a\n")
    assert done.returncode == 1
    assert "there are several keys default/a" in done.stderr
    exported = policies("export").stdout
    assert all(i in exported for i in ids)
    assert nothing_to_do(policies.apply(exported))
    policies.must(f"keys:\n  - id: {ids[0]}\n    name: renamed\n")
    assert policies.keys()["renamed"]["id"] == ids[0]


def test_several_documents_and_files_are_one_policy(policies):
    policies.file("accounts:\n  - name: x\n---\nkeys:\n  - name: a\n"
                  "    account: x\n...\n", "a.yaml")
    policies.file("keys:\n  - name: b\n    account: x\n", "b.yaml")
    done = policies("apply", "-f", "a.yaml", "-f", "b.yaml", "--secrets",
                    "new.jsonl")
    assert done.returncode == 0, done.stderr
    assert set(policies.keys()) == {"a", "b"}


def test_what_the_gate_refuses_is_said_at_its_place(policies):
    done = policies.apply("keys:\n  - name: a\n  - name: b\n"
                          "    hours: whenever\n  - name: c\n")
    assert done.returncode == 1
    assert done.stderr.startswith("policy.yaml:4:12: key default/b: hours are")
    assert "1 of 3 steps are done" in done.stderr
    assert "key default/b\n    key default/c" in done.stderr
    policies.must("keys:\n  - name: a\n  - name: b\n  - name: c\n")
    rows = [row["name"] for row in policies.secrets() if row.get("key")]
    assert rows == ["a", "b", "c"]


def test_a_run_that_is_interrupted_says_what_is_left_and_goes_on(policies):
    count = 400
    text = "keys:\n" + "".join(f"  - name: k{i}\n" for i in range(count))
    policies.file(text)
    process = subprocess.Popen(
        [BUILD / "tollgate", "apply", "-f", "policy.yaml", "--secrets",
         "new.jsonl"], env=policies.env, cwd=policies.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    wait(lambda: policies.secrets_text().count('"key"') > 20,
         what="keys to be made")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    done = int(re.search(r"stopped as you asked; (\d+) of 400 steps are done",
                         said).group(1))
    assert 20 < done < count
    assert f"… and {count - done - 20} more" in said
    rows = [row for row in policies.secrets() if row.get("key")]
    assert len(rows) == done == len(policies.keys())
    policies.must(text)
    rows = [row for row in policies.secrets() if row.get("key")]
    assert len({row["id"] for row in rows}) == len(rows) == count
    assert {row["id"] for row in rows} == {k["id"]
                                           for k in policies.keys().values()}


def test_a_change_by_somebody_else_meanwhile_is_not_overwritten(policies):
    """While it waits for a yes, the key is changed by hand."""
    policies.must("keys:\n  - name: a\n  - name: b\n")
    key = policies.keys()["a"]["id"]
    policies.file("keys:\n  - name: a\n    limits: {concurrency: 5}\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [BUILD / "tollgate", "apply", "-f", "policy.yaml", "--prune"],
        env=policies.env, cwd=policies.folder, stdin=theirs, stderr=theirs,
        stdout=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1000)
    policies.daemon.ask("PATCH", "/keys/" + key,
                        {"limits": {"concurrency": 9}})
    os.write(ours, b"y\n")
    said = b""
    try:
        while chunk := os.read(ours, 1000):
            said += chunk
    except OSError:
        pass
    assert process.wait(30) == 1
    os.close(ours)
    assert b"key default/a was changed by somebody else" in said
    assert policies.keys()["a"]["limits"]["concurrency"] == 9
    assert "b" in policies.keys(), "what came behind it was not done"


def test_export_of_an_account_has_nothing_of_others(policies):
    policies.must(EVERYTHING)
    text = policies("export", "--account", "research").stdout
    assert "all of it" in text
    assert "nothing said" not in text and "vllm" not in text.split("keys:")[0]
    assert nothing_to_do(policies.apply(text))


def test_names_that_look_like_something_else_survive_a_round(policies):
    names = ["true", "12", "~", "a: b", "- x", "#", "'", '"', "\\", "é 名前",
             "\u2028", "\u202ex", "null", "0x1f", "1e5", "key\u00a0", "{a}",
             "*a", "&a", "!!str", "% x", "@x", "`", "yes", " a", "a "]
    for name in names:
        policies.daemon.must("/keys", {"name": name,
                                       "description": name + "\U0001F600"})
    exported = policies("export").stdout
    assert nothing_to_do(policies.apply(exported))
    assert "\u2028" not in exported and "\u202e" not in exported
    policies.must("keys: []\n")
    assert set(policies.keys()) == set(names)


def test_an_account_is_changed_in_all_that_a_file_says(policies):
    policies.must("accounts:\n  - name: x\n    plan: gold\n"
                  "    billing: postpaid\n    verification: verified\n")
    account = policies.daemon.get("/accounts/x").json
    assert (account["plan"], account["billing"], account["verification"]) == (
        "gold", "postpaid", "verified")
    text = "accounts:\n  - name: x\n    status: suspended\n"
    done = policies.must(text)
    assert 'verification: "verified" -> "unverified"' in done.stdout
    account = policies.daemon.get("/accounts/x").json
    assert (account["plan"], account["billing"], account["verification"],
            account["status"]) == (None, "prepaid", "unverified", "suspended")
    assert nothing_to_do(policies.apply(text))
