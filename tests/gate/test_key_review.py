"""`tollgate keys review`: keys that may more than they are used for."""

import csv
import io
import os
import pty
import subprocess

import pytest

from conftest import BUILD, clean_env
from past import DAY, HOUR, born, chat, now_ms, own_gate, plant, store

CODE = 2  # enum tg_endpoint: completions, of the scope code


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    yield from own_gate(tmp_path_factory, "review")


@pytest.fixture
def account(gate, request):
    """One of its own, so that a review of it has the test's keys only."""
    name = request.node.name[:60]
    gate.must("accounts", "create", "--name", name, "--billing", "postpaid")
    gate.must("accounts", "verify", name)
    return name


def review(gate, key, *words):
    found, = gate.cli_json("keys", "review", key.id, *words)["data"]
    return found


def codes(found):
    return {f["code"]: f for f in found["findings"]}


def sound(gate, name="sound", **policy):
    """A key of which there is nothing to say, once it was used."""
    return gate.key(name, **{
        "kind": "restricted", "scope": "chat", "model": "deepseek-flash",
        "allow_ip": "127.0.0.0/8", "expires": "90d", "rotate_every": "30d",
        "monthly_limit": "100", "owner": "ada", "rpm": "100", **policy})


def test_of_a_sound_key_there_is_nothing_to_say(gate):
    key = sound(gate)
    assert chat(gate, key).status == 200
    found = review(gate, key)
    assert found["findings"] == [] and found["proposal"] == {}
    assert found["requests"] == 1
    assert found["used"] == {"scopes": ["chat"], "models": ["deepseek-flash"]}


def test_what_is_wide_is_named_with_what_was_used(gate):
    key = gate.key("wide")
    assert chat(gate, key).status == 200
    found = review(gate, key)
    all_ = codes(found)
    assert set(all_) == {"scopes_not_used", "models_not_used", "no_expiry",
                         "no_network", "no_budget", "no_rotation", "no_owner",
                         "kind_wide"}
    assert all_["scopes_not_used"]["command"] == (
        f"tollgate keys update {key.id} --scope chat")
    assert all_["models_not_used"]["command"] == (
        f"tollgate keys update {key.id} --model deepseek-flash")
    assert "all models that are priced" in all_["models_not_used"]["message"]
    assert all_["kind_wide"]["command"].endswith(
        "--scope chat --model deepseek-flash")
    assert found["proposal"] == {"scopes": ["chat"],
                                 "models": ["deepseek-flash"]}


def test_a_pattern_and_a_name_that_is_not_used(gate):
    key = sound(gate, "pattern", scope=["chat", "code"], model="deepseek-*")
    assert chat(gate, key).status == 200
    plant(gate, key, [{"at": now_ms() - 10 * DAY, "endpoint": CODE},
                      {"at": now_ms() - 11 * DAY, "model": "gpt-4o"}])
    found = review(gate, key)
    assert set(codes(found)) == {"models_not_used"}
    assert found["used"]["scopes"] == ["chat", "code"]
    assert found["proposal"] == {"models": ["deepseek-flash"]}, \
        "what it may not call any more is not proposed"
    names = sound(gate, "names", model=["deepseek-flash", "deepseek-v4-pro"])
    assert chat(gate, names).status == 200
    assert review(gate, names)["proposal"] == {"models": ["deepseek-flash"]}
    old = review(gate, key, "--unused", "5d")
    assert old["used"]["scopes"] == ["chat"], "within five days"


def test_keys_that_nobody_uses(gate):
    young, never, long = (sound(gate, n) for n in ("young", "never", "long"))
    born(gate, never, now_ms() - 91 * DAY)
    born(gate, long, now_ms() - 200 * DAY)
    like = sound(gate, "like")
    assert chat(gate, like).status == 200
    plant(gate, like, [{"key_id": long.id, "at": now_ms() - 95 * DAY}])
    assert set(codes(review(gate, young))) == set()
    assert set(codes(review(gate, never))) == {"never_used"}
    found = review(gate, long)
    assert set(codes(found)) == {"unused"}
    assert found["requests"] == 0 and found["last_used_at"] is not None
    assert set(codes(review(gate, long, "--unused", "120d"))) == set()
    assert found["proposal"] == {}, "it is never narrowed to nothing"


def test_an_old_secret(gate):
    key = sound(gate, "old")
    assert chat(gate, key).status == 200
    db = store(gate)
    with db:
        db.execute("UPDATE secrets SET created_at = ? WHERE key_id = ?",
                   (now_ms() - 100 * DAY, key.id))
    db.close()
    assert set(codes(review(gate, key))) == {"not_rotated"}
    assert set(codes(review(gate, key, "--rotated", "120d"))) == set()


def test_an_old_secret_that_is_used_when_its_grace_ends(gate):
    key = sound(gate, "late")
    assert chat(gate, key).status == 200
    gate.cli_json("keys", "rotate", key.id, "--grace", "5d")
    assert chat(gate, key).status == 200
    gate.wait_calls(2, key)
    assert set(codes(review(gate, key))) == set()
    db = store(gate)
    with db:
        db.execute("UPDATE secrets SET valid_until = ? WHERE key_id = ? AND "
                   "valid_until <> 0", (now_ms() + 30 * HOUR, key.id))
    db.close()
    found = codes(review(gate, key))
    assert set(found) == {"old_secret_in_use"}
    assert found["old_secret_in_use"]["command"].endswith(key.id)


def test_limits_far_above_use(gate):
    key = sound(gate, "limits", rpm=1011)
    assert chat(gate, key).status == 200
    found = codes(review(gate, key))
    assert set(found) == {"limits_wide"}
    assert "1011" in found["limits_wide"]["message"]
    plant(gate, key, [{"at": now_ms() - DAY} for _ in range(101)])
    found = review(gate, key)
    assert found["busiest_day"] >= 101 and not found["findings"]


def test_networks_are_those_that_calls_came_from(gate):
    key = sound(gate, "roaming")
    gate.must("keys", "update", key.id, "--no-allow-ip")
    assert chat(gate, key).status == 200
    plant(gate, key, [{"at": now_ms() - DAY, "ip": ip} for ip in (
        "203.0.113.5", "198.51.100.1", "198.51.100.2", "198.51.100.3")] + [
            {"at": now_ms() - DAY, "ip": "192.0.2.66", "status": 502}])
    assert "allowed_ips" not in review(gate, key)["proposal"]
    networks = review(gate, key, "--networks")["proposal"]["allowed_ips"]
    assert sorted(networks) == ["127.0.0.1/32", "198.51.100.0/24",
                                "203.0.113.5/32"]
    gate.must("keys", "review", key.id, "--networks", "--apply", "--yes")
    after = gate.admin("GET", f"/keys/{key.id}").json["allowed_ips"]
    assert sorted(after) == sorted(networks)


def test_apply_shows_a_plan_first(gate, account):
    wide = gate.key("wide", account=account)
    idle = sound(gate, "idle", account=account)
    born(gate, idle, now_ms() - 100 * DAY)
    assert chat(gate, wide).status == 200
    words = ("keys", "review", "--account", account, "--apply", "--expires",
             "30d", "--pause-unused")
    code, out, err = gate.cli(*words)
    assert code == 1 and "--yes" in err
    assert "scopes" in out and "deepseek-flash" in out and "inactive" in out
    assert gate.admin("GET", f"/keys/{idle.id}").json["status"] == "active"
    done = gate.cli_json(*words, "--yes")["data"]
    assert [d["is_done"] for d in done] == [True, True]
    key = gate.admin("GET", f"/keys/{wide.id}").json
    assert key["scopes"] == ["chat"] and key["models"] == ["deepseek-flash"]
    assert key["expires_at"] is not None
    assert gate.admin("GET", f"/keys/{idle.id}").json["status"] == "inactive"
    assert chat(gate, wide).status == 200
    for id_, action in [(wide.id, "key.update"), (idle.id, "key.pause")]:
        entry, = gate.admin("GET", f"/audit?subject={id_}&limit=1"
                            ).json["data"]
        assert entry["action"] == action
    code, out, err = gate.cli(*words)
    assert code == 0 and "nothing to change" in err


def test_what_somebody_else_changed_meanwhile_stays(gate):
    key = gate.key("contested")
    assert chat(gate, key).status == 200
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [BUILD / "tollgate", "keys", "review", key.id, "--apply"],
        stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL,
        env=clean_env(TOLLGATE_HOME=str(gate.home)))
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 4096)
    gate.must("keys", "update", key.id, "--rpm", "77")
    os.write(ours, b"y\n")
    while b"somebody else" not in said:
        said += os.read(ours, 4096)
    assert program.wait(20) == 1
    os.close(ours)
    after = gate.admin("GET", f"/keys/{key.id}").json
    assert len(after["scopes"]) == 7
    assert after["limits"]["requests_per_minute"] == 77


def test_pages_and_tables(gate, account):
    keys = [gate.key(f"k{i}", account=account) for i in range(5)]
    seen, after = [], ""
    while True:
        page = gate.admin("GET", f"/keys/review?account={account}&limit=2"
                                 f"{after}").json
        seen += [r["key_id"] for r in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(k.id for k in keys)
    rows = list(csv.DictReader(io.StringIO(gate.must(
        "keys", "review", "--account", account, "--csv"))))
    assert {r["key_id"] for r in rows} == {k.id for k in keys}
    assert all(r["command"].startswith("tollgate ") for r in rows)
    few = gate.must("keys", "review", "--account", account, "--severity",
                    "warning")
    assert "no_expiry" in few and "no_owner" not in few


def test_only_keys_in_force(gate, account):
    key = gate.key("paused", account=account)
    gate.must("keys", "pause", key.id)
    assert gate.cli_json("keys", "review", "--account", account)["data"] == []
    assert gate.admin("GET", f"/keys/review?key={key.id}").status == 404


def test_wrong_arguments_are_named(gate):
    for query, param in [("unused_days=0", "unused_days"),
                         ("rotated_days=x", "rotated_days"),
                         ("networks=yes", "networks"), ("limit=0", "limit")]:
        answer = gate.admin("GET", f"/keys/review?{query}")
        assert (answer.status, answer.json["error"]["param"]) == (400, param)
    assert gate.cli("keys", "review", "--pause-unused")[0] == 2
    assert gate.cli("keys", "review", "key_0123456789abcdefghij")[0] == 1
