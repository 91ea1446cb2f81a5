"""The vendors' own SDKs for Node as oracles of what the daemon sends.

They speak to the same servers (tests/secret_servers.py), so what those check
is what the vendor's own programs do; and AWS's signer signs a request of ours.
"""

import base64
import json
import secrets
import ssl
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from conftest import ROOT, clean_env
from lone_daemon import LoneDaemon, wait
from secret_servers import Aws, Azure, Google, sigv4

SDK = ROOT / "tests/sdk"


@pytest.fixture(scope="module", autouse=True)
def installed():
    for name in ("@aws-sdk/client-secrets-manager", "@azure/keyvault-secrets",
                 "google-auth-library"):
        if not (SDK / "node_modules" / name).exists():
            pytest.fail("an SDK is not installed: run script/bootstrap test")


def vendor(name, ask, **env):
    done = subprocess.run(
        ["node", "vendors.mjs", name], input=json.dumps(ask), cwd=SDK,
        capture_output=True, text=True, timeout=60, env=clean_env(**env))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("vendors") / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = LoneDaemon(home).start()
    yield daemon
    daemon.stop()
    daemon.clean()


def ping(daemon, server):
    """Lets the daemon send one request of each step to a server."""
    sink = daemon.must("/sinks", {
        "name": "s" + secrets.token_hex(4), "kind": server.kind,
        "config": server.config(), "credentials": server.credentials()})
    test = daemon.post(f"/sinks/{sink['id']}/test").json
    assert test["status"] == "ok", test


def aws_credentials(server):
    return {"accessKeyId": server.key_id, "secretAccessKey": server.secret,
            **({"sessionToken": server.session} if server.session else {})}


@pytest.mark.parametrize("session", [None, "t" * 300])
def test_awss_sdk_and_the_daemon_are_the_same_to_the_server(daemon, session):
    with Aws(secrets.token_urlsafe(30), session=session) as server:
        daemon.hunt.plant("provider credential", server.secret)
        server.name = ""
        server.put()
        answer = vendor("aws", {
            "region": server.region, "url": server.url,
            "credentials": aws_credentials(server), "place": server.place,
            "value": "theirs", "token": "7" * 40})
        assert server.errors == [] and answer["value"] == "theirs"
        theirs = {r.headers["x-amz-target"]: r for r in server.requests}
        key = daemon.must("/keys", {"name": "k"})
        sink = daemon.must("/sinks", {
            "name": "a" + secrets.token_hex(4), "kind": "aws",
            "config": server.config(), "credentials": server.credentials()})
        daemon.ask("PUT", f"/keys/{key['id']}/sinks",
                   {"sinks": [{"sink": sink["id"], "place": server.place}]})
        daemon.post(f"/keys/{key['id']}/deliver", {"secret": key["key"]})
        wait(lambda: server.value() == key["key"], what="delivery")
        wait(lambda: daemon.get(f"/deliveries?key={key['id']}").json["data"][0]
             ["state"] == "done", what="done")
        ours = {r.headers["x-amz-target"]: r for r in server.requests}
        assert server.errors == []
        for target, theirs_ in theirs.items():
            mine = ours[target]
            assert mine is not theirs_
            assert mine.method == theirs_.method
            assert mine.path == theirs_.path
            assert mine.headers["content-type"] == \
                theirs_.headers["content-type"]
            assert set(mine.json) == set(theirs_.json)


@pytest.mark.parametrize("session", [None, "t" * 300])
def test_awss_signer_signs_our_request_as_we_do(daemon, session):
    with Aws(secrets.token_urlsafe(30), session=session) as server:
        daemon.hunt.plant("provider credential", server.secret)
        ping(daemon, server)
        request = server.requests[-1]
        ours = request.headers["authorization"]
        names = ours.split("SignedHeaders=")[1].split(",")[0].split(";")
        at = request.headers["x-amz-date"]
        answer = vendor("sign", {
            "region": server.region, "url": server.url,
            "credentials": aws_credentials(server),
            "headers": {n: request.headers[n] for n in names
                        if n not in ("x-amz-date", "x-amz-security-token")},
            "body": request.body.decode(),
            "at": f"{at[:4]}-{at[4:6]}-{at[6:11]}:{at[11:13]}:{at[13:]}"})
        assert answer["authorization"] == ours
        # And the test's own arithmetic, which other tests rely on.
        assert sigv4(request, server.secret, server.region,
                     "secretsmanager")[1] in ours


def test_azures_sdk_and_the_daemon_are_the_same_to_the_server(daemon,
                                                              tmp_path):
    pem = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key.pem",
         "-out", pem, "-subj", "/CN=vault", "-days", "2", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem, tmp_path / "key.pem")
    with Azure(secrets.token_urlsafe(30), tls=tls) as server:
        daemon.hunt.plant("provider credential", server.secret)
        answer = vendor("azure", {
            "url": server.url, "access": server.access, "place": server.place,
            "value": "theirs"}, NODE_EXTRA_CA_CERTS=str(pem))
        assert server.errors == [] and answer["value"] == "theirs"
        theirs = {r.method: r for r in server.requests if r.body or
                  r.method == "GET"}
        server.requests.clear()
        key = daemon.must("/keys", {"name": "k"})
        sink = daemon.must("/sinks", {
            "name": "a" + secrets.token_hex(4), "kind": "azure",
            "config": {**server.config(), "ca": Path(pem).read_text()},
            "credentials": server.credentials()})
        daemon.ask("PUT", f"/keys/{key['id']}/sinks",
                   {"sinks": [{"sink": sink["id"], "place": server.place}]})
        daemon.post(f"/keys/{key['id']}/deliver", {"secret": key["key"]})
        wait(lambda: daemon.get(f"/deliveries?key={key['id']}").json["data"][0]
             ["state"] == "done", what="done")
        assert server.errors == []
        ours = {r.method: r for r in server.requests}
        for method in ("PUT", "GET"):
            assert ours[method].path.split("/")[:3] == \
                theirs[method].path.split("/")[:3]
            assert parse_qsl(ours[method].query) == \
                parse_qsl(theirs[method].query)
        assert ours["PUT"].headers["content-type"] == \
            theirs["PUT"].headers["content-type"]
        assert theirs["PUT"].json["value"] == "theirs"
        assert ours["PUT"].json["value"] == key["key"]


def test_googles_library_and_the_daemon_ask_for_a_token_alike(daemon,
                                                              tmp_path):
    pem = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                    "rsa_keygen_bits:2048", "-out", pem], check=True,
                   capture_output=True)
    with Google(pem.read_text(), lambda signature, text: True) as server:
        daemon.hunt.plant("provider credential",
                          pem.read_text().splitlines()[5])
        credentials = server.credentials()
        scope = "https://www.googleapis.com/auth/cloud-platform"
        theirs = vendor("google", {
            "email": credentials["client_email"], "scope": scope,
            "key": credentials["private_key"],
            "key_id": credentials["private_key_id"]})["sent"]
        ping(daemon, server)
        ours = next(r for r in server.requests if r.path == "/token")

    def parts(data):
        form = dict(p.split("=", 1) for p in data.split("&"))
        head, claims, signature = form.pop("assertion").split(".")
        decode = lambda t: base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
        return (form, json.loads(decode(head)), json.loads(decode(claims)),
                f"{head}.{claims}", decode(signature))

    form, head, claims, _, _ = parts(theirs[0]["data"])
    mine = parts(ours.body.decode())
    assert mine[0] == form, "the grant, as it is escaped"
    assert mine[1]["alg"] == head["alg"] == "RS256"
    assert set(mine[2]) == set(claims)
    for name in ("iss", "scope"):
        assert mine[2][name] == claims[name]
    assert claims["aud"] == "https://oauth2.googleapis.com/token"
    assert mine[2]["aud"] == f"{server.url}/token", "as the config says"
    # RS256 is deterministic: OpenSSL signs our text to the same bytes.
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", pem],
                            input=mine[3].encode(), capture_output=True,
                            check=True).stdout
    assert signed == mine[4]
