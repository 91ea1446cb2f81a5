"""The simulated upstream: credentials that fare differently, for pools of them."""
import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    DEADLINE_S, KEY, anthropic, bearer, chat, deepseek, http_request, openai, sha256, sim,
    start, wait_for)

GOOD, BAD = bearer("sk-good"), bearer("sk-bad")


def ask(sim, headers, path="/chat/completions", body=None):
    status, _, data = sim.post(path, body or chat(), headers)
    return status, json.loads(data)


def test_calls_are_counted_by_credential_however_it_is_sent(sim):
    ask(sim, bearer("sk-one"))
    ask(sim, {"x-api-key": "sk-one"})
    sim.get("/models", bearer("sk-two"))
    sim.request("GET", "/models", headers={})
    assert sim.count()["credentials"] == {
        sha256("sk-one"): {"requests": 2, "refused": 0, "most_at_once": 1},
        sha256("sk-two"): {"requests": 1, "refused": 0, "most_at_once": 1}}


@pytest.mark.parametrize("status, code, text", [
    ("401", 401, "Authentication Fails, Your api key: ****-bad is invalid"),
    ("402", 402, "Insufficient Balance"), ("503", 503, "Service is too busy"),
    ("429-concurrency", 429, "Your current concurrency is 40"), (500, 500, "Internal"),
    ("418", 418, "Simulated failure")])
def test_one_credential_is_refused_and_the_others_are_not(sim, status, code, text):
    sim.rule("sk-bad", status=status)
    for _ in range(2):
        got, data = ask(sim, BAD)
        assert got == code and text in data["error"]["message"]
    assert ask(sim, GOOD)[0] == 200
    assert sim.request("GET", "/models", headers=BAD)[0] == code
    count = sim.count()
    assert count["total"]["requests"] == 1
    assert count["credentials"][sha256("sk-bad")] == {
        "requests": 3, "refused": 3, "most_at_once": 1}


def test_a_rule_holds_for_count_calls_of_that_credential_only(sim):
    sim.rule("sk-bad", status="503", count=2)
    got = [(ask(sim, GOOD)[0], ask(sim, BAD)[0]) for _ in range(3)]
    assert got == [(200, 503), (200, 503), (200, 200)]
    assert sim.count()["credentials"][sha256("sk-bad")]["refused"] == 2


def test_a_later_rule_replaces_the_earlier_one(sim):
    sim.rule("sk-bad", status="401")
    assert ask(sim, BAD)[0] == 401
    sim.rule("sk-bad", status="402")
    assert ask(sim, BAD)[0] == 402
    sim.rule("sk-bad")
    assert ask(sim, BAD)[0] == 200


def test_a_rule_waits_for_a_credential_that_has_not_called(sim):
    assert sim.rule("sk-new", status="402", count=1) == {
        "sha256": sha256("sk-new"), "status": "402", "count": 1, "concurrency": 0}
    assert sim.count()["credentials"] == {}
    assert [ask(sim, bearer("sk-new"))[0] for _ in range(2)] == [402, 200]


def test_one_call_more_than_the_limit_is_refused_until_another_ends(sim):
    sim.rule(KEY, concurrency=2)
    streams = [sim.open_stream(chat("sim:stall=1", stream=True)) for _ in range(2)]
    for s in streams:
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    status, data = ask(sim, bearer(KEY))
    assert status == 429 and data["error"]["message"].startswith(
        "Your current concurrency is 3, which exceeds your concurrency limit of 2 based on")
    assert ask(sim, GOOD)[0] == 200
    streams.pop().close()
    wait_for(lambda: sim.count()["streams_open"] == 1)
    assert ask(sim, bearer(KEY))[0] == 200
    assert sim.count()["credentials"][sha256(KEY)] == {
        "requests": 4, "refused": 1, "most_at_once": 3}
    streams.pop().close()
    wait_for(lambda: sim.count()["streams_open"] == 0)


def test_calls_that_run_are_still_at_once_after_a_reset(sim):
    s = sim.open_stream(chat("sim:stall=1", stream=True))
    assert s.recv(100).startswith(b"HTTP/1.1 200")
    sim.reset()
    assert sim.count()["credentials"] == {}
    sim.rule(KEY, concurrency=1)
    assert ask(sim, bearer(KEY))[0] == 429
    assert sim.count()["credentials"][sha256(KEY)]["most_at_once"] == 2
    s.close()
    wait_for(lambda: sim.count()["streams_open"] == 0)
    assert ask(sim, bearer(KEY))[0] == 200


def test_counts_are_exact_under_many_clients_with_many_credentials(sim):
    """Two workers, eight clients, a pool of five with one that is limited."""
    sim.rule("sk-0", status="503", count=100)

    def client(_):
        conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
        for i in range(200):
            conn.request("POST", "/chat/completions", json.dumps(chat()), bearer(f"sk-{i % 5}"))
            conn.getresponse().read()
        conn.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(8)))
    count = sim.count()
    assert [count["credentials"][sha256(f"sk-{i}")]["requests"] for i in range(5)] == [320] * 5
    assert count["credentials"][sha256("sk-0")]["refused"] == 100
    assert count["total"]["requests"] == 1500


def test_more_credentials_than_4096_are_counted_as_one(sim):
    conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    for i in range(4100):
        conn.request("GET", "/models", headers=bearer(f"sk-{i}"))
        conn.getresponse().read()
    conn.close()
    got = sim.count()["credentials"]
    assert len(got) == 4097 and got["(other)"]["requests"] == 4
    sim.reset()
    assert sim.count()["credentials"] == {}


def test_a_wrong_key_is_refused_and_counted(start, tmp_path):
    (tmp_path / "key").write_text(KEY)
    sim = start("--key", str(tmp_path / "key"))
    sim.rule("sk-bad", status="503", count=1)
    assert ask(sim, BAD)[0] == 401
    assert ask(sim, bearer(KEY))[0] == 200
    assert sim.count()["credentials"] == {
        sha256("sk-bad"): {"requests": 1, "refused": 1, "most_at_once": 1},
        sha256(KEY): {"requests": 1, "refused": 0, "most_at_once": 1}}


@pytest.mark.parametrize("fixture, path, model, message", [
    ("openai", "/v1/chat/completions", "gpt-4o", "Incorrect API key provided: ****-bad."),
    ("anthropic", "/v1/messages", "claude-sonnet-4-5", "invalid x-api-key")])
def test_a_refusal_is_in_the_words_of_the_dialect(request, fixture, path, model, message):
    sim = request.getfixturevalue(fixture)
    sim.reset()
    sim.rule("sk-bad", status="401", count=1)
    status, data = ask(sim, BAD, path, chat(model=model))
    assert status == 401 and message in data["error"]["message"]


@pytest.mark.parametrize("body, why", [
    ("", "expected"), ("{}", "sha256"), ('{"sha256":"ab"}', "64 hex digits"),
    ('{"sha256":"' + "g" * 64 + '"}', "64 hex digits"),
    ('{"sha256":"' + "\\u0010" * 64 + '"}', "64 hex digits"),
    ('{"sha256":"' + "a" * 64 + '","status":"99"}', "status is a name or number"),
    ('{"sha256":"' + "a" * 64 + '","status":true}', "status is a name or number"),
    ('{"sha256":"' + "a" * 64 + '","count":-2}', "count is"),
    ('{"sha256":"' + "a" * 64 + '","concurrency":-1}', "concurrency"),
    ('{"sha256":"' + "a" * 64 + '","other":1}', "other")])
def test_a_bad_rule_is_refused_with_a_sentence(sim, body, why):
    status, _, data = sim.post("/sim/credential", body)
    assert status == 400 and why in json.loads(data)["error"]["message"]


def test_no_credential_stands_in_the_clear(sim):
    ask(sim, bearer("sk-in-the-clear"))
    assert b"clear" not in sim.request("GET", "/sim/count", headers={})[2]
