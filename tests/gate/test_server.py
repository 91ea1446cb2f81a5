"""script/server: from a checkout to a first call that is metered."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from conftest import (ROOT, Sim, clean_env, free_port, http_request,
                      has_processes, read_process, shm_of, wait)


class Server:
    """script/server in a session of its own, as a terminal would run it."""

    def __init__(self, home, **env):
        self.home = home
        self.listen = f"127.0.0.1:{free_port()}"
        self.env = clean_env(TOLLGATE_HOME=str(home),
                             TOLLGATE_LISTEN=self.listen, **env)
        self.log = home.parent / (home.name + ".log")

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [ROOT / "script/server"], cwd=ROOT, env=self.env, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

        def is_ready():
            said = self.log.read_text()
            if self.process.poll() is not None:
                pytest.fail(f"script/server ended: {said}")
            return re.search("^tollgate is ready$", said, re.M)

        wait(is_ready, 300, "ready server")
        return self.log.read_text()

    def stop(self, signal_number=signal.SIGINT):
        """As Ctrl-C does: every process of the terminal gets it."""
        os.killpg(self.process.pid, signal_number)
        self.process.wait(40)
        assert not session_members(self.process.pid)
        assert not has_processes(self.home)

    def tollgate(self, *args):
        result = subprocess.run([ROOT / "build/tollgate", *args],
                                env=self.env, capture_output=True, text=True,
                                timeout=30)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def calls(self, count):
        def enough():
            rows = json.loads(self.tollgate("calls", "list", "--json"))["data"]
            return rows if len(rows) >= count else None
        return wait(enough, what=f"{count} calls")


def session_members(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(pid))
    return found


@pytest.fixture
def make_server(tmp_path):
    servers = []

    def make(name="home", **env):
        servers.append(Server(tmp_path / name, **env))
        return servers[-1]

    yield make
    for server in servers:
        if server.process.poll() is None:
            server.stop(signal.SIGTERM)
        shutil.rmtree(shm_of(server.home), ignore_errors=True)


def test_the_curl_command_works_as_pasted_and_is_metered(make_server):
    server = make_server()
    said = server.start()
    command = re.search("^curl .*$", said, re.M).group(0)
    answer = subprocess.run(["sh", "-c", command], capture_output=True,
                            text=True, env=clean_env())
    usage = json.loads(answer.stdout)["usage"]

    call, = server.calls(1)
    assert call["status"] == 200
    assert call["basis"] == "reported"
    for member in ("prompt_tokens", "completion_tokens"):
        assert call[member] == usage[member]
    assert call["cost"] != "0"
    command = re.search("^.*build/tollgate usage$", said, re.M).group(0)
    result = subprocess.run(["sh", "-c", command], cwd=ROOT,
                            capture_output=True, text=True, env=clean_env())
    assert result.returncode == 0, result.stderr
    assert call["cost"] in result.stdout


def test_it_starts_again_with_its_key_and_leaves_nothing(make_server):
    server = make_server()
    first = server.start()
    key = (server.home / "demo.key").read_text().strip()
    assert os.stat(server.home / "demo.key").st_mode & 0o777 == 0o600
    assert key in first
    server.stop(signal.SIGINT)

    second = server.start()
    assert (server.home / "demo.key").read_text().strip() == key
    assert key in second
    url = (server.home / "run/sim.url").read_text().strip()
    answer = http_request(
        f"http://{server.listen}", "POST", "/v1/chat/completions",
        {"Authorization": f"Bearer {key}"},
        {"model": "deepseek-flash",
         "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status == 200
    assert http_request(url, "GET", "/sim/count").json["total"]["requests"] \
        == 1
    keys = json.loads(server.tollgate("keys", "list", "--json"))["data"]
    assert len(keys) == 1
    server.stop(signal.SIGTERM)


def test_two_stand_side_by_side(make_server):
    one, two = make_server("one"), make_server("two")
    one.start()
    two.start()
    for server, other in ((one, two), (two, one)):
        key = (server.home / "demo.key").read_text().strip()
        headers = {"Authorization": f"Bearer {key}"}
        assert http_request(f"http://{server.listen}", "GET", "/key",
                            headers).status == 200
        assert http_request(f"http://{other.listen}", "GET", "/key",
                            headers).status == 401


def test_a_killed_script_leaves_nothing(make_server):
    server = make_server()
    server.start()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    wait(lambda: not session_members(server.process.pid) and
         not has_processes(server.home), 20, "end of all processes")


def test_a_providers_key_takes_the_simulators_place(make_server, tmp_path):
    """Any OpenAI-compatible server may stand in for DeepSeek; its key is in
    no process's environment or arguments, and in no file as it is."""
    secret = "sk-5d1a0c77canary000000000000000001"
    key_file = tmp_path / "upstream.key"
    key_file.write_text(secret + "\n")
    upstream = Sim(tmp_path / "upstream", ["--key", key_file])
    server = make_server(DEEPSEEK_API_KEY=secret,
                         DEEPSEEK_BASE_URL=upstream.url)
    try:
        said = server.start()
        key = (server.home / "demo.key").read_text().strip()
        answer = http_request(
            f"http://{server.listen}", "POST", "/v1/chat/completions",
            {"Authorization": f"Bearer {key}"},
            {"model": "deepseek-flash",
             "messages": [{"role": "user", "content": "hi"}]})
        assert answer.status == 200, answer.text
        assert not (server.home / "run/sim.url").exists()
        assert secret not in said
        pids = session_members(server.process.pid)
        assert len(pids) >= 5
        for pid in pids:
            assert secret.encode() not in read_process(pid, "cmdline")
            if pid != server.process.pid:
                assert secret.encode() not in read_process(pid, "environ")
        for path in server.home.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path
    finally:
        upstream.stop()


def test_who_is_behind_the_gate_follows_the_environment(make_server, tmp_path):
    """And a key that comes with each start is one credential."""
    upstream = Sim(tmp_path / "upstream")
    server = make_server()

    def call():
        key = (server.home / "demo.key").read_text().strip()
        answer = http_request(
            f"http://{server.listen}", "POST", "/v1/chat/completions",
            {"Authorization": f"Bearer {key}"},
            {"model": "deepseek-flash",
             "messages": [{"role": "user", "content": "hi"}]})
        assert answer.status == 200, answer.text

    def active():
        listed = json.loads(server.tollgate("credentials", "list", "--json"))
        return [(c["upstream"], c["last4"]) for c in listed["data"]
                if c["status"] == "active" and c["upstream"] == "deepseek"]

    try:
        for secret in (None, "sk-first-000000000000001111",
                       "sk-first-000000000000001111",
                       "sk-second-00000000000002222", None):
            if secret is None:
                server.env.pop("DEEPSEEK_API_KEY", None)
            else:
                server.env["DEEPSEEK_API_KEY"] = secret
                server.env["DEEPSEEK_BASE_URL"] = upstream.url
            server.start()
            before = upstream.count()["total"]["requests"]
            call()
            after = upstream.count()["total"]["requests"]
            assert after - before == (secret is not None)
            if secret is not None:
                assert active() == [("deepseek", secret[-4:])]
            server.stop(signal.SIGTERM)
    finally:
        upstream.stop()


def test_an_address_in_use_is_said_and_nothing_is_left(make_server):
    one, two = make_server("one"), make_server("two")
    one.start()
    two.env["TOLLGATE_LISTEN"] = one.listen
    two.process = subprocess.Popen(
        [ROOT / "script/server"], cwd=ROOT, env=two.env,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True)
    said = two.process.communicate(timeout=60)[0]
    assert two.process.returncode == 1
    assert f"the address {one.listen} is in use" in said
    assert "ready" not in said
    assert not session_members(two.process.pid)
