"""tollgate upstreams test: what is wrong with a provider, and with which
credential."""

import json
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import Sim
from lone_daemon import LoneDaemon
from test_openapi import properties, required

SECRET, OTHER = "sk-test-0123456789abcdef0123", "sk-test-fedcba9876543210fedc"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("upstream-test") / "home")
    yield daemon.start()
    daemon.clean()


@pytest.fixture
def sims(tmp_path):
    sims = []

    def start(dialect, *args):
        sims.append(Sim(tmp_path / f"sim{len(sims)}",
                        ["--dialect", dialect, *args]))
        return sims[-1]

    yield start
    for sim in sims:
        sim.stop()


def upstream(daemon, base_url, dialect="deepseek", secrets=(SECRET,)):
    """An upstream of the same name each time, with these credentials."""
    daemon.post("/upstreams", {"name": "u", "base_url": base_url,
                               "dialect": dialect, "replace": True})
    for credential in daemon.get("/credentials").json["data"]:
        if credential["status"] == "active":
            daemon.post(f"/credentials/{credential['id']}/disable", {})
    for secret in secrets:
        daemon.must("/credentials", {"upstream": "u", "secret": secret})


def run(daemon):
    reply = daemon.post("/upstreams/u/test", {})
    assert reply.status == 200
    assert SECRET not in reply.body.decode()
    assert set(reply.json) == properties("upstream_test") == \
        required("upstream_test")
    for check in reply.json["checks"]:
        assert set(check) == properties("upstream_check") == \
            required("upstream_check")
    return reply.json


@pytest.mark.parametrize("dialect, base, path, what", [
    ("deepseek", "", "/user/balance", "its balance is 110.00 CNY"),
    ("deepseek", "/v1", "/user/balance", "its balance is 110.00 CNY"),
    ("openai", "/v1", "/v1/models", "models"),
    ("vllm", "/v1", "/v1/models", "it has 1 model"),
    ("anthropic", "", "/v1/models", "models"),
    ("anthropic", "/v1", "/v1/models", "models"),
])
def test_a_valid_credential_is_found_so(daemon, sims, dialect, base, path,
                                        what):
    sim = sims(dialect)
    upstream(daemon, sim.url + base, dialect)
    test = run(daemon)
    check, = test["checks"]
    assert (test["status"], check["status"]) == ("ok", "ok"), check
    assert what in check["message"] and check["http_status"] == 200
    seen = sim.requests()[-1]
    assert (seen["method"], seen["path"]) == ("GET", path)
    assert test["url"] == sim.url + path
    assert check["last4"] == SECRET[-4:]


def test_each_credential_of_a_pool_is_asked(daemon, sims):
    sim = sims("openai")
    upstream(daemon, sim.url, "openai", [SECRET, OTHER])
    sim.rule(SECRET, status="401")
    test = run(daemon)
    first, second = test["checks"]
    assert test["status"] == "failed"
    assert (first["status"], first["http_status"]) == ("rejected", 401)
    assert "refuses the credential" in first["message"]
    assert second["status"] == "ok"
    state = daemon.get("/credentials/" + first["credential_id"]).json["health"]
    assert state["state"] == "open", "nothing becomes of it"


def test_an_account_without_money(daemon, sims):
    sim = sims("deepseek")
    upstream(daemon, sim.url)
    sim.rule(SECRET, status="402")
    check, = run(daemon)["checks"]
    assert check["status"] == "rejected" and "no money" in check["message"]


def serve(reply):
    """A server that says this to one who comes."""
    server = socket.create_server(("127.0.0.1", 0))

    def work():
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(reply)
        server.close()

    threading.Thread(target=work, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def http(status, body, *headers):
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}",
             "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@pytest.mark.parametrize("reply, said", [
    (http(200, "<html>hello</html>"), "not as an API of this dialect"),
    (http(200, '{"data": 5}'), "not as an API of this dialect"),
    (http(200, '{"error": {"message": "no"}}'), "with an error in it"),
    (http(200, '{"is_available": false, "balance_infos": '
               '[{"currency": "USD", "total_balance": "0.00"}]}'),
     "has no money: its balance is 0.00 USD"),
    (http(404, "nothing"), "nothing at that path"),
    (http(429, "{}"), "asked too often"),
    (http(500, "{}"), "status 500"),
    (b"this is no HTTP\r\n\r\n", "no sensible answer"),
    (b"", "no sensible answer"),
    (http(200, "x" * 70000), "no sensible answer"),
], ids=["html", "shape", "error", "broke", "404", "429", "500", "nonsense",
        "nothing", "large"])
def test_answers_that_are_none(daemon, reply, said):
    upstream(daemon, serve(reply))
    test = run(daemon)
    check, = test["checks"]
    assert test["status"] == "failed" and check["status"] != "ok"
    assert said in check["message"], check


def test_a_redirect_is_not_followed(daemon, sims):
    elsewhere = sims("deepseek")
    upstream(daemon, serve(http(302, "", "Location: " + elsewhere.url
                                + "/user/balance")))
    check, = run(daemon)["checks"]
    assert "never followed" in check["message"]
    assert elsewhere.count()["requests_seen"] == 0


def test_nobody_there_is_asked_once(daemon):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    upstream(daemon, f"http://127.0.0.1:{port}", secrets=[SECRET, OTHER])
    check, = run(daemon)["checks"]
    assert "nobody accepts" in check["message"]
    assert check["http_status"] is None


def test_certificates_are_verified(daemon, sims, tmp_path):

    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-keyout", tmp_path / "key", "-out",
         tmp_path / "crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    got = []

    def work(server):
        connection, _ = server.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                got.append(tls.recv(100))
        except (ssl.SSLError, OSError):
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=work, args=(server,))
        thread.start()
        upstream(daemon,
                 f"https://127.0.0.1:{server.getsockname()[1]}")
        check, = run(daemon)["checks"]
        thread.join(10)
    assert "certificate is not valid" in check["message"], check
    assert not any(got), "no credential is sent to a stranger"
    upstream(daemon, sims("deepseek").url.replace("http:", "https:"))
    check, = run(daemon)["checks"]
    assert "TLS does not come about" in check["message"], check


def test_what_there_is_nothing_to_test_with(daemon, sims):
    upstream(daemon, sims("openai").url, "openai", [])
    test = run(daemon)
    assert test["status"] == "failed"
    check, = test["checks"]
    assert check["credential_id"] is None and check["http_status"] == 401
    assert daemon.post("/upstreams/nobody/test", {}).status == 404
    assert daemon.post("/upstreams/u/test", {"x": 1}).error["param"] == "x"


def test_the_command_line(gate):
    code, out, err = gate.cli("upstreams", "test", "sim")
    assert code == 0 and "its balance is" in out
    assert "/user/balance" in err
    assert json.loads(gate.must("upstreams", "test", "sim", "--json"))[
        "status"] == "ok"
    gate.must("upstreams", "add", "--name", "nowhere", "--base-url",
              "http://127.0.0.1:1", "--model", "of-nobody")
    code, out, _ = gate.cli("upstreams", "test", "nowhere")
    assert code == 1 and "nobody accepts" in out
