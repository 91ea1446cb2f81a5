"""`tollgate keys rotate` and `keys rotation`: one key, or all that are old,
into a file that loses no secret, wherever the command is killed."""

import json
import random
import signal
import subprocess
import time

import pytest

from conftest import BUILD, Key, clean_env


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def show(gate, key_id):
    return gate.cli_json("keys", "show", key_id)


def plant(gate, path):
    """What stands in the file is meant to; the hunt is told."""
    for line in lines(path):
        gate.hunt.plant("client key", line["key"])


def test_one_key_is_rotated(gate):
    old = gate.key("one")
    made = gate.cli_json("keys", "rotate", old.id, "--grace", "24h")
    assert made["id"] == old.id and made["key"] != old
    assert gate.chat(made["key"]).status == gate.chat(old).status == 200
    code, out, err = gate.cli("keys", "rotate", old.id)
    assert code == 1 and out == "" and "two secrets" in err
    assert gate.must("keys", "rotation", "undo", old.id).startswith(old.id)
    again = gate.must("keys", "rotate", old.id, "--grace", "0", "-q").strip()
    assert again.startswith("sk-tgp_") and len(again.split()) == 1
    assert gate.chat(old).code == "key_rotated"
    assert gate.chat(again).status == 200


def test_who_still_uses_the_old_one_is_told(gate):
    old = gate.key("who")
    gate.cli("keys", "rotate", old.id)
    said = gate.cli("keys", "rotation", old.id)[2]
    assert "Nobody has used the old secret" in said
    assert f"keys rotation end {old.id}" in said
    assert gate.chat(old).status == 200
    for command in (["rotation", "show"], ["show"]):
        _, out, said = gate.cli("keys", *command, old.id)
        assert "was used" in said and "127.0.0.1" in said
        assert out.count("sec_") == 2
    before = show(gate, old.id)["rotation"]["ends_at"]
    gate.must("keys", "rotation", "extend", old.id, "--grace", "2d")
    assert show(gate, old.id)["rotation"]["ends_at"] > before
    gate.must("keys", "rotation", "end", old.id)
    assert "No rotation" in gate.cli("keys", "rotation", old.id)[2]


@pytest.mark.parametrize("args, code, words", [
    (["rotate"], 2, "say which key"),
    (["rotate", "key_x", "--older-than", "90d"], 2, "not both"),
    (["rotate", "--older-than", "90d"], 2, "--output FILE"),
    (["rotate", "--older-than", "ninety"], 2, "takes days"),
    (["rotate", "key_x", "--dry-run"], 2, "go with"),
    (["rotation", "stop", "key_x"], 2, "no step"),
    (["rotation"], 2, "needs")])
def test_what_is_wrong_is_said(gate, args, code, words):
    got, out, err = gate.cli("keys", *args)
    assert (got, out) == (code, "") and words in err, err


def test_a_schedule_is_set_and_shown(gate):
    made = gate.cli_json("keys", "create", "--name", "sched",
                         "--rotate-every", "30d", "--grace", "3d")
    assert made["rotation"]["interval_days"] == 30
    assert made["rotation"]["grace_days"] == 3
    assert "every 30 days" in gate.must("keys", "show", made["id"])
    gate.must("keys", "update", made["id"], "--no-rotate-every")
    assert "by hand" in gate.must("keys", "show", made["id"])


@pytest.fixture
def many(own_gate, tmp_path):
    """A gate with forty keys, and where their new secrets go."""
    body = {"rotation": {"grace_days": 3}}
    keys = {}
    for n in range(40):
        made = own_gate.admin("POST", "/keys", {"name": f"k{n}", **body}).json
        keys[made["id"]] = made["key"]
    return own_gate, keys, tmp_path / "new.jsonl"


def test_a_plan_changes_nothing(many):
    gate, keys, path = many
    plan = gate.cli_json("keys", "rotate", "--older-than", "0d", "--dry-run")
    assert {row["id"] for row in plan["data"]} == set(keys)
    assert gate.cli_json("keys", "rotate", "--older-than", "1d",
                         "--dry-run")["data"] == []
    assert not path.exists()
    assert all(row["rotation"]["state"] == "none" for row in gate.cli_json(
        "keys", "list")["data"])


def test_all_that_are_old_are_rotated(many):
    gate, keys, path = many
    busy = next(iter(keys))
    gate.must("keys", "rotate", busy)
    code, out, err = gate.cli("keys", "rotate", "--older-than", "0d",
                              "--output", path, "--yes")
    assert code == 0, err
    assert "39 of 39 keys have another secret" in err
    plant(gate, path)
    rows = lines(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {row["id"] for row in rows} == set(keys) - {busy}
    for row in rows[::13]:
        assert gate.chat(row["key"]).status == 200
        assert gate.chat(keys[row["id"]]).status == 200
        assert row["old_valid_until"]
    # Nothing is old any more: each has two, or is new.
    code, _, err = gate.cli("keys", "rotate", "--older-than", "0d",
                            "--output", path, "--yes")
    assert code == 0 and "0 of 0" in err and len(lines(path)) == 39


def test_a_file_that_others_can_read_is_refused(many):
    gate, _, path = many
    path.write_text("")
    path.chmod(0o644)
    code, _, err = gate.cli("keys", "rotate", "--older-than", "0d",
                            "--output", path, "--yes")
    assert code == 1 and "chmod 600" in err
    assert path.read_text() == ""


def test_a_lost_answer_is_found(many):
    """A run was killed between the rotation and its line."""
    gate, keys, path = many
    key_id, old = next(iter(keys.items()))
    secret = show(gate, key_id)["secrets"][0]["id"]
    lost = gate.cli_json("keys", "rotate", key_id)
    begun = path.with_name(path.name + ".begun")
    begun.write_text(f"{key_id} {secret}\n")
    begun.chmod(0o600)
    code, _, err = gate.cli("keys", "rotate", "--older-than", "0d",
                            "--output", path, "--yes")
    assert code == 0 and f"{key_id} was made and its answer lost" in err
    plant(gate, path)
    rows = {row["id"]: row["key"] for row in lines(path)}
    assert set(rows) == set(keys) and not begun.exists()
    assert gate.chat(lost["key"]).status == 401
    assert gate.chat(rows[key_id]).status == gate.chat(old).status == 200


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGKILL])
def test_no_secret_is_lost_when_it_is_ended(many, signo):
    gate, keys, path = many
    command = [BUILD / "tollgate", "keys", "rotate", "--older-than", "0d",
               "--output", path, "--yes"]
    pick = random.Random(7)
    for _ in range(12):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL,
                               env=clean_env(TOLLGATE_HOME=str(gate.home)))
        before = len(path.read_text()) if path.exists() else 0
        gate.wait(lambda: run.poll() is not None or
                  path.exists() and len(path.read_text()) > before,
                  what="a line more, or the end")
        time.sleep(pick.random() / 100)
        run.send_signal(signo)
        code = run.wait(20)
        assert code in (0, 1, -signal.SIGKILL), code
    assert gate.cli("keys", "rotate", "--older-than", "0d", "--output", path,
                    "--yes")[0] == 0
    plant(gate, path)
    newest = {row["id"]: row for row in lines(path)}
    assert set(newest) == set(keys)
    for row in gate.cli_json("keys", "list")["data"]:
        in_force = [s for s in row["secrets"] if s["valid_until"] is None]
        assert [s["id"] for s in in_force] == \
            [newest[row["id"]]["secret_id"]], row
    for key_id in list(keys)[::9]:
        assert gate.chat(newest[key_id]["key"]).status == 200
        assert gate.chat(keys[key_id]).status == 200


@pytest.mark.parametrize("name, is_styled", [
    ("prod_search_20261126", True), ("ci-2_a-b_20240229", True),
    ("prod_search_20250229", False), ("prod_search_2026112", False),
    ("prod_search_202611260", False), ("Prod_search_20261126", False),
    ("prod__20261126", False), ("prod_search", False),
    ("prod_a_b_20261126", False), ("prod search_20261126", False)])
def test_a_name_is_checked_when_asked(gate, name, is_styled):
    answer = gate.admin("POST", "/keys", {
        "name": name, "name_style": "environment_purpose_date"})
    if is_styled:
        assert (answer.status, answer.json["name"]) == (201, name)
    else:
        assert answer.status == 400
        assert answer.json["error"]["param"] == "name"
    assert gate.admin("POST", "/keys", {"name": name}).status == 201


def test_a_name_is_made_of_its_parts(gate):
    args = ["keys", "create", "--name-style", "--environment", "prod",
            "--purpose", "search"]
    today = [time.strftime("%Y%m%d", time.gmtime())]
    name = gate.cli_json(*args)["name"]
    today.append(time.strftime("%Y%m%d", time.gmtime()))
    assert name in {f"prod_search_{day}" for day in today}
    assert gate.cli("keys", "create", "--name", "x", "--name-style")[0] == 1
    for wrong in (args[:-2], args + ["--name", "x"],
                  ["keys", "create", "--name", "x", "--purpose", "y"]):
        code, _, err = gate.cli(*wrong)
        assert code == 2 and "--name-style" in err
