"""A connection whose requests are long reads them into a larger buffer from
then on: where that begins and ends, that nothing is read otherwise than into
the small one, and that an idle connection gives it back."""

import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import wait
from test_durability import trace  # noqa: F401, a fixture

SMALL, ROOM, LARGE = 1024, 16384, 65536
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"


def call(key, size, *headers, stream=False):
    """A call that has so many bytes with its head, and its body."""
    members = {"model": "deepseek-flash", "max_tokens": 3, "stream": stream,
               "messages": [{"role": "user", "content": ""}]}
    empty = json.dumps(members).encode()

    def head(length):
        return (LINE + HOST + b"Authorization: Bearer %s\r\n" % key.encode()
                + b"Content-Type: application/json\r\n"
                + b"Content-Length: %d\r\n" % length
                + b"".join(headers) + b"\r\n")

    length = size - len(head(len(empty)))
    while len(head(length)) + length > size:
        length -= 1
    body = empty.replace(b'""', b'"%s"' % (b"x" * (length - len(empty))))
    pad = size - len(head(length)) - length      # a length of a digit less
    request = head(length).replace(b"Host:", b"Host:" + b" " * pad) + body
    assert len(request) == size
    return request, body


def get(key, size):
    """A request that is all head."""
    front = (b"GET /v1/models HTTP/1.1\r\n" + HOST
             + b"Authorization: Bearer %s\r\n" % key.encode())
    pads, left = b"", size - len(front) - 2
    while left > 0:
        length = left if left <= 4000 else min(4000, left - 16)
        pads += b"x-p: " + b"p" * (length - 7) + b"\r\n"
        left -= length
    request = front + pads + b"\r\n"
    assert len(request) == size
    return request


class Client:
    """A connection that is kept alive."""

    def __init__(self, url, ca=None):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port),
                                               20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "https":
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(
                self.socket, server_hostname=parts.hostname)
        self.answers = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answers.close()
        self.socket.close()

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece)

    def status(self):
        """Of the next answer, which is read to its end."""
        status = int(self.answers.readline().split()[1])
        length, self.ends = None, False
        while (line := self.answers.readline()) != b"\r\n":
            if line.startswith(b"Content-Length:"):
                length = int(line.split()[1])
            self.ends |= line == b"Connection: close\r\n"
        if length is not None:
            assert len(self.answers.read(length)) == length
            return status
        while size := int(self.answers.readline(), 16):
            self.answers.read(size + 2)
        assert self.answers.readline() == b"\r\n"
        return status

    def is_closed(self):
        return self.answers.read(1) == b""


def unread(url, s):
    """Bytes of a connection that its worker has not taken yet."""
    ends = ["0100007F:%04X" % port for port in (
        urlsplit(url).port, s.socket.getsockname()[1])]
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[1:3] == ends:
            return int(fields[4].partition(":")[2], 16)
    return 0


def arrived(gate, bodies):
    """Those bodies came last, in this order."""
    assert [it["body_sha256"] for it in gate.sim.requests(len(bodies))] \
        == [hashlib.sha256(body).hexdigest() for body in bodies]


@pytest.fixture(scope="module")
def key(gate):
    return gate.key("room", tpm=10**8, rpm=10**6)


def reads(strace):
    """Sizes that were asked for of a client's requests, and what came."""
    return [(int(size), int(came)) for size, came in strace.lines(
        r'recvfrom\(\d+, "POST .*, (\d+), 0, NULL, NULL\) = (\d+)$')]


@pytest.mark.parametrize("first,stream,then", [
    (SMALL - 1, False, SMALL), (SMALL, False, SMALL), (SMALL + 1, False, ROOM),
    (8000, False, ROOM), (8000, True, SMALL), (ROOM, False, ROOM),
    (ROOM + 1, False, LARGE), (40000, True, SMALL), (LARGE, False, LARGE),
    (LARGE + 1, False, SMALL)])
def test_who_has_it_is_seen_in_what_is_read(gate, key, trace,  # noqa: F811
                                            first, stream, then):
    strace = trace(gate, "-e", "trace=recvfrom")
    with Client(gate.url) as s:
        s.send(call(key, first, stream=stream)[0])
        assert s.status() == 200
        s.send(call(key, 9000)[0])
        assert s.status() == 200
        wait(lambda: len(reads(strace)) >= 2, what="two requests in the trace")
    (size, _), (size_then, came) = reads(strace)[:2]
    assert size == SMALL
    assert size_then == then and came == min(then, 9000)


SIZES = [900, SMALL, SMALL + 1, 8000, ROOM - 1, ROOM, ROOM + 1, 8000,
         2 * ROOM + 7, 200000, 900, ROOM, LARGE - 1, LARGE, LARGE + 1, 900,
         LARGE]


@pytest.mark.parametrize("piece", [10**6, 1460, ROOM, ROOM - 1])
def test_requests_behind_each_other_are_read_in_any_pieces(gate, key, piece):
    """All are sent before the first is answered."""
    calls = [call(key, size) for size in SIZES]
    row = b"".join(request for request, _ in calls)
    with Client(gate.url) as s:
        s.send(call(key, 8000)[0])
        assert s.status() == 200
        for at in range(0, len(row), piece):
            s.send(row[at:at + piece])
        assert [s.status() for _ in calls] == [200] * len(calls)
    arrived(gate, [body for _, body in calls])


def test_a_body_that_is_larger_than_the_room(gate, key):
    with Client(gate.url) as s:
        for size in (2000, ROOM + 1, 2000, LARGE + 1, 2000, 130000, 2000,
                     3 * 10**6, 2000):
            request, body = call(key, size)
            s.send(request)
            assert s.status() == 200
            arrived(gate, [body])


@pytest.mark.parametrize("size,before", [
    *((size, 5000) for size in (SMALL - 1, SMALL, SMALL + 1, ROOM - 1, ROOM,
                                ROOM + 1, ROOM + SMALL)),
    *((size, 40000) for size in (ROOM, LARGE - 1, LARGE))])
def test_heads_that_just_fill_it(gate, key, size, before):
    """Alone, and with a call right behind; read at once and in two pieces."""
    request, body = call(key, before)
    head = get(key, size)
    for cut in (size, size - 1, size - 2, size - 4, 7):
        with Client(gate.url) as s:
            s.send(request)
            assert s.status() == 200
            s.send(head[:cut])
            s.send(head[cut:] + request + head)
            assert [s.status() for _ in range(3)] == [200, 200, 200]
            s.send(request)
            assert s.status() == 200
        arrived(gate, [body] * 3)


def test_one_byte_at_a_time_behind_a_long_request(gate, key):
    request, body = call(key, 2500)
    chunked = (LINE + HOST + b"Authorization: Bearer %s\r\n" % key.encode()
               + b"Content-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n"
               + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (
                   body[at:at + 70] for at in range(0, len(body), 70)))
               + b"0\r\n\r\n")
    with Client(gate.url) as s:
        s.send(request)
        assert s.status() == 200
        for again in (request, chunked, request):
            for byte in again:
                s.send(bytes([byte]))
            assert s.status() == 200
    arrived(gate, [body] * 4)


def test_refusals_leave_what_is_behind_them(gate, key):
    """One that is refused before its body is read, and one behind it."""
    long, body = call(key, 9000)
    wrong = call("sk-tgp_" + "0" * 36, 9000)[0]
    too_large, _ = call(key, 9000, b"Content-Encoding: gzip\r\n")
    with Client(gate.url) as s:
        s.send(long + wrong + long + too_large + long)
        assert [s.status() for _ in range(5)] == [200, 401, 200, 415, 200]
        for request, status in ((wrong, 401), (long, 200), (too_large, 415),
                                (long, 200)):
            s.send(request)
            assert s.status() == status
    arrived(gate, [body] * 5)


def test_streams_between_long_calls(gate, key):
    with Client(gate.url) as s:
        for stream in (True, False, True, False, False, True):
            request, body = call(key, 7000, stream=stream)
            s.send(request)
            assert s.status() == 200
            arrived(gate, [body])


def tls_client(gate, request):
    """One whose first request was read when its bytes were watched: a quick
    client's may be there with the end of the handshake, and be its last."""
    def attempt():
        s = Client(gate.tls_url, gate.ca)
        s.send(request)
        assert s.status() == 200
        if not s.ends:
            return s
        s.__exit__()
        return None

    return wait(attempt, what="connection that is watched")


def test_through_tls(tls_gate):
    key = tls_gate.key("tls", rpm=10**6, tpm=10**8)
    calls = [call(key, size) for size in SIZES]
    with tls_client(tls_gate, call(key, 8000)[0]) as s:
        for request, body in calls:
            s.send(request)
            assert s.status() == 200
            arrived(tls_gate, [body])
        for request, _ in calls:
            s.send(request)
        assert [s.status() for _ in calls] == [200] * len(calls)
        arrived(tls_gate, [body for _, body in calls])


def test_over_http_2(tls_gate, tmp_path):
    """Long calls in one connection, whose streams share no buffer."""
    key = tls_gate.key("h2", rpm=10**6, tpm=10**8)
    command = ["curl", "-sS"]
    bodies = []
    for n, size in enumerate(SIZES):
        body = call(key, size)[1]
        bodies.append(body)
        (tmp_path / str(n)).write_bytes(body)
        command += ["--next"] if n else []
        command += ["--http2", "--cacert", tls_gate.ca, "-o",
                    tmp_path / "answer", "-w",
                    "%{http_code} %{num_connects}\n", "-H", f"Authorization: Bearer {key}",
                    "-H", "Content-Type: application/json", "--data-binary",
                    f"@{tmp_path / str(n)}",
                    tls_gate.tls_url + "/v1/chat/completions"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[:-1] == \
        ["200 1"] + ["200 0"] * (len(SIZES) - 1), done
    arrived(tls_gate, bodies)


def test_who_leaves_in_the_middle_leaves_nothing(gate, key):
    """With a part of a head, with a part of a body, with an answer that is
    not read; the workers go on, and nobody's call arrives cut."""
    request, body = call(key, 12000)
    workers = gate.nginx_workers()
    before = gate.sim.count()["requests_seen"]
    whole = 0
    for cut in (0, 1, 100, 1500, 11999, 12000, 14000):
        for is_reset in (False, True):
            with Client(gate.url) as s:
                s.send(request)
                assert s.status() == 200
                s.send((request + request)[:cut])
                whole += 1 + (cut >= 12000)
                if is_reset:
                    s.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
    # A call that is all there when its client leaves may be done or not.
    with Client(gate.url) as s:
        s.send(request)
        assert s.status() == 200
    seen = gate.sim.count()["requests_seen"] - before
    assert whole + 1 - 4 <= seen <= whole + 1
    assert gate.nginx_workers() == workers
    arrived(gate, [body] * seen)


def resident(gate):
    """Bytes of memory that the workers have."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
               for pid in gate.nginx_workers())


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ,
                    reason="it keeps what is freed")
def test_idle_connections_give_it_back(own_gate):
    gate, count = own_gate, 600
    key = gate.key("idle", rpm=10**6, tpm=10**8)
    taken = {}
    sizes = (900, 900, 9000, 40000)    # a worker's first are not only theirs
    for size in sizes:
        socks = [Client(gate.url) for _ in range(count)]
        before = resident(gate)
        for s in socks:
            for _ in range(2):
                s.send(call(key, size)[0])
                assert s.status() == 200
        taken[size] = resident(gate) - before
        if size != sizes[-1]:
            for s in socks:
                s.__exit__()
    assert taken[9000] - taken[900] < count * ROOM / 4, taken
    assert taken[40000] - taken[900] < count * ROOM / 4, taken
    for s in socks:                    # and have it again
        s.send(call(key, 40000)[0])
        assert s.status() == 200
        s.__exit__()


def test_a_reload_meanwhile(own_gate):
    """What is on its way is answered, then the connection is closed; an idle
    one is closed at once."""
    gate = own_gate
    key = gate.key("reload", rpm=10**6, tpm=10**8)
    request, body = call(key, 9000)
    half, _, idle = socks = [Client(gate.url) for _ in range(3)]
    for s in socks:
        s.send(request)
        assert s.status() == 200
    old = gate.nginx_workers()
    half.send(request[:5000])
    socks[1].send(request[:10])
    wait(lambda: not any(unread(gate.url, s) for s in socks),
         what="both beginnings at the worker")
    os.kill(gate.up_pid(), signal.SIGHUP)
    assert idle.is_closed()
    for s, at in ((half, 5000), (socks[1], 10)):
        s.send(request[at:])
        assert s.status() == 200
        assert s.is_closed()
    for s in socks:
        s.__exit__()
    arrived(gate, [body] * 2)
    wait(lambda: not set(old) & set(gate.nginx_workers()), 30, "new workers")
    with Client(gate.url) as s:
        for _ in range(2):
            s.send(request)
            assert s.status() == 200
