"""GET /usage and `tollgate usage`: whatever they are asked by, in whatever
time zone, they say what plain SQL says of the store's calls, to the nano-unit,
before, while and after calls are rolled up, and when they are gone by age."""

import csv
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

import pytest

from lone_daemon import BUILD, LoneDaemon, wait
from usage_reference import (FIGURES, GROUPS, QUARTER_MS, SPANS,
                             Reference, by_of, figures_of, make_calls, nanos,
                             rows_of, span_of, write_calls)

FEW = 15000
BLOCK = 131072      # calls that are rolled up together


def utc(*parts):
    return int(datetime(*parts, tzinfo=timezone.utc).timestamp())


# Instants at which clocks are set, and a month's end.
CHANGES = [
    utc(2026, 3, 8, 7),             # New York, forward
    utc(2026, 11, 1, 6),            # and back
    utc(2026, 3, 29, 1),            # Berlin
    utc(2026, 10, 25, 1),
    utc(2026, 4, 4, 15),            # Lord Howe, by half an hour
    utc(2026, 10, 3, 15, 30),
    utc(2026, 5, 31, 22),
]
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe",
         "Asia/Kathmandu", "Asia/Shanghai", "America/St_Johns"]
SINCE, UNTIL = "2026-02-01T00:00:00Z", "2026-12-01T00:00:00Z"


class Books:
    """A daemon, and the calls that were written for it."""

    def __init__(self, folder):
        self.daemon = daemon = LoneDaemon(folder / "home")
        daemon.home.mkdir(mode=0o700)
        self.keep("calls_days = 0")
        daemon.start()
        for name in ("one", "two"):
            daemon.must("/accounts", {"name": name})
        self.keys = [daemon.must("/keys", {"name": f"k{i}", "account": name})
                     for i, name in enumerate(["default", "one", "one", "two"])]
        for name in ("u", "v"):
            daemon.must("/upstreams", {"name": name, "dialect": "openai",
                                       "base_url": "http://127.0.0.1:1"})
        self.upstreams = [u["id"]
                          for u in daemon.get("/upstreams").json["data"]]
        self.store = daemon.home / "store.db"
        self.written = 0

    def keep(self, line):
        (self.daemon.home / "tollgate.conf").write_text(
            f"[retention]\n{line}\n")

    def write(self, count, instants=CHANGES):
        self.written += count
        write_calls(self.daemon, make_calls(
            count, instants, self.keys, [*self.upstreams, "-"],
            self.written), 0xabc000 + self.written)

    def begin(self):
        """Calls, too few to be rolled up."""
        if self.written == 0:
            self.write(FEW)
            self.has(FEW)

    def roll_up(self):
        self.begin()
        if self.written == FEW:
            self.write(BLOCK)
            wait(self.is_rolled_up, 120, "calls to be rolled up")
            self.has(FEW + BLOCK)

    def ask(self, group="total", span=None, zone="UTC", **more):
        query = {"since": SINCE, "until": UNTIL, "timezone": zone,
                 "by": by_of(group, span), **more}
        reply = self.daemon.get("/usage?" + "&".join(
            f"{k}={v}" for k, v in query.items()))
        assert reply.status == 200, reply.body
        return reply.json

    def has(self, count):
        wait(lambda: self.ask()["total"]["requests"] == count, 60,
             f"{count} calls")

    def is_rolled_up(self):
        """As many as are at once, all of them."""
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        first, after = db.execute("SELECT first, next FROM "
                                  "rolled_up").fetchone()
        db.close()
        return first == after >= BLOCK

    def cli(self, *words):
        done = subprocess.run(
            [BUILD / "tollgate", "usage", "--since", SINCE, "--until", UNTIL,
             *words],
            capture_output=True, text=True, timeout=60, env={
                "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                "HOME": "/nonexistent", "TOLLGATE_HOME": str(self.daemon.home),
                "TOLLGATE_ADMIN_URL": f"unix:{self.daemon.socket}"})
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    books = Books(tmp_path_factory.mktemp("usage"))
    yield books
    books.daemon.clean()


@pytest.fixture
def life(books):
    """When most calls are rolled up, and some are not."""
    books.roll_up()
    return books


def check(books, reference, group, span, zone):
    answer = books.ask(group, span, zone, latency="false")
    wanted = reference.rows(group, span, zone)
    got = rows_of(answer, group, span)
    assert got == wanted, (group, span, zone)
    assert figures_of(answer["total"]) == reference.total()
    if len(got) > 0:
        assert tuple(map(sum, zip(*got.values()))) == reference.total()
    spans = [key[0] for key in got]
    assert spans == sorted(spans, key=str)
    return answer


def check_all(books, zones=ZONES):
    reference = Reference(books.store)
    assert reference.total()[0] == books.written
    for group in GROUPS:
        check(books, reference, group, None, "UTC")
        for zone in zones:
            check(books, reference, group, "day", zone)
    for zone in zones:
        for span in SPANS:
            check(books, reference, "total", span, zone)
        for span in ("hour", "week", "month"):
            check(books, reference, "model", span, zone)
    check_quantiles(books, reference)
    return reference


def check_quantiles(books, reference):
    """Never below the exact one, and at most a sixteenth above."""
    total = books.ask("status")["total"]
    for name in ("latency_ms", "ttft_ms"):
        times = reference.times(name)
        for quantile, share in (("p50", 500), ("p95", 950), ("p99", 990)):
            exact = times[-(-len(times) * share // 1000) - 1]
            got = total[name][quantile]
            assert exact <= got <= exact * 17 / 16, (name, quantile)


def test_before_calls_are_rolled_up(books):
    books.begin()
    check_all(books)


def test_while_calls_come_and_are_rolled_up(books):
    """Each answer is of one moment: its rows add up to its total, and nothing
    that was counted is missing later."""
    books.begin()
    writer = threading.Thread(target=books.write, args=(BLOCK,))
    writer.start()
    last, seen = (0,) * len(FIGURES), 0
    wanted = FEW + BLOCK

    def look():
        nonlocal last, seen
        for group, span in (("key", "day"), ("status", None),
                            ("total", "hour")):
            answer = books.ask(group, span, "Australia/Lord_Howe",
                               latency="false")
            total = figures_of(answer["total"])
            rows = rows_of(answer, group, span).values()
            assert tuple(map(sum, zip(*rows))) == total
            assert all(a <= b for a, b in zip(last, total))
            last = total
            seen += FEW < total[0] < wanted
        return last[0] == wanted and books.is_rolled_up()

    wait(look, 120, "all calls, rolled up")
    writer.join()
    assert seen > 0


def test_after_calls_were_rolled_up(life):
    reference = check_all(life)
    for group in GROUPS:
        check(life, reference, group, "15m", "UTC")


def test_table_and_csv_say_the_same(life):
    """Raw numbers, and all of the columns, whatever the rows are by."""
    for group, span, zone in [
            ("key", "day", "America/New_York"), ("upstream", None, "UTC"),
            ("model", "hour", "Asia/Kathmandu"), ("scope", "month", "UTC"),
            ("total", "week", "Australia/Lord_Howe")]:
        words = ["--by", by_of(group, span), "--timezone", zone]
        answer = json.loads(life.cli(*words, "--json"))
        assert answer == life.ask(group, span, zone)
        rows = list(csv.DictReader(io.StringIO(life.cli(*words, "--csv"))))
        assert len(rows) == len(answer["rows"])
        assert [figures_of(row) for row in rows] == [
            figures_of(row) for row in answer["rows"]]
        for row, same in zip(rows, answer["rows"]):
            assert Decimal(row["error_rate"]) == Decimal(
                str(same["error_rate"]))
            assert row["latency_ms_p95"] == str(same["latency_ms"]["p95"])
            assert row["cost"] == same["cost"]
        lines = life.cli(*words).splitlines()
        total = next(line for line in lines if line.startswith("total "))
        assert nanos(total.split()[-1]) == nanos(answer["total"]["cost"])
        shown = [line.split()[-1] for line in lines[3:lines.index(total)]]
        assert sum(map(nanos, shown)) == nanos(answer["total"]["cost"])


@pytest.mark.parametrize("argument,where", [
    ("key", "key_id = '{key}'"), ("account", "account_id = '{account}'"),
    ("upstream", "upstream_id = '{upstream}'"), ("model", "model = 'small'"),
    ("scope", "endpoint IN (1, 10)"), ("status", "status = 429")])
def test_filters_and_pairs_of_them(life, argument, where):
    values = {"key": life.keys[1]["id"], "account": "one", "upstream": "u",
              "model": "small", "scope": "chat", "status": 429}
    upstream = life.daemon.get("/upstreams/u").json["id"]
    where = where.format(key=life.keys[1]["id"], upstream=upstream,
                         account=life.keys[1]["account_id"])
    for other, more in ((None, "1"), ("status", "status = 429"),
                        ("model", "model = 'small'")):
        filters = {argument: values[argument]}
        if other is not None:
            filters[other] = values[other]
        reference = Reference(life.store, f"{where} AND {more}")
        answer = life.ask("endpoint", "day", "Europe/Berlin", latency="false",
                          **filters)
        assert rows_of(answer, "endpoint", "day") == reference.rows(
            "endpoint", "day", "Europe/Berlin")
        assert figures_of(answer["total"]) == reference.total()


@pytest.mark.parametrize("zone,day,hours", [
    ("America/New_York", "2026-03-08", 23), ("America/New_York", "2026-11-01",
                                             25),
    ("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25),
    ("America/Santiago", "2026-09-06", 23), ("America/Havana", "2026-11-01",
                                             25),
    ("Asia/Shanghai", "2026-03-08", 24), ("Asia/Kathmandu", "2026-03-08", 24)])
def test_a_day_has_the_hours_that_it_has(life, zone, day, hours):
    """With empty ones filled in, also where midnight is skipped or comes twice;
    the day by its date is these hours."""
    after = day[:8] + f"{int(day[8:]) + 1:02}"
    answer = life.ask("total", "hour", zone, since=day, until=after,
                      fill="true", latency="false")
    rows = [row["hour"] for row in answer["rows"]]
    assert len(rows) == hours and len(set(rows)) == hours
    quarters = life.ask("total", "15m", zone, since=day, until=after,
                        fill="true", latency="false")["rows"]
    assert len(quarters) == hours * 4
    days = life.ask("total", "day", zone, latency="false")["rows"]
    found = [row for row in days if row["day"] == day]
    assert figures_of(answer["total"]) == (
        figures_of(found[0]) if found else (0,) * len(FIGURES))


def test_a_day_with_half_an_hour_more(life):
    """Lord Howe's clocks go from 2:00 to 1:30: the half hour from 1:30 is
    there twice, and both are in the hour that begins at 1:00."""
    zone = "Australia/Lord_Howe"
    for day, quarters in (("2026-04-05", 98), ("2026-10-04", 94)):
        after = day[:8] + f"{int(day[8:]) + 1:02}"
        answer = life.ask("total", "15m", zone, since=day, until=after,
                          fill="true", latency="false")
        assert len(answer["rows"]) == quarters
        assert {span_of("day", zone, i) for i in range(
            utc_quarter(answer["from"]), utc_quarter(answer["to"]))} == {day}


def utc_quarter(text):
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(at.timestamp() * 1000) // QUARTER_MS


def test_filled_rows_are_all_spans_of_all_groups_and_change_no_sum(life):
    for group, span in (("total", "day"), ("model", "day"), ("key", "month"),
                        ("status", "week")):
        few = life.ask(group, span, "America/New_York")
        full = life.ask(group, span, "America/New_York", fill="true")
        assert full["total"] == few["total"]
        got = rows_of(full, group, span)
        assert {k: v for k, v in got.items() if v[0]} == rows_of(few, group,
                                                               span)
        first, end = utc_quarter(SINCE), utc_quarter(UNTIL)
        spans = sorted({span_of(span, "America/New_York", i)
                        for i in range(first, end)})
        names = {key[1] for key in rows_of(few, group, span)}
        assert set(got) == {(s, n) for s in spans for n in names}
        for row in full["rows"]:
            if row["requests"] == 0:
                assert row["cost"] == "0.00" and row["error_rate"] == 0
                assert row["latency_ms"] is row["success_rate"] is None
                assert row["cost_per_request"] is None


def test_shares_and_prices_are_those_of_the_sums(life):
    def share(part, whole):
        return float((Decimal(part) / whole).quantize(
            Decimal("0.000001"), ROUND_HALF_UP)) if whole else None

    answer = life.ask("endpoint", "day", "UTC")
    for row in [*answer["rows"], answer["total"]]:
        assert row["error_rate"] == share(row["errors"], row["requests"])
        assert row["success_rate"] == share(row["requests"] - row["errors"],
                                            row["requests"])
        assert row["cache_hit_rate"] == share(
            row["prompt_cache_hit_tokens"], row["prompt_tokens"])
        assert row["prompt_cache_hit_tokens"] + row[
            "prompt_cache_miss_tokens"] == row["prompt_tokens"]
        cost = Decimal(nanos(row["cost"]))
        assert nanos(row["cost_per_request"]) == (
            cost / row["requests"]).quantize(Decimal(1), ROUND_HALF_UP)
        is_tokens = not (row["images"] or row["characters"] or
                         Decimal(row["audio_seconds"]))
        if is_tokens and row["total_tokens"]:
            assert nanos(row["cost_per_1000_tokens"]) == (
                cost * 1000 / row["total_tokens"]).quantize(
                    Decimal(1), ROUND_HALF_UP)
        else:
            assert row["cost_per_1000_tokens"] is None
    assert {row["endpoint"]: row["cost_per_1000_tokens"] is None
            for row in answer["rows"]} == {
        "POST /v1/chat/completions": False, "POST /v1/messages": False,
        "POST /v1/beta/completions": False, "POST /v1/embeddings": False,
        "POST /v1/images/generations": True, "POST /v1/audio/speech": True}


def test_latency_is_left_out_where_it_is_not_wanted(life):
    answer = life.ask("model", latency="false")
    for row in [*answer["rows"], answer["total"]]:
        assert row["latency_ms"] is row["ttft_ms"] is None
    assert life.ask("model")["total"]["latency_ms"]["p99"] > 0


def test_reports_about_a_key_say_the_same(life):
    key = life.keys[2]["id"]
    rows = life.ask("total", "day", "Australia/Lord_Howe", key=key)["rows"]
    path = (f"/keys/{key}/usage/detailed?start={SINCE}&end={UNTIL}"
            "&timezone=Australia/Lord_Howe")
    detailed = life.daemon.get(path).json["data"]
    assert [{**row, "date": row["day"]} for row in rows] == [
        {**{k: v for k, v in row.items() if k not in ("object", "tokens")},
         "day": row["date"]} for row in detailed]


def test_what_would_be_too_large_is_refused_with_what_to_do(life):
    answer = life.ask("key", "15m", fill="true", latency="false",
                      since="2026-03-01", until="2026-06-01")
    assert len(answer["rows"]) == 92 * 96 * len(life.keys)
    reply = life.daemon.get(f"/usage?by=15m,key&fill=true&since={SINCE}"
                            f"&until={UNTIL}")
    assert reply.status == 400 and reply.error["param"] == "by"
    assert "more than 50000 rows" in reply.error["message"]
    assert "ask of less time" in reply.error["message"]


def test_who_does_not_read_a_large_answer_holds_up_nobody(life):
    path = ("/admin/v1/usage?by=15m,key&fill=true&since=2026-03-01"
            "&until=2026-06-01")
    with socket.socket(socket.AF_UNIX) as lazy:
        lazy.settimeout(60)
        lazy.connect(str(life.daemon.socket))
        lazy.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: "
                     f"Bearer {life.daemon.token}\r\n\r\n".encode())
        head = lazy.recv(4096)
        assert head.startswith(b"HTTP/1.1 200 ")
        size = int(re.search(rb"Content-Length: (\d+)", head).group(1))
        assert size > 10 << 20
        for group in ("total", "key", "status"):
            assert life.ask(group, "day")["total"]["requests"] == life.written
        assert life.daemon.must("/keys", {"name": "meanwhile"})


def test_sums_stay_when_calls_are_gone(life):
    """Of whole quarter-hours, for every way to ask and every zone."""
    asked = [(group, span, zone) for group in GROUPS
             for span, zone in ((None, "UTC"), ("day", "Asia/Kathmandu"),
                                ("hour", "Australia/Lord_Howe"))]
    before = [life.ask(*words) for words in asked]
    life.keep("calls_days = 1")
    life.daemon.process.send_signal(signal.SIGHUP)

    def calls():
        return Reference(life.store).total()[0]

    wait(lambda: calls() <= life.written % BLOCK, 120, "calls to go")
    assert [life.ask(*words) for words in asked] == before
