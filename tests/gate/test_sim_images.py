"""The simulated upstream: images, by the piece and by the token."""
import base64
import json
import re

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    deepseek, events, form, http_request, openai, wait_for)

MAKE, EDIT, VARY = "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"
PNG = ("image", b"\x89PNG" * 100, "a.png", "image/png")


@pytest.fixture
def sim(openai):
    openai.reset()
    return openai


def ask(prompt="a quiet server", model="gpt-image-1", **more):
    return {"model": model, "prompt": prompt, **more}


def streamed(sim, path, *call):
    """The events of a stream."""
    _, head, data = sim.post(path, *call)
    assert head["Content-Type"] == "text/event-stream; charset=utf-8"
    got = [json.loads(e) for e in events(data)]
    assert re.findall(r"^event: (.*)$", data.decode(), re.M) == [e["type"] for e in got]
    return got


def counted(sim, model):
    got = sim.count()["models"][model]
    return got["requests"], got["images"], got["prompt_tokens"], got["completion_tokens"]


@pytest.mark.parametrize("model, n", [("dall-e-2", 3), ("dall-e-3", 1)])
def test_dall_e_answers_urls_without_usage_and_counts_images(sim, model, n):
    got = sim.answer(MAKE, ask(model=model, n=n, size="512x512"))
    assert len({d["url"] for d in got["data"]}) == n and set(got) == {"created", "data"}
    assert all("revised_prompt" in d for d in got["data"]) == (model == "dall-e-3")
    assert counted(sim, model) == (1, n, 0, 0)


def test_images_in_base64_are_the_same_again(sim):
    body = ask(model="dall-e-2", n=2, response_format="b64_json")
    got = sim.answer(MAKE, body)
    images = [base64.b64decode(d["b64_json"]) for d in got["data"]]
    assert [len(i) for i in images] == [1025, 1025] and images[0] != images[1]
    assert sim.answer("/images/generations", body)["data"] == got["data"]
    assert sim.answer(MAKE, {**body, "prompt": "other"})["data"] != got["data"]


@pytest.mark.parametrize("more, tokens, size, quality", [
    ({}, 1056, "1024x1024", "medium"), ({"size": "auto", "quality": "auto"}, 1056,
                                        "1024x1024", "medium"),
    ({"quality": "low"}, 272, "1024x1024", "low"),
    ({"quality": "high", "size": "1024x1536"}, 6240, "1024x1536", "high"),
    ({"quality": "medium", "size": "1536x1024", "n": 3}, 3 * 1568, "1536x1024", "medium"),
    ({"quality": "low", "size": "512x512"}, 68, "512x512", "low")])
def test_gpt_image_reports_tokens_by_size_and_quality(sim, more, tokens, size, quality):
    got = sim.answer(MAKE, ask("a" * 9, **more))
    assert got["usage"] == {
        "total_tokens": 3 + tokens, "input_tokens": 3, "output_tokens": tokens,
        "input_tokens_details": {"text_tokens": 3, "image_tokens": 0}}
    assert (got["size"], got["quality"]) == (size, quality)
    assert all(d["b64_json"] for d in got["data"])
    assert counted(sim, "gpt-image-1") == (1, more.get("n", 1), 3, tokens)


@pytest.mark.parametrize("partials", [0, 1, 3])
def test_streamed_images_end_with_usage_and_100_tokens_a_partial_one(sim, partials):
    body = ask("abcd", stream=True, partial_images=partials)
    got = streamed(sim, MAKE, body)
    assert [e["type"] for e in got] == \
        ["image_generation.partial_image"] * partials + ["image_generation.completed"]
    assert [e["partial_image_index"] for e in got[:-1]] == list(range(partials))
    assert len({e["b64_json"] for e in got}) == partials + 1
    assert got[-1]["usage"]["output_tokens"] == 1056 + 100 * partials
    assert got[-1]["b64_json"] == sim.answer(MAKE, ask("abcd"))["data"][0]["b64_json"]
    assert counted(sim, "gpt-image-1") == (2, 2, 2, 2 * 1056 + 100 * partials)


def test_a_stream_makes_one_image(sim):
    got = streamed(sim, MAKE, ask(stream=True, n=4))
    assert len(got) == 1 and got[0]["usage"]["output_tokens"] == 1056
    assert counted(sim, "gpt-image-1")[1] == 1


def test_dall_e_does_not_stream(sim):
    assert sim.answer(MAKE, ask(model="dall-e-3", stream=True))["data"]


def test_edits_count_the_images_they_see(sim):
    status, _, data = sim.post(EDIT, *form(
        ("model", "gpt-image-1"), ("prompt", "abcde"), ("n", "2"), ("size", "1024x1024"),
        ("quality", "low"), ("image[]",) + PNG[1:], ("image[]",) + PNG[1:],
        ("mask",) + PNG[1:]))
    assert status == 200, data
    assert json.loads(data)["usage"] == {
        "total_tokens": 390 + 544, "input_tokens": 390, "output_tokens": 544,
        "input_tokens_details": {"text_tokens": 2, "image_tokens": 388}}
    assert counted(sim, "gpt-image-1") == (1, 2, 390, 544)


def test_streamed_edits_have_names_of_their_own(sim):
    got = streamed(sim, EDIT, *form(
        ("model", "gpt-image-1-mini"), ("prompt", "a"), ("stream", "true"),
        ("partial_images", "1"), PNG))
    assert [e["type"] for e in got] == ["image_edit.partial_image", "image_edit.completed"]
    assert got[-1]["usage"]["input_tokens_details"] == {"text_tokens": 1, "image_tokens": 194}


def test_variations_need_an_image_only_and_default_to_dall_e_2(sim):
    status, _, data = sim.post(VARY, *form(PNG, ("n", "2"), ("response_format", "b64_json")))
    assert status == 200 and len(json.loads(data)["data"]) == 2
    assert counted(sim, "dall-e-2") == (1, 2, 0, 0)
    assert sim.answer(MAKE, {"prompt": "a"}) and counted(sim, "dall-e-2")[0] == 2


@pytest.mark.parametrize("path, model", [(EDIT, "dall-e-3"), (VARY, "gpt-image-1"),
                                         (EDIT, "gpt-4o")])
def test_a_model_serves_its_own_endpoints_only(sim, path, model):
    status, _, data = sim.post(path, *form(("model", model), ("prompt", "a"), PNG))
    assert status == 404 and json.loads(data)["error"]["code"] == "model_not_found"
    assert sim.post(MAKE, ask(model="gpt-4o"))[0] == 404


@pytest.mark.parametrize("more, why", [
    ({"n": 0}, "out of range"), ({"n": 11}, "out of range"), ({"n": 1.5}, "integer"),
    ({"partial_images": 4}, "out of range"), ({"size": "big"}, "size must be"),
    ({"size": "1024"}, "size must be"), ({"size": "1024x"}, "size must be"),
    ({"size": "0x10"}, "size must be"), ({"size": "10000x10"}, "size must be"),
    ({"size": "10x10x10"}, "size must be"), ({"size": 1024}, "expected a string"),
    ({"quality": "best"}, "unknown variant"), ({"response_format": "png"}, "unknown variant"),
    ({"prompt": None}, "missing field `prompt`")])
def test_bodies_that_are_not_in_order_are_refused(sim, more, why):
    status, _, data = sim.post(MAKE, ask(**more) if "prompt" not in more
                               else {**ask(), **more})
    assert status == 400 and why in json.loads(data)["error"]["message"]


@pytest.mark.parametrize("path, parts, why", [
    (EDIT, [("prompt", "a")], "missing field `image`"), (EDIT, [PNG], "missing field `prompt`"),
    (VARY, [("prompt", "a")], "missing field `image`"),
    (VARY, [("image", "text")], "must have a filename"),
    (VARY, [PNG, ("n", "0")], "out of range"), (VARY, [PNG, ("n", "11")], "out of range"),
    (VARY, [PNG, ("n", "100")], "out of range"), (VARY, [PNG, ("n", "")], "out of range"),
    (VARY, [PNG, ("n", "x")], "expected an integer"), (VARY, [PNG, ("size", "x")], "size must")])
def test_forms_that_are_not_in_order_are_refused(sim, path, parts, why):
    status, _, data = sim.post(path, *form(*parts))
    assert status == 400 and why in json.loads(data)["error"]["message"]


@pytest.mark.parametrize("name, check", [
    ("missing", lambda u: u is None), ("negative", lambda u: u["output_tokens"] < 0),
    ("huge", lambda u: u["output_tokens"] > 10 ** 17),
    ("string", lambda u: u["output_tokens"] == "1056"),
    ("float", lambda u: u["output_tokens"] == 1056.5)])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_faults_spoil_the_report_but_not_the_count(sim, name, check, stream):
    body = ask("sim:usage-" + name, stream=stream)
    got = streamed(sim, MAKE, body)[-1] if stream else sim.answer(MAKE, body)
    assert check(got.get("usage"))
    assert counted(sim, "gpt-image-1")[1::2] == (1, 1056)


def test_faults_stand_in_the_prompt(sim):
    assert sim.post(MAKE, ask("sim:status=503"))[0] == 503
    assert sim.post(EDIT, *form(("prompt", "sim:status=503"), PNG))[0] == 503
    sim.arm(fault="status", arg="429")
    assert sim.post(VARY, *form(PNG))[0] == 429


def test_an_image_that_was_not_finished_is_not_counted(sim):
    data = sim.raw(http_request(MAKE, ask("sim:cut=2", stream=True, partial_images=3)))
    assert data.count(b"partial_image\n") == 2 and b"completed" not in data
    assert counted(sim, "gpt-image-1") == (1, 0, 3, 0) and sim.count()["aborted"] == 1
    sim.raw(http_request(MAKE, ask("sim:cut")))
    assert counted(sim, "gpt-image-1") == (2, 1, 5, 1056)


def test_a_client_that_leaves_a_stream_gets_no_image(sim):
    s = sim.open_stream(ask("sim:slow=300", stream=True, partial_images=3), MAKE)
    got = b""
    while b"partial_image\n" not in got:
        got += s.recv(65536)
    s.close()
    wait_for(lambda: sim.count()["streams_open"] == 0)
    assert counted(sim, "gpt-image-1")[1::2] == (0, 0) and sim.count()["aborted"] == 1


def test_no_done_and_error_midstream_end_without_the_image(sim):
    got = streamed(sim, MAKE, ask("sim:no-done", stream=True, partial_images=1))
    assert [e["type"] for e in got] == ["image_generation.partial_image"]
    data = sim.post(MAKE, ask("sim:error-midstream=1", stream=True, partial_images=2))[2]
    assert json.loads(events(data)[-1])["error"]["code"] == "internal_error"


def test_hugeline_makes_the_first_image_that_much_longer(sim):
    got = sim.answer(MAKE, ask("sim:hugeline=100000", n=2))
    assert [len(base64.b64decode(d["b64_json"])) for d in got["data"]] == [101025, 1025]


def test_the_other_dialects_have_no_images(deepseek):
    assert deepseek.post(MAKE, ask())[0] == 404
