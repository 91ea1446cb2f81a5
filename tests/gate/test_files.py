"""Files, uploads, batches and fine-tuning jobs: by the call, at the price of
the account's row, and never another account's."""

import hashlib
import json
import os
import socket
import threading
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from conftest import Gate, Sim
from forms import FORM, form

FILES, UPLOADS, BATCHES = "/v1/files", "/v1/uploads", "/v1/batches"
JOBS = "/v1/fine_tuning/jobs"
LINES = b'{"custom_id":"1"}\n\x00\xff\r\n--x\r\n' * 50
# Of a call; the services' rows that the fixture adds.
PRICES = {"files": "0.001", "batches": "0.02", "fine_tuning": "1.5"}


def offer(gate, service, upstream="sim", price="0.001"):
    gate.must("models", "add", service, "--upstream", upstream, "--unit",
              "call", "--unit-price", price)


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp("files") / "home",
                sim_args=["--dialect", "openai"], dialect="openai")
    try:
        gate.start()
        for service, price in PRICES.items():
            offer(gate, service, price=price)
        yield gate
    finally:
        gate.stop()


def send(gate, key, data=LINES, purpose="batch"):
    """A file, kept."""
    answer = gate.request("POST", FILES, key, form(
        ("purpose", purpose), ("file", data, "a b.jsonl")), FORM)
    assert answer.status == 200, answer.text
    return answer.json


def post(gate, key, path, body=None):
    answer = gate.request("POST", path, key, {} if body is None else body)
    assert answer.status == 200, answer.text
    return answer.json


def get(gate, key, path):
    answer = gate.request("GET", path, key)
    assert answer.status == 200, answer.text
    return answer.json


def batch_of(file_id, **more):
    return {"input_file_id": file_id, "endpoint": "/v1/chat/completions",
            "completion_window": "24h", **more}


def served(gate):
    return {name: tally["requests"]
            for name, tally in gate.sim.count()["models"].items()}


def walk_files(gate, key):
    file = send(gate, key)
    at = f"{FILES}/{file['id']}"
    assert get(gate, key, at) == file
    assert file["id"] in [f["id"] for f in get(gate, key, FILES)["data"]]
    content = gate.request("GET", at + "/content", key)
    assert (content.status, content.body) == (200, LINES)
    assert content.headers["content-type"] == "application/octet-stream"
    gone = gate.request("DELETE", at, key)
    assert (gone.status, gone.json["deleted"]) == (200, True)
    return ["POST /v1/files", "GET /v1/files/{id}", "GET /v1/files",
            "GET /v1/files/{id}/content", "DELETE /v1/files/{id}"]


def walk_uploads(gate, key):
    def begin():
        return f"{UPLOADS}/" + post(gate, key, UPLOADS, {
            "filename": "a.jsonl", "purpose": "batch", "bytes": 6,
            "mime_type": "text/plain"})["id"]
    at = begin()
    parts = []
    for data in (b"def", b"abc"):
        part = gate.request("POST", at + "/parts", key,
                            form(("data", data, "blob")), FORM)
        assert part.status == 200, part.text
        parts.append(part.json["id"])
    done = post(gate, key, at + "/complete", {"part_ids": parts[::-1]})
    content = gate.request("GET", f"{FILES}/{done['file']['id']}/content", key)
    assert content.body == b"abcdef"
    # What has no body is sent by some with none, by others with {}.
    assert gate.request("POST", begin() + "/cancel", key).json["status"] == \
        "cancelled"
    return ["POST /v1/uploads", *["POST /v1/uploads/{id}/parts"] * 2,
            "POST /v1/uploads/{id}/complete", "GET /v1/files/{id}/content",
            "POST /v1/uploads", "POST /v1/uploads/{id}/cancel"]


def walk_batches(gate, key):
    batch = post(gate, key, BATCHES, batch_of("file-1"))
    at = f"{BATCHES}/{batch['id']}"
    assert get(gate, key, at)["status"] == "in_progress"
    assert batch["id"] in [b["id"] for b in get(gate, key, BATCHES)["data"]]
    assert post(gate, key, at + "/cancel")["status"] == "cancelling"
    return ["POST /v1/batches", "GET /v1/batches/{id}", "GET /v1/batches",
            "POST /v1/batches/{id}/cancel"]


def walk_jobs(gate, key):
    job = post(gate, key, JOBS, {"model": "gpt-4o-mini", "training_file": "f"})
    at = f"{JOBS}/{job['id']}"
    assert get(gate, key, at)["status"] == "running"
    assert job["id"] in [j["id"] for j in get(gate, key, JOBS)["data"]]
    assert post(gate, key, at + "/pause")["status"] == "paused"
    assert post(gate, key, at + "/resume")["status"] == "running"
    assert get(gate, key, at + "/events")["data"]
    assert get(gate, key, at + "/checkpoints")["data"] == []
    assert post(gate, key, at + "/cancel")["status"] == "cancelled"
    own = "/v1/fine_tuning/jobs"
    return [f"POST {own}", f"GET {own}/{{id}}", f"GET {own}",
            f"POST {own}/{{id}}/pause", f"POST {own}/{{id}}/resume",
            f"GET {own}/{{id}}/events", f"GET {own}/{{id}}/checkpoints",
            f"POST {own}/{{id}}/cancel"]


@pytest.mark.parametrize("walk, service", [
    (walk_files, "files"), (walk_uploads, "files"), (walk_batches, "batches"),
    (walk_jobs, "fine_tuning")])
def test_every_call_passes_and_costs_its_price(gate, walk, service):
    key = gate.key(service)
    before = served(gate).get(f"({service})", 0)
    endpoints = walk(gate, key)
    assert served(gate)[f"({service})"] - before == len(endpoints)
    calls = gate.wait_calls(len(endpoints), key)
    assert sorted(c["endpoint"] for c in calls) == sorted(endpoints)
    assert {(c["model"], c["unit"], c["units"], c["basis"], c["status"],
             c["cost"], c["total_tokens"]) for c in calls} == {
        (service, "call", "1", "counted", 200,
         calls[0]["cost"], 0)}
    assert Decimal(calls[0]["cost"]) == Decimal(PRICES[service])
    total = gate.usage_total("--key", key.id)
    assert Decimal(total["cost"]) == len(endpoints) * Decimal(PRICES[service])


def test_a_call_may_cost_nothing(make_gate):
    gate = make_gate(sim_args=["--dialect", "openai"], dialect="openai").start()
    offer(gate, "files", price="0")
    key = gate.key("free")
    answer = gate.request("GET", FILES, key)
    assert answer.status == 200, answer.text
    assert answer.headers["x-tollgate-cost"] == "0.00"


def test_what_has_no_row_says_what_the_operator_has_to_do(make_gate):
    gate = make_gate(sim_args=["--dialect", "openai"], dialect="openai").start()
    key = gate.key("unpriced")
    for method, path, service in (
            ("GET", FILES, "files"), ("DELETE", FILES + "/x", "files"),
            ("POST", UPLOADS + "/x/cancel", "files"), ("GET", BATCHES, "batches"),
            ("GET", JOBS, "fine_tuning")):
        answer = gate.request(method, path, key)
        assert (answer.status, answer.code) == (400, "model_not_priced")
        assert f"tollgate models add {service} " in answer.json["error"]["message"]
    assert gate.sim.count()["requests_seen"] == 0
    code, out, _ = gate.cli("keys", "check", key.id, "--scope", "files", "--json")
    missing, = [c for c in json.loads(out)["checks"] if c["ok"] is False]
    assert (code, missing["name"], missing["code"]) == (
        1, "model", "model_not_priced")
    assert "tollgate models add files --upstream NAME --unit call " in out
    offer(gate, "files")
    assert gate.request("GET", FILES, key).status == 200
    code, out, _ = gate.cli("keys", "check", key.id, "--scope", "files")
    assert code == 0 and "files" in out
    assert "files" not in [m["id"] for m in
                           gate.request("GET", "/v1/models", key).json["data"]]
    assert gate.request("GET", "/v1/models/files", key).status == 404
    chat = gate.request("POST", "/v1/chat/completions", key, {
        "model": "files", "messages": []})
    assert chat.status == 400 and gate.sim.count()["requests_seen"] == 1


# Whose they are


def test_an_account_has_its_own_or_none(make_gate, tmp_path):
    gate = make_gate(sim_args=["--dialect", "openai"], dialect="openai").start()
    other = Sim(tmp_path / "other", ["--dialect", "openai"])
    try:
        offer(gate, "files")
        first = gate.key("first")
        file = send(gate, first)
        account = gate.cli_json("accounts", "create", "--name", "tenant",
                                "--billing", "postpaid")["id"]
        second = gate.key("second", account="tenant")
        at = f"{FILES}/{file['id']}"
        before = gate.sim.count()["requests_seen"]
        for method, path in (("GET", FILES), ("GET", at), ("DELETE", at),
                             ("GET", at + "/content")):
            answer = gate.request(method, path, second)
            assert (answer.status, answer.code) == (400, "model_not_priced")
            assert f"tollgate models add files@{account}" in \
                answer.json["error"]["message"]
        assert gate.sim.count()["requests_seen"] == before
        # Not with the upstream that has the first account's.
        code, _, err = gate.cli("models", "add", "files@tenant", "--upstream",
                                "sim", "--unit", "call", "--unit-price", "0")
        assert code != 0 and "serves 'files'" in err
        gate.must("upstreams", "add", "--name", "own", "--base-url", other.url,
                  "--dialect", "openai", "--model", "unused")
        gate.must("credentials", "add", "--upstream", "own",
                  input="sk-ffffffffffffffffffffffffffffffff\n")
        offer(gate, "files@tenant", "own")
        assert gate.request("GET", FILES, second).json["data"] == []
        assert gate.request("GET", at, second).status == 404
        assert gate.request("DELETE", at, second).status == 404
        mine = send(gate, second, b"mine")
        assert gate.request("GET", f"{FILES}/{mine['id']}", first).status == 404
        assert get(gate, first, at) == file
        call = gate.wait_calls(4, second)[0]
        assert call["model"] == f"files@{account}"
        assert other.count()["models"]["(files)"]["requests"] == 2
        # Nor may a row of the first one go where the other's are.
        code, _, err = gate.cli("models", "add", "batches", "--upstream", "own",
                                "--unit", "call", "--unit-price", "0")
        assert code != 0 and f"files@{account}" in err
    finally:
        other.stop()


def test_a_prompt_names_files_of_its_own_account_only(make_gate):
    gate = make_gate(sim_args=["--dialect", "openai"], dialect="openai").start()
    gate.must("accounts", "create", "--name", "tenant", "--billing", "postpaid")
    first, second = gate.key("first"), gate.key("second", account="tenant")
    prompts = [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
            {"type": "file", "file": {"file_id": "file-1"}}]}]}),
        ("/v1/responses", {"input": [{"role": "user", "content": [
            {"type": "input_file", "file_id": "file-1"}]}]}),
        ("/v1/responses", {"input": [{"role": "user", "content": [
            {"type": "input_image", "File_ID": "file-1"}]}]})]
    for path, body in prompts:
        body["model"] = "gpt-4o"
        answer = gate.request("POST", path, first, body)
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert "models add files" in answer.json["error"]["message"]
    assert gate.sim.count()["requests_seen"] == 0
    offer(gate, "files")
    for path, body in prompts:
        assert gate.request("POST", path, second, body).status == 400
        answer = gate.request("POST", path, first, body)
        assert answer.status == 200, answer.text
    assert gate.sim.count()["requests_seen"] == len(prompts)


@pytest.mark.parametrize("name, args, why", [
    ("files@nobody", ["--unit", "call", "--unit-price", "0"], "account"),
    ("files", ["--unit", "image", "--unit-price", "0"], "unit call"),
    ("files", ["--prompt", "1", "--completion", "1"], "unit call")])
def test_rows_that_could_not_be_used_are_not_made(gate, name, args, why):
    code, out, err = gate.cli("models", "add", name, "--upstream", "sim", *args)
    assert code != 0 and why in err, (out, err)
    assert gate.request("GET", FILES, gate.key("same")).status == 200


@pytest.mark.parametrize("args", [
    ["prices", "add", "files", "--prompt", "1", "--completion", "1"],
    ["prices", "add", "batches", "--unit", "second", "--unit-price", "1"],
    ["upstreams", "add", "--name", "two", "--base-url", "http://127.0.0.1:9",
     "--dialect", "openai", "--model", "files"]])
def test_nor_by_other_ways(gate, args):
    code, out, err = gate.cli(*args)
    assert code != 0 and ("unit call" in err or "--unit call" in err), (out, err)


# Who may


def test_scopes_and_endpoints(gate):
    before = gate.sim.count()["requests_seen"]
    for policy, path in (({"scope": ["chat"]}, FILES),
                         ({"scope": ["files"]}, JOBS),
                         ({"scope": ["fine_tuning"]}, BATCHES),
                         ({"endpoint": ["POST /v1/files"]}, FILES)):
        answer = gate.request("GET", path, gate.key("narrow", **policy))
        assert (answer.status, answer.code) == (403, "permission_denied")
    assert gate.sim.count()["requests_seen"] == before
    key = gate.key("lists", endpoint=["GET /v1/files", "GET /v1/files/{id}"],
                   model=["gpt-4o"])
    assert gate.request("GET", FILES, key).status == 200
    assert gate.request("DELETE", FILES + "/file-1", key).status == 403


@pytest.mark.parametrize("policy, path, body, status, code", [
    ({"model": ["gpt-4o"]}, BATCHES, batch_of("f"), 403, "permission_denied"),
    ({"kind": "development"}, BATCHES, batch_of("f"), 403, "permission_denied"),
    ({"scope": ["files", "embeddings"]}, BATCHES, batch_of("f"), 403,
     "permission_denied"),
    ({"endpoint": ["POST /v1/batches"]}, BATCHES, batch_of("f"), 403,
     "permission_denied"),
    ({}, BATCHES, batch_of("f", endpoint="/v1/batches"), 400, "invalid_request"),
    ({}, BATCHES, batch_of("f", Endpoint="/v1/embeddings"), 400,
     "duplicate_field"),
    ({}, BATCHES, {"input_file_id": "f"}, 400, "invalid_request"),
    ({"model": ["gpt-4o"]}, JOBS, {"model": "gpt-4.1", "training_file": "f"},
     404, "model_not_found"),
    ({}, JOBS, {"training_file": "f"}, 400, "invalid_request"),
    ({}, JOBS, '{"model":"gpt-4o","model":"gpt-4.1"}', 400, "duplicate_field"),
])
def test_a_key_gets_nothing_by_a_batch_or_a_job_that_it_may_not_use(
        gate, policy, path, body, status, code):
    if policy.get("kind"):
        policy = {**policy, "scope": ["files", "chat"]}
    key = gate.key("roundabout", **policy)
    before = gate.sim.count()["requests_seen"]
    answer = gate.request("POST", path, key, body,
                          {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (status, code), answer.text
    assert gate.sim.count()["requests_seen"] == before


def test_a_job_of_a_model_in_the_list(gate):
    key = gate.key("tuner", model=["gpt-4o*"])
    post(gate, key, JOBS, {"model": "gpt-4o-mini", "training_file": "f"})


def test_a_call_that_is_not_affordable_does_not_arrive(gate):
    key = gate.key("poor", daily_limit="1.5")
    body = {"model": "gpt-4o", "training_file": "f"}
    post(gate, key, JOBS, body)
    before = gate.sim.count()["requests_seen"]
    answer = gate.request("POST", JOBS, key, body)
    assert (answer.status, answer.code) == (402, "budget_exceeded")
    assert gate.sim.count()["requests_seen"] == before


# What passes, and what does not


def test_a_query_of_a_list_passes_if_it_is_plain(gate):
    key = gate.key("pages")
    get(gate, key, FILES + "?limit=2&after=file-1&purpose=fine-tune,a.b_c")
    seen, = gate.sim.requests(1)
    assert (seen["path"], seen["query"]) == (
        "/files", "limit=2&after=file-1&purpose=fine-tune,a.b_c")
    get(gate, key, FILES + "?")
    assert gate.sim.requests(1)[0]["query"] == ""
    before = gate.sim.count()["requests_seen"]
    for query in ("a=%2e%2e", "a=b+c", "a[]=b", "a=b;c", "a=" + "b" * 511,
                  "a=b/c", "a=b?c", "metadata%5Ba%5D=b", "a='b"):
        answer = gate.request("GET", FILES + "?" + query, key)
        assert (answer.status, answer.code) == (400, "invalid_request"), query
    answer = gate.request("GET", FILES + "?api_key=" + key)
    assert answer.status in (400, 401)
    assert gate.sim.count()["requests_seen"] == before
    # What is no list has no use for one.
    answer = gate.request("POST", FILES + "?a=%2e", key, form(
        ("purpose", "batch"), ("file", b"x", "a")), FORM)
    assert answer.status == 200
    assert gate.sim.requests(1)[0]["query"] == ""


@pytest.mark.parametrize("method, path, status", [
    ("GET", FILES + "/a.b", 404), ("GET", FILES + "/a/b", 404),
    ("GET", FILES + "/", 404), ("GET", FILES + "/..", 404),
    ("GET", FILES + "/%2e%2e", 404), ("GET", FILES + "/a%2fcontent", 404),
    ("GET", FILES + "/a/content/", 404), ("GET", FILES + "/a;b", 404),
    ("GET", FILES + "/" + "a" * 129, 404), ("GET", "/files/a/../b", 404),
    ("GET", FILES + "//content", 404), ("PUT", FILES, 405),
    ("DELETE", FILES, 405), ("POST", FILES + "/a", 405),
    ("PATCH", BATCHES + "/a", 405), ("GET", UPLOADS + "/a", 404),
    ("GET", JOBS + "/a/cancel", 405), ("GET", "/v1/fine_tuning", 404),
    ("DELETE", "/v1/models/ft:x", 405)])
def test_other_paths_and_methods_do_not_arrive(gate, method, path, status):
    key = gate.key("paths")
    before = gate.sim.count()["requests_seen"]
    assert gate.request(method, path, key).status == status
    assert gate.sim.count()["requests_seen"] == before


def test_what_exists_names_its_methods(gate):
    key = gate.key("methods")
    for path, allow in ((FILES, "GET, POST"), (FILES + "/a", "GET, DELETE"),
                        (BATCHES + "/a/cancel", "POST")):
        answer = gate.request("PUT", path, key)
        assert (answer.status, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("method, path, body, headers, status", [
    ("DELETE", FILES + "/a", "x", {}, 400),
    ("GET", FILES, "{}", {"Content-Type": "application/json"}, 400),
    ("POST", BATCHES + "/a/cancel", "x", {"Content-Type": "application/json"}, 400),
    ("POST", BATCHES + "/a/cancel", "a=b",
     {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", FILES, "{}", {"Content-Type": "application/json"}, 415),
    ("POST", BATCHES, form(("endpoint", "/v1/embeddings")), FORM, 415),
    ("POST", FILES, form(("purpose", "a"), ("purpose", "b")), FORM, 400),
    ("POST", FILES, form(("purpose", "batch"), ("file", b"x", "a"))[:-4], FORM,
     400),
    ("POST", UPLOADS, "", {"Content-Type": "application/json"}, 400),
])
def test_a_body_that_does_not_belong_there_does_not_arrive(
        gate, method, path, body, headers, status):
    key = gate.key("bodies")
    before = gate.sim.count()["requests_seen"]
    answer = gate.request(method, path, key, body, headers)
    assert answer.status == status, answer.text
    assert gate.sim.count()["requests_seen"] == before


def test_what_goes_upstream_is_as_it_was_sent(gate):
    key = gate.key("headers")
    file = send(gate, key)
    gate.request("DELETE", f"{FILES}/{file['id']}", key)
    seen, = gate.sim.requests(1)
    head = dict(map(tuple, seen["headers"]))
    assert (seen["method"], seen["path"]) == ("DELETE", f"/files/{file['id']}")
    assert "Content-Type" not in head and key not in json.dumps(seen)
    assert head.get("Content-Length", "0") == "0"


def test_a_file_is_spooled_and_comes_back_byte_for_byte(gate):
    key = gate.key("large")
    data = os.urandom(24 << 20)
    file = send(gate, key, data)
    assert file["bytes"] == len(data)
    seen, = gate.sim.requests(1)
    assert seen["body_sha256"] == hashlib.sha256(
        form(("purpose", "batch"), ("file", data, "a b.jsonl"))).hexdigest()
    content = gate.request("GET", f"{FILES}/{file['id']}/content", key)
    assert hashlib.sha256(content.body).digest() == hashlib.sha256(data).digest()


def test_a_large_content_does_not_pile_up_in_a_worker(gate):
    """A client that reads slowly: the gate holds a few buffers of it."""
    key = gate.key("slow reader")
    file = send(gate, key, b"x" * (24 << 20))

    def resident():
        return sum(int(line.split()[1]) for pid in gate.nginx_workers()
                   for line in open(f"/proc/{pid}/status")
                   if line.startswith("VmRSS"))
    before = resident()
    answer = gate.request("GET", f"{FILES}/{file['id']}/content", key,
                          stream=True)
    taken = len(answer._response.read(1 << 20))
    assert resident() - before < 8 << 10  # KiB
    taken += len(answer._response.read())
    assert taken == 24 << 20


# What fails


def test_errors_of_the_upstream_pass_and_cost_nothing(gate):
    key = gate.key("errors")
    answer = gate.request("GET", FILES + "/file-none", key)
    assert answer.status == 404
    assert "No such File object: file-none" in answer.json["error"]["message"]
    gate.sim.fault("status", "500", 9)
    try:
        assert gate.request("GET", BATCHES, key).status == 502
    finally:
        gate.sim.reset()
    calls = gate.wait_calls(2, key)
    assert {(c["cost"], c["units"], c["basis"]) for c in calls} == {
        ("0.00", "0", "none")}


def test_an_answer_that_is_no_json_is_not_passed(gate):
    key = gate.key("garbage")
    gate.sim.fault("empty")
    answer = gate.request("GET", FILES, key)
    assert answer.status == 502, answer.text


class Breaking:
    """An upstream that answers the first request of each connection, and to
    those after it closes the connection."""

    def __init__(self):
        self.methods = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection],
                             daemon=True).start()

    def _serve(self, connection):
        answer = b'{"object":"list","data":[]}'
        with connection:
            while head := connection.recv(65536):
                self.methods.append(head.split()[0].decode())
                if answer is None:
                    return
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
                answer = None


@pytest.mark.parametrize("method", ["DELETE", "GET"])
def test_what_an_upstream_may_have_done_is_not_sent_twice(make_gate, method):
    gate = make_gate(sim_args=["--dialect", "openai"], dialect="openai").start()
    upstream = Breaking()
    try:
        gate.must("upstreams", "add", "--name", "breaking", "--base-url",
                  upstream.url, "--dialect", "openai", "--model", "unused")
        gate.must("credentials", "add", "--upstream", "breaking",
                  input="sk-ffffffffffffffffffffffffffffffff\n")
        offer(gate, "files", "breaking")
        key = gate.key("once")
        answers = []
        # One more than there are workers: one of them has its second.
        for _ in range(len(gate.nginx_workers()) + 1):
            upstream.methods.clear()
            answers.append(gate.request(method, FILES + "/file-1", key).status)
            assert upstream.methods == [method]
        assert set(answers) == {200, 502}
    finally:
        upstream.server.close()


def test_a_content_that_is_cut_is_cut_for_the_client(gate):
    key = gate.key("cut")
    file = send(gate, key)
    gate.sim.fault("cut")
    answer = gate.request("GET", f"{FILES}/{file['id']}/content", key,
                          stream=True)
    with pytest.raises(Exception, match="IncompleteRead|reset"):
        answer.body
    call = gate.wait_calls(2, key)[0]
    assert (call["code"], call["cost"]) == ("upstream_error", "0.001")


def test_a_client_that_leaves_a_content_ends_it(gate):
    key = gate.key("leaves")
    file = send(gate, key, b"x" * (24 << 20))
    answer = gate.request("GET", f"{FILES}/{file['id']}/content", key,
                          stream=True)
    answer._response.read(1000)
    answer.close()
    call = gate.wait_calls(2, key)[0]
    assert call["code"] == "client_closed_request"
    assert call["cost"] == "0.001"


def test_a_client_that_leaves_a_half_sent_file_leaves_no_trace(gate):
    key = gate.key("half")
    parts = urlsplit(gate.url)
    before = gate.sim.count()["requests_seen"]
    body = form(("purpose", "batch"), ("file", b"x" * 100000, "a"))
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.sendall(f"POST {FILES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                  f"{key}\r\nContent-Type: {FORM['Content-Type']}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:50000])
    gate.wait(lambda: gate.request("GET", "/v1/key", key).json["use"]
              ["in_flight"] == 0, 5, "end of the call")
    assert gate.request("GET", FILES, key).status == 200
    assert gate.sim.count()["requests_seen"] == before + 1
    gate.wait_calls(1, key)
