"""keys create and keys rotate put the secret into files, not onto the
screen."""

import json
import os
import subprocess

import pytest

from conftest import clean_env
from lone_daemon import BUILD, LoneDaemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("files") / "home").start()
    yield daemon
    daemon.stop()
    daemon.clean()


def run(daemon, *words, rc=0, cwd=None):
    done = subprocess.run(
        [BUILD / "tollgate", "--home", daemon.home, "--admin-url",
         f"unix:{daemon.socket}", *words], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, env=clean_env(), timeout=60, cwd=cwd)
    assert done.returncode == rc, done.stderr
    daemon.hunt.plant_keys(done.stdout)
    return done.stdout + done.stderr


def keys(daemon):
    return len(daemon.get("/keys?limit=1000").json["data"])


def secret_in(path, name):
    lines = path.read_text().splitlines()
    return next(line.split("=", 1)[1] for line in lines
                if line.startswith(name + "="))


def test_a_new_key_stands_in_a_dotenv_file_and_nowhere_else(daemon, tmp_path):
    env = tmp_path / ".env"
    env.write_text("# mine\nA=1\nAPI_KEY='old'\n")
    env.chmod(0o640)
    said = run(daemon, "keys", "create", "--name", "a", "--to-env",
               f"{env}:API_KEY")
    text = env.read_text()
    assert text.startswith("# mine\nA=1\nAPI_KEY='sk-tgp_")
    assert text.endswith("'\n")
    assert env.stat().st_mode & 0o777 == 0o640
    secret = text.split("'")[1]
    daemon.hunt.plant("client key", secret)
    assert secret not in said and "has it as API_KEY" in said
    assert "read by others" in said
    assert os.listdir(tmp_path) == [".env"]
    assert daemon.ask("GET", "/keys").json["data"][0]["last4"] == secret[-4:]


def test_json_tells_the_key_but_not_its_secret(daemon, tmp_path):
    out = run(daemon, "keys", "create", "--name", "b", "--json", "--to-env",
              tmp_path / "new.env")
    key = json.loads(out[:out.rindex("}") + 1])
    assert "key" not in key and key["name"] == "b"
    assert (tmp_path / "new.env").stat().st_mode & 0o777 == 0o600
    secret = secret_in(tmp_path / "new.env", "TOLLGATE_API_KEY")
    assert secret.endswith(key["last4"])


def test_a_rotated_secret_stands_in_both_files(daemon, tmp_path):
    compose, env = tmp_path / "docker-compose.yml", tmp_path / ".env"
    compose.write_text("services:\n  web: # front\n    environment:\n"
                       "      - B=2\n      - API_KEY=old # key\n")
    key = daemon.must("/keys", {"name": "c"})
    said = run(daemon, "keys", "rotate", key["id"], "--to-compose",
               "docker-compose.yml:web:API_KEY", "--to-env", ".env",
               cwd=tmp_path)
    secret = secret_in(env, "TOLLGATE_API_KEY")
    daemon.hunt.plant("client key", secret)
    assert compose.read_text() == (
        "services:\n  web: # front\n    environment:\n      - B=2\n"
        f"      - API_KEY={secret} # key\n")
    assert secret not in said


@pytest.mark.parametrize("text,option,says", [
    ("KEY=a\nKEY=b\n", "--to-env={}:KEY", "line 2: KEY stands twice"),
    ("A='x\n", "--to-env={}:KEY", "line 1: a quote is opened"),
    ("services: {}\n", "--to-compose={}:web", 'there is no "web"'),
    ("a: [\n", "--to-compose={}:web", "it is no YAML"),
])
def test_a_bad_file_is_refused_before_a_key_is_made(daemon, tmp_path, text,
                                                    option, says):
    file = tmp_path / "file"
    file.write_text(text)
    before = keys(daemon)
    said = run(daemon, "keys", "create", "--name", "d", option.format(file),
               rc=1)
    assert says in said and str(file) in said
    assert keys(daemon) == before
    assert file.read_text() == text


def test_a_folder_that_is_not_there_makes_no_key(daemon, tmp_path):
    before = keys(daemon)
    said = run(daemon, "keys", "create", "--name", "e", "--to-env",
               tmp_path / "nowhere/.env", rc=1)
    assert "its folder cannot be opened" in said
    run(daemon, "keys", "create", "--name", "e", "--to-compose", "x", rc=2)
    run(daemon, "keys", "rotate", "--older-than", "90d", "--dry-run",
        "--to-env", "x", rc=2)
    assert keys(daemon) == before
