"""However a body arrives, what is judged is what is sent."""

import hashlib
import json
import socket
from urllib.parse import urlsplit

import pytest


def chat_body(size):
    text = "word " * (size // 5)
    return json.dumps({"model": "deepseek-flash", "max_tokens": 3,
                       "messages": [{"role": "user", "content": text}]}
                      ).encode()


def head(key, *lines):
    return "\r\n".join(["POST /v1/chat/completions HTTP/1.1",
                        "Host: localhost", f"Authorization: Bearer {key}",
                        "Content-Type: application/json",
                        "Connection: close", *lines, "", ""]).encode()


def send_in_pieces(gate, pieces):
    parts = urlsplit(gate.url)
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            s.sendall(piece)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return answer


def one_byte_writes(key, body):
    yield head(key, f"Content-Length: {len(body)}")
    for byte in body:
        yield bytes([byte])


def chunks(key, body, size):
    yield head(key, "Transfer-Encoding: chunked")
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("way", [
    lambda key, body: [head(key, f"Content-Length: {len(body)}") + body],
    one_byte_writes,
    lambda key, body: chunks(key, body, 7),
])
def test_a_body_arrives_as_it_was_sent(gate, way):
    key = gate.key("pieces")
    body = chat_body(300)
    answer = send_in_pieces(gate, way(key, body))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
    seen, = gate.sim.requests(1)
    assert seen["body"].encode() == body


@pytest.mark.parametrize("size", [8 << 10, 200 << 10, 5 << 20])
def test_a_large_body_is_judged_and_sent_whole(gate, size):
    key = gate.key("large", tpm=10**8)
    body = chat_body(size)
    answer = gate.request("POST", "/v1/chat/completions", key, body,
                          {"Content-Type": "application/json"})
    assert answer.status == 200, answer.text
    seen, = gate.sim.requests(1)
    assert seen["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert seen["body_bytes"] == len(body)
    wrong = body[:-1] + b',"model":"x"}'
    answer = gate.request("POST", "/v1/chat/completions", key, wrong,
                          {"Content-Type": "application/json"})
    assert answer.code == "duplicate_field"


def test_no_body_is_left_in_the_memory_folder(gate):
    key = gate.key("left")
    body = chat_body(1 << 20)
    for _ in range(3):
        gate.request("POST", "/v1/chat/completions", key, body,
                     {"Content-Type": "application/json"})
    left = [p for p in (gate.shm / "client_body").rglob("*") if p.is_file()]
    assert left == []


def test_headers_for_the_upstream_are_from_a_list(gate):
    key = gate.key("headers")
    gate.request("POST", "/v1/chat/completions", key,
                 {"model": "deepseek-flash", "messages": []},
                 {"Cookie": "session=1", "X-Forwarded-For": "1.2.3.4",
                  "Forwarded": "for=1.2.3.4", "X-Anything": "1",
                  "OpenAI-Organization": "org-1", "Range": "bytes=0-1"})
    seen, = gate.sim.requests(1)
    names = {name.lower() for name, _ in seen["headers"]}
    assert names == {"host", "authorization", "content-type",
                     "accept-encoding", "user-agent", "x-request-id",
                     "content-length"}
    sent = dict((n.lower(), v) for n, v in seen["headers"])
    assert hashlib.sha256(key.encode()).hexdigest() \
        not in sent["authorization"]
    assert sent["authorization"].endswith(hashlib.sha256(
        b"sk-0123456789abcdef0123456789abcdef").hexdigest())
