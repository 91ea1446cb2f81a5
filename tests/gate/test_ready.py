"""/healthz and /readyz: what load balancers and supervisors ask without a
key, answered by nginx and the module alone."""

import os
import signal

from conftest import fill_disk, http_request, raw_request, wait

READY = {"status": "ready",
         "checks": {"state": "ok", "journal": "ok", "upstreams": "ok"}}


def ready(gate):
    answer = http_request(gate.url, "GET", "/readyz")
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.json["checks"]


def test_a_gate_is_live_and_ready_to_anybody(gate):
    answer = http_request(gate.url, "GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "live"})
    assert answer.headers["cache-control"] == "no-store"
    answer = http_request(gate.url, "GET", "/readyz")
    assert (answer.status, answer.json) == (200, READY)
    assert answer.headers["cache-control"] == "no-store"


def test_a_key_changes_nothing_and_is_not_looked_at(gate):
    gate.hunt.plant("wrong key", "sk-nonsense")
    for key in (gate.key(), "sk-nonsense"):
        assert gate.request("GET", "/readyz", key).json == READY


def test_head_has_no_body(gate):
    for path in ("/healthz", "/readyz"):
        answer = raw_request(gate.url, f"HEAD {path} HTTP/1.1\r\nHost: x\r\n"
                             "Connection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")


def test_they_are_only_looked_at(gate):
    for path in ("/healthz", "/readyz"):
        answer = http_request(gate.url, "POST", path, body={"a": 1})
        assert answer.status == 405
        assert answer.code == "method_not_allowed"
        assert answer.headers["allow"] == "GET, HEAD"


def test_no_other_path_is_theirs(gate):
    for path in ("/v1/healthz", "/readyz/", "/healthz/x", "/ready"):
        answer = http_request(gate.url, "GET", path)
        assert (answer.status, answer.code) == (404, "not_found"), path


def test_a_request_that_can_be_read_in_two_ways_is_refused(gate):
    answer = raw_request(gate.url, b"GET /readyz HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Length: 3\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer


def test_asking_is_no_call_and_no_denial(own_gate):
    for _ in range(50):
        assert http_request(own_gate.url, "GET", "/readyz").status == 200
    key = own_gate.key()
    assert own_gate.chat(key).status == 200
    wrong = http_request(own_gate.url, "GET", "/nothing")
    assert wrong.status == 404
    own_gate.wait_calls(1)

    def denials():
        return own_gate.cli_json("denials", "list")["data"]

    rows = wait(denials, what="denial")
    assert [row["code"] for row in rows] == ["not_found"]
    assert rows[0]["count"] == 1


def test_a_gate_stays_ready_with_its_daemon_dead(own_gate):
    daemon = own_gate.daemon_pid()
    os.kill(own_gate.up_pid(), signal.SIGSTOP)  # which would start it again
    try:
        os.kill(daemon, signal.SIGKILL)
        wait(lambda: own_gate.admin("GET", "/health").status == 503,
             what="death of the daemon")
        assert http_request(own_gate.url, "GET", "/healthz").status == 200
        assert http_request(own_gate.url, "GET", "/readyz").json == READY
    finally:
        os.kill(own_gate.up_pid(), signal.SIGCONT)


def test_without_an_upstream_it_is_live_and_not_ready(make_gate):
    gate = make_gate()
    gate.start_up()
    assert http_request(gate.url, "GET", "/healthz").status == 200
    assert ready(gate) == (503, {"state": "ok", "journal": "ok",
                                 "upstreams": "none"})


def test_it_is_not_ready_while_every_credential_is_refused(own_gate):
    own_gate.sim.rule("sk-0123456789abcdef0123456789abcdef", status="401")
    own_gate.chat(own_gate.key())
    assert ready(own_gate) == (503, {"state": "ok", "journal": "ok",
                                     "upstreams": "refused"})
    own_gate.sim.reset()
    own_gate.mend()
    assert ready(own_gate)[0] == 200


def test_it_is_not_ready_while_the_journal_has_no_room(small_disk, make_gate):
    gate = make_gate().start()
    old = set(gate.nginx_workers())
    fill_disk(small_disk / "ballast")

    # New workers have no room ahead, and nobody has called them yet.
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(lambda: len(gate.nginx_workers()) == len(old) and
         not old & set(gate.nginx_workers()), 20, "new workers")
    assert ready(gate) == (503, {"state": "ok", "journal": "shut",
                                 "upstreams": "ok"})
    assert http_request(gate.url, "GET", "/healthz").status == 200
    (small_disk / "ballast").unlink()
    wait(lambda: all(ready(gate)[0] == 200 for _ in range(8)), 20,
         "a gate that is ready again")
