"""A change of policy decides the very next call."""

import datetime

import pytest

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


def test_rates_a_second_and_at_once(gate):
    key = gate.key("hurried", rpm=100000)
    change(gate, key, limits={"requests_per_second": 1})
    answers = [outcome(gate, key) for _ in range(20)]
    assert (429, "rate_limit_exceeded") in answers and answers[0] == 200
    change(gate, key, limits={"requests_per_second": None})
    assert [outcome(gate, key) for _ in range(5)] == [200] * 5
    stream = gate.chat(key, "sim:slow=30 sim:tokens=2000", stream=True)
    events = stream.events()
    next(events)
    change(gate, key, limits={"concurrency": 1})
    assert outcome(gate, key) == (429, "rate_limit_exceeded")
    change(gate, key, limits={"concurrency": 2})
    assert outcome(gate, key) == 200
    change(gate, key, limits={"concurrency": 1, "max_queue_ms": 60000})
    stream.close()
    assert outcome(gate, key) == 200  # it waits for the stream's end


def test_tokens_a_minute(gate):
    key = gate.key("wordy")
    change(gate, key, limits={"tokens_per_minute": 1})
    assert outcome(gate, key) == (429, "rate_limit_exceeded")
    change(gate, key, limits={"tokens_per_minute": None})
    assert outcome(gate, key) == 200


@pytest.mark.parametrize("member", ["daily", "monthly"])
def test_budgets(gate, member):
    key = gate.key("thrifty")
    assert outcome(gate, key) == 200
    change(gate, key, budget={member: "0.000000001"})
    assert outcome(gate, key) == (402, "budget_exceeded")
    change(gate, key, budget={member: "5", "timezone": "Asia/Shanghai"})
    assert outcome(gate, key) == 200
    own = gate.request("GET", "/v1/key", key).json
    assert own["budget"][member] == "5.00"
    assert own["budget"]["timezone"] == "Asia/Shanghai"
    # What was used before there was a budget counts.
    assert own["left"][member]["used"] != "0.00"
    change(gate, key, budget={member: None})
    assert outcome(gate, key) == 200


def test_hours_and_expiry(gate):
    key = gate.key("timed")
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = (now.hour + 12) % 24
    change(gate, key, hours=f"daily {hour:02}:00-{hour:02}:15")
    assert outcome(gate, key) == (403, "permission_denied")
    change(gate, key, hours=None)
    soon = now + datetime.timedelta(seconds=1)
    change(gate, key, expires_at=soon.isoformat())
    gate.wait(lambda: outcome(gate, key) == (401, "key_expired"),
              what="end of the key")
    change(gate, key, expires_at=None)
    assert outcome(gate, key) == 200


def test_names_and_what_people_write(gate):
    key = gate.key("before")
    members = {"name": "after", "description": "more", "owner": "ann",
               "labels": {"team": "a"}}
    shown = change(gate, key, **members)
    assert {name: shown[name] for name in members} == members
    assert gate.request("GET", "/v1/key", key).json["name"] == "after"
    shown = change(gate, key, description=None, owner=None, labels=None)
    assert shown["description"] is shown["owner"] is None
    assert shown["labels"] == {} and shown["name"] == "after"


@pytest.mark.parametrize("members,param", [
    ({"kind": "restricted"}, "kind"),
    ({"account": "default"}, "account"),
    ({"status": "active"}, "status"),
    ({"limits": {"rpm": 1}}, "limits.rpm"),
    ({"budget": {"yearly": "1"}}, "budget.yearly"),
    ({"rpm": 1}, "rpm"),
])
def test_unknown_members_change_nothing(gate, members, param):
    key = gate.key("strict")
    before = must_get(gate, f"/keys/{key.id}")
    answer = gate.admin("PATCH", f"/keys/{key.id}", {"name": "x", **members})
    error = answer.json["error"]
    assert (answer.status, error["code"], error["param"]) == (
        400, "unknown_member", param)
    assert must_get(gate, f"/keys/{key.id}") == before


def must_get(gate, path):
    answer = gate.admin("GET", path)
    assert answer.status == 200, answer.text
    return answer.json


def if_match(gate, method, path, tag, body=None):
    token = (gate.home / "admin.token").read_text().strip()
    body = None if method == "DELETE" else body or {}
    return gate.request(method, "/admin/v1" + path, token, body,
                        {"If-Match": tag})


def test_a_change_of_what_was_seen(gate):
    """If-Match: two operators, of whom the second has old news."""
    key = gate.key("shared")
    path = f"/keys/{key.id}"
    seen = gate.admin("GET", path).headers["etag"]
    assert seen[0] == seen[-1] == '"'
    first = if_match(gate, "PATCH", path, seen, {"limits": {
        "requests_per_minute": 7}})
    assert first.status == 200 and first.headers["etag"] != seen
    second = if_match(gate, "PATCH", path, seen, {"name": "mine"})
    assert (second.status, second.code) == (412, "precondition_failed")
    assert first.headers["etag"] in second.json["error"]["message"]
    assert "etag" not in second.headers
    assert must_get(gate, path)["name"] == "shared"
    now = first.headers["etag"]
    assert if_match(gate, "PATCH", path, f'"other", {now}',
                    {"name": "both"}).status == 200
    assert if_match(gate, "PATCH", path, "*", {"name": "any"}).status == 200
    assert if_match(gate, "PATCH", path, "W/" + now, {}).status == 412
    assert if_match(gate, "POST", path + "/pause", now).status == 412
    assert if_match(gate, "DELETE", path, now).status == 412
    assert outcome(gate, key) == 200
    assert if_match(gate, "PATCH", "/keys/key_nothere", "*").status == 404


def test_use_does_not_change_a_keys_tag(gate):
    key = gate.key("used")
    path = f"/keys/{key.id}"
    seen = gate.admin("GET", path).headers["etag"]
    assert outcome(gate, key) == 200
    gate.wait(lambda: must_get(gate, path)["last_used_at"], what="use")
    assert gate.admin("GET", path).headers["etag"] == seen
    assert if_match(gate, "PATCH", path, seen, {"name": "x"}).status == 200


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
