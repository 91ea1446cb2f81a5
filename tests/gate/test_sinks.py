"""New secrets go to where programs read them: written, read back, verified.

Each kind of sink is a server that checks what it receives
(tests/secret_servers.py); what fails is told, tried again, and shuts nothing.
"""

import secrets
import ssl
import subprocess
import threading

import pytest

from lone_daemon import LoneDaemon, wait
from secret_servers import Aws, Azure, Google, Kubernetes, Server, Vault

KINDS = ("vault", "kubernetes", "aws", "aws-text", "azure", "google")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("sinks") / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = LoneDaemon(home).start()
    yield daemon
    assert daemon.stop() == 0
    daemon.clean()


@pytest.fixture(scope="module")
def rsa(tmp_path_factory):
    """A private key and a function that verifies its signatures."""
    folder = tmp_path_factory.mktemp("rsa")
    key, public = folder / "key.pem", folder / "public.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                    "rsa_keygen_bits:2048", "-out", key], check=True,
                   capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public],
                   check=True)

    def verify(signature, text):
        (folder / "signature").write_bytes(signature)
        return subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", public, "-signature",
             folder / "signature"], input=text,
            capture_output=True).returncode == 0

    return key.read_text(), verify


@pytest.fixture
def server(request, daemon, rsa):
    """A server of the kind that the test's parameter names."""
    kind = request.param
    secret = secrets.token_urlsafe(30)
    daemon.hunt.plant("provider credential", secret)
    if kind == "google":
        daemon.hunt.plant("provider credential", rsa[0].splitlines()[5])
        server = Google(*rsa)
    elif kind.startswith("aws"):
        server = Aws(secret, session=secrets.token_urlsafe(30))
        daemon.hunt.plant("provider credential", server.session)
        if kind == "aws-text":
            server.name = ""
    else:
        server = {"vault": Vault, "kubernetes": Kubernetes,
                  "azure": Azure}[kind](secret)
    server.put()
    yield server
    server.fault = None
    server.close()


def each_kind(*kinds):
    return pytest.mark.parametrize("server", kinds or KINDS, indirect=True)


def add(daemon, server, **config):
    name = "s" + secrets.token_hex(4)
    return daemon.must("/sinks", {
        "name": name, "kind": server.kind,
        "config": {**server.config(), **config},
        "credentials": server.credentials()})


def bind(daemon, key, sink, server):
    place = {"sink": sink["name"], "place": server.place}
    if server.name:
        place["name"] = server.name
    reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {"sinks": [place]})
    assert reply.status == 200, reply.body
    return reply.json["data"]


def deliver(daemon, key):
    reply = daemon.post(f"/keys/{key['id']}/deliver", {"secret": key["key"]})
    assert reply.status == 202, reply.body
    return reply.json


def key_for(daemon, server, **config):
    """A key whose secret is on its way to a new sink."""
    key = daemon.must("/keys", {"name": "delivered"})
    sink = add(daemon, server, **config)
    bind(daemon, key, sink, server)
    assert deliver(daemon, key)["deliveries"] == 1
    return key, sink


def delivery(daemon, key):
    return daemon.get(f"/deliveries?key={key['id']}").json["data"][0]


def ended(daemon, key, state="done"):
    wait(lambda: delivery(daemon, key)["state"] == state, what=state)
    return delivery(daemon, key)


def failed(daemon, key, attempts=1):
    """What is said of a delivery that failed, and still waits."""
    wait(lambda: delivery(daemon, key)["attempts"] >= attempts,
         what="attempt")
    return delivery(daemon, key)


def events(daemon, key, kind):
    return [e for e in daemon.get(f"/events?type={kind}").json["data"]
            if e["key_id"] == key["id"]]


@each_kind()
def test_a_secret_is_written_read_back_and_verified(daemon, server):
    key, sink = key_for(daemon, server)
    row = ended(daemon, key)
    assert server.errors == []
    assert server.value() == key["key"]
    assert server.others_stay(), "what else was there stays"
    assert row["attempts"] == 1 and row["error"] is None
    assert row["secret_id"] == key["secrets"][0]["id"]
    event = events(daemon, key, "delivery_done")
    assert len(event) == 1 and event[0]["severity"] == "info"
    assert key["key"] not in str(event)
    assert sink["has_credentials"]
    assert sink["config"] == server.config()


@each_kind()
def test_a_sink_is_tested_without_changing_anything(daemon, server):
    sink = add(daemon, server)
    test = daemon.post(f"/sinks/{sink['id']}/test").json
    assert test["status"] == "ok", test
    assert server.errors == []
    server.put("sk-tgp_" + "A" * 36)
    place = {"place": server.place}
    if server.name:
        place["name"] = server.name
    test = daemon.post(f"/sinks/{sink['name']}/test", place).json
    assert test["status"] == "ok", test
    assert server.value() == "sk-tgp_" + "A" * 36
    assert "AAAA" not in test["message"]


@each_kind()
def test_credentials_that_are_refused_are_told_at_once(daemon, server):
    before = server.value()
    real = server.credentials()
    wrong = {name: "wrong" for name in real if name != "private_key"}
    sink = daemon.must("/sinks", {
        "name": "w" + secrets.token_hex(4), "kind": server.kind,
        "config": server.config(), "credentials": {**real, **wrong,
        **({"token_uri": real["token_uri"]} if "token_uri" in real else {})}})
    test = daemon.post(f"/sinks/{sink['id']}/test").json
    assert test["status"] == "failed"
    assert "refuses the sink's credentials" in test["message"]
    key = daemon.must("/keys", {"name": "refused"})
    bind(daemon, key, sink, server)
    deliver(daemon, key)
    row = failed(daemon, key)
    assert row["state"] == "waiting" and row["next_at"]
    assert "refuses the sink's credentials" in row["error"]
    wait(lambda: events(daemon, key, "delivery_failed"), what="event")
    assert server.value() == before
    # The right ones set it going again, without waiting.
    server.errors.clear()
    reply = daemon.ask("PATCH", f"/sinks/{sink['id']}", {"credentials": real})
    assert reply.status == 200, reply.body
    ended(daemon, key)
    assert server.value() == key["key"]
    assert len(events(daemon, key, "delivery_failed")) == 1, "once an episode"


@each_kind("kubernetes", "aws", "aws-text", "google")
def test_a_place_that_is_not_there_is_named(daemon, server):
    """Vault and Azure make what is not there."""
    server.place = server.place + "-2"
    key, _ = key_for(daemon, server)
    row = failed(daemon, key)
    assert "has not a" in row["error"] and "-2" in row["error"], row


@each_kind("vault", "kubernetes", "aws", "azure", "google")
def test_a_server_that_is_busy_is_asked_again(daemon, server):
    left = [503, 429]
    server.fault = lambda request: left.pop() if left else None
    key, _ = key_for(daemon, server)
    row = ended(daemon, key)
    assert server.value() == key["key"]
    assert row["attempts"] == 3
    assert events(daemon, key, "delivery_failed") == [], \
        "nobody is told of what passes by itself"


@each_kind("vault", "kubernetes", "aws", "azure", "google")
def test_what_is_cut_or_no_answer_is_asked_again(daemon, server):
    left = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"]

    server.fault = lambda request: left.pop() if left else None
    key, _ = key_for(daemon, server)
    assert ended(daemon, key)["attempts"] == 3
    assert server.value() == key["key"]
    assert server.others_stay()


def test_what_somebody_else_wrote_meanwhile_stays(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        race = [True]

        def fault(request):
            if request.method == "POST" and race:
                race.clear()
                server.secrets[server.place] = (4, {"OTHER": "stays", "n": 7,
                                                    "theirs": "too"})
            return None

        server.fault = fault
        key, _ = key_for(daemon, server)
        assert ended(daemon, key)["attempts"] == 2
        assert server.secrets[server.place][1] == {
            "OTHER": "stays", "n": 7, "theirs": "too", "API_KEY": key["key"]}


def test_a_write_that_is_not_read_back_is_no_delivery(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put("sk-tgp_" + "B" * 36)
        kept = server.secrets

        def forget(request):
            server.secrets = {path: list(row) for path, row in kept.items()}
            return None

        server.fault = forget
        key, _ = key_for(daemon, server)
        row = failed(daemon, key)
        assert "another value is read back" in row["error"]
        assert row["state"] == "waiting"
        wait(lambda: events(daemon, key, "delivery_failed"), what="event")


def test_a_redirect_is_not_followed(daemon):
    with Vault("x" * 30) as elsewhere, Vault("x" * 30) as server:
        server.fault = lambda request: (307, {
            "Location": elsewhere.url + request.path})
        key, _ = key_for(daemon, server)
        assert "redirects elsewhere (307)" in failed(daemon, key)["error"]
        assert elsewhere.requests == [], "nobody else was told the token"


def test_retry_after_is_kept_to(daemon):
    with Kubernetes("x" * 30) as server:
        server.put()
        server.fault = lambda request: (429, {"Retry-After": "120"})
        key, _ = key_for(daemon, server)
        row = failed(daemon, key)
        waits = subprocess.run(
            ["date", "-u", "-d", row["next_at"], "+%s"], capture_output=True,
            check=True, text=True).stdout
        begun = subprocess.run(
            ["date", "-u", "-d", row["created_at"], "+%s"],
            capture_output=True, check=True, text=True).stdout
        assert int(waits) - int(begun) >= 118
        # Who asks for it at once has it at once.
        server.fault = None
        reply = daemon.post(f"/keys/{key['id']}/deliver")
        assert reply.status == 202 and reply.json["deliveries"] == 1
        ended(daemon, key)


def test_a_private_address_needs_to_be_allowed(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    try:
        with Vault("x" * 30) as server:
            sink = add(daemon, server)
            test = daemon.post(f"/sinks/{sink['id']}/test").json
            assert test["status"] == "failed"
            assert "[egress] allow = 127.0.0.1" in test["message"]
            for host in ("localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]",
                         "169.254.169.254", "2130706433", "0x7f.1"):
                port = server.url.rpartition(":")[2]
                bad = add(daemon, server, url=f"http://{host}:{port}")
                test = daemon.post(f"/sinks/{bad['id']}/test").json
                assert test["status"] == "failed", host
            assert server.requests == []
    finally:
        daemon.stop()
        daemon.clean()


def test_only_the_named_authority_vouches_for_a_server(daemon, tmp_path):
    pem = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key.pem",
         "-out", pem, "-subj", "/CN=vault", "-days", "2", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem, tmp_path / "key.pem")
    with Vault(secrets.token_urlsafe(30), tls=tls) as server:
        server.put()
        sink = add(daemon, server)
        test = daemon.post(f"/sinks/{sink['id']}/test").json
        assert "certificate of 127.0.0.1 is not valid" in test["message"]
        assert server.requests == []
        key, _ = key_for(daemon, server, ca=pem.read_text())
        ended(daemon, key)
        assert server.value() == key["key"]


def test_a_newer_secret_takes_the_place_of_one_that_waits(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        server.fault = lambda request: 503
        key, _ = key_for(daemon, server)
        failed(daemon, key)
        deliver(daemon, key)
        rows = daemon.get(f"/deliveries?key={key['id']}").json["data"]
        assert [row["state"] for row in rows] == ["waiting", "dropped"]


def test_what_replaces_a_leaked_key_goes_where_that_one_was(daemon):
    """And what still waited to bring the old secret there does not."""
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        server.fault = lambda request: 503
        key, _ = key_for(daemon, server)
        failed(daemon, key)
        answer = daemon.must(f"/keys/{key['id']}/leak-response", {})
        assert answer["deliveries"] == 1
        new = answer["replacement"]
        failed(daemon, new)
        server.fault = None
        daemon.post(f"/keys/{new['id']}/deliver")
        ended(daemon, new)
        assert server.value() == new["key"]
        assert delivery(daemon, key)["state"] == "dropped"
        place, = daemon.get(f"/keys/{new['id']}/sinks").json["data"]
        assert place["place"] == server.place


def test_nothing_is_delivered_of_a_key_that_has_ended(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        server.fault = lambda request: 503
        key, _ = key_for(daemon, server)
        failed(daemon, key)
        assert daemon.post(f"/keys/{key['id']}/disable").status == 200
        server.fault = None
        daemon.post(f"/keys/{key['id']}/deliver")
        ended(daemon, key, "dropped")
        assert server.value() is None


def test_a_daemon_that_is_killed_delivers_after_its_start(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = LoneDaemon(home).start()
    try:
        with Vault(secrets.token_urlsafe(30)) as server:
            server.put()
            here, go = threading.Event(), threading.Event()

            def hold(request):
                if request.method == "POST":
                    here.set()
                    go.wait(20)
                return None

            server.fault = hold
            key, _ = key_for(daemon, server)
            assert here.wait(20)
            daemon.kill()
            go.set()
            server.fault = None
            daemon.start()
            ended(daemon, key)
            assert server.value() == key["key"]
            assert len(events(daemon, key, "delivery_done")) == 1
    finally:
        daemon.stop()
        daemon.clean()


def test_a_rotation_counts_its_grace_from_the_delivery(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        server.fault = lambda request: 503
        sink = add(daemon, server)
        key = daemon.must("/keys", {"name": "rotated"})
        bind(daemon, key, sink, server)
        new = daemon.must(f"/keys/{key['id']}/rotate", {"grace": "24h"})
        failed(daemon, key)
        now = daemon.get(f"/keys/{key['id']}").json
        assert now["rotation"]["ends_at"] is None, \
            "what is not delivered shuts nothing"
        server.fault = None
        daemon.post(f"/keys/{key['id']}/deliver")
        ended(daemon, key)
        now = daemon.get(f"/keys/{key['id']}").json
        assert now["rotation"]["ends_at"] is not None
        assert server.value()[-4:] == now["last4"]
        assert server.value() == new.get("key", server.value())


BAD = [
    ({"kind": "nfs"}, "kind"),
    ({"kind": "vault", "config": {}}, "config.url"),
    ({"kind": "vault", "config": {"url": "vault:8200"}}, "config.url"),
    ({"kind": "vault", "config": {"url": "http://u:p@vault"}}, "config.url"),
    ({"kind": "vault", "config": {"url": "http://v", "mount": "../sys"}},
     "config.mount"),
    ({"kind": "vault", "config": {"url": "http://v", "region": "x"}},
     "config.region"),
    ({"kind": "vault", "config": {"url": "http://v"}}, "credentials"),
    ({"kind": "vault", "config": {"url": "http://v"}, "credentials": {}},
     "credentials.token"),
    ({"kind": "vault", "config": {"url": "http://v"},
      "credentials": {"token": "a\nX-More: b"}}, "credentials.token"),
    ({"kind": "aws", "config": {"region": "eu west"}}, "config.region"),
    ({"kind": "kubernetes", "config": {"url": "https://k", "ca": "x"},
      "credentials": {"token": "t" * 20}}, "config.ca"),
]


@pytest.mark.parametrize("body,param", BAD)
def test_what_is_no_sink_is_refused(daemon, body, param):
    reply = daemon.post("/sinks", {"name": "bad", **body})
    assert reply.status == 400, reply.body
    assert reply.error["param"] == param


PLACES = [
    ("vault", "../x", "K"), ("vault", "a//b", "K"), ("vault", "a/..", "K"),
    ("vault", "a?b", "K"), ("vault", "/a", "K"), ("vault", "a", ""),
    ("vault", "a", "K L"), ("kubernetes", "A", "K"),
    ("kubernetes", "a/b/c", "K"), ("kubernetes", "/b", "K"),
    ("azure", "a_b", ""), ("azure", "ab", "K"),
]


@pytest.mark.parametrize("kind,place,name", PLACES)
def test_what_is_no_place_is_refused(daemon, kind, place, name):
    with Server() as server:
        server.kind = kind
        server.config = lambda: {
            "url": server.url, **({"tenant_id": "t", "client_id": "c"}
                                  if kind == "azure" else {})}
        server.credentials = lambda: {
            "client_secret" if kind == "azure" else "token": "t" * 20}
        sink = add(daemon, server)
        key = daemon.must("/keys", {"name": "k"})
        reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {
            "sinks": [{"sink": sink["name"], "place": place, "name": name}]})
        assert reply.status == 400, reply.body
        assert reply.error["param"] in ("place", "name")


def test_a_sink_that_keys_deliver_to_is_not_deleted(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        sink = add(daemon, server)
        key = daemon.must("/keys", {"name": "k"})
        bind(daemon, key, sink, server)
        reply = daemon.ask("DELETE", f"/sinks/{sink['id']}", {})
        assert reply.status == 409 and reply.error["code"] == "in_use"
        reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {"sinks": []})
        assert reply.json["data"] == []
        assert daemon.ask("DELETE", f"/sinks/{sink['id']}", {}).status == 200
        assert daemon.get(f"/sinks/{sink['id']}").status == 404


def test_only_a_secret_of_the_key_is_delivered(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        server.put()
        sink = add(daemon, server)
        key = daemon.must("/keys", {"name": "k"})
        other = daemon.must("/keys", {"name": "other"})
        bind(daemon, key, sink, server)
        reply = daemon.post(f"/keys/{key['id']}/deliver",
                            {"secret": other["key"]})
        assert reply.status == 400 and reply.error["param"] == "secret"
        reply = daemon.post(f"/keys/{other['id']}/deliver",
                            {"secret": other["key"]})
        assert reply.status == 409 and reply.error["code"] == "no_sinks"


@pytest.fixture
def folder_daemon(tmp_path):
    """A daemon that may write below tmp_path/app."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (tmp_path / "app").mkdir()
    (home / "tollgate.conf").write_text(
        f"[sinks]\nfolders = {tmp_path}/app\n")
    daemon = LoneDaemon(home).start()
    yield daemon
    daemon.stop()
    daemon.clean()


def test_the_daemon_writes_files_below_the_folders_it_may(folder_daemon,
                                                          tmp_path):
    daemon, app = folder_daemon, tmp_path / "app"
    compose = app / "docker-compose.yml"
    compose.write_text("services:\n  web:\n    image: x # y\n")
    compose.chmod(0o640)
    for kind in ("dotenv", "compose"):
        daemon.must("/sinks", {"name": kind, "kind": kind})
        assert daemon.post(f"/sinks/{kind}/test").json["status"] == "ok"
    key = daemon.must("/keys", {"name": "files"})
    reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {"sinks": [
        {"sink": "dotenv", "place": f"{app}/.env", "name": "API_KEY"},
        {"sink": "compose", "place": f"{compose}:web", "name": "API_KEY"}]})
    assert reply.status == 200, reply.body
    assert deliver(daemon, key)["deliveries"] == 2
    wait(lambda: {d["state"] for d in daemon.get(
        f"/deliveries?key={key['id']}").json["data"]} == {"done"}, what="both")
    assert (app / ".env").read_text() == f"API_KEY={key['key']}\n"
    assert (app / ".env").stat().st_mode & 0o777 == 0o600
    assert compose.read_text() == (
        "services:\n  web:\n    image: x # y\n    environment:\n"
        f"      API_KEY: \"{key['key']}\"\n")
    assert compose.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("place", [
    "{}/elsewhere/.env", "{}/app/link/.env", "{}/app2/.env", "/etc/passwd",
    "{}/app/file-link"])
def test_the_daemon_writes_no_file_anywhere_else(folder_daemon, tmp_path,
                                                 place):
    daemon = folder_daemon
    for name in ("elsewhere", "app2"):
        (tmp_path / name).mkdir()
    (tmp_path / "app/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/file").write_text("A=1\n")
    (tmp_path / "app/file-link").symlink_to(tmp_path / "elsewhere/file")
    daemon.must("/sinks", {"name": "f", "kind": "dotenv"})
    key = daemon.must("/keys", {"name": "files"})
    reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {"sinks": [
        {"sink": "f", "place": place.format(tmp_path), "name": "A"}]})
    assert reply.status == 200, reply.body
    deliver(daemon, key)
    row = failed(daemon, key)
    assert row["state"] == "waiting" and row["error"], row
    assert (tmp_path / "elsewhere/file").read_text() == "A=1\n"
    assert not (tmp_path / "elsewhere/.env").exists()
    assert not (tmp_path / "app2/.env").exists()


@pytest.mark.parametrize("kind,place", [
    ("dotenv", "app/.env"), ("dotenv", "/srv/../etc/x"), ("dotenv", "/srv/"),
    ("dotenv", "/"), ("compose", "/srv/x.yml"), ("compose", "/srv/x.yml:")])
def test_what_is_no_files_place_is_refused(daemon, kind, place):
    sink = daemon.must("/sinks", {"name": "f" + secrets.token_hex(4),
                                  "kind": kind})
    key = daemon.must("/keys", {"name": "k"})
    reply = daemon.ask("PUT", f"/keys/{key['id']}/sinks", {
        "sinks": [{"sink": sink["name"], "place": place, "name": "K"}]})
    assert reply.status == 400 and reply.error["param"] == "place"
    test = daemon.post(f"/sinks/{sink['id']}/test").json
    assert "[sinks] folders" in test["message"]
