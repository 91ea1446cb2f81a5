"""GET /key: what its holder sees of a key, without admin rights."""

import datetime
from decimal import Decimal

import pytest

POLICY = {
    "name": "all of it", "scopes": ["chat", "code"],
    "models": ["deepseek-*", "gpt-4o"],
    "endpoints": ["POST /v1/chat/completions"],
    "limits": {"requests_per_second": 50, "requests_per_minute": 600,
               "requests_per_day": 5, "tokens_per_minute": 90000,
               "concurrency": 3, "max_queue_ms": 250},
    "budget": {"monthly": "20.00", "daily": "2.50",
               "timezone": "Asia/Shanghai"},
    "allowed_ips": ["127.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"],
    "allowed_referrers": ["https://app.example.com/*"],
    "hours": "mon-sun 00:00-24:00 Asia/Shanghai",
    "expires_at": "2099-01-01T00:00:00.000Z",
}
CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}
REFERRER = {"Origin": "https://app.example.com"}


def make(gate, **policy):
    made = gate.admin("POST", "/keys", policy)
    assert made.status == 201, made.text
    return made.json


def own(gate, key):
    answer = gate.request("GET", "/v1/key", key, headers=REFERRER)
    assert answer.status == 200, answer.text
    return answer.json


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_every_member_of_the_policy_is_shown(gate):
    made = make(gate, **POLICY)
    shown = own(gate, made["key"])
    for member, value in POLICY.items():
        assert shown[member] == value, member
    for member in ("id", "account_id", "kind", "status", "prefix", "last4",
                   "created_at"):
        assert shown[member] == made[member], member
    assert made["key"] not in str(shown)


def test_a_key_without_limits_says_so(gate):
    made = make(gate, name="free", limits=None)
    shown = own(gate, made["key"])
    assert shown["models"] == shown["endpoints"] == []
    assert shown["allowed_ips"] == shown["allowed_referrers"] == []
    assert shown["hours"] is None
    for name in ("requests_per_second", "requests_per_day", "concurrency",
                 "daily", "monthly", "balance"):
        assert shown["left"][name] is None, name


def test_what_is_left_and_when_it_begins_anew(gate):
    made = make(gate, **POLICY)
    key = made["key"]
    before = datetime.datetime.now(datetime.timezone.utc)
    assert gate.request("POST", "/v1/chat/completions", key, CHAT,
                        headers=REFERRER).status == 200
    gate.wait(lambda: own(gate, key)["use"]["in_flight"] == 0,
              what="end of the call")
    shown = own(gate, key)
    left, cost = shown["left"], Decimal(shown["use"]["cost"])
    assert cost > 0
    assert left["requests_per_day"]["left"] == 4
    assert left["concurrency"] == {"left": 3, "resets_at": None}
    assert left["requests_per_minute"]["left"] in (599, 600)
    assert left["tokens_per_minute"]["left"] <= 90000
    for name, size in (("daily", "2.50"), ("monthly", "20.00")):
        assert Decimal(left[name]["used"]) == cost
        assert Decimal(left[name]["left"]) == Decimal(size) - cost
    assert left["balance"] is None  # its account pays afterwards
    assert Decimal(left["money"]) == Decimal("2.50") - cost
    # Midnight in Shanghai, which has no daylight saving.
    zone = datetime.timezone(datetime.timedelta(hours=8))
    midnight = (before.astimezone(zone) + datetime.timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0)
    month = (midnight.replace(day=1) + datetime.timedelta(days=32)).replace(
        day=1) if midnight.day != 1 else midnight
    assert at(left["daily"]["resets_at"]) == midnight
    assert at(left["requests_per_day"]["resets_at"]) == midnight
    assert at(left["monthly"]["resets_at"]) == month


def test_a_prepaid_accounts_balance(gate):
    account = gate.admin("POST", "/accounts", {
        "name": "prepaid own key", "billing": "prepaid", "granted": "3"}).json
    made = make(gate, name="its", account=account["id"])
    left = own(gate, made["key"])["left"]
    assert left["balance"] == {"left": "3.00", "resets_at": None}


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "api-key"])
def test_any_key_may_ask(gate, header):
    made = make(gate, name="narrow", kind="restricted")
    value = made["key"] if header != "Authorization" else \
        "Bearer " + made["key"]
    answer = gate.request("GET", "/key", headers={header: value})
    assert answer.status == 200 and answer.json["scopes"] == []
