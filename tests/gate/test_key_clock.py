"""What is due about keys by the clock: reminders and expiries, once each, not
early, and after a stop of the daemon all the same.  The daemon alone, with
clocks of its own, which are set forward."""

from datetime import timedelta

import pytest

from clock_daemon import DAY, ClockDaemon, instant
from lone_daemon import wait


@pytest.fixture
def daemon(tmp_path):
    it = ClockDaemon(tmp_path).start()
    yield it
    it.clean()


def make(daemon, **members):
    reply = daemon.ask("POST", "/keys", {"name": "clock", **members})
    assert reply.status == 201, reply.body
    return reply.json


def days_told(daemon, key):
    return [event["evidence"]["days_before"]
            for event in daemon.events("key_expiring")
            if event["key_id"] == key["id"]]


def test_an_expiry_is_told_14_7_and_1_days_before(daemon):
    key = make(daemon, expires_at="20d")
    ends = instant(key["expires_at"])
    told = []
    for days in (14, 7, 1):
        daemon.go_to(ends - timedelta(days=days, seconds=3))
        told.append(days)
        wait(lambda: days_told(daemon, key) == told, 20, f"word of {days}")
    assert daemon.events("key_expired") == []
    daemon.go_to(ends)
    wait(lambda: daemon.events("key_expired"), 20, "word of the end")
    for event in daemon.events("key_expiring"):
        due = ends - timedelta(days=event["evidence"]["days_before"])
        assert timedelta() <= instant(event["at"]) - due < timedelta(minutes=1)
    event, = daemon.events("key_expired")
    assert instant(event["at"]) >= ends
    assert event["key_id"] == key["id"]
    assert daemon.get("/keys/" + key["id"]).json["status"] == "expired"


def test_what_came_due_while_it_was_down_is_told_once(daemon):
    key = make(daemon, expires_at="9d")
    ends = instant(key["expires_at"])
    daemon.kill()
    daemon.go_to(ends + timedelta(days=1))
    daemon.start()
    wait(lambda: daemon.events("key_expired"), 20, "word of the end")
    assert sorted(days_told(daemon, key)) == [1, 7]
    daemon.kill()
    daemon.start()
    daemon.forward(DAY)
    other = make(daemon, expires_at="2d")
    daemon.go_to(instant(other["expires_at"]))
    wait(lambda: len(daemon.events("key_expired")) == 2, 20, "the other's")
    assert sorted(days_told(daemon, key)) == [1, 7]


def test_a_change_of_the_expiry_changes_what_is_told(daemon):
    key = make(daemon, expires_at="8d")
    daemon.ask("PATCH", f"/keys/{key['id']}", {"expires_at": "30d"})
    daemon.forward(10 * DAY)
    other = make(daemon, expires_at="8d")
    daemon.forward(2 * DAY)
    wait(lambda: days_told(daemon, other) == [7], 20, "word of the other")
    assert days_told(daemon, key) == []
    daemon.ask("PATCH", f"/keys/{key['id']}", {"expires_at": None})
    daemon.ask("POST", f"/keys/{other['id']}/disable", {})
    last = make(daemon, expires_at="40d")
    daemon.go_to(instant(last["expires_at"]))
    wait(lambda: daemon.events("key_expired"), 20, "word of the last one")
    assert days_told(daemon, key) == [] and days_told(daemon, other) == [7]
    assert [e["key_id"] for e in daemon.events("key_expired")] == [last["id"]]


def test_a_key_without_a_sink_is_told_to_be_due(daemon):
    key = make(daemon, rotation={"interval_days": 2, "grace_days": 1})
    due = instant(key["rotation"]["next_at"])
    daemon.go_to(due - timedelta(days=1))
    wait(lambda: daemon.events("rotation_soon"), 20, "word of what comes")
    daemon.go_to(due)
    event, = wait(lambda: daemon.events("rotation_due"), 20, "word of it")
    assert event["key_id"] == key["id"] and instant(event["at"]) >= due
    assert "tollgate keys rotate" in event["message"]
    assert len(daemon.get("/keys/" + key["id"]).json["secrets"]) == 1
    # By hand: and then it is due again, and told again.
    made = daemon.ask("POST", f"/keys/{key['id']}/rotate", {"grace": "1h"})
    assert made.status == 200, made.body
    daemon.go_to(instant(made.json["rotation"]["next_at"]))
    wait(lambda: len(daemon.events("rotation_due")) == 2, 20, "the next one")
    assert len(daemon.events("rotation_soon")) == 2


def test_an_expiry_in_the_past_is_refused_with_the_cure(daemon):
    reply = daemon.ask("POST", "/keys", {"name": "old",
                                         "expires_at": "2020-01-01"})
    assert reply.status == 400 and reply.error["param"] == "expires_at"
    assert "in the past" in reply.error["message"]
    assert "90d" in reply.error["message"]
