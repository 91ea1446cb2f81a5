"""`prices add`, `import` and `list`, against a real daemon."""

import json
import os
import subprocess

import pytest

from lone_daemon import BUILD, LoneDaemon

CHAT = {"mode": "chat", "litellm_provider": "openai",
        "max_input_tokens": 128000, "max_output_tokens": 16384}


class Prices:
    """The command line, pointed at a daemon's socket."""

    def __init__(self, daemon, folder):
        self.daemon = daemon
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith("TOLLGATE_")}
        self.env |= {"TOLLGATE_ADMIN_URL": f"unix:{daemon.socket}",
                     "TOLLGATE_ADMIN_TOKEN": daemon.token}

    def __call__(self, *words, input=""):
        return subprocess.run([BUILD / "tollgate", *map(str, words)],
                              env=self.env, input=input, text=True,
                              capture_output=True, timeout=60)

    def must(self, *words, **more):
        done = self(*words, **more)
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    def file(self, content):
        path = self.folder / "list.json"
        path.write_text(content if isinstance(content, str)
                        else json.dumps(content))
        return path

    def imports(self, content, *words):
        done = self.must("prices", "import", self.file(content), *words,
                         "--json")
        return json.loads(done.stdout)

    def book(self, model=None):
        query = f"?model={model}" if model else ""
        return self.daemon.get("/prices" + query).json["data"]


@pytest.fixture
def prices(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield Prices(daemon, tmp_path)
    daemon.clean()


def test_litellms_numbers_are_taken_exactly(prices):
    """As text: jansson, or Python, would make doubles of them."""
    answer = prices.imports("""{
      "sample_spec": {"mode": "one of: chat, …", "input_cost_per_token": 0.0},
      "exact": {"mode": "chat", "litellm_provider": "openai",
        "max_tokens": 4096, "input_cost_per_token": 2.8e-07,
        "output_cost_per_token": 0.000000150,
        "cache_read_input_token_cost": 3.625e-09,
        "cache_creation_input_token_cost": 1.5E-06},
      "not-exact": {"mode": "chat", "max_tokens": 4096,
        "input_cost_per_token": 1e-13, "output_cost_per_token": 1e-6}}""")
    assert [r["change"] for r in answer["data"]] == ["new"]
    assert [s["model"] for s in answer["skipped"]] == ["not-exact"]
    row, = prices.book("exact")
    assert (row["prompt"], row["completion"]) == ("0.28", "0.15")
    assert row["prompt_cache_hit"] == "0.003625"
    assert row["prompt_cache_write"] == "1.50"
    assert row["source"] == "LiteLLM's price map, list.json"
    model = prices.daemon.get("/models/exact").json
    assert model["scopes"] == ["chat"]
    assert model["max_output_tokens"] == 4096


def test_a_providers_entries_and_peak_hours(prices):
    prices.daemon.must("/upstreams", {
        "name": "ds", "base_url": "http://127.0.0.1:1", "dialect": "deepseek"})
    entry = {**CHAT, "litellm_provider": "deepseek",
             "input_cost_per_token": 3e-07, "output_cost_per_token": 1.2e-06,
             "cache_read_input_token_cost": 6e-09,
             "cache_creation_input_token_cost": 0.0,
             "off_peak_pricing": {
                 "hours_utc": ["10:00-01:00", "04:00-06:00"],
                 "windows": [{"hours_utc": "00:00-00:00",
                              "weekdays": ["sat", "sun"]}],
                 "weekday_timezone": "Asia/Shanghai",
                 "input_cost_per_token": 1.5e-07,
                 "output_cost_per_token": 6e-07,
                 "cache_read_input_token_cost": 3e-09}}
    answer = prices.imports(
        {"deepseek/deepseek-flash": entry, "deepseek/deepseek-new": entry,
         "openai-one": {**entry, "litellm_provider": "openai"}},
        "--provider", "deepseek", "--upstream", "ds", "--not-on-holidays")
    changes = {r["model"]: r["change"] for r in answer["data"]}
    # The built-in book has the same price of it.
    assert changes == {"deepseek-flash": "unchanged", "deepseek-new": "new"}
    assert len(prices.book("deepseek-flash")) == 1
    row, = prices.book("deepseek-new")
    assert (row["prompt"], row["peak"]["prompt"]) == ("0.15", "0.30")
    assert row["peak"]["hours"][0] == "mon 01:00-04:00"
    assert len(row["peak"]["hours"]) == 10 and row["peak"]["not_on_holidays"]
    assert prices.daemon.get("/models/deepseek-new").json["upstream"] == "ds"
    listed = prices.must("prices", "list", "--model", "deepseek-new").stdout
    off, peak = listed.splitlines()[1:]
    assert "off-peak" in off and " 0.15 " in off
    assert " peak " in peak and " 0.30 " in peak
    assert "mon-fri 01:00-04:00,06:00-10:00, not on holidays" in peak


def test_a_plan_is_shown_and_a_dry_run_is_all(prices):
    path = prices.file({
        "gpt-4o": {**CHAT, "input_cost_per_token": 3e-06,
                   "output_cost_per_token": 1e-05},
        "gpt-4o-mini": {**CHAT, "input_cost_per_token": 1.5e-07,
                        "output_cost_per_token": 6e-07,
                        "cache_read_input_token_cost": 7.5e-08},
        "brand-new": {**CHAT, "input_cost_per_token": 1e-06,
                      "output_cost_per_token": 2e-06},
        "free": {**CHAT, "input_cost_per_token": 0.0,
                 "output_cost_per_token": 0.0},
        "tiered": {**CHAT, "input_cost_per_token": 1e-06,
                   "output_cost_per_token": 2e-06,
                   "input_cost_per_token_above_200k_tokens": 2e-06},
        "ranks": {"mode": "rerank", "input_cost_per_query": 0.002}})
    before = prices.book()
    done = prices.must("prices", "import", path, "--dry-run")
    assert prices.book() == before
    plan = {line.split()[1]: line.split()[0]
            for line in done.stdout.splitlines()[1:-1]}
    assert plan == {"gpt-4o": "changed", "brand-new": "new"}
    assert done.stdout.splitlines()[-1] == \
        "It would be: 1 new, 1 changed, 1 unchanged, 3 skipped."
    assert "Skipped free: no price above zero" in done.stderr
    assert "Skipped tiered: input_cost_per_token_above_200k" in done.stderr
    assert "Skipped ranks: there is no endpoint for its mode" in done.stderr
    real = prices.must("prices", "import", path)
    assert real.stdout.splitlines()[-1] == \
        "1 new, 1 changed, 1 unchanged, 3 skipped."
    assert len(prices.book()) == len(before) + 2
    again = prices.must("prices", "import", path)
    assert again.stdout == "0 new, 0 changed, 3 unchanged, 3 skipped.\n"
    dear = prices.imports(json.loads(path.read_text()), "--dearest", "--only",
                          "tiered")
    assert dear["data"][0]["prompt"] == "2.00"


def test_only_and_effective(prices):
    entry = {**CHAT, "input_cost_per_token": 1e-06,
             "output_cost_per_token": 2e-06}
    answer = prices.imports(
        {"a-1": entry, "a-2": entry, "b-1": entry, "c": entry},
        "--only", "a-*", "--only", "c", "--effective", "2095-05-05")
    assert [r["model"] for r in answer["data"]] == ["a-1", "a-2", "c"]
    assert prices.book("c")[0]["effective_at"] == "2095-05-05T00:00:00.000Z"
    none = prices("prices", "import", prices.file({"x": entry}), "--only", "y")
    assert none.returncode == 1 and "no such models" in none.stderr
    bad = prices("prices", "import", prices.file({"x": entry}), "--effective",
                 "tomorrow")
    assert bad.returncode == 1 and "--effective" not in bad.stdout
    assert "is an instant" in bad.stderr


def test_our_own_list_round_trips(prices):
    prices.must("models", "add", "painter", "--unit", "image", "--unit-price",
                "0.04", "--size", "hd 1024x1792=0.12")
    prices.must("prices", "add", "painter", "--unit", "image", "--unit-price",
                "0.05", "--effective", "2096-01-01")
    listed = prices.must("prices", "list", "--all", "--json").stdout
    before = prices.book()
    again = prices.imports(listed)
    assert {r["change"] for r in again["data"]} == {"unchanged"}
    assert prices.book() == before
    for part in (json.loads(listed)["data"], json.loads(listed)["data"][0]):
        assert {r["change"] for r in prices.imports(part)["data"]} == {
            "unchanged"}
    changed = json.loads(listed)["data"][-1]
    changed |= {"effective_at": "2096-02-02", "prompt": "7"}
    assert prices.imports([changed])["data"][0]["change"] == "changed"
    unknown = prices.imports([changed, {**changed, "model": "unheard-of"}])
    assert [s["model"] for s in unknown["skipped"]] == ["unheard-of"]
    # A number is taken as it is written, too.
    number = json.dumps({"model": "painter", "prompt": 0.1, "completion": 0})
    assert prices.imports(number)["data"][0]["prompt"] == "0.10"


def test_a_large_map_is_one_transaction_and_must_fit(prices):
    entry = {**CHAT, "input_cost_per_token": 1e-06,
             "output_cost_per_token": 2e-06,
             "source": "https://example.com/" + "x" * 400}
    path = prices.file({f"m-{n}": entry for n in range(2600)})
    assert path.stat().st_size > 1_500_000
    before = prices.book()
    done = prices("prices", "import", path)
    assert done.returncode == 1
    assert "room for 512 models" in done.stderr and "--only" in done.stderr
    assert prices.book() == before
    prices.must("prices", "import", path, "--only", "m-1[0-3]*", "--only",
                "m-2[0-9]")
    # 10 to 13, 100 to 139, 1000 to 1399, and 20 to 29.
    assert len(prices.book()) == len(before) + 4 + 40 + 400 + 10


def test_add_with_peak_hours(prices):
    done = prices.must(
        "prices", "add", "gpt-4o", "--prompt", "1", "--completion", "2",
        "--cache-hit", "0.5", "--cache-write", "1.25", "--peak-hours",
        "mon-fri 08:00-18:00", "--peak-hours", "sat 08:00-12:00",
        "--peak-prompt", "2", "--peak-completion", "4", "--not-on-holidays",
        "--source", "a letter", "--effective", "2096-03-03")
    assert "sat 08:00-12:00, not on holidays" in done.stdout
    assert "keep the price they had" in done.stderr
    row = prices.book("gpt-4o")[-1]
    assert row["source"] == "a letter"
    assert row["peak"]["prompt_cache_hit"] == "2.00"
    same = prices.must(
        "prices", "add", "gpt-4o", "--prompt", "2.5", "--completion", "10",
        "--cache-hit", "1.25")
    assert "nothing was added" in same.stderr
    assert len(prices.book("gpt-4o")) == 2


@pytest.mark.parametrize("words,what", [
    (["gpt-4o", "--prompt", "1"], "--completion PRICE is needed"),
    (["gpt-4o", "--prompt", "-1", "--completion", "1"], "takes an amount"),
    (["nobody", "--prompt", "1", "--completion", "1"],
     "there is no model 'nobody'"),
    (["gpt-4o", "--prompt", "0.0000001", "--completion", "1"],
     "at most six decimals, such as \"0.28\" (prompt, option --prompt)"),
    (["gpt-4o", "--prompt", "1", "--completion", "1", "--peak-hours",
      "mon 08:00-18:00"], "option --peak-prompt"),
    (["gpt-4o", "--prompt", "1", "--completion", "1", "--peak-prompt", "1",
      "--peak-completion", "1"], "option --peak-hours"),
    (["gpt-4o", "--prompt", "1", "--completion", "1", "--effective",
      "2024-10-02"], "option --effective"),
    (["gpt-4o", "--unit", "image"], "option --unit-price"),
])
def test_what_add_refuses(prices, words, what):
    done = prices("prices", "add", *words)
    assert done.returncode in (1, 2) and what in done.stderr, done.stderr
    assert len(prices.book("gpt-4o")) == 1


@pytest.mark.parametrize("content,what", [
    ("", "is not JSON"),
    ("{", "is not JSON"),
    ("[" * 100 + "]" * 100, "is not JSON"),
    ("7", "no price list"),
    ("{}", "no such models"),
    ('{"m": 5}', "nothing of"),
    ('{"m": {"mode": "chat"}}', "nothing of"),
    ('[{"prompt": "1"}]', "row 1 of the file names no model"),
    ('{"data": [{"model": "gpt-4o", "prompt": "x", "completion": "1"}]}',
     "data[0].prompt"),
    ('{"data": [{"model": "gpt-4o", "prompt": "1", "completion": "1", '
     '"effective_at": "2024-10-02"}]}', "price of gpt-4o from the same"),
])
def test_what_import_refuses(prices, content, what):
    done = prices("prices", "import", prices.file(content))
    assert done.returncode == 1 and what in done.stderr, done.stderr


def test_files_that_are_not_there_and_standard_input(prices):
    done = prices("prices", "import", prices.folder / "nowhere.json")
    assert done.returncode == 1 and "cannot read" in done.stderr
    done = prices("prices", "import", prices.folder)
    assert done.returncode == 1 and "cannot read" in done.stderr
    row = {"model": "gpt-4o", "prompt": "1", "completion": "2"}
    done = prices.must("prices", "import", "-", input=json.dumps(row))
    assert done.stdout.endswith("0 new, 1 changed, 0 unchanged, 0 skipped.\n")
