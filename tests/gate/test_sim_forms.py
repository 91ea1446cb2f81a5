"""The simulated upstream: multipart bodies, as it records them."""
import hashlib

import pytest

from sim_calls import AUTH, deepseek, form, sim  # noqa: F401  (some are fixtures)


def last(sim):
    record, = sim.get("/sim/requests?last=1", {})["data"]
    return record


def test_a_form_is_recorded_part_by_part(sim):
    data = bytes(range(256)) * 100
    body, headers = form(("model", "whisper-1"), ("prompt", "caf\u00e9" * 100),
                         ("file", data, "a b.mp3", "audio/mpeg"), ("empty", ""))
    sim.post("/v1/chat/completions", body, headers)
    got = last(sim)
    assert got["form"] == [
        {"name": "model", "bytes": 9, "value": "whisper-1"},
        {"name": "prompt", "bytes": 500, "value": "caf\u00e9" * 51 + "c"},
        {"name": "file", "bytes": 25600, "filename": "a b.mp3", "media": "audio/mpeg"},
        {"name": "empty", "bytes": 0, "value": ""}]
    assert got["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert got["body_bytes"] == len(body)


def test_a_form_that_is_none_says_why(sim):
    body, headers = form(("model", "a"), ("n", "1"))
    sim.post("/v1/chat/completions", body[:-8], headers)
    assert last(sim)["form"] == [{"name": "model", "bytes": 1, "value": "a"},
                                 {"fault": "the form has no end"}]


@pytest.mark.parametrize("media", ["application/json", "multipart/mixed; boundary=b0undary"])
def test_other_bodies_have_no_form(sim, media):
    body, _ = form(("model", "a"))
    sim.post("/v1/chat/completions", body, {**AUTH, "Content-Type": media})
    assert "form" not in last(sim)
