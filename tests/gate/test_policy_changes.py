"""A change of policy decides the very next call."""

import pytest

CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}


def outcome(gate, key):
    """200, or the code of the refusal."""
    answer = gate.request("POST", "/v1/chat/completions", key, CHAT)
    return 200 if answer.status == 200 else (answer.status, answer.code)


def must(gate, method, path, body=None):
    answer = gate.admin(method, path, body if body is not None else {})
    assert answer.status in (200, 201), answer.text
    return answer.json


def test_account_suspended_and_resumed(gate):
    account = must(gate, "POST", "/accounts", {"name": "comes and goes",
                                               "billing": "postpaid"})
    key = gate.key("its", account="comes and goes")
    other = gate.key("another's")
    for _ in range(3):
        assert outcome(gate, key) == 200
        must(gate, "POST", f"/accounts/{account['id']}/suspend")
        assert outcome(gate, key) == (403, "account_suspended")
        assert outcome(gate, other) == 200
        must(gate, "POST", f"/accounts/{account['id']}/resume")
    assert outcome(gate, key) == 200
    gate.must("accounts", "suspend", account["id"])
    assert outcome(gate, key) == (403, "account_suspended")
    gate.must("accounts", "resume", account["id"])
    assert outcome(gate, key) == 200
