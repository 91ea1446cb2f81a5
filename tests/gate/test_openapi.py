"""api/openapi.yaml says what the daemon does, and the daemon what it says.

The file is read by its indentation: names as they stand there.
"""

import re
import subprocess

import pytest
import yaml

from lone_daemon import BUILD, ROOT, LoneDaemon, wait

TEXT = (ROOT / "api/openapi.yaml").read_text()
ROUTER = (ROOT / "src/daemon/routes.c").read_text()


def blocks(text, indent):
    """Names at an indentation, and what stands under each."""
    parts = re.split(rf"(?m)^ {{{indent}}}([/\w{{}}'.-]+):", text)
    return dict(zip((name.strip("'") for name in parts[1::2]), parts[2::2]))


TOP = blocks(TEXT, 0)
PATHS = blocks(TOP["paths"], 2)
COMPONENTS = blocks(TOP["components"], 2)
PARAMETERS = {
    name: "in: query" in body
    for name, body in blocks(COMPONENTS["parameters"], 4).items()}


def described_routes():
    routes = {}
    for path, body in PATHS.items():
        for method, what in blocks(body, 4).items():
            shared = re.findall(r"#/components/parameters/(\w+)", what)
            own = re.findall(r"- \{?name: (\w+)", what)
            names = {n for n in shared if PARAMETERS[n]} | set(own)
            routes[method.upper(), path.replace("{id}", "{}")] = names
    return routes


def coded_routes():
    page = re.search(r'#define PAGE "([^"]*)"', ROUTER).group(1)
    routes = {}
    table = ROUTER[ROUTER.index("routes[] = {"):]
    for row in re.findall(r"(?:READ|CHANGE)\((.*?)\),", table, re.S):
        texts = re.findall(r'"([^"]*)"|PAGE', row)
        method = "GET" if texts[0].startswith("/") else texts.pop(0)
        path = texts.pop(0)
        if method != "GET":
            texts.pop(0)
        names = " ".join(texts).split()
        if "PAGE" in row:
            names += page.split()
        routes[method, path] = set(names)
    return routes


def test_routes_and_their_arguments_are_the_same():
    assert len(coded_routes()) > 15
    assert described_routes() == coded_routes()


def test_the_daemon_serves_it(daemon):
    """As JSON; a reader of YAML reads the same in the file."""
    served = daemon.get("/openapi.json").json
    assert served == yaml.safe_load(TEXT)
    assert served["openapi"].startswith("3.0.")
    assert len(served["paths"]) == len(PATHS)


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_what_it_refers_to_is_there_and_all_is_referred_to():
    document = yaml.safe_load(TEXT)
    found = set(references(document))
    there = {f"#/components/{kind}/{name}"
             for kind in ("parameters", "responses", "schemas")
             for name in document["components"][kind]}
    assert found <= there, found - there
    assert there <= found, there - found


def test_operations_have_names_of_their_own():
    names = [what["operationId"]
             for path in yaml.safe_load(TEXT)["paths"].values()
             for method, what in path.items() if method != "parameters"]
    assert len(names) == len(set(names))


def test_each_post_takes_an_idempotency_key():
    """But the one that lets somebody in."""
    for path, body in PATHS.items():
        for method, what in blocks(body, 4).items():
            takes = "parameters/idempotency_key" in what
            assert takes == (method == "post" and "security: []" not in what), \
                path


def test_each_change_of_an_object_takes_if_match():
    for path, body in PATHS.items():
        methods = blocks(body, 4)
        for method, what in methods.items():
            is_one = re.fullmatch(r"/\w+/\{id\}", path) and "get" in methods
            if method in ("patch", "delete") and is_one:
                assert "parameters/if_match" in what, path


DOCUMENT = yaml.safe_load(TEXT)["components"]["schemas"]


def parts(name):
    """What a schema consists of: itself, or all of others and more."""
    whole = DOCUMENT[name]
    for part in whole.get("allOf", [whole]):
        if "$ref" in part:
            yield from parts(part["$ref"].rpartition("/")[2])
        else:
            yield part


def properties(name):
    return {key for part in parts(name) for key in part["properties"]}


def required(name):
    return {key for part in parts(name) for key in part["required"]}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("openapi") / "home").start()
    daemon.key = daemon.must("/keys", {"name": "k"})
    daemon.must("/upstreams", {"name": "u", "base_url": "http://127.0.0.1:1",
                               "dialect": "deepseek"})
    daemon.must("/credentials", {"upstream": "u", "secret": "x" * 20})
    daemon.must("/sinks", {"name": "v", "kind": "vault",
                           "config": {"url": "http://127.0.0.1:1"},
                           "credentials": {"token": "x" * 20}})
    key = "/keys/" + daemon.key["id"]
    daemon.ask("PUT", key + "/sinks",
               {"sinks": [{"sink": "v", "place": "a", "name": "b"}]})
    daemon.post(key + "/deliver", {"secret": daemon.key["key"]})
    subprocess.run(
        [BUILD / "tests/unit/journal-write", daemon.journal, "77", "2",
         daemon.key["id"], daemon.key["account_id"], "--deny"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wait(lambda: daemon.total()["requests"] == 2, what="calls")
    yield daemon
    daemon.clean()


@pytest.mark.parametrize("path,name", [
    ("/accounts", "account"), ("/keys", "key"), ("/models", "model"),
    ("/prices", "price"), ("/upstreams", "upstream"),
    ("/credentials", "credential"), ("/calls", "call"),
    ("/denials", "denial"), ("/sinks", "sink"), ("/deliveries", "delivery"),
    ("/operators", "operator"),
    ("/tokens", "token"), ("/audit", "audit_entry")])
def test_members_of_objects(daemon, path, name):
    page = daemon.get(path).json
    assert set(page) == properties("list")
    assert page["data"]
    for item in page["data"]:
        assert set(item) == properties(name) == required(name)
        assert item["object"] == name


def test_members_of_the_rest(daemon):
    assert set(daemon.get("/health").json) == properties("health")
    assert set(daemon.get("/nothing").json) == properties("error")
    usage = daemon.get("/usage?by=key").json
    assert set(usage) == properties("usage")
    assert set(usage["total"]) == properties("sums") == required("sums")
    assert set(usage["total"]["latency_ms"]) == properties("quantiles")
    assert set(usage["rows"][0]) == properties("sums") | {"key_id", "key_name"}
    check = daemon.get(f"/keys/{daemon.key['id']}/check?scope=chat").json
    assert set(check) == properties("key_check") == required("key_check")
    credential = daemon.get("/credentials").json["data"][0]
    assert set(credential["health"]) == properties("credential_health") == \
        required("credential_health")
    assert set(daemon.key) == properties("key") | {"key"}
    assert set(daemon.key["limits"]) == properties("limits")
    assert set(daemon.key["budget"]) == properties("budget")


def test_members_of_reports_about_a_key(daemon):
    key = "/keys/" + daemon.key["id"]
    for path, name in [("/usage", "key_usage"), ("/limits", "rate_limits"),
                       ("/usage/patterns", "usage_patterns"),
                       ("/usage/current", "current_usage")]:
        assert set(daemon.get(key + path).json) == properties(name) == \
            required(name)
    for path, name in [("/usage/detailed", "detailed_usage"),
                       ("/usage/models", "model_usage"),
                       ("/errors", "recent_error")]:
        page = daemon.get(key + path).json
        assert set(page) == properties("list") and page["data"]
        for row in page["data"]:
            assert set(row) == properties(name) == required(name)
    assert set(daemon.get(key + "/usage/current").json["usage"]) == \
        properties("rates") == required("rates")


def test_members_of_the_audit_log(daemon):
    for row in daemon.get("/audit/export").json["data"]:
        assert set(row) == properties("exported_audit_entry") == \
            required("exported_audit_entry")
    head = daemon.get("/audit/head").json
    assert set(head) == properties("audit_head") == required("audit_head")
    assert set(head["checkpoint"]) == properties("audit_checkpoint") == \
        required("audit_checkpoint")
    check = daemon.get("/audit/verify").json
    assert set(check) == properties("audit_verification") == \
        required("audit_verification")


def known(reply):
    """The error for an unknown member lists those that are known."""
    return set(reply.error["message"].split("known are: ")[1].split())


def test_members_of_a_new_key_and_of_a_changed_one(daemon):
    assert known(daemon.post("/keys", {"?": 1})) == properties("new_key")
    changed = known(daemon.ask("PATCH", "/keys/" + daemon.key["id"], {"?": 1}))
    assert changed == properties("changed_key")
    assert properties("new_key") - changed == {"account", "kind"}


def test_members_of_operators_and_tokens(daemon):
    token = daemon.must("/tokens", {"name": "t"})
    assert set(token) == properties("token") | {"token"}
    for path, schema in (("/operators", "new_operator"),
                         ("/tokens", "new_token"),
                         ("/sessions", "login"),
                         ("/sessions/step-up", "proof"),
                         ("/operators/me/password", "new_password"),
                         ("/operators/me/totp/confirm", "totp_code")):
        assert known(daemon.post(path, {"?": 1})) == properties(schema)
    assert known(daemon.ask("PATCH", "/operators/me", {"?": 1})) == \
        properties("changed_operator")


def test_members_of_sessions_and_second_factors(daemon):
    password = "correct horse battery"
    daemon.hunt.plant("operator's password", password)
    daemon.must("/operators", {"name": "s", "role": "admin"})
    daemon.must("/operators/s/password", {"password": password})
    session = daemon.post("/sessions", {"operator": "s", "password": password},
                          token="").json
    daemon.hunt.plant("session", session["token"])
    assert set(session) == properties("new_session") - {"csrf_token"}
    listed = daemon.get("/sessions", token=session["token"]).json["data"]
    assert set(listed[0]) == properties("session") == required("session")
    begun = daemon.post("/operators/me/totp", token=session["token"]).json
    daemon.hunt.plant("second factor", begun["secret"])
    assert set(begun) == properties("totp_enrolment")
    proof = daemon.post("/sessions/step-up", {"password": password},
                        token=session["token"]).json
    assert set(proof) == properties("fresh_proof")
    ended = daemon.ask("DELETE", "/sessions/current", token=session["token"])
    assert set(ended.json) == properties("ended_session")


def test_members_of_alerts_and_channels(daemon):
    alert = daemon.get("/alerts").json["data"][0]
    assert set(alert) == properties("alert") == required("alert")
    params = set()
    for row in daemon.get("/alerts").json["data"]:
        params |= set(row["params"])
    assert params == properties("alert_params")
    channel = daemon.must("/channels", {
        "kind": "webhook", "name": "c", "url": "http://192.0.2.1/",
        "secret": "x" * 16})
    assert set(channel) == properties("channel") == required("channel")
    assert known(daemon.post("/alerts", {"?": 1})) == properties("new_alert")
    assert known(daemon.ask("PATCH", "/alerts/" + alert["id"], {"?": 1})) == \
        properties("changed_alert")
    assert known(daemon.post("/channels", {"?": 1})) == \
        properties("new_channel")
    assert known(daemon.ask("PATCH", "/channels/" + channel["id"],
                            {"?": 1})) == properties("changed_channel")
    daemon.must("/accounts", {"name": "poor", "billing": "prepaid",
                              "granted": "1"})
    path = "/alerts/deliveries"
    wait(lambda: daemon.get(path).json["data"], what="a delivery")
    row = daemon.get(path).json["data"][0]
    assert set(row) == properties("alert_delivery") == required(
        "alert_delivery")
    episode = daemon.get("/alerts/episodes").json["data"][0]
    assert set(episode) == properties("episode") == required("episode")
    test = daemon.post(f"/channels/{channel['id']}/test", {}).json
    assert set(test) == properties("channel_test") == required("channel_test")
    gone = daemon.ask("DELETE", "/channels/" + channel["id"]).json
    assert set(gone) == properties("gone") == required("gone")


def test_members_of_sinks_and_of_keys_in_them(daemon):
    key = "/keys/" + daemon.key["id"]
    places = daemon.get(key + "/sinks").json["data"]
    assert set(places[0]) == properties("key_sink") == required("key_sink")
    for path, name in [("/sinks/v/test", "sink_test"),
                       (key + "/deliver", "key_delivery")]:
        assert set(daemon.post(path).json) == properties(name) == \
            required(name)
    assert known(daemon.post("/sinks", {"?": 1})) == properties("new_sink")
    assert known(daemon.ask("PATCH", "/sinks/v", {"?": 1})) == \
        properties("changed_sink")
    bad = {"sinks": [{"?": 1}]}
    assert known(daemon.ask("PUT", key + "/sinks", bad)) == \
        properties("new_key_sink")
