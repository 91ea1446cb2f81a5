"""`tollgate ledger verify`: every kind of difference is planted, and named;
while calls run, and when all is well, there is none."""

import json
import mmap
import os
import signal
import sqlite3
import struct
import threading
from decimal import Decimal

import pytest

import call_rows
from conftest import has_processes, processes_of, read_process
from state_file import StateFile
from test_crash import Load

NANOS = 10**9
HEADER, CELL_DAY, CELL_MONTH, COUNTERS = 64, 16, 32, 64


def verify(gate, *args):
    """The result, and whether the exit status says the same."""
    code, out, err = gate.cli("ledger", "verify", "--json", *args)
    assert out, err
    check = json.loads(out)
    assert code == (1 if check["difference_count"] else 0), err
    assert check["status"] == ("differs" if code else "agrees")
    return check


def kinds(check):
    return sorted({d["kind"] for d in check["differences"]})


def named(check, kind):
    found = [d for d in check["differences"] if d["kind"] == kind]
    assert found, (kind, check["differences"])
    return found[0]


def nanos(text):
    return int(Decimal(text) * NANOS)


def some_calls(gate, count=4, **policy):
    """A key, and what its calls cost together."""
    key = gate.key("books", **policy)
    costs = [nanos(gate.chat(key, f"call {n}").headers["x-tollgate-cost"])
             for n in range(count)]
    gate.wait_calls(count, key)
    return key, costs


@pytest.fixture
def books(own_gate):
    """A gate with calls, whose books agree."""
    gate = own_gate
    gate.books_key, gate.costs = some_calls(gate)
    assert verify(gate)["differences"] == []
    return gate


def sql(gate, *statements):
    """With nobody else at the store."""
    db = call_rows.writable(sqlite3.connect(gate.home / "store.db"))
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()


def while_down(gate, *statements):
    gate.stop_up()
    sql(gate, *statements)
    gate.start_up()
    return verify(gate)


def test_books_that_agree(books):
    check = verify(books)
    assert check["currency"] == "USD" and check["offline"] is False
    assert check["checked"]["calls"] == 4
    assert check["in_flight"] == {"calls": 0, "held": "0.00"}
    code, out, _ = books.cli("ledger", "verify")
    assert code == 0 and out == "The books agree.\n"
    again = books.admin("GET", "/ledger/verify").json
    assert again["status"] == "agrees"
    books.stop_up()                         # segments are done and kept
    offline = verify(books, "--offline")
    assert offline["offline"] and offline["checked"]["records"] == 4
    books.start_up()
    assert verify(books)["checked"]["records"] == 4


def test_the_cost_of_a_call_was_changed(books):
    check = while_down(books, "UPDATE calls SET cost_nanos = cost_nanos + 5 "
                              "WHERE seq = 2")
    call = named(check, "call_cost")
    assert call["subject"].startswith("call_")
    assert nanos(call["difference"]) == 5 and call["unit"] == "USD"
    day = named(check, "cell_day")
    assert day["subject"] == books.books_key.id
    assert nanos(day["found"]) == sum(books.costs)
    assert nanos(day["expected"]) == sum(books.costs) + 5
    assert nanos(named(check, "cell_balance")["difference"]) == -5
    assert nanos(named(check, "call_differs")["difference"]) == 5
    _, out, _ = books.cli("ledger", "verify")
    assert "0.000000005" in out and "USD" in out and call["subject"] in out


def test_a_call_is_gone_from_the_store(books):
    check = while_down(books, "DELETE FROM calls WHERE seq = 2")
    for kind in ("cell_day", "cell_month", "cell_balance", "counter_settled"):
        assert nanos(named(check, kind)["difference"]) == books.costs[1], kind
    calls = named(check, "counter_calls")
    assert (calls["expected"], calls["found"], calls["unit"]) == (3, 4, "calls")
    assert nanos(named(check, "call_missing")["expected"]) == books.costs[1]


def test_calls_that_went_by_age_are_no_difference(books):
    reconcile(books)
    check = while_down(books, "DELETE FROM calls WHERE seq <= 2")
    assert check["differences"] == []
    assert any("gone by age" in note for note in check["notes"])
    assert reconcile(books)["status"] == "agrees"


def test_a_call_stands_in_the_store_that_nobody_made(books):
    columns = [c for c in column_names(books) if c not in ("seq", "id")]
    check = while_down(
        books, f"INSERT INTO calls (id, {', '.join(columns)}) SELECT "
               f"x'00112233445566778899aabbccddeeff', {', '.join(columns)} "
               f"FROM calls WHERE seq = 2")
    assert nanos(named(check, "cell_day")["difference"]) == -books.costs[1]
    assert named(check, "counter_calls")["difference"] == -1


def column_names(gate):
    db = sqlite3.connect(gate.home / "store.db")
    names = [row[1] for row in db.execute("PRAGMA table_info(calls)")]
    db.close()
    return names


def test_an_account_begins_with_another_sum(books):
    check = while_down(books, "UPDATE accounts SET base_nanos = 7")
    base = named(check, "account_base")
    assert nanos(base["found"]) == 7 and nanos(base["expected"]) == 0


def test_a_row_refers_to_nothing(books):
    check = while_down(
        books, "INSERT INTO secrets (id, key_id, digest, prefix, last4, "
               "created_at) VALUES ('sec_x', 'key_gone', zeroblob(32), '', "
               "'', 0)")
    assert "secrets" in named(check, "store_damaged")["what"]


def poke(gate, at, delta, kind="q"):
    with open(gate.shm / "state", "r+b") as state:
        state.seek(at)
        value, = struct.unpack("<" + kind, state.read(struct.calcsize(kind)))
        state.seek(at)
        state.write(struct.pack("<" + kind, value + delta))


@pytest.mark.parametrize("offset,kind", [
    (CELL_DAY, "cell_day"), (CELL_MONTH, "cell_month"),
    (COUNTERS + 16, "counter_settled"), (COUNTERS + 24, "counter_held")])
def test_money_in_the_state_file_was_changed(books, offset, kind):
    at = StateFile(books.shm).key_at(books.books_key.id)
    poke(books, at + offset, 11)
    check = verify(books)
    assert kinds(check) == [kind]
    difference = named(check, kind)
    assert difference["subject"] == books.books_key.id
    assert nanos(difference["difference"]) == 11
    poke(books, at + offset, -11)
    assert verify(books)["differences"] == []


def test_counts_in_the_state_file_were_changed(books):
    at = StateFile(books.shm).key_at(books.books_key.id)
    for offset, kind, unit in [(8, "counter_calls", "calls"),
                               (32, "counter_prompt_tokens", "tokens"),
                               (40, "counter_completion_tokens", "tokens")]:
        poke(books, at + COUNTERS + offset, 3)
        difference = named(verify(books), kind)
        assert (difference["difference"], difference["unit"]) == (3, unit)
        poke(books, at + COUNTERS + offset, -3)
    poke(books, at + COUNTERS + 48, 1, "i")
    assert named(verify(books), "counter_in_flight")["found"] == 1
    poke(books, at + COUNTERS + 48, -1, "i")
    assert verify(books)["differences"] == []


def test_a_balance_in_the_state_file_was_changed(books):
    """And the account's money as the gate has it."""
    state = StateFile(books.shm)
    accounts = state._integer(80)
    poke(books, accounts + 16, -2)
    difference = named(verify(books), "cell_balance")
    assert difference["subject"].startswith("acct_")
    assert nanos(difference["difference"]) == -2
    poke(books, accounts + 16, 2)
    policy = accounts + 192 + (state._integer(accounts) & 1) * 96
    poke(books, policy + 32, 5)
    granted = named(verify(books), "account_money")
    assert "granted" in granted["what"]
    assert nanos(granted["difference"]) == 5
    poke(books, policy + 32, -5)
    assert verify(books)["differences"] == []


def records(data):
    at, found = HEADER, []
    while at + 24 <= len(data):
        length, = struct.unpack_from("<I", data, at)
        found.append((at, length))
        at += length
    return found


def one_segment(folder):
    """The largest: there may be some of writers with hardly a record."""
    return max(folder.glob("*.tgj"), key=lambda path: path.stat().st_size)


def test_a_record_was_taken_out_of_the_journal_before_it_was_read(own_gate):
    gate = own_gate
    key, costs = some_calls(gate)
    # The daemon stands still, so calls are in the journal alone.
    os.kill(gate.daemon_pid(), signal.SIGSTOP)
    more = [nanos(gate.chat(key, f"later {n}").headers["x-tollgate-cost"])
            for n in range(8)]
    kill_all(gate)
    path = one_segment(gate.home / "journal")
    data = path.read_bytes()
    at, length = records(data)[-2]
    cost, = struct.unpack_from("<q", data, at + 24 + 360)
    assert cost in more
    path.write_bytes(data[:at] + data[at + length:])
    gate.start_up()
    gate.wait_calls(len(costs) + len(more) - 1, key)
    check = verify(gate)
    assert nanos(named(check, "cell_day")["difference"]) == cost
    missing = named(check, "record_missing")
    assert missing["subject"] == path.name and "1 record is" in missing["what"]


def kill_all(gate):
    """A daemon that stands still must not go on first: `up`, whose end would
    wake it, ends last, and starts nothing meanwhile."""
    os.kill(gate.up_pid(), signal.SIGSTOP)
    for pid in processes_of(gate.home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os.kill(gate.up_pid(), signal.SIGKILL)
    gate.wait(lambda: not has_processes(gate.home), what="end of all")


def test_segments_that_are_damaged_or_gone_are_named(books):
    gate = books
    gate.stop_up()
    path = one_segment(gate.home / "journal-kept")
    data = bytearray(path.read_bytes())
    data[HEADER + 200] ^= 4
    path.write_bytes(data)
    gate.start_up()
    bad = named(verify(gate), "segment_bad")
    assert bad["subject"] == path.name and "checksum" in bad["what"]
    path.unlink()
    assert verify(gate)["differences"] == []
    gate.chat(gate.books_key)
    gate.wait_calls(5)
    live = one_segment(gate.home / "journal")
    live.unlink()
    missing = named(verify(gate), "segment_missing")
    assert missing["subject"] == live.name


def test_a_bad_segment_of_the_journal_is_named(own_gate):
    gate = own_gate
    key, _ = some_calls(gate)
    os.kill(gate.daemon_pid(), signal.SIGSTOP)
    for n in range(8):
        gate.chat(key, f"later {n}")
    kill_all(gate)
    path = one_segment(gate.home / "journal")
    data = bytearray(path.read_bytes())
    data[records(data)[-1][0] + 100] ^= 1
    path.write_bytes(data)
    gate.start_up()
    # It is given up after a third look, and not at the first.
    check = gate.wait(lambda: (lambda it: it if any(
        each["kind"] == "segment_bad" for each in it["differences"]) else None)(
            verify(gate)), what="a segment that is given up")
    bad = named(check, "segment_bad")
    assert bad["subject"] == path.name
    assert "a checksum does not hold" in bad["what"]
    assert nanos(named(check, "cell_day")["difference"]) > 0
    gate.chat(key)                                # and service goes on


def test_no_difference_while_calls_run(make_gate):
    """Keys that are busy all the time, with streams that hold in steps, and
    calls whose hold is far above their cost."""
    gate = make_gate(sim_args=["--latency", "5"]).start()
    keys = [gate.key(f"busy {n}", rpm=10**8, tpm=10**9, daily_limit=1000,
                     timezone=zone)
            for n, zone in enumerate(["UTC", "Asia/Tokyo"])]
    loads = [Load(gate, keys[0]),
             Load(gate, keys[1], threads=3, stream=True,
                  text="sim:slow=1 sim:tokens=1500"),
             Load(gate, keys[1], threads=2, max_tokens=3000)]
    checks = []
    for load in loads[:1]:
        load.goes_on()
    for _ in range(6):
        loads[0].goes_on(40)
        checks.append(verify(gate))
    for load in loads:
        load.end()
    assert [c["differences"] for c in checks] == [[]] * 6
    assert any(c["in_flight"]["calls"] > 0 for c in checks)
    assert verify(gate)["differences"] == []
    print([(c["checked"]["looks"], c["in_flight"], c["notes"])
           for c in checks])


def test_a_small_difference_is_found_while_calls_run(make_gate):
    gate = make_gate(sim_args=["--latency", "5"]).start()
    key = gate.key("busy", rpm=10**8, tpm=10**9)
    load = Load(gate, key, threads=4)
    load.goes_on()
    at = StateFile(gate.shm).key_at(key.id)
    cell_add(gate, at + CELL_DAY, 1)
    load.goes_on()
    check = verify(gate)
    load.end()
    assert kinds(check) == ["cell_day"]
    assert nanos(named(check, "cell_day")["difference"]) == 1
    assert nanos(named(verify(gate), "cell_day")["difference"]) == 1


def is_stopped(pid):
    return read_process(pid, "stat").rpartition(b")")[2].split()[0] == b"T"


def cell_add(gate, at, delta):
    """While nobody changes it.  Who was about to sees another amount than he
    expects, and looks again."""
    workers = gate.nginx_workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        gate.wait(lambda: all(map(is_stopped, workers)), what="standstill")
        with open(gate.shm / "state", "r+b") as file, \
                mmap.mmap(file.fileno(), 0) as state:
            value, = struct.unpack_from("<q", state, at)
            struct.pack_into("<q", state, at, value + delta)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def test_a_call_in_flight_is_a_hold(make_gate):
    gate = make_gate(sim_args=["--latency", "1500"]).start()
    key = gate.key("slow", rpm=10**8, tpm=10**9)
    load = Load(gate, key, threads=3)
    gate.wait(lambda: len(gate.sim.requests(64)) >= 3, what="calls")
    check = verify(gate)
    assert check["differences"] == [] and check["in_flight"]["calls"] == 3
    assert nanos(check["in_flight"]["held"]) > 0
    load.end()


def test_who_may_verify_and_when_it_cannot(own_gate):
    gate = own_gate
    assert gate.admin("GET", "/ledger/verify").status == 404
    assert gate.admin("POST", "/ledger/verify", {}).status == 202
    code, _, err = gate.cli("ledger", "verify", "--offline")
    assert code == 1 and "another tollgated runs" in err
    gate.stop_up()
    code, _, err = gate.cli("ledger", "verify")
    assert code == 3


def test_books_agree_after_a_lost_state_file_and_a_restore(books, tmp_path):
    gate = books
    copy = tmp_path / "tollgate.db"
    gate.must("backup", copy)
    gate.chat(gate.books_key)
    gate.wait_calls(5)
    gate.stop_up()
    (gate.shm / "state").unlink()
    gate.start_up()
    gate.chat(gate.books_key)
    assert verify(gate)["differences"] == []
    gate.stop_up()
    gate.must("restore", copy, "--yes")
    gate.start_up()
    gate.wait_calls(6)
    assert verify(gate)["differences"] == []


# What an upstream says itself.


def reconcile(gate, *args):
    code, out, err = gate.cli("ledger", "reconcile", "--json", *args)
    assert out, err
    result = json.loads(out)
    assert code == (1 if result["difference_count"] else 0), err
    return result


def test_the_simulators_count_and_the_ledger(own_gate):
    gate = own_gate
    key, _ = some_calls(gate)                       # before the first reading
    first = reconcile(gate)
    assert first["status"] == "baseline" and first["source"] == "count"
    for n in range(3):
        gate.chat(key, f"more {n}", stream=n == 1).body
    gate.wait_calls(7)
    result = reconcile(gate, "--upstream", "sim")
    assert result["status"] == "agrees" and result["since"] == first["at"]
    requests = next(f for f in result["figures"] if f["what"] == "requests")
    assert requests == {"subject": "deepseek-flash", "what": "requests",
                        "ledger": 3, "upstream": 3, "difference": 0}
    code, out, _ = gate.cli("ledger", "reconcile")
    assert code == 0 and "sim and the ledger agree since" in out

    # A call that the ledger does not have, and one that it made up.
    body = {"model": "deepseek-flash",
            "messages": [{"role": "user", "content": "past the gate"}]}
    from conftest import http_request
    beside = http_request(gate.sim.url, "POST", "/v1/chat/completions", {
        "Authorization": "Bearer sk-0123456789abcdef0123456789abcdef"}, body)
    used = beside.json["usage"]
    result = reconcile(gate)
    assert result["status"] == "differs"
    apart = {d["what"]: d["difference"] for d in result["differences"]}
    assert apart["requests"] == -1
    assert apart["prompt tokens"] == -used["prompt_tokens"]
    assert apart["completion tokens"] == -used["completion_tokens"]
    assert reconcile(gate, "--reset")["status"] == "baseline"
    assert reconcile(gate)["status"] == "agrees"
    gate.sim.reset()
    again = reconcile(gate)
    assert again["status"] == "baseline" and "began anew" in again["notes"][0]


def test_a_count_while_calls_run(own_gate):
    gate = own_gate
    key = gate.key("busy", rpm=10**8, tpm=10**9)
    load = Load(gate, key, threads=4)
    load.goes_on()
    reconcile(gate)
    for _ in range(4):
        load.goes_on()
        assert reconcile(gate)["differences"] == []
    load.end()
    gate.wait_calls(len(load.answers))
    assert reconcile(gate)["differences"] == []


class Provider:
    """Answers /user/balance, and nothing else."""

    def __init__(self):
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        self.balance, self.currency, self.asked = "100.00", "USD", []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked.append((self.path,
                                       self.headers["Authorization"]))
                found = self.path == "/user/balance"
                body = json.dumps({"is_available": True, "balance_infos": [
                    {"currency": provider.currency,
                     "total_balance": provider.balance,
                     "granted_balance": "0.00",
                     "topped_up_balance": provider.balance}]}).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.stop()


def test_a_balance_and_the_ledger(own_gate, provider):
    gate = own_gate
    key, _ = some_calls(gate, 1)
    gate.must("upstreams", "add", "--name", "there", "--base-url",
              provider.url, "--dialect", "deepseek")
    gate.must("credentials", "add", "--upstream", "there",
              input="sk-fedcba9876543210fedcba9876543210\n")
    code, _, err = gate.cli("ledger", "reconcile")
    assert code == 1 and "several upstreams" in err
    first = reconcile(gate, "--upstream", "there")
    assert first["status"] == "baseline" and first["source"] == "balance"
    assert provider.asked[-1] == ("/user/balance",
                                  "Bearer sk-fedcba9876543210fedcba9876543210")
    assert reconcile(gate, "--upstream", "there")["status"] == "agrees"

    provider.balance = "99.50"             # and the ledger has no such call
    result = reconcile(gate, "--upstream", "there")
    difference = named(result, "upstream_balance")
    assert difference["expected"] == "0.50" and difference["found"] == "0.00"
    assert difference["unit"] == "USD" and difference["difference"] == "-0.50"

    # Calls of that upstream that cost so much, as the ledger has them.
    upstream = result["upstream_id"]
    gate.stop_up()
    sql(gate, "INSERT INTO calls SELECT seq + 1, "
              "x'00112233445566778899aabbccddeeff', at, key_id, account_id, "
              f"'{upstream}', " + ", ".join(
                  "495000000" if c == "cost_nanos" else c
                  for c in column_names(gate)[6:]) +
              " FROM calls WHERE seq = 1")
    gate.start_up()
    assert reconcile(gate, "--upstream", "there")["status"] == "agrees", \
        "a balance is told in hundredths"

    provider.balance = "149.50"
    result = reconcile(gate, "--upstream", "there")
    assert result["status"] == "differs"
    assert any("--topped-up" in note for note in result["notes"])
    assert reconcile(gate, "--upstream", "there", "--topped-up",
                     "50")["status"] == "agrees"
    assert reconcile(gate, "--upstream", "there")["status"] == "agrees"

    provider.currency = "CNY"
    code, _, err = gate.cli("ledger", "reconcile", "--upstream", "there")
    assert code == 1 and "no balance in USD" in err
