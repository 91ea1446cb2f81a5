"""Keys that were found: GitHub's reports, and an operator's."""

import base64
import hashlib
import http.server
import json
import sqlite3
import subprocess
import threading
import time

import pytest

from conftest import BUILD, wait

URL = "https://github.com/octocat/Hello-World/blob/1234/foo/bar.txt"


class Signer:
    """A key pair of P-256, as GitHub has them."""

    def __init__(self, folder, curve="prime256v1"):
        folder.mkdir(parents=True, exist_ok=True)
        self.private = folder / "private.pem"
        self._openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out",
                      self.private)
        self.public = self._openssl("ec", "-in", self.private,
                                    "-pubout").decode()
        self.name = hashlib.sha256(self.public.encode()).hexdigest()

    def _openssl(self, *words, input=None):
        return subprocess.run(["openssl", *map(str, words)], input=input,
                              capture_output=True, check=True).stdout

    def sign(self, body):
        return base64.b64encode(self._openssl(
            "dgst", "-sha256", "-sign", self.private, input=body)).decode()

    def document(self):
        return json.dumps({"public_keys": [
            {"key_identifier": self.name, "key": self.public,
             "is_current": True}]})


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture
def leaky(make_gate, signer):
    """A gate that knows the signer's public key."""
    gate = make_gate(conf="[leaks]\ngithub_keys = github.json\n")
    (gate.home / "github.json").write_text(signer.document())
    return gate.start()


def report(gate, signer, matches, body=None, **headers):
    body = body if body is not None else json.dumps(matches).encode()
    sent = {"Content-Type": "application/json",
            "Github-Public-Key-Identifier": signer.name,
            "Github-Public-Key-Signature": signer.sign(body)}
    sent.update({k.replace("_", "-"): v for k, v in headers.items()})
    return gate.request("POST", "/admin/v1/leaks/github", None, body,
                        headers=sent)


def match(token, **more):
    return {"token": token, "type": "tollgate_api_key", "url": URL,
            "source": "content", **more}


def entries(gate, key):
    """What the audit log says of a key, oldest first."""
    db = sqlite3.connect(gate.home / "store.db")
    try:
        return db.execute(
            "SELECT operator, action, details FROM audit WHERE subject = ? "
            "ORDER BY number", (key.id,)).fetchall()
    finally:
        db.close()


def test_a_key_that_github_found_is_dead_within_a_second(leaky, signer):
    key, other = leaky.key("leaked"), leaky.key("other")
    assert leaky.chat(key).status == 200
    began = time.monotonic()
    answer = report(leaky, signer, [
        match(str(key)), match("sk-tgp_" + "0" * 36), match("hello")])
    assert answer.status == 200, answer.text
    refused = leaky.chat(key)
    assert time.monotonic() - began < 1
    assert (refused.status, refused.code) == (401, "key_disabled")
    assert leaky.chat(other).status == 200
    assert answer.json == [
        {"token_hash": hashlib.sha256(token.encode()).hexdigest(),
         "token_type": "tollgate_api_key", "label": label}
        for token, label in [(str(key), "true_positive"),
                             ("sk-tgp_" + "0" * 36, "false_positive"),
                             ("hello", "false_positive")]]
    event, = leaky.admin("GET", "/events?type=leak_reported").json["data"]
    assert event["key_id"] == key.id and event["severity"] == "critical"
    assert event["evidence"]["url"] == URL
    assert event["evidence"]["source"] == "github"
    assert event["evidence"]["was_in_force"] and event["evidence"]["disabled"]
    leak, = leaky.admin("GET", f"/leaks?key={key.id}").json["data"]
    assert leak["id"] == event["evidence"]["leak_id"]
    _, (operator, action, details) = entries(leaky, key)
    assert (operator, action) == ("github", "leak.report")
    assert json.loads(details)["disabled"] is True
    assert str(key) not in details + answer.text + json.dumps(event) + json.dumps(leak)


def test_a_running_stream_of_it_is_cut_within_a_second(leaky, signer):
    key = leaky.key("leaked")
    stream = leaky.chat(key, "sim:slow=20 sim:tokens=5000", stream=True)
    events = stream.events()
    next(events)
    ended = threading.Event()

    def drain():
        try:
            for _ in events:
                pass
        except Exception:  # however it ends
            pass
        ended.set()

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    assert not ended.wait(0.3)
    began = time.monotonic()
    assert report(leaky, signer, [match(str(key))]).status == 200
    assert ended.wait(5)
    assert time.monotonic() - began < 1.5
    stream.close()


def test_the_same_report_again_changes_and_tells_nothing(leaky, signer):
    key = leaky.key("leaked")
    answers = [report(leaky, signer, [match(str(key))]).json
               for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(entries(leaky, key)) == 2, "made, and reported"
    found = leaky.admin("GET", "/events?type=leak_reported").json["data"]
    assert [e["key_id"] for e in found] == [key.id]
    report(leaky, signer, [match(str(key), url=URL + "?other")])
    found = leaky.admin("GET", "/events?type=leak_reported").json["data"]
    assert [e["evidence"]["was_in_force"] for e in found] == [False, True]


def test_what_github_did_not_sign_is_refused(leaky, signer, tmp_path):
    key = leaky.key("mine")
    body = json.dumps([match(str(key))]).encode()
    stranger = Signer(tmp_path / "stranger")
    wrong = [
        report(leaky, stranger, None, body),  # a key that nobody knows
        report(leaky, signer, None, body,
               Github_Public_Key_Signature=stranger.sign(body)),
        report(leaky, signer, None, body,
               Github_Public_Key_Signature=signer.sign(body + b" ")),
        report(leaky, signer, None, body, Github_Public_Key_Signature="?"),
        report(leaky, signer, None, body, Github_Public_Key_Signature=""),
        report(leaky, signer, None, body,
               Github_Public_Key_Signature="A" * 4000),
        leaky.request("POST", "/admin/v1/leaks/github", None, body),
        # Who may do all else is no reason either.
        leaky.admin("POST", "/leaks/github", [match(str(key))]),
    ]
    assert [a.status for a in wrong] == [401] * len(wrong)
    assert leaky.chat(key).status == 200
    # Neither is what GitHub may do reason to do more.
    headers = {"Github-Public-Key-Identifier": signer.name,
               "Github-Public-Key-Signature": signer.sign(b"")}
    assert leaky.request("GET", "/admin/v1/keys",
                         headers=headers).status == 401


def test_an_address_that_brings_wrong_signatures_is_throttled(leaky, signer):
    body = b"[]"
    statuses = [report(leaky, signer, None, body,
                       Github_Public_Key_Signature="x").status
                for _ in range(40)]
    assert 429 in statuses and statuses[0] == 401
    assert report(leaky, signer, []).status == 200


def test_a_body_that_is_too_large_or_no_list_is_refused(leaky, signer):
    assert report(leaky, signer, None, b"{}").status == 400
    assert report(leaky, signer, None, b"[1]").status == 400
    large = b"[" + b" " * (1 << 20) + b"]"
    assert report(leaky, signer, None, large).status == 413
    assert report(leaky, signer, []).json == []


def test_many_matches_are_answered_in_time(leaky, signer):
    keys = [leaky.key(f"k{i}") for i in range(20)]
    matches = [match(f"sk-{i:040}", url="") for i in range(3000)]
    matches += [match(str(key)) for key in keys]
    began = time.monotonic()
    answer = report(leaky, signer, matches)
    assert answer.status == 200, answer.text
    assert time.monotonic() - began < 5
    labels = [v["label"] for v in answer.json]
    assert labels == ["false_positive"] * 3000 + ["true_positive"] * 20
    assert {leaky.chat(key).status for key in keys} == {401}


def test_without_public_keys_there_is_no_such_door(own_gate, signer):
    key = own_gate.key()
    answer = report(own_gate, signer, [match(str(key))])
    assert (answer.status, answer.code) == (404, "not_found")
    assert own_gate.chat(key).status == 200


@pytest.mark.parametrize("content,said", [
    (None, "cannot read"), ("{}", "public_keys"),
    ('{"public_keys":[{"key_identifier":"a","key":"b"}]}', "none of P-256")])
def test_a_start_with_a_bad_file_of_keys_is_refused(make_gate, content, said):
    gate = make_gate(conf="[leaks]\ngithub_keys = github.json\n")
    if content is not None:
        (gate.home / "github.json").write_text(content)
    result = subprocess.run(
        [BUILD / "tollgated", "--home",
         gate.home], capture_output=True, text=True, timeout=30)
    assert result.returncode != 0
    assert said in result.stderr and "github_keys" in result.stderr


def test_a_key_of_another_curve_is_not_taken(make_gate, tmp_path):
    other = Signer(tmp_path / "other", "secp384r1")
    gate = make_gate(conf="[leaks]\ngithub_keys = github.json\n")
    (gate.home / "github.json").write_text(other.document())
    result = subprocess.run(
        [BUILD / "tollgated", "--home",
         gate.home], capture_output=True, text=True, timeout=30)
    assert result.returncode != 0 and "none of P-256" in result.stderr


def test_an_operator_finds_whose_it_is_and_shuts_it(own_gate):
    key = own_gate.key("web", owner="ada")
    out = own_gate.must("leak", "report", "--stdin", input=f"{key}\n")
    assert key.id in out and "ada" in out and str(key) not in out
    assert own_gate.chat(key).status == 200, "finding alone shuts nothing"
    refused = own_gate.cli("leak", "report", "--stdin", "--disable",
                           input=f"{key}\n")
    assert refused[0] == 1 and own_gate.chat(key).status == 200
    own_gate.must("leak", "report", "--stdin", "--disable", "--yes", "--url",
                  URL, input=f"{key}\n")
    assert own_gate.chat(key).status == 401
    code, out, _ = own_gate.cli("leak", "report", "--stdin",
                                input="sk-tgp_" + "0" * 36 + "\n")
    assert code == 1 and "no key of this gate" in out
    listed = own_gate.cli_json("leak", "list", "--key", key.id)["data"]
    assert [(r["disabled"], r["url"]) for r in listed] == [
        (True, URL), (False, None)]


def test_a_secret_that_a_rotation_ended_shuts_no_key(leaky, signer):
    key = leaky.key("rotated")
    assert leaky.admin("POST", f"/keys/{key.id}/rotate",
                       {}).status in (200, 201)
    assert leaky.admin("POST", f"/keys/{key.id}/rotation/end",
                       {}).status == 200
    wait(lambda: leaky.chat(key).status == 401, what="end of the old secret")
    verdict, = report(leaky, signer, [match(str(key))]).json
    assert verdict["label"] == "true_positive"
    assert leaky.admin("GET", f"/keys/{key.id}").json["status"] == "active"
    event, = leaky.admin("GET", "/events?type=leak_reported").json["data"]
    assert not event["evidence"]["was_in_force"]


def test_public_keys_are_asked_for_where_github_has_them(make_gate, signer):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            body = signer.document().encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/keys"
        gate = make_gate(conf="[egress]\nallow = 127.0.0.1/32\n"
                              f"[leaks]\ngithub_keys = {url}\n").start()
        key = gate.key()
        wait(lambda: asked, what="a question for the keys")
        verdict, = wait(
            lambda: (a := report(gate, signer, [match(str(key))])).status
            == 200 and a.json, what="the keys")
        assert verdict["label"] == "true_positive"
        assert gate.chat(key).status == 401
        assert asked == [("/keys", None)]
    finally:
        server.shutdown()
        server.server_close()
