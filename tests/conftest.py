"""Fixtures for tests against a real gate: nginx, tollgated and tollgate-sim.

`gate` is shared by all tests of a session: a test that uses it makes its own
keys and leaves nothing behind.  `own_gate` is new for one test, which may
kill its processes.  `make_gate` builds gates with options of their own.
"""

import fcntl
import hashlib
import http.client
import itertools
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hunt import Hunt

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("TOLLGATE_BUILD", ROOT / "build")).resolve()
START_S = float(os.environ.get("TOLLGATE_START_S", 30))  # under an instrument

PORTS = 2500  # a worker of the tests has so many
port_numbers = itertools.count(random.randrange(PORTS))

# In front of what root alone may do; script/test asks for root or sudo.
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


def wait(condition, deadline=10.0, what="condition"):
    """Calls condition until it returns something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            pytest.fail(f"no {what} within {deadline} s")
        time.sleep(0.01)


def free_port():
    """Below those that the kernel gives to connections, not one that another
    worker may be about to take, and not one that was given just now."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8
    while True:
        port = 10000 + worker * PORTS + next(port_numbers) % PORTS
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def shm_of(home):
    """Where what is in memory stands: src/core/paths.h."""
    digest = hashlib.sha256(str(Path(home).resolve()).encode()).hexdigest()
    return Path("/dev/shm/tollgate-" + digest[:16])


def clean_env(**more):
    """The environment without anything that would point at another gate."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("TOLLGATE_", "DEEPSEEK_"))}
    env.update(more)
    return env


# Files that take long, the longest first: a core that has one left when all
# others are through would be waited for.  The rest follows as it comes.
LONG = ("test_week", "test_pools", "test_cold_start", "test_channels",
        "test_sessions", "test_revocation", "test_sinks", "test_call_export",
        "test_ledger", "test_sdk_errors", "test_alerts", "test_admin",
        "test_report_schedules", "test_clock", "test_up", "test_denials",
        "test_strict", "test_security_events", "test_audit", "test_key_list",
        "test_restore", "test_operators_killed", "test_scarce",
        "test_injected_start", "test_durability", "test_crash")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem)
               if item.path.stem in LONG else len(LONG))


class Answer:
    """An HTTP answer; of a stream the body is read by events() or read()."""

    def __init__(self, connection, response):
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self._body = None

    @property
    def body(self):
        if self._body is None:
            self._body = self._response.read()
            self.close()
        return self._body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    def lines(self):
        """The lines of a stream as they come, without their ends."""
        for line in self._response:
            yield line.rstrip(b"\r\n")

    def events(self):
        """The data of a stream's events, parsed, up to [DONE]."""
        for line in self.lines():
            if line.startswith(b"data:"):
                data = line[5:].strip()
                if data == b"[DONE]":
                    return
                yield json.loads(data)

    def close(self):
        """Leaves, also in the middle of a stream."""
        self._response.close()
        self._connection.close()


def http_request(url, method, path, headers=None, body=None, stream=False,
                 timeout=30):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port,
                                            timeout=timeout)
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    elif isinstance(body, str):
        body = body.encode()
    connection.request(method, path, body=body, headers=headers)
    answer = Answer(connection, connection.getresponse())
    if not stream:
        answer.body
    return answer


def raw_request(url, data, timeout=30):
    """Sends bytes as they are and returns all that comes until the end, be
    that a reset."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port),
                                  timeout=timeout) as s:
        s.sendall(data)
        chunks = []
        try:
            while chunk := s.recv(65536):
                chunks.append(chunk)
        except ConnectionResetError:
            pass
        return b"".join(chunks)


class Key(str):
    """A secret, with the id of its key."""

    id = None


class Sim:
    """The simulated upstream, which counts what it really served."""

    def __init__(self, folder, args=()):
        folder.mkdir(parents=True, exist_ok=True)
        url_file = folder / "sim.url"
        url_file.unlink(missing_ok=True)
        self.log = folder / "sim.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [BUILD / "tollgate-sim", "--listen", "127.0.0.1:0",
                 "--url-file", url_file, "--die-with-parent", *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_env())
        wait(lambda: url_file.exists() or self.process.poll() is not None,
             what="address of tollgate-sim")
        if not url_file.exists():
            pytest.fail(f"tollgate-sim ended: {self.log.read_text()}")
        self.url = url_file.read_text().strip()

    def _ask(self, method, path, body=None):
        answer = http_request(self.url, method, path, body=body)
        assert answer.status == 200, answer.text
        return answer.json

    def count(self):
        return self._ask("GET", "/sim/count")

    def requests(self, last=1):
        """The last requests it saw, as a list, oldest first."""
        answer = self._ask("GET", f"/sim/requests?last={last}")
        return answer["data"] if isinstance(answer, dict) else answer

    def fault(self, name, arg=None, count=1):
        body = {"fault": name, "count": count}
        if arg is not None:
            body["arg"] = arg
        return self._ask("POST", "/sim/fault", body)

    def rule(self, credential, **rule):
        """What shall become of the calls with that credential."""
        rule["sha256"] = hashlib.sha256(credential.encode()).hexdigest()
        return self._ask("POST", "/sim/credential", rule)

    def asked(self, credential):
        """What it counted of a credential: requests, refused,
        most_at_once."""
        digest = hashlib.sha256(credential.encode()).hexdigest()
        return self.count()["credentials"].get(
            digest, {"requests": 0, "refused": 0, "most_at_once": 0})

    def reset(self):
        return self._ask("POST", "/sim/reset")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class Gate:
    """`tollgate up` on a home of its own, before a simulated upstream."""

    def __init__(self, home, sim_args=(), dialect="deepseek", models=None,
                 conf=None, up_args=(), up_env=None):
        self.home = Path(os.path.realpath(home))
        if conf is not None:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.home / "tollgate.conf").write_text(conf)
        self.log = self.home.parent / (self.home.name + ".log")
        self.wait = wait
        self.sim = None
        self.url = None
        self._up = None
        self._is_stopped = False
        self._sim_args = sim_args
        self._dialect = dialect
        self._models = models
        self._up_args = up_args
        self._up_env = up_env or {}
        self.hunt = Hunt(os.environ.get("PYTEST_CURRENT_TEST", "a session"))

    @property
    def shm(self):
        return shm_of(self.home)

    def start(self, listen="127.0.0.1:0"):
        """Starts the simulator (once) and `up`; on a new home adds it."""
        is_new = not (self.home / "store.db").exists()
        if self.sim is None:
            self.sim = Sim(self.home.parent / (self.home.name + ".sim"),
                           self._sim_args)
        self.start_up(listen)
        if is_new:
            self._add_upstream()
        return self

    def start_up(self, listen="127.0.0.1:0"):
        with open(self.log, "ab") as log:
            offset = log.tell()
            self._up = subprocess.Popen(
                [BUILD / "tollgate", "up", "--home", self.home, "--listen",
                 listen, "--die-with-parent", *self._up_args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_env(**self._up_env))

        def ready():
            said = self.log.read_bytes()[offset:].decode()
            found = re.search(r"^tollgate is ready on (http://\S+)$", said,
                              re.M)
            if found is None and self._up.poll() is not None:
                pytest.fail(f"tollgate up ended: {said}")
            return found

        self.url = wait(ready, START_S, "gate").group(1)
        self.hunt.plant("owner's token",
                        (self.home / "admin.token").read_text().strip())
        self.hunt.plant("master key", (self.home / "master.key").read_bytes())

    def start_again(self, listen):
        """After a kill -9 of `up` itself; what it left is ended by the new
        one."""
        self._up.wait(10)
        self.start_up(listen)

    def _add_upstream(self):
        args = []
        for model in self._models or ():
            args += ["--model", model]
        self.must("upstreams", "add", "--name", "sim", "--base-url",
                  self.sim.url, "--dialect", self._dialect, *args)
        self.must("credentials", "add", "--upstream", "sim",
                  input="sk-0123456789abcdef0123456789abcdef\n")

    def request(self, method, path, key=None, body=None, headers=None,
                stream=False, raw=False, timeout=30):
        """One request.  raw: body is all of the bytes to send, and the
        bytes that come back are the result."""
        self._plant(path, key)
        if raw:
            return raw_request(self.url, body, timeout)
        headers = dict(headers or {})
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        return http_request(self.url, method, path, headers, body, stream,
                            timeout)

    def _plant(self, path, key):
        for found in re.findall(r"sk-[0-9A-Za-z_-]+", path or ""):
            self.hunt.plant("key in a URL", found)
        if isinstance(key, str) and key.encode() not in self.hunt.secrets:
            self.hunt.plant("wrong key", key)

    def chat(self, key, text="Say hello.", **members):
        """A chat call; stream=True gives an answer to read events from."""
        if isinstance(text, str):
            self.hunt.plant("prompt", text)
        body = {"model": "deepseek-flash",
                "messages": [{"role": "user", "content": text}]}
        body.update(members)
        return self.request("POST", "/v1/chat/completions", key, body,
                            stream=bool(members.get("stream")))

    def cli(self, *args, input=None):
        """Runs the command line: exit status, output, errors."""
        if input and args[0] == "credentials":
            self.hunt.plant("provider credential", input.strip())
        result = subprocess.run(
            [BUILD / "tollgate", *map(str, args)], input=input or "",
            capture_output=True, text=True, timeout=60,
            env=clean_env(TOLLGATE_HOME=str(self.home)))
        self.hunt.plant_keys(result.stdout)
        return result.returncode, result.stdout, result.stderr

    def must(self, *args, input=None):
        """Runs a command that has to succeed; returns its output."""
        code, out, err = self.cli(*args, input=input)
        assert code == 0, f"tollgate {' '.join(map(str, args))}: {out}{err}"
        return out

    def cli_json(self, *args):
        return json.loads(self.must(*args, "--json"))

    def admin(self, method, path, body=None):
        """A request to the admin API as the owner."""
        token = (self.home / "admin.token").read_text().strip()
        if isinstance(body, dict) and isinstance(body.get("secret"), str):
            self.hunt.plant("provider credential", body["secret"])
        answer = self.request(method, "/admin/v1" + path, token, body)
        self.hunt.plant_keys(answer.text)
        return answer

    def key(self, name="test", **policy):
        """Makes a key.  rpm=60, scope=["chat"], allow_ip="::1/128" …"""
        args = []
        for flag, values in policy.items():
            for value in values if isinstance(values, list) else [values]:
                args += ["--" + flag.replace("_", "-"), str(value)]
        made = self.cli_json("keys", "create", "--name", name, *args)
        key = Key(made["key"])
        key.id = made["id"]
        return key

    def credentials(self):
        """Those in use, oldest first."""
        return [c for c in self.admin("GET", "/credentials").json["data"]
                if c["status"] == "active"]

    def mend(self):
        """Uses every credential again that a test has made the simulator
        refuse."""
        for credential in self.credentials():
            answer = self.admin("POST",
                                f"/credentials/{credential['id']}/reopen", {})
            assert answer.status == 200, answer.text

    def status(self):
        return json.loads(self.cli("status", "--json")[1])

    def up_pid(self):
        return self._up.pid

    def daemon_pid(self):
        return self.status()["daemon"]["pid"]

    def nginx_pid(self):
        return self.status()["nginx"]["pid"]

    def nginx_workers(self):
        return self.status()["nginx"]["workers"]

    def kill_daemon(self):
        """kill -9, and returns once it is gone."""
        pid = wait(self.daemon_pid, 40, "daemon to kill")
        os.kill(pid, signal.SIGKILL)
        wait(lambda: self.daemon_pid() != pid, what="death of the daemon")

    def wait_daemon(self):
        wait(lambda: self.cli("status")[0] == 0, 20, "healthy daemon")

    def calls(self):
        """The call log, newest first, once all of it was ingested."""
        return self.cli_json("calls", "list", "--limit", "100000")["data"]

    def wait_calls(self, count, key=None):
        """Waits until the store has this many calls (of a key)."""
        args = ["--key", key.id] if key is not None else []

        def enough():
            rows = self.cli_json("calls", "list", "--limit", "100000",
                                 *args)["data"]
            return rows if len(rows) >= count else None

        rows = wait(enough, 20, f"{count} calls in the store")
        assert len(rows) == count
        return rows

    def usage_total(self, *args):
        return self.cli_json("usage", *args)["total"]

    def said(self):
        """All that `up` and its children have written."""
        return self.log.read_text()

    def nginx_log(self):
        return (self.home / "log" / "nginx.log").read_text()

    def stop_up(self):
        """TERM, as Ctrl-C does; no process may be left."""
        if self._up.poll() is None:
            self._up.terminate()
        code = self._up.wait(40)
        assert not has_processes(self.home), "it left processes behind"
        return code

    def _call_once_more(self):
        """One of each with a secret of its own, for the hunt; whether they are
        answered is the matter of tests."""
        prompt = f"canary {uuid.uuid4().hex}"
        keys = [s.decode() for s, kinds in self.hunt.secrets.items()
                if "client key" in kinds]
        wrong = ["sk-tgp_" + secrets.token_hex(18) for _ in range(2)]
        try:
            self.request("GET", f"/v1/models?api_key={wrong[0]}", timeout=3)
            for key in wrong[1:] + keys[-1:]:
                self.hunt.plant("prompt", prompt)
                answer = self.request("POST", "/v1/chat/completions", key, {
                    "model": "deepseek-flash", "max_tokens": 30,
                    "messages": [{"role": "user", "content": prompt}]},
                    timeout=3)
            if answer.status == 200:
                said = answer.json["choices"][0]["message"]["content"]
                self.hunt.plant("answer", said[:60])
        except (OSError, http.client.HTTPException, ValueError):
            pass

    def stop(self):
        try:
            if self._up is not None and self._up.poll() is None:
                self._call_once_more()
                self.hunt.look(pids=[self.up_pid(), *processes_of(self.home)])
            if self._up is not None:
                self.stop_up()
        finally:
            if self.sim is not None:
                self.sim.stop()
                self.sim = None
            self.hunt.look([self.home, self.shm, self.log])
            shutil.rmtree(self.shm, ignore_errors=True)
        if not self._is_stopped:
            self._is_stopped = True
            self.hunt.end()


def processes_of(home):
    """The daemon's, nginx's and its workers' pids: `up` notes the process
    groups that it starts."""
    lock = Path(home) / "run" / "children.lock"
    groups = lock.read_text().split() if lock.exists() else []
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        stat = read_process(pid, "stat").rpartition(b")")[2].split()
        if len(stat) > 2 and stat[2].decode() in groups:
            found.append(int(pid))
    return found


def has_processes(home):
    """Whether any process of a home is left, whoever its parent is: all of
    them hold a lock that `up` hands down."""
    try:
        with open(Path(home) / "run" / "children.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def read_process(pid, name):
    """A file of /proc/PID; nothing when not even its user may read it, or
    when the process has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return b""


def require_build():
    for name in ("tollgate", "tollgated", "tollgate-sim",
                 "ngx_http_tollgate_module.so"):
        if not (BUILD / name).exists():
            pytest.fail(f"{BUILD / name} is not there: run script/build")


@pytest.fixture(scope="session")
def gate(tmp_path_factory):
    require_build()
    # Its tests send more wrong keys than an address may.
    it = Gate(tmp_path_factory.mktemp("gate") / "home",
              conf="[gate]\nwrong_keys_per_minute = 0\n")
    try:
        yield it.start()
    finally:
        it.stop()


@pytest.fixture
def make_gate(tmp_path):
    """make_gate(sim_args=[…], models=[…]): a gate that is not started."""
    require_build()
    gates = []

    def make(**options):
        gates.append(Gate(tmp_path / f"home{len(gates)}", **options))
        return gates[-1]

    yield make
    for it in gates:
        it.stop()


@pytest.fixture
def own_gate(make_gate):
    return make_gate().start()


TLS_SERVER = """
server {
    listen 127.0.0.1:%(port)d ssl http2;
    ssl_certificate "%(home)s/tls.crt";
    ssl_certificate_key "%(home)s/tls.key";
    include gate.conf;
}
"""


def serve_tls(it):
    """Before its start: an operator serves the gate by HTTP/2 over TLS, too.
    Sets tls_url, and ca, the file that its certificate is verified with."""
    (it.home / "nginx.d").mkdir(parents=True, mode=0o700)
    it.ca = it.home / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout",
         it.home / "tls.key", "-out", it.ca],
        check=True, capture_output=True)
    port = free_port()
    (it.home / "nginx.d" / "tls.conf").write_text(
        TLS_SERVER % {"port": port, "home": it.home})
    it.tls_url = f"https://127.0.0.1:{port}"
    return it


@pytest.fixture
def tls_gate(make_gate):
    """A gate that is served by HTTP/2 over TLS, too: see serve_tls."""
    return serve_tls(make_gate()).start()


@pytest.fixture
def small_disk(request, tmp_path):
    """The journal's folder of make_gate's first gate, on a disk of its own of
    96 MiB, or of the parameter's."""
    size = getattr(request, "param", 96)
    folder = tmp_path / "home0" / "journal"
    folder.mkdir(mode=0o700, parents=True)
    os.chmod(folder.parent, 0o700)
    subprocess.run(
        [*AS_ROOT, "mount", "-t", "tmpfs", "-o",
         f"size={size}m,mode=0700,uid={os.geteuid()},gid={os.getegid()}",
         "tmpfs", folder], check=True)
    yield folder
    subprocess.run([*AS_ROOT, "umount", "-l", folder], check=True)


def fill_disk(path):
    """Takes all the room that a disk has left, to the last page."""
    size = 1 << 20
    with open(path, "wb", buffering=0) as out:
        while size >= 4096:
            try:
                written = out.write(bytes(size))
            except OSError:
                written = 0
            if written < size:
                size //= 2
