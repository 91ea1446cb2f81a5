"""`tollgate limits suggest`: limits that fit what a key used, and why."""

import csv
import http.server
import io
import json
import subprocess
import threading

import pytest

from conftest import BUILD, clean_env
from past import DAY, HOUR, MINUTE, born, chat, now_ms, own_gate, plant


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    yield from own_gate(tmp_path_factory, "limits")


def used(gate, **policy):
    """A key with one real call."""
    key = gate.key("app", **policy)
    assert chat(gate, key).status == 200
    return key


def suggest(gate, key, *words):
    return gate.cli_json("limits", "suggest", key.id, *words)


def of(answer):
    return {row["limit"]: row for row in answer["suggestions"]}


def minute_of(at):
    return at // MINUTE * MINUTE


def test_a_peak_a_mean_and_what_follows_from_them(gate):
    key = used(gate, rpm=1000, tpm=100000)
    at = minute_of(now_ms() - 2 * DAY)
    plant(gate, key, [{"at": at + 100 * i, "latency_ms": 250,
                       "prompt_tokens": 100, "completion_tokens": 20}
                      for i in range(250)])
    born(gate, key, now_ms() - 9 * DAY - HOUR)
    plant(gate, key, [{"at": now_ms() - 9 * DAY}])
    answer = suggest(gate, key)
    rows = of(answer)
    assert answer["requests"] == 252
    assert answer["days"] == 10
    assert rows["requests_per_minute"]["peak"] == 250
    assert rows["requests_per_minute"]["suggested"] == 300
    assert rows["requests_per_minute"]["change"] == "tightened"
    assert rows["tokens_per_minute"]["peak"] == 30000
    assert rows["tokens_per_minute"]["suggested"] == 36000
    assert rows["requests_per_second"]["peak"] == 10
    assert rows["requests_per_second"]["suggested"] == 12
    assert rows["concurrency"]["peak"] == 3
    assert rows["concurrency"]["suggested"] == 4
    assert rows["requests_per_day"]["peak"] == 250
    assert rows["requests_per_day"]["suggested"] == 250, \
        "three times 25.2 is less than the busiest day"
    patterns = gate.admin("GET", f"/keys/{key.id}/usage/patterns?period=30d")
    assert patterns.json["peak_requests_per_minute"] == 250
    assert patterns.json["peak_tokens_per_minute"] == 30000
    assert patterns.json["peak_requests_at"] == \
        rows["requests_per_minute"]["peak_at"]


def test_three_times_the_mean_of_a_day(gate):
    key = used(gate)
    born(gate, key, now_ms() - 4 * DAY + HOUR)
    plant(gate, key, [{"at": now_ms() - day * DAY - hour * HOUR}
                      for day in range(4) for hour in range(1, 11)])
    row = of(suggest(gate, key))["requests_per_day"]
    assert row["suggested"] == (3 * 41 + 3) // 4
    assert row["asked"] == 41
    since = of(suggest(gate, key, "--since", "36h"))["requests_per_day"]
    assert since["asked"] < 41


def test_at_least_100_requests_and_10000_tokens(gate):
    key = used(gate, rpm=60)
    plant(gate, key, [{"at": now_ms() - HOUR * i, "prompt_tokens": 10}
                      for i in range(1, 12)])
    answer = suggest(gate, key)
    rows = of(answer)
    assert rows["requests_per_minute"]["suggested"] == 100
    assert rows["requests_per_minute"]["change"] == "enough"
    assert rows["tokens_per_minute"]["suggested"] == 10000
    assert "requests_per_minute" not in answer["limits"]


def test_too_few_calls_suggest_nothing(gate):
    key = used(gate)
    gate.wait_calls(1, key)
    answer = suggest(gate, key)
    assert not answer["has_enough"]
    assert answer["suggestions"] == [] and answer["limits"] == {}
    code, out, err = gate.cli("limits", "suggest", key.id, "--apply", "--yes")
    assert code == 0 and "nothing to change" in err
    assert "too few" in err
    never = gate.key("never")
    assert suggest(gate, never)["requests"] == 0


def test_what_was_refused_is_part_of_the_peak(gate):
    key = used(gate, rpm=12)
    sent = 40
    statuses = [chat(gate, key).status for _ in range(sent)]
    refused = statuses.count(429)
    assert refused > 20
    gate.wait(lambda: suggest(gate, key)["refused"]["requests"] == refused,
              what="the refusals")
    answer = suggest(gate, key)
    row = of(answer)["requests_per_minute"]
    a_minute = answer["refused"]["a_minute"]
    assert refused // 2 <= a_minute <= refused
    assert row["peak"] <= 13
    assert row["asked"] == row["peak"] + a_minute
    assert row["suggested"] == max(100, (6 * row["asked"] + 4) // 5)
    assert row["change"] == "loosened"
    assert any("429" in note for note in answer["notes"])


def test_apply_shows_a_plan_and_changes_the_limits(gate):
    key = used(gate, rpm=1000)
    plant(gate, key, [{"at": now_ms() - HOUR} for _ in range(20)])
    code, out, err = gate.cli("limits", "suggest", key.id, "--apply")
    assert code == 1 and "--yes" in err, "nobody to ask"
    assert "requests_per_minute" in out and "1000" in out
    before = gate.admin("GET", f"/keys/{key.id}").json["limits"]
    assert before["requests_per_minute"] == 1000
    wanted = suggest(gate, key)["limits"]
    out = gate.must("limits", "suggest", key.id, "--apply", "--yes")
    after = gate.admin("GET", f"/keys/{key.id}").json["limits"]
    assert after == {**before, **wanted}
    assert after["requests_per_minute"] == 100
    entry = gate.admin("GET", f"/audit?subject={key.id}&limit=1").json["data"]
    assert entry[0]["action"] == "key.update"
    again = gate.cli("limits", "suggest", key.id, "--apply", "--yes")
    assert again[0] == 0 and "nothing to change" in again[2]


def test_all_keys_of_an_account(gate):
    account = gate.cli_json("accounts", "create", "--name", "shop",
                            "--billing", "postpaid")["id"]
    gate.must("accounts", "verify", account)
    keys = [used(gate, account="shop", rpm=900) for _ in range(2)]
    for key in keys:
        gate.wait_calls(1, key)
    for key in keys:
        plant(gate, key, [{"at": now_ms() - HOUR} for _ in range(20)])
    idle = gate.key("idle", account="shop")
    answers = gate.cli_json("limits", "suggest", "--all", "--account",
                            "shop")["data"]
    assert {a["key_id"] for a in answers} == {*(k.id for k in keys), idle.id}
    table = list(csv.DictReader(io.StringIO(gate.must(
        "limits", "suggest", "--all", "--account", "shop", "--csv"))))
    assert len(table) == 10
    done = gate.cli_json("limits", "suggest", *[k.id for k in keys], "--apply",
                         "--yes")["data"]
    assert [d["is_done"] for d in done] == [True, True]
    for key in keys:
        limits = gate.admin("GET", f"/keys/{key.id}").json["limits"]
        assert limits["requests_per_minute"] == 100


class Between(http.server.BaseHTTPRequestHandler):
    """Passes requests on; deletes a key before the first suggestion."""

    def do_GET(self):
        gate, doomed = self.server.gate, self.server.doomed
        if "/limits/suggestion" in self.path and doomed:
            assert gate.admin("DELETE", f"/keys/{doomed.pop()}").status == 200
        reply = gate.admin("GET", self.path.removeprefix("/admin/v1"))
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_):
        pass


def test_a_key_that_is_deleted_meanwhile_is_left_out(gate):
    gate.cli_json("accounts", "create", "--name", "brief", "--billing",
                  "postpaid")
    first, doomed, last = [gate.key(name, account="brief")
                           for name in ("first", "doomed", "last")]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.gate, server.doomed = gate, [doomed.id]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = subprocess.run(
        [BUILD / "tollgate", "limits", "suggest", "--all", "--account",
         "brief", "--json"], capture_output=True, text=True, timeout=60,
        env=clean_env(TOLLGATE_HOME=str(gate.home), TOLLGATE_ADMIN_URL=
                      f"http://127.0.0.1:{server.server_port}"))
    server.shutdown()
    server.server_close()
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout)["data"]
    assert {a["key_id"] for a in answers} == {first.id, last.id}
    assert f"{doomed.id} was deleted meanwhile: left out" in result.stderr
    assert gate.cli("limits", "suggest", doomed.id)[0] == 1


def test_wrong_usage_says_so(gate):
    key = gate.key("k")
    assert gate.cli("limits", "suggest")[0] == 2
    assert gate.cli("limits", "suggest", key.id, "--all")[0] == 2
    assert gate.cli("limits", "suggest", key.id, "--since", "soon")[0] == 2
    assert gate.cli("limits", "suggest", "key_0123456789abcdefghij")[0] == 1
    answer = gate.admin("GET", f"/keys/{key.id}/limits/suggestion?since="
                               "2999-01-01")
    assert (answer.status, answer.json["error"]["param"]) == (400, "since")
