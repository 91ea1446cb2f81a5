"""Of calls that were really made: usage as a table, as CSV and as JSON, the
call log, the ledger, the accounts, the store and the upstream say the same, to
the nano-unit; and what was refused is in none of them."""

import csv
import io
import json
import random
import re
import sqlite3
import threading
from collections import Counter, defaultdict

import pytest

from usage_reference import FIGURES, Reference, figures_of, nanos

CALLS = 4000
THREADS = 4
MODELS = ["deepseek-flash", "deepseek-v4-pro"]


def call(gate, key, rng):
    """One of any kind; the status, and the cost where the answer has it."""
    model = rng.choice(MODELS)
    text = "word " * rng.randrange(1, 60)
    kind = rng.random()
    if kind < 0.25:
        answer = gate.chat(key, text, model=model, stream=True, max_tokens=40)
        for _ in answer.events():
            pass
    elif kind < 0.35:
        answer = gate.request("POST", "/anthropic/v1/messages", key, {
            "model": model, "max_tokens": 20,
            "messages": [{"role": "user", "content": text}]})
    else:
        answer = gate.chat(key, text, model=model,
                           max_tokens=rng.randrange(1, 80))
    return answer.status


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    from conftest import Gate, require_build
    require_build()
    gate = Gate(tmp_path_factory.mktemp("books") / "home")
    gate.start()
    gate.must("accounts", "create", "--name", "other", "--billing",
              "postpaid")
    gate.keys = [gate.key(f"k{i}", account=account, rpm=10**6, tpm=10**9)
                 for i, account in enumerate(["default", "default", "other"])]
    gate.refused_key = gate.key("narrow", scope="embeddings", rpm=10**6)
    yield gate
    gate.stop()


@pytest.fixture(scope="module")
def statuses(gate):
    """Of each key's calls, all of which are in the store."""
    counts = defaultdict(Counter)
    lock = threading.Lock()

    def run(seed):
        rng = random.Random(seed)
        for n in range(CALLS // THREADS):
            if n % 100 == 50:
                gate.sim.fault("status", 400)
            key = rng.choice(gate.keys)
            status = call(gate, key, rng)
            with lock:
                counts[key.id][status] += 1
            if n % 20 == 0:
                assert call(gate, gate.refused_key, rng) == 403

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sum(c.values()) for c in counts.values()) == CALLS
    assert sum(sum(c.values()) for c in counts.values()) == CALLS
    assert {s for c in counts.values() for s in c} == {200, 400}
    gate.wait_calls(CALLS)
    return counts


def usage(gate, *words):
    return gate.cli_json("usage", "--since", "1d", *words)


def test_requests_are_those_that_were_answered(gate, statuses):
    for key in gate.keys:
        rows = usage(gate, "--key", key.id, "--by", "status")["rows"]
        assert {row["status"]: row["requests"] for row in rows} == \
            statuses[key.id]
    total = usage(gate, "--by", "total")["total"]
    assert total["errors"] == sum(c[400] for c in statuses.values()) > 0
    refused = usage(gate, "--key", gate.refused_key.id)
    assert refused["rows"] == [] and refused["total"]["requests"] == 0

    def refusals():
        page = gate.cli_json("denials", "list", "--key", gate.refused_key.id)
        return sum(row["count"] for row in page["data"])

    # Those of the last second are counted within the next.
    gate.wait(lambda: refusals() >= CALLS // 20, what="refusals")
    assert refusals() == CALLS // 20


def test_all_say_the_same(gate, statuses):
    store = Reference(gate.home / "store.db")
    total = usage(gate, "--by", "total")["total"]
    assert figures_of(total) == store.total()

    for by in ("hour", "day", "key,15m", "model", "upstream", "scope",
               "endpoint", "status", "account", "month,account"):
        answer = usage(gate, "--by", by, "--timezone", "Asia/Kathmandu")
        assert answer["total"] == total
        rows = [figures_of(row) for row in answer["rows"]]
        assert tuple(map(sum, zip(*rows))) == store.total()
        text = gate.must("usage", "--since", "1d", "--by", by, "--csv",
                         "--timezone", "Asia/Kathmandu")
        assert [figures_of(row) for row in csv.DictReader(
            io.StringIO(text))] == rows
        table = gate.must("usage", "--since", "1d", "--by", by)
        last = re.search(r"^total .* (\S+)$", table, re.M).group(1)
        assert nanos(last) == nanos(total["cost"])

    calls = gate.calls()
    sums = {name: sum(row.get(name) or 0 for row in calls)
            for name in FIGURES if name.endswith("tokens")}
    assert sums == {name: total[name] for name in sums}
    assert sum(nanos(row["cost"]) for row in calls) == nanos(total["cost"])
    listed = csv.DictReader(io.StringIO(gate.must(
        "calls", "list", "--limit", "100000", "--csv")))
    assert sum(nanos(row["cost"]) for row in listed) == nanos(total["cost"])


def test_accounts_and_the_ledger_say_the_same(gate, statuses):
    rows = usage(gate, "--by", "account")["rows"]
    assert len(rows) == 2
    for row in rows:
        account = gate.cli_json("accounts", "show", row["account_id"])
        assert nanos(account["spent"]) == nanos(row["cost"]) > 0
    check = json.loads(gate.must("ledger", "verify", "--json"))
    assert check["status"] == "agrees" and check["checked"]["calls"] == CALLS


def test_the_upstream_counted_the_same(gate, statuses):
    served = gate.sim.count()["total"]
    total = usage(gate, "--by", "total", "--status", "200")["total"]
    for name in ("prompt_tokens", "completion_tokens", "reasoning_tokens",
                 "prompt_cache_hit_tokens"):
        assert total[name] == served[name]


def test_quantiles_are_those_of_the_calls(gate, statuses):
    db = sqlite3.connect(f"file:{gate.home / 'store.db'}?mode=ro", uri=True)
    times = [row[0] for row in db.execute(
        "SELECT latency_ms FROM calls ORDER BY 1")]
    db.close()
    got = usage(gate, "--by", "total")["total"]["latency_ms"]
    for name, share in (("p50", 500), ("p95", 950), ("p99", 990)):
        exact = times[-(-len(times) * share // 1000) - 1]
        assert exact <= got[name] <= exact * 17 / 16
