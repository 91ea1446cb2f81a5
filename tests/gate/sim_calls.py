"""A tollgate-sim for its own tests, and the calls they make of it.

Runs tollgate-sim from TOLLGATE_BUILD (default ./build) on free loopback ports.
"""
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

PROGRAM = os.path.join(os.environ.get("TOLLGATE_BUILD", "build"), "tollgate-sim")
KEY = "sk-0123456789abcdef0123456789abcdef"
AUTH = {"Authorization": "Bearer " + KEY}
PLAIN = {"thinking": {"type": "disabled"}}
DEADLINE_S = 10


class Sim:
    """A running simulator and the calls tests make of it."""

    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"listening on http://127\.0\.0\.1:(\d+)\n$", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found.group(1))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0
        self.process.stdout.close()
        assert self.process.stderr.read() == ""
        self.process.stderr.close()

    def request(self, method, path, body=None, headers=AUTH):
        """Status, headers, body of one call on a connection of its own."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        if isinstance(body, dict):
            body = json.dumps(body)
        conn.request(method, path, body, headers)
        response = conn.getresponse()
        data = response.read()
        conn.close()
        return response.status, response.headers, data

    def post(self, path, body, headers=AUTH):
        return self.request("POST", path, body, headers)

    def answer(self, path, body):
        status, _, data = self.post(path, body)
        assert status == 200, data
        return json.loads(data)

    def get(self, path, headers=AUTH):
        status, _, data = self.request("GET", path, headers=headers)
        assert status == 200, data
        return json.loads(data)

    def count(self):
        return self.get("/sim/count", {})

    def reset(self):
        assert self.request("POST", "/sim/reset")[0] == 200

    def arm(self, **fault):
        assert self.post("/sim/fault", fault)[0] == 200

    def rule(self, credential, **rule):
        """What shall become of the calls with that credential."""
        rule["sha256"] = sha256(credential)
        status, _, data = self.post("/sim/credential", rule, {})
        assert status == 200, data
        return json.loads(data)

    def raw(self, data, seconds=DEADLINE_S):
        """All bytes that come back until the simulator closes."""
        with socket.create_connection(("127.0.0.1", self.port), seconds) as s:
            s.sendall(data)
            got = b""
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more

    def open_stream(self, body, path="/v1/chat/completions"):
        s = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        s.sendall(http_request(path, body))
        return s


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def bearer(credential):
    return {"Authorization": "Bearer " + credential}


def http_request(path, body, *headers, method="POST", version="HTTP/1.1"):
    text = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"{method} {path} {version}", "Host: sim", f"Authorization: Bearer {KEY}",
             f"Content-Length: {len(text)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


def form(*parts, boundary="b0undary"):
    """Body and Content-Type of a form.  A part is (name, value), or of a file
    (name, bytes, filename, media)."""
    body = b""
    for name, value, *file in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file:
            body += f'; filename="{file[0]}"\r\nContent-Type: {file[1]}'.encode()
        body += b"\r\n\r\n" + (value if file else str(value).encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), \
        {**AUTH, "Content-Type": f"multipart/form-data; boundary={boundary}"}


def chat(text="hello", model="deepseek-flash", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def events(data):
    """The data of each event; checks that nothing else but comments is there."""
    out = []
    for line in data.decode().splitlines():
        if line.startswith("data:"):
            out.append(line[5:].strip())
        else:
            assert line == "" or line.startswith((":", "event:")), line
    return out


def chunks(data):
    got = events(data)
    assert got[-1] == "[DONE]"
    return [json.loads(e) for e in got[:-1]]


def wait_for(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def running(*options):
    @pytest.fixture(scope="module")
    def fixture():
        sim = Sim(*options)
        yield sim
        sim.stop()
    return fixture


deepseek = running("--workers", "2")
openai = running("--dialect", "openai")
vllm = running("--dialect", "vllm")
anthropic = running("--dialect", "anthropic")


@pytest.fixture
def sim(deepseek):
    deepseek.reset()
    return deepseek


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(*options):
        started.append(Sim(*options))
        return started[-1]
    yield begin
    for one in started:
        one.stop()
