"""POST /v1/messages and /anthropic/v1/messages: as Anthropic's clients know
them, refusals and limits included."""

import re


def is_anthropic(answer, status, type, code):
    """Whether a refusal is in Anthropic's envelope, its id in the header."""
    assert answer.status == status, answer.text
    body = answer.json
    error = body["error"]
    assert body["type"] == "error"
    assert (error["type"], error["code"]) == (type, code), error
    assert re.fullmatch("req_[0-9a-f]{32}", body["request_id"])
    assert answer.headers["request-id"] == body["request_id"]
    assert answer.headers["x-request-id"] == body["request_id"]
    return error


def test_a_path_of_theirs_that_is_none_is_refused_their_way(gate):
    key = gate.key("path")
    answer = gate.request("POST", "/anthropic/v1/complete", key, {})
    is_anthropic(answer, 404, "not_found_error", "not_found")
    answer = gate.request("POST", "/anthropic/v1/x%2f", key, {})
    is_anthropic(answer, 404, "not_found_error", "not_found")


def test_nginx_itself_refuses_their_way_there(gate):
    answer = gate.request("POST", "/anthropic/v1/messages", gate.key("large"),
                          body=b"x", headers={"Content-Length": "99999999"})
    is_anthropic(answer, 413, "request_too_large", "request_too_large")
