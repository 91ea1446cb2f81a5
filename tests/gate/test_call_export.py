"""All calls as one answer: what stands in it, and what becomes of it when
somebody leaves, dies, comes or goes meanwhile."""

import csv
import http.client
import io
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

import call_rows
from conftest import BUILD, ROOT, Gate, clean_env, wait
from lone_daemon import LoneDaemon, SocketConnection

HOUR = 3_600_000
MANY = 200_000  # calls; more than all buffers on the way hold

ODD = [
    {"user_agent": "=1+1"}, {"user_agent": "+49"}, {"user_agent": "-5"},
    {"user_agent": "@SUM(A1)"}, {"user_agent": "\tx"},
    {"user_agent": "=HYPERLINK(\"http://x\", \"a\")"},
    {"user_agent": "a, \"b\"; c"}, {"user_agent": "程序/1 café"},
    {"user_agent": "\x1b[31mred\x7f"}, {"trace_id": "=cmd|' /C calc'!A0"},
    {"model": "-model"}, {"status": 502, "code": 22, "ttft_ms": 7},
    {"flags": 1 | 2 | 4, "ttft_ms": 0}, {"unit": 2, "units": 12345},
    {"unit": 1, "units": 2, "endpoint": 11}, {"cost_nanos": 123456789012345},
    {"at": 1, "ip": "2001:db8::7", "basis": 3, "prompt_cache_hit_tokens": 5,
     "reasoning_tokens": 6, "endpoint": 999},
    {"user_agent": "bytes"},
]


def put_odd(store):
    """A text of SQLite may be bytes that are no UTF-8."""
    call_rows.put(store, ODD)
    db = call_rows.writable(sqlite3.connect(store))
    with db:
        db.execute("UPDATE calls SET user_agent = CAST(? AS TEXT) "
                   "WHERE user_agent = 'bytes'", (b"caf\xe9 \x80",))
    db.close()


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def refill(daemon, put):
    daemon.stop()
    put(daemon.home / "store.db")
    daemon.start()


def lines(daemon, query=""):
    reply = daemon.get("/calls/export?format=jsonl" + query)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.body.decode().splitlines()]


def table(daemon, query=""):
    reply = daemon.get("/calls/export?" + query)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    text = reply.body.decode()
    assert text.endswith("\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def cell(value):
    """What stands in a cell for a member's value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value[0] in "=+-@\t\r":
        return "'" + value
    return str(value)


def test_lines_are_the_objects_of_the_list(daemon):
    refill(daemon, put_odd)
    listed = daemon.get("/calls?limit=1000").json["data"]
    assert len(listed) == len(ODD)
    exported = lines(daemon)
    assert exported == listed
    assert "caf? ?" in [row["user_agent"] for row in exported]


def test_csv_has_the_same_and_no_formula(daemon):
    refill(daemon, put_odd)
    rows = table(daemon)
    listed = daemon.get("/calls?limit=1000").json["data"]
    assert rows == [{name: cell(call[name]) for name in rows[0]}
                    for call in listed]
    assert set(rows[0]) == set(listed[0]) - {"object"}
    for row in rows:
        for value in row.values():
            assert value[:1] not in ("=", "+", "-", "@", "\t", "\r"), value


def test_the_list_says_the_same_as_csv(own_gate):
    own_gate.stop_up()
    put_odd(own_gate.home / "store.db")
    own_gate.start_up()
    listed = csv.DictReader(io.StringIO(own_gate.must(
        "calls", "list", "--limit", "1000", "--csv"), newline=""))
    exported = csv.DictReader(io.StringIO(own_gate.must("calls", "export"),
                                          newline=""))
    for one, other in zip(listed, exported, strict=True):
        assert one == {name: other[name] for name in one}


def test_nginx_waits_for_the_silent_one_of_each_kind(own_gate):
    paths = re.findall(r"^  (/\w+/export):$",
                       (ROOT / "api/openapi.yaml").read_text(), re.M)
    conf = (own_gate.home / "run" / "gate.conf").read_text()
    patient = re.findall(r"location = /admin/v1(\S+) {[^}]*"
                         r"proxy_read_timeout 660s;", conf)
    assert "/calls/export" in paths and sorted(patient) == sorted(paths)


@pytest.mark.parametrize("kind", ["calls", "denials", "events"])
def test_an_empty_one_is_a_line_of_names_or_nothing(daemon, kind):
    head = daemon.get(f"/{kind}/export").body.decode()
    assert head.count("\n") == 1 and head.endswith("\n")
    assert "id" in head.strip().split(",")
    assert daemon.get(f"/{kind}/export?format=jsonl").body == b""
    wrong = daemon.get(f"/{kind}/export?format=xls")
    assert (wrong.status, wrong.error["param"]) == (400, "format")
    assert "csv or jsonl" in wrong.error["message"]
    assert daemon.get(f"/{kind}/export?limit=3").error["param"] == "limit"


def test_filters_are_those_of_the_list(daemon):
    begun = int(time.time() * 1000) - HOUR
    refill(daemon, lambda store: call_rows.put_many(store, 30_000, begun))
    assert len(lines(daemon)) == 30_000
    key = "key_" + "0" * 19 + "7"
    for query, count in (("&status=5xx", 300), (f"&key={key}", 3000),
                         (f"&key={key}&status=5xx", 0),
                         ("&agent=openai/python", 30_000),
                         ("&ip=10.0.0.0/8", 0), ("&min_latency_ms=4199", 7)):
        rows = lines(daemon, query)
        assert len(rows) == count, query
        if count and count < 5000:
            pages, after = [], ""
            while after is not None:
                page = daemon.get("/calls?limit=1000" + query + after).json
                pages += page["data"]
                after = "&after=" + page["next"] if page["has_more"] else None
            assert rows == pages
    reply = daemon.get("/calls/export?status=502")
    assert reply.headers["x-tollgate-rows"] == "300"
    assert "x-tollgate-rows" not in daemon.get(
        "/calls/export?status=5xx").headers


def test_events_and_denials_are_those_of_their_lists(daemon):
    key = daemon.must("/keys", {"name": "k"})
    process = subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, "77", "2",
         key["id"], key["account_id"], "--deny"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert process.returncode == 0
    wait(lambda: len(daemon.get("/denials").json["data"]) == 2, what="denials")
    daemon.stop()
    db = sqlite3.connect(daemon.home / "store.db")
    with db:
        db.executemany(
            "INSERT INTO events (id, at, type, severity, key_id, message, "
            "evidence) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(f"evt_{n:020d}", 1000 + n, "ip_denied",
              ("info", "warning", "critical")[n % 3], key["id"],
              "=it, \"happened\"", '{"n":%d,"名":"é"}' % n)
             for n in range(700)])
    db.close()
    daemon.start()
    # Events of other types may be told meanwhile.
    for kind, query in (("events", "type=ip_denied"), ("denials", "")):
        listed = daemon.get(f"/{kind}?limit=1000&{query}").json["data"]
        text = daemon.get(f"/{kind}/export?format=jsonl&{query}").body.decode()
        assert [json.loads(x) for x in text.splitlines()] == listed
        text = daemon.get(f"/{kind}/export?{query}").body.decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert set(rows[0]) == set(listed[0]) - {"object"}
        for row, item in zip(rows, listed, strict=True):
            if "evidence" in row:
                assert json.loads(row.pop("evidence")) == item["evidence"]
            assert row == {name: cell(item[name]) for name in row}
    for query in ("severity=critical", "type=ip_denied&since=1970-01-01",
                  f"key={key['id']}&until=1970-01-01T00:00:01.100Z"):
        listed = daemon.get(f"/events?limit=1000&{query}").json["data"]
        text = daemon.get(f"/events/export?format=jsonl&{query}").body.decode()
        assert [json.loads(x) for x in text.splitlines()] == listed
        assert listed


# While it is sent


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("full") / "home").start()
    daemon.begun = int(time.time() * 1000) - 3 * HOUR
    refill(daemon, lambda store: call_rows.put_many(store, MANY, daemon.begun))
    yield daemon
    daemon.clean()


class Slow:
    """An export that is read as far as a test wants."""

    def __init__(self, daemon, query="format=jsonl", token=None):
        self.connection = SocketConnection(daemon.socket)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                        4096)
        self.connection.request(
            "GET", "/admin/v1/calls/export?" + query,
            headers={"Authorization": "Bearer " + (token or daemon.token)})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def begin(self):
        self.first = self.answer.readline()
        return self

    def rest(self):
        return self.first + self.answer.read()

    def close(self):
        self.answer.close()
        self.connection.close()


def test_what_comes_or_goes_meanwhile_is_not_half_of_it(daemon):
    count, gone, new = 60_000, 2000, 500
    begun = int(time.time() * 1000) - HOUR
    refill(daemon, lambda store: call_rows.put_many(store, count, begun))
    key = daemon.must("/keys", {"name": "k"})
    slow = Slow(daemon).begin()
    db = sqlite3.connect(daemon.home / "store.db", timeout=30)
    with db:  # as retention does
        db.execute("DELETE FROM call_rows WHERE seq <= ?", (gone,))
    db.close()
    subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, "77", str(new),
         key["id"], key["account_id"], "--at", str(begun + 10 * gone + 25)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wait(lambda: daemon.get(f"/calls?key={key['id']}").json["data"],
         what="new calls")
    rows = [json.loads(line) for line in slow.rest().splitlines()]
    slow.close()
    numbers = [int(row["id"][5:], 16) for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers, reverse=True)
    assert set(range(gone + 1, count + 1)) <= set(numbers)
    assert max(numbers) == count
    assert {row["key_id"] for row in rows} == {
        f"key_{n:020d}" for n in range(10)}


def test_a_key_is_whole_while_its_calls_are_rolled_up(daemon):
    count, gone, key = 150_000, 700, "key_" + "K" * 20
    begun = int(time.time() * 1000) - HOUR
    refill(daemon, lambda store: call_rows.put(
        store, ({"key_id": key, "at": begun + n + (n % 7) * 50}
                for n in range(count))))
    slow = Slow(daemon, "format=jsonl&key=" + key).begin()
    db = sqlite3.connect(daemon.home / "store.db", timeout=30)
    wait(lambda: db.execute("SELECT count(*) FROM key_calls").fetchone()[0],
         what="block that is rolled up")
    with db:
        db.execute("DELETE FROM call_rows WHERE seq <= ?", (gone,))
    db.close()
    rows = [json.loads(line) for line in slow.rest().splitlines()]
    slow.close()
    numbers = [int(row["id"][5:], 16) for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert set(range(gone + 1, count + 1)) <= set(numbers)
    places = [(row["at"], number) for row, number in zip(rows, numbers)]
    assert places == sorted(places, reverse=True)


def test_who_leaves_makes_room_for_others(full):
    for _ in range(3):
        slow = [Slow(full).begin() for _ in range(4)]
        assert [s.status for s in slow] == [200] * 4
        refused = full.get("/calls/export")
        assert (refused.status, refused.error["code"]) == (
            429, "too_many_exports")
        assert refused.headers["retry-after"] == "5"
        for s in slow:
            s.close()
        wait(lambda: full.get("/events/export").status == 200,
             what="room for an export")
    assert len(lines(full)) == MANY


def test_all_else_is_answered_meanwhile(full):
    slow = [Slow(full).begin() for _ in range(4)]
    for path in ("/keys", "/calls?limit=10", "/usage", "/health"):
        assert full.get(path).status == 200
    full.must("/keys", {"name": "meanwhile"})
    for s in slow:
        assert s.rest().count(b"\n") == MANY
        s.close()


def test_an_end_before_the_end_is_seen(full):
    slow = Slow(full).begin()
    full.kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        slow.rest()
    slow.close()
    full.start()


def test_a_bound_operator_exports_its_own(daemon):
    accounts = [daemon.must("/accounts", {"name": name})["id"]
                for name in ("own", "other")]
    daemon.must("/operators", {"name": "bound", "role": "auditor",
                               "accounts": ["own"]})
    token = daemon.must("/tokens", {"name": "t", "operator": "bound"})["token"]
    daemon.hunt.plant("owner's token", token)
    refill(daemon, lambda store: call_rows.put(
        store, ({"account_id": accounts[n % 2]} for n in range(3000))))
    for query in ("", "&status=200", "&account=own"):
        reply = daemon.get("/calls/export?format=jsonl" + query, token=token)
        rows = [json.loads(line) for line in reply.body.splitlines()]
        assert len(rows) == 1500
        assert {row["account_id"] for row in rows} == {accounts[0]}
    assert daemon.get("/calls/export?account=other", token=token).status == 400
    own, other = (call_rows.hex_of(n) for n in (1, 2))
    assert daemon.get("/calls/call_" + own, token=token).status == 200
    assert daemon.get("/calls/call_" + other, token=token).status == 404
    assert lines(daemon, "&request_id=req_" + other)
    reply = daemon.get("/calls/export?request_id=req_" + other, token=token)
    assert reply.body.count(b"\n") == 1


# Through nginx, by the command line


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("many") / "home").start()
    gate.stop_up()
    begun = int(time.time() * 1000) - 3 * HOUR
    call_rows.put_many(gate.home / "store.db", MANY, begun)
    gate.start_up()
    yield gate
    gate.stop()


def begin_export(gate, *args, **more):
    return subprocess.Popen(
        [BUILD / "tollgate", "calls", "export", *map(str, args)],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=clean_env(TOLLGATE_HOME=str(gate.home)), **more)


def half_way(gate, folder):
    """An export that stands still with a part of its file written."""
    for _ in range(20):
        process = begin_export(gate, folder / "calls.csv")
        size = wait(lambda: process.poll() is not None or
                    [p.stat().st_size for p in folder.glob("*.partial")
                     if p.stat().st_size > 0], what="part of a file")
        process.send_signal(signal.SIGSTOP)
        partial = list(folder.glob("*.partial"))
        if size is not True and process.poll() is None and partial:
            return process
        process.send_signal(signal.SIGCONT)
        process.communicate()
        (folder / "calls.csv").unlink(missing_ok=True)
    pytest.fail("it was never caught half way")


def test_a_file_is_whole_and_only_its_owner_reads_it(many, tmp_path):
    out = tmp_path / "calls.csv"
    code, said, err = many.cli("calls", "export", out)
    assert (code, said) == (0, "")
    assert f"200,000 calls in {out}" in err
    assert out.read_bytes().count(b"\n") == MANY + 1
    assert out.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["calls.csv"]
    assert many.must("calls", "export").encode() == out.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "rows")
    (tmp_path / "rows").write_text("old")
    many.must("calls", "export", link, "--status", "502")
    assert link.is_symlink()
    rows = (tmp_path / "rows").read_text().splitlines()
    assert len(rows) == MANY // 100
    assert json.loads(rows[0])["object"] == "call"


def test_json_and_a_dash_are_standard_output(many):
    one = many.must("calls", "export", "--json", "--status", "502")
    assert one == many.must("calls", "export", "-", "--format", "jsonl",
                            "--status", "502")
    assert len(one.splitlines()) == MANY // 100


def test_a_daemon_that_dies_leaves_no_file_that_looks_whole(many, tmp_path):
    process = half_way(many, tmp_path)
    many.kill_daemon()
    process.send_signal(signal.SIGCONT)
    err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "broke off in the middle" in err
    assert os.listdir(tmp_path) == []
    many.wait_daemon()
    (tmp_path / "calls.csv").write_text("old")
    process = begin_export(many, stdout=subprocess.PIPE)
    begun = process.stdout.read(1000)
    many.kill_daemon()
    rest = process.stdout.read()
    err = process.stderr.read().decode()
    assert process.wait(60) == 1 and "broke off in the middle" in err
    assert (begun + rest).count(b"\n") < MANY
    process.stdout.close()
    process.stderr.close()
    many.wait_daemon()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_leaves_nothing(many, tmp_path, number):
    process = half_way(many, tmp_path)
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == -number
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_said(many, tmp_path):
    code, _, err = many.cli("calls", "export", tmp_path / "no" / "calls.csv")
    assert code == 1 and "cannot write" in err and "No such file" in err
    code, _, err = many.cli("calls", "export", "/dev/full")
    assert code == 1 and "cannot write /dev/full: No space left" in err
    assert many.cli("calls", "export", "/dev/null")[0] == 0
    assert os.stat("/dev/null").st_rdev != 0
    code, _, err = many.cli("calls", "export", tmp_path)
    assert code == 1 and "cannot write" in err


def test_a_terminal_sees_how_far_it_is(many, tmp_path):
    """After a second of it, so the export is held up for longer."""
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        [BUILD / "tollgate", "calls", "export"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=other,
        env=clean_env(TOLLGATE_HOME=str(many.home)))
    os.close(other)
    got = process.stdout.read(1 << 20)
    begun = time.monotonic()
    wait(lambda: time.monotonic() - begun > 1.1, what="second")
    while chunk := process.stdout.read(1 << 20):
        got += chunk
    assert process.wait(60) == 0 and got.count(b"\n") == MANY + 1
    said = os.read(terminal, 65536).decode()
    assert re.search(r"\r[\d,]+ rows, [\d,]+ rows/s, \d+ %\x1b\[K", said)
    assert said.endswith("\r\x1b[K")
    os.close(terminal)
    process.stdout.close()


def test_strangers_do_not_write_to_the_terminal(own_gate):
    own_gate.stop_up()
    call_rows.put(own_gate.home / "store.db",
                  [{"user_agent": "\x1b]0;title\x07red"}])
    own_gate.start_up()
    terminal, other = pty.openpty()
    process = subprocess.run(
        [BUILD / "tollgate", "calls", "export"], stdin=subprocess.DEVNULL,
        stdout=other, stderr=subprocess.PIPE,
        env=clean_env(TOLLGATE_HOME=str(own_gate.home)))
    said = os.read(terminal, 65536)
    assert process.returncode == 0
    assert said.count(b"\n") == 2 and b"red" in said
    assert b"\x1b" not in said and b"\x07" not in said
    os.close(other)
    os.close(terminal)


def test_a_reader_that_has_enough_is_no_failure(many):
    result = subprocess.run(
        f"{BUILD}/tollgate calls export | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True, executable="/bin/bash", capture_output=True, text=True,
        env=clean_env(TOLLGATE_HOME=str(many.home)))
    head, status = result.stdout.splitlines()
    assert head.startswith("at,id,") and status == "0", result.stderr


def test_wrong_options_and_refusals_are_told(many):
    assert many.cli("calls", "export", "--format", "xls")[0] == 2
    code, _, err = many.cli("calls", "export", "--ip", "10.0.0")
    assert code == 1 and "10.0.0.0/8" in err and "--ip" in err
    code, _, err = many.cli("calls", "export", "--admin-url",
                            "http://127.0.0.1:1", "--token", "x")
    assert code == 3 and "cannot reach" in err


def test_rows_are_counted_beforehand(many):
    answer = many.admin("GET", "/calls/export?format=jsonl")
    assert answer.headers["x-tollgate-rows"] == str(MANY)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert "calls.jsonl" in answer.headers["content-disposition"]
    assert answer.body.count(b"\n") == MANY
