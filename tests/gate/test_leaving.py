"""Clients that leave: a stream is cut, an answer is read to its end."""

import http.client
import json
import socket
import time
from urllib.parse import urlsplit

MODEL = "deepseek-flash"


def begin(gate, key, text, **members):
    """Sends a chat call and returns the socket, nothing read yet."""
    body = json.dumps({"model": MODEL, "messages":
                       [{"role": "user", "content": text}], **members})
    parts = urlsplit(gate.url)
    s = socket.create_connection((parts.hostname, parts.port), 30)
    s.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {key}\r\n"
               f"Content-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return s


def test_a_client_that_leaves_a_stream_ends_it_upstream(gate):
    key = gate.key("leaves")
    s = begin(gate, key, "sim:slow=50 sim:tokens=2000", stream=True)
    received = b""
    while received.count(b"data:") < 5:
        received += s.recv(65536)
    assert gate.sim.count()["streams_open"] >= 1
    s.close()
    left = time.monotonic()
    gate.wait(lambda: gate.sim.count()["streams_open"] == 0, 5,
              "end of the stream upstream")
    assert time.monotonic() - left < 1
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "counted"
    assert 3 <= call["completion_tokens"] < 100


def test_an_answer_is_read_to_its_end_without_its_client(gate):
    key = gate.key("left")
    s = begin(gate, key, "sim:slow=20 sim:tokens=20", max_tokens=20)
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 1, 5, "call in flight")
    s.close()
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert call["completion_tokens"] == 20


def test_a_client_that_leaves_before_the_first_byte_of_a_stream(gate):
    key = gate.key("early")
    s = begin(gate, key, "sim:stall=0", stream=True)
    gate.wait(lambda: gate.sim.count()["streams_open"] >= 1, 5, "stream")
    s.close()
    gate.wait(lambda: gate.sim.count()["streams_open"] == 0, 5,
              "end of the stream upstream")
    call, = gate.wait_calls(1, key)
    assert call["code"] == "client_closed_request"
    assert gate.request("GET", "/v1/key",
                        key).json["use"]["in_flight"] == 0


def test_a_client_that_never_sends_its_body_is_no_call(gate):
    key = gate.key("never")
    parts = urlsplit(gate.url)
    s = socket.create_connection((parts.hostname, parts.port), 30)
    s.sendall((f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
               f"Authorization: Bearer {key}\r\nContent-Length: 100\r\n"
               f"Content-Type: application/json\r\n\r\n{{").encode())
    s.close()
    assert gate.chat(key).status == 200
    gate.wait_calls(1, key)


def test_streams_of_a_disabled_key_end_with_a_reason(gate):
    key, other = gate.key("disabled"), gate.key("untouched")
    cut = gate.chat(key, "sim:slow=20 sim:tokens=2000", stream=True)
    goes_on = gate.chat(other, "sim:slow=20 sim:tokens=100", stream=True)
    silent = gate.chat(key, "sim:stall=2", stream=True)
    events = cut.events()
    next(events)
    gate.must("keys", "disable", key.id, "--yes")
    disabled = time.monotonic()
    last = None
    try:
        for last in events:
            pass
    except http.client.IncompleteRead:
        pass
    assert time.monotonic() - disabled < 1
    assert last["error"]["code"] == "key_disabled"
    try:
        quiet = list(silent.events())
    except http.client.IncompleteRead:
        quiet = [last]
    assert quiet[-1]["error"]["code"] == "key_disabled"
    assert time.monotonic() - disabled < 1.5
    assert len(list(goes_on.events())) > 100
    rows = gate.wait_calls(2, key)
    assert {row["code"] for row in rows} == {"key_disabled"}
    assert {row["basis"] for row in rows} == {"counted"}
