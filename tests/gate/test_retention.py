"""What goes by age, [retention] in tollgate.conf: the calls, not what was
said of them; whatever is killed, and when a store is restored.

journal-write (tests/unit/journal_write.c) plays the workers: its n-th call
costs 1000 + n nanos.
"""

import os
import random
import signal
import sqlite3
import subprocess
import time
from datetime import datetime, timezone

import pytest

from lone_daemon import BUILD, LoneDaemon, wait
from test_ingest import begin, cost_of, end, is_done, nanos

DAY = 86400
QUARTER = 900


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home")
    daemon.home.mkdir(mode=0o700)
    daemon.writers = []
    keep(daemon, "calls_days = 0")
    daemon.start()
    daemon.key = daemon.must("/keys", {"name": "k"})
    yield daemon
    for writer in daemon.writers:
        if writer.poll() is None:
            writer.kill()
        writer.wait()
        writer.stdout.close()
        writer.stdin.close()
    daemon.clean()


def keep(daemon, *lines):
    (daemon.home / "tollgate.conf").write_text(
        "[retention]\n" + "\n".join(lines) + "\n")


def keep_from_now_on(daemon, *lines):
    keep(daemon, *lines)
    daemon.process.send_signal(signal.SIGHUP)


def write(daemon, count, days_ago, writer):
    """All at one instant, which is returned: now, or on a day that is over in
    the middle of a quarter-hour."""
    at = int(time.time()) - days_ago * DAY
    if days_ago > 0:
        at = at // QUARTER * QUARTER + 450
    end(is_done(begin(daemon, count, writer, ("--at", at * 1000))))
    return at


def rows(daemon, sql):
    store = sqlite3.connect(f"file:{daemon.home / 'store.db'}?mode=ro",
                            uri=True)
    try:
        return store.execute(sql).fetchone()[0]
    finally:
        store.close()


def calls(daemon):
    return rows(daemon, "SELECT count(*) FROM calls")


def instant(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.000Z")


def usage(daemon, since, until=None, **filters):
    query = {"since": instant(since), **filters}
    if until is not None:
        query["until"] = instant(until)
    return daemon.get("/usage?" + "&".join(
        f"{k}={v}" for k, v in query.items())).json


def spent(daemon):
    return nanos(daemon.get("/accounts/default").json["spent"])


def test_old_calls_go_and_their_sums_stay(daemon):
    at = write(daemon, 3000, 50, 0xabc1)
    recent = write(daemon, 100, 1, 0xabc2)
    wait(lambda: calls(daemon) == 3100, 30, "all calls")
    whole = usage(daemon, at - DAY)
    assert nanos(whole["total"]["cost"]) == cost_of(3000, 100)
    part = usage(daemon, at - 10, at + 10)
    assert (part["from"], part["to"]) == (instant(at - 10), instant(at + 10))

    keep_from_now_on(daemon, "calls_days = 30")
    wait(lambda: calls(daemon) == 100, 30, "the old calls to go")
    after = usage(daemon, at - DAY)
    assert after["rows"] == whole["rows"] and after["total"] == whole["total"]
    assert daemon.get("/calls?limit=1").json["data"][0]["key_id"]
    of_key = daemon.get("/keys/" + daemon.key["id"]).json
    assert of_key["secrets"][0]["last_used_at"] == instant(recent)

    # No call says which of them came before: so all of the quarter-hour.
    part = usage(daemon, at - 10, at + 10)
    assert (part["from"], part["to"]) == (instant(at - 450), instant(at + 450))
    assert part["total"]["requests"] == 3000
    exact = usage(daemon, recent - 10, recent + 10)
    assert exact["from"] == instant(recent - 10), "its calls are there"
    assert exact["total"]["requests"] == 100


def test_the_last_use_of_a_key_outlives_its_calls(daemon):
    at = write(daemon, 10, 50, 0xabc1)
    wait(lambda: calls(daemon) == 10, 30, "all calls")
    keep_from_now_on(daemon, "calls_days = 1")
    wait(lambda: calls(daemon) == 0, 30, "all calls to go")
    secret = daemon.get("/keys/" + daemon.key["id"]).json["secrets"][0]
    assert (secret["last_used_at"], secret["last_used_ip"],
            secret["last_used_agent"]) == (
        instant(at), "192.0.2.7", "journal-write/1")
    write(daemon, 5, 0, 0xabc2)
    wait(lambda: calls(daemon) == 5, 30, "others to come")


def test_old_sums_go_and_what_was_settled_stays(daemon):
    at = write(daemon, 20, 50, 0xabc1)
    later = write(daemon, 30, 34, 0xabc2)
    wait(lambda: calls(daemon) == 50, 30, "all calls")
    keep_from_now_on(daemon, "calls_days = 1", "rollups_days = 35")
    wait(lambda: calls(daemon) == 0 and
         rows(daemon, "SELECT count(DISTINCT day) FROM packs") == 1, 30,
         "what is old to go")
    answer = usage(daemon, at - DAY)
    assert answer["total"]["requests"] == 30
    begins = datetime.fromisoformat(answer["from"].replace("Z", "+00:00"))
    assert at < begins.timestamp() <= later, "it says what it knows"
    daemon.stop()
    daemon.state.unlink()
    daemon.start()
    assert spent(daemon) == cost_of(20, 30)


def test_killed_in_the_middle(daemon):
    """Of a block being rolled up, of calls and sums that go."""
    dice = random.Random(1)
    count = 140000
    at = write(daemon, count, 50, 0xabc1)
    keep(daemon, "calls_days = 30")
    for n in range(12):
        time.sleep(dice.random() * 0.5)
        daemon.kill()
        if n % 3 == 0:
            daemon.state.unlink()
        write(daemon, 10, 40, 0xabd0 + n)
        daemon.start()
    write(daemon, 7, 0, 0xabe0)
    everything = count + 12 * 10 + 7
    wait(lambda: usage(daemon, at - DAY)["total"]["requests"] == everything,
         60, "all calls")
    # Old calls of a block that goes on may be behind the last one.
    wait(lambda: calls(daemon) == 7, 60, "the old ones to go")
    total = usage(daemon, at - DAY)["total"]
    assert total["requests"] == everything
    assert nanos(total["cost"]) == cost_of(count, *[10] * 12, 7)
    assert usage(daemon, at - DAY, key=daemon.key["id"])["total"] == total
    daemon.kill()
    daemon.state.unlink()
    daemon.start()
    assert spent(daemon) == nanos(total["cost"])
    check = rows(daemon, "PRAGMA integrity_check")
    assert check == "ok"


def test_a_segment_that_comes_back_adds_nothing_that_is_gone(daemon, tmp_path):
    """The segment is kept, its calls are not: a restore moves it back."""
    at = write(daemon, 500, 50, 0xabc1)
    keep_from_now_on(daemon, "calls_days = 30")
    wait(lambda: usage(daemon, at - DAY)["total"]["requests"] == 500, 30,
         "all calls")
    wait(lambda: calls(daemon) == 0, 30, "all calls to go")
    wait(lambda: os.listdir(daemon.home / "journal-kept"), 30,
         "the segment to be kept")
    copy = tmp_path / "copy.db"
    tollgated = [BUILD / "tollgated", "--home", daemon.home]
    subprocess.run([*tollgated, "--backup", copy], check=True,
                   stdout=subprocess.DEVNULL)
    daemon.stop()
    subprocess.run([*tollgated, "--restore", copy], check=True,
                   stdout=subprocess.DEVNULL)
    daemon.start()
    assert spent(daemon) == cost_of(500)
    write(daemon, 3, 0, 0xabc2)
    wait(lambda: calls(daemon) == 3, 30, "what is new")
    assert usage(daemon, at - DAY)["total"]["requests"] == 503
