"""The call log: which calls a list has, by what they are asked for."""

import sqlite3
import time

import pytest

import call_rows
from lone_daemon import LoneDaemon

HOUR = 3_600_000
KEY = "key_" + "A" * 20
OTHER = "key_" + "B" * 20
UPSTREAM = "up_" + "0" * 21

# What each call has that the others have not; the newest is the last.
ROWS = [
    {"key_id": OTHER},
    {"key_id": KEY},
    {"key_id": KEY, "status": 429, "code": 18},
    {"key_id": KEY, "status": 502, "code": 22, "latency_ms": 2500},
    {"key_id": KEY, "status": 504, "code": 24},
    {"key_id": KEY, "ip": "10.1.2.3"},
    {"key_id": KEY, "ip": "10.255.0.1", "user_agent": "OpenAI/Python 1.2"},
    {"key_id": KEY, "ip": "2001:db8::7", "user_agent": "程序/1"},
    {"key_id": OTHER, "model": "deepseek-pro", "endpoint": 4},
    {"key_id": OTHER, "endpoint": 11, "trace_id": "trace-7"},
    {"key_id": OTHER, "status": 200, "code": 29},
    {"key_id": OTHER, "upstream_id": UPSTREAM},
]
OFTEN = 140_000  # calls before those, of a third key


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("calls") / "home").start()
    daemon.account = daemon.must("/accounts", {"name": "calls"})["id"]
    daemon.stop()
    db = sqlite3.connect(daemon.home / "store.db")
    with db:
        db.execute("INSERT INTO upstreams (id, name, position, dialect, "
                   "base_url, created_at) VALUES (?, 'north', 7, 'openai', "
                   "'http://127.0.0.1:1', 1)", (UPSTREAM,))
    db.close()
    now = int(time.time() * 1000)
    store = daemon.home / "store.db"
    call_rows.put(store, ({"at": now - 3 * HOUR + n // 100,
                           "key_id": "key_" + "C" * 20}
                          for n in range(OFTEN)))
    daemon.since = now - HOUR
    call_rows.put(store, ({"at": daemon.since + 1000 * n,
                           "account_id": daemon.account, **row}
                          for n, row in enumerate(ROWS)))
    daemon.start()
    yield daemon
    daemon.clean()


def numbers(rows):
    """Which of ROWS these are, as they stand there."""
    return sorted(int(row["id"][5:], 16) - OFTEN - 1 for row in rows)


def all_of(daemon, query):
    """Follows the pages to their end: the rows, and how many pages."""
    rows, after, pages = [], "", 0
    while True:
        page = daemon.get(f"/calls?limit=1000&{query}{after}").json
        rows += page["data"]
        pages += 1
        if not page["has_more"]:
            assert page["next"] is None
            return rows, pages
        after = "&after=" + page["next"]


@pytest.mark.parametrize("query, expected", [
    (f"key={KEY}", [1, 2, 3, 4, 5, 6, 7]),
    (f"key={KEY}&not_ok=true", [2, 3, 4]),
    ("status=429", [2]),
    ("status=5xx", [3, 4]),
    ("status=429,504", [2, 4]),
    ("status=4XX,502", [2, 3]),
    ("not_ok=true", [2, 3, 4, 10]),
    ("code=upstream_error", [3]),
    ("ip=10.0.0.0/8", [5, 6]),
    ("ip=10.1.2.3", [5]),
    ("ip=2001:db8::/32", [7]),
    ("ip=::/0", [7]),
    ("agent=openai", [6]),
    ("agent=PYTHON%201.2", [6]),
    ("agent=%E7%A8%8B%E5%BA%8F", [7]),
    ("agent=Python%201.20", []),
    ("endpoint=POST%20/v1/embeddings", [8]),
    ("endpoint=/embeddings", [8]),
    ("scope=embeddings", [8]),
    ("scope=image", [9]),
    ("scope=embeddings&endpoint=/v1/embeddings", [8]),
    ("model=deepseek-pro", [8]),
    ("trace_id=trace-7", [9]),
    ("upstream=north", [11]),
    (f"upstream={UPSTREAM}", [11]),
    ("min_latency_ms=2500", [3]),
    ("min_latency_ms=2501", []),
    ("account=calls&status=2xx", [0, 1, 5, 6, 7, 8, 9, 10, 11]),
    (f"key={KEY}&ip=10.0.0.0/8&agent=python", [6]),
    (f"key={OTHER}&ip=10.0.0.0/8", []),
])
def test_a_filter_has_these_calls(daemon, query, expected):
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                          time.gmtime(daemon.since // 1000))
    rows, pages = all_of(daemon, f"{query}&since={since}")
    assert numbers(rows) == expected
    assert pages == 1


def test_a_rare_one_is_found_without_a_page_that_takes_long(daemon):
    """65536 calls are looked at for a page, and it says where to go on."""
    first = daemon.get("/calls?account=calls&trace_id=trace-7").json
    assert len(first["data"]) == 1 and first["has_more"]
    empty = daemon.get("/calls?trace_id=trace-7&after=" + first["next"]).json
    assert empty["data"] == [] and empty["has_more"]
    rows, pages = all_of(daemon, "trace_id=trace-7")
    assert numbers(rows) == [9] and pages == 3
    rows, pages = all_of(daemon, "agent=nobody")
    assert rows == [] and pages == OFTEN // 65536 + 1


def test_pages_of_a_key_are_all_of_it(daemon):
    key = "key_" + "C" * 20
    page = daemon.get(f"/calls?key={key}&limit=1000").json
    assert len(page["data"]) == 1000 and page["has_more"]
    assert page["next"] == page["data"][-1]["id"]
    rows, pages = all_of(daemon, f"key={key}&status=500")
    assert rows == [] and pages == 3


@pytest.mark.parametrize("name", ["call_", "req_"])
def test_a_call_is_found_by_its_id_and_its_request_id(daemon, name):
    digits = call_rows.hex_of(OFTEN + 1 + 9)
    one = daemon.get("/calls/" + name + digits).json
    assert one["request_id"] == "req_" + digits
    assert one["trace_id"] == "trace-7"
    rows, pages = all_of(daemon, f"request_id={name}{digits}")
    assert numbers(rows) == [9] and pages == 1
    assert all_of(daemon, f"request_id=req_{digits}&status=500") == ([], 1)
    assert daemon.get(f"/calls/{name}{'0' * 32}").status == 404


@pytest.mark.parametrize("query, param, said", [
    ("status=600", "status", "5xx"),
    ("status=5x", "status", "5xx"),
    ("status=", "status", "5xx"),
    ("status=500,", "status", "5xx"),
    ("ip=10.0.0", "ip", "10.0.0.0/8"),
    ("ip=10.1.0.0/8", "ip", "10.0.0.0/8"),
    ("key=name", "key", "keys list"),
    ("code=nothing", "code", "upstream_error"),
    ("scope=talk", "scope", "chat code image"),
    ("endpoint=/v1/nothing", "endpoint", "POST /v1/chat/completions"),
    ("endpoint=/v1/embeddings&scope=chat", "scope", "is not of the scope"),
    ("upstream=south", "upstream", "upstreams add"),
    ("account=nobody", "account", "nobody"),
    ("request_id=7", "request_id", "x-request-id"),
    ("min_latency_ms=2s", "min_latency_ms", "milliseconds"),
    ("agent=", "agent", "empty"),
    ("not_ok=yes", "not_ok", "true or false"),
    ("since=yesterday", "since", "RFC 3339"),
    ("after=call_7", "after", "next"),
])
def test_what_is_wrong_is_named_with_what_it_takes(daemon, query, param, said):
    answer = daemon.get("/calls?" + query)
    assert answer.status == 400, answer.body
    assert answer.error["param"] == param
    assert said in answer.error["message"] or param == "since"


def test_the_cost_of_a_call_is_the_sum_of_its_lines(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    daemon.stop()
    # 70 missed, 30 hit, 10 out; 0.0000000002695 is rounded up to a nano.
    call_rows.put(daemon.home / "store.db", [
        {"prompt_cache_hit_tokens": 30, "miss_picos": 1, "hit_picos": 5,
         "output_picos": 4950, "cost_nanos": 50, "held_nanos": 900,
         "flags": 16 | 8},
        {"prompt_tokens": 0, "completion_tokens": 0, "unit": 2, "units": 1500,
         "unit_picos": 100_000, "cost_nanos": 150_000}])
    try:
        daemon.start()
        one = daemon.get("/calls/call_" + call_rows.hex_of(1)).json
        assert one["cost"] == "0.00000005" and one["held"] == "0.0000009"
        assert one["peak"] is True and one["client_left"] is True
        assert one["cost_lines"] == [
            {"of": "prompt_cache_miss", "count": 70, "unit": "token",
             "price": "0.000001", "per": 1000000, "cost": "0.00000000007"},
            {"of": "prompt_cache_hit", "count": 30, "unit": "token",
             "price": "0.000005", "per": 1000000, "cost": "0.00000000015"},
            {"of": "completion", "count": 10, "unit": "token",
             "price": "0.00495", "per": 1000000, "cost": "0.0000000495"}]
        two = daemon.get("/calls/call_" + call_rows.hex_of(2)).json
        assert two["cost_lines"] == [
            {"of": "units", "count": 1500, "unit": "millisecond",
             "price": "0.0001", "per": 1000, "cost": "0.00015"}]
    finally:
        daemon.clean()
