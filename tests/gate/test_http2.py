"""The gate over HTTP/2 and TLS, by curl (nghttp2); what no client sends, by
frames of our own."""

import json
import socket
import ssl
import struct
import subprocess
from urllib.parse import urlsplit

import pytest

from conftest import Gate, serve_tls

DATA, HEADERS, RESET, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4


def curl(gate, path, key, body=None, *args):
    command = ["curl", "-sS", "--http2", "--cacert", gate.ca, "-D", "-",
               "-H", f"Authorization: Bearer {key}", *args,
               gate.tls_url + path]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d",
                    json.dumps(body)]
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), content


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) \
        + struct.pack(">I", stream) + payload


def field(name, value):
    """One header, literal and not indexed (RFC 7541, 6.2.2)."""
    coded = b"\0"
    for text in (name, value):
        text = text.encode("latin-1")
        assert len(text) < 127
        coded += bytes([len(text)]) + text
    return coded


def read_frames(s):
    """(kind, flags, payload) until stream 1 or the connection ends."""
    data = b""
    while True:
        while len(data) >= 9:
            end = 9 + int.from_bytes(data[:3], "big")
            if len(data) < end:
                break
            kind, flags, payload = data[3], data[4], data[9:end]
            yield kind, flags, payload
            if kind in (RESET, GOAWAY) or \
                    kind in (DATA, HEADERS) and flags & END_STREAM:
                return
            data = data[end:]
        chunk = s.recv(65536)
        if not chunk:
            return
        data += chunk


def status_of(block):
    """nginx writes the status first: indexed, or as three digits."""
    indexed = {0x88: 200, 0x8c: 400, 0x8d: 404, 0x8e: 500}
    while block[0] >> 5 == 1:
        block = block[1:]  # a new size of the table
    return indexed.get(block[0]) or int(block[2:5])


def speak(gate, headers, data=None):
    """One request; its status, or 0 when there was none, and its body."""
    parts = urlsplit(gate.tls_url)
    context = ssl.create_default_context(cafile=gate.ca)
    context.set_alpn_protocols(["h2"])
    block = b"".join(field(*pair) for pair in headers)
    flags = END_HEADERS | (END_STREAM if data is None else 0)
    request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" \
        + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, flags, 1, block)
    if data is not None:
        request += frame(DATA, END_STREAM, 1, data)
    with socket.create_connection((parts.hostname, parts.port), 30) as raw, \
            context.wrap_socket(raw, server_hostname=parts.hostname) as s:
        s.sendall(request)
        status, body = 0, b""
        for kind, _, payload in read_frames(s):
            if kind == HEADERS:
                status = status_of(payload)
            elif kind == DATA:
                body += payload
    return status, body


BODY = json.dumps({"model": "deepseek-flash", "max_tokens": 3,
                   "messages": [{"role": "user", "content": "hello"}]}
                  ).encode()
GET = [(":method", "GET"), (":scheme", "https"), (":path", "/v1/models")]
POST = [(":method", "POST"), (":scheme", "https"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json")]
AUTHORITY = [(":authority", "localhost")]
STRAY_BODY = "The request has a body, and none belongs to its method"
HOSTS = "The request does not name its host once"
INVALID = "The request is not valid HTTP"

# What it is, its headers, its data, and how the answer begins; None: nginx
# may end stream or connection without one.
AMBIGUOUS = [
    ("a GET with data", GET + AUTHORITY, b"hello", STRAY_BODY),
    ("a GET with data and a length",
     GET + AUTHORITY + [("content-length", "5")], b"hello", STRAY_BODY),
    ("a DELETE with data", [(":method", "DELETE")] + GET[1:] + AUTHORITY,
     b"hello", STRAY_BODY),
    ("another host", POST + AUTHORITY + [("host", "other")], BODY, HOSTS),
    ("two hosts", POST + [("host", "localhost"), ("host", "other")], BODY,
     HOSTS),
    ("a transfer coding",
     POST + AUTHORITY + [("transfer-encoding", "chunked")], BODY,
     "The request has a Transfer-Encoding other than"),
    ("an expectation", POST + AUTHORITY + [("expect", "200-ok")], BODY,
     "The request expects what this gate does not do"),
    ("two types", POST + AUTHORITY + [("content-type", "text/plain")], BODY,
     "The request has two Content-Type"),
    ("x_api_key", POST + AUTHORITY + [("x_api_key", "sk-other")], BODY,
     "The request has a header whose name has an underscore"),
    ("a control character", POST + AUTHORITY + [("a", "b\1c")], BODY,
     "The request has a control character in its head"),
    ("two lengths",
     POST + AUTHORITY + [("content-length", str(len(BODY)))] * 2, BODY,
     "The request gives the length of its body in two ways"),
    ("a line end", POST + AUTHORITY + [("a", "b\r\nx: y")], BODY, None),
    ("a name in capitals", POST + AUTHORITY + [("A", "b")], BODY, None),
    ("less data than the length",
     POST + AUTHORITY + [("content-length", "1000")], BODY, INVALID),
    ("more data than the length",
     POST + AUTHORITY + [("content-length", "5")], BODY, None),
    ("a URL for a path", [(":path", "http://other/v1/models")] + GET[:2]
     + AUTHORITY, None, INVALID),
    ("two paths", GET + [(":path", "/v1/key")] + AUTHORITY, None, None),
]


@pytest.fixture(scope="module")
def h2_gate(tmp_path_factory):
    it = serve_tls(Gate(tmp_path_factory.mktemp("h2") / "home"))
    try:
        it.start()
        it.h2_key = it.key("frames", rpm=10**6, tpm=10**8)
        yield it
    finally:
        it.stop()


@pytest.mark.parametrize("what,headers,data,sentence", AMBIGUOUS,
                         ids=[row[0] for row in AMBIGUOUS])
def test_what_can_be_read_in_two_ways_is_refused(h2_gate, what, headers, data,
                                                 sentence):
    before = h2_gate.sim.count()["requests_seen"]
    status, body = speak(h2_gate, headers + [
        ("authorization", f"Bearer {h2_gate.h2_key}")], data)
    if sentence is None:
        assert status in (0, 400)
    else:
        assert status == 400
        error = json.loads(body)["error"]
        assert error["code"] == "invalid_request"
        assert error["message"].startswith(sentence)
    assert h2_gate.sim.count()["requests_seen"] == before


@pytest.mark.parametrize("what,headers,data", [
    ("a length or none", POST + AUTHORITY, BODY),
    ("a length", POST + AUTHORITY + [("content-length", str(len(BODY)))],
     BODY),
    ("Host alone", POST + [("host", "localhost")], BODY),
    ("a tab in a value", POST + AUTHORITY + [("a", "b\tc")], BODY),
    ("a list of models", GET + AUTHORITY, None),
    ("a length of nothing", GET + AUTHORITY + [("content-length", "0")],
     None)])
def test_what_is_sound_is_served(h2_gate, what, headers, data):
    before = h2_gate.sim.count()["requests_seen"]
    status, body = speak(h2_gate, headers + [
        ("authorization", f"Bearer {h2_gate.h2_key}")], data)
    assert status == 200, body
    assert h2_gate.sim.count()["requests_seen"] == before + (data is not None)


def test_calls_by_http2(tls_gate):
    key = tls_gate.key("h2", tpm=10**8)
    body = {"model": "deepseek-flash",
            "messages": [{"role": "user", "content": "hello"}]}
    head, content = curl(tls_gate, "/v1/chat/completions", key, body)
    assert head.startswith("HTTP/2 200"), head
    assert json.loads(content)["usage"]["completion_tokens"] == 24

    head, content = curl(tls_gate, "/v1/chat/completions", key,
                         dict(body, stream=True))
    assert head.startswith("HTTP/2 200")
    assert content.rstrip().endswith(b"data: [DONE]")

    large = dict(body, messages=[{"role": "user",
                                  "content": "word " * 100000}])
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", tls_gate.ca, "-H",
         f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "--data-binary", "@-",
         tls_gate.tls_url + "/v1/chat/completions"],
        input=json.dumps(large).encode(), capture_output=True, timeout=30)
    assert json.loads(done.stdout)["usage"]["prompt_tokens"] > 100000

    head, content = curl(tls_gate, "/v1/models", "sk-tgp_wrong")
    assert head.startswith("HTTP/2 401")
    rows = tls_gate.wait_calls(3, key)
    assert {row["basis"] for row in rows} == {"reported"}


def test_a_client_that_resets_its_stream(tls_gate):
    key = tls_gate.key("h2 leaves")
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--max-time", "1", "--cacert",
         tls_gate.ca, "-H", f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "-d", json.dumps(
             {"model": "deepseek-flash", "stream": True,
              "messages": [{"role": "user",
                            "content": "sim:slow=50 sim:tokens=1000"}]}),
         tls_gate.tls_url + "/v1/chat/completions"],
        capture_output=True, timeout=30)
    assert done.returncode == 28, "curl gave up by itself"
    tls_gate.wait(lambda: tls_gate.sim.count()["streams_open"] == 0, 5,
                  "end of the stream upstream")
    call, = tls_gate.wait_calls(1, key)
    assert call["basis"] == "counted"
