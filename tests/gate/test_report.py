"""tollgate report and GET /report: what was used in a day, week or month, in
any time zone, as JSON, text, Markdown, HTML and a picture.

journal-write (tests/unit/journal_write.c) plays the workers: its n-th call has
110 tokens and costs 1000 + n nanos.
"""

import base64
import json
import os
import re
import struct
import subprocess
import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
import yaml

from lone_daemon import BUILD, ROOT, LoneDaemon, wait

NASTY = "<script>alert(1)</script>|*x*[a](http://e.vil)\"'&`检索"
SUMS = ("requests", "errors", "total_tokens")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("report") / "home").start()
    daemon.writers = 0x100
    daemon.written = 0
    daemon.account = daemon.must("/accounts", {"name": NASTY})["id"]
    daemon.keys = [
        daemon.must("/keys", {"name": name, "account": daemon.account})["id"]
        for name in (NASTY, "two")]
    fill(daemon)
    yield daemon
    daemon.stop()
    daemon.clean()


@pytest.fixture
def empty(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.stop()
    daemon.clean()


def write(daemon, at, count, key=0):
    """Calls of one instant, a datetime."""
    daemon.writers += 1
    daemon.written += count
    writer = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal,
         f"{daemon.writers:x}", str(count), daemon.keys[key], daemon.account,
         "--at", str(int(at.timestamp() * 1000))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"done\n"
    writer.stdin.close()
    writer.wait()


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def fill(daemon):
    """Calls around the ends of days and months in several zones, and where
    New York's clocks are changed: 2026-03-08 and 2025-11-02."""
    instants = []
    for begin in ("2025-10-31T22:10", "2025-11-02T03:50", "2026-02-27T23:20",
                  "2026-03-07T22:00", "2026-03-31T14:40", "2026-04-30T23:59"):
        instants += [utc(begin) + timedelta(minutes=95 * i)
                     for i in range(26)]
    for i, at in enumerate(instants):
        write(daemon, at, 1 + i % 5, i % 2)
    wait(lambda: daemon.total(since="2025-01-01T00:00:00Z")["requests"]
         == daemon.written, what="all calls")


def report(daemon, **query):
    reply = daemon.get("/report?" + "&".join(
        f"{k}={v}" for k, v in query.items()))
    assert reply.status == 200, reply.body
    return reply.json


def page(daemon, form, **query):
    reply = daemon.get(f"/report?format={form}&" + "&".join(
        f"{k}={v}" for k, v in query.items()))
    assert reply.status == 200, reply.body
    return reply.body.decode()


def environment(daemon, lang="C.UTF-8"):
    return {"TOLLGATE_ADMIN_URL": f"unix:{daemon.socket}", "LANG": lang,
            "TOLLGATE_ADMIN_TOKEN": daemon.token, "PATH": os.environ["PATH"],
            "HOME": str(daemon.home)}


def cli(daemon, *args, lang="C.UTF-8"):
    return subprocess.run([BUILD / "tollgate", *args], capture_output=True,
                          text=True, env=environment(daemon, lang))


ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata",
         "Pacific/Chatham"]
DAYS = {"daily": ["2025-11-01", "2025-11-02", "2026-03-08", "2026-04-01"],
        "weekly": ["2025-11-02", "2026-03-08", "2026-04-01"],
        "monthly": ["2025-10-01", "2025-11-30", "2026-02-28", "2026-03-15"]}


def bounds(kind, day, zone):
    """The period's first instant and that behind its last, by Python."""
    first = datetime.fromisoformat(day).date()
    if kind == "weekly":
        first -= timedelta(days=first.weekday())
        end = first + timedelta(days=7)
    elif kind == "monthly":
        first = first.replace(day=1)
        end = (first + timedelta(days=32)).replace(day=1)
    else:
        end = first + timedelta(days=1)
    return [datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone))
            .astimezone(timezone.utc) for d in (first, end)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", DAYS)
def test_sums_are_those_of_usage_to_the_nano_unit(daemon, kind, zone):
    seen = 0
    for day in DAYS[kind]:
        got = report(daemon, period=kind, at=day, timezone=zone)
        begin, end = bounds(kind, day, zone)
        assert datetime.fromisoformat(got["from"][:-1] + "+00:00") == begin
        assert datetime.fromisoformat(got["to"][:-1] + "+00:00") == end
        usage = daemon.total(since=got["from"], until=got["to"],
                             timezone=zone)
        assert got["total"] == usage
        seen += usage["requests"]
        for rows in (got["series"], got["keys"]["rows"],
                     got["models"]["rows"], got["accounts"]["rows"]):
            for name in SUMS:
                assert sum(r[name] for r in rows) == usage[name]
            assert sum(Decimal(r["cost"]) for r in rows) == \
                Decimal(usage["cost"])
        hours = (end - begin) / timedelta(hours=1)
        assert len(got["series"]) == (hours if kind == "daily"
                                      else got["days"])
        assert got["average"]["per_hour"]["requests"] == pytest.approx(
            usage["requests"] / hours, abs=0.00501)
        assert got["average"]["per_day"]["requests"] == pytest.approx(
            usage["requests"] / got["days"], abs=0.00501)
        assert got["complete"] is True and got["covered_from"] is None
    assert seen > 0


def test_days_of_23_and_of_25_hours_have_as_many(daemon):
    spring = report(daemon, at="2026-03-08", timezone="America/New_York")
    autumn = report(daemon, at="2025-11-02", timezone="America/New_York")
    assert [len(r["series"]) for r in (spring, autumn)] == [23, 25]
    text = page(daemon, "text", at="2025-11-02", timezone="America/New_York")
    assert len(re.findall(r"(?m)^01:00 ", text)) == 2
    assert len(re.findall(r"(?m)^01:00 again ", text)) == 1


def test_it_is_compared_with_the_period_before(daemon):
    got = report(daemon, period="monthly", at="2026-03-15")
    before = report(daemon, period="monthly", at="2026-02-10")
    assert got["before"]["total"] == before["total"]
    assert got["before"]["average"] == before["average"]
    n, b = got["total"]["requests"], before["total"]["requests"]
    assert n != b and b > 0
    assert got["change"]["requests"] == {
        "absolute": n - b, "percent": pytest.approx(100 * (n - b) / b,
                                                    abs=0.0501)}
    # March has 31 days and February 28.
    assert got["change"]["per_day_percent"]["requests"] == pytest.approx(
        100 * (n / 31 - b / 28) / (b / 28), abs=0.0501)
    assert Decimal(got["change"]["cost"]["absolute"]) == \
        Decimal(got["total"]["cost"]) - Decimal(before["total"]["cost"])


def test_nothing_before_is_no_percentage(daemon):
    got = report(daemon, period="monthly", at="2025-10-31")
    assert got["total"]["requests"] > 0
    assert got["before"]["total"]["requests"] == 0
    assert got["change"]["requests"]["percent"] is None
    assert "n/a" in page(daemon, "text", period="monthly", at="2025-10-31")


def test_a_minute_is_the_busiest_of_all(empty):
    empty.writers, empty.written = 0x100, 0
    empty.account = empty.must("/accounts", {"name": "a"})["id"]
    empty.keys = [empty.must("/keys", {"name": "k",
                                       "account": empty.account})["id"]]
    # The busiest quarter-hour is one of many quiet minutes.
    for minute in range(15):
        write(empty, utc("2026-04-01T10:15") + timedelta(minutes=minute), 4)
    write(empty, utc("2026-04-01T12:03"), 9)
    wait(lambda: empty.total(since="2026-01-01T00:00:00Z")["requests"]
         == empty.written, what="all calls")
    peaks = report(empty, at="2026-04-01")["peaks"]
    assert peaks["quarter_hour"]["requests"] == 60
    assert peaks["quarter_hour"]["from"] == "2026-04-01T10:15:00.000Z"
    assert peaks["hour"]["from"] == "2026-04-01T10:00:00.000Z"
    assert peaks["minute"] == {"from": "2026-04-01T12:03:00.000Z",
                               "requests": 9}


def test_a_period_that_runs_says_so(daemon):
    today = datetime.now(timezone.utc).date()
    got = report(daemon, period="monthly", at=today)
    assert got["complete"] is False
    assert got["to"] == got["made_at"]
    length = [datetime.fromisoformat(r["to"][:-1] + "+00:00")
              - datetime.fromisoformat(r["from"][:-1] + "+00:00")
              for r in (got, got["before"])]
    assert length[0] >= length[1]
    assert "It is not over" in page(daemon, "text", period="monthly",
                                    at=today)
    reply = daemon.get(f"/report?at={today + timedelta(days=2)}")
    assert reply.status == 400 and reply.error["param"] == "at"


def test_without_a_day_it_is_the_last_period_that_is_over(daemon):
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    for kind, last in (("daily", today), ("weekly", monday),
                       ("monthly", first)):
        got = report(daemon, period=kind, timezone="Asia/Shanghai")
        assert got["last_day"] == str(last - timedelta(days=1))
        assert got["complete"] is True


def test_a_key_and_an_account_can_be_reported_alone(daemon):
    whole = report(daemon, period="monthly", at="2026-03-01")
    keys = [report(daemon, period="monthly", at="2026-03-01", key=key)
            for key in daemon.keys]
    assert sum(k["total"]["requests"] for k in keys) == \
        whole["total"]["requests"]
    assert keys[0]["key_name"] == NASTY
    assert keys[0]["account_id"] == daemon.account
    assert "keys" not in keys[0]
    other = daemon.must("/accounts", {"name": "other"})["id"]
    assert report(daemon, period="monthly", at="2026-03-01",
                  account=other)["total"]["requests"] == 0
    for query in (f"key={daemon.keys[0]}&account={other}", "key=key_none"):
        reply = daemon.get("/report?" + query)
        assert (reply.status, reply.error["param"]) == (400, "key")


def test_json_has_the_members_of_the_document(daemon):
    document = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
    schemas = document["components"]["schemas"]

    def look(value, schema, path):
        while "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        for part in schema.get("allOf", []):
            look(value, part, path)
        if isinstance(value, list) and "items" in schema:
            for one in value:
                look(one, schema["items"], path + "[]")
        if isinstance(value, dict) and "properties" in schema:
            assert set(schema.get("required", [])) <= set(value), path
            for name, one in value.items():
                assert name in schema["properties"], f"{path}.{name}"
                look(one, schema["properties"][name], f"{path}.{name}")

    for query in ({"period": "monthly", "at": "2026-03-01"},
                  {"key": daemon.keys[0]}):
        look(report(daemon, **query), {"$ref": "/report"}, "report")


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_one_page_that_loads_and_runs_nothing(daemon):
    reply = daemon.get("/report?format=html&period=monthly&at=2026-03-01")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    it = Page(reply.body.decode())
    assert not {"script", "link", "iframe", "object", "form", "style",
                "base"} & set(it.tags)
    assert not [v for n, v in it.attributes
                if n.startswith("on") or n in ("href", "action")]
    assert [v for n, v in it.attributes if n == "src"
            and not v.startswith("data:image/")] == []
    assert NASTY in it.texts
    pictures = [v for n, v in it.attributes if n == "src"]
    assert len(pictures) == 1
    head, _, data = pictures[0].partition(",")
    assert head == "data:image/png;base64"
    assert size_of(base64.b64decode(data)) == (1520, 1200)


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("query", [
    "period=monthly&at=2026-03-01&timezone=America/New_York", "at=2025-11-02",
    "period=weekly&at=2020-01-01"])
def test_a_picture_is_drawn_of_it(daemon, query, lang):
    reply = daemon.get(f"/report?format=png&lang={lang}&{query}")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "image/png"
    assert size_of(reply.body) == (1600, 1200)


def test_a_terminal_is_sent_no_picture(daemon, tmp_path):
    main, other = os.openpty()
    try:
        done = subprocess.run(
            [BUILD / "tollgate", "report", "--format", "png"], stdout=other,
            stderr=subprocess.PIPE, text=True, env=environment(daemon))
        assert done.returncode == 2
        assert "--output" in done.stderr
    finally:
        os.close(main)
        os.close(other)
    done = cli(daemon, "report", "monthly", "--at", "2026-03-01", "--output",
               str(tmp_path / "r.png"))
    assert done.returncode == 0, done.stderr
    assert size_of((tmp_path / "r.png").read_bytes()) == (1600, 1200)


def test_markdown_has_sound_tables_whatever_names_there_are(daemon):
    text = page(daemon, "markdown", period="monthly", at="2026-03-01")
    cells = None
    rows = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            cells = None
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        assert cells in (None, count), line
        cells = count
        rows += 1
    assert rows > 40
    assert "<script>" not in text and "](http" not in text
    assert "&lt;script&gt;" in text and "检索" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_text_fits_into_a_terminal(daemon, lang):
    text = page(daemon, "text", period="monthly", at="2026-03-01", lang=lang)
    for line in text.splitlines():
        width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
                    for c in line)
        assert width <= 80, line
    assert "█" in text and "USD" in text
    assert ("总计" if lang == "zh" else "Totals") in text
    assert "\x1b" not in text


def test_refusals_events_and_budgets_are_told(daemon):
    got = report(daemon, at=datetime.now(timezone.utc).date())
    assert got["refusals"]["count"] == 0
    daemon.writers += 1
    writer = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal,
         f"{daemon.writers:x}", "1", daemon.keys[0], daemon.account,
         "--deny"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    writer.stdout.readline()
    writer.stdin.close()
    writer.wait()
    got = wait(lambda: (lambda r: r if r["refusals"]["count"] else None)(
        report(daemon, at=datetime.now(timezone.utc).date())),
        what="refusals")
    assert {"code", "status", "count"} == set(got["refusals"]["rows"][0])
    text = page(daemon, "text", at=datetime.now(timezone.utc).date())
    assert got["refusals"]["rows"][0]["code"] in text


def test_an_empty_store_gives_a_report(empty):
    for form in ("json", "text", "markdown", "html"):
        for kind in ("daily", "weekly", "monthly"):
            assert page(empty, form, period=kind)
    done = cli(empty, "report")
    assert done.returncode == 0, done.stderr
    assert "There were no calls." in done.stdout
    done = cli(empty, "report", "weekly", lang="zh_CN.UTF-8")
    assert "没有任何调用" in done.stdout


def test_the_command_line_writes_what_the_file_is_named(daemon, tmp_path):
    for name, begin in (("r.html", "<!DOCTYPE html>"), ("r.md", "# "),
                        ("r.txt", "Tollgate:"), ("r.json", "{")):
        done = cli(daemon, "report", "monthly", "--at", "2026-03-01",
                   "--output", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_text().startswith(begin)
    assert sorted(os.listdir(tmp_path)) == ["r.html", "r.json", "r.md",
                                            "r.txt"]
    assert json.loads((tmp_path / "r.json").read_text())["object"] == "report"
    done = cli(daemon, "report", "--output", str(tmp_path / "r.pdf"))
    assert done.returncode == 2 and "r.pdf" in done.stderr
    done = cli(daemon, "report", "--output", str(tmp_path / "no/r.txt"))
    assert done.returncode == 1 and "r.txt" in done.stderr
    done = cli(daemon, "report", "monthly", "--at", "2026-03-01", "--json")
    assert json.loads(done.stdout) == dict(
        report(daemon, period="monthly", at="2026-03-01"),
        made_at=json.loads(done.stdout)["made_at"])


@pytest.mark.parametrize("query, param", [
    ("period=yearly", "period"), ("at=soon", "at"), ("at=1969-12-31", "at"),
    ("timezone=Mars/Base", "timezone"), ("format=pdf", "format"),
    ("lang=fr", "lang"), ("account=nobody", "account")])
def test_what_it_does_not_know_it_names(daemon, query, param):
    reply = daemon.get("/report?" + query)
    assert (reply.status, reply.error["param"]) == (400, param)
