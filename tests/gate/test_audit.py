"""Every change has its entry in the audit log, in one transaction with it."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess

import pytest

from lone_daemon import BUILD, LoneDaemon


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def store(daemon):
    return sqlite3.connect(daemon.home / "store.db")


FIELDS = ["number", "id", "at", "operator_id", "operator", "via", "ip",
          "request_id", "action", "subject", "details"]


def entries(daemon):
    db = store(daemon)
    db.row_factory = sqlite3.Row
    return db.execute("SELECT * FROM audit ORDER BY number").fetchall()


def chain(rows):
    """The digests as docs/audit.md says them."""
    digest = bytes(32)
    for row in rows:
        text = b""
        for name in FIELDS:
            value = str(row[name]).encode()
            text += b"%d:%s," % (len(value), value)
        digest = hashlib.sha256(digest + text).digest()
        yield digest


def test_a_change_leaves_who_what_and_from_where(daemon):
    reply = daemon.ask("POST", "/keys", {"name": "k", "scopes": ["chat"]},
                       headers={"X-Forwarded-For": "203.0.113.7"})
    key = reply.json
    assert daemon.ask("PATCH", f"/keys/{key['id']}",
                      {"name": "l"}).status == 200
    made, changed = entries(daemon)
    assert made["action"] == "key.create" and made["subject"] == key["id"]
    assert made["operator"] == "owner" and made["operator_id"][:3] == "op_"
    assert made["ip"] == "203.0.113.7"
    assert made["request_id"] == reply.headers["x-request-id"]
    details = json.loads(made["details"])
    assert details["scopes"] == [None, ["chat"]]
    assert key["key"] not in made["details"]
    assert changed["action"] == "key.update"
    assert json.loads(changed["details"]) == {"name": ["k", "l"]}
    assert [r["digest"] for r in (made, changed)] == list(chain((made, changed)))
    assert [r["number"] for r in (made, changed)] == [1, 2]


def test_what_is_refused_leaves_none(daemon):
    daemon.must("/keys", {"name": "k"})
    assert daemon.ask("POST", "/keys", {"name": ""}).status == 400
    assert daemon.ask("PATCH", "/keys/key_x", {"name": "l"}).status == 404
    assert daemon.ask("POST", "/accounts/default/top-up",
                      {"amount": "9999999999999"}).status == 400
    assert [r["action"] for r in entries(daemon)] == ["key.create"]


def test_without_its_entry_a_change_is_not_made(daemon):
    key = daemon.must("/keys", {"name": "k"})
    db = store(daemon)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON audit "
               "BEGIN SELECT RAISE(ABORT, 'no room'); END")
    db.commit()
    for method, path, body in [
            ("POST", "/keys", {"name": "other"}),
            ("PATCH", f"/keys/{key['id']}", {"name": "l"}),
            ("POST", f"/keys/{key['id']}/disable", {}),
            ("POST", "/accounts", {"name": "a"}),
            ("POST", "/accounts/default/grant", {"amount": "1"}),
            ("POST", "/upstreams", {"name": "u",
                                    "base_url": "http://127.0.0.1:1"}),
            ("POST", "/models", {"id": "m", "scopes": ["chat"]}),
            ("POST", "/prices", {"model": "deepseek-flash", "prompt": "1",
                                 "completion": "1"}),
            ("POST", "/ledger/verify", {})]:
        reply = daemon.ask(method, path, body)
        assert reply.status == 503, (method, path, reply.body)
    assert len(daemon.get("/keys").json["data"]) == 1
    assert daemon.get(f"/keys/{key['id']}").json["name"] == "k"
    assert len(daemon.get("/accounts").json["data"]) == 1
    assert daemon.get("/accounts/default").json["granted"] == "0.00"
    assert daemon.get("/upstreams").json["data"] == []


def test_an_entry_can_be_neither_changed_nor_taken_out(daemon):
    daemon.must("/keys", {"name": "k"})
    db = store(daemon)
    for statement in ["UPDATE audit SET operator = 'nobody'",
                      "DELETE FROM audit"]:
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            db.execute(statement)


# The list


def names(daemon, query=""):
    reply = daemon.get("/audit?" + query)
    assert reply.status == 200, reply.body
    return [entry["action"] for entry in reply.json["data"]]


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A log of six entries, and the key they are of."""
    daemon = LoneDaemon(tmp_path_factory.mktemp("audit") / "home").start()
    daemon.key = daemon.must("/keys", {"name": "k"})["id"]
    daemon.must("/accounts", {"name": "a"})
    daemon.must("/accounts/a/grant", {"amount": "1"})
    daemon.ask("PATCH", f"/keys/{daemon.key}", {"name": "caf\u00e9 \"x\""})
    daemon.must(f"/keys/{daemon.key}/pause", {})
    daemon.must(f"/keys/{daemon.key}/resume", {})
    yield daemon
    daemon.clean()


def test_entries_are_listed_newest_first_and_found(busy):
    every = names(busy)
    assert every == ["key.resume", "key.pause", "key.update", "account.grant",
                     "account.create", "key.create"]
    operator = busy.get("/audit").json["data"][0]["operator_id"]
    for query, found in [
            ("action=key.pause", ["key.pause"]), ("action=account", every[3:5]),
            ("action=acc", []), ("action=%25", []),
            (f"subject={busy.key}", every[:3] + every[5:]),
            ("operator=owner", every), (f"operator={operator}", every),
            ("operator=tollgated", []), ("since=2020-01-01", every),
            ("until=2020-01-01", []), ("limit=2", every[:2]),
            (f"action=key&subject={busy.key}&limit=1", every[:1])]:
        assert names(busy, query) == found, query
    page = busy.get("/audit?limit=2").json
    assert names(busy, "limit=9&after=" + page["next"]) == every[2:]
    assert busy.get("/audit?since=x").error["param"] == "since"
    assert busy.get("/audit?after=key_1").error["param"] == "after"


def test_who_may_not_read_it_does_not(daemon):
    for role, status in [("auditor", 200), ("admin", 200), ("billing", 403)]:
        daemon.must("/operators", {"name": role, "role": role})
        token = daemon.must("/tokens", {"name": "t", "operator": role})
        for path in ("", "/head", "/verify", "/export"):
            reply = daemon.get("/audit" + path, token=token["token"])
            assert reply.status == status, (role, path)


# The check


def verify(daemon, query=""):
    reply = daemon.get("/audit/verify?" + query)
    assert reply.status == 200, reply.body
    return reply.json


def offline(*args):
    """What `tollgated --verify-audit` says, and whether it is content."""
    result = subprocess.run([BUILD / "tollgated", "--verify-audit",
                             *map(str, args)], capture_output=True, text=True)
    said = json.loads(result.stdout) if result.stdout else {}
    assert result.returncode == (said.get("status") != "intact"), result.stderr
    return said or result.stderr


def kinds(check):
    return [(p["kind"], p["number"]) for p in check["problems"]]


@pytest.fixture
def copy(busy, tmp_path):
    """The log's store, for a stranger to write to, and the master key."""
    home = tmp_path / "copy"
    home.mkdir(mode=0o700)
    store(busy).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(busy.home / "store.db", home)
    shutil.copy(busy.home / "master.key", home)
    os.chmod(home / "master.key", 0o600)
    return home


def tamper(home, *statements):
    db = sqlite3.connect(home / "store.db")
    db.execute("DROP TRIGGER IF EXISTS audit_is_never_changed")
    db.execute("DROP TRIGGER IF EXISTS audit_is_never_shortened")
    for statement, *values in statements:
        db.execute(statement, *values)
    db.commit()
    db.close()


def rehash(home):
    """What somebody does who can write the store and read this document."""
    db = sqlite3.connect(home / "store.db")
    db.row_factory = sqlite3.Row
    rows = db.execute("SELECT * FROM audit ORDER BY number").fetchall()
    for row, digest in zip(rows, chain(rows)):
        db.execute("UPDATE audit SET digest = ? WHERE number = ?",
                   (digest, row["number"]))
    db.commit()
    db.close()


def test_a_log_that_is_as_it_was_written(busy, copy):
    check = verify(busy)
    assert check["status"] == "intact" and check["entries"] == 6
    assert check["checkpoint"] == "signed" and check["problems"] == []
    head = busy.get("/audit/head").json
    assert head["digest"] == check["head"]["digest"]
    assert head["checkpoint"]["number"] == head["number"] == 6
    said = offline("--home", copy)
    assert said == {**check, "public_key_from": "master_key"}
    first = list(chain(entries(busy)))[0].hex()
    assert verify(busy, "head=" + first)["noted"] == "found"
    other = verify(busy, "head=" + "0" * 64)
    assert other["status"] == "broken" and other["noted"] == "missing"
    assert busy.get("/audit/verify?head=1").error["param"] == "head"


FLIPS = [(name, "x" if name != "at" else 1) for name in FIELDS
         if name != "number"]


@pytest.mark.parametrize("name,value", FLIPS, ids=[f[0] for f in FLIPS])
def test_each_field_of_each_entry_that_was_changed_is_named(copy, name, value):
    db = sqlite3.connect(copy / "store.db")
    for number in range(1, 7):
        old, = db.execute(f"SELECT {name} FROM audit WHERE number = ?",
                          (number,)).fetchone()
        new = old + value if name == "at" else old + value
        tamper(copy, (f"UPDATE audit SET {name} = ? WHERE number = ?",
                      (new, number)))
        check = offline("--home", copy)
        assert kinds(check) == [("entry_changed", number)], name
        tamper(copy, (f"UPDATE audit SET {name} = ? WHERE number = ?",
                      (old, number)))
    assert offline("--home", copy)["status"] == "intact"


def test_a_digest_that_was_changed_is_one_entrys_fault(copy):
    for number in range(1, 6):
        db = sqlite3.connect(copy / "store.db")
        old, = db.execute("SELECT digest FROM audit WHERE number = ?",
                          (number,)).fetchone()
        db.close()
        tamper(copy, ("UPDATE audit SET digest = ? WHERE number = ?",
                      (bytes([old[0] ^ 1]) + old[1:], number)))
        assert kinds(offline("--home", copy)) == [("entry_changed", number)]
        tamper(copy, ("UPDATE audit SET digest = ? WHERE number = ?",
                      (old, number)))
    tamper(copy, ("UPDATE audit SET digest = ? WHERE number = 6",
                  (bytes(32),)))
    assert kinds(offline("--home", copy)) == [("entry_changed", 6),
                                              ("log_rewritten", 6)]


def test_a_number_that_was_changed_is_named(copy):
    tamper(copy, ("UPDATE audit SET number = 60 WHERE number = 3",))
    assert kinds(offline("--home", copy))[0] == ("entry_missing", 3)


def test_an_entry_that_was_taken_out_is_named(copy):
    tamper(copy, ("DELETE FROM audit WHERE number = 3",))
    assert kinds(offline("--home", copy)) == [("entry_missing", 3)]
    tamper(copy, ("DELETE FROM audit WHERE number = 1",))
    assert kinds(offline("--home", copy)) == [("entry_missing", 1),
                                              ("entry_missing", 3)]


def test_a_chain_that_was_hashed_anew_is_not_signed(copy):
    tamper(copy, ("UPDATE audit SET operator = 'nobody' WHERE number = 2",))
    rehash(copy)
    assert kinds(offline("--home", copy)) == [("log_rewritten", 6)]


def test_a_log_that_was_cut(copy):
    tamper(copy, ("DELETE FROM audit WHERE number > 4",))
    assert kinds(offline("--home", copy)) == [("log_cut", 5)]
    tamper(copy, ("DELETE FROM meta WHERE name = 'audit_checkpoint'",))
    assert kinds(offline("--home", copy)) == [("checkpoint_missing", None)]


def test_a_log_set_back_as_it_was_once_is_found_by_a_noted_head(
        tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("back") / "home").start()
    try:
        daemon.must("/keys", {"name": "k"})
        daemon.stop()
        old = daemon.home.with_name("old.db")
        shutil.copy(daemon.home / "store.db", old)
        daemon.start()
        daemon.must("/keys", {"name": "l"})
        noted = daemon.get("/audit/head").json["digest"]
        daemon.stop()
        shutil.copy(old, daemon.home / "store.db")
        assert offline("--home", daemon.home)["status"] == "intact"
        check = offline("--home", daemon.home, "--audit-head", noted)
        assert kinds(check) == [("noted_missing", None)]
    finally:
        daemon.clean()


def test_without_the_master_key_nothing_is_signed(copy):
    (copy / "master.key").unlink()
    check = offline("--home", copy)
    assert check["status"] == "intact" and check["checkpoint"] == "unchecked"
    (copy / "master.key").write_bytes(bytes(range(32)))
    os.chmod(copy / "master.key", 0o600)
    assert kinds(offline("--home", copy)) == [("checkpoint_forged", 6)]


def test_a_log_that_was_changed_goes_on_and_is_not_signed_again(
        tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("broken") / "home").start()
    try:
        for name in "abc":
            daemon.must("/keys", {"name": name})
        daemon.stop()
        tamper(daemon.home,
               ("UPDATE audit SET operator = 'nobody' WHERE number = 2",))
        rehash(daemon.home)
        daemon.start()
        daemon.must("/keys", {"name": "d"})
        daemon.must("/keys", {"name": "e"})
        assert kinds(verify(daemon)) == [("log_rewritten", 3)]
        assert verify(daemon)["entries"] == 5
        events = daemon.get("/events?type=audit_broken").json["data"]
        assert len(events) == 1 and events[0]["severity"] == "critical"
    finally:
        daemon.clean()


# A copy


def cli(daemon, *args, ok=True):
    result = subprocess.run(
        [BUILD / "tollgate", *map(str, args)], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "TOLLGATE_HOME": str(daemon.home),
             "TOLLGATE_ADMIN_URL": f"unix:{daemon.socket}"})
    assert (result.returncode == 0) == ok, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def exported(busy, tmp_path):
    path = tmp_path / "audit.jsonl"
    cli(busy, "audit", "export", path)
    assert path.stat().st_mode & 0o777 == 0o600
    return path


def test_an_export_is_read_without_tollgate(busy, exported):
    """The reader of docs/audit.md."""
    *lines, last = map(json.loads, exported.read_text().splitlines())
    digest = bytes(32)
    for number, line in enumerate(lines, 1):
        text = b""
        for name in ("number", "id", "at_ms", "operator_id", "operator", "via",
                     "ip", "request_id", "action", "subject", "details"):
            value = str(line[name]).encode()
            text += b"%d:%s," % (len(value), value)
        digest = hashlib.sha256(digest + text).digest()
        assert line["digest"] == digest.hex() and line["number"] == number
    assert len(lines) == 6 and last["digest"] == digest.hex()
    folder = exported.parent
    (folder / "key.der").write_bytes(
        bytes.fromhex("302a300506032b6570032100" + last["public_key"]))
    (folder / "signature").write_bytes(bytes.fromhex(last["signature"]))
    (folder / "text").write_text(
        f"tollgate audit 1:{last['number']}:{last['digest']}")
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
         folder / "key.der", "-rawin", "-in", folder / "text", "-sigfile",
         folder / "signature"], check=True, capture_output=True)


def test_an_export_is_checked_where_there_is_no_home(busy, exported):
    key = busy.get("/audit/head").json["checkpoint"]["public_key"]
    check = offline("--audit-file", exported)
    assert check["status"] == "intact" and check["public_key_from"] == "file"
    check = offline("--audit-file", exported, "--audit-key", key)
    assert check["status"] == "intact" and check["checkpoint"] == "signed"
    check = offline("--audit-file", exported, "--audit-key", "00" * 32)
    assert kinds(check) == [("checkpoint_forged", 6)]
    check = offline("--audit-file", exported, "--audit-head", "00" * 32)
    assert kinds(check) == [("noted_missing", None)]


def test_each_field_of_an_export_counts(exported, tmp_path):
    lines = exported.read_text().splitlines()
    changed = tmp_path / "changed.jsonl"
    for i, line in enumerate(lines[:-1]):
        for name, value in json.loads(line).items():
            if name in ("object", "number"):
                continue
            other = json.loads(line)
            other[name] = value + 1 if isinstance(value, int) else \
                ("0" if value[:1] != "0" else "1") + value[1:]
            changed.write_text("\n".join(
                lines[:i] + [json.dumps(other)] + lines[i + 1:]) + "\n")
            assert ("entry_changed", i + 1) in \
                kinds(offline("--audit-file", changed)), name


def test_an_export_that_was_cut(exported, tmp_path):
    lines = exported.read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    for kept, found in [(lines[:3], [("checkpoint_missing", None)]),
                        (lines[:3] + lines[-1:], [("log_cut", 4)]),
                        (lines[1:], [("entry_missing", 1)])]:
        cut.write_text("\n".join(kept) + "\n")
        assert kinds(offline("--audit-file", cut)) == found
    for text, line in [("nonsense\n", 1), (lines[0] + "\n[]\n", 2),
                       ("\n".join(lines + lines[:1]) + "\n", len(lines) + 1)]:
        cut.write_text(text)
        assert f"line {line} of" in offline("--audit-file", cut)
    assert "cannot read" in offline("--audit-file", tmp_path / "nothing")


def test_the_commands(busy, exported, tmp_path):
    assert "key.pause" in cli(busy, "audit", "list", "--action", "key")
    said = cli(busy, "audit", "verify")
    assert "as it was written: 6 entries" in said
    head = re.search(r"--head (\w+)", said).group(1)
    assert "as it was" in cli(busy, "audit", "verify", "--head", head)
    assert "another one" in cli(busy, "audit", "verify", "--head", "0" * 64,
                                ok=False)
    assert "as it was" in cli(busy, "audit", "verify", "--file", exported)
    assert "as it was" in cli(busy, "audit", "verify", "--offline")
    assert cli(busy, "audit", "export", "-") == exported.read_text()
    cli(busy, "audit", "export", tmp_path / "no" / "such", ok=False)
    assert not list(tmp_path.glob("*.partial"))


def test_a_daemon_that_is_down_is_not_needed(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("down") / "home").start()
    try:
        daemon.must("/keys", {"name": "k"})
        daemon.kill()
        assert "1 entry" in cli(daemon, "audit", "verify", "--offline")
        tamper(daemon.home, ("UPDATE audit SET ip = '192.0.2.1'",))
        said = cli(daemon, "audit", "verify", "--offline", ok=False)
        assert "entry 1 (aud_" in said and "key.create by owner" in said
    finally:
        daemon.clean()


def test_an_empty_log_is_fine(daemon, tmp_path):
    check = verify(daemon)
    assert check["status"] == "intact" and check["entries"] == 0
    assert check["head"]["digest"] is None and check["checkpoint"] == "none"
    cli(daemon, "audit", "export", tmp_path / "empty.jsonl")
    assert offline("--audit-file", tmp_path / "empty.jsonl")["entries"] == 0
