"""kill -9 of the daemon at any point of an answer to a leak, and of a report
of one: the key is shut or it is not; a replacement has its record, and each of
both its entry, or it is not there; and who asks again gets the rest.

The points are the system calls of the daemon, each in turn (strace).
TOLLGATE_SWEEP=1 tries all of them.
"""

import http.client
import os

import pytest

from injection import Strace, made
from lone_daemon import LoneDaemon

SKIP = 1 if os.environ.get("TOLLGATE_SWEEP") else 8
POINTS = {"pwrite64": "pwrite64", "fdatasync": "fdatasync",
          "send": "sendto,sendmsg,writev"}


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    yield daemon
    daemon.clean()


def ask(daemon, path, body):
    """What the daemon answered; None when it died over it, and is gone."""
    try:
        reply = daemon.post(path, body)
    except (OSError, http.client.HTTPException):
        daemon.process.wait(10)
        return None
    assert reply.status in (200, 201), reply.body
    return reply.json


class Outcome:
    """What is there of an answer, or a report, by every book there is."""

    def __init__(self, daemon, key, name):
        self.status = daemon.get(f"/keys/{key}").json["status"]
        self.leaks = daemon.get(f"/leaks?key={key}").json["data"]
        self.events = [
            e for e in daemon.get("/events?type=leak_reported&limit=1000"
                                  ).json["data"] if e["key_id"] == key]
        rows = daemon.get(f"/audit?subject={key}&limit=1000").json["data"]
        self.entries = [r["action"] for r in rows if r["action"][:5] == "leak."]
        self.replacements = [
            k["id"] for k in daemon.get("/keys?limit=1000").json["data"]
            if k["name"] == name and k["id"] != key]


def check_response(outcome, answer):
    shut = outcome.status == "disabled"
    assert [r["replaced_by"] for r in outcome.leaks] == outcome.replacements
    assert len(outcome.leaks) <= shut
    assert len(outcome.entries) == shut + len(outcome.leaks)
    if answer is not None:
        assert outcome.replacements == [answer["replacement"]["id"]]


def check_report(outcome, answer):
    shut = outcome.status == "disabled"
    assert (len(outcome.leaks) == len(outcome.events) == len(outcome.entries)
            == shut)
    assert shut or answer is None


WAYS = {
    "response": (lambda key: (f"/keys/{key['id']}/leak-response", {}),
                 check_response),
    "report": (lambda key: ("/leaks", {"token": key["key"], "disable": True}),
               check_report),
}


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_a_system_call(daemon, tmp_path, way):
    request, check = WAYS[way]
    log = tmp_path / "strace"
    key = daemon.must("/keys", {"name": "counted"})
    with Strace([daemon.process.pid], log, POINTS):
        assert ask(daemon, *request(key))
    counts = made(log, POINTS)
    assert counts["fdatasync"] >= 1 and counts["send"] >= 1, counts
    died = 0
    for name, n in [(name, n) for name in POINTS
                    for n in range(1, counts[name] + 1, SKIP)]:
        key = daemon.must("/keys", {"name": f"{name} {n}"})
        with Strace([daemon.process.pid], log, {name: POINTS[name]},
                    f"signal=KILL:when={n}"):
            answer = ask(daemon, *request(key))
            if answer is not None:
                daemon.kill()
        died += answer is None
        daemon.start()
        outcome = Outcome(daemon, key["id"], f"{name} {n}")
        check(outcome, answer)
        if way == "report" or not outcome.leaks:
            again = ask(daemon, *request(key))
            check(Outcome(daemon, key["id"], f"{name} {n}"), again)
    assert died > 0, "the sweep killed nothing"
    assert daemon.get("/audit/verify").json["status"] == "intact"
