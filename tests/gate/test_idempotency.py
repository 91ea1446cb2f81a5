"""A POST under an Idempotency-Key is done once, however often it is sent."""

import hashlib
import json
import sqlite3
import threading
import uuid

import pytest

from lone_daemon import LoneDaemon, wait

DAY_MS = 86400000


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def send(daemon, path, body, key, method="POST", **more):
    return daemon.ask(method, path, body, headers={"Idempotency-Key": key},
                      **more)


def rows(daemon, sql, *values):
    db = sqlite3.connect(daemon.home / "store.db")
    found = db.execute(sql, values).fetchall()
    db.close()
    return found


def execute(daemon, sql, *values):
    db = sqlite3.connect(daemon.home / "store.db")
    db.execute(sql, values)
    db.commit()
    db.close()


def count(daemon, action):
    return len(daemon.get(f"/audit?action={action}").json["data"])


def is_replay(reply):
    return reply.headers.get("idempotency-replayed") == "true"


def test_the_first_answer_is_given_again(daemon):
    first = send(daemon, "/keys", {"name": "k"}, "one")
    again = send(daemon, "/keys", {"name": "k"}, "one")
    assert first.status == again.status == 201
    assert first.body == again.body and "key" in first.json
    assert not is_replay(first) and is_replay(again)
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    other = send(daemon, "/keys", {"name": "k"}, "two")
    assert other.json["id"] != first.json["id"]
    assert count(daemon, "key.create") == 2
    assert len(daemon.get("/keys").json["data"]) == 2


def test_it_is_given_after_a_restart(daemon):
    first = send(daemon, "/keys", {"name": "k"}, "one")
    daemon.kill()
    daemon.start()
    assert send(daemon, "/keys", {"name": "k"}, "one").body == first.body


def test_another_request_with_its_key_is_refused(daemon):
    account = daemon.must("/accounts", {"name": "a"})["id"]
    assert send(daemon, f"/accounts/{account}/grant", {"amount": "1"},
                "one").status == 200
    for path, body in [(f"/accounts/{account}/grant", {"amount": "2"}),
                       (f"/accounts/{account}/top-up", {"amount": "1"}),
                       ("/accounts/default/grant", {"amount": "1"}),
                       ("/prices?dry_run=true", {"amount": "1"})]:
        reply = send(daemon, path, body, "one")
        assert reply.status == 409, reply.body
        assert reply.error["code"] == "idempotency_key_reused"
        assert reply.error["param"] == "Idempotency-Key"
    assert daemon.get(f"/accounts/{account}").json["granted"] == "1.00"


def test_money_is_given_once(daemon):
    for _ in range(5):
        assert send(daemon, "/accounts/default/top-up", {"amount": "2"},
                    "pay").status == 200
    assert daemon.get("/accounts/default").json["topped_up"] == "2.00"


def test_keys_are_an_operators_own(daemon):
    daemon.must("/operators", {"name": "ann", "role": "admin"})
    token = daemon.must("/tokens", {"name": "t", "operator": "ann"})["token"]
    daemon.hunt.plant("owner's token", token)
    mine = send(daemon, "/keys", {"name": "k"}, "one")
    hers = send(daemon, "/keys", {"name": "k"}, "one", token=token)
    assert hers.status == 201 and not is_replay(hers)
    assert mine.json["id"] != hers.json["id"]


def test_what_was_refused_may_be_put_right(daemon):
    assert send(daemon, "/keys", {"name": ""}, "one").status == 400
    assert send(daemon, "/keys", {"name": "k"}, "one").status == 201
    assert rows(daemon, "SELECT count(*) FROM idempotency") == [(1,)]


def test_what_is_no_key_is_refused(daemon):
    for key in ["", "a b", "x" * 256, "a\tb"]:
        reply = send(daemon, "/keys", {"name": "k"}, key)
        assert reply.status == 400, key
        assert reply.error["param"] == "Idempotency-Key"
    assert send(daemon, "/keys", {"name": "k"}, "x" * 255).status == 201


def test_of_other_methods_it_says_nothing(daemon):
    key = daemon.must("/keys", {"name": "k"})["id"]
    for name in "ab":
        reply = send(daemon, f"/keys/{key}", {"name": name}, "one", "PATCH")
        assert reply.json["name"] == name and not is_replay(reply)


def test_two_at_once_are_one(daemon):
    """All are sent at one moment; who comes second is told so, or gets the
    first one's answer."""
    for _ in range(10):
        key, replies = str(uuid.uuid4()), []
        threads = [threading.Thread(target=lambda: replies.append(
            send(daemon, "/keys", {"name": key}, key))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = {r.json["id"] for r in replies if r.status == 201}
        assert len(made) == 1
        for reply in replies:
            assert reply.status == 201 or (
                reply.error["code"] == "idempotency_in_progress" and
                reply.headers["retry-after"] == "1")
    assert count(daemon, "key.create") == 10


def test_nothing_of_it_is_in_the_clear(daemon):
    first = send(daemon, "/keys", {"name": "k"}, "a-key-to-look-for").json
    token = send(daemon, "/tokens", {"name": "t"}, "another").json["token"]
    daemon.hunt.plant("owner's token", token)
    execute(daemon, "PRAGMA wal_checkpoint(TRUNCATE)")
    stored = (daemon.home / "store.db").read_bytes()
    for secret in (first["key"], token, "a-key-to-look-for"):
        assert secret.encode() not in stored


def forget_answer(daemon, told):
    """As if the daemon had been killed behind the change's transaction."""
    row, = rows(daemon, "SELECT status FROM idempotency")
    assert row[0] in (200, 201)
    execute(daemon, "UPDATE idempotency SET status = 0, sealed = ?", told)


def test_an_answer_that_was_not_kept_is_made_anew(daemon):
    account = daemon.must("/accounts", {"name": "a"})["id"]
    first = send(daemon, f"/accounts/{account}/grant", {"amount": "1"}, "one")
    forget_answer(daemon, b"")
    again = send(daemon, f"/accounts/{account}/grant", {"amount": "1"}, "one")
    assert is_replay(again) and again.json == first.json


def test_of_what_cannot_be_read_the_change_is_told(daemon):
    body = {"model": "deepseek-flash", "prompt": "1", "completion": "2"}
    assert send(daemon, "/prices", body, "one").status in (200, 201)
    forget_answer(daemon, b"")
    again = send(daemon, "/prices", body, "one")
    assert is_replay(again) and again.json["object"] == "change"
    assert again.json["action"] == "price.add"
    assert count(daemon, "price") == 1


def test_a_day_later_it_may_be_done_again(daemon):
    first = send(daemon, "/keys", {"name": "k"}, "one").json
    send(daemon, "/keys", {"name": "l"}, "young")
    execute(daemon, "UPDATE idempotency SET created_at = created_at - ? "
            "WHERE number = 1", DAY_MS + 1000)
    daemon.stop()
    daemon.start()
    wait(lambda: rows(daemon, "SELECT count(*) FROM idempotency") == [(1,)],
         what="an end")
    assert send(daemon, "/keys", {"name": "k"}, "one").json["id"] != \
        first["id"]
    assert is_replay(send(daemon, "/keys", {"name": "l"}, "young"))


def test_so_many_are_kept_and_no_more(daemon):
    send(daemon, "/keys", {"name": "k"}, "old")
    db = sqlite3.connect(daemon.home / "store.db")
    now, = db.execute("SELECT created_at FROM idempotency").fetchone()
    db.executemany(
        "INSERT INTO idempotency (operator_id, key, request, created_at, "
        "subject, status, etag, sealed) VALUES ('op_x', ?, ?, ?, '', 200, '', "
        "x'')", ((hashlib.sha256(b"%d" % n).digest(), bytes(32), now + 1)
                 for n in range(20000)))
    db.commit()
    db.close()
    daemon.stop()
    daemon.start()
    wait(lambda: rows(daemon, "SELECT count(*) FROM idempotency") ==
         [(20000,)], what="an end")
    assert not is_replay(send(daemon, "/keys", {"name": "k"}, "old"))


def test_a_change_is_not_made_without_its_row(daemon):
    execute(daemon, "CREATE TRIGGER full BEFORE INSERT ON idempotency "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert send(daemon, "/keys", {"name": "k"}, "one").status == 503
    assert daemon.get("/keys").json["data"] == []
    assert count(daemon, "key") == 0


def test_what_makes_several_changes_is_not_begun_twice(daemon):
    """A response to a leak: its first half may be made and the rest not."""
    key = daemon.must("/keys", {"name": "k"})["id"]
    path = f"/keys/{key}/leak-response"
    first = send(daemon, path, {}, "one")
    assert first.status == 201, first.body
    again = send(daemon, path, {}, "one")
    assert is_replay(again) and again.body == first.body
    execute(daemon, "UPDATE idempotency SET status = -1, sealed = x''")
    cut = send(daemon, path, {}, "one")
    assert cut.status == 409
    assert cut.error["code"] == "idempotency_interrupted"
    assert count(daemon, "leak.respond") == count(daemon, "leak") == 2
