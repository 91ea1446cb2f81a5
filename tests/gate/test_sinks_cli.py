"""Sinks on the command line, with a daemon and a Vault."""

import json
import secrets
import subprocess

import pytest

from conftest import clean_env
from lone_daemon import BUILD, LoneDaemon, wait
from secret_servers import Vault


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("sinks-cli") / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = LoneDaemon(home).start()
    yield daemon
    daemon.stop()
    daemon.clean()


@pytest.fixture
def vault(daemon):
    with Vault(secrets.token_urlsafe(30)) as server:
        daemon.hunt.plant("provider credential", server.token)
        server.put()
        yield server


def run(daemon, *words, stdin=b"", rc=0):
    done = subprocess.run(
        [BUILD / "tollgate", "--home", daemon.home, "--admin-url",
         f"unix:{daemon.socket}", *words], input=stdin, capture_output=True,
        env=clean_env(), timeout=60)
    assert done.returncode == rc, done.stderr.decode()
    said = done.stdout.decode() + done.stderr.decode()
    return said


def test_from_a_token_to_a_delivered_secret(daemon, vault, tmp_path):
    added = run(daemon, "sinks", "add", "prod", "--kind", "vault", "--url",
                vault.url, stdin=vault.token.encode() + b"\n")
    assert "prod" in added and vault.token not in added
    assert "takes the credentials" in run(daemon, "sinks", "test", "prod")
    key = json.loads(run(daemon, "keys", "create", "--name", "a", "--json"))
    places = run(daemon, "keys", "deliver", key["id"], "--sink", "prod",
                 "--place", vault.place, "--name", vault.name)
    assert vault.place in places
    file = tmp_path / "key"
    file.write_text(key["key"])
    file.chmod(0o600)
    run(daemon, "keys", "deliver", key["id"], "--secret-file", file)
    wait(lambda: vault.value() == key["key"], what="delivery")
    wait(lambda: "done" in run(daemon, "sinks", "deliveries", "--key",
                               key["id"]), what="row")
    assert "in use" not in run(daemon, "sinks", "show", "prod")
    assert "deliver to 1 place of" in run(daemon, "sinks", "delete", "prod",
                                        "--yes", rc=1)
    gone = run(daemon, "keys", "deliver", key["id"], "--remove", "prod")
    assert "go nowhere" in gone
    run(daemon, "sinks", "delete", "prod", "--yes")


def test_a_sink_is_changed_and_what_waits_goes(daemon, vault, tmp_path):
    token = tmp_path / "token"
    token.write_text("wrong")
    token.chmod(0o600)
    run(daemon, "sinks", "add", "b", "--kind", "vault", "--url", vault.url,
        "--credential-file", token)
    assert "refuses the sink's credentials" in \
        run(daemon, "sinks", "test", "b", rc=1)
    key = daemon.must("/keys", {"name": "b"})
    run(daemon, "keys", "deliver", key["id"], "--sink", "b", "--place",
        vault.place, "--name", vault.name)
    run(daemon, "keys", "deliver", key["id"], "--secret-file", "-",
        stdin=key["key"].encode())
    token.write_text(vault.token)
    run(daemon, "sinks", "update", "b", "--credential-file", token)
    wait(lambda: vault.value() == key["key"], what="delivery")


def test_credentials_that_others_may_read_are_refused(daemon, tmp_path):
    token = tmp_path / "token"
    token.write_text("x" * 30)
    token.chmod(0o644)
    said = run(daemon, "sinks", "add", "c", "--kind", "vault", "--url",
               "http://127.0.0.1:1", "--credential-file", token, rc=1)
    assert "chmod 600" in said
    said = run(daemon, "sinks", "add", "c", "--kind", "aws", "--region", "x",
               stdin=b"just one word", rc=1)
    assert "JSON object" in said and "just one word" not in said
