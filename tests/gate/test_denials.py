"""Refused requests are counted to the last one, by key, code and address,
and no flood of them costs the disk, the store or good clients anything."""

import os
import re
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest


UNKNOWN = "sk-tgp_000000000000000000000000000000234bLS"
FLOOD = 200_000
BATCH = 200
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")


def denials(gate, **query):
    """Rows, newest first."""
    path = "/denials?limit=1000" + "".join(
        f"&{k}={v}" for k, v in query.items())
    page = gate.admin("GET", path).json
    rows = page["data"]
    while page["has_more"]:
        page = gate.admin("GET", f"{path}&after={page['next']}").json
        rows += page["data"]
    return rows


def counts(gate, **query):
    total = Counter()
    for row in denials(gate, **query):
        total[row["code"]] += row["count"]
    return total


def has_counted(gate, want, **query):
    """Waits for so many, and that there are no more."""
    gate.wait(lambda: counts(gate, **query).total() >= want.total(), 20,
              f"{want} denials; there are {counts(gate, **query)}")
    assert counts(gate, **query) == want


def request_of(key, more=""):
    return (f"GET /v1/key HTTP/1.1\r\nHost: gate\r\n"
            f"Authorization: Bearer {key}\r\n{more}\r\n").encode()


class Client:
    """Sends requests by the batch on one connection, and counts statuses."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port),
                                               timeout=30)
        self.statuses = Counter()

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))
        wanted, seen = self.statuses.total() + len(requests), b""
        while self.statuses.total() < wanted:
            data = self.socket.recv(1 << 20)
            assert data, f"closed after {self.statuses}, before {wanted}"
            seen, last = seen + data, 0
            for status in STATUS.finditer(seen):
                self.statuses[int(status[1])] += 1
                last = status.end()
            # Of one that is cut, eleven bytes at most have come.
            seen = seen[max(last, len(seen) - 11):]

    def close(self):
        self.socket.close()


def flood(url, requests, count, done):
    """So many requests, of those in turn."""
    client = Client(url)
    batch = (requests * BATCH)[:BATCH]
    for _ in range(count // BATCH):
        client.send(*batch)
    client.close()
    done.append(client.statuses)


def in_threads(url, requests, count, threads=2):
    done = []
    running = [threading.Thread(target=flood,
                                args=(url, requests, count // threads, done))
               for _ in range(threads)]
    for thread in running:
        thread.start()
    return running, done


def end(running, done):
    for thread in running:
        thread.join(120)
        assert not thread.is_alive()
    assert len(done) == len(running)
    return sum(done, Counter())


def journal_bytes(gate):
    return sum(path.stat().st_size for folder in ("journal", "journal-kept")
               for path in (gate.home / folder).glob("*.tgj"))


def test_a_gate_that_has_begun_has_refused_nothing(own_gate):
    """`up` asks whether nginx answers, and takes no key's endpoint for it."""
    assert own_gate.request("GET", "/nowhere").status == 404
    has_counted(own_gate, Counter(not_found=1))


def test_a_flood_is_counted_to_the_last_and_harms_nobody(own_gate):
    key = own_gate.key("good", rpm=1_000_000, tpm=1_000_000_000)
    before, began = journal_bytes(own_gate), time.monotonic()
    running, done = in_threads(own_gate.url, [request_of(UNKNOWN)], FLOOD)
    good = Counter()
    while any(thread.is_alive() for thread in running):
        good[own_gate.chat(key).status] += 1
    sent = end(running, done)
    seconds = time.monotonic() - began
    assert sent.total() == FLOOD and set(sent) == {401, 429}
    has_counted(own_gate, Counter(invalid_api_key=sent[401],
                                  rate_limit_exceeded=sent[429]))
    assert set(good) == {200} and good[200] >= 10
    assert len(own_gate.wait_calls(good[200], key)) == good[200]

    # A record a second and worker, of two rows; and 512 bytes a call at most.
    workers = len(own_gate.nginx_workers())
    denied = (seconds + 2) * workers * (24 + 3 * 240)
    assert journal_bytes(own_gate) - before < (
        denied + good[200] * 512 + 64 * workers)
    for row in denials(own_gate):
        assert row["key_id"] is None and row["ip"] == "127.0.0.1"
        assert not row["rest"] and row["endpoint"] == "GET /v1/key"


def test_what_came_while_the_daemon_stood_still_is_taken_in(own_gate):
    pid = own_gate.daemon_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        sent = end(*in_threads(own_gate.url, [
            request_of("sk-tgp_short"), request_of(UNKNOWN)], 40_000))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert sent.total() == 40_000
    own_gate.wait(lambda: counts(own_gate).total() >= 40_000, 20, "all")
    found = counts(own_gate)
    assert found.total() == 40_000
    assert found["rate_limit_exceeded"] == sent[429]
    assert found["malformed_api_key"] + found["invalid_api_key"] == sent[401]


def test_a_daemon_that_is_killed_counts_none_twice(own_gate):
    running, done = in_threads(own_gate.url, [request_of(UNKNOWN)], 100_000)
    for _ in range(3):
        own_gate.wait(lambda: counts(own_gate).total() > 0, 20, "denials")
        own_gate.kill_daemon()
        own_gate.wait_daemon()
    sent = end(running, done)
    has_counted(own_gate, Counter(invalid_api_key=sent[401],
                                  rate_limit_exceeded=sent[429]))


def test_what_a_worker_has_it_writes_when_it_ends(own_gate):
    for _ in range(7):
        assert own_gate.request("GET", "/v1/key", UNKNOWN).status == 401
    own_gate.stop_up()
    own_gate.start_up()
    has_counted(own_gate, Counter(invalid_api_key=7))


def test_a_restore_counts_each_once(own_gate):
    """Segments come back that hold what the backup has, and such that hold
    what it lacks."""
    backup = own_gate.home.parent / "backup.db"
    for _ in range(7):
        own_gate.request("GET", "/v1/key", UNKNOWN)
    own_gate.stop_up()
    own_gate.start_up()
    has_counted(own_gate, Counter(invalid_api_key=7))
    own_gate.wait(lambda: list((own_gate.home / "journal-kept").glob("*.tgj")),
                  what="segment that is done")
    own_gate.must("backup", backup)
    for _ in range(5):
        own_gate.request("GET", "/v1/key", UNKNOWN)
    own_gate.stop_up()
    for _ in range(2):
        own_gate.must("restore", backup, "--yes")
        own_gate.start_up()
        has_counted(own_gate, Counter(invalid_api_key=12))
        own_gate.stop_up()


def test_each_cause_is_found_by_key_account_code_and_time(gate):
    account = gate.cli_json("accounts", "create", "--name", "denied")
    key = gate.key("denied", account="denied", scope="embeddings")
    other = gate.key("other", account="denied")
    began = time.time()
    for _ in range(3):
        assert gate.chat(key).code == "permission_denied"
    assert gate.chat(other, model="none-such").code == "model_not_found"
    gate.must("keys", "disable", other.id, "--yes")
    assert gate.chat(other, model="none-such").code == "key_disabled"
    has_counted(gate, Counter(permission_denied=3), key=key.id)
    has_counted(gate, Counter(model_not_found=1, key_disabled=1), key=other.id)
    has_counted(gate, Counter(permission_denied=3, model_not_found=1,
                              key_disabled=1), account="denied")
    has_counted(gate, Counter(key_disabled=1), account=account["id"],
                code="key_disabled")
    assert counts(gate, key=key.id, code="key_disabled") == Counter()
    assert counts(gate, key=key.id, since="2099-01-01") == Counter()
    assert counts(gate, key=key.id, until="2020-01-01") == Counter()

    row, = denials(gate, key=other.id, code="model_not_found")
    assert row["status"] == 404 and row["model"] == "none-such"
    assert row["endpoint"] == "POST /v1/chat/completions"
    assert row["ip"] == "127.0.0.1" and row["account_id"] == account["id"]
    assert row["id"].startswith("den_") and row["request_id"].startswith("req_")
    # Of a request whose body was not read there is no model.
    assert denials(gate, key=other.id, code="key_disabled")[0]["model"] is None
    assert began - 1 < gate_time(row["first_at"]) <= time.time()


def gate_time(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) \
        - time.timezone + float(text[19:-1] or 0)


def test_the_sample_is_what_the_client_saw(gate):
    key = gate.key("sampled", scope="embeddings")
    answer = gate.request(
        "POST", "/v1/chat/completions", key, {"model": "x"},
        headers={"User-Agent": "agent/" + "9" * 100})
    has_counted(gate, Counter(permission_denied=1), key=key.id)
    row, = denials(gate, key=key.id)
    assert row["request_id"] == answer.headers["x-request-id"]
    assert row["user_agent"] == ("agent/" + "9" * 100)[:64]


def test_a_limit_that_refuses_is_counted_and_a_call_is_not(gate):
    key = gate.key("limited", rpm=2)
    statuses = Counter(gate.chat(key).status for _ in range(6))
    assert statuses == {200: 2, 429: 4}
    has_counted(gate, Counter(rate_limit_exceeded=4), key=key.id)
    row, = denials(gate, key=key.id)
    assert row["model"] == "deepseek-flash"
    # What the upstream refuses has a record of its own.
    failing = gate.key("failing")
    assert gate.chat(failing, "sim:status=400").status == 400
    gate.wait_calls(1, failing)
    assert gate.chat(failing, model="none-such").status == 404
    has_counted(gate, Counter(model_not_found=1), key=failing.id)


def test_what_nginx_refuses_is_counted_too(own_gate):
    own_gate.request("GET", "/", raw=True,
                     body=b"GET /v1/key HTTP/1.1\r\nHost: a\r\n"
                          b"Content-Length: x\r\n\r\n")
    has_counted(own_gate, Counter(invalid_request=1))
    key = own_gate.key("large")
    head = ("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
            f"Authorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\n"
            "Content-Length: 99999999999\r\n\r\n")
    assert b" 413 " in own_gate.request("POST", "/", raw=True,
                                        body=head.encode())
    has_counted(own_gate, Counter(request_too_large=1),
                code="request_too_large")


def test_a_flood_from_everywhere_stays_small_and_hides_no_key(make_gate):
    gate = make_gate(conf="[gate]\ntrusted_proxies = 127.0.0.1\n").start()
    key = gate.key("held", scope="embeddings")
    sources = [f"2001:db8:{n:x}::{n:x}" for n in range(1, 2000)] + [
        f"10.1.{n >> 8}.{n & 255}" for n in range(2000)]
    requests = [request_of(UNKNOWN, f"X-Forwarded-For: {ip}\r\n")
                for ip in sources]
    before, began = journal_bytes(gate), time.monotonic()
    client = Client(gate.url)
    for _ in range(5):
        for n in range(0, len(requests), BATCH):
            client.send(*requests[n:n + BATCH])
        assert gate.chat(key).code == "permission_denied"
    client.close()
    seconds = time.monotonic() - began
    has_counted(gate, Counter(invalid_api_key=5 * len(sources),
                              permission_denied=5))
    assert counts(gate, key=key.id) == Counter(permission_denied=5)
    rows = denials(gate, code="invalid_api_key")
    rest = [row for row in rows if row["rest"]]
    assert 1 <= len(rest) <= 2 and len(rows) <= 2 * 1001
    for row in rest:
        assert row["ip"] is None and row["key_id"] is None
    networks = [row["ip"] for row in rows if row["ip"] and ":" in row["ip"]]
    assert networks and all(ip.endswith("::/64") for ip in networks)
    workers = len(gate.nginx_workers())
    assert journal_bytes(gate) - before < (
        (seconds + 2) * workers * (64 + 24 + 80 * 240))


@pytest.mark.parametrize("small_disk", [192], indirect=True)
def test_a_disk_with_little_room_is_left_to_calls(small_disk, make_gate):
    gate = make_gate().start()
    key = gate.key("good", rpm=1_000_000, tpm=1_000_000_000)
    assert {gate.chat(key).status for _ in range(20)} == {200}
    free = os.statvfs(small_disk)
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as out:
        os.posix_fallocate(out.fileno(), 0, free.f_bavail * free.f_frsize
                           - (48 << 20))
    for _ in range(12):
        assert gate.request("GET", "/v1/key", UNKNOWN).status == 401
    gate.wait(lambda: "no room in the journal for denials" in
              gate.nginx_log(), what="a word that denials wait")
    assert {gate.chat(key).status for _ in range(20)} == {200}
    assert counts(gate) == Counter()
    for _ in range(3):
        assert gate.chat("sk-tgp_short").code == "malformed_api_key"
    ballast.unlink()
    has_counted(gate, Counter(invalid_api_key=12, malformed_api_key=3))
    # What waited is counted by its code alone, but where a worker has had no
    # time to find that it must wait.
    rest, = [row for row in denials(gate, code="invalid_api_key")
             if row["rest"]]
    assert rest["ip"] is None and rest["count"] >= 1
    gate.wait(lambda: "the journal takes denials again" in gate.nginx_log(),
              what="a word that all is well")
    assert gate.request("GET", "/v1/key", UNKNOWN).status == 401
    gate.wait(lambda: any(row["ip"] == "127.0.0.1" for row in
                          denials(gate, code="invalid_api_key")),
              what="one with its address")


def test_no_credential_is_kept(own_gate):
    wrong = "sk-other-0123456789planted0123456789"
    for headers in ({"Authorization": f"Bearer {wrong}"},
                    {"x-api-key": wrong}, {"api-key": wrong}):
        assert own_gate.request("GET", "/v1/key",
                                headers=headers).status == 401
    assert own_gate.request("GET", f"/v1/key?key={wrong}").status == 401
    has_counted(own_gate, Counter(malformed_api_key=4))
    own_gate.stop_up()
    for path in own_gate.home.rglob("*"):
        if path.is_file():
            assert b"planted" not in path.read_bytes(), path


def test_old_ones_go(make_gate):
    gate = make_gate(conf="[retention]\ndenials_days = 2\n").start()
    assert gate.request("GET", "/v1/key", UNKNOWN).status == 401
    has_counted(gate, Counter(invalid_api_key=1))
    gate.stop_up()
    store = sqlite3.connect(gate.home / "store.db")
    store.execute(
        "INSERT INTO denials (quarter, key_id, account_id, code, ip, count, "
        "first_at, last_at, sample_at, request_id, endpoint, model, "
        "user_agent) SELECT quarter - n.value, key_id, account_id, code, ip, "
        "count, first_at, last_at, sample_at, request_id, endpoint, model, "
        "user_agent FROM denials, (SELECT 100 AS value UNION SELECT 193 "
        "UNION SELECT 400) AS n WHERE code = 3")
    store.commit()
    gate.start_up()

    def quarters():
        newest, = store.execute(
            "SELECT max(quarter) FROM denials WHERE code = 3").fetchone()
        return [newest - quarter for quarter, in store.execute(
            "SELECT quarter FROM denials WHERE code = 3 ORDER BY 1 DESC")]

    gate.wait(lambda: quarters() == [0, 100], 20, "what is old to go")
    store.close()


def test_the_command_line_lists_them(gate):
    key = gate.key("listed", scope="embeddings")
    for _ in range(2):
        gate.chat(key)
    has_counted(gate, Counter(permission_denied=2), key=key.id)
    head, row = gate.must("denials", "list", "--key", key.id).splitlines()
    assert head.split()[:6] == ["LAST", "COUNT", "STATUS", "CODE", "KEY", "IP"]
    assert row.split()[1:6] == ["2", "403", "permission_denied", key.id,
                                "127.0.0.1"]
    listed = gate.cli_json("denials", "--key", key.id, "--since", "1h")
    assert listed["data"] == denials(gate, key=key.id)
    assert "permission_denied" in gate.must("denials", "--csv", "--code",
                                            "permission_denied")
    assert gate.must("denials", "--key", gate.key("another").id) == \
        "No such requests were refused.\n"
    status, _, errors = gate.cli("denials", "list", "--code", "none_such")
    assert status == 1 and "there is no code 'none_such'" in errors
    assert "denials list" in gate.must("help", "calls", "list")


@pytest.mark.parametrize("query", [
    "after=den_x", "after=den_" + "x" * 20, "after=evt_00000000000000000001", "limit=0", "code=",
    "since=x", "account=none-such", "status=401"])
def test_a_query_that_is_wrong_is_refused(gate, query):
    assert gate.admin("GET", f"/denials?{query}").status == 400


def test_a_page_behind_one_that_is_gone(gate):
    assert gate.admin("GET", "/denials?after=den_" + "9" * 20).status == 404
