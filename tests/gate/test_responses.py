"""POST /v1/responses, in front of each provider that has it."""

import hashlib
import http.client
import json
from decimal import Decimal

import pytest

from conftest import Gate, Sim, http_request

# Of a million tokens: prompt, from cache, completion.
MODELS = {"deepseek": ("deepseek-flash", "0.15", "0.003", "0.60"),
          "openai": ("gpt-4o", "2.5", "1.25", "10"),
          "vllm": ("local/llama", "0.1", "0.1", "0.2")}


@pytest.fixture(scope="module")
def gates(tmp_path_factory):
    """A gate for each dialect, started when a test asks for it."""
    made = {}

    def of(dialect):
        if dialect not in made:
            model, prompt, hit, completion = MODELS[dialect]
            it = Gate(tmp_path_factory.mktemp(dialect) / "home")
            it.sim = Sim(it.home.parent / "sim", ["--dialect", dialect])
            it.start_up()
            it.must("upstreams", "add", "--name", "sim", "--base-url",
                    it.sim.url + "/v1", "--dialect", dialect)
            it.must("credentials", "add", "--upstream", "sim",
                    input="sk-0123456789abcdef0123456789abcdef\n")
            it.must("models", "add", model, "--upstream", "sim", "--prompt",
                    prompt, "--cache-hit", hit, "--completion", completion)
            it.dialect, it.model = dialect, model
            made[dialect] = it
        return made[dialect]

    yield of
    for it in made.values():
        it.stop()


@pytest.fixture(params=["deepseek", "openai", "vllm"])
def one(gates, request):
    return gates(request.param)


def body(gate, text="Say hello.", **members):
    return {"model": gate.model, "input": text, "max_output_tokens": 16,
            **members}


def respond(gate, key, text="Say hello.", **members):
    return gate.request("POST", "/v1/responses", key,
                        body(gate, text, **members),
                        stream=bool(members.get("stream")))


def events(answer):
    found = []
    try:
        for line in answer.lines():
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
    except http.client.IncompleteRead:
        pass
    return found


def served(gate):
    return dict(gate.sim.count()["total"])


def cost_of(gate, call):
    """What the tokens of a call cost, rounded up once to the nano-unit."""
    _, prompt, hit, completion = MODELS[gate.dialect]
    cached = call["prompt_cache_hit_tokens"]
    picos = (cached * Decimal(hit)
             + (call["prompt_tokens"] - cached) * Decimal(prompt)
             + call["completion_tokens"] * Decimal(completion)) * 10**6
    return -(-picos // 1000) / Decimal(10**9)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["Say hello.", "word " * 200])
def test_it_is_metered_to_the_token(one, stream, text):
    key = one.key("metered")
    before = served(one)
    answer = respond(one, key, text, stream=stream,
                     reasoning={"effort": "low"})
    answer.body
    assert answer.status == 200, answer.text
    after = served(one)
    call, = one.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert call["endpoint"] == "POST /v1/responses"
    for member in ("prompt_tokens", "prompt_cache_hit_tokens",
                   "completion_tokens", "reasoning_tokens"):
        assert call[member] == after[member] - before[member], member
    assert call["completion_tokens"] == 16 and call["reasoning_tokens"] > 0
    assert Decimal(call["cost"]) == cost_of(one, call)


def without_names(data):
    """Without what differs from call to call: ids and times."""
    def clean(value):
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items()
                    if k not in ("id", "item_id", "created_at",
                                 "completed_at", "obfuscation")}
        return [clean(v) for v in value] if isinstance(value, list) else value

    lines = []
    for line in data.split(b"\n"):
        head = b"data: " if line.startswith(b"data: ") else b""
        if line[len(head):].startswith(b"{"):
            line = head + json.dumps(clean(json.loads(line[len(head):]))
                                     ).encode()
        lines.append(line)
    return lines


@pytest.mark.parametrize("stream", [False, True])
def test_answers_are_as_without_a_gate(one, stream):
    ask = body(one, stream=stream)
    want = http_request(one.sim.url, "POST", "/v1/responses",
                        {"Authorization": "Bearer x"}, ask)
    got = one.request("POST", "/responses", one.key("same"), ask)
    assert without_names(got.body) == without_names(want.body)


def test_the_body_is_sent_as_it_came(one):
    ask = json.dumps(body(one, stream=True, stream_options={
        "include_obfuscation": False})).encode()
    one.request("POST", "/v1/responses", one.key("as it came"), ask,
                {"Content-Type": "application/json"}).body
    seen, = one.sim.requests(1)
    assert seen["body_sha256"] == hashlib.sha256(ask).hexdigest()
    assert seen["path"] == "/v1/responses"


def test_a_small_budget_makes_a_short_answer(one):
    price = Decimal(MODELS[one.dialect][3])
    key = one.key("small", daily_limit=str(price / 1000))
    answer = respond(one, key, "sim:tokens=5000", max_output_tokens=4000)
    assert answer.status == 200, answer.text
    seen, = one.sim.requests(1)
    limit = json.loads(seen["body"])["max_output_tokens"]
    assert 16 <= limit <= 1000
    assert answer.json["usage"]["output_tokens"] == limit
    assert answer.json["status"] == "incomplete"
    call, = one.wait_calls(1, key)
    assert Decimal(call["cost"]) <= price / 1000


def test_a_limit_is_put_where_there_was_none(one):
    price = Decimal(MODELS[one.dialect][3])
    key = one.key("none", daily_limit=str(price / 1000))
    ask = {"model": one.model, "input": "sim:tokens=5000"}
    answer = one.request("POST", "/v1/responses", key, ask)
    assert answer.status == 200, answer.text
    seen, = one.sim.requests(1)
    sent = json.loads(seen["body"])
    assert sent.pop("max_output_tokens") <= 1000
    assert sent == ask


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault, basis, status", [
    ("keepalive=3", "reported", 200),
    ("crlf", "reported", 200),
    ("bytewise", "reported", 200),
    ("usage-missing", "counted", 200),
    ("usage-negative", "counted", 200),
    ("usage-huge", "counted", 200),
    ("usage-string", "counted", 200),
    ("empty", "none", 502),
    ("status=400", "none", 400),
    ("status=401", "none", 502),
    ("status=500", "none", 502),
    ("status=503", "none", 503),
])
def test_a_fault_is_settled_by_its_basis(gates, stream, fault, basis, status):
    gate = gates("openai")
    key = gate.key("fault")
    answer = respond(gate, key, f"sim:{fault}", stream=stream)
    said = answer.body
    gate.mend()
    assert answer.status == status, said
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["status"]) == (basis, status)
    if basis == "reported":
        assert call["completion_tokens"] == 16
    if basis == "counted":
        assert 0 < call["completion_tokens"] <= 16
    if basis == "none":
        assert Decimal(call["cost"]) == 0


def test_a_stream_without_its_end_is_a_broken_one(one):
    key = one.key("no end")
    found = events(respond(one, key, "sim:no-done", stream=True))
    one.mend()
    assert found[-1]["error"]["code"] == "upstream_error"
    assert any(e.get("type") == "response.output_text.delta" for e in found)
    call, = one.wait_calls(1, key)
    assert (call["basis"], call["code"]) == ("counted", "upstream_error")
    assert 0 < call["completion_tokens"] <= 16


def test_a_stream_that_is_cut_ends_with_an_error(one):
    key = one.key("cut")
    found = events(respond(one, key, "sim:cut=4", stream=True))
    one.mend()
    assert found[-1]["error"]["code"] == "upstream_error"
    call, = one.wait_calls(1, key)
    assert call["basis"] == "counted"
    assert 0 < call["completion_tokens"] < 16


def test_a_client_that_leaves_is_charged_by_count(one):
    key = one.key("leaves")
    before = served(one)
    answer = respond(one, key, "sim:slow=30 sim:tokens=1000", stream=True,
                     max_output_tokens=1000)
    seen = 0
    for line in answer.lines():
        seen += b".delta" in line and line.startswith(b"data: ")
        if seen == 5:
            break
    answer.close()
    call, = one.wait_calls(1, key)
    assert call["code"] == "client_closed_request"
    assert call["basis"] == "counted"
    one.wait(lambda: one.sim.count()["streams_open"] == 0, 5, "end upstream")
    made = served(one)["completion_tokens"] - before["completion_tokens"]
    assert 5 <= call["completion_tokens"] <= made + 5


@pytest.mark.parametrize("members, param", [
    ({"background": True}, "background"),
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"conversation": {"id": "conv_1"}}, "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
    ({"tools": [{"type": "web_search"}]}, "tools"),
    ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
     "tools"),
    ({"tools": [{"type": "code_interpreter"}]}, "tools"),
    ({"tools": [{"type": "image_generation"}]}, "tools"),
    ({"tools": [{"type": "computer_use_preview"}]}, "tools"),
    ({"tools": [{"type": "mcp", "server_url": "https://x"}]}, "tools"),
    ({"service_tier": "flex"}, "service_tier"),
])
def test_what_cannot_be_metered_is_not_sent(one, members, param):
    before = one.sim.count()["requests_seen"]
    answer = respond(one, one.key("unmetered"), **members)
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.json["error"]["param"] == param
    assert one.sim.count()["requests_seen"] == before


def test_what_is_only_usual_is_sent(one):
    answer = respond(
        one, one.key("usual"), background=False, store=False,
        service_tier="auto", previous_response_id=None,
        prompt_cache_key="x", tools=[{"type": "function", "name": "f",
                                      "parameters": {}}])
    assert answer.status == 200, answer.text


def test_an_image_is_held_as_one(one):
    price = Decimal(MODELS[one.dialect][1])
    key = one.key("image", daily_limit=str(price / 10), tpm=10**7)
    url = "data:image/png;base64," + "A" * 1000000

    def ask(part):
        return respond(one, key, input=[{"role": "user", "content": [part]}])

    answer = ask({"type": "input_image", "image_url": url})
    assert answer.status == 200, answer.text
    answer = ask({"type": "input_text", "text": url})
    assert (answer.status, answer.code) == (402, "budget_exceeded")
