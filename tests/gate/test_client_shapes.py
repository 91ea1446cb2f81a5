"""docs/client-shapes.md: each row is one request, and its answer has the
members that client code reads; their sums are those of /usage."""

import json
import re
import subprocess
import time

import pytest

from lone_daemon import BUILD, ROOT, LoneDaemon, wait

DOCUMENT = (ROOT / "docs/client-shapes.md").read_text()
ROWS = [
    (call, *re.fullmatch(r"`(\w+) ([^` ]+)`(?: `(\{.*\})`)?", request).groups(),
     re.findall(r"`([^`]+)`", members))
    for call, request, members in re.findall(
        r"^\| `([^`]+)` \| (.*?) \| (.*?) \|$", DOCUMENT, re.M)]
MODEL = "deepseek-flash"


def write_calls(daemon, writer, count, *args):
    subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, str(writer),
         str(count), daemon.key["id"], daemon.key["account_id"], *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("shapes") / "home").start()
    daemon.key = daemon.must("/keys", {
        "name": "k", "limits": {"requests_per_minute": 60},
        "budget": {"daily": "7.50"}})
    daemon.must("/models", {"id": "m", "scopes": ["chat"]})
    write_calls(daemon, 77, 5, "--deny")
    wait(lambda: daemon.total()["requests"] == 5, what="calls")
    yield daemon
    daemon.clean()


def find(answer, member):
    """What stands at a dotted name; NAME[] is the first of a list."""
    for part in member.split("."):
        answer = answer[part.removesuffix("[]")]
        if part.endswith("[]"):
            assert answer, member
            answer = answer[0]
    return answer


def test_the_document_has_the_calls():
    assert len(ROWS) == len(re.findall(r"^\| `", DOCUMENT, re.M)) >= 16


@pytest.mark.parametrize("call,method,path,body,members", ROWS,
                         ids=[row[0] for row in ROWS])
def test_a_row_is_one_request(daemon, call, method, path, body, members):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    path = path.replace("KEY", daemon.key["id"]).replace("2026-11-30", today)
    reply = daemon.ask(method, path, body)
    assert reply.status in (200, 201), reply.body
    assert members
    for member in members:
        find(reply.json, member.split(" ")[0])


def test_usage_of_a_period_is_that_of_usage(daemon):
    usage = daemon.get(f"/keys/{daemon.key['id']}/usage").json
    total = daemon.total(key=daemon.key["id"])
    assert {name: usage[name] for name in total} == total
    assert usage["period"] == "24h" and usage["key_id"] == daemon.key["id"]
    assert usage["requests"] == 5 and usage["error_rate"] == 0
    assert usage["average_requests"] == 5      # it is new: nothing is usual
    assert usage["daily_budget"] in ("7.50", "5.00")


def test_details_and_models_add_up_to_it(daemon):
    key = daemon.key["id"]
    total = daemon.total(key=key)
    for path in ("detailed", "detailed?granularity=hourly", "models"):
        rows = daemon.get(f"/keys/{key}/usage/{path}").json["data"]
        assert rows
        for name in ("requests", "total_tokens", "errors"):
            assert sum(row[name] for row in rows) == total[name], path
    row = daemon.get(f"/keys/{key}/usage/models").json["data"][0]
    assert row["average_tokens_per_request"] == 110


def test_days_are_those_of_the_zone_and_an_end_is_inclusive(daemon):
    key = daemon.must("/keys", {"name": "days"})
    at = 1764979200000                          # 2025-12-06T00:00:00Z
    for writer, hours in [(81, 0), (82, 15), (83, 17), (84, 24)]:
        subprocess.run(
            [BUILD / "tests/unit/journal-write", daemon.journal, str(writer),
             "1", key["id"], key["account_id"], "--at",
             str(at + hours * 3600000)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    path = f"/keys/{key['id']}/usage/detailed?start=2025-12-06&end=2025-12-06"

    def rows(zone):
        return [(r["date"], r["requests"]) for r in daemon.get(
            f"{path}&timezone={zone}").json["data"]]

    wait(lambda: rows("UTC") == [("2025-12-06", 3)], what="three calls")
    assert rows("Asia/Shanghai") == [("2025-12-06", 2)]


def test_the_average_is_of_periods_before(daemon):
    key = daemon.must("/keys", {"name": "old"})
    ago = int(time.time() * 1000) - 100 * 3600 * 1000
    daemon.stop()
    import sqlite3
    db = sqlite3.connect(daemon.home / "store.db")
    db.execute("UPDATE keys SET created_at = ? WHERE id = ?",
               (ago, key["id"]))
    db.commit()
    db.close()
    daemon.start()
    subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, "90", "40",
         key["id"], key["account_id"], "--at", str(ago + 3600 * 1000)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    path = f"/keys/{key['id']}/usage?period="
    wait(lambda: daemon.get(path + "200h").json["requests"] == 40,
         what="calls")
    usage = daemon.get(path + "20h").json
    # 40 calls in the 80 hours before the last 20.
    assert usage["requests"] == 0
    assert usage["average_requests"] == pytest.approx(10, abs=0.02)
    assert usage["error_rate"] == 0


def test_peaks_are_of_a_minute(daemon):
    key = daemon.must("/keys", {"name": "peaks"})
    minute = int(time.time()) // 60 * 60000 - 3600000
    for writer, count, ms in [(91, 3, 0), (92, 4, 59999), (93, 5, 60000)]:
        subprocess.run(
            [BUILD / "tests/unit/journal-write", daemon.journal, str(writer),
             str(count), key["id"], key["account_id"], "--at",
             str(minute + ms)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

    def patterns():
        return daemon.get(f"/keys/{key['id']}/usage/patterns").json

    wait(lambda: patterns()["requests"] == 12, what="calls")
    assert patterns()["peak_requests_per_minute"] == 7
    assert patterns()["peak_tokens_per_minute"] == 770
    assert patterns()["active_minutes"] == 2


def test_errors_are_of_both_kinds(daemon):
    rows = daemon.get(f"/keys/{daemon.key['id']}/errors?hours=1").json["data"]
    assert rows and all(r["object"] == "error" for r in rows)
    assert {r["source"] for r in rows} == {"denial"}
    assert rows == sorted(rows, key=lambda r: r["at"], reverse=True)


def test_limits_and_use_have_the_same_names(daemon):
    limits = daemon.get(f"/keys/{daemon.key['id']}/limits").json
    use = daemon.get(f"/keys/{daemon.key['id']}/usage/current").json
    assert set(limits["limits"]) == set(use["usage"])
    assert set(use["utilization"]) == set(limits["left"]) == \
        set(limits["resets_at"]) == set(use["usage"]) | {"daily", "monthly"}
    assert use["usage"]["requests_per_minute"] == 0
    assert use["usage"]["requests_per_day"] is None
    assert limits["budget"]["monthly"] is None


@pytest.mark.parametrize("path,param", [
    ("usage?period=0h", "period"), ("usage?period=24", "period"),
    ("usage?period=400d", "period"), ("usage/models?period=d", "period"),
    ("usage/detailed?granularity=week", "granularity"),
    ("usage/detailed?start=x", "start"),
    ("usage/detailed?timezone=Mars/Olympus", "timezone"),
    ("usage/detailed?start=2026-01-02&end=2026-01-01", "start"),
    ("errors?hours=0", "hours"), ("errors?limit=0", "limit")])
def test_what_is_asked_wrongly_is_named(daemon, path, param):
    reply = daemon.get(f"/keys/{daemon.key['id']}/{path}")
    assert reply.status == 400 and reply.error["param"] == param


def test_of_an_unknown_key_there_is_nothing(daemon):
    for path in ("usage", "usage/detailed", "usage/models", "usage/patterns",
                 "usage/current", "limits", "errors"):
        assert daemon.get(f"/keys/key_{'0' * 20}/{path}").status == 404
