"""Logging in, proofs and second factors by the command line, on a terminal
and without one, against a real daemon."""

import os
import pty
import re
import select
import signal
import stat
import subprocess
import time

import pytest

from conftest import clean_env
from lone_daemon import BUILD, LoneDaemon
from test_sessions import PASSWORD, Operator, code_of

CLI = str(BUILD / "tollgate")


class Place:
    """A machine from which somebody works: its home and its gate."""

    def __init__(self, folder):
        self.folder = folder
        self.daemon = LoneDaemon(folder / "home").start()
        self.config = folder / "config"

    @property
    def profile(self):
        return self.config / "tollgate" / "config"

    def env(self, **more):
        env = clean_env(XDG_CONFIG_HOME=str(self.config),
                        TOLLGATE_HOME=str(self.folder / "nothing"),
                        TOLLGATE_ADMIN_URL=f"unix:{self.daemon.socket}")
        env.update(more)
        return env

    def owner(self):
        return self.env(TOLLGATE_ADMIN_TOKEN=self.daemon.token)

    def run(self, *words, env=None, input=""):
        """Without a terminal."""
        return subprocess.run([CLI, *words], env=env or self.env(),
                              input=input, capture_output=True, text=True,
                              timeout=30, start_new_session=True)

    def talk(self, *words, dialogue, env=None):
        """On a terminal: what is waited for, and what is typed then, which
        may be made of the screen so far.  Exit code and screen."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(CLI, [CLI, *words], env or self.env())
        screen, seen, deadline = "", 0, time.monotonic() + 30
        dialogue = list(dialogue)
        while time.monotonic() < deadline:
            if not select.select([fd], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            screen += data.decode(errors="replace")
            if dialogue and dialogue[0][0] in screen[seen:]:
                typed = dialogue.pop(0)[1]
                seen = len(screen)
                if callable(typed):
                    typed = typed(screen)
                os.write(fd, (typed + "\n").encode())
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert not dialogue, screen
        return code, screen

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.daemon.clean()


def plant_session(place):
    token = re.search(r"tgs_\w+", place.profile.read_text()).group()
    place.daemon.hunt.plant("session", token)
    return token


def test_login_and_logout(place):
    operator = Operator(place.daemon)
    code, screen = place.talk("login", operator.name, dialogue=[
        ("Password", PASSWORD), ("Code", "")])
    assert code == 0, screen
    assert f"{operator.name} is logged in" in screen
    assert PASSWORD not in screen
    token = plant_session(place)
    assert token not in screen
    assert stat.S_IMODE(os.stat(place.profile).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(place.config).st_mode) == 0o700
    env = place.env()
    del env["TOLLGATE_ADMIN_URL"]
    listed = place.run("keys", "list", env=env)
    assert listed.returncode == 0, listed.stderr
    assert operator.name in place.run("sessions", "list").stdout
    # Also where the owner's token would come first.
    done = place.run("logout", env={**env, "TOLLGATE_ADMIN_TOKEN": "tgo_x"})
    assert done.returncode == 0, done.stderr
    assert "token" not in place.profile.read_text()
    assert place.daemon.get("/health", token=token).status == 401
    assert "nobody is logged in" in place.run("logout").stderr


def test_a_wrong_password_says_so_and_writes_nothing(place):
    operator = Operator(place.daemon)
    file = place.secret("wrong", "not the password\n")
    done = place.run("login", operator.name, "--proof-file", file)
    assert done.returncode == 1
    assert "no operator is known by this name, password and code" in \
        done.stderr
    assert not place.profile.exists()


def test_a_login_without_a_terminal(place):
    operator = Operator(place.daemon)
    done = place.run("login", operator.name)
    assert done.returncode == 1 and "--proof-file" in done.stderr
    done = place.run("login", operator.name, "--proof-file", "-",
                     input=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    plant_session(place)
    code, screen = place.talk("operators", "totp", dialogue=[
        ("type the code", lambda s: code_of(
            place.daemon.hunt.plant("second factor", secret_in(s)) or
            secret_in(s), step=-1))])
    assert code == 0, screen
    recovery = re.findall(r"\b(?:[a-z0-9]{4}-){3}[a-z0-9]{4}\b", screen)
    for one in recovery:
        place.daemon.hunt.plant("second factor", one)
    assert len(recovery) == 10
    for second in (code_of(secret_in(screen)), recovery[0]):
        done = place.run("login", operator.name, "--proof-file", "-",
                         input=f"{PASSWORD}\n{second}\n")
        assert done.returncode == 0, done.stderr
        plant_session(place)
    done = place.run("login", operator.name, "--proof-file", "-",
                     input=f"{PASSWORD}\n{recovery[0]}\n")
    assert done.returncode == 1


def secret_in(screen):
    return re.search(r"^ +([A-Z2-7]{32})\r?$", screen, re.M).group(1)


def test_a_session_does_not_silently_replace_a_token(place):
    operator = Operator(place.daemon)
    place.profile.parent.mkdir(parents=True)
    place.profile.write_text("token = tgo_" + "x" * 40 + "\n")
    place.profile.chmod(0o600)
    file = place.secret("password", PASSWORD + "\n")
    done = place.run("login", operator.name, "--proof-file", file)
    assert done.returncode == 1
    assert "tgo_" in place.profile.read_text()
    done = place.run("login", operator.name, "--proof-file", file, "--yes")
    assert done.returncode == 0, done.stderr
    plant_session(place)
    os.unlink(file)


def test_a_password_is_typed_twice(place):
    env = place.owner()
    place.daemon.hunt.plant("operator's password", PASSWORD)
    code, screen = place.talk("operators", "password", "me", env=env,
                              dialogue=[("New password", PASSWORD),
                                        ("Once more", PASSWORD + "x")])
    assert code == 1 and "two different passwords" in screen
    code, screen = place.talk("operators", "password", "me", env=env,
                              dialogue=[("New password", PASSWORD),
                                        ("Once more", PASSWORD)])
    assert code == 0, screen
    assert PASSWORD not in screen
    assert place.daemon.get("/operators/me").json["has_password"]


def test_keys_disable_asks_once_there_is_a_password(place):
    """Before, the token on the machine is enough; then it asks and goes on."""
    env = place.owner()
    place.daemon.hunt.plant("operator's password", PASSWORD)
    keys = [place.daemon.must("/keys", {"name": "k"})["id"] for _ in range(5)]
    done = place.run("keys", "disable", keys[0], "--yes", env=env)
    assert done.returncode == 0, done.stderr
    place.daemon.must("/operators/me/password", {"password": PASSWORD})

    done = place.run("keys", "disable", keys[1], "--yes", env=env)
    assert done.returncode == 1 and "--proof-file" in done.stderr
    file = place.secret("wrong", "not the password\n")
    done = place.run("keys", "disable", keys[1], "--yes", "--proof-file", file,
                     env=env)
    assert done.returncode == 1 and "not your password" in done.stderr
    assert place.daemon.get("/keys/" + keys[1]).json["status"] == "active"

    code, screen = place.talk("keys", "disable", keys[1], "--yes", env=env,
                              dialogue=[("Password or code", PASSWORD)])
    assert code == 0, screen
    assert "is disabled" in screen and PASSWORD not in screen
    done = place.run("keys", "delete", keys[2], "--yes", env=env)
    assert done.returncode == 0, "for 5 minutes it does not ask again"


def test_a_code_is_a_proof_too(place):
    operator = Operator(place.daemon)
    session = operator.session()
    begun, _ = operator.enrol(session)
    token = place.daemon.post("/tokens", {"name": "t"}, token=session).json[
        "token"]
    place.daemon.hunt.plant("owner's token", token)
    key = place.daemon.must("/keys", {"name": "k"})["id"]
    code = code_of(begun["secret"])
    done = place.run("keys", "disable", key, "--yes", "--proof-file", "-",
                     env=place.env(TOLLGATE_ADMIN_TOKEN=token),
                     input=f"{code[:3]} {code[3:]}\n")
    assert done.returncode == 0, done.stderr


def test_an_ended_session_says_what_to_do(place):
    operator = Operator(place.daemon)
    file = place.secret("password", PASSWORD)
    assert place.run("login", operator.name, "--proof-file", file
                     ).returncode == 0
    plant_session(place)
    session = place.daemon.get("/sessions").json["data"][0]["id"]
    done = place.run("sessions", "end", session, env=place.owner())
    assert done.returncode == 0, done.stderr
    done = place.run("keys", "list")
    assert done.returncode == 1 and "tollgate login" in done.stderr
    os.unlink(file)
