"""Each row of the table of refusals, as the official SDKs raise it: the right
exception, and no second attempt at what is final."""

import json
import re
import subprocess
import time

import pytest

from conftest import ROOT, clean_env

SDK = ROOT / "tests/sdk"
CLIENTS = ["chat", "responses", "messages"]

# By status: OpenAI's exception, Anthropic's, and Anthropic's type.
RAISED = {
    400: ("BadRequestError", "BadRequestError", "invalid_request_error"),
    401: ("AuthenticationError", "AuthenticationError",
          "authentication_error"),
    402: ("APIError", "PaymentRequiredError", "billing_error"),
    403: ("PermissionDeniedError", "PermissionDeniedError",
          "permission_error"),
    404: ("NotFoundError", "NotFoundError", "not_found_error"),
    413: ("APIError", "ContentTooLargeError", "request_too_large"),
    415: ("APIError", "APIError", "invalid_request_error"),
    429: ("RateLimitError", "RateLimitError", "rate_limit_error"),
    502: ("InternalServerError", "InternalServerError", "api_error"),
    503: ("InternalServerError", "ServiceUnavailableError",
          "overloaded_error"),
    504: ("InternalServerError", "GatewayTimeoutError", "timeout_error"),
}

UNKNOWN = "sk-tgp_000000000000000000000000000000234bLS"

# What is final: status, code, and the call that comes to it; `key` names one
# of the fixture's.
FINAL = [
    (401, "missing_api_key", {"key": None}),
    (401, "malformed_api_key", {"key": "sk-nonsense"}),
    (401, "malformed_api_key", {"key": "sk-ant-api03-" + "x" * 93 + "AA"}),
    (401, "malformed_api_key", {"key": UNKNOWN[:-1] + "T"}),
    (401, "invalid_api_key", {"key": UNKNOWN}),
    (401, "key_expired", {"key": "@expired"}),
    (401, "key_disabled", {"key": "@disabled"}),
    (401, "key_inactive", {"key": "@paused"}),
    (403, "account_unverified", {"key": "@unverified"}),
    (403, "account_suspended", {"key": "@suspended"}),
    (403, "ip_not_allowed", {"key": "@elsewhere"}),
    (403, "referrer_not_allowed", {"key": "@page"}),
    (403, "permission_denied", {"key": "@embeddings"}),
    (403, "permission_denied", {"key": "@endpoint"}),
    (404, "model_not_found", {"model": "nothing"}),
    (404, "model_not_found", {"key": "@model"}),
    (400, "invalid_request", {"body": "{"}),
    (400, "invalid_request", {"members": {"service_tier": "flex"}}),
    (400, "duplicate_field",
     {"body": '{"model":"deepseek-flash","model":"deepseek-v4-pro"}'}),
    (400, "model_not_priced", {"model": "unpriced"}),
    (413, "request_too_large", {"body": {"repeat": 33 << 20}}),
    (415, "unsupported_media_type",
     {"body": "{}", "headers": {"content-type": "text/plain"}}),
    (429, "rate_limit_exceeded", {"key": "@day"}),
    (429, "rate_limit_exceeded", {"key": "@tokens", "text": "x" * 9000}),
    (402, "insufficient_balance", {"key": "@poor"}),
    (402, "budget_exceeded", {"key": "@spent"}),
]


def run(gate, rows):
    if not (SDK / "node_modules/@anthropic-ai/sdk").exists():
        pytest.fail("the SDKs are not installed: run script/bootstrap test")
    done = subprocess.run(
        ["node", "table.mjs", json.dumps(rows)], cwd=SDK, timeout=120,
        capture_output=True, text=True, env=clean_env(GATE_URL=gate.url))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def it(tmp_path_factory):
    """A gate that demands verified accounts."""
    from conftest import Gate
    gate = Gate(tmp_path_factory.mktemp("sdk") / "home")
    gate.home.mkdir(mode=0o700)
    (gate.home / "tollgate.conf").write_text(
        "[gate]\nrequire_verification = yes\n")
    try:
        gate.start()
        gate.must("models", "add", "unpriced", "--upstream", "sim")
        yield gate
    finally:
        gate.stop()


def account(gate, name, *commands, billing="postpaid"):
    made = gate.cli_json("accounts", "create", "--name", name, "--billing",
                         billing)
    for command in commands:
        gate.must("accounts", command, made["id"])
    return gate.key(name, account=made["id"])


@pytest.fixture(scope="module")
def keys(it):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    made = {
        "good": it.key("good"),
        "expired": it.key("expired", expires=soon),
        "disabled": it.key("disabled"),
        "paused": it.key("paused"),
        "unverified": account(it, "unverified"),
        "suspended": account(it, "suspended", "verify", "suspend"),
        "poor": account(it, "poor", "verify", billing="prepaid"),
        "elsewhere": it.key("elsewhere", allow_ip="203.0.113.0/24"),
        "page": it.key("page", allow_referrer="https://app.example.com/*"),
        "embeddings": it.key("embeddings", scope="embeddings"),
        "endpoint": it.key("endpoint", endpoint="POST /v1/embeddings"),
        "model": it.key("model", model="deepseek-v4-pro"),
        "day": it.key("day", rpd=1),
        "tokens": it.key("tokens", tpm=1000),
        "spent": it.key("spent", monthly_limit="0.000001"),
    }
    it.must("keys", "disable", made["disabled"].id, "--yes")
    it.must("keys", "pause", made["paused"].id)
    assert it.chat(made["day"]).status == 200
    it.wait(lambda: it.chat(made["expired"]).status == 401,
            what="end of a key")
    return made


def row_of(keys, client, row):
    made = {"client": client, "key": "@good", "model": "deepseek-flash",
            "text": "Say hello.", **row}
    if made["key"] is not None and made["key"].startswith("@"):
        made["key"] = keys[made["key"][1:]]
    return made


@pytest.fixture(scope="module")
def finals(it, keys):
    """What every final row came to with every client, all made at once."""
    rows = [row_of(keys, client, row) for _, _, row in FINAL
            for client in CLIENTS]
    before = it.sim.count()["requests_seen"]
    came = run(it, rows)
    assert it.sim.count()["requests_seen"] == before, "none is a call"
    return [came[i:i + len(CLIENTS)] for i in range(0, len(came),
                                                    len(CLIENTS))]


def is_raised(came, client, status, code):
    openai, anthropic, type = RAISED[status]
    theirs = client == "messages"
    assert came["status"] == status, came
    assert came["raised"] == (anthropic if theirs else openai)
    assert not came["is_connection"]
    assert came["is_server"] == (status >= 500)
    assert came["code"] == code
    if theirs:
        assert came["type"] == type
    assert re.fullmatch("req_[0-9a-f]{32}", came["request_id"])


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("i", range(len(FINAL)), ids=[
    f"{status}-{code}-{i}" for i, (status, code, _) in enumerate(FINAL)])
def test_what_is_final_is_raised_and_not_tried_again(finals, keys, i, client):
    status, code, row = FINAL[i]
    came = finals[i][CLIENTS.index(client)]
    is_raised(came, client, status, code)
    assert came["attempts"] == 1
    sent = row_of(keys, client, row)["key"]
    assert sent is None or sent not in came["message"]


@pytest.mark.parametrize("client", CLIENTS)
def test_what_passes_is_tried_again_and_succeeds(it, client):
    key = it.key("soon", qps=1)
    both = run(it, [row_of({"soon": key}, client, {"key": "@soon"})] * 2)
    assert [came["raised"] for came in both] == [None, None]
    assert sorted(came["attempts"] for came in both) == [1, 2]


@pytest.mark.parametrize("text, status, code", [
    ("sim:empty", 502, "upstream_error"),
    ("sim:status=500", 502, "upstream_error"),
    ("sim:status=503", 503, "upstream_unavailable"),
    ("sim:status=504", 504, "upstream_timeout"),
])
def test_failures_of_the_upstream_are_raised(it, keys, text, status, code):
    for client in CLIENTS:
        came, = run(it, [row_of(keys, client, {"text": text, "retries": 0})])
        it.mend()
        is_raised(came, client, status, code)


@pytest.mark.parametrize("client", CLIENTS)
def test_failures_of_the_upstream_are_tried_again(it, keys, client):
    it.sim.fault("status", "503", count=1)
    came, = run(it, [row_of(keys, client, {})])
    it.mend()
    assert came["raised"] is None, came
    assert came["attempts"] == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("text", ["sim:error-midstream=4", "sim:cut=4"])
def test_a_stream_that_breaks_is_raised_and_not_begun_anew(it, keys, client,
                                                           text):
    came, = run(it, [row_of(keys, client, {"text": text, "stream": True})])
    it.mend()
    assert came["raised"] == "APIError", came
    assert came["attempts"] == 1
    assert came["message"]
