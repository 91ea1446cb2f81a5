"""The simulated upstream: speech from text, text from sound."""
import base64
import json

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    AUTH, chunks, deepseek, events, form, http_request, openai)

SPEECH, HEAR, TRANSLATE = "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations"


@pytest.fixture
def sim(openai):
    openai.reset()
    return openai


def speak(text="hello", model="tts-1", **more):
    return {"model": model, "input": text, "voice": "alloy", **more}


def hear(sim, *parts, model="whisper-1", sound=b"x" * 16000, path=HEAR):
    """Status, headers and body of one file's transcription."""
    return sim.post(path, *form(("model", model), ("file", sound, "a.mp3", "audio/mpeg"), *parts))


def heard(sim, *parts, **more):
    status, _, data = hear(sim, *parts, **more)
    assert status == 200, data
    return json.loads(data)


def test_speech_is_a_thousand_bytes_a_character_and_the_same_again(sim):
    status, head, data = sim.post(SPEECH, speak("hello"))
    assert (status, head["Content-Type"], len(data)) == (200, "audio/mpeg", 5000)
    assert head["Transfer-Encoding"] == "chunked"
    assert sim.post("/audio/speech", speak("hello"))[2] == data
    assert sim.post(SPEECH, speak("hullo"))[2] != data


@pytest.mark.parametrize("text, characters", [
    ("hello", 5), ("\u00e9\u20ac\U0001f600", 3), ("a\"b\\c\n", 6), ("\x01", 1), ("a" * 4096, 4096)])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_speech_counts_code_points(sim, text, characters, ascii_only):
    status, _, data = sim.post(SPEECH, json.dumps(speak(text), ensure_ascii=ascii_only).encode())
    assert status == 200 and len(data) == 1000 * characters
    assert sim.count()["models"]["tts-1"] == {
        "requests": 1, "prompt_tokens": 0, "prompt_cache_hit_tokens": 0, "completion_tokens": 0,
        "reasoning_tokens": 0, "cache_write_tokens": 0, "images": 0, "audio_ms": 0,
        "characters": characters}


@pytest.mark.parametrize("name, media", [
    ("mp3", "audio/mpeg"), ("opus", "audio/opus"), ("aac", "audio/aac"), ("flac", "audio/flac"),
    ("wav", "audio/wav"), ("pcm", "audio/pcm")])
def test_speech_is_of_the_kind_that_is_asked_for(sim, name, media):
    assert sim.post(SPEECH, speak(response_format=name))[1]["Content-Type"] == media


@pytest.mark.parametrize("body", [
    {"model": "tts-1", "input": "a"}, {"model": "tts-1", "voice": "alloy"}, speak(""),
    speak("a" * 4097), speak(["a"]), speak(response_format="mp4"), speak(stream_format="x")])
def test_speech_that_is_not_in_order_is_refused(sim, body):
    assert sim.post(SPEECH, body)[0] == 400


@pytest.mark.parametrize("path, body", [
    (SPEECH, speak(model="gpt-4o")), (SPEECH, speak(model="whisper-1")),
    ("/v1/chat/completions", {"model": "tts-1", "messages": [{"role": "user", "content": "a"}]})])
def test_a_model_serves_its_own_endpoints_only(sim, path, body):
    status, _, data = sim.post(path, body)
    assert status == 404 and json.loads(data)["error"]["code"] == "model_not_found"


def test_streamed_speech_is_the_same_sound_with_usage(sim):
    text = "caf\u00e9 " * 5
    whole = sim.post(SPEECH, speak(text, "gpt-4o-mini-tts"))[2]
    got = chunks(sim.post(SPEECH, speak(text, "gpt-4o-mini-tts", stream_format="sse"))[2])
    assert {e["type"] for e in got[:-1]} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(e["audio"]) for e in got[:-1]) == whole
    assert got[-1] == {"type": "speech.audio.done", "usage": {
        "input_tokens": 8, "output_tokens": 25, "total_tokens": 33}}
    total = sim.count()["total"]
    assert (total["prompt_tokens"], total["completion_tokens"], total["characters"]) == (
        16, 50, 50)


def test_speech_by_the_character_has_no_stream_of_events(sim):
    _, head, data = sim.post(SPEECH, speak("hello", "tts-1-hd", stream_format="sse"))
    assert head["Content-Type"] == "audio/mpeg" and len(data) == 5000


def test_whisper_reports_seconds(sim):
    got = heard(sim)
    assert got["usage"] == {"type": "duration", "seconds": 1} and len(got["text"].split()) == 24
    assert sim.count()["models"]["whisper-1"] == {
        "requests": 1, "prompt_tokens": 0, "prompt_cache_hit_tokens": 0, "completion_tokens": 0,
        "reasoning_tokens": 0, "cache_write_tokens": 0, "images": 0, "audio_ms": 1000,
        "characters": 0}


@pytest.mark.parametrize("size, seconds", [(1, 1), (16000, 1), (16001, 2), (160000, 10)])
def test_a_second_is_16000_bytes_and_begun_ones_count(sim, size, seconds):
    assert heard(sim, sound=b"\r\n" * (size // 2) + b"x" * (size % 2))["usage"]["seconds"] \
        == seconds
    assert sim.count()["total"]["audio_ms"] == 1000 * seconds


def test_verbose_json_tells_duration_and_segments(sim):
    got = heard(sim, ("response_format", "verbose_json"), sound=b"x" * 20000)
    assert (got["task"], got["duration"]) == ("transcribe", 2.0)
    assert got["segments"][0]["end"] == 2.0 and got["segments"][0]["text"] == got["text"]
    assert got["usage"] == {"type": "duration", "seconds": 2}


@pytest.mark.parametrize("name, before, after", [
    ("text", "", "\n"), ("srt", "1\n00:00:00,000 --> 01:01:01,000\n", "\n\n"),
    ("vtt", "WEBVTT\n\n00:00:00.000 --> 01:01:01.000\n", "\n\n")])
def test_texts_have_no_usage(sim, name, before, after):
    text = heard(sim)["text"]
    sim.arm(fault="duration", arg=3661)
    _, head, data = hear(sim, ("response_format", name))
    assert head["Content-Type"] == "text/plain; charset=utf-8"
    assert data.decode() == before + text + after
    assert sim.count()["total"]["audio_ms"] == 3662000


def test_transcribing_models_report_tokens(sim):
    got = heard(sim, ("prompt", "a" * 9), model="gpt-4o-transcribe", sound=b"x" * 32000)
    assert got["usage"] == {
        "type": "tokens", "input_tokens": 23, "output_tokens": 24, "total_tokens": 47,
        "input_token_details": {"text_tokens": 3, "audio_tokens": 20}}
    total = sim.count()["total"]
    assert (total["prompt_tokens"], total["completion_tokens"], total["audio_ms"]) == (
        23, 24, 2000)


def test_streamed_transcription_ends_with_text_and_usage(sim):
    whole = heard(sim, model="gpt-4o-mini-transcribe")
    _, head, data = hear(sim, ("stream", "true"), model="gpt-4o-mini-transcribe")
    got = chunks(data)
    assert head["Content-Type"] == "text/event-stream; charset=utf-8"
    assert [e["type"] for e in got] == ["transcript.text.delta"] * 24 + ["transcript.text.done"]
    assert "".join(e["delta"] for e in got[:-1]) == got[-1]["text"] == whole["text"]
    assert got[-1]["usage"] == whole["usage"]


def test_whisper_does_not_stream(sim):
    assert heard(sim, ("stream", "true"))["usage"]["type"] == "duration"


def test_translations_report_no_usage_but_verbose_ones_their_duration(sim):
    assert list(heard(sim, path=TRANSLATE)) == ["text"]
    got = heard(sim, ("response_format", "verbose_json"), path=TRANSLATE)
    assert (got["task"], got["duration"]) == ("translate", 1.0) and "usage" not in got
    assert sim.count()["total"]["audio_ms"] == 2000
    assert hear(sim, model="gpt-4o-transcribe", path=TRANSLATE)[0] == 404


@pytest.mark.parametrize("parts, why", [
    ([("file", b"x", "a.mp3", "audio/mpeg")], "missing field `model`"),
    ([("model", "whisper-1")], "missing field `file`"),
    ([("model", "whisper-1"), ("file", b"", "a.mp3", "audio/mpeg")], "too short"),
    ([("model", "whisper-1"), ("file", "text")], "a file must have a filename"),
    ([("model", "m" * 128)], "model name is too long"),
    ([("stream", "1")], "stream must be true or false"),
    ([("response_format", "mp3")], "unknown variant of the format"),
    ([("prompt", "sim:nonsense")], "no fault named 'nonsense'")])
def test_forms_that_are_not_in_order_are_refused(sim, parts, why):
    status, _, data = sim.post(HEAR, *form(*parts))
    assert status == 400 and why in json.loads(data)["error"]["message"]


def test_no_cut_of_a_form_is_transcribed(sim):
    body, headers = form(("model", "whisper-1"), ("file", b"sound", "a.mp3", "audio/mpeg"))
    whole = len(body) - 2
    assert [sim.post(HEAR, body[:end], headers)[0] for end in range(0, whole, 7)] \
        == [400] * len(range(0, whole, 7))
    assert sim.post(HEAR, body[:whole - 1], headers)[0] == 400
    assert sim.post(HEAR, body[:whole], headers)[0] == 200


def test_a_body_that_is_no_form_is_refused(sim):
    for body in ({"model": "whisper-1"}, b""):
        assert sim.post(HEAR, body, {**AUTH, "Content-Type": "application/json"})[0] == 400


def test_the_last_of_two_models_counts(sim):
    sim.post(HEAR, *form(("model", "gpt-4o-transcribe"), ("file", b"x", "a", "b"),
                         ("model", "whisper-1")))
    assert list(sim.count()["models"]) == ["whisper-1"]


def test_faults_stand_in_the_text_to_speak_and_in_the_prompt(sim):
    assert sim.post(SPEECH, speak("sim:status=503"))[0] == 503
    assert hear(sim, ("prompt", "sim:status=503"))[0] == 503
    got = heard(sim, ("prompt", "sim:tokens=3"), model="gpt-4o-transcribe")
    assert got["usage"]["output_tokens"] == 3 and len(got["text"].split()) == 3


@pytest.mark.parametrize("name, check", [
    ("missing", lambda u: u is None), ("negative", lambda u: u < 0),
    ("huge", lambda u: u > 10 ** 17), ("string", lambda u: u == "1"),
    ("float", lambda u: u == 1.5)])
def test_usage_faults_spoil_seconds_but_not_the_count(sim, name, check):
    got = heard(sim, ("prompt", "sim:usage-" + name))
    assert check(got["usage"]["seconds"] if "usage" in got else None)
    assert sim.count()["total"]["audio_ms"] == 1000


@pytest.mark.parametrize("name, check", [
    ("missing", lambda u: u is None), ("negative", lambda u: u["output_tokens"] < 0),
    ("huge", lambda u: u["input_tokens"] > 10 ** 17),
    ("string", lambda u: u["output_tokens"] == "24"),
    ("float", lambda u: u["output_tokens"] == 24.5)])
@pytest.mark.parametrize("stream", ["false", "true"])
def test_usage_faults_spoil_tokens_but_not_the_count(sim, name, check, stream):
    data = hear(sim, ("prompt", "sim:usage-" + name), ("stream", stream),
                model="gpt-4o-transcribe")[2]
    got = chunks(data)[-1] if stream == "true" else json.loads(data)
    assert check(got.get("usage"))
    assert sim.count()["total"]["completion_tokens"] == 24


def test_usage_faults_spoil_streamed_speech(sim):
    body = speak("sim:usage-string", "gpt-4o-mini-tts", stream_format="sse")
    got = chunks(sim.post(SPEECH, body)[2])
    assert got[-1]["usage"]["output_tokens"] == "16"
    body["input"] = "sim:usage-missing"
    assert chunks(sim.post(SPEECH, body)[2])[-1] == {"type": "speech.audio.done"}


def test_cut_speech_ends_in_the_middle_and_is_counted(sim):
    data = sim.raw(http_request(SPEECH, speak("sim:cut")))
    assert 3400 < len(data) < 4200 and sim.count()["total"]["characters"] == 7
    data = sim.raw(http_request(
        SPEECH, speak("sim:cut=2", "gpt-4o-mini-tts", stream_format="sse")))
    assert data.count(b"speech.audio.delta") == 2
    got = sim.count()
    assert got["models"]["gpt-4o-mini-tts"]["completion_tokens"] == 2
    assert got["models"]["gpt-4o-mini-tts"]["characters"] == 9 and got["aborted"] == 1


def test_no_done_leaves_out_done_only(sim):
    data = sim.post(SPEECH, speak("sim:no-done", "gpt-4o-mini-tts", stream_format="sse"))[2]
    assert b"[DONE]" not in data and json.loads(events(data)[-1])["usage"]


def test_hugeline_makes_the_first_piece_that_much_longer(sim):
    body = speak("sim:hugeline=100000", "gpt-4o-mini-tts")
    whole = sim.post(SPEECH, body)[2]
    assert len(whole) == 100000 + 19000
    got = chunks(sim.post(SPEECH, {**body, "stream_format": "sse"})[2])
    assert b"".join(base64.b64decode(e["audio"]) for e in got[:-1]) == whole
    got = heard(sim, ("prompt", "sim:hugeline=100000"))
    assert len(got["text"]) > 100000


def test_the_other_dialects_have_no_audio(deepseek):
    assert deepseek.post(SPEECH, speak())[0] == 404
    assert hear(deepseek)[0] == 404
