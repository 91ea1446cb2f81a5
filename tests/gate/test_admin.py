"""The admin API and the daemon's life, on its socket, without nginx."""

import os
import random
import re
import signal
import sqlite3
import stat
import subprocess
import time
from datetime import datetime, timezone

import pytest

from lone_daemon import BUILD, LoneDaemon, SocketConnection, Reply, wait


@pytest.fixture
def make(tmp_path):
    daemons = []

    def new(name="home"):
        daemons.append(LoneDaemon(tmp_path / name))
        return daemons[-1]

    yield new
    for daemon in daemons:
        daemon.clean()


@pytest.fixture
def daemon(make):
    return make().start()


def run(*args):
    return subprocess.run([BUILD / "tollgated", *map(str, args)],
                          capture_output=True, text=True, timeout=30)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# The start


def test_first_start_makes_everything_private(daemon):
    assert mode(daemon.home) == 0o700
    for name in ("master.key", "admin.token", "store.db"):
        assert mode(daemon.home / name) == 0o600, name
    assert mode(daemon.shm) == 0o700
    assert mode(daemon.socket) == 0o660
    assert mode(daemon.state) == 0o600
    assert len((daemon.home / "master.key").read_bytes()) == 32
    assert re.fullmatch(r"tgo_[0-9A-Za-z]{40}", daemon.token)
    accounts = daemon.get("/accounts").json["data"]
    assert [a["name"] for a in accounts] == ["default"]
    assert accounts[0]["billing"] == "postpaid"
    assert accounts[0]["verification"] == "verified"


def test_second_start_finds_everything(daemon):
    key = daemon.must("/keys", {"name": "kept"})
    token = daemon.token
    assert daemon.stop() == 0
    assert not daemon.socket.exists()
    daemon.start()
    assert daemon.token == token
    kept = daemon.get("/keys/" + key["id"]).json
    del key["key"]
    assert kept == key


def test_stale_socket_and_leftovers_do_no_harm(daemon):
    daemon.kill()
    assert daemon.socket.exists()
    for name in ("master.key.tmp", "admin.token.tmp"):
        (daemon.home / name).write_text("half")
    daemon.start()
    assert daemon.get("/health").json["status"] == "ok"
    assert not list(daemon.home.glob("*.tmp"))


def test_a_lost_state_file_is_made_again(daemon):
    daemon.must("/keys", {"name": "kept"})
    daemon.kill()
    daemon.state.unlink()
    daemon.start()
    assert daemon.get("/health").json["state"]["status"] == "ready"
    daemon.kill()
    daemon.state.write_bytes(b"x" * 8192)
    daemon.start()
    assert "damaged" in daemon.said()
    assert daemon.get("/health").json["state"]["status"] == "ready"


def test_a_start_killed_anywhere_is_mended_by_the_next(make):
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    for i in range(25):
        daemon = make(f"home{i}")
        for _ in range(3):
            daemon.spawn()
            time.sleep(rng.random() * 0.06)
            daemon.kill()
        daemon.start()
        assert len(daemon.get("/accounts").json["data"]) == 1, seed
        assert len(daemon.get("/models").json["data"]) >= 5, seed
        assert daemon.must("/keys", {"name": "x"})["key"], seed
        daemon.clean()


def test_second_daemon_is_refused(daemon):
    second = run("--home", daemon.home)
    assert second.returncode == 1
    assert f"pid {daemon.process.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    assert daemon.get("/health").status == 200


@pytest.mark.parametrize("args", [
    ["--bogus"], [], ["--home"], ["stray"], ["--home", "x", "--shm-owner", "1"],
    ["--home", "x", "--worker-user", "no-such-user-here"],
])
def test_wrong_options(args):
    result = run(*args)
    assert result.returncode == 2
    assert result.stderr.startswith("tollgated: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["master.key", "admin.token"])
def test_secret_files_others_can_read_are_refused(daemon, name):
    daemon.stop()
    path = daemon.home / name
    path.chmod(0o640)
    result = run("--home", daemon.home)
    assert result.returncode == 1
    assert f"chmod 600 {path}" in result.stderr
    path.chmod(0o600)


def test_a_store_of_another_program_is_refused_untouched(make):
    daemon = make()
    daemon.home.mkdir(mode=0o700)
    path = daemon.home / "store.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    result = run("--home", daemon.home)
    assert result.returncode == 1
    assert "another program" in result.stderr
    assert path.read_bytes() == before


def test_a_newer_store_is_refused(daemon):
    daemon.stop()
    path = daemon.home / "store.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9999")
    db.commit()
    db.close()
    result = run("--home", daemon.home)
    assert result.returncode == 1
    assert "newer Tollgate" in result.stderr


def test_a_missing_master_key_is_not_replaced(daemon):
    daemon.must("/upstreams", {"name": "u", "base_url": "http://127.0.0.1:1"})
    daemon.must("/credentials", {"upstream": "u", "secret": "s" * 20})
    daemon.stop()
    (daemon.home / "master.key").unlink()
    result = run("--home", daemon.home)
    assert result.returncode == 1
    assert "backup" in result.stderr
    assert not (daemon.home / "master.key").exists()


def test_a_token_kept_elsewhere_stays_valid(daemon):
    token = daemon.token
    daemon.stop()
    (daemon.home / "admin.token").unlink()
    daemon.spawn()
    wait(daemon.socket.exists, what="socket")
    assert daemon.get("/health", token=token).status == 200
    assert not (daemon.home / "admin.token").exists()


def test_it_dies_with_its_parent(make):
    daemon = make()
    parent = subprocess.Popen(
        ["sh", "-c", '"$0" --home "$1" --die-with-parent & echo $!; wait',
         BUILD / "tollgated", daemon.home],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pid = int(parent.stdout.readline())
    wait(daemon.socket.exists, what="socket")
    parent.kill()
    parent.wait()
    wait(lambda: not os.path.exists(f"/proc/{pid}"), what="end of the daemon")


def test_workers_of_another_user_get_what_they_need(make):
    """Only root can give things away; others name themselves."""
    uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.getuid(),
                                                         os.getgid())
    daemon = make().start("--shm-owner", f"{uid}:{gid}")
    for path in (daemon.shm, daemon.state, daemon.socket, daemon.journal):
        st = os.stat(path)
        assert (st.st_uid, st.st_gid) == (uid, gid), path
    for name in ("master.key", "admin.token", "store.db"):
        assert os.stat(daemon.home / name).st_uid == os.geteuid()
    assert daemon.stop() == 0
    daemon.start("--shm-owner", f"{uid}:{gid}", "--foreground")


def test_a_folder_that_is_a_trap_is_refused(make, tmp_path):
    daemon = make()
    daemon.shm.symlink_to(tmp_path)
    result = run("--home", daemon.home)
    daemon.shm.unlink()
    assert result.returncode == 1
    assert f"{daemon.shm} is not a folder" in result.stderr


# Who asks

KEY_CHANGES = [("PATCH", ""), ("POST", "/pause"), ("POST", "/resume"),
               ("POST", "/disable"), ("DELETE", "")]


def test_tokens(daemon):
    for headers, code in [
            ({}, "missing_token"),
            ({"Authorization": "Basic eDp5"}, "malformed_token"),
            ({"Authorization": "Bearer tgo_" + "0" * 40}, "invalid_token"),
            ({"Authorization": "Bearer "}, "malformed_token"),
            ({"Authorization": "Bearer"}, "malformed_token")]:
        reply = daemon.get("/keys", token="", headers=headers)
        assert (reply.status, reply.error["code"]) in [
            (401, code), (401, "invalid_token")], headers
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.headers["x-request-id"].startswith("req_")
        assert "0000" not in reply.body.decode()


def test_routes(daemon):
    assert daemon.get("/nothing").error["code"] == "not_found"
    assert daemon.get("/keys/").status == 404
    assert daemon.get("/keys/a/b").status == 404
    assert daemon.get("/keys/a%2Fb").status == 404
    assert daemon.get("/keys/%zz").status == 400
    assert daemon.get("/keys/a%00b").status == 400
    reply = daemon.ask("DELETE", "/keys")
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, POST"
    reply = daemon.ask("DELETE", "/accounts/x")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, PATCH")
    assert daemon.get("/keys?acount=x").error["param"] == "acount"
    assert daemon.get("/keys?limit=1&limit=2").error["param"] == "limit"
    for limit in ("0", "1001", "-1", "x", ""):
        assert daemon.get("/keys?limit=" + limit).error["param"] == "limit"
    assert daemon.get("/keys?after=x").error["param"] == "after"
    assert daemon.get("/keys?status=x").error["param"] == "status"
    assert daemon.get("/keys?account=x").error["param"] == "account"


def test_roles(daemon):
    """The permission stands in the route's row; roles are told apart there."""
    import hashlib
    db = sqlite3.connect(daemon.home / "store.db", timeout=10)
    for role in ("auditor", "billing", "admin"):
        db.execute("INSERT INTO operators (id, name, role, created_at) "
                   "VALUES (?, ?, ?, 1)", (f"op_{role}", role, role))
        db.execute("INSERT INTO tokens (digest, id, operator_id, created_at) "
                   "VALUES (?, ?, ?, 1)",
                   (hashlib.sha256(role.encode()).digest(), f"tok_{role}",
                    f"op_{role}"))
    db.execute("INSERT INTO tokens (digest, id, operator_id, created_at, "
               "revoked_at) VALUES (?, 'tok_x', 'op_admin', 1, 5)",
               (hashlib.sha256(b"revoked").digest(),))
    db.commit()
    db.close()
    assert daemon.get("/keys", token="auditor").status == 200
    reply = daemon.post("/keys", {"name": "x"}, token="auditor")
    assert (reply.status, reply.error["code"]) == (403, "permission_denied")
    assert daemon.post("/accounts", {"name": "x"}, token="billing").status == 201
    for verb, body in (("top-up", {"amount": "1"}), ("grant", {"amount": "1"})):
        for role, status in (("auditor", 403), ("billing", 200), ("admin", 200)):
            assert daemon.post(f"/accounts/x/{verb}", body,
                               token=role).status == status, (role, verb)
    for verb in ("verify", "suspend", "resume"):
        for role, status in (("auditor", 403), ("billing", 403), ("admin", 200)):
            assert daemon.post(f"/accounts/x/{verb}",
                               token=role).status == status, (role, verb)
    assert daemon.post("/keys", {"name": "x"}, token="billing").status == 403
    key = daemon.post("/keys", {"name": "x"}, token="admin")
    assert key.status == 201
    for method, tail in KEY_CHANGES:
        for role, status in (("auditor", 403), ("billing", 403), ("admin", 200)):
            body = {"name": "y"} if method == "PATCH" else {}
            reply = daemon.ask(method, f"/keys/{key.json['id']}{tail}", body,
                               token=role)
            assert reply.status == status, (method, tail, role)
    assert daemon.get("/keys", token="revoked").status == 401


@pytest.mark.parametrize("body", [
    "{", "[]", '"x"', "nul", '{"name":"a","name":"b"}', '{"name":"a\\u0000"}',
    b'{"name":"\xff"}', '{"name":"a"} x'])
def test_bodies_that_are_not_json_objects(daemon, body):
    reply = daemon.post("/keys", body)
    assert reply.status == 400
    assert reply.error["code"] == "invalid_request"


def test_a_body_that_is_too_large(daemon):
    reply = daemon.post("/keys", b'{"name":"' + b"x" * (1 << 20) + b'"}')
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")


def test_errors_are_json_whatever_was_sent(daemon):
    reply = daemon.post("/keys", {"é" * 40: 1, "name": "x"})
    assert reply.error["code"] == "unknown_member"
    assert daemon.get("/" + "x" * 3000).error["code"] == "not_found"
    connection = SocketConnection(daemon.socket)
    connection.connect()
    connection.sock.sendall(
        b"GET /admin/v1/\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer " + daemon.token.encode() + b"\r\n\r\n")
    answer = connection.sock.makefile("rb").read()
    connection.close()
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b'"code":"not_found"' in answer


# Keys

WRONG = [
    ("name", {"name": ""}),
    ("name", {"name": "x" * 101}),
    ("name", {"name": "a\nb"}),
    ("name", {"name": 7}),
    ("name", {}),
    ("description", {"name": "k", "description": "x" * 1001}),
    ("owner", {"name": "k", "owner": []}),
    ("kind", {"name": "k", "kind": "prod"}),
    ("account", {"name": "k", "account": "nobody"}),
    ("labels", {"name": "k", "labels": []}),
    ("labels", {"name": "k", "labels": {"a b": "x"}}),
    ("labels.a", {"name": "k", "labels": {"a": 1}}),
    ("scopes", {"name": "k", "scopes": ["chatt"]}),
    ("scopes", {"name": "k", "scopes": ["chat", "chat"]}),
    ("scopes", {"name": "k", "scopes": "chat"}),
    ("models", {"name": "k", "models": ["a*b"]}),
    ("models", {"name": "k", "models": ["a b"]}),
    ("models", {"name": "k", "models": [""]}),
    ("models", {"name": "k", "models": ["x" * 65]}),
    ("endpoints", {"name": "k", "endpoints": ["/v1/chat/completions"]}),
    ("endpoints", {"name": "k", "endpoints": ["GET /v1/chat/completions"]}),
    ("limits", {"name": "k", "limits": 5}),
    ("limits.rpm", {"name": "k", "limits": {"rpm": 5}}),
    ("limits.requests_per_second",
     {"name": "k", "limits": {"requests_per_second": 0}}),
    ("limits.requests_per_minute",
     {"name": "k", "limits": {"requests_per_minute": -1}}),
    ("limits.requests_per_day",
     {"name": "k", "limits": {"requests_per_day": 1.5}}),
    ("limits.tokens_per_minute",
     {"name": "k", "limits": {"tokens_per_minute": "5"}}),
    ("limits.concurrency", {"name": "k", "limits": {"concurrency": 1 << 40}}),
    ("limits.max_queue_ms", {"name": "k", "limits": {"max_queue_ms": 60001}}),
    ("budget.yearly", {"name": "k", "budget": {"yearly": "5"}}),
    ("budget.monthly", {"name": "k", "budget": {"monthly": 5}}),
    ("budget.monthly", {"name": "k", "budget": {"monthly": "0"}}),
    ("budget.monthly", {"name": "k", "budget": {"monthly": "1e3"}}),
    ("budget.daily", {"name": "k", "budget": {"daily": "-1"}}),
    ("budget.daily", {"name": "k", "budget": {"daily": "0.0000000001"}}),
    ("budget.daily", {"name": "k", "budget": {"daily": "99999999999999"}}),
    ("budget.timezone", {"name": "k", "budget": {"timezone": "Mars/Base"}}),
    ("budget.timezone", {"name": "k", "budget": {"timezone": "../passwd"}}),
    ("budget.timezone", {"name": "k", "budget": {"timezone": "zone.tab"}}),
    ("allowed_ips", {"name": "k", "allowed_ips": ["10.0.0.0/33"]}),
    ("allowed_ips", {"name": "k", "allowed_ips": ["10.0.0.1/8"]}),
    ("allowed_ips", {"name": "k", "allowed_ips": ["10.0.0"]}),
    ("allowed_ips", {"name": "k", "allowed_ips": ["::1/129"]}),
    ("allowed_referrers", {"name": "k", "allowed_referrers": ["example.com"]}),
    ("allowed_referrers",
     {"name": "k", "allowed_referrers": ["https://app.*.example.com/"]}),
    ("hours", {"name": "k", "hours": "always"}),
    ("hours", {"name": "k", "hours": "mon-fri 08:00-25:00"}),
    ("hours", {"name": "k", "hours": "mon-xyz 08:00-19:00"}),
    ("hours", {"name": "k", "hours": "mon 08:00-19:00 Mars/Base"}),
    ("expires_at", {"name": "k", "expires_at": "soon"}),
    ("expires_at", {"name": "k", "expires_at": "2001-01-01"}),
    ("expires_at", {"name": "k", "expires_at": "2027-02-30"}),
    ("expires_at", {"name": "k", "expires_at": "0d"}),
    ("expires_at", {"name": "k", "expires_at": "999999999999999d"}),
    ("status", {"name": "k", "status": "active"}),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("shared") / "home")
    yield daemon.start()
    daemon.clean()


def test_hours_say_what_is_wrong_with_them(gate):
    for hours, words in (
            ("sat 00:00-00:10 UTC", "end at quarter-hours, such as"),
            ("sat 08:00-19:00 Mars/Base", "time zone of the hours does not"),
            ("sat 8:00-19:00 UTC", "hours are days, a span and a time zone"),
            ("sat 09:00-09:00", "hours are days, a span and a time zone")):
        answer = gate.admin("POST", "/keys", {"name": "k", "hours": hours})
        assert answer.status == 400
        assert words in answer.json["error"]["message"], answer.text


@pytest.mark.parametrize("param,body", WRONG)
def test_every_wrong_member_is_named(shared, param, body):
    before = len(shared.get("/keys").json["data"])
    reply = shared.post("/keys", body)
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param
    assert reply.error["type"] == "invalid_request_error"
    assert len(shared.get("/keys").json["data"]) == before


def test_a_key_with_every_member(shared):
    asked = {
        "name": "naïve ключ 键", "description": "d", "owner": "ann",
        "kind": "restricted", "account": "default",
        "labels": {"team": "search"},
        "scopes": ["chat", "embeddings"], "models": ["deepseek-*", "gpt-4o"],
        "endpoints": ["POST /v1/chat/completions", "POST /embeddings"],
        "limits": {"requests_per_second": 5, "requests_per_minute": 100,
                   "requests_per_day": 1000, "tokens_per_minute": 5000,
                   "concurrency": 3, "max_queue_ms": 250},
        "budget": {"monthly": "12.5", "daily": "0.000000001",
                   "timezone": "Asia/Shanghai"},
        "allowed_ips": ["203.0.113.0/24", "2001:DB8::/32", "192.0.2.7"],
        "allowed_referrers": ["https://app.example.com/*"],
        "hours": "mon-fri 08:00-19:00 Asia/Shanghai",
        "expires_at": "2099-01-31",
    }
    reply = shared.post("/keys", asked)
    assert reply.status == 201, reply.body
    key = reply.json
    assert re.fullmatch(r"sk-tgr_[0-9A-Za-z]{36}", key["key"])
    assert key["prefix"] == "sk-tgr_" and key["last4"] == key["key"][-4:]
    for name in ("name", "description", "owner", "kind", "labels", "scopes",
                 "models", "limits", "allowed_referrers", "hours"):
        assert key[name] == asked[name], name
    assert key["endpoints"] == ["POST /v1/chat/completions",
                                "POST /v1/embeddings"]
    assert key["budget"] == {"monthly": "12.50", "daily": "0.000000001",
                             "timezone": "Asia/Shanghai"}
    assert key["allowed_ips"] == ["203.0.113.0/24", "2001:db8::/32",
                                  "192.0.2.7/32"]
    assert key["expires_at"] == "2099-01-31T00:00:00.000Z"
    assert key["status"] == "active"
    assert len(key["secrets"]) == 1


def test_presets_of_the_kinds(shared):
    production = shared.must("/keys", {"name": "p"})
    assert production["key"].startswith("sk-tgp_")
    assert production["limits"]["requests_per_minute"] == 1000
    assert production["limits"]["tokens_per_minute"] == 100000
    assert production["budget"]["monthly"] is None
    assert len(production["scopes"]) == 7
    development = shared.must("/keys", {"name": "d", "kind": "development"})
    assert development["limits"]["requests_per_minute"] == 60
    assert development["budget"]["monthly"] == "10.00"
    free = shared.must("/keys", {
        "name": "f", "kind": "development", "budget": {"monthly": None},
        "limits": {"requests_per_minute": None}})
    assert free["budget"]["monthly"] is None
    assert free["limits"]["requests_per_minute"] is None
    assert development["limits"]["tokens_per_minute"] == 20000
    assert free["limits"]["tokens_per_minute"] == 20000
    restricted = shared.must("/keys", {"name": "r", "kind": "restricted"})
    assert restricted["scopes"] == [] and restricted["models"] == []
    assert not any(restricted["limits"].values())
    assert restricted["budget"]["monthly"] is None
    other = shared.must("/keys", {
        "name": "o", "scopes": ["chat"], "models": ["deepseek-*"],
        "limits": {"requests_per_minute": 7, "tokens_per_minute": 8},
        "budget": {"monthly": "1.50"}})
    assert other["scopes"] == ["chat"] and other["models"] == ["deepseek-*"]
    assert other["limits"]["requests_per_minute"] == 7
    assert other["limits"]["tokens_per_minute"] == 8
    assert other["budget"]["monthly"] == "1.50"


def test_keys_are_listed_by_the_status_that_is_shown(daemon):
    until = time.time() + 3
    expires_at = datetime.fromtimestamp(until, timezone.utc).isoformat()
    short = daemon.must("/keys", {"name": "s", "expires_at": expires_at})
    long = daemon.must("/keys", {"name": "l", "expires_at": "90d"})
    endless = daemon.must("/keys", {"name": "e"})
    off = daemon.must("/keys", {"name": "d", "expires_at": expires_at})
    daemon.post(f"/keys/{off['id']}/disable")

    def listed(status):
        rows = daemon.get(f"/keys?status={status}").json["data"]
        assert {row["status"] for row in rows} <= {status}
        return {row["id"] for row in rows}

    wait(lambda: listed("expired") == {short["id"]}, what="its end")
    assert listed("active") == {long["id"], endless["id"]}
    assert listed("disabled") == {off["id"]}, "the end it had first"
    assert daemon.get("/keys?status=gone").status == 400


def test_a_secret_is_shown_once_and_stored_nowhere(daemon):
    key = daemon.must("/keys", {"name": "k"})
    secret = key["key"].encode()
    upstream = b"sk-canary-of-the-upstream-0123456789"
    daemon.must("/upstreams", {"name": "u", "base_url": "http://127.0.0.1:1"})
    made = daemon.post("/credentials",
                       {"upstream": "u", "secret": upstream.decode()})
    assert made.status == 201 and upstream not in made.body
    assert made.json["last4"] == "6789"
    replies = [daemon.get(path).body for path in
               ("/keys", "/keys/" + key["id"], "/credentials", "/upstreams")]
    token = daemon.token.encode()
    assert daemon.stop() == 0
    for path in list(daemon.home.rglob("*")) + [daemon.log]:
        if path.is_file() and path.name != "admin.token":
            replies.append(path.read_bytes())
    for text in replies:
        for canary in (secret, secret[7:37], upstream, token):
            assert canary not in text


WHOLE = {
    "name": "whole", "description": "d", "owner": "ann",
    "labels": {"team": "search"},
    "scopes": ["chat", "embeddings"], "models": ["deepseek-*", "gpt-4o"],
    "endpoints": ["POST /v1/chat/completions"],
    "limits": {"requests_per_second": 5, "requests_per_minute": 100,
               "requests_per_day": 1000, "tokens_per_minute": 5000,
               "concurrency": 3, "max_queue_ms": 250},
    "budget": {"monthly": "12.50", "daily": "0.000000001",
               "timezone": "Asia/Shanghai"},
    "allowed_ips": ["203.0.113.0/24"],
    "allowed_referrers": ["https://app.example.com/*"],
    "hours": "mon-fri 08:00-19:00 Asia/Shanghai",
    "expires_at": "2099-01-31T00:00:00.000Z",
}
EMPTY = {
    "description": None, "owner": None, "labels": {}, "scopes": [],
    "models": [], "endpoints": [],
    "limits": {**dict.fromkeys(WHOLE["limits"]), "max_queue_ms": 0},
    "budget": {"monthly": None, "daily": None, "timezone": "UTC"},
    "allowed_ips": [], "allowed_referrers": [], "hours": None,
    "expires_at": None,
}


def change(daemon, key, body):
    return daemon.ask("PATCH", "/keys/" + key["id"], body)


def changed(daemon, key, body):
    reply = change(daemon, key, body)
    assert reply.status == 200, reply.body
    assert daemon.get("/keys/" + key["id"]).json == reply.json
    return reply.json


def test_a_change_leaves_what_it_does_not_name(shared):
    """One member at a time, away and back again."""
    key = shared.must("/keys", WHOLE)
    del key["key"]
    assert changed(shared, key, {}) == key
    for name, empty in EMPTY.items():
        assert changed(shared, key, {name: None}) == {**key, name: empty}
        assert changed(shared, key, {name: WHOLE[name]}) == key
    for group in ("limits", "budget"):
        for name, empty in EMPTY[group].items():
            want = {**key, group: {**key[group], name: empty}}
            assert changed(shared, key, {group: {name: None}}) == want
            assert changed(shared, key, {group: {name: WHOLE[group][name]}}
                           ) == key
    assert changed(shared, key, {"name": "ключ"}) == {**key, "name": "ключ"}
    bare = shared.must("/keys", {"name": "bare"})
    got = changed(shared, bare, WHOLE)
    assert {name: got[name] for name in WHOLE} == WHOLE


def test_lists_and_labels_are_replaced(shared):
    key = shared.must("/keys", WHOLE)
    got = changed(shared, key, {"models": ["a"], "labels": {"a": "b"},
                                "scopes": [], "allowed_ips": ["2001:DB8::/32"],
                                "endpoints": ["POST /embeddings"]})
    assert got["models"] == ["a"] and got["labels"] == {"a": "b"}
    assert got["scopes"] == [] and got["allowed_ips"] == ["2001:db8::/32"]
    assert got["endpoints"] == ["POST /v1/embeddings"]


@pytest.mark.parametrize("param,body", [
    row for row in WRONG
    if row[1] and not {"account", "kind"} & set(row[1])])
def test_a_wrong_change_changes_nothing(shared, param, body):
    key = shared.must("/keys", WHOLE)
    del key["key"]
    body = {"description": "new", **body}
    reply = change(shared, key, body)
    assert (reply.status, reply.error["param"]) == (400, param), reply.body
    assert shared.get("/keys/" + key["id"]).json == key


def test_changes_of_what_stays(shared):
    key = shared.must("/keys", {"name": "k"})
    for body in ({"kind": "development"}, {"account": "default"},
                 {"status": "active"}, {"id": "key_x"}, {"key": "sk"}):
        assert change(shared, key, body).error["code"] == "unknown_member"
    assert change(shared, key, {"name": None}).error["param"] == "name"
    assert change(shared, {"id": "key_nobody"}, {}).status == 404
    assert change(shared, key, "[]").status == 400


def test_changes_outlive_a_kill(daemon):
    key = daemon.must("/keys", {"name": "k"})
    want = changed(daemon, key, {**WHOLE, "name": "later"})
    daemon.kill()
    daemon.start()
    assert daemon.get("/keys/" + key["id"]).json == want


def test_pause_and_resume(daemon):
    key = daemon.must("/keys", {"name": "k"})
    del key["key"]
    path = f"/keys/{key['id']}"
    for verb, status in (("pause", "inactive"), ("resume", "active")):
        for _ in range(2):
            assert daemon.must(f"{path}/{verb}", {}) == {**key,
                                                         "status": status}
        assert daemon.post(f"{path}/{verb}", {"x": 1}).error["param"] == "x"
        assert daemon.post(f"/keys/key_nobody/{verb}").status == 404
    daemon.must(path + "/pause", {})
    daemon.must(path + "/disable", {})
    for verb in ("pause", "resume"):
        reply = daemon.post(f"{path}/{verb}")
        assert (reply.status, reply.error["code"]) == (409, "key_disabled")
    assert daemon.get(path).json["status"] == "disabled"
    assert changed(daemon, key, {"description": "leaked"})[
        "status"] == "disabled"


def test_delete_is_for_good_and_may_be_repeated(daemon):
    key = daemon.must("/keys", {"name": "k"})
    kept = daemon.must("/keys", {"name": "kept"})
    path = "/keys/" + key["id"]
    reply = daemon.ask("DELETE", path)
    assert reply.status == 200 and reply.json["status"] == "deleted"
    assert daemon.ask("DELETE", path).json == reply.json
    for again in range(2):
        assert daemon.get(path).json == reply.json
        assert reply.json["ended_at"] and reply.json["secrets"]
        assert [k["id"] for k in daemon.get("/keys").json["data"]] == [
            kept["id"]]
        assert [k["id"] for k in
                daemon.get("/keys?status=deleted").json["data"]] == [key["id"]]
        for method, tail in KEY_CHANGES[:-1]:
            refused = daemon.ask(method, path + tail, {})
            assert (refused.status, refused.error["code"]) == (
                409, "key_deleted"), (method, tail)
        daemon.kill()
        daemon.start()
    assert daemon.ask("DELETE", "/keys/key_nobody").status == 404
    assert daemon.ask("DELETE", "/keys/" + kept["id"],
                      {"why": "x"}).error["param"] == "why"
    ended = daemon.must(f"/keys/{kept['id']}/disable", {})["ended_at"]
    assert daemon.ask("DELETE", "/keys/" + kept["id"]).json[
        "ended_at"] == ended


def test_disable_is_for_good_and_may_be_repeated(daemon):
    key = daemon.must("/keys", {"name": "k"})
    path = f"/keys/{key['id']}/disable"
    first = daemon.post(path)
    assert first.status == 200
    assert first.json["status"] == "disabled" and first.json["ended_at"]
    assert daemon.post(path).json["ended_at"] == first.json["ended_at"]
    assert daemon.post(path, {"why": "x"}).error["param"] == "why"
    assert daemon.post("/keys/key_nobody/disable").status == 404
    daemon.kill()
    daemon.start()
    assert daemon.get("/keys/" + key["id"]).json["status"] == "disabled"


def test_pages(daemon):
    ids = [daemon.must("/keys", {"name": f"k{i}"})["id"] for i in range(7)]
    seen, after = [], ""
    while True:
        page = daemon.get("/keys?limit=3" + after).json
        assert page["object"] == "list" and len(page["data"]) <= 3
        seen += [key["id"] for key in page["data"]]
        if not page["has_more"]:
            assert page["next"] is None
            break
        after = "&after=" + page["next"]
    assert seen == ids[::-1]
    daemon.post(f"/keys/{ids[0]}/disable")
    only = daemon.get("/keys?status=disabled").json["data"]
    assert [key["id"] for key in only] == ids[:1]


# Accounts, models, upstreams


def test_accounts(daemon):
    made = daemon.post("/accounts", {"name": "team a", "granted": "5"})
    assert made.status == 201
    assert made.json["billing"] == "prepaid"
    assert made.json["balance"] == "5.00"
    assert made.json["verification"] == "unverified"
    for which in (made.json["id"], "team%20a"):
        assert daemon.get("/accounts/" + which).json == made.json
    again = daemon.post("/accounts", {"name": "team a"})
    assert (again.status, again.error["param"]) == (409, "name")
    assert daemon.get("/accounts/nobody").status == 404
    for param, body in [("name", {}), ("name", {"name": "acct_x"}),
                        ("billing", {"name": "x", "billing": "later"}),
                        ("plan", {"name": "x", "plan": "g" * 65}),
                        ("rank", {"name": "x", "rank": "gold"})]:
        assert daemon.post("/accounts", body).error["param"] == param
    assert "'nobody'" in daemon.get("/accounts/nobody").error["message"]
    gold = daemon.must("/accounts", {"name": "rich", "plan": "gold"})
    assert gold["plan"] == "gold" and made.json["plan"] is None
    key = daemon.must("/keys", {"name": "k", "account": "team a"})
    assert key["account_id"] == made.json["id"]
    listed = daemon.get("/keys?account=team%20a").json["data"]
    assert [k["id"] for k in listed] == [key["id"]]


def test_money_is_added_to_the_nano_unit(daemon):
    daemon.must("/accounts", {"name": "a", "granted": "5"})
    account = daemon.must("/accounts/a/top-up", {"amount": "0.000000001"})
    assert (account["granted"], account["topped_up"], account["balance"]) == (
        "5.00", "0.000000001", "5.000000001")
    account = daemon.must(f"/accounts/{account['id']}/grant",
                          {"amount": "9223372031"})
    assert account["balance"] == "9223372036.000000001"
    for verb in ("top-up", "grant"):
        path = f"/accounts/a/{verb}"
        for body in ({}, {"amount": None}, {"amount": 5}, {"amount": "0"},
                     {"amount": "-1"}, {"amount": "1e3"}, {"amount": "1,5"},
                     {"amount": "0.0000000001"}, {"amount": "9223372037"},
                     {"amount": "1"}, {"amount": "9223372036.854775807"}):
            reply = daemon.post(path, body)
            assert (reply.status, reply.error["param"]) == (400, "amount"), body
        assert daemon.post(path, {"amount": "1", "why": "x"}).error[
            "param"] == "why"
        assert daemon.post(f"/accounts/nobody/{verb}",
                           {"amount": "1"}).status == 404
    daemon.kill()
    daemon.start()
    assert daemon.get("/accounts/a").json == account


def test_accounts_are_verified_suspended_and_resumed(daemon):
    made = daemon.must("/accounts", {"name": "a"})
    for verb, member, value in (("verify", "verification", "verified"),
                                ("suspend", "status", "suspended"),
                                ("resume", "status", "active")):
        for _ in range(2):
            made[member] = value
            assert daemon.must(f"/accounts/a/{verb}", {}) == made
        assert daemon.get("/accounts/a").json == made
        assert daemon.post(f"/accounts/nobody/{verb}").status == 404
        assert daemon.post(f"/accounts/a/{verb}",
                           {"x": 1}).error["param"] == "x"
        assert daemon.get(f"/accounts/a/{verb}").status == 405


def test_models_and_prices(daemon):
    models = {m["id"]: m for m in daemon.get("/models").json["data"]}
    flash = models["deepseek-flash"]
    assert flash["upstream"] is None
    assert flash["price"]["peak"]["prompt"] == "0.30"
    assert "mon 01:00-04:00" in flash["price"]["peak"]["hours"]
    made = daemon.post("/models", {
        "id": "org/llama", "max_output_tokens": 4096, "development": True,
        "price": {"prompt": "0.10", "completion": "0.4"}})
    assert made.status == 201
    assert made.json["price"]["prompt_cache_hit"] == "0.10"
    assert daemon.get("/models/org%2Fllama").json == made.json
    changed = daemon.post("/models", {"id": "org/llama", "price": {
        "prompt": "0", "prompt_cache_hit": "0", "completion": "0.000001"}})
    assert changed.status == 200
    assert changed.json["max_output_tokens"] == 4096
    assert changed.json["development"] is True
    assert changed.json["price"]["completion"] == "0.000001"
    prices = daemon.get("/prices?model=org%2Fllama").json["data"]
    assert [p["completion"] for p in prices] == ["0.40", "0.000001"]
    for param, body in [
            ("id", {}), ("id", {"id": "a b"}), ("id", {"id": "x" * 65}),
            ("upstream", {"id": "m", "upstream": "nobody"}),
            ("scopes", {"id": "m", "scopes": ["x"]}),
            ("max_output_tokens", {"id": "m", "max_output_tokens": 0}),
            ("price.prompt", {"id": "m", "price": {"completion": "1"}}),
            ("price.prompt",
             {"id": "m", "price": {"prompt": 1, "completion": "1"}}),
            ("price.completion",
             {"id": "m", "price": {"prompt": "1", "completion": "0.0000001"}}),
            ("price.input", {"id": "m", "price": {"input": "1"}})]:
        assert daemon.post("/models", body).error["param"] == param, body
    assert daemon.get("/models/m").status == 404


def test_prices_of_units(daemon):
    made = daemon.must("/models", {"id": "painter", "price": {
        "unit": "image", "unit_price": "0.04",
        "sizes": {"1024x1024": "0.04", "hd 1024x1792": "0.12"}}})
    assert made["scopes"] == ["image"]
    price = made["price"]
    assert (price["unit"], price["unit_price"]) == ("image", "0.04")
    assert price["sizes"] == {"1024x1024": "0.04", "hd 1024x1792": "0.12"}
    assert price["prompt"] == price["completion"] == "0.00"
    assert daemon.get("/models/painter").json == made
    listener = daemon.must("/models", {"id": "listener", "price": {
        "unit": "second", "unit_price": "0.000000001"}})
    assert listener["scopes"] == ["audio"]
    assert listener["price"]["unit_price"] == "0.000000001"
    speaker = daemon.must("/models", {
        "id": "speaker", "scopes": ["audio", "chat"],
        "price": {"unit": "character", "unit_price": "0.000015"}})
    assert speaker["scopes"] == ["audio", "chat"]
    both = daemon.must("/models", {"id": "both", "price": {
        "prompt": "1", "prompt_cache_write": "1.25", "completion": "2",
        "unit": "call", "unit_price": "0.001"}})
    assert both["scopes"] == ["chat", "code"]
    assert both["price"]["prompt_cache_hit"] == "1.00"
    assert both["price"]["prompt_cache_write"] == "1.25"
    dearest = daemon.must("/models", {"id": "painter", "price": {
        "unit": "image", "sizes": {"1x1": "0.04", "1x2": "0.08"}}})
    assert dearest["price"]["unit_price"] == "0.08"
    assert daemon.get("/models/both").json["price"]["unit"] == "call"
    for param, price in [
            ("price.unit", {"unit": "minute", "unit_price": "1"}),
            ("price.unit_price", {"unit": None, "unit_price": "1"}),
            ("price.unit_price", {"unit": "image"}),
            ("price.unit_price", {"unit": "image", "unit_price": 1}),
            ("price.unit_price", {"unit": "image", "unit_price": "-1"}),
            ("price.unit_price", {"unit": "call",
                                  "unit_price": "0.0000000001"}),
            ("price.unit_price", {"unit": "call", "unit_price": "9300000"}),
            ("price.unit_price", {"prompt": "1", "completion": "1",
                                  "unit_price": "1"}),
            ("price.sizes", {"unit": "call", "unit_price": "1",
                             "sizes": {"1x1": "1"}}),
            ("price.sizes", {"unit": "image", "sizes": {"large": "1"}}),
            ("price.sizes", {"unit": "image", "sizes": {"1x1": 1}}),
            ("price.sizes", {"unit": "image", "sizes": ["1x1"]}),
            ("price.sizes", {"unit": "image",
                             "sizes": {f"{n}x1": "1" for n in range(7)}}),
            ("price.prompt_cache_write", {"prompt": "1", "completion": "1",
                                          "prompt_cache_write": "x"})]:
        assert daemon.post("/models", {"id": "m", "price": price}).error[
            "param"] == param, price


def test_upstreams(daemon):
    made = daemon.post("/upstreams", {
        "name": "sim", "base_url": "http://127.0.0.1:9/", "dialect": "deepseek"})
    assert made.status == 201
    assert made.json["addresses"] == ["127.0.0.1"]
    assert "deepseek-flash" in made.json["models"]
    assert "sim-embed" in made.json["models"]
    assert "gpt-4o" not in made.json["models"]
    again = daemon.post("/upstreams", {
        "name": "sim", "base_url": "http://127.0.0.1:10"})
    assert (again.status, again.error["param"]) == (409, "name")
    moved = daemon.post("/upstreams", {
        "name": "sim", "base_url": "http://127.0.0.1:10", "replace": True})
    assert moved.status == 200
    assert moved.json["id"] == made.json["id"]
    assert moved.json["dialect"] == "deepseek"
    assert moved.json["models"] == made.json["models"]
    vllm = daemon.must("/upstreams", {
        "name": "gpu", "base_url": "http://[::1]:8000/v1", "dialect": "vllm",
        "models": ["own-model", "deepseek-flash"]})
    assert vllm["models"] == ["deepseek-flash", "own-model"]
    assert daemon.get("/models/own-model").json["price"] is None
    assert daemon.get("/models/deepseek-flash").json["upstream"] == "gpu"
    for param, body in [
            ("name", {"base_url": "http://127.0.0.1"}),
            ("name", {"name": "a b", "base_url": "http://127.0.0.1"}),
            ("base_url", {"name": "x"}),
            ("dialect", {"name": "x", "base_url": "http://127.0.0.1",
                         "dialect": "y"}),
            ("models", {"name": "x", "base_url": "http://127.0.0.1",
                        "models": ["a*"]}),
            ("replace", {"name": "x", "base_url": "http://127.0.0.1",
                         "replace": 1})]:
        assert daemon.post("/upstreams", body).error["param"] == param, body


@pytest.mark.parametrize("url", [
    "ftp://127.0.0.1", "127.0.0.1", "http://", "http://u:p@127.0.0.1",
    "http://127.0.0.1?x=1", "http://127.0.0.1#x", "http://127.0.0.1:0",
    "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://[::1",
    "http://[zz]/", "http://127.0.0.1//x", "http://127.0.0.1/../x",
    "http://127.0.0.1/a b", "http://a..b/", "http://-a/",
    "http://no-such-host.invalid/", "http://127.0.0.1/" + "x" * 70,
    "http://" + "x" * 200])
def test_base_urls_that_are_none(shared, url):
    reply = shared.post("/upstreams", {"name": "wrong", "base_url": url})
    assert (reply.status, reply.error["param"]) == (400, "base_url"), url
    assert not any(u["name"] == "wrong"
                   for u in shared.get("/upstreams").json["data"])


def test_credentials(daemon):
    upstream = daemon.must("/upstreams",
                           {"name": "u", "base_url": "http://127.0.0.1:1"})
    for param, body in [
            ("upstream", {"secret": "x" * 20}),
            ("upstream", {"upstream": "nobody", "secret": "x" * 20}),
            ("secret", {"upstream": "u"}),
            ("secret", {"upstream": "u", "secret": 5}),
            ("secret", {"upstream": "u", "secret": "short"}),
            ("secret", {"upstream": "u", "secret": "x" * 257}),
            ("secret", {"upstream": "u", "secret": "xxxxxxxx xxxxxxxx"}),
            ("secret", {"upstream": "u", "secret": "xxxxxxxxxxxxxxxx\n"})]:
        reply = daemon.post("/credentials", body)
        assert reply.error["param"] == param, body
        assert "xxxx" not in reply.body.decode()
    first = daemon.must("/credentials", {"upstream": "u", "secret": "x" * 20})
    second = daemon.must("/credentials",
                         {"upstream": upstream["id"], "secret": "y" * 256})
    shown = daemon.get("/upstreams/u").json
    assert shown["credentials"] == [first["id"], second["id"]]
    assert shown["last4"] == ["xxxx", "yyyy"]
    assert second["last4"] == "yyyy" and second["upstream"] == "u"
    third = daemon.must("/credentials", {"upstream": "u", "secret": "z" * 20,
                                         "replace": True, "concurrency": 7})
    listed = {c["id"]: c for c in daemon.get("/credentials").json["data"]}
    assert listed[first["id"]]["status"] == "replaced"
    assert listed[first["id"]]["health"] is None
    assert listed[second["id"]]["status"] == "replaced"
    assert listed[third["id"]]["status"] == "active"
    assert listed[third["id"]]["concurrency"] == 7
    assert listed[third["id"]]["health"] == {
        "state": "open", "until": None, "probing": False, "failures": 0,
        "last_status": None, "last_failed_at": None, "calls_at_once": 0,
        "concurrency": None}
    path = "/credentials/" + third["id"]
    for body, param in [({"concurrency": 0}, "concurrency"),
                        ({"concurrency": "7"}, "concurrency"),
                        ({"secret": "x" * 20}, "secret")]:
        assert daemon.ask("PATCH", path, body).error["param"] == param
    assert daemon.ask("PATCH", path, {"concurrency": None}).json[
        "concurrency"] is None
    for action in ("rotate", "disable", "reopen"):
        body = {"secret": "w" * 20} if action == "rotate" else {}
        reply = daemon.post(f"/credentials/{first['id']}/{action}", body)
        assert reply.status == 409
        assert reply.error["code"] == "credential_ended"
        assert daemon.post(f"/credentials/cred_nobody/{action}",
                           body).status == 404


# Usage and calls without any


def test_usage_arguments(shared):
    usage = shared.get("/usage").json
    assert usage["object"] == "usage" and usage["currency"] == "USD"
    assert usage["total"]["cost"] == "0.00" and usage["rows"] == []
    for query, param in [("by=year", "by"), ("by=day,hour", "by"),
                         ("scope=poetry", "scope"), ("status=ok", "status"), ("since=never", "since"),
                         ("until=2026-13-01", "until"),
                         ("since=2026-02-01&until=2026-01-01", "since"),
                         ("timezone=Mars/Base", "timezone"),
                         ("account=nobody", "account"), ("key=nobody", "key"),
                         ("upstream=nobody", "upstream"),
                         ("by=model&fill=true", "fill"),
                         ("fill=1", "fill"), ("latency=no", "latency"),
                         ("by=15m&since=2020-01-01&fill=true", "by")]:
        assert shared.get("/usage?" + query).error["param"] == param
    for query, param in [("status=ok", "status"), ("not_ok=1", "not_ok"),
                         ("after=call_x", "after"), ("limit=0", "limit")]:
        assert shared.get("/calls?" + query).error["param"] == param
    assert shared.get("/calls?after=call_" + "0" * 32).status == 404


# Many at once


def test_answers_hold_while_the_daemon_is_killed(make):
    """What was answered with 201 is there after a kill -9, and usable; the
    kill comes while one more is asked for."""
    daemon = make().start()
    rng = random.Random(7)
    answered = []
    for _ in range(15):
        connection = SocketConnection(daemon.socket)

        def ask():
            connection.request(
                "POST", "/admin/v1/keys", '{"name":"k"}',
                {"Authorization": "Bearer " + daemon.token})

        for _ in range(rng.randint(1, 8)):
            ask()
            reply = Reply(connection.getresponse())
            assert reply.status == 201
            answered.append(reply.json["id"])
        ask()
        connection.close()
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        daemon.start()
    stored, query = set(), "/keys?limit=1000"
    while query:
        page = daemon.get(query).json
        stored |= {key["id"] for key in page["data"]}
        query = page["next"] and "/keys?limit=1000&after=" + page["next"]
    assert not set(answered) - stored
