"""Keys are found by what they are, and a page of 100 000 of them is cheap."""

import json
import os
import sqlite3
import time

import pytest

from lone_daemon import LoneDaemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("list") / "home").start()
    daemon.must("/accounts", {"name": "other"})
    for body in [
            {"name": "ci_build", "owner": "ann", "labels": {"team": "blue"}},
            {"name": "ci%deploy", "owner": "bob", "labels": {
                "team": "green", "env": "prod"}, "kind": "development"},
            {"name": "web", "owner": "ann", "expires_at": "10d",
             "labels": {"x": 'a,"team":"blue"'}},
            {"name": "Batch", "account": "other", "expires_at": "100d"}]:
        daemon.must("/keys", body)
    yield daemon
    daemon.clean()


def names(daemon, query):
    reply = daemon.get("/keys?" + query)
    assert reply.status == 200, reply.body
    return [key["name"] for key in reply.json["data"]]


@pytest.mark.parametrize("query,found", [
    ("", ["Batch", "web", "ci%deploy", "ci_build"]),
    ("name=ci", ["ci%deploy", "ci_build"]),
    ("name=CI", ["ci%deploy", "ci_build"]),
    ("name=batch", ["Batch"]),
    ("name=%25", ["ci%deploy"]),              # no wildcard
    ("name=_", ["ci_build"]),
    ("name=c_b", []),
    ("name=%5C", []),
    ("label=team", ["ci%deploy", "ci_build"]),
    ("label=team=blue", ["ci_build"]),        # not what is in a text
    ("label=team%3Dgreen", ["ci%deploy"]),
    ("label=eam", []),
    ("label=%22team", []),
    ("owner=ann", ["web", "ci_build"]),
    ("owner=an", []),
    ("kind=development", ["ci%deploy"]),
    ("owner=ann&label=team", ["ci_build"]),
    ("account=other", ["Batch"]),
    ("expires_before=30d", ["web"]),
    ("expires_before=365d", ["Batch", "web"]),
    ("expires_before=2020-01-01", []),
    ("last_used_before=2020-01-01", [
        "Batch", "web", "ci%deploy", "ci_build"]),
    ("status=active&limit=2", ["Batch", "web"]),
])
def test_keys_are_found_by(daemon, query, found):
    assert names(daemon, query) == found


def test_a_search_goes_on_behind_its_page(daemon):
    page = daemon.get("/keys?name=ci&limit=1").json
    assert page["has_more"]
    assert names(daemon, f"name=ci&limit=1&after={page['next']}") == \
        ["ci_build"]


@pytest.mark.parametrize("query,param", [
    ("kind=x", "kind"), ("name=", "name"), ("name=" + "x" * 401, "name"),
    ("expires_before=soon", "expires_before"), ("owner=", "owner"),
    ("last_used_before=soon", "last_used_before"),
    ("label=" + "x" * 700, "label")])
def test_what_is_asked_wrongly_is_named(daemon, query, param):
    reply = daemon.get("/keys?" + query)
    assert reply.status == 400 and reply.error["param"] == param


def test_a_used_key_is_not_one_that_was_last_used_before(own_gate):
    used, unused = own_gate.key("used"), own_gate.key("unused")
    assert own_gate.chat(used).status == 200
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))

    def listed(day):
        answer = own_gate.admin("GET", f"/keys?last_used_before={day}")
        return {key["id"] for key in answer.json["data"]}

    assert {used.id, unused.id} <= listed(tomorrow)
    assert listed(today) & {used.id, unused.id} == {unused.id}


def fill(home, count):
    """So many keys, each with two secrets, as the API would have made them."""
    db = sqlite3.connect(home / "store.db")
    account, = db.execute("SELECT id FROM accounts LIMIT 1").fetchone()
    row = dict(zip(*[
        [c[0] for c in db.execute("SELECT * FROM keys").description],
        db.execute("SELECT * FROM keys").fetchone()]))
    names = [n for n in row if n != "number"]
    sql = (f"INSERT INTO keys ({', '.join(names)}) VALUES "
           f"({', '.join(':' + n for n in names)})")
    db.executemany(sql, ({
        **row, "id": f"key_{n:020}", "account_id": account,
        "name": f"production_service-{n}_2026", "owner": f"team-{n % 97}",
        "labels": json.dumps({"team": f"t{n % 31}", "env": "prod"},
                             separators=(",", ":"))} for n in range(count)))
    db.executemany(
        "INSERT INTO secrets (id, key_id, digest, prefix, last4, created_at) "
        "VALUES (?, ?, ?, 'sk-tgp_abcd', 'wxyz', ?)",
        ((f"sec_{n:020}", f"key_{n // 2:020}", os.urandom(32), n)
         for n in range(2 * count)))
    db.commit()
    db.close()


def cpu_ms(pid):
    """What the process has used, user and system."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e6


def scan_ms(home):
    """What SQLite takes to look at each key's labels as JSON, here: what a
    page would cost at least if keys were parsed to be found."""
    db = sqlite3.connect(home / "store.db")
    begun = time.process_time()
    db.execute("SELECT count(*) FROM keys "
               "WHERE json_extract(labels, '$.team') = 'none'").fetchall()
    ended = time.process_time()
    db.close()
    return 1000 * (ended - begun)


def test_a_page_of_100_000_keys_costs_less_than_to_parse_them(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    daemon.must("/keys", {"name": "one"})
    daemon.stop()
    fill(daemon.home, 100_000)
    daemon.start()
    try:
        shares = {}
        for query in [
                "", "name=service-17_", "name=nowhere", "label=team=t7",
                "label=none", "owner=nobody", "status=disabled",
                "kind=restricted", "expires_before=30d",
                "last_used_before=2020-01-01", "last_used_before=2030-01-01",
                f"after=key_{500:020}", "name=nowhere&label=none&owner=x"]:
            pages, scans = [], []
            for _ in range(3):
                begun = cpu_ms(daemon.process.pid)
                reply = daemon.get("/keys?" + query)
                pages.append(cpu_ms(daemon.process.pid) - begun)
                assert reply.status == 200
                scans.append(scan_ms(daemon.home))
            shares[query] = min(pages) / min(scans)
            print(f"{min(pages):6.1f} of {min(scans):6.1f} ms  {query}")
        assert max(shares.values()) < 1, shares
    finally:
        daemon.clean()
