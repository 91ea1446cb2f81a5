"""Seven days of virtual time with a thousand keys on schedules, while the
daemon is killed and started anew: every rotation, expiry and reminder comes
once, none early, none lost.  Each new secret is where programs read it, and
the old one lives for the grace from then on.

The daemon's clocks are ours and go from one due time to the next; a server
takes the new secrets as Vault does.  TOLLGATE_DAYS makes it longer,
TOLLGATE_SEED draws the kills.
"""

import hashlib
import os
import random
import secrets
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from datetime import timedelta

import pytest

from clock_daemon import DAY, ClockDaemon, instant
from lone_daemon import wait
from secret_servers import Vault

DAYS = int(os.environ.get("TOLLGATE_DAYS", "7"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
KEYS, BATCHES = 1000, 4
# What is due within it is waited for together, so all may be as late, and a
# start of the daemon later.
MARGIN_S, LATE_S = 20, 90
SCHEDULES = [(1, 0), (2, 1), (3, 2), (5, 2)]    # days, days of grace
EXPIRIES = [1, 2, 6, 8, 9, 15, 16, 20]          # days


class Week:
    def __init__(self, daemon, vault):
        self.daemon, self.vault = daemon, vault
        self.keys = {}              # by id: what was asked for
        self.pick = random.Random(SEED)
        self.kills = self.stops = 0

    def rows(self, sql, *values):
        with closing(sqlite3.connect(
                f"file:{self.daemon.home}/store.db?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def make(self, n, sink):
        kind = n % 10               # 7 with a schedule, of these 1 no sink
        body = {"name": f"key {n}"}
        wants = {"interval": None, "expiry": None, "has_sink": kind < 6}
        if kind < 7:
            days, grace = SCHEDULES[n // 10 % len(SCHEDULES)]
            body["rotation"] = {"interval_days": days, "grace_days": grace}
            wants.update(interval=days, grace=grace)
        if kind % 2 == 1 or kind > 6:
            days = EXPIRIES[n // 10 % len(EXPIRIES)]
            body["expires_at"] = f"{days}d"
        key = self.daemon.must("/keys", body)
        wants["made"] = instant(key["created_at"])
        if key["expires_at"]:
            wants["expiry"] = instant(key["expires_at"])
        if wants["has_sink"]:
            reply = self.daemon.ask("PUT", f"/keys/{key['id']}/sinks", {
                "sinks": [{"sink": sink, "place": f"app/{key['id']}",
                           "name": "KEY"}]})
            assert reply.status == 200, reply.body
        self.keys[key["id"]] = wants

    def next_due(self):
        """Of what is on the agenda, but what is only looked at again."""
        at, = self.rows(
            "SELECT min(at) FROM errands JOIN keys ON keys.id = key_id WHERE "
            "what <> 'rotation' OR at = rotated_at + rotate_days * 86400000"
        )[0]
        return at

    def is_at_rest(self):
        now_ms = self.daemon.now().timestamp() * 1000
        return self.rows("SELECT (SELECT count(*) FROM errands WHERE at < ?) "
                         "+ (SELECT count(*) FROM deliveries WHERE "
                         "state = 'waiting')", now_ms) == [(0,)]

    def disturb(self):
        """In the middle of what is due, or before it is begun."""
        what = self.pick.random()
        if what < 0.25:
            time.sleep(self.pick.random() * 1.5)
            self.daemon.kill()
            self.kills += 1
        elif what < 0.35:
            assert self.daemon.stop() == 0
            self.stops += 1
        else:
            return
        self.daemon.start()

    def go_on(self, until):
        """Does what is due up to an instant, and goes there."""
        while True:
            at = self.next_due()
            if at is None or at / 1000 + MARGIN_S >= until.timestamp():
                break
            self.daemon.forward(max(0, int(
                at / 1000 + MARGIN_S - self.daemon.now().timestamp()) + 1))
            self.disturb()
            wait(self.is_at_rest, 60, "all that is due")
        self.daemon.go_to(until)


def times_of(week, kind):
    """By key, when events of a kind were told, and their evidence."""
    found = defaultdict(list)
    for event in week.daemon.events(kind):
        found[event["key_id"]].append((instant(event["at"]),
                                       event["evidence"]))
    return found


def is_in_time(at, due):
    return timedelta(0) <= at - due <= timedelta(seconds=LATE_S)


def check_expiries(week, end):
    told, over = times_of(week, "key_expiring"), times_of(week, "key_expired")
    count = 0
    for key_id, wants in week.keys.items():
        due = {days: wants["expiry"] - timedelta(days=days)
               for days in (14, 7, 1, 0)} if wants["expiry"] else {}
        due = {days: at for days, at in due.items()
               if wants["made"] < at < end}
        got = [(evidence["days_before"], at)
               for at, evidence in told[key_id]]
        got += [(0, at) for at, _ in over[key_id]]
        assert sorted(days for days, _ in got) == sorted(due), (key_id, wants)
        for days, at in got:
            assert is_in_time(at, due[days]), (key_id, days, at, due[days])
        count += len(got)
    return count


def check_rotations(week, end):
    rotated, soon = times_of(week, "key_rotated"), times_of(
        week, "rotation_soon")
    due_told = times_of(week, "rotation_due")
    stored = defaultdict(list)
    for key_id, made, until, digest in week.rows(
            "SELECT key_id, created_at, valid_until, digest FROM secrets "
            "ORDER BY number"):
        stored[key_id].append((made, until, digest))
    count = 0
    for key_id, wants in week.keys.items():
        times = [at for at, _ in rotated[key_id]]
        made = [row[0] for row in stored[key_id]]
        assert len(made) == 1 + len(times), "a secret for each rotation"
        if wants["interval"] is None:
            assert not times and not due_told[key_id]
            continue
        interval = timedelta(days=wants["interval"])
        last = wants["made"]
        stop = min(end, wants["expiry"] or end)
        if not wants["has_sink"]:
            assert not times
            assert len(due_told[key_id]) == (last + interval < stop)
            continue
        soons = [] if interval == timedelta(days=1) else [last + interval]
        for at in times:
            assert is_in_time(at, last + interval), (key_id, at, last)
            last = at
            if interval > timedelta(days=1):
                soons.append(last + interval)
        # One that falls together with the expiry or the end may or may not be.
        assert last + interval > stop - timedelta(seconds=LATE_S), key_id
        soons = [at - timedelta(days=1) for at in soons]
        soons = [at for at in soons if at < end - timedelta(seconds=LATE_S)]
        got = [at for at, _ in soon[key_id]]
        assert len(soons) <= len(got) <= len(soons) + 1, (key_id, soons, got)
        assert all(is_in_time(a, b) for a, b in zip(got, soons)), key_id
        grace = wants["grace"] * DAY * 1000
        for (_, until, _), (begun, _, _) in zip(stored[key_id],
                                                stored[key_id][1:]):
            assert grace <= until - begun <= grace + LATE_S * 1000, key_id
        if times:
            value = week.vault.secrets[f"app/{key_id}"][1]["KEY"]
            week.daemon.hunt.plant("client key", value)
            assert hashlib.sha256(value.encode()).digest() == \
                stored[key_id][-1][2], "the newest secret is in its place"
        count += len(times)
    return count


@pytest.fixture
def week(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = ClockDaemon(tmp_path).start()
    token = secrets.token_urlsafe(30)
    daemon.hunt.plant("provider credential", token)
    with Vault(token) as vault:
        yield Week(daemon, vault)
        assert daemon.stop() == 0
    daemon.clean()


def test_a_week_of_a_thousand_keys(week):
    daemon, vault = week.daemon, week.vault
    sink = daemon.must("/sinks", {
        "name": "vault", "kind": "vault", "config": vault.config(),
        "credentials": vault.credentials()})["name"]
    begun = daemon.now()
    for batch in range(BATCHES):
        for n in range(batch, KEYS, BATCHES):
            week.make(n, sink)
        week.go_on(begun + timedelta(hours=24 / BATCHES * (batch + 1)))
    # Nothing is due at that hour: what would be told while it is looked at?
    week.go_on(begun + timedelta(days=DAYS + 1, hours=3))
    end = daemon.now()
    wait(week.is_at_rest, 60, "all that is due")
    expiries, rotations = check_expiries(week, end), check_rotations(week, end)
    assert not week.rows("SELECT 1 FROM deliveries WHERE length(sealed) > 0")
    assert week.rows("SELECT count(*) FROM audit WHERE action = 'key.rotate'"
                     ) == [(rotations,)]
    assert week.kills > 5 and rotations > 1000 and expiries > 300
    print(f"seed {SEED}: {DAYS} days, {rotations} rotations, {expiries} "
          f"expiries and reminders, {week.kills} kills, {week.stops} stops")
