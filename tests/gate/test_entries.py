"""Each route of the admin API that changes something leaves one entry in the
audit log, in words of its own, and answers as api/openapi.yaml says; sent
again under its Idempotency-Key a POST does nothing.  The rows are those of
src/daemon/routes.c: a new one fails here until EXAMPLES has it."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import struct
import subprocess
import time

import pytest
import yaml

from lone_daemon import BUILD, ROOT, LoneDaemon, wait
from secret_servers import Vault

TABLE = (ROOT / "src/daemon/routes.c").read_text()
ROUTES = {(method, path): action for method, path, action in re.findall(
    r'CHANGE\("(\w+)", "([^"]+)", TG_MAY_\w+,\s*"([\w.]+)"', TABLE)}
DOCUMENT = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
PASSWORD = "correct horse battery"
# Signed by GitHub: tests/gate/test_leaks.py.
ELSEWHERE = {("POST", "/leaks/github")}
# Nobody gets a session twice; and who has a password proves it from then on.
NOT_KEPT = {("POST", "/sessions"), ("POST", "/operators/{}/password")}


def code_of(secret):
    """RFC 6238, by Python alone."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time() // 30)),
                   hashlib.sha1).digest()
    at = mac[-1] & 15
    number = struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff
    return f"{number % 1000000:06d}"


class World:
    """A daemon and what the examples are about."""

    def __init__(self, folder):
        home = folder / "home"
        home.mkdir(mode=0o700)
        (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
        self.daemon = LoneDaemon(home).start()
        self.daemon.hunt.plant("operator's password", PASSWORD)
        self.vault = Vault(secrets.token_urlsafe(30))
        self.vault.put()
        must = self.daemon.must
        self.account = must("/accounts", {"name": "world"})["id"]
        self.upstream = must("/upstreams", {
            "name": "world", "base_url": "http://127.0.0.1:1",
            "dialect": "deepseek"})["id"]
        self.sink = must("/sinks", {
            "name": "world", "kind": "vault", "config": self.vault.config(),
            "credentials": self.vault.credentials()})["id"]

    def end(self):
        self.vault.close()
        self.daemon.clean()

    def key(self):
        return self.daemon.must("/keys", {"name": "one"})["id"]

    def rotating(self):
        key = self.key()
        self.daemon.must(f"/keys/{key}/rotate", {})
        return key

    def delivered(self):
        made = self.daemon.must("/keys", {"name": "one"})
        self.daemon.ask("PUT", f"/keys/{made['id']}/sinks", {"sinks": [
            {"sink": "world", "place": self.vault.place,
             "name": self.vault.name}]})
        return made["id"], made["key"]

    def credential(self):
        return self.daemon.must("/credentials", {
            "upstream": "world", "secret": secrets.token_urlsafe(20)})["id"]

    def operator(self):
        name = "op" + secrets.token_hex(4)
        self.daemon.must("/operators", {"name": name, "role": "admin"})
        return name

    def token(self, operator):
        made = self.daemon.must("/tokens", {"name": "t", "operator": operator})
        self.daemon.hunt.plant("owner's token", made["token"])
        return made

    def with_password(self):
        name = self.operator()
        token = self.token(name)["token"]
        reply = self.daemon.post("/operators/me/password",
                                 {"password": PASSWORD}, token=token)
        assert reply.status == 200, reply.body
        return name

    def session(self, name=None):
        made = self.daemon.must("/sessions", {
            "operator": name or self.with_password(), "password": PASSWORD})
        self.daemon.hunt.plant("session", made["token"])
        return made

    def totp(self, confirm=True):
        """A session, and the second factor that was begun in it."""
        session = self.session()["token"]
        reply = self.daemon.post("/operators/me/totp", {}, token=session)
        assert reply.status in (200, 201), reply.body
        secret = reply.json["secret"]
        self.daemon.hunt.plant("second factor", secret)
        if confirm:
            reply = self.daemon.post("/operators/me/totp/confirm",
                                     {"code": code_of(secret)}, token=session)
            assert reply.status == 200, reply.body
        return session, secret

    def alert(self):
        return self.daemon.must("/alerts", {
            "kind": "error_rate", "name": "a" + secrets.token_hex(4)})["id"]

    def channel(self):
        return self.daemon.must("/channels", {
            "kind": "webhook", "name": "c" + secrets.token_hex(4),
            "url": "https://192.0.2.1/x", "secret": "x" * 32})["id"]

    def schedule(self):
        return self.daemon.must("/report-schedules", {
            "name": "s" + secrets.token_hex(4),
            "channel": self.channel()})["id"]


def confirm(w):
    session, secret = w.totp(confirm=False)
    return "me", {"code": code_of(secret)}, session


def report(w):
    return None, {"token": w.daemon.must("/keys", {"name": "k"})["key"],
                  "disable": True}


# Of each route the subject, the body and, where it is not the owner's, the
# token that it is asked for with.
EXAMPLES = {
    ("POST", "/accounts"): lambda w: (None, {"name": "new"}),
    ("PATCH", "/accounts/{}"): lambda w: (w.account, {"plan": "gold"}),
    ("POST", "/accounts/{}/top-up"): lambda w: (w.account, {"amount": "1"}),
    ("POST", "/accounts/{}/grant"): lambda w: (w.account, {"amount": "1"}),
    ("POST", "/accounts/{}/verify"): lambda w: (w.account, {}),
    ("POST", "/accounts/{}/suspend"): lambda w: (w.account, {}),
    ("POST", "/accounts/{}/resume"): lambda w: (w.account, {}),
    ("POST", "/keys"): lambda w: (None, {"name": "new"}),
    ("PATCH", "/keys/{}"): lambda w: (w.key(), {"name": "other"}),
    ("DELETE", "/keys/{}"): lambda w: (w.key(), None),
    ("POST", "/keys/{}/pause"): lambda w: (w.key(), {}),
    ("POST", "/keys/{}/resume"): lambda w: (w.key(), {}),
    ("POST", "/keys/{}/disable"): lambda w: (w.key(), {}),
    ("POST", "/keys/{}/rotate"): lambda w: (w.key(), {}),
    ("POST", "/keys/{}/rotation/end"): lambda w: (w.rotating(), {}),
    ("POST", "/keys/{}/rotation/extend"):
        lambda w: (w.rotating(), {"grace": "30d"}),
    ("POST", "/keys/{}/rotation/undo"): lambda w: (w.rotating(), {}),
    ("POST", "/keys/{}/leak-response"): lambda w: (w.key(), {}),
    ("POST", "/leaks"): report,
    ("PUT", "/keys/{}/sinks"): lambda w: (w.key(), {"sinks": [
        {"sink": "world", "place": w.vault.place, "name": w.vault.name}]}),
    ("POST", "/keys/{}/deliver"): lambda w: (
        lambda made: (made[0], {"secret": made[1]}))(w.delivered()),
    ("POST", "/sinks"): lambda w: (None, {
        "name": "new", "kind": "vault", "config": w.vault.config(),
        "credentials": w.vault.credentials()}),
    ("PATCH", "/sinks/{}"): lambda w: (w.sink, {
        "credentials": w.vault.credentials()}),
    ("DELETE", "/sinks/{}"): lambda w: (w.daemon.must("/sinks", {
        "name": "old", "kind": "vault", "config": w.vault.config(),
        "credentials": w.vault.credentials()})["id"], None),
    ("POST", "/sinks/{}/test"): lambda w: (w.sink, {}),
    ("POST", "/models"): lambda w: (None, {
        "id": "m", "scopes": ["image"],
        "price": {"unit": "image", "unit_price": "0.04"}}),
    ("POST", "/prices"): lambda w: (None, {
        "model": "deepseek-flash", "prompt": "1", "completion": "2"}),
    ("POST", "/upstreams"): lambda w: (None, {
        "name": "new", "base_url": "http://127.0.0.1:2"}),
    ("POST", "/upstreams/{}/test"): lambda w: (w.upstream, {}),
    ("POST", "/credentials"): lambda w: (None, {
        "upstream": "world", "secret": "y" * 20}),
    ("PATCH", "/credentials/{}"): lambda w: (w.credential(),
                                             {"concurrency": 3}),
    ("POST", "/credentials/{}/rotate"): lambda w: (
        w.credential(), {"secret": "z" * 20, "test": False}),
    ("POST", "/credentials/{}/disable"): lambda w: (w.credential(), {}),
    ("POST", "/credentials/{}/check"): lambda w: (w.credential(), {}),
    ("POST", "/credentials/{}/reopen"): lambda w: (w.credential(), {}),
    ("POST", "/operators"): lambda w: (None, {"name": "ann", "role": "admin"}),
    ("PATCH", "/operators/{}"): lambda w: (w.operator(), {"role": "auditor"}),
    ("DELETE", "/operators/{}"): lambda w: (w.operator(), None),
    ("POST", "/operators/{}/password"): lambda w: (
        "me", {"password": PASSWORD}, w.token(w.operator())["token"]),
    ("POST", "/operators/{}/totp"): lambda w: (
        "me", {}, w.session()["token"]),
    ("POST", "/operators/{}/totp/confirm"): confirm,
    ("DELETE", "/operators/{}/totp"): lambda w: ("me", None, w.totp()[0]),
    ("POST", "/operators/{}/recovery-codes"): lambda w: (
        "me", {}, w.totp()[0]),
    ("POST", "/sessions"): lambda w: (None, {
        "operator": w.with_password(), "password": PASSWORD}),
    ("DELETE", "/sessions/{}"): lambda w: (w.session()["id"], None),
    ("POST", "/sessions/step-up"): lambda w: (
        None, {"password": PASSWORD}, w.session()["token"]),
    ("POST", "/tokens"): lambda w: (None, {"name": "t"}),
    ("DELETE", "/tokens/{}"): lambda w: (w.token("me")["id"], None),
    ("POST", "/alerts"): lambda w: (None, {"kind": "cost", "name": "dear"}),
    ("PATCH", "/alerts/{}"): lambda w: (w.alert(), {"severity": "info"}),
    ("DELETE", "/alerts/{}"): lambda w: (w.alert(), None),
    ("POST", "/channels"): lambda w: (None, {
        "kind": "webhook", "name": "new", "url": "https://192.0.2.1/x",
        "secret": "x" * 32}),
    ("PATCH", "/channels/{}"): lambda w: (w.channel(), {"name": "other"}),
    ("DELETE", "/channels/{}"): lambda w: (w.channel(), None),
    ("POST", "/channels/{}/test"): lambda w: (w.channel(), {}),
    ("POST", "/report-schedules"): lambda w: (None, {
        "name": "new", "channel": w.channel()}),
    ("PATCH", "/report-schedules/{}"): lambda w: (w.schedule(),
                                                  {"at": "09:30"}),
    ("DELETE", "/report-schedules/{}"): lambda w: (w.schedule(), None),
    ("POST", "/report-schedules/{}/send-now"): lambda w: (w.schedule(), {}),
    ("POST", "/ledger/verify"): lambda w: (None, {}),
    ("POST", "/ledger/reconcile"): lambda w: (None, {"upstream": "world"}),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("entries"))
    yield world
    world.end()


def test_every_route_has_an_example():
    assert len(ROUTES) > 40
    assert set(ROUTES) == set(EXAMPLES) | ELSEWHERE


def test_actions_are_words_of_their_own():
    twice = [a for a in ROUTES.values() if list(ROUTES.values()).count(a) > 1]
    assert set(twice) <= {"leak.report"}
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", a) for a in ROUTES.values())


def entries(daemon):
    return daemon.get("/audit?limit=1000").json["data"]


# What an answer may hold, and must, by the document


def members(schema):
    """Names and schemas of its properties, the required ones, and whether
    others may stand there."""
    if "$ref" in schema:
        return members(DOCUMENT["components"]["schemas"][
            schema["$ref"].rsplit("/", 1)[1]])
    known = dict(schema.get("properties", {}))
    needed = set(schema.get("required", []))
    is_open = not known and "allOf" not in schema and "oneOf" not in schema
    for part in schema.get("allOf", []):
        inner = members(part)
        known.update(inner[0])
        needed |= inner[1]
    for part in schema.get("oneOf", []) + schema.get("anyOf", []):
        known.update(members(part)[0])
    return known, needed, is_open or bool(schema.get("additionalProperties"))


def compare(value, schema, place):
    if isinstance(value, list):
        for item in value:
            compare(item, schema.get("items", {}), place + "[]")
    if not isinstance(value, dict):
        return
    known, needed, is_open = members(schema)
    assert is_open or set(value) <= set(known), (place, set(value) - set(known))
    assert needed <= set(value), (place, needed - set(value))
    for name, inner in value.items():
        if name in known:
            compare(inner, known[name], f"{place}.{name}")


def compare_answer(method, path, reply):
    what = DOCUMENT["paths"][path.replace("{}", "{id}")][method.lower()]
    described = what["responses"].get(str(reply.status),
                                      what["responses"].get("default"))
    if "$ref" in described:
        described = DOCUMENT["components"]["responses"][
            described["$ref"].rsplit("/", 1)[1]]
    content = described["content"]
    if "application/json" in content:
        compare(reply.json, content["application/json"]["schema"],
                f"{method} {path}")
        return
    kind = reply.headers["content-type"].partition(";")[0]
    assert kind in content, kind
    if kind.startswith("text/"):
        assert reply.body
        return
    for line in reply.body.decode().splitlines():
        compare(json.loads(line), content[kind]["schema"], f"{method} {path}")


@pytest.mark.parametrize("method,path", sorted(EXAMPLES),
                         ids=lambda value: value)
def test_a_change_leaves_one_entry(world, method, path):
    daemon = world.daemon
    subject, body, *token = EXAMPLES[method, path](world)
    target = path.replace("{}", subject or "")
    more = {"token": token[0]} if token else {}
    before = len(entries(daemon))
    once = {"Idempotency-Key": secrets.token_hex(8)}
    reply = daemon.ask(method, target, body, headers=once, **more)
    action = ROUTES[method, path]
    assert reply.status < 300 or action in (
        "ledger.reconcile", "channel.test", "credential.check"), reply.body
    new = entries(daemon)[:len(entries(daemon)) - before]
    mine = [e for e in new if e["request_id"] ==
            reply.headers["x-request-id"]]
    if action == "leak.respond":           # the key's end is one of its own
        assert {e["action"] for e in mine} <= {action, "key.disable"}
        mine = mine[:1]
    assert [e["action"] for e in mine] == [action]
    assert mine[0]["operator_id"] and mine[0]["via"]
    compare_answer(method, path, reply)
    for secret in ("key", "token", "secret", "signing_secret"):
        if isinstance(reply.json.get(secret), str):
            assert reply.json[secret] not in str(mine)
    if method == "POST" and reply.status < 300 and \
            (method, path) not in NOT_KEPT:
        again = daemon.ask(method, target, body, headers=once, **more)
        assert again.headers.get("idempotency-replayed") == "true", again.body
        assert (again.status, again.body) == (reply.status, reply.body)
        assert not [e for e in entries(daemon)[:50] if
                    e["request_id"] == again.headers["x-request-id"]]


# What a request may hold, by the document and by the code


def described_body(method, path):
    """The schema of the body, or None: it takes none."""
    what = DOCUMENT["paths"][path.replace("{}", "{id}")][method.lower()]
    if "requestBody" not in what:
        return None
    return what["requestBody"]["content"]["application/json"]["schema"]


def inner_objects(schema, at=()):
    """Where objects of known members stand in it, and their members; of
    several schemas, in the first."""
    known, _, is_open = members(schema.get("oneOf", [schema])[0])
    if known and not is_open:
        yield at, set(known)
    for name, inner in known.items():
        yield from inner_objects(inner, at + (name,))


def known_members(reply):
    """Those that the error for an unknown one lists."""
    assert reply.status == 400 and \
        reply.json["error"]["code"] == "unknown_member", reply.body
    return set(reply.error["message"].partition("known are: ")[2].split())


def asked_with_more(world, method, path, at):
    """The example, with a member more in the object at that place."""
    subject, body, *token = EXAMPLES[method, path](world)
    body = inner = dict(body or {})
    for name in at:
        inner[name] = dict(inner.get(name) or {})
        inner = inner[name]
    inner["?"] = 1
    more = {"token": token[0]} if token else {}
    return world.daemon.ask(method, path.replace("{}", subject or ""), body,
                            **more)


@pytest.mark.parametrize(
    "method,path", sorted(r for r in EXAMPLES if r[0] != "DELETE"),
    ids=lambda value: value)
def test_bodies_have_the_members_of_the_document(world, method, path):
    """Those of an alert's params depend on its kind: see below."""
    schema = described_body(method, path)
    places = list(inner_objects(schema)) if schema else []
    if not places or places[0][0]:
        places.insert(0, ((), set()))
    for at, known in places:
        if at != ("params",):
            reply = asked_with_more(world, method, path, at)
            assert known_members(reply) == known, (at, reply.body)


def test_a_list_of_prices_has_the_members_of_the_document(world):
    alone, many = described_body("POST", "/prices")["oneOf"]
    reply = world.daemon.post("/prices", {"data": [], "?": 1})
    assert known_members(reply) == set(members(many)[0])
    assert "data" not in members(alone)[0]


def test_params_of_alerts_are_those_of_the_document(world):
    schema = described_body("POST", "/alerts")
    known, _, _ = members(schema)
    found = set()
    for kind in known["kind"]["enum"]:
        reply = world.daemon.post("/alerts", {
            "kind": kind, "name": "n", "params": {"?": 1}})
        found |= known_members(reply)
    assert len(known["kind"]["enum"]) > 4
    assert found == set(members(known["params"])[0])


def test_the_log_of_it_all_is_intact(world):
    check = world.daemon.get("/audit/verify").json
    assert check["status"] == "intact", check
    assert check["entries"] >= len(EXAMPLES) - 2


# What only reads, by the same document

READS = re.findall(r'READ\("([^"]+)"', TABLE)
SUBJECTS = {
    "accounts": lambda w: w.account, "keys": lambda w: w.used["id"],
    "models": lambda w: "deepseek-flash", "upstreams": lambda w: w.upstream,
    "credentials": lambda w: w.credential(), "operators": lambda w: "me",
    "sinks": lambda w: w.sink, "alerts": lambda w: w.alert(),
    "channels": lambda w: w.channel(),
    "report-schedules": lambda w: w.schedule(),
    "calls": lambda w: w.daemon.get("/calls").json["data"][0]["id"],
    "events": lambda w: (w.daemon.get("/events").json["data"] or
                         [{"id": "evt_" + "0" * 20}])[0]["id"],
}
AS_JSON = {"/usage/plot": "?format=json",
           "/calls/export": "?format=jsonl",
           "/denials/export": "?format=jsonl",
           "/events/export": "?format=jsonl"}
MAY_BE_NONE = {"/events/{}", "/ledger/verify"}


@pytest.fixture(scope="module")
def used(world):
    """A world in which calls were made and refused, and all else happened."""
    world.used = world.daemon.must("/keys", {"name": "used"})
    subprocess.run(
        [BUILD / "tests/unit/journal-write", world.daemon.journal, "77", "2",
         world.used["id"], world.used["account_id"], "--deny"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wait(lambda: world.daemon.total()["requests"] == 2, what="calls")
    return world


@pytest.mark.parametrize("path", READS)
def test_what_is_read_is_as_described(used, path):
    subject = ""
    if "{}" in path:
        subject = SUBJECTS[path.split("/")[1]](used)
    reply = used.daemon.get(path.replace("{}", subject) +
                            AS_JSON.get(path, ""))
    assert reply.status == 200 or path in MAY_BE_NONE, reply.body
    compare_answer("GET", path, reply)
