"""The two ways of a location into nginx's proxy send the same bytes."""

import json
import re
import socket
import threading

import pytest

from conftest import free_port, http_request

SERVER = """
log_format target '$request_uri';
server {
    listen 127.0.0.1:%(variable)d;
    client_body_buffer_size 8k;
    proxy_http_version 1.1;
    proxy_buffering off;
    location / {
        tollgate on;
        proxy_pass $tollgate_url;
        proxy_pass_request_headers off;
        proxy_set_header Host $tollgate_head;
        proxy_set_header Connection "";
    }
}
server {
    listen 127.0.0.1:%(named)d;
    access_log "%(home)s/own.log" target;
    client_body_buffer_size 8k;
    proxy_http_version 1.1;
    proxy_buffering off;
    location / {
        tollgate on;
        proxy_pass https://tg-0;
    }
}
"""
PATH = "/v1/chat/completions"
ANSWER = json.dumps({
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1,
              "total_tokens": 2}}).encode()


class Listener:
    """An upstream that keeps what it is sent, as it came."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/base" % self.server.getsockname()[1]
        self.seen = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client:
                self.seen.append(self.request(client))
                client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                               b"Content-Type: application/json\r\n"
                               b"Content-Length: %d\r\n\r\n%s"
                               % (len(ANSWER), ANSWER))

    @staticmethod
    def request(client):
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", data)
        end = data.index(b"\r\n\r\n") + 4 + int(length[1] if length else 0)
        while len(data) < end:
            data += client.recv(65536)
        return re.sub(rb"req_[0-9a-f]+", b"req_", data)


@pytest.fixture
def own(make_gate):
    gate = make_gate()
    (gate.home / "nginx.d").mkdir(parents=True, mode=0o700)
    gate.variable, gate.named = free_port(), free_port()
    (gate.home / "nginx.d" / "own.conf").write_text(
        SERVER % {"variable": gate.variable, "named": gate.named,
                  "home": gate.home})
    gate.start()
    gate.listener = Listener()
    gate.must("upstreams", "add", "--replace", "--name", "sim", "--base-url",
              gate.listener.url, "--dialect", "openai", "--model", "gpt-4o")
    yield gate
    gate.listener.server.close()


def chat(gate, key, port, size):
    return http_request(
        f"http://127.0.0.1:{port}", "POST", PATH,
        {"Authorization": f"Bearer {key}", "X-Private": "the client's"},
        {"model": "gpt-4o",
         "messages": [{"role": "user", "content": "x" * size}]})


@pytest.mark.parametrize("size", [1, 100_000], ids=["short", "in a file"])
def test_both_ways_send_the_same_bytes(own, size):
    key = own.key("bytes")
    assert chat(own, key, own.variable, size).status == 200
    assert chat(own, key, own.named, size).status == 200
    variable, named = own.listener.seen
    assert variable == named
    head, body = named.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /base/chat/completions HTTP/1.1"
    assert [line.split(b":")[0] for line in lines[1:]] == [
        b"Host", b"Authorization", b"Content-Type", b"Accept-Encoding",
        b"User-Agent", b"X-Request-Id", b"Content-Length"]
    assert lines[-1] == b"Content-Length: %d" % len(body)
    assert json.loads(body)["messages"][0]["content"] == "x" * size


@pytest.mark.parametrize("method,path,body", [
    ("GET", "/v1/files?limit=2&after=file-1_a", None),
    ("GET", "/v1/files/file-1/content", None),
    ("DELETE", "/v1/files/file-1", None),
    ("POST", "/v1/batches/batch_1/cancel", None),
    ("POST", "/v1/batches/batch_1/cancel", b""),
    ("POST", PATH, (b'{"model": "gpt-4o", "mess', b'ages": []}')),
], ids=["query", "id", "DELETE", "no body", "empty body", "chunks"])
def test_whatever_is_asked_for(own, method, path, body):
    own.must("models", "add", "files", "--upstream", "sim", "--unit", "call",
             "--unit-price", "0")
    own.must("models", "add", "batches", "--upstream", "sim", "--unit", "call",
             "--unit-price", "0")
    key = own.key("any")
    for port in (own.variable, own.named):
        answer = http_request(
            f"http://127.0.0.1:{port}", method, path,
            {"Authorization": f"Bearer {key}"} |
            ({"Content-Type": "application/json"} if body else {}), body)
        assert answer.status == 200, answer.text
    variable, named = own.listener.seen
    assert variable == named
    assert named.split(b" ")[:2] == [
        method.encode(), path.replace("/v1", "/base", 1).encode()]


def test_the_log_has_what_the_client_asked_for(own):
    key = own.key("log")
    assert chat(own, key, own.named, 1).status == 200
    log = own.home / "own.log"
    own.wait(lambda: log.exists() and log.read_text(), what="log")
    assert log.read_text() == PATH + "\n"
