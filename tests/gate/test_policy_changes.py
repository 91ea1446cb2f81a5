"""A change of policy decides the very next call."""

CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}


def outcome(gate, key):
    """200, or the code of the refusal."""
    answer = gate.request("POST", "/v1/chat/completions", key, CHAT)
    return 200 if answer.status == 200 else (answer.status, answer.code)


def must(gate, method, path, body=None):
    if body is None and method not in ("GET", "DELETE"):
        body = {}
    answer = gate.admin(method, path, body)
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


def change(gate, key, **members):
    return must(gate, "PATCH", f"/keys/{key.id}", members)


def test_scopes_and_models(gate):
    key = gate.key("narrowed")
    assert outcome(gate, key) == 200
    change(gate, key, scopes=["embeddings"])
    assert outcome(gate, key) == (403, "permission_denied")
    change(gate, key, scopes=["chat"])
    assert outcome(gate, key) == 200
    change(gate, key, models=["deepseek-v4-pro"])
    assert outcome(gate, key) == (404, "model_not_found")
    change(gate, key, models=["deepseek-f*"])
    assert outcome(gate, key) == 200
    change(gate, key, models=None, endpoints=["POST /v1/embeddings"])
    assert outcome(gate, key) == (403, "permission_denied")
    change(gate, key, endpoints=None)
    assert outcome(gate, key) == 200


def test_where_from_and_when(gate):
    key = gate.key("moved")
    change(gate, key, allowed_ips=["192.0.2.0/24"])
    assert outcome(gate, key) == (403, "ip_not_allowed")
    change(gate, key, allowed_ips=["192.0.2.0/24", "127.0.0.0/8"])
    assert outcome(gate, key) == 200
    change(gate, key, allowed_referrers=["https://app.example.com/*"])
    assert outcome(gate, key) == (403, "referrer_not_allowed")
    change(gate, key, allowed_referrers=None, hours="mon-sun 00:00-24:00")
    assert outcome(gate, key) == 200
    change(gate, key, hours=None, expires_at="2099-01-01")
    assert outcome(gate, key) == 200


def test_rates(gate):
    key = gate.key("slowed", rpm=1000)
    for _ in range(5):
        assert outcome(gate, key) == 200
    # A day's calls are counted from when they are limited.
    change(gate, key, limits={"requests_per_day": 2})
    assert [outcome(gate, key) for _ in range(3)] == [
        200, 200, (429, "rate_limit_exceeded")]
    change(gate, key, limits={"requests_per_day": None})
    assert outcome(gate, key) == 200
    change(gate, key, limits={"requests_per_minute": 2})
    assert (429, "rate_limit_exceeded") in [outcome(gate, key)
                                            for _ in range(4)]
    change(gate, key, limits={"requests_per_minute": None})
    assert outcome(gate, key) == 200


def test_pause_and_resume(gate):
    key = gate.key("paused")
    for _ in range(3):
        must(gate, "POST", f"/keys/{key.id}/pause")
        assert outcome(gate, key) == (401, "key_inactive")
        must(gate, "POST", f"/keys/{key.id}/resume")
        assert outcome(gate, key) == 200
    gate.must("keys", "disable", key.id, "--yes")
    assert gate.cli("keys", "resume", key.id)[0] == 1
    assert outcome(gate, key) == (401, "key_disabled")


def test_a_paused_keys_stream_is_cut(gate):
    key = gate.key("streams")
    stream = gate.chat(key, "sim:slow=30 sim:tokens=2000", stream=True)
    events = stream.events()
    next(events)
    must(gate, "POST", f"/keys/{key.id}/pause")
    last = list(events)[-1]
    assert last["error"]["code"] == "key_inactive"


def test_a_hundred_changes_each_decide_the_next_call(gate):
    key = gate.key("restless", rpm=100000)
    changes = [
        ("PATCH", "", {"scopes": ["code"]}, (403, "permission_denied")),
        ("PATCH", "", {"scopes": ["chat"]}, 200),
        ("PATCH", "", {"models": ["other"]}, (404, "model_not_found")),
        ("POST", "/pause", {}, (401, "key_inactive")),
        ("PATCH", "", {"models": None}, (401, "key_inactive")),
        ("POST", "/resume", {}, 200),
        ("PATCH", "", {"allowed_ips": ["::2"]}, (403, "ip_not_allowed")),
        ("PATCH", "", {"allowed_ips": ["127.0.0.1"]}, 200),
        ("PATCH", "", {"endpoints": ["POST /v1/embeddings"]},
         (403, "permission_denied")),
        ("PATCH", "", {"endpoints": []}, 200),
    ]
    for i in range(10):
        for method, tail, body, want in changes:
            must(gate, method, f"/keys/{key.id}{tail}", body)
            assert outcome(gate, key) == want, (i, method, tail, body)


def test_a_deleted_key_is_not_known(gate):
    key = gate.key("gone")
    assert outcome(gate, key) == 200
    gate.must("keys", "delete", key.id, "--yes")
    assert outcome(gate, key) == (401, "invalid_api_key")
    assert len(gate.wait_calls(1, key)) == 1
    assert must(gate, "GET", "/usage?key=" + key.id)["total"]["requests"] == 1


def test_the_next_key_inherits_nothing_of_a_deleted_one(gate):
    """Calls of a deleted key that still run settle for it, not for whoever
    comes after it."""
    old = gate.key("old", rpd=1, monthly_limit="0.01")
    stream = gate.chat(old, "sim:slow=30 sim:tokens=2000", stream=True,
                       max_tokens=2000)
    events = stream.events()
    next(events)
    must(gate, "DELETE", f"/keys/{old.id}")
    new = [gate.key(f"new {i}", rpd=1, monthly_limit="0.01", concurrency=1)
           for i in range(3)]
    assert "error" in list(events)[-1]
    gate.wait_calls(1, old)
    for key in new:
        use = gate.request("GET", "/v1/key", key).json["use"]
        assert use["in_flight"] == 0 and use["requests"] == 0, use
        assert [outcome(gate, key) for _ in range(2)] == [
            200, (429, "rate_limit_exceeded")]
