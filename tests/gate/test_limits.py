"""Where a key works, when, how often."""

import re
import threading

import pytest

CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}


def chat(gate, key, **headers):
    return gate.request("POST", "/v1/chat/completions", key, CHAT,
                        {k.replace("_", "-"): v for k, v in headers.items()})


def test_networks(gate):
    inside = gate.key("inside", allow_ip=["10.0.0.0/8", "127.0.0.0/8"])
    assert chat(gate, inside).status == 200
    outside = gate.key("outside", allow_ip=["10.0.0.0/8", "::1/128"])
    answer = chat(gate, outside, X_Forwarded_For="10.1.2.3")
    assert (answer.status, answer.code) == (403, "ip_not_allowed")
    assert "127.0.0.1" in answer.json["error"]["message"]
    assert gate.request("GET", "/v1/models", outside).status == 403


def test_referrers(gate):
    key = gate.key("page", allow_referrer="https://app.example.com/*")
    assert chat(gate, key, Origin="https://app.example.com").status == 200
    assert chat(gate, key,
                Referer="https://app.example.com/chat?q=1").status == 200
    for headers in ({}, {"Origin": "https://evil.example"},
                    {"Origin": "null"},
                    {"Origin": "https://app.example.com.evil.example"},
                    {"Referer": "https://evil.example/"
                                "https://app.example.com/"}):
        answer = chat(gate, key, **headers)
        assert (answer.status, answer.code) == (403, "referrer_not_allowed")


def test_hours(gate):
    assert chat(gate, gate.key("always", hours="mon-sun 00:00-24:00 UTC")
                ).status == 200
    import datetime
    now = datetime.datetime.now(datetime.timezone.utc)
    day = ["mon", "tue", "wed", "thu", "fri", "sat",
           "sun"][(now + datetime.timedelta(days=2)).weekday()]
    answer = chat(gate, gate.key("later", hours=f"{day} 08:00-09:00 UTC"))
    assert (answer.status, answer.code) == (403, "permission_denied")
    assert re.search(r"again from 20\d\d-\d\d-\d\dT08:00:00",
                     answer.json["error"]["message"])


def test_requests_a_minute(gate):
    key = gate.key("minute", rpm=3)
    for left in (2, 1, 0):
        answer = chat(gate, key)
        assert answer.status == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "3"
        assert answer.headers["x-ratelimit-remaining-requests"] == str(left)
        assert answer.headers["x-ratelimit-reset-requests"].endswith("s")
    before = gate.sim.count()["requests_seen"]
    answer = chat(gate, key)
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert "3 requests per minute" in answer.json["error"]["message"]
    assert 0 < int(answer.headers["retry-after-ms"]) <= 20000
    assert 0 < int(answer.headers["retry-after"]) <= 20
    assert gate.sim.count()["requests_seen"] == before
    assert gate.request("GET", "/v1/models", key).status == 200, "is free"


def test_every_admitted_call_counts_once_in_parallel(gate):
    key = gate.key("parallel", rpm=25)
    statuses = []

    def run():
        for _ in range(10):
            statuses.append(chat(gate, key).status)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One more comes free every 2.4 seconds.
    assert 25 <= statuses.count(200) <= 27
    assert statuses.count(200) + statuses.count(429) == 80


def test_tokens_a_minute(gate):
    key = gate.key("tokens", tpm=2000)
    text = "word " * 1000
    answer = gate.chat(key, text, max_tokens=3)
    assert answer.status == 200
    assert answer.headers["x-ratelimit-limit-tokens"] == "2000"
    answer = gate.chat(key, text, max_tokens=3)
    assert answer.status == 429
    assert "2000 tokens per minute" in answer.json["error"]["message"]
    answer = gate.chat(key, "word " * 4000)
    assert answer.status == 429
    assert answer.headers["x-should-retry"] == "false"


def test_requests_a_day(gate):
    key = gate.key("day", rpd=2)
    assert [chat(gate, key).status for _ in range(3)] == [200, 200, 429]
    answer = chat(gate, key)
    assert "2 requests per day" in answer.json["error"]["message"]
    assert "T00:00:00" in answer.json["error"]["message"]
    assert answer.headers["x-should-retry"] == "false"


def test_calls_at_once(gate):
    key = gate.key("once", concurrency=1)
    stream = gate.chat(key, "sim:slow=30 sim:tokens=500", stream=True)
    events = stream.events()
    next(events)
    answer = chat(gate, key)
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert "1 call at once" in answer.json["error"]["message"]
    stream.close()
    gate.wait(lambda: chat(gate, key).status == 200, 5, "end of the stream")


@pytest.mark.parametrize("fault", ["status=500", "empty", "cut=1"])
def test_a_failed_call_is_not_in_flight_for_ever(gate, fault):
    key = gate.key("failed", concurrency=1)
    for _ in range(3):
        try:
            assert gate.chat(key, f"sim:{fault}").status != 429
        except Exception as cut:
            assert "cut" in fault, cut
    assert gate.request("GET", "/v1/key", key).json["use"]["in_flight"] == 0
