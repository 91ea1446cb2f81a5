"""Images and audio: metered by the piece, the second, the character or the
token, whichever their price is of, and compared with what was really served."""

import base64
import hashlib
import json
import socket
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from conftest import Gate
from forms import BOUNDARY, FORM, form

IMAGES, EDITS = "/v1/images/generations", "/v1/images/edits"
VARIATIONS, SPEECH = "/v1/images/variations", "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"

# The book's prices: of a million prompt and completion tokens, of a unit.
PRICES = {
    "dall-e-2": (0, 0, "0.02"), "dall-e-3": (0, 0, "0.04"),
    "gpt-image-1": (10, 40, 0), "gpt-image-1-mini": ("2.5", 8, 0),
    "tts-1": (0, 0, "0.000015"), "tts-1-hd": (0, 0, "0.00003"),
    "gpt-4o-mini-tts": ("0.6", 12, 0), "whisper-1": (0, 0, "0.0001"),
    "gpt-4o-transcribe": (6, 10, 0), "gpt-4o-mini-transcribe": (3, 5, 0)}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("media") / "home",
                sim_args=["--dialect", "openai"], dialect="openai")
    try:
        yield gate.start()
    finally:
        gate.stop()


def sound(size=40000):
    return ("file", b"\r\n-\x00" * (size // 4), "a.mp3")


def post(gate, key, path, body, **more):
    headers = FORM if isinstance(body, bytes) else {}
    return gate.request("POST", path, key, body, headers, **more)


def counted(gate, model):
    return gate.sim.count()["models"].get(model, {})


def cost_of(model, before, after):
    """What the simulator served between two counts, at the book's prices."""
    def more(name):
        return after.get(name, 0) - before.get(name, 0)
    prompt, completion, unit = map(Decimal, PRICES[model])
    units = more("images") or more("characters") or Decimal(more("audio_ms")) / 1000
    return (prompt * more("prompt_tokens") + completion * more("completion_tokens")
            ) / 1000000 + unit * units


JSON_CALLS = [
    (IMAGES, {"model": "dall-e-2", "prompt": "a", "n": 3}),
    (IMAGES, {"model": "dall-e-3", "prompt": "a"}),
    (IMAGES, {"model": "dall-e-2", "prompt": "a", "size": "1024x1024",
              "response_format": "b64_json"}),
    (IMAGES, {"model": "gpt-image-1", "prompt": "a quiet server", "n": 2,
              "quality": "high", "size": "1024x1536"}),
    (IMAGES, {"model": "gpt-image-1-mini", "prompt": "a"}),
    (IMAGES, {"model": "gpt-image-1", "prompt": "a", "stream": True,
              "partial_images": 2}),
    (SPEECH, {"model": "tts-1", "input": "Grüße, 世界 \U0001f30d", "voice": "alloy"}),
    (SPEECH, {"model": "tts-1-hd", "input": "x" * 4096, "voice": "alloy",
              "response_format": "opus"}),
    (SPEECH, {"model": "gpt-4o-mini-tts", "input": "hello", "voice": "alloy",
              "stream_format": "sse"}),
]

FORM_CALLS = [
    (EDITS, [("model", "dall-e-2"), ("image", b"\x89PNG", "a.png"),
             ("prompt", "a"), ("n", "2")]),
    (EDITS, [("image[]", b"\x89PNG" * 50, "a.png"),
             ("image[]", b"\x89PNG", "b.png"), ("mask", b"\x89PNG", "m.png"),
             ("prompt", "a"), ("model", "gpt-image-1")]),
    (EDITS, [("image", b"\x89PNG", "a.png"), ("prompt", "a"),
             ("model", "gpt-image-1"), ("stream", "true")]),
    (VARIATIONS, [("image", b"\x89PNG", "a.png"), ("model", "dall-e-2")]),
    (TRANSCRIPTIONS, [("model", "whisper-1"), sound()]),
    (TRANSCRIPTIONS, [sound(), ("model", "whisper-1"),
                      ("response_format", "verbose_json")]),
    (TRANSCRIPTIONS, [("model", "gpt-4o-transcribe"), sound(),
                      ("prompt", "names")]),
    (TRANSCRIPTIONS, [("model", "gpt-4o-mini-transcribe"), sound(),
                      ("stream", "true")]),
    (TRANSLATIONS, [("model", "whisper-1"), sound(),
                    ("response_format", "verbose_json")]),
]


@pytest.mark.parametrize("path, body", [
    *JSON_CALLS, *((path, form(*parts)) for path, parts in FORM_CALLS)])
def test_a_call_costs_what_was_served(gate, path, body):
    key = gate.key("exact")
    model = body["model"] if isinstance(body, dict) else next(
        m for m in PRICES if f"\r\n\r\n{m}\r\n".encode() in body)
    before = counted(gate, model)
    answer = post(gate, key, path, body)
    assert answer.status == 200, answer.text
    cost = cost_of(model, before, counted(gate, model))
    assert cost > 0
    call, = gate.wait_calls(1, key)
    assert Decimal(call["cost"]) == cost
    assert call["endpoint"] == "POST " + path
    assert call["model"] == model
    assert call["status"] == 200 and call["code"] is None
    assert call["basis"] == ("counted" if call["unit"] in ("image", "character")
                             else "reported")
    if not call["stream"] and path != SPEECH:
        assert Decimal(answer.headers["x-tollgate-cost"]) == cost
    total = gate.usage_total("--key", key.id)
    assert Decimal(total["cost"]) == cost
    seen, = gate.sim.requests(1)
    assert "/v1" + seen["path"] == path
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert seen["body_sha256"] == hashlib.sha256(raw).hexdigest()
    sent = dict(map(tuple, seen["headers"]))
    assert sent["Content-Type"] == (
        FORM["Content-Type"] if isinstance(body, bytes) else "application/json")


def test_units_are_shown(gate):
    key = gate.key("units")
    post(gate, key, IMAGES, {"model": "dall-e-2", "prompt": "a", "n": 2})
    post(gate, key, SPEECH, {"model": "tts-1", "input": "hello", "voice": "a"})
    post(gate, key, TRANSCRIPTIONS, form(("model", "whisper-1"), sound(48000)))
    calls = {c["unit"]: c for c in gate.wait_calls(3, key)}
    assert {u: c["units"] for u, c in calls.items()} == {
        "image": "2", "character": "5", "second": "3"}
    assert calls["image"]["total_tokens"] == 0
    total = gate.usage_total("--key", key.id)
    assert (total["images"], total["audio_seconds"], total["characters"]) == (
        2, "3", 5)
    assert total["cost"] == "0.040375"


@pytest.mark.parametrize("more, cost", [
    ({}, "0.04"), ({"size": "1024x1792"}, "0.08"),
    ({"size": "1024x1024", "quality": "hd"}, "0.08"),
    ({"size": "1792x1024", "quality": "hd"}, "0.12"),
    ({"size": "auto"}, "0.08"), ({"quality": "hd"}, "0.12")])
def test_an_image_costs_what_its_size_does(gate, more, cost):
    key = gate.key("size")
    answer = post(gate, key, IMAGES, {"model": "dall-e-3", "prompt": "a", **more})
    assert answer.status == 200, answer.text
    assert Decimal(answer.headers["x-tollgate-cost"]) == Decimal(cost)


def test_audio_passes_as_it_came(gate):
    key = gate.key("audio")
    answer = post(gate, key, SPEECH, {"model": "tts-1", "input": "hello",
                                      "voice": "alloy", "response_format": "wav"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert len(answer.body) == 5000
    events = post(gate, key, SPEECH, {
        "model": "gpt-4o-mini-tts", "input": "hello", "voice": "alloy",
        "stream_format": "sse"}, stream=True)
    pieces = list(events.events())
    assert pieces[-1]["type"] == "speech.audio.done"
    assert b"".join(base64.b64decode(e["audio"])
                    for e in pieces[:-1]) == answer.body


@pytest.mark.parametrize("name", ["text", "srt", "vtt"])
def test_text_without_usage_is_charged_by_the_length_of_the_file(gate, name):
    key = gate.key("text")
    body = form(("model", "whisper-1"), sound(40000), ("response_format", name))
    answer = post(gate, key, TRANSCRIPTIONS, body)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.status == 200 and answer.body
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "counted"
    assert Decimal(call["units"]) == Decimal(len(body) * 2 // 8) / 1000
    assert Decimal(call["cost"]) == Decimal(call["units"]) / 10000


def test_speech_by_tokens_is_counted_when_nothing_reports_it(gate):
    key = gate.key("mini-tts")
    post(gate, key, SPEECH, {"model": "gpt-4o-mini-tts", "voice": "alloy",
                             "input": "x" * 1000})
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "counted"
    assert 1000 < call["completion_tokens"] < 2000


# What arrives in pieces


def send(gate, key, path, pieces, length=None):
    """Writes a form piece by piece and returns the status line."""
    parts = urlsplit(gate.url)
    how = (f"Content-Length: {length}" if length is not None
           else "Transfer-Encoding: chunked")
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
                  f"Authorization: Bearer {key}\r\n"
                  f"Content-Type: {FORM['Content-Type']}\r\n"
                  f"Connection: close\r\n{how}\r\n\r\n".encode())
        for piece in pieces:
            s.sendall(piece)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return answer.split(b"\r\n")[0]


WAYS = {
    "one write": lambda body: ([body], len(body)),
    "one byte each": lambda body: ([body[i:i + 1] for i in range(len(body))],
                                   len(body)),
    "chunks": lambda body: ([b"%x\r\n%s\r\n" % (len(body[i:i + 11]),
                                                body[i:i + 11])
                             for i in range(0, len(body), 11)] + [b"0\r\n\r\n"],
                            None)}


@pytest.mark.parametrize("way", WAYS)
def test_a_form_arrives_as_it_was_sent(gate, way):
    key = gate.key("pieces")
    body = form(("model", "whisper-1"), sound(200))
    pieces, length = WAYS[way](body)
    assert send(gate, key, TRANSCRIPTIONS, pieces, length) == b"HTTP/1.1 200 OK"
    seen, = gate.sim.requests(1)
    assert seen["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert [p["name"] for p in seen["form"]] == ["model", "file"]


def test_a_form_that_is_spooled_to_a_file_arrives_whole(gate):
    key = gate.key("spooled")
    body = form(("model", "whisper-1"), sound(6 << 20))
    answer = post(gate, key, TRANSCRIPTIONS, body)
    assert answer.status == 200, answer.text
    seen, = gate.sim.requests(1)
    assert seen["body_sha256"] == hashlib.sha256(body).hexdigest()
    call, = gate.wait_calls(1, key)
    assert call["units"] == str(-(-(6 << 20) // 16000))
    big = post(gate, key, TRANSCRIPTIONS, form(("model", "whisper-1"),
                                               sound(33 << 20)))
    assert (big.status, big.code) == (413, "request_too_large")


def field(name, value="x", extra=""):
    return (f"--{BOUNDARY}\r\nContent-Disposition: form-data; {name}{extra}"
            f"\r\n\r\n{value}\r\n").encode()


MODEL = 'name="model"'
FILE = form(sound(40))


@pytest.mark.parametrize("code, body", [
    ("duplicate_field", form(("model", "whisper-1"), ("model", "gpt-4o"), sound(4))),
    ("duplicate_field", form(("model", "whisper-1"), ("MODEL", "gpt-4o"), sound(4))),
    ("invalid_request", form(("Model", "whisper-1"), sound(4))),
    ("invalid_request", form(("model[]", "whisper-1"), sound(4))),
    ("invalid_request", form(("model", b"whisper-1", "m"), sound(4))),
    ("invalid_request", form(("model", "whisper-1"), ("stream", "1"), sound(4))),
    ("invalid_request", field('name="mod\\el"', "whisper-1") + FILE),
    ("invalid_request", field('name="%6dodel"', "whisper-1") + FILE),
    ("invalid_request", field("name*=utf-8''model", "whisper-1") + FILE),
    ("invalid_request", field("name='model'", "whisper-1") + FILE),
    ("invalid_request", field('Name="model"', "whisper-1") + FILE),
    ("invalid_request", field('name="x"; name="model"', "whisper-1") + FILE),
    ("invalid_request", field('name="f"; filename="a\\"; name="model"') + FILE),
    ("invalid_request", field('name="f"; filename*=utf-8\'\'a') + FILE),
    ("invalid_request", field(MODEL, "whisper-1",
                              "\r\nContent-Transfer-Encoding: base64") + FILE),
    ("invalid_request", field(MODEL, "whisper-1", "\r\n folded") + FILE),
    ("invalid_request", b"\r\n" + form(("model", "whisper-1"), sound(4))),
    ("invalid_request", form(("model", "whisper-1"), sound(4)) + b"x"),
    ("invalid_request", form(("model", "whisper-1"), sound(4))[:-4]),
    ("invalid_request", form(("model", "whisper-1"), sound(4)).replace(
        b"\r\n", b"\n")),
    ("invalid_request", form(("model", "whisper-1"), (
        "file", b"a\n--" + BOUNDARY.encode() + b"\r\nb", "a"))),
    ("invalid_request", b""),
    ("unsupported_media_type", {"model": "whisper-1"}),
])
def test_a_form_with_two_readings_does_not_arrive(gate, code, body):
    key = gate.key("odd")
    before = gate.sim.count()["requests_seen"]
    answer = post(gate, key, TRANSCRIPTIONS, body)
    assert answer.code == code
    assert answer.status == (415 if code == "unsupported_media_type" else 400)
    assert gate.sim.count()["requests_seen"] == before
    assert gate.cli_json("calls", "list", "--key", key.id)["data"] == []


@pytest.mark.parametrize("content_type", [
    "multipart/form-data", "multipart/form-data; boundary=",
    'multipart/form-data; boundary="a b"', "multipart/mixed; boundary=a",
    "multipart/form-data; boundary=a; boundary=b", "text/plain",
    "multipart/form-data; boundary=" + "x" * 71])
def test_a_form_without_a_plain_boundary_does_not_arrive(gate, content_type):
    key = gate.key("boundary")
    before = gate.sim.count()["requests_seen"]
    answer = gate.request("POST", TRANSCRIPTIONS, key, form(sound(4)),
                          {"Content-Type": content_type})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")
    assert "multipart/form-data" in answer.json["error"]["message"]
    assert gate.sim.count()["requests_seen"] == before


def test_a_boundary_is_named_upstream_as_it_must_be(gate):
    key = gate.key("quoted")
    body = form(("model", "whisper-1"), sound(4)).replace(
        BOUNDARY.encode(), b"a=b?c")
    answer = gate.request("POST", TRANSCRIPTIONS, key, body, {
        "Content-Type": 'Multipart/Form-Data;  Boundary="a=b?c"'})
    assert answer.status == 200, answer.text
    seen, = gate.sim.requests(1)
    assert dict(map(tuple, seen["headers"]))["Content-Type"] == \
        'multipart/form-data; boundary="a=b?c"'


# Who may, and who can pay


def test_scopes(gate):
    key = gate.key("chat only", scope=["chat", "audio"])
    answer = post(gate, key, IMAGES, {"model": "dall-e-2", "prompt": "a"})
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert "`image`" in answer.json["error"]["message"]
    assert post(gate, key, SPEECH, {"model": "tts-1", "input": "a",
                                    "voice": "a"}).status == 200
    narrow = gate.key("narrow", endpoint="POST /v1/audio/speech")
    assert post(gate, narrow, SPEECH, {"model": "tts-1", "input": "a",
                                       "voice": "a"}).status == 200
    answer = post(gate, narrow, TRANSCRIPTIONS, form(("model", "whisper-1"),
                                                     sound(4)))
    assert (answer.status, answer.code) == (403, "permission_denied")


def test_an_image_that_is_not_affordable_is_not_made(gate):
    key = gate.key("poor", daily_limit="0.10")
    before = gate.sim.count()["requests_seen"]
    answer = post(gate, key, IMAGES, {"model": "dall-e-3", "prompt": "a", "n": 3})
    assert (answer.status, answer.code) == (402, "budget_exceeded")
    assert answer.headers["x-should-retry"] == "false"
    assert gate.sim.count()["requests_seen"] == before
    for n in (2, 1):
        answer = post(gate, key, IMAGES, {"model": "dall-e-3", "prompt": "a",
                                          "n": n})
        assert answer.status == (200 if n == 2 else 402), answer.text
    tokens = post(gate, key, IMAGES, {"model": "gpt-image-1", "prompt": "a"})
    assert (tokens.status, tokens.code) == (402, "budget_exceeded")
    assert gate.usage_total("--key", key.id)["cost"] == "0.08"


def test_a_size_without_a_price_is_refused_with_those_that_have_one(gate):
    key = gate.key("sizes")
    before = gate.sim.count()["requests_seen"]
    answer = post(gate, key, IMAGES, {"model": "dall-e-3", "prompt": "a",
                                      "size": "512x512"})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json["error"]["param"] == "size"
    assert "hd 1024x1792" in answer.json["error"]["message"]
    assert gate.sim.count()["requests_seen"] == before


# Reports that are not to be believed, and answers that are cut


@pytest.mark.parametrize("fault, basis", [
    ("usage-missing", "counted"), ("usage-negative", "counted"),
    ("usage-huge", "counted"), ("usage-string", "counted"),
    ("duration=100000", "held")])
def test_seconds_that_cannot_be_are_not_believed(gate, fault, basis):
    key = gate.key("rogue")
    body = form(("model", "whisper-1"), sound(), ("prompt", "sim:" + fault))
    assert post(gate, key, TRANSCRIPTIONS, body).status == 200
    call, = gate.wait_calls(1, key)
    assert call["basis"] == basis
    bound = Decimal(len(body) * 2 + 1) / 1000
    assert Decimal(call["units"]) == (bound if basis == "held"
                                      else Decimal(len(body) * 2 // 8) / 1000)
    assert Decimal(call["cost"]) == Decimal(call["units"]) / 10000


@pytest.mark.parametrize("fault", ["usage-missing", "usage-negative",
                                   "usage-huge", "usage-string"])
def test_tokens_of_images_that_cannot_be_cost_the_hold(gate, fault):
    key = gate.key("rogue image")
    answer = post(gate, key, IMAGES, {"model": "gpt-image-1-mini",
                                      "prompt": "sim:" + fault})
    assert answer.status == 200
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "held"
    assert call["completion_tokens"] == 6656


@pytest.mark.parametrize("path, body", [
    (IMAGES, {"model": "dall-e-2", "n": 2, "prompt": "sim:status=500"}),
    (SPEECH, {"model": "tts-1", "voice": "a", "input": "sim:status=503"}),
    (SPEECH, {"model": "tts-1", "voice": "a", "input": "sim:empty"}),
    (TRANSCRIPTIONS, form(("model", "whisper-1"), sound(),
                          ("prompt", "sim:status=400"))),
])
def test_what_was_not_made_costs_nothing(gate, path, body):
    key = gate.key("failed")
    assert post(gate, key, path, body).status >= 400
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["cost"], call["units"]) == ("none", "0.00", "0")


def test_audio_that_is_cut_is_cut_for_the_client_and_charged(gate):
    key = gate.key("cut")
    answer = post(gate, key, SPEECH, {"model": "tts-1", "voice": "alloy",
                                      "input": "sim:cut=2 " + "x" * 90},
                  stream=True)
    assert answer.status == 200
    with pytest.raises(Exception, match="IncompleteRead|reset"):
        answer.body
    call, = gate.wait_calls(1, key)
    assert (call["code"], call["basis"]) == ("upstream_error", "counted")
    assert call["units"] == "100"


def test_a_client_that_leaves_audio_ends_it_upstream(gate):
    key = gate.key("leaves")
    answer = post(gate, key, SPEECH, {"model": "tts-1", "voice": "alloy",
                                      "input": "sim:stall=3 " + "x" * 4000},
                  stream=True)
    answer._response.read(3000)
    answer.close()
    # The upstream never ends it: the call ends with the client.
    call, = gate.wait_calls(1, key)
    assert call["code"] == "client_closed_request"
    assert call["latency_ms"] < 5000
    assert call["units"] == "4012"


def test_a_transcription_is_read_to_its_end_without_its_client(gate):
    key = gate.key("left")
    parts = urlsplit(gate.url)
    body = form(("model", "whisper-1"), ("prompt", "sim:slow=40"), sound(48000))
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.sendall(f"POST {TRANSCRIPTIONS} HTTP/1.1\r\nHost: x\r\n"
                  f"Authorization: Bearer {key}\r\nContent-Type: "
                  f"{FORM['Content-Type']}\r\nContent-Length: {len(body)}"
                  f"\r\n\r\n".encode() + body)
        gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
                  ["in_flight"] == 1, 5, "call in flight")
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["units"], call["cost"]) == (
        "reported", "3", "0.0003")


def test_a_disabled_keys_audio_ends(gate):
    key = gate.key("disabled")
    answer = post(gate, key, SPEECH, {"model": "tts-1", "voice": "alloy",
                                      "input": "sim:stall=3 " + "x" * 4000},
                  stream=True)
    answer._response.read(1000)
    gate.must("keys", "disable", key.id, "--yes")
    with pytest.raises(Exception, match="IncompleteRead|reset"):
        answer.body
    call, = gate.wait_calls(1, key)
    assert call["code"] == "key_disabled"


def test_large_audio_goes_through_without_growing_a_worker(gate):
    key = gate.key("large")

    def memory():
        return sum(int(open(f"/proc/{pid}/statm").read().split()[1])
                   for pid in gate.nginx_workers())

    def speak(size):
        answer = post(gate, key, SPEECH, {"model": "tts-1", "voice": "alloy",
                                          "input": f"sim:hugeline={size} x"})
        assert answer.status == 200
        return len(answer.body)

    speak(1 << 20)
    before = memory()
    assert speak(48 << 20) > 48 << 20
    assert memory() - before < 1024  # pages
