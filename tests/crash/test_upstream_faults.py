"""Whatever an upstream sends, the call has one record, whose basis says how
far its figures are believed, and costs no more than was held for it."""

import gzip
import http.client
import json

import pytest

from books import (COUNTED, HELD, NONE, REPORTED, cost_of, records)
from conftest import Gate, require_build
from rogue import (DONE, STREAM, USAGE, Rogue, completion, event, head,
                   last, tokens, whole)
from state_file import StateFile
from victims import roles

MIB = 1 << 20


def with_usage(**members):
    return {**USAGE, **members}


def raw_usage(text):
    """A usage that Python's JSON cannot have."""
    body = json.dumps(completion(usage="USAGE")).replace('"USAGE"', text)
    return whole(body.encode())


# What is sent; then the client's status, the record's basis, and the
# completion tokens that are charged (None: any within the bounds).
WHOLE = {
    "as-it-should-be": (whole(completion()), 200, REPORTED, 6),
    "usage-of-zeros": (whole(completion(with_usage(
        prompt_tokens=0, completion_tokens=0, total_tokens=0))),
        200, REPORTED, 0),
    "usage-none": (whole(completion(None)), 200, COUNTED, 7),
    "usage-null": (raw_usage("null"), 200, COUNTED, 7),
    "usage-a-list": (raw_usage("[12,6]"), 200, COUNTED, 7),
    "usage-empty": (raw_usage("{}"), 200, COUNTED, 7),
    "prompt-negative": (whole(completion(with_usage(prompt_tokens=-12))),
                        200, COUNTED, 7),
    "completion-negative": (whole(completion(with_usage(
        completion_tokens=-6))), 200, COUNTED, 7),
    "completion-huge": (whole(completion(with_usage(
        completion_tokens=10**15))), 200, COUNTED, 7),
    "completion-above-the-limit": (whole(completion(with_usage(
        completion_tokens=65))), 200, COUNTED, 7),
    "prompt-huge": (whole(completion(with_usage(prompt_tokens=10**9))),
                    200, COUNTED, 7),
    "beyond-64-bits": (raw_usage(
        '{"prompt_tokens":12,"completion_tokens":18446744073709551622}'),
        200, COUNTED, 7),
    "an-exponent": (raw_usage('{"prompt_tokens":12,"completion_tokens":1e309}'),
                    200, COUNTED, 7),
    "a-fraction": (raw_usage('{"prompt_tokens":12,"completion_tokens":6.5}'),
                   200, COUNTED, 7),
    "text": (raw_usage('{"prompt_tokens":"12","completion_tokens":"6"}'),
             200, COUNTED, 7),
    "true": (raw_usage('{"prompt_tokens":12,"completion_tokens":true}'),
             200, COUNTED, 7),
    "text-plain": (whole(completion(), type="text/plain"), 200, REPORTED, 6),
    "html": (whole(b"<html><body>Bad gateway</body></html>",
                   type="text/html"), 502, HELD, None),
    "bytes": (whole(bytes(range(256)) * 8), 502, HELD, None),
    "gzip": (whole(gzip.compress(json.dumps(completion()).encode()),
                   "Content-Encoding: gzip"), 502, HELD, None),
    "gzip-unsaid": (whole(gzip.compress(json.dumps(completion()).encode())),
                    502, HELD, None),
    "cut": ([head("Content-Length: 5000"),
             json.dumps(completion()).encode()[:90]], 200, HELD, None),
    "cut-at-once": ([head("Content-Length: 5000")], 502, HELD, None),
    "no-answer": ([], 502, NONE, 0),
    "no-body": ([head()], 502, NONE, 0),
    "blank-lines": ([head(), b"\n\n\n"], 200, NONE, 0),
    "half-a-head": ([b"HTTP/1.1 200 OK\r\nContent-Ty"], 502, HELD, None),
    "no-http": ([b"SSH-2.0-OpenSSH_9.2p1\r\n"], 502, HELD, None),
    "header-bomb": ([head("X-Bomb: " + "x" * MIB)] + whole(completion()),
                    502, HELD, None),
    "many-headers": ([head(*(f"X-{n}: x" for n in range(20000)))],
                     502, HELD, None),
    "many-informational": ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000] +
                           whole(completion()), 502, HELD, None),
    "chunk-of-nothing-later": ([
        head("Transfer-Encoding: chunked"), b"8\r\n{\"id\":\"x\r\n", 0.1,
        b"zz\r\n{}"], 200, HELD, None),
    "two-lengths": ([head("Content-Length: 4", "Content-Length: 5"), b"{}  "],
                    200, HELD, None),
    "length-negative": ([head("Content-Length: -1"), b"{}"], 200, HELD, None),
    "chunk-of-nothing": ([head("Transfer-Encoding: chunked"), b"zz\r\n{}"],
                         502, HELD, None),
    "endless-json": ([head(), b'{"choices":[{"message":{"content":"',
                      lambda: [b"x" * MIB] * 1100], 200, COUNTED, 64),
    "endless-json-of-nothing": ([head(), b'{"choices":[',
                                 lambda: [b" " * MIB] * 1100],
                                200, HELD, None),
    "slow-drip": ([head(), *[piece for byte in
                             json.dumps(completion()).encode()
                             for piece in (bytes([byte]), 0.002)]],
                  200, REPORTED, 6),
    "more-than-its-length": ([*whole(completion()), b'{"usage":{}}' * 9],
                             200, REPORTED, 6),
    "deep": (whole(b'{"choices":' + b"[" * 100000), 502, HELD, None),
}
STREAMED = {
    "stream": ([STREAM, *tokens(), last(), DONE], 200, REPORTED, 6),
    "stream-usage-of-zeros": ([STREAM, *tokens(), last(with_usage(
        prompt_tokens=0, completion_tokens=0)), DONE], 200, REPORTED, 0),
    "stream-usage-none": ([STREAM, *tokens(), DONE], 200, COUNTED, 8),
    "stream-usage-negative": ([STREAM, *tokens(), last(with_usage(
        completion_tokens=-1)), DONE], 200, COUNTED, 8),
    "stream-usage-huge": ([STREAM, *tokens(), last(with_usage(
        completion_tokens=10**12)), DONE], 200, COUNTED, 8),
    "stream-usage-exponent": ([STREAM, *tokens(), last(
        '{"prompt_tokens":12,"completion_tokens":1e3}'), DONE],
        200, COUNTED, 8),
    "stream-cut": ([STREAM, *tokens(3)], 200, COUNTED, 4),
    "stream-cut-in-an-event": ([STREAM, *tokens(3), b'data: {"choi'],
                               200, COUNTED, 4),
    "stream-chunk-of-nothing": ([
        head("Transfer-Encoding: chunked", type="text/event-stream"),
        b"%x\r\n%s\r\n" % (len(tokens(1)[0]), tokens(1)[0]), 0.1,
        b"zz\r\n" + DONE], 200, COUNTED, None),
    "stream-of-garbage": ([STREAM, *[event(b"<html>")] * 5, DONE],
                          200, COUNTED, 8),
    "stream-of-nothing": ([STREAM], 502, NONE, 0),
    "stream-of-comments": ([STREAM, *[b": keep-alive\n\n"] * 1000, *tokens(),
                            last(), DONE], 200, REPORTED, 6),
    "stream-error": ([STREAM, *tokens(3), event(
        {"error": {"message": "it broke", "type": "server_error",
                   "param": None, "code": None}})], 200, COUNTED, None),
    "stream-after-its-end": ([STREAM, *tokens(), last(), DONE, *tokens(50),
                              last(with_usage(completion_tokens=1))],
                             200, REPORTED, 6),
    "stream-of-a-long-line": ([STREAM, *tokens(3), event(b"x" * 24 * MIB),
                               last(), DONE], 200, REPORTED, 6),
    "stream-endless-line": ([STREAM, *tokens(3), b"data: ",
                             lambda: [b"x" * MIB] * 64], 200, COUNTED, 64),
    "stream-endless-event": ([STREAM, *tokens(3),
                              lambda: [b"data: x\n" * (MIB // 8)] * 64],
                             200, COUNTED, 64),
    "stream-endless-comment": ([STREAM, *tokens(3),
                                lambda: [b": x\n" * (MIB // 4)] * 64],
                               200, COUNTED, 4),
    "stream-endless-text": ([STREAM, *tokens(3), b'data: {"choices":[{"delta":'
                             b'{"content":"', lambda: [b"x" * MIB] * 64],
                            200, COUNTED, 64),
    "stream-slow-drip": ([STREAM, *[piece for byte in b"".join(
        [*tokens(), last(), DONE]) for piece in (bytes([byte]), 0.001)]],
        200, REPORTED, 6),
    "stream-as-json": ([head(), *tokens(), last(), DONE], 502, HELD, None),
    "json-as-stream": (whole(completion(), type="text/event-stream"),
                       200, COUNTED, 0),
}
ALL = {**WHOLE, **STREAMED}


class Before:
    """A gate before a rogue."""

    def __init__(self, folder):
        self.rogue = Rogue({name: row[0] for name, row in ALL.items()})
        self.gate = gate = Gate(folder / "home")
        gate.start_up()
        gate.must("upstreams", "add", "--name", "rogue", "--base-url",
                  self.rogue.url, "--dialect", "deepseek")
        gate.must("credentials", "add", "--upstream", "rogue", input=(
            "sk-0123456789abcdef0123456789abcdef\n"))
        self.key = gate.key("steady", rpm=10**8, tpm=10**9)
        self.workers = roles(gate)["worker"]


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    require_build()
    it = Before(tmp_path_factory.mktemp("rogue"))
    try:
        yield it
    finally:
        it.gate.stop()
        it.rogue.close()


def ask(before, name):
    """The answer and its body; what can be had of it."""
    try:
        answer = before.gate.chat(before.key, f"rogue:{name}",
                                  stream=name in STREAMED, max_tokens=64)
        return answer.status, answer.body
    except http.client.IncompleteRead as cut:
        return 200, cut.partial       # cut, as the upstream's was


def new_record(gate, known):
    """The one that was not known, once it is there."""
    row, = gate.wait(lambda: [row for id, row in records(gate.home).items()
                              if id not in known], 10, "record")
    return row


def check_cost(row):
    """Within what was held, whatever the upstream said."""
    assert 0 <= row["cost_nanos"] <= row["held_nanos"]
    assert row["cost_nanos"] == (
        0 if row["basis"] == NONE else
        row["held_nanos"] if row["basis"] == HELD else cost_of(row))
    assert row["completion_tokens"] <= 64


@pytest.mark.parametrize("name", ALL)
def test_an_answer_is_settled_by_what_is_known_of_it(before, name):
    gate = before.gate
    _, status, basis, tokens = ALL[name]
    had, known = len(before.rogue.asked), records(gate.home).keys()
    got, body = ask(before, name)
    row = new_record(gate, known)
    gate.mend()
    print(name, got, len(body or b""), {k: row[k] for k in (
        "basis", "status", "code", "prompt_tokens", "completion_tokens",
        "held_nanos", "cost_nanos")})
    check_cost(row)
    assert (got, row["basis"]) == (status, basis), body
    assert got == row["status"]
    if tokens is not None:
        assert row["completion_tokens"] == tokens
    if got >= 400:
        assert json.loads(body)["error"]["code"], body
    if name.startswith("stream-endless"):
        assert 32 * MIB < len(body) < 40 * MIB
        assert b'"code":"upstream_error"' in body[-300:].splitlines()[-2]
    assert before.rogue.asked[had:] == [name], "one request in, one out"
    assert roles(gate)["worker"] == before.workers
    state = StateFile(gate.shm)
    assert state.calls_in_flight() == 0
    assert state.committed() == sum(
        row["cost_nanos"] for row in records(gate.home).values())


@pytest.mark.parametrize("name", ["no-http", "header-bomb", "half-a-head",
                                  "chunk-of-nothing"])
def test_an_upstream_that_talks_nonsense_is_not_asked_for_a_while(before,
                                                                  name):
    """One fault is nobody's; the third in a row shuts it out."""
    gate = before.gate
    gate.mend()
    for _ in range(3):
        ask(before, name)
    found, = [c["health"] for c in gate.credentials()
              if c["health"]["failures"]]
    assert found["state"] != "open" and found["failures"] == 3
    gate.mend()
