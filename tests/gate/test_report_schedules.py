"""Reports that are sent by a schedule: each period once, none early, none lost,
whatever is killed, and in the form that its channel takes.

Clocks are set forward (tests/clock_daemon.py); servers are real
(tests/receivers.py).
"""

import hashlib
import hmac
import json
import os
import random
import sqlite3
import subprocess
import threading
import time
from datetime import datetime, timedelta, timezone
from email import message_from_string, policy
from zoneinfo import ZoneInfo

import pytest

from clock_daemon import DAY, ClockDaemon, instant
from lone_daemon import BUILD, LoneDaemon, wait
from receivers import Mailbox, Receiver

SECRET = "whsec_0123456789abcdef"
NASTY = "<!channel> @everyone <at user_id=\"all\">x</at> [a](http://e.vil) 检索"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def receiver():
    made = []

    def make(answer=(200, "ok")):
        made.append(Receiver(answer))
        return made[-1]

    yield make
    for it in made:
        it.stop()


@pytest.fixture
def mailbox():
    it = Mailbox()
    yield it
    it.stop()


@pytest.fixture
def clocked(tmp_path):
    """A daemon with a clock of its own, which may send to this machine."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = ClockDaemon(tmp_path).start()
    yield daemon
    daemon.stop()
    daemon.clean()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    home = tmp_path_factory.mktemp("schedules") / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1\n")
    daemon = LoneDaemon(home).start()
    daemon.key = daemon.must("/keys", {"name": NASTY})
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    write(daemon, daemon.key, 7, yesterday, 0x100)
    wait(lambda: daemon.total()["requests"] == 7, what="calls")
    yield daemon
    daemon.stop()
    daemon.clean()


def write(daemon, key, count, at, writer):
    process = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal, f"{writer:x}",
         str(count), key["id"], key["account_id"], "--at",
         str(int(at.timestamp() * 1000))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdin.close()
    process.wait()


def webhook(daemon, url, name="ops", **members):
    return daemon.must("/channels", {"kind": "webhook", "name": name,
                                     "url": url, "secret": SECRET, **members})


def schedule(daemon, **members):
    return daemon.must("/report-schedules", {
        "name": "one", "period": "daily", "channel": "ops", **members})


def shown(daemon, name="one"):
    return daemon.get(f"/report-schedules/{name}").json


def outbox(daemon):
    """Reports that were put there, the oldest first."""
    rows = daemon.get("/alerts/deliveries?limit=1000").json["data"]
    return [r for r in rows[::-1] if r["what"] == "report"]


def came(receiver, count, deadline=20):
    return wait(lambda: (lambda got: got if len(got) >= count else None)(
        receiver.all()), deadline, f"{count} reports")


def days(first, count):
    return [str(first + timedelta(days=i)) for i in range(count)]


def test_a_report_comes_when_it_is_due_once_and_signed(clocked, receiver):
    it = receiver()
    webhook(clocked, it.url)
    key = clocked.must("/keys", {"name": "k"})
    schedule(clocked, name="early", at="07:30", timezone="Asia/Shanghai")
    made = schedule(clocked, at="08:00", timezone="Asia/Shanghai")
    due = instant(made["next"]["at"])
    assert due.astimezone(SHANGHAI).strftime("%H:%M") == "08:00"
    assert due > clocked.now()
    write(clocked, key, 3, due - timedelta(hours=20), 0x200)
    clocked.go_to(due - timedelta(minutes=10))
    first = came(it, 1)[0]
    assert first.json["schedule"]["name"] == "early"
    # Both are looked at in one pass, so the other one was not due.
    assert [r["notice"]["schedule"]["name"] for r in outbox(clocked)] == [
        "early"]
    clocked.go_to(due)
    got = came(it, 2)[1]
    body = got.json
    assert body["type"] == "report" and body["schedule"]["id"] == made["id"]
    assert instant(body["at"]) >= due
    yesterday = due.astimezone(SHANGHAI).date() - timedelta(days=1)
    report = body["report"]
    assert report["name"] == str(yesterday) == made["next"]["period"]
    assert report["complete"] is True
    assert report["total"] == clocked.total(
        since=report["from"], until=report["to"])
    assert report["total"]["requests"] == 3
    assert got.headers["tollgate-event"] == "report"
    assert got.headers["tollgate-id"] == body["id"]
    fields = dict(f.split("=", 1)
                  for f in got.headers["tollgate-signature"].split(","))
    assert fields["v1"] == hmac.new(
        SECRET.encode(), fields["t"].encode() + b"." + got.body,
        hashlib.sha256).hexdigest()
    after = shown(clocked)
    assert after["last"]["period"] == str(yesterday)
    assert after["last"]["notice_id"] == body["id"]
    assert instant(after["next"]["at"]) == due + timedelta(days=1)


@pytest.mark.parametrize("period, name", [
    ("weekly", "%G-W%V"), ("monthly", "%Y-%m")])
def test_weeks_and_months_are_sent_at_their_end(clocked, receiver, period,
                                                name):
    it = receiver()
    webhook(clocked, it.url)
    made = schedule(clocked, period=period, at="00:00",
                    timezone="Asia/Shanghai")
    due = instant(made["next"]["at"])
    begin = due.astimezone(SHANGHAI)
    # Five minutes are left for the last calls to come in.
    assert begin.strftime("%H:%M") == "00:05"
    assert begin.weekday() == 0 if period == "weekly" else begin.day == 1
    clocked.go_to(due)
    report = came(it, 1)[0].json["report"]
    assert report["name"] == (begin - timedelta(days=1)).strftime(name)
    assert instant(report["to"]) == due - timedelta(minutes=5)


def test_what_was_missed_comes_once_on_start_and_in_order(clocked, receiver):
    it = receiver()
    webhook(clocked, it.url)
    made = schedule(clocked, at="06:00")
    first = instant(made["next"]["at"])
    clocked.stop()
    clocked.go_to(first + timedelta(days=2, hours=1))
    clocked.start()
    names = [r.json["report"]["name"] for r in came(it, 3)]
    assert names == days(first.date() - timedelta(days=1), 3)
    clocked.stop()
    clocked.start()
    clocked.go_to(first + timedelta(days=3))
    came(it, 4)
    assert [r["notice"]["report"]["name"] for r in outbox(clocked)] == \
        days(first.date() - timedelta(days=1), 4)


def test_what_is_a_week_late_is_left_out(clocked, receiver):
    it = receiver()
    webhook(clocked, it.url)
    first = instant(schedule(clocked, at="06:00")["next"]["at"])
    clocked.stop()
    clocked.go_to(first + timedelta(days=40, hours=1))
    clocked.start()
    came(it, 7)
    wait(lambda: instant(shown(clocked)["next"]["at"]) > clocked.now(),
         what="the next one")
    assert [r["notice"]["report"]["name"] for r in outbox(clocked)] == \
        days(first.date() + timedelta(days=33), 7)
    assert "are not sent" in clocked.said()


@pytest.mark.parametrize("at, changes", [
    ("02:30", datetime(2027, 3, 14)), ("01:30", datetime(2027, 11, 7)),
    ("00:00", datetime(2027, 11, 7))])
def test_each_day_is_sent_once_where_clocks_are_changed(clocked, receiver, at,
                                                        changes):
    zone = ZoneInfo("America/New_York")
    begin = (changes - timedelta(days=2)).replace(hour=12, tzinfo=zone)
    clocked.go_to(begin.astimezone(timezone.utc))
    it = receiver()
    webhook(clocked, it.url)
    schedule(clocked, at=at, timezone="America/New_York")
    for count in range(1, 5):
        due = instant(shown(clocked)["next"]["at"])
        clocked.go_to(due)
        got = came(it, count)[-1].json
        assert instant(got["at"]) >= due
        assert instant(got["at"]) - due < timedelta(minutes=1)
        wait(lambda: instant(shown(clocked)["next"]["at"]) > due,
             what="the next one")
    assert [r.json["report"]["name"] for r in it.all()] == \
        days(begin.date(), 4)
    lengths = sorted(len(r.json["report"]["series"]) for r in it.all())
    assert lengths == sorted([24, 24, 24, 23 if changes.month == 3 else 25])


def count_in_store(daemon):
    store = sqlite3.connect(f"file:{daemon.home / 'store.db'}?mode=ro",
                            uri=True)
    try:
        return store.execute("SELECT count(*) FROM notices "
                             "WHERE what = 'report'").fetchone()[0]
    finally:
        store.close()


def test_none_is_lost_or_told_under_two_ids_whatever_is_killed(clocked,
                                                               receiver):
    rng = random.Random(int(os.environ.get("TOLLGATE_SEED", "7")))
    kills = threading.Event()

    def answer(came):
        """Every other one is killed while it waits for this answer."""
        if kills.is_set():
            kills.clear()
            clocked.kill()
            return None
        return 200, "ok"

    it = receiver(answer)
    webhook(clocked, it.url)
    first = instant(schedule(clocked, at="06:00")["next"]["at"])
    rounds = int(os.environ.get("TOLLGATE_KILLS", "9"))
    for i in range(rounds):
        if i % 3 == 0:
            kills.set()
        clocked.go_to(first + timedelta(days=i))
        if i % 3 == 0:       # it was received, and that is not known
            wait(lambda: clocked.process.poll() is not None, 20, "a kill")
        elif i % 3 == 1:     # it is in the outbox, or was just sent
            wait(lambda: count_in_store(clocked) > i, 20, "a report")
            clocked.kill()
        else:                # anywhere
            time.sleep(rng.random() * 1.5)
            clocked.kill()
        clocked.process.wait()
        clocked.start()
    expected = days(first.date() - timedelta(days=1), rounds)
    wait(lambda: {r.json["report"]["name"] for r in it.all()} ==
         set(expected), 30, "all reports")
    wait(lambda: all(r["status"] == "delivered" for r in outbox(clocked)), 30,
         "all deliveries")
    assert [r["notice"]["report"]["name"] for r in outbox(clocked)] == expected
    ids = {}
    for one in it.all():
        ids.setdefault(one.json["report"]["name"], set()).add(one.json["id"])
    assert all(len(found) == 1 for found in ids.values()), ids


def test_a_report_that_is_not_taken_is_sent_again(clocked, receiver):
    answers = iter([(500, "no"), (503, "no")])
    it = receiver(lambda came: next(answers, (200, "ok")))
    webhook(clocked, it.url)
    clocked.go_to(instant(schedule(clocked, at="06:00")["next"]["at"]))
    wait(lambda: clocked.forward(2) or [
        r for r in outbox(clocked) if r["status"] == "delivered"], 20,
        "delivery")
    assert len({r.json["id"] for r in it.all()}) == 1
    assert len(it.all()) == 3


def test_a_channel_that_is_off_is_waited_for(clocked, receiver):
    it = receiver()
    channel = webhook(clocked, it.url, on=False)
    other = webhook(clocked, it.url, name="other")
    schedule(clocked, at="06:00")
    schedule(clocked, name="two", at="06:01", channel=other["id"])
    clocked.go_to(instant(shown(clocked, "two")["next"]["at"]))
    assert came(it, 1)[0].json["schedule"]["name"] == "two"
    assert len(outbox(clocked)) == 1
    reply = clocked.ask("PATCH", f"/channels/{channel['id']}", {"on": True})
    assert reply.status == 200
    assert came(it, 2)[1].json["schedule"]["name"] == "one"


def test_quiet_hours_hold_no_report_back(clocked, receiver):
    it = receiver()
    webhook(clocked, it.url, quiet_hours="daily 00:00-24:00 UTC")
    clocked.go_to(instant(schedule(clocked, at="06:00")["next"]["at"]))
    assert came(it, 1)[0].json["type"] == "report"


def test_a_period_is_not_sent_again_when_the_time_is_changed(clocked,
                                                             receiver):
    it = receiver()
    webhook(clocked, it.url)
    due = instant(schedule(clocked, at="06:00")["next"]["at"])
    clocked.go_to(due)
    sent = came(it, 1)[0].json["report"]["name"]
    wait(lambda: shown(clocked)["last"], what="note of it")
    reply = clocked.ask("PATCH", "/report-schedules/one", {"at": "23:00"})
    assert reply.status == 200
    assert reply.json["next"]["period"] > sent
    assert instant(reply.json["next"]["at"]) == due + timedelta(days=1,
                                                                hours=17)


def test_switched_on_again_it_begins_anew(clocked, receiver):
    it = receiver()
    webhook(clocked, it.url)
    due = instant(schedule(clocked, at="06:00")["next"]["at"])
    reply = clocked.ask("PATCH", "/report-schedules/one", {"on": False})
    assert reply.json["next"] is None
    clocked.go_to(due + timedelta(days=3))
    reply = clocked.ask("PATCH", "/report-schedules/one", {"on": True})
    assert instant(reply.json["next"]["at"]) > clocked.now()
    clocked.go_to(instant(reply.json["next"]["at"]))
    came(it, 1)
    assert len(outbox(clocked)) == 1


# What is sent: by send-now, whose report is yesterday's.


@pytest.fixture
def sent(daemon):
    """sent(channel members, schedule members): the answer of send-now."""
    made = []

    def send(channel, **members):
        target = daemon.must("/channels", {
            "name": f"c{time.monotonic_ns()}", **channel})
        one = daemon.must("/report-schedules", {
            "name": f"s{time.monotonic_ns()}", "period": "daily",
            "channel": target["id"], **members})
        made.append((one, target))
        return daemon.must(f"/report-schedules/{one['id']}/send-now", {})

    yield send
    for one, target in made:
        daemon.ask("DELETE", "/report-schedules/" + one["id"])
        assert daemon.ask("DELETE", "/channels/" + target["id"]).status == 200


# Where the text is, how many bytes it may have, and what must not be in it.
ROBOTS = {
    "slack": (lambda b: b["text"], 40000, "<"),
    "feishu": (lambda b: b["content"]["text"], 20000, "<"),
    "dingtalk": (lambda b: b["text"]["content"], 20000, "@"),
    "wecom": (lambda b: b["text"]["content"], 2048, "<"),
    "discord": (lambda b: b["content"], 2000, "](http"),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", ROBOTS)
def test_a_chat_gets_some_lines(daemon, sent, receiver, kind, lang):
    read, most, mark = ROBOTS[kind]
    answer = {"feishu": '{"code": 0}', "slack": "ok", "discord": ""}
    it = receiver((200, answer.get(kind, '{"errcode": 0}')))
    result = sent({"kind": kind, "url": it.url}, lang=lang)
    assert result["delivered"], result
    text = read(it.all()[0].json)
    assert len(text.encode()) <= most
    assert len(text.splitlines()) >= 6
    assert "7" in text and "USD" in text
    assert ("请求数" if lang == "zh" else "Requests") in text
    assert mark not in text and "检索" in text


def mail_of(mailbox):
    sender, to, text = mailbox.mails[-1]
    return message_from_string(text, policy=policy.default)


def test_a_mail_is_a_page_with_its_picture_and_text(daemon, sent, mailbox):
    result = sent({"kind": "smtp", "url": mailbox.url, "plain": True,
                   "from": "gate@example.com", "to": ["a@example.com"]},
                  lang="zh")
    assert result["delivered"], result
    mail = mail_of(mailbox)
    assert mail["Subject"].startswith("Tollgate: 用量日报 ")
    assert mail["Tollgate-Id"] == result["notice_id"]
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain",
                     "multipart/related", "text/html", "image/png"]
    parts = {p.get_content_type(): p for p in mail.walk()}
    assert "总计" in parts["text/plain"].get_content()
    page = parts["text/html"].get_content()
    identity = parts["image/png"]["Content-ID"].strip("<>")
    assert f'src="cid:{identity}"' in page
    assert "<script" not in page and "http://" not in page.replace(
        "http://e.vil", "")
    assert parts["image/png"].get_content().startswith(b"\x89PNG")


def test_a_mail_may_be_text_alone(daemon, sent, mailbox):
    for form, sign in (("text", "======"), ("markdown", "| --- |")):
        result = sent({"kind": "smtp", "url": mailbox.url, "plain": True,
                       "from": "gate@example.com", "to": ["a@example.com"]},
                      format=form)
        assert result["delivered"], result
        mail = mail_of(mailbox)
        assert mail.get_content_type() == "text/plain"
        body = mail.get_content().replace("|---", "| --- ")
        assert sign[:5] in body


def test_send_now_says_what_came_back(daemon, sent, receiver):
    it = receiver((500, "not today"))
    result = sent({"kind": "webhook", "url": it.url, "secret": SECRET},
                  key=daemon.key["id"])
    assert result["delivered"] is False and result["status"] == 500
    assert "not today" in result["answer"]
    body = it.all()[0].json
    assert body["report"]["key_id"] == daemon.key["id"]
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    assert body["report"]["name"] == result["period"] == str(yesterday)
    assert outbox(daemon) == []


@pytest.fixture
def ops(daemon):
    channel = webhook(daemon, "https://192.0.2.1/x")
    yield channel
    for one in daemon.get("/report-schedules").json["data"]:
        daemon.ask("DELETE", "/report-schedules/" + one["id"])
    daemon.ask("DELETE", "/channels/" + channel["id"])


@pytest.mark.parametrize("members, param", [
    ({"name": ""}, "name"), ({"name": "rps_x"}, "name"),
    ({"period": "yearly"}, "period"), ({"at": "8:00"}, "at"),
    ({"at": "24:00"}, "at"), ({"at": "08:60"}, "at"),
    ({"timezone": "Mars/Base"}, "timezone"), ({"channel": "none"}, "channel"),
    ({"account": "nobody"}, "account"), ({"key": "key_none"}, "key"),
    ({"format": "png"}, "format"), ({"lang": "fr"}, "lang"),
    ({"weekday": "mon"}, "weekday")])
def test_what_it_does_not_know_it_names(daemon, ops, members, param):
    reply = daemon.post("/report-schedules", {
        "name": "x", "channel": "ops", **members})
    assert (reply.status, reply.error["param"]) == (400, param)


def test_it_is_of_an_account_or_of_a_key(daemon, ops):
    made = schedule(daemon, account="default")
    reply = daemon.ask("PATCH", "/report-schedules/one",
                       {"key": daemon.key["id"]})
    assert (reply.status, reply.error["param"]) == (400, "key")
    reply = daemon.ask("PATCH", "/report-schedules/one",
                       {"key": daemon.key["id"], "account": None})
    assert reply.status == 200
    assert reply.json["account_id"] is None
    assert reply.json["key_id"] == daemon.key["id"]
    assert made["account_id"] is not None


def test_a_channel_that_reports_go_to_is_not_taken_away(daemon, ops):
    schedule(daemon)
    reply = daemon.ask("DELETE", "/channels/ops")
    assert (reply.status, reply.error["code"]) == (409, "in_use")


def test_a_change_is_of_what_was_seen(daemon, ops):
    schedule(daemon)
    reply = daemon.get("/report-schedules/one")
    tag = reply.headers["etag"]
    assert daemon.ask("PATCH", "/report-schedules/one", {"at": "09:00"},
                      headers={"If-Match": tag}).status == 200
    assert daemon.ask("PATCH", "/report-schedules/one", {"at": "10:00"},
                      headers={"If-Match": tag}).status == 412
    assert shown(daemon)["at"] == "09:00"


def test_a_token_that_may_not_read_usage_sends_it_nowhere(daemon, ops):
    made = schedule(daemon)
    token = daemon.must("/tokens", {"name": "t", "scopes": ["read", "alerts"]})
    daemon.hunt.plant("owner's token", token["token"])
    for method, path in (("POST", "/report-schedules"),
                         ("PATCH", "/report-schedules/one"),
                         ("POST", "/report-schedules/one/send-now")):
        reply = daemon.ask(method, path, {}, token=token["token"])
        assert reply.status == 403, reply.body
    assert shown(daemon)["updated_at"] == made["updated_at"]


def test_the_command_line_has_all_of_it(daemon, ops, receiver):
    def cli(*args):
        return subprocess.run(
            [BUILD / "tollgate", "report", "schedule", *args],
            capture_output=True, text=True, env={
                "TOLLGATE_ADMIN_URL": f"unix:{daemon.socket}",
                "TOLLGATE_ADMIN_TOKEN": daemon.token,
                "PATH": os.environ["PATH"], "HOME": str(daemon.home)})

    done = cli()
    assert done.returncode == 0 and "No report is sent" in done.stdout
    done = cli("create", "--name", "w", "--period", "weekly", "--at", "08:00",
               "--timezone", "Asia/Shanghai", "--channel", "ops", "--lang",
               "zh", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["period"], made["at"], made["lang"]) == ("weekly", "08:00",
                                                          "zh")
    assert made["id"] in cli("list").stdout
    assert "Asia/Shanghai" in cli("show", "w").stdout
    assert cli("update", "w", "--at", "09:15", "--off").returncode == 0
    assert (shown(daemon, "w")["at"], shown(daemon, "w")["on"]) == ("09:15",
                                                                    False)
    assert cli("update", "w").returncode == 2
    it = receiver()
    webhook(daemon, it.url, name="here")
    assert cli("update", "w", "--channel", "here").returncode == 0
    done = cli("send-now", "w")
    assert done.returncode == 0 and "was taken" in done.stdout, done.stderr
    assert len(it.all()) == 1
    it.answer = (500, "no")
    assert cli("send-now", "w").returncode == 1
    assert cli("delete", "w", "--yes").returncode == 0
    assert cli("show", "w").returncode == 1
    daemon.ask("DELETE", "/channels/here")
