"""Alerts are told: signed, in each channel's shape, at least once under one
id, in order, and to no address that nobody allowed."""

import base64
import hashlib
import hmac
import json
import os
import random
import signal
import threading
import time
from email import message_from_string, policy
from urllib.parse import parse_qs, urlsplit

import pytest

from clocks import Clock
from conftest import wait
from lone_daemon import LoneDaemon
from receivers import Mailbox, Receiver

SECRET = "whsec_0123456789abcdef"
DAY = 86400


@pytest.fixture
def receiver():
    receivers = []

    def make(answer=(200, "ok")):
        receivers.append(Receiver(answer))
        return receivers[-1]

    yield make
    for it in receivers:
        it.stop()


@pytest.fixture
def mailbox():
    it = Mailbox()
    yield it
    it.stop()


@pytest.fixture(scope="module")
def teller(tmp_path_factory):
    """A gate that may send to this machine; tests remove their channels."""
    from conftest import Gate, require_build
    require_build()
    it = Gate(tmp_path_factory.mktemp("teller") / "home",
              conf="[egress]\nallow = 127.0.0.1/32\n")
    try:
        yield it.start()
    finally:
        it.stop()


def must(gate, method, path, body=None, status=(200, 201)):
    answer = gate.admin(method, path, body)
    assert answer.status in status, answer.text
    return answer.json


@pytest.fixture
def channel(teller):
    """channel(kind, url, …): a channel of the gate, gone after the test."""
    made = []

    def make(kind, url, **members):
        made.append(must(teller, "POST", "/channels", {
            "kind": kind, "name": f"test {len(made)} {time.monotonic_ns()}",
            "url": url, **members}))
        return made[-1]

    yield make
    for it in made:
        teller.admin("DELETE", "/channels/" + it["id"])


ACCOUNTS = iter(range(10**6))


def alarm(gate, name=None):
    """Makes something that an alert is about: a prepaid account with little
    money.  Its end is a top-up."""
    return must(gate, "POST", "/accounts", {
        "name": name or f"poor {next(ACCOUNTS)}", "billing": "prepaid",
        "granted": "0.50"})


def relieve(gate, account):
    must(gate, "POST", f"/accounts/{account['id']}/top-up", {"amount": "50"})


def deliveries(gate, channel, **query):
    more = "".join(f"&{k}={v}" for k, v in query.items())
    return must(gate, "GET", f"/alerts/deliveries?channel={channel['id']}"
                + more)["data"]


def came(gate, receiver, count, about=None, deadline=20):
    """What came, once it is so much; of an account alone."""
    def enough():
        got = [r for r in receiver.all()
               if about is None or
               about["id"] in r.body.decode().replace("\\", "")]
        return got if len(got) >= count else None

    return gate.wait(enough, deadline, f"{count} messages; there are "
                     f"{[r.body for r in receiver.all()]}")


def verify(request, secret=SECRET):
    """As docs/alerts.md says a receiver does."""
    fields = dict(f.split("=", 1)
                  for f in request.headers["tollgate-signature"].split(","))
    mac = hmac.new(secret.encode(), fields["t"].encode() + b"." + request.body,
                   hashlib.sha256).hexdigest()
    return hmac.compare_digest(mac, fields["v1"]) and \
        abs(time.time() - int(fields["t"])) < 300


def test_a_webhook_is_told_of_the_beginning_and_of_the_end(
        teller, channel, receiver):
    hook = receiver()
    it = channel("webhook", hook.url + "/in", secret=SECRET)
    account = alarm(teller)
    first = came(teller, hook, 1, account)[0]
    assert (first.method, first.path) == ("POST", "/in")
    assert first.headers["content-type"] == "application/json"
    assert verify(first)
    assert not verify(first, SECRET + "x")
    told = first.json
    assert told["id"].startswith("ntf_")
    assert told["id"] == first.headers["tollgate-id"]
    assert told["type"] == "alert.opened" == first.headers["tollgate-event"]
    assert told["severity"] == "warning"
    assert told["rule"]["kind"] == "balance"
    assert told["title"] == "Balance below 5.00"
    assert told["account_id"] == account["id"]
    assert told["evidence"] == {"balance": "0.50", "below": "5.00"}
    relieve(teller, account)
    second = came(teller, hook, 2, account)[1].json
    assert second["type"] == "alert.recovered"
    assert second["episode_id"] == told["episode_id"]
    assert second["id"] != told["id"]
    teller.wait(lambda: len(deliveries(teller, it, status="delivered")) >= 2,
                what="two notes of it")
    assert {d["attempts"] for d in deliveries(teller, it)} == {1}


CHATS = {
    "slack": lambda body: body["text"],
    "feishu": lambda body: body["content"]["text"],
    "dingtalk": lambda body: body["text"]["content"],
    "wecom": lambda body: body["text"]["content"],
    "discord": lambda body: body["content"],
}
TAKEN = {"slack": (200, "ok"), "feishu": (200, '{"code":0,"msg":"success"}'),
         "dingtalk": (200, '{"errcode":0,"errmsg":"ok"}'),
         "wecom": (200, '{"errcode":0,"errmsg":"ok"}'), "discord": (204, "")}
EVIL = "@everyone <!channel> <@U1> *b* `c` [l](http://x) <at user_id=all>"


@pytest.mark.parametrize("kind", CHATS)
def test_a_chat_is_told_in_its_own_shape(teller, channel, receiver, kind):
    hook = receiver(TAKEN[kind])
    it = channel(kind, hook.url + "/robot")
    account = alarm(teller, f"{EVIL} {kind}")
    body = came(teller, hook, 1, account)[0].json
    text = CHATS[kind](body)
    assert text.startswith(("[warning] Balance below 5.00\n",
                            "\\[warning\\] Balance below 5.00\n"))
    assert account["id"] in text.replace("\\", "")
    if kind == "slack":
        assert body["mrkdwn"] is False and body["link_names"] is False
        assert "&lt;!channel&gt;" in text and "<" not in text
    if kind == "feishu":
        assert body["msg_type"] == "text" and "<" not in text
    if kind == "dingtalk":
        assert body["msgtype"] == "text" and "@" not in text
        assert body["at"] == {"isAtAll": False, "atMobiles": [],
                              "atUserIds": []}
    if kind == "wecom":
        assert body["msgtype"] == "text" and "<" not in text
        assert len(text.encode()) <= 2048
    if kind == "discord":
        assert body["allowed_mentions"] == {"parse": []}
        assert "@everyone" not in text and "\\*b\\*" in text
        assert "](" not in text
    teller.wait(lambda: deliveries(teller, it, status="delivered"),
                what="note of the delivery")


def test_feishu_and_dingtalk_are_signed_as_their_documents_say(
        teller, channel, receiver):
    feishu, ding = receiver(TAKEN["feishu"]), receiver(TAKEN["dingtalk"])
    channel("feishu", feishu.url, secret="feishu-secret")
    channel("dingtalk", ding.url + "/robot/send?access_token=tok",
            secret="SECdingtalk")
    account = alarm(teller)
    body = came(teller, feishu, 1, account)[0].json
    key = f"{body['timestamp']}\nfeishu-secret".encode()
    assert body["sign"] == base64.b64encode(
        hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert abs(int(body["timestamp"]) - time.time()) < 300
    url = urlsplit(came(teller, ding, 1, account)[0].path)
    query = {k: v[0] for k, v in parse_qs(url.query).items()}
    assert query["access_token"] == "tok"
    mac = hmac.new(b"SECdingtalk",
                   f"{query['timestamp']}\nSECdingtalk".encode(),
                   hashlib.sha256).digest()
    assert query["sign"] == base64.b64encode(mac).decode()
    assert abs(int(query["timestamp"]) / 1000 - time.time()) < 300


def test_a_robot_that_refuses_with_status_200_is_not_taken_for_one_that_took(
        teller, channel, receiver):
    hook = receiver((200, '{"errcode":310000,"errmsg":"sign not match"}'))
    it = channel("dingtalk", hook.url)
    alarm(teller)
    row = teller.wait(lambda: next(iter(deliveries(
        teller, it, status="given_up")), None), 60, "giving up")
    assert row["attempts"] == 5
    assert "sign not match" in row["last_error"]


def test_a_mail_is_sent(teller, channel, mailbox):
    channel("smtp", mailbox.url, plain=True, **{
        "from": "gate@example.com", "to": ["ops@example.com",
                                           "sec@example.com"]})
    account = alarm(teller, "poor\u00e9 \u4e2d\u6587")
    teller.wait(lambda: mailbox.mails, 20, "a mail")
    sender, to, text = mailbox.mails[0]
    assert sender == "gate@example.com"
    assert to == ["ops@example.com", "sec@example.com"]
    mail = message_from_string(text, policy=policy.default)
    assert mail["Subject"] == "[warning] Balance below 5.00"
    assert mail["To"] == "ops@example.com, sec@example.com"
    assert mail["Message-ID"] == f"<{mail['Tollgate-Id']}@example.com>"
    assert f"poor\u00e9 \u4e2d\u6587 ({account['id']})" in mail.get_content()
    assert max(len(line) for line in text.split("\r\n")) < 998


def test_the_test_button_sends_and_says_what_was_answered(
        teller, channel, receiver):
    hook = receiver((418, "I am a teapot\x1b[31m"))
    it = channel("webhook", hook.url, secret=SECRET)
    said = must(teller, "POST", f"/channels/{it['id']}/test", {})
    assert (said["delivered"], said["status"]) == (False, 418)
    assert said["answer"] == "I am a teapot [31m"
    hook.answer = (200, "fine")
    said = must(teller, "POST", f"/channels/{it['id']}/test", {})
    assert (said["delivered"], said["error"], said["answer"]) == (
        True, None, "fine")
    last = hook.all()[-1]
    assert verify(last) and last.json["type"] == "alert.test"


def test_what_fails_is_sent_again_under_the_same_id_and_in_order(
        teller, channel, receiver):
    hook = receiver((500, "no"))
    channel("webhook", hook.url, secret=SECRET)
    first, second = alarm(teller), None
    came(teller, hook, 2, first)
    second = alarm(teller)
    answers = iter([None, (302, "", {"Location": hook.url + "/other"}),
                    (429, "", {"Retry-After": "1"})])
    hook.answer = lambda _: next(answers, (200, "ok"))
    came(teller, hook, 1, second, 90)
    got = hook.all()
    mine = [r for r in got if first["id"] in r.body.decode()]
    assert len({r.json["id"] for r in mine}) == 1
    assert len({r.body for r in mine}) == 1
    assert {r.path for r in got} == {"/"}, "no redirect is followed"
    assert all(verify(r) for r in mine)
    at = [first["id"] in r.body.decode() for r in got]
    assert at == sorted(at, reverse=True), "the first one went first"


def test_a_channel_that_answers_nothing_does_not_hold_up_another(
        teller, channel, receiver):
    release = threading.Event()
    slow = receiver(lambda _: (release.wait(30), (200, "ok"))[1])
    fast = receiver()
    channel("webhook", slow.url, secret=SECRET)
    channel("webhook", fast.url, secret=SECRET)
    accounts = [alarm(teller) for _ in range(3)]
    for account in accounts:
        came(teller, fast, 1, account)
    assert len(slow.all()) == 1
    release.set()
    for account in accounts:
        came(teller, slow, 1, account)


def test_rules_and_channels_say_who_is_told(teller, channel, receiver):
    hooks = [receiver() for _ in range(4)]
    all_of_it = channel("webhook", hooks[0].url, secret=SECRET)
    channel("webhook", hooks[1].url, secret=SECRET, min_severity="critical")
    channel("webhook", hooks[2].url, secret=SECRET, on=False)
    named = channel("webhook", hooks[3].url, secret=SECRET,
                    min_severity="critical")
    account = alarm(teller)
    rule = must(teller, "POST", "/alerts", {
        "kind": "balance", "name": "named", "severity": "critical",
        "scope": "account:" + account["id"],
        "params": {"amount": "2"}, "channels": [named["name"]]})
    assert rule["channels"] == [named["id"]]
    # The usual rule finds it, too, as a warning.
    assert [r.json["rule"]["id"] for r in came(teller, hooks[3], 1, account)] \
        == [rule["id"]]
    [told] = came(teller, hooks[0], 1, account)
    assert told.json["title"] == "Balance below 5.00"
    refused = teller.admin("DELETE", "/channels/" + named["id"])
    assert (refused.status, refused.code) == (409, "in_use")
    must(teller, "DELETE", "/alerts/" + rule["id"])
    teller.wait(lambda: not [e for e in must(
        teller, "GET", f"/alerts/episodes?open=true&alert={rule['id']}"
    )["data"]], 20, "an end")
    relieve(teller, account)
    came(teller, hooks[0], 2, account)
    assert [len(h.all()) for h in hooks[1:]] == [0, 0, 1]
    assert len(deliveries(teller, all_of_it)) >= 2


def test_an_empty_secret_is_refused(teller):
    body = {"kind": "webhook", "name": "empty", "url": "https://example.com/"}
    for secret in ({}, {"secret": ""}, {"secret": "short"}, {"secret": None}):
        answer = teller.admin("POST", "/channels", {**body, **secret})
        assert answer.status == 400, answer.text
        assert answer.json["error"]["param"] == "secret"
    for kind in ("feishu", "dingtalk"):
        answer = teller.admin("POST", "/channels", {
            "kind": kind, "name": "e", "url": "https://x.example/",
            "secret": ""})
        assert (answer.status, answer.json["error"]["param"]) == (
            400, "secret")


def test_secrets_are_never_shown_and_can_be_replaced(teller, channel, receiver):
    hook = receiver()
    it = channel("webhook", hook.url + "/hook?token=verysecrettoken",
                 secret=SECRET)
    changed = must(teller, "PATCH", "/channels/" + it["id"],
                   {"secret": SECRET + "2"})
    shown = json.dumps([it, changed, must(teller, "GET", "/channels"),
                        must(teller, "GET", "/channels/" + it["id"])])
    assert it["address"] == hook.url
    assert SECRET not in shown and "verysecret" not in shown
    stored = b"".join(p.read_bytes() for p in teller.home.glob("store.db*"))
    assert SECRET.encode() not in stored and b"verysecret" not in stored
    account = alarm(teller)
    assert verify(came(teller, hook, 1, account)[0], SECRET + "2")


def test_a_private_address_is_not_sent_to_unless_allowed(make_gate, receiver):
    gate, hook = make_gate().start(), receiver()
    it = must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "inside", "url": hook.url,
        "secret": SECRET})
    said = must(gate, "POST", f"/channels/{it['id']}/test", {})
    assert said["delivered"] is False and said["status"] is None
    assert "egress" in said["error"]
    alarm(gate)
    row = gate.wait(lambda: next((d for d in deliveries(gate, it)
                                  if d["attempts"] > 1), None), 20, "tries")
    assert row["status"] == "pending" and "egress" in row["last_error"]
    assert hook.all() == []


def test_a_kill_between_sending_and_noting_it_sends_it_again_with_its_id(
        make_gate, receiver):
    gate = make_gate(conf="[egress]\nallow = 127.0.0.1/32\n").start()
    pids = []

    def kill_once(_):
        if not pids:
            pids.append(gate.daemon_pid())
            os.kill(pids[0], signal.SIGKILL)
        return (200, "ok")

    hook = receiver(kill_once)
    it = must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "hook", "url": hook.url, "secret": SECRET})
    account = alarm(gate)
    gate.wait(lambda: pids, 20, "a kill")
    gate.wait_daemon()
    twice = came(gate, hook, 2, account)
    assert len({r.json["id"] for r in twice}) == 1
    assert len({r.json["episode_id"] for r in twice}) == 1
    gate.wait(lambda: deliveries(gate, it, status="delivered"), what="a note")
    relieve(gate, account)
    assert came(gate, hook, 3, account)[2].json["type"] == "alert.recovered"
    assert len(must(gate, "GET", "/alerts/episodes")["data"]) == 1


class Lone:
    """A daemon alone, for the helpers above: it begins again at once."""

    def __init__(self, home):
        home.mkdir(mode=0o700)
        (home / "tollgate.conf").write_text("[egress]\nallow = 127.0.0.1/32\n")
        self.daemon = LoneDaemon(home).start()
        self.wait = wait

    def admin(self, method, path, body=None):
        answer = self.daemon.ask(method, path, body)
        answer.text = answer.body.decode()
        return answer

    def kill(self):
        self.daemon.kill()
        self.daemon.start()


@pytest.fixture
def lone(tmp_path):
    it = Lone(tmp_path / "home")
    yield it
    it.daemon.clean()


def test_kills_at_any_time_lose_no_alert_and_make_none_twice(lone, receiver):
    gate, hook = lone, receiver()
    must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "hook", "url": hook.url, "secret": SECRET})
    seed = int(os.environ.get("TOLLGATE_SEED", 7))
    kills = int(os.environ.get("TOLLGATE_KILLS", 15))
    chance, accounts = random.Random(seed), []
    for _ in range(kills):
        accounts += [alarm(gate) for _ in range(3)]
        # At a moment of its passes, which are a second apart.
        until = time.monotonic() + chance.uniform(0, 1.2)
        wait(lambda: time.monotonic() > until, what="moment")
        gate.kill()
    for account in accounts:
        told = came(gate, hook, 1, account)
        assert len({r.json["id"] for r in told}) == 1, seed
    found = must(gate, "GET", "/alerts/episodes?limit=1000")["data"]
    assert sorted(e["account_id"] for e in found) == sorted(
        a["id"] for a in accounts), seed
    for account in accounts:
        relieve(gate, account)
    for account in accounts:
        wait(lambda: "alert.recovered" in [
            r.json["type"] for r in came(gate, hook, 2, account)], 20, "end")


@pytest.fixture
def clock_gate(make_gate, tmp_path):
    folder = tmp_path / "clock"
    folder.mkdir()
    clock = Clock(folder)
    gate = make_gate(up_env={"LD_PRELOAD": clock.library},
                     conf="[egress]\nallow = 127.0.0.1/32\n").start()
    gate.clock = clock
    return gate


def test_a_storm_reaches_people_as_one_message_and_a_webhook_whole(
        make_gate, receiver):
    gate = make_gate(conf="[egress]\nallow = 127.0.0.1/32\n").start()
    hook, chat = receiver(), receiver((500, "no"))
    must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "hook", "url": hook.url, "secret": SECRET})
    it = must(gate, "POST", "/channels", {
        "kind": "slack", "name": "chat", "url": chat.url})
    accounts = [alarm(gate) for _ in range(40)]
    for account in accounts:
        came(gate, hook, 1, account)
    chat.answer = (200, "ok")
    gate.wait(lambda: not deliveries(gate, it, status="pending"), 90, "end")
    texts = [r.json["text"] for r in chat.all()]
    assert any("alerts at once" in text for text in texts)
    assert len(set(texts)) < 20
    rows = deliveries(gate, it)
    assert {d["status"] for d in rows} == {"delivered", "summarised"}
    assert len([d for d in rows if d["status"] == "summarised"]) > 30


def test_what_is_not_taken_for_a_day_is_given_up_with_an_event(
        clock_gate, receiver):
    gate, hook = clock_gate, receiver((500, "no"))
    it = must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "dead", "url": hook.url, "secret": SECRET})
    account = alarm(gate)
    came(gate, hook, 1, account)
    gate.clock.jump(wall=DAY + 60, monotonic=DAY + 60)
    row = gate.wait(lambda: next(iter(deliveries(
        gate, it, status="given_up")), None), 30, "giving up")
    events = must(gate, "GET", "/events?type=alert_undelivered")["data"]
    assert [e["evidence"]["notice_id"] for e in events] == [row["id"]]
    hook.answer = (200, "ok")
    second = alarm(gate)
    came(gate, hook, 1, second)


def test_quiet_hours_hold_back_what_can_wait_and_sum_it_up(
        clock_gate, receiver):
    gate, hook = clock_gate, receiver()
    now = time.gmtime(time.time())
    # Quiet from the quarter-hour before now for an hour and a half.
    begin = (now.tm_hour * 60 + now.tm_min) // 15 * 15
    hours = "daily %02d:%02d-%02d:%02d" % (
        *divmod(begin, 60), *divmod((begin + 90) % 1440, 60))
    it = must(gate, "POST", "/channels", {
        "kind": "webhook", "name": "sleeper", "url": hook.url,
        "secret": SECRET, "quiet_hours": hours})
    poor = [alarm(gate) for _ in range(3)]
    gate.wait(lambda: len(deliveries(gate, it, status="held")) == 3, 20,
              "three that are held")
    must(gate, "POST", "/alerts", {
        "kind": "balance", "name": "critical", "severity": "critical",
        "params": {"amount": "1"}, "scope": "account:" + poor[0]["id"]})
    urgent = came(gate, hook, 1)[0].json
    assert urgent["severity"] == "critical"
    # An answer that comes two hours late is none, and it would come again.
    gate.wait(lambda: deliveries(gate, it, status="delivered"), 20,
              "the answer to be seen")
    assert len(hook.all()) == 1
    gate.clock.jump(wall=7200, monotonic=7200)
    summary = came(gate, hook, 2)[1].json
    assert summary["type"] == "alert.summary" and summary["count"] == 3
    assert summary["title"] == "3 alerts while it was quiet"
    assert all(p["id"] in summary["message"] for p in poor)
    rows = deliveries(gate, it)
    assert sorted(d["status"] for d in rows) == [
        "delivered", "delivered", "summarised", "summarised", "summarised"] \
        or gate.wait(lambda: [d["status"] for d in deliveries(gate, it)].count(
            "delivered") == 2, what="notes")


def test_a_webhook_of_the_file_is_a_channel_and_needs_a_secret(
        make_gate, receiver, tmp_path):
    hook, secret = receiver(), tmp_path / "webhook.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    gate = make_gate(conf=f"[egress]\nallow = 127.0.0.1/32\n[alerts]\n"
                     f"webhook = {hook.url}/conf\n"
                     f"webhook_secret_file = {secret}\n").start()
    account = alarm(gate)
    got = came(gate, hook, 1, account)[0]
    assert got.path == "/conf" and verify(got)
    rows = must(gate, "GET", "/channels")["data"]
    assert [r["name"] for r in rows] == ["tollgate.conf"]


@pytest.mark.parametrize("conf,content,mode,why", [
    ("webhook = https://x.example/\nwebhook_secret_file = {file}", "", 0o600,
     "is empty"),
    ("webhook = https://x.example/\nwebhook_secret_file = {file}", "\n", 0o600,
     "is empty"),
    ("webhook = https://x.example/\nwebhook_secret_file = {file}", SECRET,
     0o644, "can be read by others"),
    ("webhook = https://x.example/\nwebhook_secret_file =", SECRET, 0o600,
     "webhook_secret_file is empty"),
    ("webhook = https://x.example/", SECRET, 0o600, "go together"),
    ("webhook = https://x.example/\nwebhook_secret_file = {file}", "short",
     0o600, "shorter than 16"),
])
def test_the_daemon_refuses_to_start_on_a_webhook_without_a_secret(
        tmp_path, conf, content, mode, why):
    secret = tmp_path / "secret"
    secret.write_text(content)
    secret.chmod(mode)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "tollgate.conf").write_text(
        "[alerts]\n" + conf.format(file=secret) + "\n")
    said = refuse_to_start(LoneDaemon(home))
    assert why in said, said


def refuse_to_start(daemon):
    import subprocess
    from conftest import BUILD, clean_env
    result = subprocess.run([BUILD / "tollgated", "--home", daemon.home],
                            capture_output=True, text=True, timeout=20,
                            env=clean_env())
    assert result.returncode == 1
    return result.stderr
