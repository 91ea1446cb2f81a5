"""The simulated upstream: POST /responses, whole and streamed."""
import json
import re

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    anthropic, chat, deepseek, events, http_request, openai, sim, vllm, wait_for)

PATH = "/v1/responses"


def ask(given="hello", model="deepseek-flash", **more):
    return {"model": model, "input": given, **more}


def streamed(sim, body):
    """The events of a stream, which must number themselves from 0."""
    _, head, data = sim.post(PATH, {**body, "stream": True})
    assert head["Content-Type"] == "text/event-stream; charset=utf-8"
    got = [json.loads(e) for e in events(data)]
    assert re.findall(r"^event: (.*)$", data.decode(), re.M) == [e["type"] for e in got]
    assert [e["sequence_number"] for e in got] == list(range(len(got)))
    return got


def texts(response):
    return [item["content"][0]["text"] for item in response["output"]]


@pytest.mark.parametrize("path", ["/responses", "/v1/responses"])
def test_deepseek_thinks_by_default_and_says_what_it_used(sim, path):
    got = sim.answer(path, ask("x" * 9))
    assert re.fullmatch(r"resp_[0-9a-f]{24}", got["id"])
    assert (got["object"], got["status"], got["model"]) == (
        "response", "completed", "deepseek-flash")
    thinking, message = got["output"]
    assert thinking["type"] == "reasoning" and thinking["summary"] == []
    assert thinking["content"][0]["type"] == "reasoning_text"
    assert (message["type"], message["role"], message["status"]) == (
        "message", "assistant", "completed")
    assert message["content"][0]["type"] == "output_text"
    assert [len(t.split()) for t in texts(got)] == [8, 16]
    assert got["usage"] == {
        "input_tokens": 3 + 3, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 24, "output_tokens_details": {"reasoning_tokens": 8},
        "total_tokens": 30}
    assert sim.count()["models"]["deepseek-flash"] == {
        **sim.count()["total"], "requests": 1, "prompt_tokens": 6, "completion_tokens": 24,
        "reasoning_tokens": 8}


@pytest.mark.parametrize("more", [{"reasoning": {"effort": "none"}},
                                  {"thinking": {"type": "disabled"}}])
def test_without_thinking_there_is_one_item(sim, more):
    got = sim.answer(PATH, ask(**more))
    assert [item["type"] for item in got["output"]] == ["message"]
    assert got["usage"]["output_tokens_details"] == {"reasoning_tokens": 0}


@pytest.mark.parametrize("fixture", ["openai", "vllm"])
def test_others_think_when_asked_for_an_effort(request, fixture):
    sim = request.getfixturevalue(fixture)
    for reasoning, items in [(None, 1), ({"effort": None}, 1), ({"effort": "none"}, 1),
                             ({"effort": "low"}, 2)]:
        got = sim.answer(PATH, ask(model="gpt-4o", reasoning=reasoning))
        assert len(got["output"]) == items and len(" ".join(texts(got)).split()) == 24


def test_anthropic_has_no_responses(anthropic):
    assert anthropic.post(PATH, ask(model="claude-opus-4-5"))[0] == 404


@pytest.mark.parametrize("most, kinds, words", [
    (5, ["reasoning"], [5]), (8, ["reasoning"], [8]), (9, ["reasoning", "message"], [8, 1])])
def test_max_output_tokens_cuts_and_may_leave_only_thinking(sim, most, kinds, words):
    body = ask(max_output_tokens=most)
    got = sim.answer(PATH, body)
    assert got["status"] == "incomplete" and got["max_output_tokens"] == most
    assert got["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [i["type"] for i in got["output"]] == kinds
    assert [i["status"] for i in got["output"]][-1] == "incomplete"
    assert [len(t.split()) for t in texts(got)] == words
    assert got["usage"]["output_tokens"] == most
    last = streamed(sim, body)[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["usage"] == got["usage"]
    assert texts(last["response"]) == texts(got)


@pytest.mark.parametrize("given, size, messages", [
    ("", 0, 1), ("abcdefgh", 8, 1),
    ([{"role": "user", "content": "abcdefgh"}], 8, 1),
    ([{"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "abcd"}, {"type": "input_image", "image_url": "zz"},
        {"type": "input_text", "text": "efgh"}]}], 8, 1),
    ([{"role": "system", "content": "ab"}, {"content": [
        {"type": "output_text", "text": "cd"}], "role": "assistant"},
      {"role": "user", "content": "e"}], 5, 3),
    ([{"role": "user", "content": "ab"},
      {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
      {"type": "function_call_output", "call_id": "c", "output": "abcdef"}], 8, 3)])
def test_input_is_counted_in_bytes_of_its_texts_and_3_an_item(sim, given, size, messages):
    body = ask(given, instructions="abcd")
    used = sim.answer(PATH, body)["usage"]
    assert used["input_tokens"] == -(-(size + 4) // 4) + 3 * messages


def test_whole_units_of_a_long_input_are_cache_hits(sim):
    used = sim.answer(PATH, ask("a" * 500))["usage"]
    assert (used["input_tokens"], used["input_tokens_details"]["cached_tokens"]) == (128, 128)


@pytest.mark.parametrize("effort, kinds", [("low", ["reasoning", "message"]),
                                           ("none", ["message"])])
def test_stream_builds_what_the_whole_answer_is(sim, effort, kinds):
    body = ask(reasoning={"effort": effort})
    whole = sim.answer(PATH, body)
    got = streamed(sim, body)
    assert [e["type"] for e in got[:2]] == ["response.created", "response.in_progress"]
    assert got[0]["response"]["status"] == "in_progress" and got[0]["response"]["usage"] is None
    deltas = [""] * len(kinds)
    added, done = [], []
    for e in got:
        if e["type"].endswith("_text.delta"):
            deltas[e["output_index"]] += e["delta"]
        elif e["type"] == "response.output_item.added":
            added.append(e["item"]["type"])
        elif e["type"] == "response.output_item.done":
            done.append(e["item"]["type"])
        elif e["type"].endswith("_text.done"):
            assert e["text"] == deltas[e["output_index"]]
    assert added == done == kinds and deltas == texts(whole)
    last = got[-1]
    assert last["type"] == "response.completed"
    for member in ("usage", "status", "model"):
        assert last["response"][member] == whole[member]
    assert texts(last["response"]) == deltas
    assert {e["response"]["id"] for e in got if "response" in e} == {last["response"]["id"]}


def test_input_is_needed(sim):
    for body in ({"model": "deepseek-flash"}, chat(), ask([]), ask(7)):
        assert sim.post(PATH, body)[0] == 400


@pytest.mark.parametrize("given", [
    "sim:status=500", [{"role": "user", "content": "sim:status=500"}],
    [{"content": [{"type": "input_text", "text": "sim:status=500"}], "role": "user"}]])
def test_faults_stand_in_the_users_input(sim, given):
    assert sim.post(PATH, ask(given))[0] == 500
    assert sim.post(PATH, ask([{"role": "system", "content": "sim:status=500"}]))[0] == 200


@pytest.mark.parametrize("name, check", [
    ("missing", lambda u: u is None), ("negative", lambda u: u["output_tokens"] < 0),
    ("huge", lambda u: u["output_tokens"] > 10 ** 17),
    ("string", lambda u: u["output_tokens"] == "24"),
    ("float", lambda u: u["output_tokens"] == 24.5)])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_faults_spoil_the_report_but_not_the_count(sim, name, check, stream):
    body = ask("sim:usage-" + name)
    got = streamed(sim, body)[-1]["response"] if stream else sim.answer(PATH, body)
    assert check(got.get("usage"))
    assert sim.count()["total"]["completion_tokens"] == 24


@pytest.mark.parametrize("pieces", [0, 1, 2, 9, 10, 25, 26])
def test_error_midstream_takes_the_next_number(sim, pieces):
    got = streamed(sim, ask(f"sim:error-midstream={pieces}"))
    assert got[-1]["type"] == "error" and got[-1]["code"] == "server_error"
    assert got[-1]["message"] and "response.completed" not in [e["type"] for e in got]
    assert sim.count()["total"]["completion_tokens"] == min(max(pieces - 1, 0), 24)


def test_cut_counts_the_tokens_that_were_sent(sim):
    data = sim.raw(http_request(PATH, ask("sim:cut=11", stream=True)))
    assert data.count(b"_text.delta\n") == 10 and b"response.completed" not in data
    assert sim.count()["total"]["completion_tokens"] == 10
    assert sim.count()["total"]["reasoning_tokens"] == 8


def test_no_done_leaves_out_the_last_event_and_its_usage(sim):
    got = streamed(sim, ask("sim:no-done"))
    assert got[-1]["type"] == "response.output_item.done"
    assert sim.count()["aborted"] == 0


@pytest.mark.parametrize("effort", ["low", "none"])
def test_hugeline_is_in_the_delta_and_in_the_text(sim, effort):
    body = ask("sim:hugeline=100000", reasoning={"effort": effort})
    got = streamed(sim, body)
    deltas = "".join(e["delta"] for e in got if e["type"] == "response.output_text.delta")
    assert len(deltas) > 100000 and texts(got[-1]["response"])[-1] == deltas


def test_length_and_chunks_follow_the_dialect(sim, openai):
    _, head, data = openai.post(PATH, ask(model="gpt-4o"))
    assert int(head["Content-Length"]) == len(data)
    assert sim.post(PATH, ask())[1]["Transfer-Encoding"] == "chunked"


def test_a_client_that_leaves_is_counted_so_far(sim):
    s = sim.open_stream(ask("sim:slow=50", stream=True), PATH)
    got = b""
    while got.count(b"delta\n") < 4:
        got += s.recv(65536)
    s.close()
    wait_for(lambda: sim.count()["streams_open"] == 0)
    assert sim.count()["aborted"] == 1
    assert 4 <= sim.count()["total"]["completion_tokens"] < 24
