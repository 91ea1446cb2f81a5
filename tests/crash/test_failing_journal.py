"""A disk that does not take the journal is seen: in the health report, in
`tollgate status`, and as an event, once, that names the cause."""

import pytest

from injection import CALLS, Strace


def events(gate, type):
    answer = gate.admin("GET", "/events")
    return [event for event in answer.json["data"]
            if event["type"] == type] if answer.status == 200 else []


def health(gate):
    return gate.admin("GET", "/health").json


def goes_on(gate, key):
    """Each worker takes calls, and it is said that all is well."""
    event, = gate.wait(lambda: events(gate, "journal_recovered"), 30,
                       "word that all is well")
    assert event["severity"] == "info"
    for _ in range(20):
        assert gate.chat(key).status == 200
    assert health(gate)["journal"] == {
        "status": "ok", "cause": None, "workers_shut": 0}
    assert health(gate)["status"] == "ok"
    assert "journal" not in gate.must("status")


@pytest.fixture
def fails(own_gate, tmp_path):
    def begin(call, fault):
        return Strace(own_gate.nginx_workers(), tmp_path / "trace",
                      {call: CALLS[call]}, fault)

    return begin


@pytest.mark.parametrize("call, error", [
    ("fdatasync", "EIO"), ("fallocate", "ENOSPC"), ("fdatasync", "EROFS")])
def test_a_disk_that_takes_nothing_is_seen(own_gate, fails, call, error):
    gate = own_gate
    key = gate.key("steady", rpm=10**6, tpm=10**8)
    assert gate.chat(key).status == 200
    assert health(gate)["status"] == "ok"
    with fails(call, f"error={error}"):
        gate.wait(lambda: gate.chat(key).status == 503, 30, "refusal")
        event, = gate.wait(lambda: events(gate, "journal_failing"), 5, "event")
        # It may be told when the first sync failed, and nothing else yet.
        assert event["severity"] in ("critical", "warning")
        assert event["evidence"]["cause"] == error and error in event["message"]
        seen = gate.wait(lambda: next((h for h in [health(gate)] if h[
            "journal"]["status"] == "shut"), None), 5, "health report")
        assert seen["status"] == "degraded"
        assert seen["journal"]["cause"] == error
        assert seen["journal"]["workers_shut"] >= 1
        assert (f"the disk does not keep it ({error}): calls are refused"
                in gate.must("status"))
        gate.kill_daemon()
        gate.wait(lambda: gate.cli("status")[0] == 0, 30, "daemon")
        gate.wait(lambda: health(gate)["journal"]["status"] == "shut", 5,
                  "the same report")
    goes_on(gate, key)
    assert len(events(gate, "journal_failing")) == 1, "it was told once"


def test_a_disk_that_fails_once_is_seen(own_gate, fails):
    gate = own_gate
    key = gate.key("steady", rpm=10**6, tpm=10**8)
    assert gate.chat(key).status == 200
    with fails("fdatasync", "error=EIO:when=1"):
        def event():
            assert gate.chat(key).status == 200, "no call fails for it"
            return events(gate, "journal_failing")
        event, = gate.wait(event, 20, "event")
        assert event["severity"] == "warning"
        assert event["evidence"] == {"cause": "EIO", "workers_shut": 0}
        assert health(gate)["journal"]["status"] == "failing"
        assert "(EIO)" in gate.must("status")
    goes_on(gate, key)
    assert len(events(gate, "journal_failing")) == 1
