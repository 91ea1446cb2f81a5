"""The simulated upstream: files, uploads, batches, fine-tuning jobs."""
import http.client
import json
import re

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    AUTH, DEADLINE_S, anthropic, bearer, deepseek, form, http_request, openai, vllm)

LINES = b'{"custom_id":"1"}\n\x00\xff\r\n' * 50


@pytest.fixture
def sim(openai):
    openai.reset()
    return openai


def send(sim, data=LINES, purpose="batch", path="/v1/files"):
    status, _, got = sim.post(path, *form(
        ("purpose", purpose), ("file", data, "a b.jsonl", "application/jsonl")))
    assert status == 200, got
    return json.loads(got)


def post(sim, path, body=None):
    """Status and answer."""
    status, _, data = sim.post(path, body or {})
    return status, json.loads(data)


def counted(sim):
    return {name: tally["requests"] for name, tally in sim.count()["models"].items()}


def test_a_file_can_be_had_again_byte_for_byte_and_deleted(sim):
    file = send(sim)
    assert re.fullmatch(r"file-[0-9a-f]{24}", file["id"])
    assert (file["object"], file["bytes"], file["filename"], file["purpose"], file["status"]) == (
        "file", len(LINES), "a b.jsonl", "batch", "processed")
    at = "/v1/files/" + file["id"]
    assert sim.get(at) == file
    status, head, data = sim.request("GET", at + "/content", headers=AUTH)
    assert (status, data, head["Content-Type"]) == (200, LINES, "application/octet-stream")
    assert sim.request("DELETE", at)[2] == json.dumps(
        {"id": file["id"], "object": "file", "deleted": True}, separators=(",", ":")).encode()
    for method, path in (("GET", at), ("GET", at + "/content"), ("DELETE", at)):
        status, _, data = sim.request(method, path)
        assert (status, json.loads(data)["error"]) == (404, {
            "message": "No such File object: " + file["id"], "type": "invalid_request_error",
            "param": None, "code": None})
    assert counted(sim) == {"(files)": 4}


def test_files_are_listed_the_newest_first(sim):
    assert sim.get("/files") == {"object": "list", "data": [], "first_id": None,
                                 "last_id": None, "has_more": False}
    a, b = send(sim), send(sim, path="/files")
    got = sim.get("/v1/files")
    assert got["data"] == [b, a] and (got["first_id"], got["last_id"]) == (b["id"], a["id"])
    sim.reset()
    assert sim.get("/files")["data"] == []


@pytest.mark.parametrize("parts, why", [
    ([("purpose", "batch")], "'file' is a required property"),
    ([("file", b"x", "a", "b")], "'purpose' is a required property"),
    ([("purpose", "batch"), ("file", "text")], "'file' is a required property")])
def test_a_file_needs_a_purpose(sim, parts, why):
    status, _, data = sim.post("/v1/files", *form(*parts))
    assert status == 400 and json.loads(data)["error"]["message"] == why
    assert sim.post("/v1/files", {"purpose": "batch"})[0] == 400
    assert counted(sim) == {}


def test_an_upload_is_put_together_in_the_order_of_its_parts(sim):
    status, upload = post(sim, "/v1/uploads", {
        "filename": "a.jsonl", "purpose": "batch", "bytes": 6, "mime_type": "text/plain"})
    assert status == 200 and upload["status"] == "pending" and upload["object"] == "upload"
    at = "/v1/uploads/" + upload["id"]
    parts = [json.loads(sim.post(at + "/parts", *form(("data", data, "blob", "x/y")))[2])
             for data in (b"def", b"abc")]
    assert all(p["object"] == "upload.part" and p["upload_id"] == upload["id"] for p in parts)
    status, got = post(sim, at + "/complete", {"part_ids": [parts[1]["id"], parts[0]["id"]]})
    assert status == 200 and got["status"] == "completed" and got["file"]["bytes"] == 6
    assert sim.request("GET", f"/v1/files/{got['file']['id']}/content")[2] == b"abcdef"
    for end in ("/complete", "/cancel"):
        status, got = post(sim, at + end, {"part_ids": []})
        assert status == 400 and got["error"]["message"] == "Upload is already completed."
    assert counted(sim) == {"(files)": 5}


def test_an_upload_with_wrong_parts_is_not_completed_and_can_be_cancelled(sim):
    body = {"filename": "a", "purpose": "batch", "bytes": 4, "mime_type": "text/plain"}
    uploads = [post(sim, "/v1/uploads", body)[1] for _ in range(2)]
    at = "/v1/uploads/" + uploads[0]["id"]
    part = json.loads(sim.post(at + "/parts", *form(("data", b"abc", "b", "x/y")))[2])["id"]
    for ids, why in [([part], "3 bytes"), ([part, "part_x"], "No such Part"),
                     ([7], "No such Part"), (None, "'part_ids' is a required")]:
        status, got = post(sim, at + "/complete", {"part_ids": ids})
        assert status == 400 and why in got["error"]["message"]
    other = f"/v1/uploads/{uploads[1]['id']}/complete"
    assert post(sim, other, {"part_ids": [part]})[0] == 400
    assert post(sim, at + "/cancel")[1]["status"] == "cancelled"
    assert sim.post(at + "/parts", *form(("data", b"a", "b", "x/y")))[0] == 400
    assert post(sim, "/v1/uploads", {**body, "bytes": "4"})[0] == 400
    assert post(sim, "/v1/uploads/upload_x/cancel")[0] == 404


def test_a_batch_is_validated_then_runs_until_it_is_cancelled(sim):
    file = send(sim)["id"]
    status, batch = post(sim, "/v1/batches", {
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"a": "b"}})
    assert status == 200 and re.fullmatch(r"batch_[0-9a-f]{24}", batch["id"])
    assert (batch["object"], batch["status"], batch["input_file_id"], batch["metadata"]) == (
        "batch", "validating", file, {"a": "b"})
    at = "/v1/batches/" + batch["id"]
    assert [sim.get(at)["status"] for _ in range(2)] == ["in_progress"] * 2
    assert post(sim, at + "/cancel")[1]["status"] == "cancelling"
    assert sim.get(at)["status"] == "cancelled" and sim.get(at)["cancelled_at"]
    assert post(sim, at + "/cancel")[0] == 409
    assert [b["id"] for b in sim.get("/v1/batches")["data"]] == [batch["id"]]
    assert sim.request("GET", "/v1/batches/batch_x")[0] == 404
    assert post(sim, "/v1/batches", {"input_file_id": file})[0] == 400
    assert counted(sim) == {"(files)": 1, "(batches)": 7}


def test_a_job_runs_pauses_resumes_and_is_cancelled(sim):
    status, job = post(sim, "/v1/fine_tuning/jobs", {"model": "gpt-4o-mini",
                                                     "training_file": "file-abc"})
    assert status == 200 and re.fullmatch(r"ftjob-[0-9a-f]{24}", job["id"])
    assert (job["object"], job["status"], job["model"], job["training_file"]) == (
        "fine_tuning.job", "validating_files", "gpt-4o-mini", "file-abc")
    at = "/v1/fine_tuning/jobs/" + job["id"]
    assert sim.get(at)["status"] == "running"
    for step, status, got in [("resume", 400, None), ("pause", 200, "paused"),
                              ("pause", 400, None), ("resume", 200, "running"),
                              ("cancel", 200, "cancelled"), ("cancel", 400, None),
                              ("pause", 400, None), ("resume", 400, None)]:
        assert (status, got) == (post(sim, f"{at}/{step}")[0],
                                 sim.get(at)["status"] if status == 200 else None)
    assert sim.get(at)["finished_at"]
    events = sim.get(at + "/events")["data"]
    assert [e["message"] for e in events] == [
        "cancelled", "running", "paused", "running", "created"]
    assert all(e["object"] == "fine_tuning.job.event" for e in events)
    assert sim.get(at + "/checkpoints")["data"] == []
    assert [j["id"] for j in sim.get("/fine_tuning/jobs")["data"]] == [job["id"]]
    for path in ("", "/events", "/checkpoints"):
        assert sim.request("GET", "/v1/fine_tuning/jobs/ftjob-x" + path)[0] == 404
    assert post(sim, "/v1/fine_tuning/jobs", {"model": "a"})[0] == 400
    assert set(counted(sim)) == {"(fine_tuning)"}


@pytest.mark.parametrize("body", ["", "{", "[]", "7"])
@pytest.mark.parametrize("path", ["/uploads", "/batches", "/fine_tuning/jobs"])
def test_a_body_that_is_no_object_is_refused(sim, path, body):
    assert sim.post(path, body)[0] == 400


@pytest.mark.parametrize("method, path, status", [
    ("PUT", "/v1/files", 405), ("GET", "/v1/files/", 404), ("GET", "/v1/files/a/b", 404),
    ("GET", "/v1/files/a/content/", 404), ("GET", "/v1/batches/a/cancel", 405),
    ("GET", "/v1/fine_tuning", 404), ("POST", "/v1/fine_tuning/jobs/a/x", 404)])
def test_other_paths_and_methods_are_refused(sim, method, path, status):
    assert sim.request(method, path, "")[0] == status


def test_deepseek_has_files_under_its_own_ids_and_nothing_else(deepseek):
    deepseek.reset()
    file = send(deepseek, path="/files")
    assert re.fullmatch(r"file-api-[0-9a-f]{24}", file["id"])
    assert deepseek.get("/files/" + file["id"]) == file
    assert deepseek.request("DELETE", "/files/" + file["id"])[0] == 200
    for path in ("/uploads", "/batches", "/fine_tuning/jobs", f"/files/{file['id']}/content"):
        assert deepseek.request("GET", path)[0] == 404


def test_vllm_and_anthropic_have_none(vllm, anthropic):
    for sim in (vllm, anthropic):
        assert sim.request("GET", "/v1/files")[0] == 404


def test_of_more_than_1024_objects_the_oldest_go(sim):
    conn = http.client.HTTPConnection("127.0.0.1", sim.port, timeout=DEADLINE_S)
    body, headers = form(("purpose", "batch"), ("file", b"x", "a", "b/c"))
    ids = []
    for _ in range(1030):
        conn.request("POST", "/v1/files", body, headers)
        ids.append(json.loads(conn.getresponse().read())["id"])
    conn.close()
    assert [f["id"] for f in sim.get("/v1/files")["data"]] == ids[:5:-1]


def test_of_more_than_64_mib_the_oldest_go(sim):
    big = b"x" * (24 << 20)
    ids = [send(sim, big)["id"] for _ in range(3)]
    assert [f["id"] for f in sim.get("/v1/files")["data"]] == [ids[2], ids[1]]


def test_faults_and_rules_hold_for_these_calls_too(sim):
    file = send(sim)["id"]
    sim.arm(fault="status", arg="503")
    assert sim.request("GET", "/v1/files")[0] == 503
    sim.arm(fault="redirect")
    assert sim.request("GET", "/v1/files")[0] == 302
    sim.arm(fault="empty")
    assert sim.request("GET", "/v1/files")[2] == b""
    sim.arm(fault="cut")
    assert sim.raw(http_request(f"/v1/files/{file}/content", b"", method="GET"))\
        .split(b"\r\n\r\n", 1)[1] == LINES[:len(LINES) // 2]
    sim.rule("sk-bad", status="402")
    assert sim.request("GET", "/v1/files", headers=bearer("sk-bad"))[0] == 402
    assert counted(sim) == {"(files)": 2}
