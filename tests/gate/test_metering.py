"""Usage in every shape that an upstream has for it, and in none."""

import http.client
import json

import pytest

from conftest import Sim


@pytest.fixture(scope="module")
def gates(tmp_path_factory, request):
    """A gate for each dialect, started when a test asks for it."""
    from conftest import Gate
    made = {}

    def of(dialect):
        if dialect not in made:
            model = MODEL[dialect]
            gate = Gate(tmp_path_factory.mktemp(dialect) / "home")
            gate.sim = Sim(gate.home.parent / "sim", ["--dialect", dialect])
            gate.start_up()
            gate.must("upstreams", "add", "--name", "sim", "--base-url",
                      gate.sim.url + "/v1", "--dialect", dialect, "--model",
                      model)
            gate.must("credentials", "add", "--upstream", "sim",
                      input="sk-0123456789abcdef0123456789abcdef\n")
            gate.must("models", "add", model, "--upstream", "sim", "--prompt",
                      "0.15", "--cache-hit", "0.03", "--completion", "0.60")
            made[dialect] = gate
        return made[dialect]

    yield of
    for gate in made.values():
        gate.stop()


MODEL = {"openai": "gpt-4o-mini", "vllm": "local/llama",
         "deepseek": "deepseek-flash"}

OPTIONS = [None, {}, {"include_usage": True}, {"include_usage": False},
           {"include_usage": None},
           {"include_usage": False, "continuous_usage_stats": True},
           {"include_usage": True, "continuous_usage_stats": True}]


def straight(gate, dialect, body):
    """The same call without a gate between, by the simulator itself."""
    from conftest import http_request
    return http_request(gate.sim.url, "POST", "/v1/chat/completions",
                        {"Authorization": "Bearer x"}, body).body


def without_names(stream):
    """A stream without what differs from call to call: ids and times."""
    lines = []
    for line in stream.split(b"\n"):
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            head = {k: event.pop(k, None)
                    for k in ("id", "created", "obfuscation")}
            assert head["id"]
            line = b"data: " + json.dumps(event).encode()
        lines.append(line)
    return lines


@pytest.mark.parametrize("dialect", ["openai", "vllm", "deepseek"])
@pytest.mark.parametrize("options", OPTIONS, ids=json.dumps)
def test_a_stream_is_as_the_client_asked_and_metered(gates, dialect,
                                                     options):
    gate = gates(dialect)
    key = gate.key("stream")
    body = {"model": MODEL[dialect], "stream": True, "max_tokens": 7,
            "messages": [{"role": "user", "content": "Count to seven."}]}
    if options is not None:
        body["stream_options"] = options
    want = straight(gate, dialect, body)
    got = gate.request("POST", "/v1/chat/completions", key, body)
    assert without_names(got.body) == without_names(want)
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "reported"
    assert call["completion_tokens"] == 7
    assert call["prompt_tokens"] > 0


def test_only_what_is_needed_is_asked_of_the_upstream(gates):
    body = {"stream": True, "messages": []}
    for dialect, asked in [("openai", True), ("vllm", True),
                           ("deepseek", False)]:
        gate = gates(dialect)
        body["model"] = MODEL[dialect]
        gate.request("POST", "/v1/chat/completions", gate.key("asked"), body)
        seen, = gate.sim.requests(1)
        assert ("include_usage" in seen["body"]) is asked
        gate.request("POST", "/v1/chat/completions", gate.key("asked"),
                     dict(body, stream=False))
        seen, = gate.sim.requests(1)
        assert "include_usage" not in seen["body"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault, basis, status", [
    ("blank=3", "reported", 200),
    ("keepalive=3", "reported", 200),
    ("crlf", "reported", 200),
    ("nospace", "reported", 200),
    ("bytewise", "reported", 200),
    ("close-after", "reported", 200),
    ("usage-missing", "counted", 200),
    ("usage-negative", "counted", 200),
    ("usage-huge", "counted", 200),
    ("usage-string", "counted", 200),
    ("usage-float", "counted", 200),
    ("no-done", "reported", 200),
    ("empty", "none", 502),
    ("status=401", "none", 502),
    ("status=402", "none", 502),
    ("status=400", "none", 400),
    ("status=422", "none", 422),
    ("status=429", "none", 429),
    ("status=429-concurrency", "none", 429),
    ("status=500", "none", 502),
    ("status=503", "none", 503),
    ("status=vllm-401", "none", 502),
    ("redirect", "none", 502),
    ("headers-big=4000", "reported", 200),
    ("hugeline=100000", "reported", 200),
])
def test_a_fault_of_the_upstream_is_settled_by_its_basis(gate, stream, fault,
                                                         basis, status):
    key = gate.key("fault")
    answer = gate.chat(key, f"sim:{fault}", stream=stream, max_tokens=6)
    body = answer.body
    gate.mend()
    assert answer.status == status, body
    if status != 200:
        error = json.loads(body)["error"]
        assert error["message"] and error["code"]
        assert "sk-0123" not in body.decode() and "cdef" not in body.decode()
    call, = gate.wait_calls(1, key)
    assert (call["basis"], call["status"]) == (basis, status)
    if basis == "reported":
        assert call["completion_tokens"] == 6
    if basis == "counted":
        assert 0 < call["completion_tokens"] <= 12
    if basis == "none":
        assert call["cost"] == "0.00" and call["total_tokens"] == 0


def test_a_flat_error_inside_a_200_costs_nothing(gate):
    key = gate.key("flat")
    gate.chat(key, "sim:status=vllm-flat-200")
    call, = gate.wait_calls(1, key)
    assert call["total_tokens"] == 0


@pytest.mark.parametrize("fault", ["cut=2", "error-midstream=2"])
def test_a_stream_that_breaks_ends_with_an_error_event(gate, fault):
    key = gate.key("broken")
    answer = gate.chat(key, f"sim:{fault}", stream=True)
    events = []
    try:
        events.extend(answer.events())
    except Exception as cut:     # the connection ends without its last chunk
        assert "IncompleteRead" in type(cut).__name__, cut
    assert events[-1]["error"]["message"]
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "counted"
    assert 0 < call["completion_tokens"] < 24


def test_garbage_instead_of_json_is_a_502(gate):
    key = gate.key("garbage")
    answer = gate.chat(key, "sim:garbage")
    assert (answer.status, answer.code) == (502, "upstream_error")


def test_an_upstream_that_is_away_is_a_503(make_gate):
    gate = make_gate().start()
    key = gate.key("away")
    gate.sim.process.terminate()
    gate.sim.process.wait(10)
    answer = gate.chat(key)
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    call, = gate.wait_calls(1, key)
    assert call["basis"] == "none" and call["status"] == 503


@pytest.mark.parametrize("dialect,ends", [
    ("vllm", "budget_exceeded"),      # it holds in steps
    ("openai", "stop"),               # it has held all there can be
])
def test_a_budget_that_ends_cuts_streams_in_steps(gates, dialect, ends):
    gate = gates(dialect)
    key = gate.key("made smaller")
    stream = gate.chat(key, "sim:slow=2 sim:tokens=400", n=2, stream=True,
                       model=MODEL[dialect])
    events = [next(stream.events())]
    answer = gate.admin("PATCH", f"/keys/{key.id}",
                        {"budget": {"daily": "0.000000001"}})
    assert answer.status == 200, answer.text
    try:
        for event in stream.events():
            events.append(event)
    except http.client.IncompleteRead:
        pass
    *events, last = events
    said = last["error"]["code"] if "error" in last else \
        last["choices"][0]["finish_reason"]
    assert said == ends
    # The usage that we asked for, and the client did not, is taken out.
    assert all(event["choices"] and "usage" not in event for event in events)
    call, = gate.wait_calls(1, key)
    assert call["basis"] == ("counted" if "error" in last else "reported")
    assert call["status"] == 200
