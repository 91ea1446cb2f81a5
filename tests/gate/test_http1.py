"""HTTP/1.1 that two programs may read in two ways is refused, by bytes on a
raw socket: with its sentence, its connection closed, and nothing behind it
taken for a request; and what is sound goes through as ever."""

import json
import os
import re
import signal
import socket
import ssl
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from conftest import free_port, serve_tls, wait

BODY = json.dumps({"model": "deepseek-flash", "max_tokens": 3,
                   "messages": [{"role": "user", "content": "hello"}]}
                  ).encode()
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
KEY = b"Authorization: Bearer %KEY%\r\n"
TYPE = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
SOUND = LINE + HOST + KEY + TYPE + LENGTH + b"\r\n" + BODY
MODELS = b"GET /v1/models HTTP/1.1\r\n" + HOST + KEY
CLOSE = b"Connection: close\r\n"

LINE_END = "The request has a line that does not end in CR LF"
CONTROL = "The request has a control character in its head"
CHUNK = "The chunks of the request's body are not written as HTTP/1.1 demands"
REQUEST_LINE = "The request line is not of HTTP/1.1 or 1.0"
HOSTS = "The request does not name its host once"
TARGET = "The request's target is neither a path nor an http or https URL"
OTHER_HOST = "The request's target and its Host header name different hosts"
TWO_LENGTHS = "The request gives the length of its body in two ways"
ENCODING = "The request has a Transfer-Encoding other than HTTP/1.1's"
STRAY_BODY = "The request has a body, and none belongs to its method"
EXPECT = "The request expects what this gate does not do"
TWO_TYPES = "The request has two Content-Type or two Content-Encoding headers"
NO_COLON = "The request has a header without a colon"
UNDERSCORE = "The request has a header whose name has an underscore"
INVALID = "The request is not valid HTTP, or not of a form this gate accepts."


def post(*headers, line=LINE, body=BODY):
    """A call that is sound but for what is given."""
    return line + HOST + KEY + TYPE + LENGTH + b"".join(headers) + b"\r\n" \
        + body


def chunked(chunks, *headers):
    return LINE + HOST + KEY + TYPE + CHUNKED + b"".join(headers) + b"\r\n" \
        + chunks


# What it is, its bytes, and the beginning of the sentence that says so.
AMBIGUOUS = [
    ("LF behind the request line", post(line=LINE[:-2] + b"\n"), LINE_END),
    ("LF behind a header", post(b"A: b\n"), LINE_END),
    ("a blank and LF behind a header", post(b"A: b \n"), LINE_END),
    ("blanks and LF behind a header", post(b"A: b   \n"), LINE_END),
    ("a tab and LF behind a header", post(b"A: b\t\n"), LINE_END),
    ("LF behind a header without a value", post(b"A:\n"), LINE_END),
    ("a blank and LF behind a name", post(b"A: \n"), LINE_END),
    ("LF behind the last header",
     LINE + HOST + KEY + TYPE + LENGTH[:-2] + b"\n\r\n" + BODY, LINE_END),
    ("LF for the empty line",
     LINE + HOST + KEY + TYPE + LENGTH + b"\n" + BODY, LINE_END),
    ("LF everywhere", post().replace(b"\r\n", b"\n"), LINE_END),
    ("LF in front", b"\n" + post(), LINE_END),
    ("CR twice", post(b"A: b\r\r\n"), LINE_END),
    ("CR in a value", post(b"A: b\rContent-Length: 0\r\n"), LINE_END),
    ("CR in a name", post(b"A\r: b\r\n"), LINE_END),
    ("a header hidden behind a blank and LF",
     LINE + HOST + KEY + TYPE + b"A: b \nTransfer-Encoding: chunked\r\n\r\n"
     + CHUNKS, LINE_END),
    ("a value with NUL", post(b"A: b\0c\r\n"), CONTROL),
    ("a value with a backspace", post(b"A: b\bc\r\n"), CONTROL),
    ("a value with an escape", post(b"A: \033[2J\r\n"), CONTROL),
    ("a value with DEL", post(b"A: b\x7fc\r\n"), CONTROL),
    ("a name with a control character", post(b"A\1: b\r\n"), CONTROL),
    ("a request line with one",
     post(line=b"POST /v1/chat\1/completions HTTP/1.1\r\n"), CONTROL),
    ("a key with one", MODELS[:-2] + b"\1\r\n\r\n", CONTROL),

    ("HTTP/1.2", post(line=LINE[:-3] + b"2\r\n"), REQUEST_LINE),
    ("HTTP/1.01", post(line=LINE[:-3] + b"01\r\n"), REQUEST_LINE),
    ("HTTP/2.0 as text", post(line=LINE[:-5] + b"2.0\r\n"), REQUEST_LINE),
    ("http/1.1", post(line=LINE.replace(b"HTTP", b"http")), REQUEST_LINE),
    ("two blanks behind the method",
     post(line=LINE.replace(b" /", b"  /")), REQUEST_LINE),
    ("two blanks behind the target",
     post(line=LINE.replace(b" HTTP", b"  HTTP")), REQUEST_LINE),
    ("a blank behind the version",
     post(line=LINE.replace(b"\r", b" \r")), REQUEST_LINE),
    ("a blank in the target",
     post(line=LINE.replace(b"chat/", b"chat /")), REQUEST_LINE),
    ("no method", b"/v1/models HTTP/1.1\r\n" + HOST + KEY + b"\r\n",
     REQUEST_LINE),

    ("no Host", LINE + KEY + TYPE + LENGTH + b"\r\n" + BODY, HOSTS),
    ("two Hosts", post(HOST), HOSTS),
    ("two Hosts that differ", post(b"Host: other\r\n"), HOSTS),
    ("a URL of another host",
     post(line=LINE.replace(b"/v1", b"http://other/v1")), OTHER_HOST),
    ("a URL of another port",
     post(line=LINE.replace(b"/v1", b"http://localhost:81/v1")), OTHER_HOST),
    ("a URL of a host that begins alike",
     post(line=LINE.replace(b"/v1", b"http://localhost.x/v1")), OTHER_HOST),
    ("a long URL of another host",
     LINE.replace(b"/v1", b"http://" + b"a" * 2000 + b":81/v1")
     + b"Host: " + b"a" * 2000 + b"\r\n" + KEY + TYPE + LENGTH + b"\r\n"
     + BODY, OTHER_HOST),
    ("ftp", post(line=LINE.replace(b"/v1", b"ftp://localhost/v1")), TARGET),

    ("two lengths", post(LENGTH), TWO_LENGTHS),
    ("two lengths that differ", post(b"Content-Length: 5\r\n"), TWO_LENGTHS),
    ("a length and chunks", post(CHUNKED, body=CHUNKS), TWO_LENGTHS),
    ("chunks and a length", chunked(CHUNKS, LENGTH), TWO_LENGTHS),
    ("gzip in chunks", post(b"Transfer-Encoding: gzip, chunked\r\n"),
     TWO_LENGTHS),
    ("identity", LINE + HOST + KEY + b"Transfer-Encoding: identity\r\n\r\n",
     ENCODING),
    ("gzip and chunked",
     LINE + HOST + KEY + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
     ENCODING),
    ("chunked and identity",
     LINE + HOST + KEY + b"Transfer-Encoding: chunked, identity\r\n\r\n"
     + CHUNKS, ENCODING),
    ("chunked with a tab in front",
     LINE + HOST + KEY + b"Transfer-Encoding: \tchunked\r\n\r\n" + CHUNKS,
     ENCODING),
    ("chunked twice", chunked(CHUNKS, CHUNKED), ENCODING),
    ("HTTP/1.0 in chunks",
     LINE[:-3] + b"0\r\n" + HOST + KEY + TYPE + CHUNKED + b"\r\n" + CHUNKS,
     ENCODING),

    ("a GET with a body", MODELS + b"Content-Length: 5\r\n\r\nhello",
     STRAY_BODY),
    ("a GET with another request for a body",
     MODELS + b"Content-Length: %d\r\n\r\n%s" % (len(SOUND), SOUND),
     STRAY_BODY),
    ("a GET in chunks", MODELS + CHUNKED + b"\r\n" + CHUNKS, STRAY_BODY),
    ("a GET in no chunks", MODELS + CHUNKED + b"\r\n0\r\n\r\n", STRAY_BODY),
    ("a HEAD with a body",
     b"HEAD" + MODELS[3:] + b"Content-Length: 5\r\n\r\nhello", None),
    ("a DELETE with a body",
     b"DELETE" + MODELS[3:] + b"Content-Length: 5\r\n\r\nhello", STRAY_BODY),
    ("an OPTIONS with a body",
     b"OPTIONS" + MODELS[3:] + b"Content-Length: 5\r\n\r\nhello", STRAY_BODY),

    ("Expect in capitals", post(b"Expect: 100-CONTINUE\r\n"), EXPECT),
    ("Expect of something else", post(b"Expect: 200-ok\r\n"), EXPECT),
    ("Expect of more", post(b"Expect: 100-continue, 200-ok\r\n"), EXPECT),
    ("Expect of nothing", post(b"Expect:\r\n"), EXPECT),
    ("two Expects", post(b"Expect: 100-continue\r\n" * 2), EXPECT),

    ("two types", post(b"Content-Type: text/plain\r\n"), TWO_TYPES),
    ("gzip, then identity",
     post(b"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n"),
     TWO_TYPES),

    ("a header without a colon", post(b"A\r\n"), NO_COLON),
    ("a folded header", post(b"A: b\r\n c\r\n"), INVALID),
    ("a header folded by a tab", post(b"A: b\r\n\tc\r\n"), INVALID),
    ("a folded first header", LINE + b" A: b\r\n" + SOUND[len(LINE):],
     INVALID),
    ("a blank in front of a colon",
     post(b"Transfer-Encoding : chunked\r\n"), INVALID),
    ("a header without a name", post(b": b\r\n"), INVALID),

    ("x_api_key", post(b"x_api_key: sk-other\r\n"), UNDERSCORE),
    ("Content_Length", post(b"Content_Length: 5\r\n"), UNDERSCORE),
    ("TRANSFER_ENCODING", post(b"TRANSFER_ENCODING: chunked\r\n"),
     UNDERSCORE),
    ("X-Forwarded_For", post(b"X-Forwarded_For: 10.0.0.1\r\n"), UNDERSCORE),

    ("a length with a sign",
     LINE + HOST + KEY + b"Content-Length: +5\r\n\r\nhello", INVALID),
    ("a length that is a list",
     LINE + HOST + KEY + b"Content-Length: 5, 5\r\n\r\nhello", INVALID),
    ("a length in hexadecimal",
     LINE + HOST + KEY + b"Content-Length: 0x5\r\n\r\nhello", INVALID),
    ("a length of nothing",
     LINE + HOST + KEY + b"Content-Length:\r\n\r\n", INVALID),
    ("a length below zero",
     LINE + HOST + KEY + b"Content-Length: -5\r\n\r\n", INVALID),
    ("a length beyond 64 bits",
     LINE + HOST + KEY + b"Content-Length: 18446744073709551621\r\n\r\n",
     INVALID),
]

# The head is sound; what is not comes in the body.
AMBIGUOUS_CHUNKS = [
    ("LF behind a size", CHUNKS.replace(b"\r\n", b"\n", 1), CHUNK),
    ("LF in an extension",
     CHUNKS.replace(b"\r\n", b";\n", 1), CHUNK),
    ("an extension that hides a line",
     b"%x;a\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), CHUNK),
    ("a blank behind a size", CHUNKS.replace(b"\r\n", b" \r\n", 1), CHUNK),
    ("LF behind the data", CHUNKS.replace(b"\r\n0", b"\n0"), CHUNK),
    ("LF behind the last size", CHUNKS[:-4] + b"\n\r\n", CHUNK),
    ("LF for the last line", CHUNKS[:-2] + b"\n", CHUNK),
    ("LF behind a trailer", CHUNKS[:-2] + b"A: b\n\r\n", CHUNK),
    ("a control character in an extension",
     CHUNKS.replace(b"\r\n", b";\1\r\n", 1), CHUNK),
    ("a size that is none", b"x" + CHUNKS, CHUNK),
    ("a size with 0x", b"0x" + CHUNKS, CHUNK),
    ("more data than its size", b"1\r\n" + BODY + b"\r\n0\r\n\r\n", CHUNK),
]


def fill(request, key):
    """The bytes with a key in them; lengths in them do not count on it."""
    return request.replace(b"%KEY%", key.encode())


def connect(url, ca=None):
    parts = urlsplit(url)
    s = socket.create_connection((parts.hostname, parts.port), 30)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme == "https":
        s = ssl.create_default_context(cafile=ca).wrap_socket(
            s, server_hostname=parts.hostname)
    return s


def read_all(s):
    """All that comes until the end, be that a reset."""
    answer = b""
    try:
        while chunk := s.recv(65536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def exchange(gate, *pieces, tls=False):
    with connect(gate.tls_url if tls else gate.url,
                 gate.ca if tls else None) as s:
        try:
            for piece in pieces:
                s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was closed before it was all there
        return read_all(s)


def statuses(answer):
    return [int(n) for n in re.findall(rb"HTTP/1\.1 (\d+) [A-Z]", answer)]


def error_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.fixture(scope="module")
def key(gate):
    return gate.key("raw", tpm=10**8, rpm=10**6)


@pytest.fixture
def seen(gate):
    """How many requests arrived at the upstream since the test began."""
    before = gate.sim.count()["requests_seen"]
    return lambda: gate.sim.count()["requests_seen"] - before


def check_refused(answer, sentence):
    assert statuses(answer) == [400], answer[:300]
    assert b"\r\nConnection: close\r\n" in answer
    if sentence is not None:
        error = error_of(answer)
        assert error["message"].startswith(sentence)
        assert error["code"] == "invalid_request"
        assert error["type"] == "invalid_request_error"
        assert b"\r\nx-request-id: req_" in answer


@pytest.mark.parametrize("what,request_bytes,sentence",
                         AMBIGUOUS, ids=[row[0] for row in AMBIGUOUS])
def test_what_can_be_read_in_two_ways_is_refused(gate, key, seen, what,
                                                 request_bytes, sentence):
    """A sound call stands behind it on the connection, and is not served."""
    request = fill(request_bytes, key)
    behind = fill(SOUND, key)
    check_refused(exchange(gate, request + behind), sentence)
    check_refused(exchange(gate, *(bytes([b]) for b in request), behind),
                  sentence)
    assert seen() == 0


@pytest.mark.parametrize("what,chunks,sentence", AMBIGUOUS_CHUNKS,
                         ids=[row[0] for row in AMBIGUOUS_CHUNKS])
def test_chunks_that_can_be_read_in_two_ways_are_refused(gate, key, seen, what,
                                                         chunks, sentence):
    head, behind = fill(chunked(b""), key), fill(SOUND, key)
    check_refused(exchange(gate, head + chunks + behind), sentence)
    check_refused(exchange(gate, head, chunks, behind), sentence)
    check_refused(exchange(gate, head, *(bytes([b]) for b in chunks), behind),
                  sentence)
    assert seen() == 0


def test_a_second_request_is_watched_as_the_first(gate, key, seen):
    """Whether it was read with the first one or after it."""
    first, second = fill(SOUND, key), fill(post(b"A: b \n"), key)
    answer = exchange(gate, first + second + first)
    assert statuses(answer) == [200, 400]
    with connect(gate.url) as s:
        s.sendall(first)
        answer = b""
        while not answer.endswith(b"}"):
            answer += s.recv(65536)
        s.sendall(second + first)
        answer += read_all(s)
    assert statuses(answer) == [200, 400]
    answer = exchange(gate, fill(chunked(CHUNKS), key) + second + first)
    assert statuses(answer) == [200, 400]
    refused = fill(chunked(CHUNKS), "sk-wrong")
    assert statuses(exchange(gate, refused + first)) == [401]
    assert seen() == 3


def test_heads_larger_than_a_buffer_are_watched(gate, key, seen):
    pads = b"".join(b"X-%d: %s\r\n" % (i, b"p" * 900) for i in range(20))
    behind = fill(SOUND, key)
    sound = fill(post(pads, CLOSE), key)
    assert statuses(exchange(gate, sound + behind)) == [200]
    assert statuses(exchange(gate, sound[:5000], sound[5000:])) == [200]
    assert seen() == 2
    check_refused(exchange(gate, fill(post(pads, b"A: b \n"), key) + behind),
                  LINE_END)
    check_refused(exchange(gate, fill(post(b"A: b \n", pads), key) + behind),
                  LINE_END)
    assert seen() == 2


def sized(size, *headers):
    """A sound call with a body of so many bytes, and that body."""
    body = json.dumps({"model": "deepseek-flash", "max_tokens": 3,
                       "messages": [{"role": "user", "content": ""}]}
                      ).encode()
    body = body.replace(b'""', b'"%s"' % (b"na\xc3\xafve \\n" * size)[
        :(size - len(body)) // 9 * 9])
    length = b"Content-Length: %d\r\n" % len(body)
    return (LINE + HOST + KEY + TYPE + length + b"".join(headers) + b"\r\n"
            + body), body


def read_one(s):
    """An answer that says its length."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += s.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(rest) < length:
        rest += s.recv(65536)
    assert len(rest) == length
    return head


def test_calls_of_all_sizes_on_one_connection_arrive_as_sent(gate, key):
    """Longer ones than the first buffer, after which it is larger, and such
    as exceed that too; in one piece, and in pieces."""
    sizes = [200, 8000, 15000, 200, 16000, 16400, 40000, 8000, 200]
    with connect(gate.url) as s:
        for piece in (10**6, 700, 5000):
            for size in sizes:
                request, body = sized(size)
                request = fill(request, key)
                for at in range(0, len(request), piece):
                    s.sendall(request[at:at + piece])
                assert statuses(read_one(s)) == [200]
                arrived, = gate.sim.requests(1)
                assert arrived["body_bytes"] == len(body)
                assert arrived["body_sha256"] == sha256(body).hexdigest()


def test_requests_behind_long_ones_are_watched(gate, key, seen):
    """Read together with them, by a buffer that has become larger."""
    long, short = fill(sized(9000)[0], key), fill(SOUND, key)
    wrong = fill(post(b"A: b \n"), key)
    with connect(gate.url) as s:
        for _ in range(2):
            s.sendall(long)
            assert statuses(read_one(s)) == [200]
        s.sendall(short + long + short + long + long + short + wrong + short)
        assert statuses(read_all(s)) == [200] * 6 + [400]
    assert seen() == 8


def test_the_admin_api_takes_no_such_requests_either(gate, seen):
    token = (gate.home / "admin.token").read_text().strip()
    line = b"GET /admin/v1/accounts HTTP/1.1\r\n"
    sound = fill(line + HOST + KEY, token)
    assert statuses(exchange(gate, sound + CLOSE + b"\r\n")) == [200]
    for extra, sentence in ((b"A: b \n", LINE_END), (HOST, HOSTS),
                            (b"If_Match: 1\r\n", UNDERSCORE),
                            (b"Content-Length: 1\r\n", STRAY_BODY)):
        check_refused(exchange(gate, sound + extra + b"\r\n" + sound
                               + b"\r\n"), sentence)
    for path in (b"/%61dmin/v1/accounts", b"/v1/../admin/v1/accounts",
                 b"/admin/v1/./accounts", b"/admin//v1/accounts",
                 b"//admin/v1/accounts", b"/admin/v1/accounts%00"):
        answer = exchange(gate, sound.replace(b"/admin/v1/accounts", path)
                          + CLOSE + b"\r\n")
        assert statuses(answer) in ([404], [400]), path
    body = json.dumps({"name": "chunks"}).encode()
    made = fill(b"POST /admin/v1/accounts HTTP/1.1\r\n" + HOST + KEY + TYPE
                + CHUNKED + b"\r\n", token)
    answer = exchange(gate, made + b"%x\n%s\r\n0\r\n\r\n" % (len(body), body)
                      + sound + b"\r\n")
    assert len(statuses(answer)) == 1, "nothing behind it is believed"


def test_http_0_9_is_refused(gate, key, seen):
    answer = exchange(gate, b"GET /v1/models\r\n" + fill(SOUND, key))
    error = json.loads(answer)["error"]
    assert error["message"].startswith(REQUEST_LINE)
    assert seen() == 0


def test_methods_that_proxies_act_on(gate, key, seen):
    for method in (b"TRACE", b"CONNECT"):
        answer = exchange(gate, method + fill(MODELS, key)[3:] + b"\r\n"
                          + fill(SOUND, key))
        assert statuses(answer) == [405]
    answer = exchange(gate, b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST
                      + b"\r\n" + fill(SOUND, key))
    assert statuses(answer) == [400]
    assert seen() == 0


@pytest.mark.parametrize("path", [
    "/v1/chat/completions/..", "/v1/./chat/completions",
    "/v1/embeddings/../chat/completions", "/v1/chat%2fcompletions",
    "/v1%2Fchat/completions", "/v1/chat/completions%00",
    "/v1/chat/completions%20", "//v1/chat/completions",
    "/v1//chat/completions", "/v1/chat\\completions",
    "/v1/chat;x/completions", "/v1/%63hat/completions",
    "/v1/%2e%2e/v1/chat/completions", "/v1/chat/completions#x",
    "/v1/chat/completions\u00e9", "/..", "/%2e"])
def test_paths_that_can_be_read_in_two_ways(gate, key, seen, path):
    line = b"POST %s HTTP/1.1\r\n" % path.encode()
    answer = exchange(gate, fill(post(CLOSE, line=line), key))
    assert statuses(answer) in ([404], [400]), answer
    assert seen() == 0


def test_two_credentials_that_differ(gate, key, seen):
    other = gate.key("other")
    for extra in (b"x-api-key: ", b"api-key: ", b"Authorization: Bearer "):
        answer = exchange(gate, fill(post(extra + other.encode() + b"\r\n",
                                          CLOSE), key))
        assert statuses(answer) in ([401], [400])
        assert statuses(exchange(gate, fill(
            post(extra + b"\r\n" + extra + other.encode() + b"\r\n", CLOSE),
            key))) in ([401], [400])
    assert seen() == 0


# What it is, and its bytes; each is served once.
SOUNDS = [
    ("a plain call", post(CLOSE)),
    ("in chunks", chunked(CHUNKS, CLOSE)),
    ("in chunks with an extension and a trailer",
     chunked(CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)[:-2] + b"A: b\r\n\r\n",
             CLOSE)),
    ("in many chunks",
     chunked(b"".join(b"1\r\n%c\r\n" % b for b in BODY) + b"0\r\n\r\n",
             CLOSE)),
    ("empty lines in front", b"\r\n\r\n" + post(CLOSE)),
    ("a URL of the same host",
     post(CLOSE, line=LINE.replace(b"/v1", b"http://LOCALHOST/v1"))),
    ("a URL with https",
     post(CLOSE, line=LINE.replace(b"/v1", b"https://localhost/v1"))),
    ("HTTP/1.0", post(line=LINE[:-3] + b"0\r\n")),
    ("HTTP/1.0 without a host",
     LINE[:-3] + b"0\r\n" + KEY + TYPE + LENGTH + b"\r\n" + BODY),
    ("values with blanks, tabs and UTF-8",
     post(b"A:  b \t c  \r\nB:\tb\r\nC:d\r\nD:\r\nE: \xc3\xa9\r\n", CLOSE)),
    ("names with underscores that are nobody's",
     post(b"trace_id: 1\r\nx_y: 2\r\n", CLOSE)),
    ("a body that looks like lines", post(CLOSE)[:-len(BODY)]
     .replace(LENGTH, b"Content-Length: %d\r\n" % (len(BODY) + 9))
     + b" \n\n\r\r\n \n\n" + BODY),
    ("the same key twice", post(b"x-api-key: %KEY%\r\n", CLOSE)),
    ("Expect, and the body at once",
     post(b"Expect: 100-continue\r\n", CLOSE)),
]


@pytest.mark.parametrize("what,request_bytes", SOUNDS,
                         ids=[row[0] for row in SOUNDS])
def test_what_is_sound_is_served(gate, key, seen, what, request_bytes):
    request = fill(request_bytes, key)
    assert statuses(exchange(gate, request))[-1] == 200
    assert statuses(exchange(gate, *(bytes([b]) for b in request)))[-1] == 200
    assert seen() == 2
    arrived, = gate.sim.requests(1)
    assert arrived["body"].strip().encode() == BODY


def test_requests_in_a_row_are_served_in_order(gate, key, seen):
    row = [SOUND, chunked(CHUNKS), MODELS + b"\r\n", SOUND,
           MODELS + b"\r\n", post(CLOSE)]
    answer = exchange(gate, fill(b"".join(row), key))
    assert statuses(answer) == [200] * 6
    assert seen() == 4


def test_who_waits_for_a_100_gets_it(gate, key, seen):
    request = fill(post(b"Expect: 100-continue\r\n", CLOSE), key)
    head, body = request[:-len(BODY)], request[-len(BODY):]
    with connect(gate.url) as s:
        s.sendall(head)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += s.recv(65536)
        assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        assert statuses(read_all(s)) == [200]
    assert seen() == 1


def test_who_waits_for_a_100_with_a_wrong_key_gets_an_answer(gate, seen):
    """The body is not asked for; what follows could be it or a request."""
    head = fill(post(b"Expect: 100-continue\r\n", body=b""), "sk-wrong")
    with connect(gate.url) as s:
        s.sendall(head)
        answer = read_all(s)
    assert statuses(answer) == [401]
    assert b"\r\nConnection: close\r\n" in answer
    assert seen() == 0


def test_bytes_are_watched_through_tls_too(tls_gate):
    """When the handshake and the first request are over at the server's first
    event, which a busy machine may bring about, nobody has watched it: it is
    served, and then the connection is closed."""
    key = tls_gate.key("tls", rpm=10**6, tpm=10**8)
    served = 0
    for request, unwatched, watched in (
            (post(b"A: b \n") + SOUND, [200], [400]),
            (post(line=LINE[:-2] + b"\n") + SOUND, [200], [400]),
            (chunked(CHUNKS[:-2] + b"\n") + SOUND, [200], [400]),
            (SOUND + post(b"A: b \n") + SOUND, [200], [200, 400]),
            (SOUND + chunked(CHUNKS) + post(CLOSE), [200], [200] * 3)):
        got = [statuses(exchange(tls_gate, fill(request, key), tls=True))
               for _ in range(10)]
        assert all(one in (watched, unwatched) for one in got), got
        assert got.count(watched) >= 7, got
        served += sum(one.count(200) for one in got)
    assert tls_gate.sim.count()["requests_seen"] == served


OTHER_SERVERS = """
server {
    listen 127.0.0.1:%(proxy)d proxy_protocol;
    include gate.conf;
}
server {
    listen 127.0.0.1:%(deferred)d deferred;
    include gate.conf;
}
server {
    listen 127.0.0.1:%(tls)d ssl http2 proxy_protocol deferred;
    ssl_certificate "%(home)s/tls.crt";
    ssl_certificate_key "%(home)s/tls.key";
    include gate.conf;
}
"""
PROXY_V1 = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" \
    b"\x7f\0\0\1\x7f\0\0\1\0\n\n\n"


def speak(port, front, request, ca=None):
    """One request and one behind it, with a PROXY header in front."""
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.sendall(front)
        if ca is not None:
            s = ssl.create_default_context(cafile=ca).wrap_socket(
                s, server_hostname="127.0.0.1")
        with s:
            s.sendall(request)
            return statuses(read_all(s))


def test_an_operators_other_listeners_are_watched_too(make_gate):
    """Of an operator's own servers, and after a reload as before."""
    gate = serve_tls(make_gate())
    ports = {name: free_port() for name in ("proxy", "deferred", "tls")}
    (gate.home / "nginx.d" / "others.conf").write_text(
        OTHER_SERVERS % dict(ports, home=gate.home))
    gate.start()
    key = gate.key("others", rpm=10**6, tpm=10**8)
    sound = fill(SOUND + post(CLOSE), key)
    bad = fill(post(b"A: b \n") + SOUND, key)

    def check():
        for front in (PROXY_V1, PROXY_V2):
            assert speak(ports["proxy"], front, sound) == [200, 200]
            assert speak(ports["proxy"], front, bad) == [400]
            got = [speak(ports["tls"], front, request, gate.ca)
                   for request in (sound, bad) for _ in range(5)]
            assert all(one in ([200, 200], [200]) for one in got[:5]), got
            assert got[5:].count([400]) >= 3, got
        assert speak(ports["deferred"], b"", sound) == [200, 200]
        assert speak(ports["deferred"], b"", bad) == [400]

    check()
    old = gate.nginx_workers()
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(lambda: not set(old) & set(gate.nginx_workers()), 30, "new workers")
    check()
