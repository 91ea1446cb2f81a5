"""However a body arrives, what is judged is what is sent."""

import gzip
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
    """What was answered; a body need not be read to be refused."""
    parts = urlsplit(gate.url)
    answer = b""
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
    return answer


def in_one_piece(key, body, *lines):
    yield head(key, f"Content-Length: {len(body)}", *lines) + body


def one_byte_writes(key, body, *lines):
    yield head(key, f"Content-Length: {len(body)}", *lines)
    for byte in body:
        yield bytes([byte])


def in_chunks(key, body, *lines, size=7):
    yield head(key, "Transfer-Encoding: chunked", *lines)
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def spooled(key, body, *lines):
    """Larger than client_body_buffer_size, when it is padded for this."""
    yield head(key, f"Content-Length: {len(body)}", *lines)
    yield body


def spooled_chunks(key, body, *lines):
    yield from in_chunks(key, body, *lines, size=40000)


# How a body may come, and with how long a text in it.
WAYS = [(in_one_piece, 5), (one_byte_writes, 5), (in_chunks, 5),
        (spooled, 200 << 10), (spooled_chunks, 200 << 10)]
ANY_WAY = pytest.mark.parametrize("way,pad", WAYS,
                                  ids=[way.__name__ for way, _ in WAYS])

SPOOLED = "a client request body is buffered to a temporary file"
MESSAGES = b'"messages":[{"role":"user","content":"%PAD%"}]'
MODEL = b'"model":"deepseek-flash"'


def body_of(*members):
    return b"{" + b",".join((MESSAGES, *members)) + b"}"


# What it is, its bytes, the code of its refusal.
REFUSED = [
    ("model twice", body_of(MODEL, b'"model":"x"'), "duplicate_field"),
    ("model twice, once escaped", body_of(MODEL, b'"m\\u006fdel":"x"'),
     "duplicate_field"),
    ("model twice, once in capitals", body_of(MODEL, b'"MODEL":"x"'),
     "duplicate_field"),
    ("model twice, once in escaped capitals",
     body_of(MODEL, b'"\\u004dodel":"x"'), "duplicate_field"),
    ("model in escaped capitals", body_of(b'"mode\\u004C":"deepseek-flash"'),
     "invalid_request"),
    ("model with a zero byte behind it",
     body_of(MODEL, b'"model\\u0000":"x"'), "duplicate_field"),
    ("stream twice", body_of(MODEL, b'"stream":false,"stream":true'),
     "duplicate_field"),
    ("max_tokens twice", body_of(MODEL, b'"max_tokens":1,"max_token\\u0073":9'),
     "duplicate_field"),
    ("max_tokens with a long s",
     body_of(MODEL, '"max_token\u017f":9'.encode()), "invalid_request"),
    ("include_usage twice", body_of(MODEL, b'"stream_options":{'
                                    b'"include_usage":true,'
                                    b'"include_usag\\u0065":false}'),
     "duplicate_field"),
    ("nested too deep", body_of(MODEL, b'"a":' + b"[" * 5000 + b"]" * 5000),
     "invalid_request"),
    ("a number beyond all", body_of(MODEL, b'"max_tokens":1e309'),
     "invalid_request"),
    ("a number beyond 64 bits",
     body_of(MODEL, b'"max_tokens":18446744073709551617'), "invalid_request"),
    ("a number of 5000 digits",
     body_of(MODEL, b'"max_tokens":' + b"1" * 5000), "invalid_request"),
    ("a number below zero", body_of(MODEL, b'"max_tokens":-1'),
     "invalid_request"),
    ("a number with a fraction", body_of(MODEL, b'"max_tokens":1.5'),
     "invalid_request"),
    ("a number as a string", body_of(MODEL, b'"n":"2"'), "invalid_request"),
    ("a number in hexadecimal", body_of(MODEL, b'"n":0x2'),
     "invalid_request"),
    ("a string for stream", body_of(MODEL, b'"stream":"false"'),
     "invalid_request"),
    ("bytes that are not UTF-8", body_of(MODEL, b'"user":"\xff"'),
     "invalid_request"),
    ("UTF-8 written longer", body_of(MODEL, b'"user":"\xc0\xaf"'),
     "invalid_request"),
    ("half a surrogate as UTF-8", body_of(MODEL, b'"user":"\xed\xa0\x80"'),
     "invalid_request"),
    ("a line end in a string", body_of(MODEL, b'"user":"\n"'),
     "invalid_request"),
    ("something behind it", body_of(MODEL) + b" x", "invalid_request"),
    ("another body behind it", body_of(MODEL) * 2, "invalid_request"),
    ("a zero byte behind it", body_of(MODEL) + b"\0", "invalid_request"),
    ("a comma at the end", body_of(MODEL)[:-1] + b",}", "invalid_request"),
    ("a comment", body_of(MODEL) + b"//", "invalid_request"),
    ("a cut", body_of(MODEL)[:-1], "invalid_request"),
    ("a byte order mark", b"\xef\xbb\xbf" + body_of(MODEL),
     "invalid_request"),
    ("UTF-16", body_of(MODEL).decode().encode("utf-16"), "invalid_request"),
    ("UTF-16 without a mark", body_of(MODEL).decode().encode("utf-16-le"),
     "invalid_request"),
    ("a list of bodies", b"[" + body_of(MODEL) + b"]", "invalid_request"),
    ("a model that is a list", body_of(b'"model":["deepseek-flash"]'),
     "invalid_request"),
    ("a model with a line end", body_of(b'"model":"deepseek-flash\\n"'),
     "invalid_request"),
    ("a model of 5000 letters", body_of(b'"model":"%s"' % (b"m" * 5000)),
     "invalid_request"),
    ("a model of 100 letters", body_of(b'"model":"%s"' % (b"m" * 100)),
     "model_not_found"),
    ("a model of another case", body_of(b'"model":"DeepSeek-Flash"'),
     "model_not_found"),
    ("a model with a blank", body_of(b'"model":"deepseek-flash "'),
     "model_not_found"),
    ("a forbidden model, escaped", body_of(b'"model":"deepseek-pr\\u006f"'),
     "model_not_found"),
    ("no model", body_of(b'"o":{"model":"deepseek-flash"}'),
     "invalid_request"),
]


@pytest.fixture(scope="module")
def key(gate):
    return gate.key("any way", model="deepseek-flash", tpm=10**9, rpm=10**6)


@pytest.fixture
def seen(gate):
    """How many requests arrived at the upstream since the test began."""
    before = gate.sim.count()["requests_seen"]
    return lambda: gate.sim.count()["requests_seen"] - before


def padded(body, pad):
    """Encodings in two bytes a letter have it so, too."""
    for mark, letter in ((b"%PAD%", b"a"),
                         (b"%\0P\0A\0D\0%\0", b"a\0")):
        body = body.replace(mark, letter * pad)
    return body


def answer_of(raw):
    top, _, content = raw.rpartition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(content)


@ANY_WAY
@pytest.mark.parametrize("what,body,code", REFUSED,
                         ids=[row[0] for row in REFUSED])
def test_a_wrong_body_is_refused_whatever_way_it_comes(gate, key, seen, way,
                                                       pad, what, body, code):
    raw = send_in_pieces(gate, way(key, padded(body, pad)))
    status, answer = answer_of(raw)
    assert answer["error"]["code"] == code, answer
    assert status == (404 if code == "model_not_found" else 400)
    assert len(answer["error"]["message"]) < 600
    assert seen() == 0


@ANY_WAY
@pytest.mark.parametrize("what,members", [
    ("as ever", [MODEL]),
    ("names and values escaped",
     [b'"\\u006dod\\u0065l":"deepseek\\u002dflash","max_token\\u0073":3']),
    ("names that only look alike", [MODEL, b'"model_":"x","modell":"y"']),
    ("governed names further in", [MODEL, b'"metadata":{"model":"x"}'])])
def test_a_sound_body_arrives_whatever_way_it_comes(gate, key, seen, way, pad,
                                                    what, members):
    body = padded(body_of(b'"temperature":1', *members), pad)
    before = gate.nginx_log().count(SPOOLED)
    status, answer = answer_of(send_in_pieces(gate, way(key, body)))
    assert status == 200, answer
    assert gate.nginx_log().count(SPOOLED) == before + (pad > 1000)
    assert seen() == 1
    arrived, = gate.sim.requests(1)
    assert arrived["body_sha256"] == hashlib.sha256(body).hexdigest()
    lengths = [v for n, v in arrived["headers"]
               if n.lower() == "content-length"]
    assert lengths == [str(len(body))]


@ANY_WAY
def test_an_edited_body_arrives_whole_whatever_way_it_comes(gate, seen, way,
                                                            pad):
    """What is not affordable in full is asked for with a limit of ours."""
    key = gate.key("edited", daily_limit="0.1", tpm=10**9)
    body = padded(body_of(MODEL, b'"user":"last"'), pad)
    status, answer = answer_of(send_in_pieces(gate, way(key, body)))
    assert status == 200, answer
    assert seen() == 1
    arrived, = gate.sim.requests(1)
    sent = json.loads(body)
    assert arrived["body_bytes"] > len(body)
    assert ["Content-Length", str(arrived["body_bytes"])] in arrived["headers"]
    if pad < 1000:
        got = json.loads(arrived["body"])
        assert 16 <= got.pop("max_tokens") < 393216
        assert got == sent


@ANY_WAY
@pytest.mark.parametrize("what,line", [
    ("gzip", "Content-Encoding: gzip"),
    ("deflate", "Content-Encoding: deflate"),
    ("two encodings", "Content-Encoding: identity, gzip"),
    ("an encoding that nobody knows", "Content-Encoding: x"),
])
def test_an_encoded_body_is_refused_whatever_way_it_comes(gate, key, seen, way,
                                                          pad, what, line):
    body = gzip.compress(padded(body_of(MODEL), pad))
    if pad > 1000:
        body += b"\0" * pad  # so that it is spooled all the same
    status, answer = answer_of(send_in_pieces(gate, way(key, body, line)))
    assert (status, answer["error"]["code"]) == (415, "unsupported_media_type")
    assert seen() == 0


@pytest.mark.parametrize("kind", [
    "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
    "text/plain", "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=utf-7", "application/jsonx",
    "application/json, multipart/form-data"])
def test_json_of_another_type_is_refused(gate, key, seen, kind):
    answer = gate.request("POST", "/v1/chat/completions", key,
                          padded(body_of(MODEL), 5), {"Content-Type": kind})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert seen() == 0


def test_json_that_calls_itself_utf_8_is_json(gate, key, seen):
    for kind in ("application/json; charset=UTF-8", "application/json;"):
        answer = gate.request("POST", "/v1/chat/completions", key,
                              padded(body_of(MODEL), 5),
                              {"Content-Type": kind})
        assert answer.status == 200
        arrived, = gate.sim.requests(1)
        assert ["Content-Type", "application/json"] in arrived["headers"]
    assert seen() == 2


def test_a_query_goes_nowhere(gate, key, seen):
    for query in ("?model=x", "?api-version=1&stream=true", "?", "?/../x"):
        answer = gate.request("POST", "/v1/chat/completions" + query, key,
                              padded(body_of(MODEL), 5),
                              {"Content-Type": "application/json"})
        assert answer.status == 200
        arrived, = gate.sim.requests(1)
        assert arrived["path"] == "/chat/completions"
    assert seen() == 4


def test_conditions_do_not_turn_an_answer_into_another(gate, key):
    """If-Match and the like are for documents, which calls are none."""
    for name in ("If-Match", "If-None-Match", "If-Unmodified-Since",
                 "If-Modified-Since", "Range", "If-Range"):
        for value in ("*", "\"x\"", "Thu, 01 Jan 1970 00:00:00 GMT",
                      "bytes=0-1"):
            for method, path, body in (
                    ("GET", "/v1/models", None),
                    ("POST", "/v1/chat/completions",
                     padded(body_of(MODEL), 5))):
                answer = gate.request(method, path, key, body, {
                    name: value, "Content-Type": "application/json"})
                assert answer.status == 200, (name, value, method)


def test_a_thousand_headers_are_one_call_or_none(gate, key, seen):
    lines = [f"X-{i}: y" for i in range(1100)]
    raw = send_in_pieces(gate, in_one_piece(key, padded(body_of(MODEL), 5),
                                            *lines))
    status, _ = answer_of(raw)
    assert (status, seen()) in ((200, 1), (413, 0))
    lines = ["X-Long: " + "y" * 900] * 100
    raw = send_in_pieces(gate, in_one_piece(key, padded(body_of(MODEL), 5),
                                            *lines))
    status, answer = answer_of(raw)
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("way", [in_one_piece, one_byte_writes, in_chunks])
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
