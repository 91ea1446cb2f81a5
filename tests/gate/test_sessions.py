"""Passwords, second factors, sessions, and proofs for what cannot be undone."""

import base64
import hashlib
import hmac
import itertools
import json
import re
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

from lone_daemon import BUILD, LoneDaemon, wait

PASSWORD = "correct horse battery"
NUMBERS = itertools.count()


def code_of(secret, at=None, step=0):
    """RFC 6238, by Python alone."""
    counter = int((time.time() if at is None else at) // 30) + step
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset:offset + 4])[0] & 0x7fffffff
    return f"{number % 1000000:06d}"


class Operator:
    """One with a password, and its sessions."""

    def __init__(self, daemon, role="admin", password=PASSWORD):
        self.daemon, self.password = daemon, password
        self.name = f"op{next(NUMBERS)}"
        self.ip = f"192.0.2.{next(NUMBERS) % 250 + 1}"
        daemon.hunt.plant("operator's password", password)
        daemon.must("/operators", {"name": self.name, "role": role})
        self.set_password(password)

    def set_password(self, password):
        reply = self.daemon.post(f"/operators/{self.name}/password",
                                 {"password": password})
        assert reply.status == 200, reply.body
        assert reply.json["has_password"]

    def login(self, headers=None, **members):
        body = {"operator": self.name, "password": self.password, **members}
        reply = self.daemon.post("/sessions", body, token="", headers={
            "X-Forwarded-For": self.ip, **(headers or {})})
        if reply.status == 201 and "token" in reply.json:
            self.daemon.hunt.plant("session", reply.json["token"])
        return reply

    def session(self, **members):
        reply = self.login(**members)
        assert reply.status == 201, reply.body
        return reply.json["token"]

    def enrol(self, session):
        """A second factor: its secret and the recovery codes."""
        begun = self.daemon.post("/operators/me/totp", token=session)
        assert begun.status == 200, begun.body
        secret = begun.json["secret"]
        self.daemon.hunt.plant("second factor", secret)
        self.daemon.hunt.plant("second factor", base64.b32decode(secret))
        # The code before, so that the one of now is still there to be used.
        done = self.daemon.post("/operators/me/totp/confirm",
                                {"code": code_of(secret, step=-1)},
                                token=session)
        assert done.status == 200, done.body
        for code in done.json["codes"]:
            self.daemon.hunt.plant("second factor", code)
        return begun.json, done.json["codes"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("sessions") / "home").start()
    yield daemon
    daemon.clean()


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def test_a_login_gives_a_session_for_programs(shared):
    operator = Operator(shared)
    reply = operator.login(headers={"User-Agent": "test/1"})
    assert reply.status == 201
    assert re.fullmatch(r"tgs_[0-9A-Za-z]{40}", reply.json["token"])
    assert "set-cookie" not in reply.headers
    token = reply.json["token"]
    mine = shared.get("/sessions?operator=me", token=token).json["data"]
    assert [(s["id"], s["current"], s["kind"], s["last_used_ip"],
             s["last_used_agent"]) for s in mine] == [
                 (reply.json["id"], True, "bearer", operator.ip, "test/1")]
    assert shared.post("/keys", {"name": "x"}, token=token).status == 201
    ended = shared.ask("DELETE", "/sessions/current", token=token)
    assert ended.status == 200
    reply = shared.get("/health", token=token)
    assert (reply.status, reply.error["code"]) == (401, "session_ended")


def test_what_is_wrong_with_a_login_is_not_told(shared):
    operator, with_code = Operator(shared), Operator(shared)
    with_code.enrol(with_code.session())
    replies = [
        operator.login(password="wrong horse battery"),
        operator.login(operator="nobody-knows-him"),
        operator.login(operator=shared.get("/operators/" + operator.name
                                           ).json["id"]),
        with_code.login(),
        with_code.login(code="000000"),
        with_code.login(code="x", password="wrong horse battery"),
        with_code.login(recovery_code="aaaa-aaaa-aaaa-aaaa"),
    ]
    assert {(r.status, r.body) for r in replies} == {(401, replies[0].body)}
    assert replies[0].error["code"] == "login_failed"


def test_what_is_wrong_takes_the_same_time(shared):
    """A password is looked at for each of them, also for nobody's.  The least
    of some tries is compared, and more are made while the machine is busy."""
    operator = Operator(shared)
    least = {}

    def log_in(what, **members):
        operator.ip = f"198.51.100.{next(NUMBERS) % 250 + 1}"
        begun = time.monotonic()
        status = operator.login(**members).status
        took = time.monotonic() - begun
        if status == 401:
            least[what] = min(took, least.get(what, took))

    def are_alike():
        log_in("known", password="wrong horse battery")
        log_in("unknown", operator=f"no{next(NUMBERS)}")
        return 0.67 < least["known"] / least["unknown"] < 1.5

    wait(are_alike, 60, "login that takes as long for nobody")
    assert least["unknown"] > 0.01, "as long as argon2id takes"


def test_a_code_works_once_also_with_blanks(shared):
    operator = Operator(shared)
    begun, recovery = operator.enrol(operator.session())
    secret = begun["secret"]
    used = code_of(secret, step=-1)
    assert operator.login(code=used).status == 401, "it has confirmed"
    code = code_of(secret)
    session = operator.session(code=f"{code[:3]} {code[3:]}")
    for again in (code, f"{code[:3]} {code[3:]}", f" {code}", f"{code} ",
                  f"{code[:3]}-{code[3:]}"):
        assert operator.login(code=again).status == 401, again
    # Neither for a login nor for a proof, by whatever session.
    reply = shared.post("/sessions/step-up", {"code": code}, token=session)
    assert (reply.status, reply.error["code"]) == (403, "proof_failed")


def test_recovery_codes_work_once_each(shared):
    operator = Operator(shared)
    _, codes = operator.enrol(operator.session())
    assert len(set(codes)) == 10
    assert operator.login(recovery_code=codes[0].upper().replace("-", " ")
                          ).status == 201
    assert operator.login(recovery_code=codes[0]).status == 401
    session = operator.session(recovery_code=codes[1])
    shown = shared.get("/operators/me", token=session).json
    assert shown["recovery_codes_left"] == 8 and shown["has_totp"]
    new = shared.post("/operators/me/recovery-codes", token=session).json
    for code in new["codes"]:
        shared.hunt.plant("second factor", code)
    assert operator.login(recovery_code=codes[2]).status == 401
    assert operator.login(recovery_code=new["codes"][0]).status == 201


def test_an_enrolment_shows_what_a_telephone_reads(shared):
    operator = Operator(shared)
    session = operator.session()
    begun, _ = operator.enrol(session)
    assert begun["uri"] == (f"otpauth://totp/Tollgate:{operator.name}?secret="
                            f"{begun['secret']}&issuer=Tollgate")
    assert begun["qr_svg"].startswith("<svg ") and "<script" not in \
        begun["qr_svg"]
    lines = begun["qr_text"].splitlines()
    assert len({len(line) for line in lines}) == 1
    assert set(begun["qr_text"]) <= set(" ▀▄█\n")
    assert len(lines) * 2 in (len(lines[0]), len(lines[0]) + 1)
    reply = shared.post("/operators/me/totp/confirm", {"code": "123456"},
                        token=session)
    assert reply.error["code"] == "no_enrolment"
    # A new enrolment that is not confirmed changes nothing.
    again = shared.post("/operators/me/totp", token=session).json
    shared.hunt.plant("second factor", again["secret"])
    assert again["secret"] != begun["secret"]
    assert operator.login(code=code_of(again["secret"])).status == 401
    assert operator.login(code=code_of(begun["secret"])).status == 201


def test_sessions_end_with_what_they_stand_on(shared):
    for change in (
            lambda o: shared.post(f"/operators/{o.name}/password",
                                  {"password": PASSWORD + "!"}),
            lambda o: shared.ask("PATCH", f"/operators/{o.name}",
                                 {"role": "auditor"}),
            lambda o: shared.ask("PATCH", f"/operators/{o.name}",
                                 {"status": "suspended"}),
            lambda o: shared.ask("DELETE", f"/operators/{o.name}/totp", {}),
            lambda o: shared.ask("DELETE", f"/operators/{o.name}", {})):
        operator = Operator(shared)
        session = operator.session()
        assert shared.get("/health", token=session).status == 200
        assert change(operator).status == 200
        assert shared.get("/health", token=session).status == 401
    operator = Operator(shared)
    session, other = operator.session(), operator.session()
    listed = shared.get("/sessions?operator=" + operator.name).json["data"]
    for one in listed:
        assert shared.ask("DELETE", "/sessions/" + one["id"]).status == 200
    assert shared.get("/health", token=session).status == 401
    assert shared.get("/health", token=other).status == 401


def test_sessions_grow_old(daemon):
    operator = Operator(daemon)
    hour = 3600000
    for column, kind, ago, status in (
            ("last_used_at", "bearer", 11 * hour, 200),
            ("last_used_at", "bearer", 13 * hour, 401),
            ("expires_at", "bearer", 1, 401)):
        session = operator.session()
        db = sqlite3.connect(daemon.home / "store.db", timeout=10)
        db.execute(f"UPDATE sessions SET {column} = ? WHERE digest = ?",
                   (int(time.time() * 1000) - ago,
                    hashlib.sha256(session.encode()).digest()))
        db.commit()
        db.close()
        assert daemon.get("/health", token=session).status == status, column


def test_a_session_of_another_is_not_ones_own(shared):
    one, other = Operator(shared, "auditor"), Operator(shared, "auditor")
    mine, theirs = one.session(), other.session()
    ids = [s["id"] for s in shared.get("/sessions?operator=" + other.name,
                                       token=theirs).json["data"]]
    assert shared.ask("DELETE", "/sessions/" + ids[0], token=mine
                      ).status == 403
    assert shared.get("/health", token=theirs).status == 200


# Cookies


def cookie_session(operator):
    reply = operator.login(kind="cookie", headers={
        "Origin": "http://gate.example:8080",
        "X-Forwarded-Host": "gate.example:8080"})
    assert reply.status == 201, reply.body
    assert "token" not in reply.json
    cookie = reply.headers["set-cookie"]
    parts = {p.strip() for p in cookie.split(";")[1:]}
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= parts
    assert not any(p.lower().startswith("domain") for p in parts)
    value = cookie.split(";")[0]
    assert value.startswith("__Host-tollgate=tgs_")
    operator.daemon.hunt.plant("session", value.split("=", 1)[1])
    return value, reply.json["csrf_token"]


def test_a_cookie_is_used_from_our_own_pages_only(shared):
    operator = Operator(shared)
    cookie, csrf = cookie_session(operator)
    own = {"Cookie": "a=b; " + cookie, "X-Forwarded-Host": "gate.example:8080"}

    def ask(method, **headers):
        return shared.ask(method, "/keys", {"name": "x"} if method == "POST"
                          else None, token="", headers={**own, **headers})

    assert ask("GET").status == 200
    good = {"Origin": "http://gate.example:8080", "X-CSRF-Token": csrf}
    assert ask("POST", **good).status == 201
    for wrong, code in (
            ({**good, "Origin": "http://evil.example"}, "foreign_origin"),
            ({**good, "Origin": "null"}, "foreign_origin"),
            ({**good, "Origin": "http://gate.example:8080.evil.example"},
             "foreign_origin"),
            ({"X-CSRF-Token": csrf}, "foreign_origin"),
            ({"Origin": good["Origin"]}, "csrf_token"),
            ({**good, "X-CSRF-Token": "0" * 64}, "csrf_token"),
            ({**good, "X-CSRF-Token": csrf[:-1]}, "csrf_token")):
        reply = ask("POST", **wrong)
        assert (reply.status, reply.error["code"]) == (403, code), wrong
    token = cookie.split("=", 1)[1]
    assert shared.get("/keys", token=token).status == 401, "no bearer"
    bearer = operator.session()
    assert ask("GET", Cookie="__Host-tollgate=" + bearer).status == 401
    reply = operator.login(kind="cookie", headers={
        "Origin": "http://evil.example", "X-Forwarded-Host": "gate.example"})
    assert reply.error["code"] == "foreign_origin"
    assert shared.ask("DELETE", "/sessions/current", token="",
                      headers={**own, **good}).headers["set-cookie"].endswith(
                          "Max-Age=0")


# Attempts


def fail_until_slowed(operator, name, burst, period_s, next_ip):
    """Wrong logins until one is slowed down, which is not before the burst
    and soon behind it; that answer."""
    begun, count = time.monotonic(), 0
    while True:
        operator.ip = next_ip(count)
        reply = operator.login(operator=name(count),
                               password="wrong horse bat")
        if reply.status == 429:
            break
        assert reply.status == 401
        count += 1
        assert count <= burst + 1 + (time.monotonic() - begun) / period_s
    assert count >= burst
    assert reply.error["code"] == "too_many_attempts"
    assert 1 <= int(reply.headers["retry-after"]) <= period_s
    return reply


def test_guesses_are_slowed_down_and_tell_nothing(daemon):
    operator = Operator(daemon)
    session = operator.session()
    home = operator.ip
    replies = [
        fail_until_slowed(operator, lambda n: name, 10, 30,
                          lambda n: f"203.0.113.{next(NUMBERS) % 200 + 1}")
        for name in (operator.name, "zaphod")]
    assert operator.login(operator=operator.name.upper()).status == 429
    assert replies[0].json["error"]["type"] == replies[1].json["error"]["type"]
    told = daemon.get("/events?type=login_failing").json["data"]
    who = {e["evidence"]["operator_id"] for e in told}
    assert len(told) == 2 and None in who
    assert not any("zaphod" in e["message"] for e in told)
    assert operator.name in told[1]["message"] + told[0]["message"]
    # Its good session goes on, and it may log in from where it was.
    assert daemon.get("/health", token=session).status == 200
    operator.ip = "203.0.113.250"
    stranger = operator.login()
    assert stranger.status == 429, "the right password does not get through"
    operator.ip = home
    assert operator.login().status == 201
    daemon.stop()
    daemon.start()
    operator.ip = "203.0.113.251"
    assert operator.login().status == 429, "a restart forgets nothing"
    assert daemon.get("/health", token=session).status == 200


def test_an_address_is_slowed_down_by_its_network(daemon):
    operator = Operator(daemon)
    fail_until_slowed(operator, lambda n: f"who{n}", 20, 3,
                      lambda n: f"2001:db8::{n + 1:x}")
    operator.ip = "2001:db8:0:1::1"
    assert operator.login().status == 201
    for i in range(25):
        assert operator.login().status == 201, "right ones take nothing"


def test_two_passwords_are_looked_at_at_once(daemon):
    operator = Operator(daemon)
    statuses, retry, barrier = [], set(), threading.Barrier(4)

    def log_in(i):
        barrier.wait()
        for _ in range(5):
            reply = operator.login(operator=f"some{i}")
            statuses.append(reply.status)
            if reply.status == 503:
                retry.add((reply.error["code"], reply.headers["retry-after"]))

    threads = [threading.Thread(target=log_in, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {401, 503, 429}
    assert retry == {("login_busy", "1")}
    assert operator.login().status == 201, "the places are free again"


# Proofs


def test_a_proof_is_demanded_once_there_is_one_to_give(daemon):
    """Also of the token that worked without: who has it need not know the
    password."""
    key = daemon.must("/keys", {"name": "k"})
    assert daemon.post(f"/keys/{key['id']}/disable").status == 200
    daemon.hunt.plant("operator's password", PASSWORD)
    reply = daemon.post("/operators/me/password", {"password": PASSWORD})
    assert reply.status == 200
    key = daemon.must("/keys", {"name": "k"})
    path = f"/keys/{key['id']}/disable"
    reply = daemon.post(path)
    assert (reply.status, reply.error["code"]) == (403, "step_up_required")
    assert daemon.get("/keys/" + key["id"]).json["status"] == "active"
    reply = daemon.post("/sessions/step-up", {"password": PASSWORD + "?"})
    assert (reply.status, reply.error["code"]) == (403, "proof_failed")
    assert daemon.post(path).status == 403
    assert daemon.post("/sessions/step-up", {"password": PASSWORD}
                       ).status == 200
    assert daemon.post(path).status == 200
    db = sqlite3.connect(daemon.home / "store.db", timeout=10)
    db.execute("UPDATE tokens SET fresh_until = ?",
               (int(time.time() * 1000) - 1,))
    db.commit()
    db.close()
    reply = daemon.post("/tokens", {"name": "t"})
    assert reply.error["code"] == "step_up_required", "for 5 minutes"


def test_every_route_that_asks_for_a_proof(shared):
    """What cannot be undone or lets somebody in; by the table's own word."""
    from test_roles import ROUTES, TABLE, Route
    rows = re.findall(r"\b(?:READ|CHANGE)\((.*?)\),\n", ROUTES, re.S)
    demanded = {repr(Route(row)) for row in rows if re.search(r"\bFRESH\b",
                                                              row)}
    assert demanded >= {
        "POST /keys/{}/disable", "DELETE /keys/{}", "POST /operators",
        "PATCH /operators/{}", "DELETE /operators/{}", "POST /tokens",
        "POST /operators/{}/password", "DELETE /operators/{}/totp",
        "POST /credentials/{}/disable", "POST /upstreams", "POST /sinks",
        "PATCH /sinks/{}", "PUT /keys/{}/sinks"}
    operator = Operator(shared, "owner")
    session = operator.session()
    db = sqlite3.connect(shared.home / "store.db", timeout=10)
    db.execute("UPDATE sessions SET fresh_until = 0")
    db.commit()
    db.close()
    for route in TABLE:
        if route.method == "GET" or route.is_open or \
                route.path.endswith(("/step-up", "/reconcile")):
            continue
        reply = shared.ask(route.method, route.path.replace("{}", "none_such"),
                           {}, token=session)
        code = (reply.json.get("error") or {}).get("code")
        assert (code == "step_up_required") == (repr(route) in demanded), route


def test_proofs_are_slowed_down_by_what_asks(shared):
    operator = Operator(shared)
    one, other = operator.session(), operator.session()
    statuses = [shared.post("/sessions/step-up", {"password": "x" * 12},
                            token=one).status for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    assert shared.post("/sessions/step-up", {"password": PASSWORD},
                       token=other).status == 200
    for body in ({}, {"password": PASSWORD, "code": "123456"}):
        reply = shared.post("/sessions/step-up", body, token=other)
        assert reply.status == 400
    token = shared.must("/tokens", {"name": "t"})["token"]
    shared.hunt.plant("owner's token", token)
    reply = shared.post("/sessions/step-up", {"code": "123456"}, token=token)
    assert reply.error["code"] == "no_proof_set"


def test_a_narrow_token_does_not_become_a_wide_one(shared):
    operator = Operator(shared)
    session = operator.session()
    narrow = shared.post("/tokens", {"name": "t", "scopes": ["self"]},
                         token=session).json["token"]
    shared.hunt.plant("owner's token", narrow)
    assert shared.post("/sessions/step-up", {"password": PASSWORD},
                       token=narrow).status == 200
    for method, path, body in (
            ("POST", "password", {"password": PASSWORD + "2"}),
            ("POST", "totp", {}), ("DELETE", "totp", {}),
            ("POST", "totp/confirm", {"code": "123456"}),
            ("POST", "recovery-codes", {})):
        reply = shared.ask(method, "/operators/me/" + path, body, token=narrow)
        assert reply.error["code"] == "permission_denied", path
    assert operator.login().status == 201


def test_who_sets_whose_password(shared):
    owner, admin = Operator(shared, "owner"), Operator(shared)
    auditor = Operator(shared, "auditor")
    session = admin.session()
    for name, status in ((owner.name, 403), (auditor.name, 200)):
        reply = shared.post(f"/operators/{name}/password",
                            {"password": PASSWORD}, token=session)
        assert reply.status == status, name
    mine = auditor.session()
    assert shared.post(f"/operators/{admin.name}/password",
                       {"password": PASSWORD}, token=mine).status == 403
    for password in ("short", "x" * 257, "", None, 5):
        reply = shared.post("/operators/me/password", {"password": password},
                            token=mine)
        assert reply.error["param"] == "password"
    begun = shared.post(f"/operators/{auditor.name}/totp", token=session)
    assert begun.status == 403, "a seed is shown to its operator only"


# What is written


def test_nothing_of_it_stands_in_the_store_or_the_log(daemon):
    operator = Operator(daemon)
    _, codes = operator.enrol(operator.session())
    entries = sqlite3.connect(daemon.home / "store.db").execute(
        "SELECT action, operator, details FROM audit").fetchall()
    actions = [e[0] for e in entries]
    for action in ("operator.create", "operator.password", "session.create",
                   "operator.totp_begin", "operator.totp_confirm"):
        assert action in actions
    assert ("session.create", operator.name) in [e[:2] for e in entries]
    assert not any(PASSWORD in json.dumps(e) for e in entries)


def test_a_password_is_not_to_be_guessed_from_a_repetition(daemon):
    """What is kept of a request under an Idempotency-Key takes the master key
    to compare with."""
    operator = Operator(daemon)
    body = json.dumps({"password": PASSWORD}).encode()
    path = f"/operators/{operator.name}/password"
    for _ in range(2):
        reply = daemon.post(path, body, headers={"Idempotency-Key": "once"})
        assert reply.status == 200, reply.body
    parts = [b"POST", b"/admin/v1/operators/{}/password",
             operator.name.encode(), body]
    plain = hashlib.sha256(b"".join(struct.pack("<Q", len(p)) + p
                                    for p in parts)).digest()
    master = (daemon.home / "master.key").read_bytes()
    kept = [row[0] for row in sqlite3.connect(
        daemon.home / "store.db").execute("SELECT request FROM idempotency")]
    assert hmac.new(master, plain, hashlib.sha256).digest() in kept
    assert plain not in kept


def test_a_missing_master_key_is_not_replaced(daemon):
    operator = Operator(daemon)
    operator.enrol(operator.session())
    daemon.stop()
    (daemon.home / "master.key").unlink()
    result = subprocess.run([BUILD / "tollgated", "--home", daemon.home],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode == 1 and "backup" in result.stderr


# Through nginx


def test_a_console_through_nginx(gate):
    """nginx hands on what a cookie session needs, and says itself which host
    was asked and from where."""
    name, password = f"console{next(NUMBERS)}", PASSWORD
    gate.hunt.plant("operator's password", password)
    assert gate.admin("POST", "/operators", {"name": name, "role": "admin"}
                      ).status == 201
    assert gate.admin("POST", f"/operators/{name}/password",
                      {"password": password}).status == 200

    def ask(method, path, body=None, **headers):
        return gate.request(method, "/admin/v1" + path, body=body,
                            headers=headers)

    login = {"operator": name, "password": password, "kind": "cookie"}
    for origin in ("http://evil.example", None):
        headers = {"X-Forwarded-Host": "evil.example"}
        if origin:
            headers["Origin"] = origin
        assert ask("POST", "/sessions", login, **headers).status == 403
    reply = ask("POST", "/sessions", login, Origin=gate.url)
    assert reply.status == 201, reply.text
    cookie = reply.headers["set-cookie"].split(";")[0]
    gate.hunt.plant("session", cookie.split("=", 1)[1])
    csrf = reply.json["csrf_token"]
    mine = ask("GET", "/sessions?operator=me", Cookie=cookie).json["data"]
    assert [s["last_used_ip"] for s in mine] == ["127.0.0.1"]
    assert ask("POST", "/keys", {"name": "x"}, Cookie=cookie, Origin=gate.url
               ).status == 403
    made = ask("POST", "/keys", {"name": "x"}, Cookie=cookie, Origin=gate.url,
               **{"X-CSRF-Token": csrf})
    assert made.status == 201, made.text
    gate.hunt.plant_keys(made.text)
    done = gate.admin("DELETE", f"/operators/{name}")
    assert done.status == 200
    assert ask("GET", "/keys", Cookie=cookie).status == 401
    assert cookie.split("=", 1)[1] not in gate.nginx_log()


def test_too_many_logins_say_so_through_nginx(own_gate):
    begun = time.monotonic()
    for _ in range(20 + 20):
        reply = own_gate.request("POST", "/admin/v1/sessions", body={
            "operator": f"who{next(NUMBERS)}", "password": "x" * 12},
            headers={"X-Forwarded-For": f"192.0.2.{next(NUMBERS) % 250}"})
        if reply.status == 429:
            break
        assert time.monotonic() - begun < 60
    assert reply.status == 429, "no header of a client's makes another address"
    assert int(reply.headers["retry-after"]) >= 1
    assert own_gate.admin("GET", "/health").status == 200


def test_a_console_over_http2_and_tls(tls_gate):
    """There the host is no header, and stands for one all the same."""
    tls_gate.hunt.plant("operator's password", PASSWORD)
    for path, body in (("/operators", {"name": "h2", "role": "admin"}),
                       ("/operators/h2/password", {"password": PASSWORD})):
        assert tls_gate.admin("POST", path, body).status in (200, 201)
    for origin, status in ((tls_gate.tls_url, "201"),
                           ("https://evil.example", "403")):
        result = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", tls_gate.ca, "-o",
             "/dev/null", "-w", "%{http_version} %{http_code}", "-H",
             f"Origin: {origin}", "-H", "Content-Type: application/json", "-d",
             "@-", tls_gate.tls_url + "/admin/v1/sessions"],
            input=json.dumps({"operator": "h2", "password": PASSWORD,
                              "kind": "cookie"}),
            capture_output=True, text=True, timeout=30)
        assert result.stdout == f"2 {status}", result.stderr
