"""A tollgated without nginx, spoken to on its socket."""

import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from hunt import Hunt

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("TOLLGATE_BUILD", ROOT / "build")).resolve()


def wait(condition, deadline=15.0, what="condition"):
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"no {what} within {deadline} s"
        time.sleep(0.01)


class SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("tollgated", timeout=30)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def code(self):
        """Of its error; None when it has none, as a picture."""
        if self.headers.get("content-type") != "application/json":
            return None
        return (self.json.get("error") or {}).get("code")


class LoneDaemon:
    """home need not exist; shm and socket are known without a start.  What
    prefix has stands before the daemon's command."""

    def __init__(self, home, prefix=(), program=BUILD / "tollgated"):
        self.home = Path(home)
        self.program = program
        self.prefix = list(prefix)
        real = os.path.realpath(home)
        digest = hashlib.sha256(real.encode()).hexdigest()[:16]
        self.shm = Path(f"/dev/shm/tollgate-{digest}")
        self.state = self.shm / "state"
        self.socket = self.shm / "admin.sock"
        self.journal = self.home / "journal"
        self.log = self.home.with_suffix(".log")
        self.process = None
        self.hunt = Hunt(os.environ.get("PYTEST_CURRENT_TEST", "a daemon"))

    def spawn(self, *args):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "--home", self.home, *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def start(self, *args):
        self.spawn(*args)
        wait(self.answers, what="answer of tollgated:\n" + self.said())
        return self

    def answers(self):
        assert self.process.poll() is None, self.said()
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as an operator would; gives its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def clean(self):
        if self.process is not None and self.process.poll() is None:
            self.hunt.look(pids=[self.process.pid])
            self.kill()
        if (self.home / "master.key").exists():
            self.hunt.plant("master key",
                            (self.home / "master.key").read_bytes())
        self.hunt.look([self.home, self.shm, self.log])
        shutil.rmtree(self.shm, ignore_errors=True)
        self.hunt.end()

    @property
    def token(self):
        token = (self.home / "admin.token").read_text().strip()
        self.hunt.plant("owner's token", token)
        return token

    def ask(self, method, path, body=None, token=None, headers=None):
        connection = SocketConnection(self.socket)
        sent = {"Authorization": "Bearer " + (token or self.token)}
        if token == "":
            sent = {}
        sent.update(headers or {})
        if isinstance(body, dict) and isinstance(body.get("secret"), str):
            self.hunt.plant("provider credential", body["secret"])
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        try:
            connection.request(method, "/admin/v1" + path, body, sent)
            reply = Reply(connection.getresponse())
            self.hunt.plant_keys(reply.body.decode(errors="replace"))
            return reply
        finally:
            connection.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, {} if body is None else body, **more)

    def must(self, path, body):
        reply = self.post(path, body)
        assert reply.status in (200, 201), reply.body
        return reply.json

    def total(self, **filters):
        query = "&".join(f"{k}={v}" for k, v in filters.items())
        return self.get("/usage?" + query).json["total"]
