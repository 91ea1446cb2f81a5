"""`tollgate cost optimize`: its figures are those of the call log and the
price book, computed here once more, to the nano-unit."""

import csv
import datetime
import io
import random
import re
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from past import DAY, HOUR, MINUTE, chat, now_ms, own_gate, plant

PEAK, STREAM = 1 << 4, 1 << 0
BOOK = Path(__file__).resolve().parents[2] / "src/core/book.c"
HOLIDAYS = {int(n) for n in re.findall(
    r"\b(\d{5})\b", BOOK.read_text().split("holidays[] = {")[1])}
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    yield from own_gate(tmp_path_factory, "cost")


def nanos(text):
    value = Decimal(text) * 10**9
    assert value == int(value)
    return int(value)


def instant(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(at.timestamp() * 1000)


class Prices:
    """A model's rows, oldest first: pico-units a token."""

    def __init__(self, gate, model):
        rows = gate.admin("GET", f"/prices?model={model}").json["data"]
        self.rows = sorted((instant(r["effective_at"] or
                                    "1970-01-01T00:00:00Z"), r) for r in rows)

    def at(self, at, is_peak=None):
        """hit, miss, output of an instant."""
        row = [r for since, r in self.rows if since <= at][-1]
        if is_peak is None:
            is_peak = self.is_peak(at)
        prices = row["peak"] if is_peak and row["peak"] else row
        return tuple(int(Decimal(prices[name]) * 10**6) for name in (
            "prompt_cache_hit", "prompt", "completion"))

    def is_peak(self, at):
        row = [r for since, r in self.rows if since <= at][-1]
        moment = datetime.datetime.fromtimestamp(at / 1000,
                                                 datetime.timezone.utc)
        time = moment.strftime("%H:%M")
        spans = [h.split() for h in (row["peak"] or {"hours": []})["hours"]]
        inside = any(day == WEEKDAYS[moment.weekday()] and
                     hours.split("-")[0] <= time < hours.split("-")[1]
                     for day, hours in spans)
        return inside and not (row["peak"]["not_on_holidays"] and
                               at // DAY in HOLIDAYS)


def cost(rates, prompt, hit, completion):
    picos = hit * rates[0] + (prompt - hit) * rates[1] + completion * rates[2]
    return -(-picos // 1000)


def made(prices, model, at, prompt, hit, completion, stream=False):
    """A call as it stands in the store."""
    is_peak = prices.is_peak(at)
    rates = prices.at(at)
    return {"at": at, "model": model, "prompt_tokens": prompt,
            "prompt_cache_hit_tokens": hit, "cache_write_tokens": 0,
            "completion_tokens": completion, "reasoning_tokens": 0,
            "flags": PEAK * is_peak | STREAM * stream, "basis": 2, "unit": 0,
            "units": 0, "hit_picos": rates[0], "miss_picos": rates[1],
            "write_picos": rates[1], "output_picos": rates[2],
            "unit_picos": 0, "code": 0, "status": 200,
            "cost_nanos": cost(rates, prompt, hit, completion)}


def log_of(gate, key, model):
    """As the call log has it: at, prompt, hit, completion, stream, cost."""
    calls = gate.cli_json("calls", "list", "--key", key.id, "--limit",
                          "100000")["data"]
    return [(instant(c["at"]), c["prompt_tokens"],
             c["prompt_cache_hit_tokens"], c["completion_tokens"],
             c["stream"], nanos(c["cost"]))
            for c in calls if c["model"] == model and c["cost"]]


def advice(gate, key, *words):
    answer = gate.cli_json("cost", "optimize", "--key", key.id,
                           "--min-saving", "0", *words)
    return answer, {r["kind"]: r for r in answer["recommendations"]
                    if r["model"] != "sim-embed"}


@pytest.fixture(scope="module")
def shop(gate):
    """A key with three weeks of calls of a dear model, of all kinds."""
    key = gate.key("shop")
    prices = Prices(gate, "deepseek-v4-pro")
    assert chat(gate, key, model="deepseek-v4-pro").status == 200
    source, calls = random.Random(5), []
    begin = now_ms() // DAY * DAY - 20 * DAY
    for day in range(20):
        for _ in range(40):
            prompt = source.randint(300, 3000)
            hit = source.randint(0, prompt // (2 if day == 7 else 9))
            calls.append(made(prices, "deepseek-v4-pro",
                              begin + day * DAY + source.randrange(DAY),
                              prompt, hit, source.randint(1, 700),
                              source.random() < 0.5))
        minute = begin + day * DAY + 150 * MINUTE
        calls += [made(prices, "deepseek-v4-pro", minute + source.randrange(
            MINUTE), source.randint(30, 50), 7, source.randint(1, 49))
            for _ in range(source.randint(1, 6))]
    plant(gate, key, sorted(calls, key=lambda c: c["at"]))
    return key


def test_a_cheaper_model_costs_what_each_call_would_have(gate, shop):
    answer, found = advice(gate, shop)
    other = Prices(gate, "deepseek-flash")
    log = log_of(gate, shop, "deepseek-v4-pro")
    row = found["cheaper_model"]
    then = sum(cost(other.at(at), prompt, hit, completion)
               for at, prompt, hit, completion, _, _ in log)
    assert row["candidate"] == "deepseek-flash"
    assert row["requests"] == len(log) > 800
    assert row["tokens"] == sum(c[1] + c[3] for c in log)
    assert nanos(row["cost"]) == sum(c[5] for c in log)
    assert nanos(row["cost_then"]) == then
    assert nanos(row["saving"]) == nanos(row["cost"]) - then > 0
    assert nanos(row["saving_per_month"]) == \
        nanos(row["saving"]) * 30 * DAY // answer["lasted_ms"]
    assert row["evidence"]["is_low_volume"] and row["confidence"] == "medium"
    assert row["key_name"] == "shop"
    ids = {c["request_id"] for c in gate.cli_json(
        "calls", "list", "--key", shop.id, "--limit", "100000")["data"]}
    assert len(row["examples"]) == 3 and set(row["examples"]) <= ids


def test_work_at_off_peak_hours(gate, shop):
    prices = Prices(gate, "deepseek-v4-pro")
    log = [c for c in log_of(gate, shop, "deepseek-v4-pro")
           if prices.is_peak(c[0])]
    row = advice(gate, shop)[1]["off_peak"]

    def saved(calls):
        return sum(paid - cost(prices.at(at, False), prompt, hit, completion)
                   for at, prompt, hit, completion, _, paid in calls)

    still = [c for c in log if not c[4]]
    assert row["requests"] == len(log) > len(still) > 0
    assert row["evidence"]["movable_requests"] == len(still)
    assert nanos(row["saving"]) == saved(still)
    assert nanos(row["saving_at_most"]) == saved(log)
    assert row["command"] == (
        f"tollgate keys update {shop.id} --hours 'mon-fri 00:00-01:00,"
        "04:00-06:00,10:00-24:00, sat-sun 00:00-24:00'")


def test_the_command_for_off_peak_hours_is_taken(gate, shop):
    hours = advice(gate, shop)[1]["off_peak"]["command"].split("'")[1]
    key = gate.key("night")
    gate.must("keys", "update", key.id, "--hours", hours)
    assert gate.admin("GET", f"/keys/{key.id}").json["hours"] == hours


def cached(classes, prompt_of_target, hit_of_target):
    """Hits then, and what they save, of rates: (prompt, hit)."""
    all_ = [sum(sums[i] for sums in classes.values()) for i in (0, 1)]
    left = all_[0] * hit_of_target // prompt_of_target - all_[1]
    hits, picos = all_[1], 0
    for rates, (prompt, hit) in sorted(classes.items(),
                                       key=lambda c: c[0][1] - c[0][0]):
        more = min(prompt * hit_of_target // prompt_of_target - hit, left)
        if more > 0:
            left -= more
            hits += more
            picos += more * (rates[1] - rates[0])
    return hits, picos


def test_cache_hits_as_on_the_best_day(gate, shop):
    log = log_of(gate, shop, "deepseek-v4-pro")
    prices = Prices(gate, "deepseek-v4-pro")
    days, classes = defaultdict(lambda: [0, 0, 0]), defaultdict(lambda: [0, 0])
    for at, prompt, hit, _, _, _ in log:
        for sums in (days[at // DAY],):
            sums[0] += 1
            sums[1] += prompt
            sums[2] += hit
        classes[prices.at(at)][0] += prompt
        classes[prices.at(at)][1] += hit
    best = max((d for d in days.values() if d[0] >= 20 and d[1] >= 10000),
               key=lambda d: Decimal(d[2]) / d[1])
    hits, picos = cached(classes, best[1], best[2])
    row = advice(gate, shop)[1]["prompt_cache"]
    assert len(classes) == 2
    assert row["evidence"]["target"]["prompt_tokens"] == best[1]
    assert row["evidence"]["target"]["prompt_cache_hit_tokens"] == best[2]
    assert row["evidence"]["target"]["key_id"] is None
    assert row["evidence"]["prompt_cache_hit_tokens_then"] == hits
    assert nanos(row["saving"]) == picos // 1000 > 0


def test_small_requests_in_a_minute_are_one(gate, shop):
    log = [c for c in log_of(gate, shop, "deepseek-v4-pro")
           if c[1] + c[3] < 100]
    prices = Prices(gate, "deepseek-v4-pro")
    minutes = defaultdict(list)
    for call in log:
        minutes[call[0] // MINUTE].append(call)
    runs = [run for run in minutes.values() if len(run) > 1]
    paid = merged = shared = 0
    for run in runs:
        rates = prices.at(run[0][0])
        prompt, hit, completion = (sum(c[i] for c in run) for i in (1, 2, 3))
        once = (len(run) - 1) * min(c[1] for c in run)
        paid += sum(c[5] for c in run)
        merged += cost(rates, prompt, hit, completion)
        shared += cost(rates, prompt - once, hit - min(hit, once), completion)
    row = advice(gate, shop)[1]["batching"]
    assert row["requests"] == sum(len(run) for run in runs)
    assert row["evidence"]["requests_then"] == len(runs) > 5
    assert nanos(row["cost"]) == paid
    assert nanos(row["saving"]) == paid - merged
    assert nanos(row["saving_at_most"]) == paid - shared > 0


def test_another_key_of_the_model_hits_more_often(gate):
    gate.cli_json("accounts", "create", "--name", "cache", "--billing",
                  "postpaid")
    gate.must("accounts", "verify", "cache")
    prices = Prices(gate, "deepseek-flash")
    keys = [gate.key(name, account="cache") for name in ("poor", "rich")]
    for key, hit in zip(keys, (100, 900)):
        assert chat(gate, key).status == 200
        plant(gate, key, [made(prices, "deepseek-flash", now_ms() - HOUR - i,
                               1000, hit, 10) for i in range(30)])
    rows = gate.cli_json("cost", "optimize", "--account", "cache",
                         "--min-saving", "0")["recommendations"]
    row, = [r for r in rows if r["kind"] == "prompt_cache"
            and r["key_name"] == "poor"]
    assert row["evidence"]["target"]["key_id"] == keys[1].id
    log = log_of(gate, keys[0], "deepseek-flash")
    rich = log_of(gate, keys[1], "deepseek-flash")
    prompt, hit = (sum(c[i] for c in rich) for i in (1, 2))
    classes = defaultdict(lambda: [0, 0])
    for call in log:
        classes[prices.at(call[0])][0] += call[1]
        classes[prices.at(call[0])][1] += call[2]
    hits, picos = cached(classes, prompt, hit)
    assert row["evidence"]["prompt_cache_hit_tokens_then"] == hits
    assert nanos(row["saving"]) == picos // 1000


def test_a_model_that_is_too_small_is_no_candidate(gate, shop):
    key = gate.key("long")
    prices = Prices(gate, "deepseek-v4-pro")
    assert chat(gate, key, model="deepseek-v4-pro").status == 200
    rows = advice(gate, key)[1]
    assert rows["cheaper_model"]["candidate"] == "deepseek-flash"
    plant(gate, key, [made(prices, "deepseek-v4-pro", now_ms() - HOUR, 1000,
                           0, (384 << 10) + 1)])
    assert "cheaper_model" not in advice(gate, key)[1]


def test_what_was_charged_by_another_price_is_left_out(gate):
    key = gate.key("odd")
    prices = Prices(gate, "deepseek-v4-pro")
    assert chat(gate, key, model="deepseek-v4-pro").status == 200
    call = made(prices, "deepseek-v4-pro", now_ms() - HOUR, 1000, 0, 5)
    plant(gate, key, [{**call, "miss_picos": call["miss_picos"] + 1},
                      {**call, "cost_nanos": call["cost_nanos"] + 1},
                      {**call, "basis": 0}])
    answer, rows = advice(gate, key)
    assert answer["left_out"] == 3 and answer["requests"] == 4
    assert rows["cheaper_model"]["requests"] == 1
    left_out = Decimal(answer["cost"]) - Decimal(rows["cheaper_model"]["cost"])
    assert Decimal(answer["left_out_cost"]) == left_out > 0
    assert any(f"3 calls are left out, which cost {answer['left_out_cost']} "
               in note for note in answer["notes"])


def test_nothing_to_save_is_said(gate):
    key = gate.key("idle")
    answer, rows = advice(gate, key)
    assert answer["requests"] == 0 and rows == {}
    assert "nothing to save" in gate.must("cost", "optimize", "--key", key.id)


def test_apply_is_refused_with_what_to_do_instead(gate):
    code, out, err = gate.cli("cost", "optimize", "--apply")
    assert code == 1 and "tollgate keys update" in err and out == ""


def test_tables_and_csv(gate, shop):
    out = gate.must("cost", "optimize", "--key", shop.id)
    assert "A cheaper model, if" in out and "deepseek-flash" in out
    rows = list(csv.DictReader(io.StringIO(gate.must(
        "cost", "optimize", "--key", shop.id, "--csv", "--min-saving", "0"))))
    assert {r["kind"] for r in rows} == {"cheaper_model", "off_peak",
                                         "batching", "prompt_cache"}
    few = gate.cli_json("cost", "optimize", "--key", shop.id, "--min-saving",
                        "1000000")
    assert few["total"] == 0 and few["hidden"] >= 4


def test_all_calls_have_the_same_figures_as_one_keys(gate, shop):
    """They are read another way."""
    whole = gate.cli_json("cost", "optimize", "--min-saving", "0", "--limit",
                          "1000")
    one = advice(gate, shop)[0]["recommendations"]
    months = {"saving_per_month", "saving_at_most_per_month", "examples",
              "evidence"}
    for row in one:
        if row["kind"] != "prompt_cache":
            assert [{k: v for k, v in r.items() if k not in months}
                    for r in whole["recommendations"]
                    if (r["key_id"], r["kind"], r["model"]) ==
                    (row["key_id"], row["kind"], row["model"])] == [
                        {k: v for k, v in row.items() if k not in months}]


def test_wrong_arguments_are_named(gate):
    for query, param in [("since=2999-01-01", "since"), ("limit=0", "limit"),
                         ("min_saving=-1", "min_saving")]:
        answer = gate.admin("GET", f"/cost/advice?{query}")
        assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert gate.admin("GET", "/cost/advice?key=key_none").status == 400
    assert gate.admin("GET", "/cost/advice?account=none").status == 400
