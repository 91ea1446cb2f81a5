"""Who may do what: each row of the route table, asked by each role, free and
bound to an account, about things of that account and of another one.

What a role may is said here once more, so that a slip in the daemon's table
is seen; which permission a route takes, and what it is about, is read off its
row, so that no route is left out.
"""

import itertools
import re
import time

import pytest

from lone_daemon import ROOT, LoneDaemon

ROUTES = (ROOT / "src/daemon/routes.c").read_text()
ROUTES = ROUTES[ROUTES.index("routes[] = {"):]
ROUTES = ROUTES[:ROUTES.index("\n};") + 1]
PERMISSIONS = re.search(r"enum tg_permission \{(.*?)\};",
                        (ROOT / "src/daemon/routes.h").read_text(), re.S)
ALL = set(re.findall(r"TG_MAY_(\w+)", PERMISSIONS.group(1))) - {"NOTHING"}
READS = {"READ", "READ_USAGE", "READ_METRICS", "ACT_FOR_ONESELF"}
MAY = {
    "owner": ALL,
    "admin": ALL - {"CHANGE_OWNERS"},
    "auditor": READS | {"READ_AUDIT"},
    "billing": READS | {"CHANGE_ACCOUNTS", "CHANGE_BUDGETS"},
}
REACHES = ("COMMON", "OWN_LIST", "OF_KEY", "OF_ACCOUNT", "OF_MEMBER",
           "OF_SELF")


def code_of(reply):
    """Of an error; what is no JSON is none."""
    if reply.headers["content-type"] != "application/json":
        return None
    return (reply.json.get("error") or {}).get("code")


class Route:
    def __init__(self, row):
        texts = re.findall(r'"([^"]*)"', row)
        self.method = "GET" if texts[0].startswith("/") else texts.pop(0)
        self.path = texts[0]
        self.permission = re.search(r"TG_MAY_(\w+)", row).group(1)
        also = re.search(r"\.also = TG_MAY_(\w+)", row)
        self.also = also.group(1) if also else self.permission
        words = re.findall(r"\b[A-Z_]+\b", re.sub(r'"[^"]*"', "", row))
        self.reach = ([r for r in REACHES if r in words] or ["ALL"])[0]
        # A list that takes an account; the others hold one's own anyway.
        self.is_filtered = self.reach == "OWN_LIST" and "account" in \
            " ".join(texts[1:]).split()
        # Who may is not said by a token there.
        self.is_open = "OPEN" in words or ".know" in row

    def __repr__(self):
        return f"{self.method} {self.path}"


TABLE = [Route(row) for row in
         re.findall(r"\b(?:READ|CHANGE)\((.*?)\),\n", ROUTES, re.S)]

NOBODY = "key_" + "0" * 20


class World:
    """A daemon with two accounts and an operator of each kind."""

    def __init__(self, home):
        self.daemon = daemon = LoneDaemon(home).start()
        self.accounts = {
            name: daemon.must("/accounts", {"name": name})["id"]
            for name in ("own", "other")}
        self.tokens = {}
        self.numbers = itertools.count()
        for role in MAY:
            self.tokens[role, False] = self.operator("free-" + role, role)
            if role != "owner":
                self.tokens[role, True] = self.operator(
                    "bound-" + role, role, accounts=["own"])

    def operator(self, name, role, **members):
        self.daemon.must("/operators", {"name": name, "role": role, **members})
        return self.token(operator=name)

    def token(self, asker=None, **members):
        reply = self.daemon.post("/tokens", {"name": "t", **members},
                                 token=asker)
        assert reply.status == 201, reply.body
        token = reply.json["token"]
        self.daemon.hunt.plant("owner's token", token)
        return token

    def key(self, account):
        return self.daemon.must("/keys", {"name": "k", "account": account})

    def victim(self):
        """Another operator, of whom there are enough."""
        name = "victim-%d" % next(self.numbers)
        self.daemon.must("/operators", {"name": name, "role": "auditor"})
        return name

    def fill(self, route, account):
        """The path with a subject of that account."""
        noun = route.path.split("/")[1]
        subject = {
            "accounts": lambda: self.accounts[account],
            "keys": lambda: self.key(account)["id"],
            "models": lambda: "deepseek-flash",
            "operators": lambda: self.victim() if account == "other"
                                 else "me",
        }.get(noun, lambda: "none_such")
        path = route.path
        if "{}" in path:
            path = path.replace("{}", subject())
        return path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("roles") / "home")
    yield world
    world.daemon.clean()


def test_the_table_is_read():
    assert len(TABLE) == len(re.findall(r"tg_admin_\w+", ROUTES)) > 40
    assert {r.permission for r in TABLE} <= ALL
    assert sorted(r.path for r in TABLE if r.is_open) == [
        "/leaks/github", "/sessions"]


def body_of(route, account):
    if route.method == "GET":
        return None
    return {"account": account, "name": "k"} if route.reach == "OF_MEMBER" \
        else {}


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("route", [r for r in TABLE if not r.is_open],
                         ids=repr)
def test_roles(world, route, role):
    """A role that may gets to the handler, whatever that one says."""
    for account in ("own", "other"):
        if route.path == "/operators/{}":
            account = "other"
        elif route.path.startswith("/operators/{}/"):
            account = "own"
        path = world.fill(route, account)
        reply = world.daemon.ask(route.method, path, body_of(route, account),
                                 token=world.tokens[role, False])
        may = {route.permission, route.also} & MAY[role]
        assert (reply.code != "permission_denied") == bool(may), reply.body
        assert reply.status != 401 and reply.status < 500


@pytest.mark.parametrize("role", [role for role in MAY if role != "owner"])
@pytest.mark.parametrize("route", [r for r in TABLE if not r.is_open],
                         ids=repr)
def test_bound_operators(world, route, role):
    """One that is bound reaches its own account's things and no other's."""
    token = world.tokens[role, True]

    def ask(account):
        path = world.fill(route, account)
        if route.is_filtered:
            path += f"?account={world.accounts[account]}"
        return world.daemon.ask(route.method, path, body_of(route, account),
                                token=token)

    own, other = ask("own"), ask("other")
    assert own.status < 500 and other.status < 500
    if not {route.permission, route.also} & MAY[role]:
        assert own.error["code"] == other.error["code"] == "permission_denied"
    elif route.reach == "ALL":
        assert own.error["code"] == other.error["code"] == "permission_denied"
    elif route.reach in ("OF_KEY", "OF_ACCOUNT", "OF_SELF"):
        assert own.status not in (401, 403, 404), own.body
        assert other.status == 404, other.body
    elif route.reach == "OF_MEMBER":
        assert own.status not in (401, 403, 404), own.body
        assert (other.status, other.error["param"]) == (400, "account")
    elif route.is_filtered:
        assert own.status == 200, own.body
        assert (other.status, other.error["param"]) == (400, "account")
    else:
        assert own.code != "permission_denied"


def test_requests_without_a_token(world):
    for route in TABLE:
        if route.is_open:
            continue
        path = world.fill(route, "own")
        reply = world.daemon.ask(route.method, path, {}, token="")
        assert (reply.status, reply.error["code"]) == (401, "missing_token")


# What lists hold


def test_a_bound_operator_finds_only_its_own_things(world):
    daemon, token = world.daemon, world.tokens["admin", True]
    own, other = world.key("own"), world.key("other")
    keys = daemon.get("/keys?limit=1000", token=token).json["data"]
    assert own["id"] in {k["id"] for k in keys}
    assert {k["account_id"] for k in keys} == {world.accounts["own"]}
    accounts = daemon.get("/accounts", token=token).json
    assert [a["name"] for a in accounts["data"]] == ["own"]
    assert not accounts["has_more"]
    reply = daemon.get(f"/calls?key={other['id']}", token=token).json
    assert reply["data"] == []
    for path, rows in (("/usage?by=key", "rows"), ("/usage?by=day", "rows"),
                       ("/denials?limit=9", "data"),
                       ("/events?type=leak_reported", "data")):
        errors = [daemon.get(f"{path}&key={key}", token=token).error
                  for key in (other["id"], NOBODY)]
        assert errors[0]["param"] == errors[1]["param"] == "key"
        assert errors[0]["message"].replace(other["id"], NOBODY) == \
            errors[1]["message"]
        assert daemon.get(f"{path}&key={own['id']}",
                          token=token).json[rows] == []
    for key, status in ((own, 200), (other, 404)):
        assert daemon.get("/keys/" + key["id"], token=token).status == status
    made = daemon.post("/keys", {"name": "x"}, token=token)
    assert made.json["account_id"] == world.accounts["own"]


def test_a_key_of_others_looks_like_none(world):
    token = world.tokens["admin", True]
    other = world.key("other")["id"]
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""),
                         ("POST", "/disable"), ("GET", "/check?scope=chat")):
        body = None if method == "GET" else {}
        replies = [world.daemon.ask(method, f"/keys/{key}{tail}", body,
                                    token=token)
                   for key in (other, NOBODY)]
        assert replies[0].status == 404
        assert replies[0].json == replies[1].json
    assert world.daemon.get("/keys/" + other).json["status"] == "active"


def test_advice_is_of_ones_own_keys(world):
    daemon, token = world.daemon, world.tokens["auditor", True]
    own, other = world.key("own")["id"], world.key("other")["id"]
    seen = daemon.get("/keys/review?limit=1000", token=token).json["data"]
    assert own in {k["key_id"] for k in seen}
    assert {k["account_id"] for k in seen} == {world.accounts["own"]}
    for path, status in (("/keys/review?key={}", 400),
                         ("/cost/advice?key={}", 400),
                         ("/keys/{}/limits/suggestion", 404)):
        replies = [daemon.get(path.format(key), token=token)
                   for key in (own, other, "key_" + "0" * 20)]
        assert [r.status for r in replies] == [200, status, status]


def test_one_bound_to_several_accounts_names_one(world):
    token = world.operator("several", "auditor", accounts=["own", "other"])
    assert world.daemon.get("/keys", token=token).error["param"] == "account"
    for account in ("own", "other"):
        reply = world.daemon.get(f"/keys?account={account}", token=token)
        assert reply.status == 200
    assert world.daemon.get("/keys?account=default", token=token).status == 400
    names = [a["name"] for a in
             world.daemon.get("/accounts", token=token).json["data"]]
    assert names == ["own", "other"]


# Members


@pytest.mark.parametrize("member,value", [
    ("name", "x"), ("scopes", ["chat"]), ("models", ["a"]), ("limits", {}),
    ("expires_at", "2099-01-01"), ("labels", {}), ("allowed_ips", [])])
def test_billing_changes_budgets_and_nothing_else_of_a_key(world, member,
                                                          value):
    key, token = world.key("own"), world.tokens["billing", False]
    path = "/keys/" + key["id"]
    budget = {"monthly": "5.00"}
    reply = world.daemon.ask("PATCH", path, {"budget": budget}, token=token)
    assert reply.json["budget"]["monthly"] == "5.00"
    for body in ({member: value}, {"budget": {"monthly": "6"}, member: value}):
        reply = world.daemon.ask("PATCH", path, body, token=token)
        assert (reply.status, reply.error["param"]) == (403, member)
    assert world.daemon.get(path).json["budget"]["monthly"] == "5.00"


FIELDS = re.findall(
    r'\{"(\w+)", "/admin/v1([^"]*)",\s*"(\w+)",\s*TG_MAY_(\w+)\}',
    (ROOT / "src/daemon/fields.c").read_text())


def test_the_members_are_read():
    assert len(FIELDS) == len(re.findall(
        r'\{"[A-Z]+", ', (ROOT / "src/daemon/fields.c").read_text())) >= 4


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("method,path,member,permission", FIELDS)
def test_members_that_take_a_permission_of_their_own(
        world, method, path, member, permission, role):
    route, = [r for r in TABLE if (r.method, r.path) == (method, path)]
    reply = world.daemon.ask(method, world.fill(route, "own"), {member: None},
                             token=world.tokens[role, False])
    error = reply.json.get("error") or {}
    if not {route.permission, route.also} & MAY[role]:
        assert (error["code"], error["param"]) == ("permission_denied", None)
    elif permission not in MAY[role]:
        assert (error["code"], error["param"]) == ("permission_denied", member)
    else:
        assert error.get("code") != "permission_denied"


@pytest.mark.parametrize("path,member", [
    ("/keys", "status"), ("/keys", "account_id"), ("/keys", "id"),
    ("/keys", "key"), ("/accounts", "status"), ("/accounts", "verification"),
    ("/accounts", "topped_up"), ("/operators", "status"),
    ("/operators", "has_totp"), ("/operators", "password"),
    ("/tokens", "operator_id"), ("/tokens", "token"), ("/tokens", "last4")])
def test_members_that_nobody_sets(world, path, member):
    reply = world.daemon.post(path, {"name": "x", member: "active"})
    assert reply.status == 400
    assert (reply.error["code"], reply.error["param"]) == (
        "unknown_member", member)


# Who gives what


def test_nobody_gives_more_than_he_has(world):
    daemon = world.daemon
    admin = world.tokens["admin", False]
    for role, status in (("owner", 403), ("admin", 201), ("auditor", 201),
                         ("billing", 201)):
        reply = daemon.post("/operators",
                            {"name": f"made-{role}", "role": role}, token=admin)
        assert reply.status == status, role
    for body in ({"role": "auditor"}, {"status": "suspended"}, {"name": "z"}):
        reply = daemon.ask("PATCH", "/operators/owner", body, token=admin)
        assert reply.status == 403
    assert daemon.ask("DELETE", "/operators/owner", token=admin).status == 403
    reply = daemon.ask("PATCH", "/operators/made-auditor", {"role": "owner"},
                       token=admin)
    assert (reply.status, reply.error["param"]) == (403, "role")
    assert daemon.post("/tokens", {"name": "x", "operator": "owner"},
                       token=admin).status == 403


def test_a_narrow_token_hands_on_no_more(world):
    daemon = world.daemon
    narrow = world.token(scopes=["keys", "self", "operators", "read"])
    assert daemon.post("/keys", {"name": "x"}, token=narrow).status == 201
    assert daemon.get("/usage", token=narrow).status == 403
    assert daemon.post("/accounts", {"name": "n"}, token=narrow).status == 403
    for body in ({}, {"scopes": ["usage"]}, {"scopes": ["keys", "owners"]}):
        reply = daemon.post("/tokens", {"name": "x", **body}, token=narrow)
        assert (reply.status, reply.error["param"]) == (403, "scopes"), body
    assert daemon.post("/tokens", {"name": "x", "scopes": ["keys"]},
                       token=narrow).status == 201
    reply = daemon.post("/operators", {"name": "n1", "role": "auditor"},
                        token=narrow)
    assert (reply.status, reply.error["param"]) == (403, "role")
    reply = daemon.post("/tokens", {"name": "x", "scopes": ["chat"]})
    assert reply.error["param"] == "scopes"


def test_a_token_of_one_account_stays_one(world):
    daemon = world.daemon
    token = world.token(account="own")
    assert {k["account_id"] for k in
            daemon.get("/keys?limit=1000", token=token).json["data"]} == {
                world.accounts["own"]}
    assert daemon.get("/operators", token=token).status == 403
    assert daemon.post("/tokens", {"name": "x", "account": "other"},
                       token=token).error["param"] == "account"
    assert daemon.post("/tokens", {"name": "x"}, token=token).json[
        "account_id"] == world.accounts["own"]
    bound = world.tokens["admin", True]
    assert daemon.post("/tokens", {"name": "x"}, token=bound).json[
        "account_id"] == world.accounts["own"]


def test_tokens_end(world):
    daemon = world.daemon
    made = daemon.must("/tokens", {"name": "t", "expires_at": "90d"})
    daemon.hunt.plant("owner's token", made["token"])
    assert daemon.get("/health", token=made["token"]).status == 200
    used = next(t for t in daemon.get("/tokens?operator=me").json["data"]
                if t["id"] == made["id"])
    assert used["last_used_at"] is not None and "token" not in used
    ended = daemon.ask("DELETE", "/tokens/" + made["id"]).json
    assert ended["status"] == "revoked"
    assert daemon.get("/health", token=made["token"]).status == 401
    soon = time.gmtime(time.time() + 2)
    token = world.token(expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", soon))
    deadline = time.monotonic() + 10
    while (reply := daemon.get("/health", token=token)).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (reply.status, reply.error["code"]) == (401, "token_expired")


def test_tokens_of_others_are_not_ones_own(world):
    daemon = world.daemon
    made = daemon.must("/tokens", {"name": "t", "operator": "owner"})
    daemon.hunt.plant("owner's token", made["token"])
    path = "/tokens/" + made["id"]
    assert daemon.ask("DELETE", path, token=world.tokens["admin", False]
                      ).status == 403
    bound = world.tokens["admin", True]
    assert daemon.ask("DELETE", path, token=bound).status == 404
    assert {t["operator"] for t in
            daemon.get("/tokens", token=bound).json["data"]} == {"bound-admin"}
    assert daemon.get("/tokens?operator=owner", token=bound).status == 404
    assert daemon.get("/health", token=made["token"]).status == 200


def test_operators_change_and_end(world):
    daemon = world.daemon
    token = world.operator("Temp.One", "admin")
    assert daemon.get("/operators/temp.one").json["name"] == "temp.one"
    reply = daemon.post("/operators", {"name": "TEMP.one", "role": "admin"})
    assert (reply.status, reply.error["code"]) == (409, "already_exists")
    path = "/operators/temp.one"
    assert daemon.ask("PATCH", path, {"role": "auditor"}).json["role"] == \
        "auditor"
    assert daemon.post("/keys", {"name": "x"}, token=token).status == 403
    assert daemon.ask("PATCH", path, {"status": "suspended"}).status == 200
    assert daemon.get("/health", token=token).status == 401
    assert daemon.ask("PATCH", path, {"status": "active"}).status == 200
    assert daemon.get("/health", token=token).status == 200
    assert daemon.ask("DELETE", path).json["status"] == "disabled"
    assert daemon.get("/health", token=token).status == 401
    assert daemon.ask("PATCH", path, {"status": "active"}).error["code"] == \
        "operator_disabled"
    assert daemon.post("/tokens", {"name": "x", "operator": "temp.one"}
                       ).status == 409
    for name in ("", "me", "op_x", "a b", "ä", "x" * 65):
        reply = daemon.post("/operators", {"name": name, "role": "admin"})
        assert reply.error["param"] == "name", name
    reply = daemon.post("/operators", {"name": "o2", "role": "owner",
                                       "accounts": ["own"]})
    assert reply.error["param"] == "accounts"


def test_the_last_owner_stays(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    try:
        for method, body in (("PATCH", {"role": "admin"}),
                             ("PATCH", {"status": "suspended"}),
                             ("DELETE", {})):
            reply = daemon.ask(method, "/operators/owner", body)
            assert (reply.status, reply.error["code"]) == (409, "last_owner")
        daemon.must("/operators", {"name": "second", "role": "owner"})
        made = daemon.must("/tokens", {"name": "t", "operator": "second"})
        daemon.hunt.plant("owner's token", made["token"])
        assert daemon.ask("DELETE", "/operators/owner").status == 200
        assert daemon.get("/health").status == 401
        daemon.stop()
        daemon.spawn()
        deadline = time.monotonic() + 10
        while not daemon.socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert daemon.get("/health").status == 401, "a start lets nobody in"
        reply = daemon.ask("DELETE", "/operators/second",
                           token=made["token"])
        assert reply.error["code"] == "last_owner"
    finally:
        daemon.clean()


def test_an_owner_by_another_name_stays_the_only_one(tmp_path):
    """A start makes no other one; a new token in the file is the oldest
    owner's, so that whoever has the machine is never locked out."""
    daemon = LoneDaemon(tmp_path / "home").start()
    try:
        reply = daemon.ask("PATCH", "/operators/owner", {"name": "zoe"})
        assert reply.status == 200
        daemon.stop()
        daemon.start()
        names = [o["name"] for o in daemon.get("/operators").json["data"]]
        assert names == ["zoe"]
        daemon.stop()
        fresh = "tgo_" + "N" * 40
        (daemon.home / "admin.token").write_text(fresh + "\n")
        daemon.start()
        assert daemon.get("/operators/me", token=fresh).json["name"] == "zoe"
        reply = daemon.ask("DELETE", "/operators/zoe", {}, token=fresh)
        assert reply.error["code"] == "last_owner"
    finally:
        daemon.clean()


def test_a_token_file_that_has_ended_is_named(own_gate):
    """tollgate status reads it, and says what to do."""
    made = own_gate.admin("POST", "/operators", {"name": "two",
                                                 "role": "owner"})
    assert made.status == 201
    assert own_gate.cli("status")[0] == 0
    assert own_gate.admin("DELETE", "/operators/owner").status == 200
    code, out, err = own_gate.cli("status")
    assert code != 0
    assert "does not know the token in" in out + err


def test_every_scope_is_written_down():
    names = re.findall(r'\[TG_MAY_\w+\] = "(\w+)"',
                       (ROOT / "src/daemon/roles.c").read_text())
    document = (ROOT / "docs/operators.md").read_text()
    page = (ROOT / "docs/tollgate-operators.1").read_text()
    assert len(names) == len(ALL) + 1
    for name in set(names) - {"nothing"}:
        assert f"| `{name}` |" in document, name
        assert re.search(rf"\b{name}\b", page), name
