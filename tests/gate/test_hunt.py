"""The hunt for secrets finds what is planted, wherever and however: a hunt
that cannot fail would say nothing of the gate."""

import base64
import json
import os
import sqlite3
import subprocess
from urllib.parse import quote

import pytest

from hunt import ALLOWED, KINDS, Hunt, sum_up

SECRET = "sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT"

SPELT = {
    "plain": SECRET.encode(),
    "base64": base64.b64encode(SECRET.encode()),
    "base64 behind a byte": base64.b64encode(b"x" + SECRET.encode() + b"yz"),
    "base64 behind a name": base64.b64encode(b"ab" + SECRET.encode()),
    "base64 for URLs": base64.urlsafe_b64encode(b"?>" + SECRET.encode()),
    "hex": SECRET.encode().hex().encode(),
    "upper hex": SECRET.encode().hex().upper().encode(),
    "in a URL": "".join(f"%{ord(c):02X}" for c in SECRET).encode(),
    "in a query": quote(f"key={SECRET}&x=1").encode(),
    "UTF-16": SECRET.encode("utf-16-le"),
    "UTF-16, big end first": SECRET.encode("utf-16-be"),
    "cut at its end": SECRET[:32].encode(),
    "cut at its beginning": SECRET[12:].encode(),
    "in JSON": json.dumps({"key": SECRET}).encode(),
}


@pytest.fixture
def hunt():
    it = Hunt("a test")
    it.plant("client key", SECRET)
    return it


@pytest.mark.parametrize("how", SPELT)
def test_a_spelling_is_found(hunt, tmp_path, how):
    (tmp_path / "log").write_bytes(b"before " + SPELT[how] + b" behind\n")
    hunt.look([tmp_path])
    assert {(kind, place) for kind, place, _ in hunt.finds} == {
        ("client key", str(tmp_path / "log"))}


def in_free_page(path):
    """A row that was deleted: SQLite leaves its bytes in the page."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA secure_delete = OFF")
    db.execute("CREATE TABLE t (text)")
    db.execute("INSERT INTO t VALUES (?)", (SECRET,))
    db.commit()
    db.execute("DELETE FROM t")
    db.commit()
    db.close()


def in_log_of_changes(path):
    """Of a store that was not ended: what is not in the database yet."""
    subprocess.run(["/usr/bin/python3", "-c", """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (text)")
db.execute("INSERT INTO t VALUES (?)", (sys.argv[2],))
db.commit()
os._exit(0)""", path, SECRET], check=True)


def behind_a_hole(path):
    with open(path, "wb") as file:
        file.truncate(1 << 34)
        file.seek((1 << 33) + 4090)
        file.write(SECRET.encode())


def over_two_pieces(path):
    with open(path, "wb") as file:
        file.write(bytes((1 << 24) - 20) + SECRET.encode())


def among_bytes(path):
    path.write_bytes(os.urandom(100000) + SECRET.encode() + os.urandom(10))


@pytest.mark.parametrize("name, write", [
    ("nginx.log", lambda path: path.write_text(f"GET /?key={SECRET}\n")),
    ("store.db", in_free_page),
    ("store.db", in_log_of_changes),
    ("0123456789abcdef.00000001.tgj", among_bytes),
    ("state", behind_a_hole),
    ("client_body", over_two_pieces),
    ("core", among_bytes),
])
def test_a_place_is_looked_at(hunt, tmp_path, name, write):
    folder = tmp_path / "home" / "deep"
    folder.mkdir(parents=True)
    write(folder / name)
    hunt.look([tmp_path])
    assert hunt.finds and all(name in find[1] for find in hunt.finds)


@pytest.mark.parametrize("where", ["cmdline", "environ"])
def test_a_process_is_looked_at(hunt, where):
    args, env = (["x", SECRET], {}) if where == "cmdline" else (
        ["x"], {"KEY": SECRET})
    with subprocess.Popen(["/bin/sleep", "60"] if where == "environ" else
                          ["/bin/sh", "-c", "sleep 60 && :", *args],
                          env={**os.environ, **env}) as process:
        try:
            # Its arguments are there once it is another program.
            while b"sleep" not in open(f"/proc/{process.pid}/cmdline",
                                       "rb").read():
                assert process.poll() is None
            hunt.look(pids=[process.pid])
        finally:
            process.kill()
    assert [find[1] for find in hunt.finds] == [f"/proc/{process.pid}/{where}"]


def test_what_is_not_there_is_not_found(hunt, tmp_path):
    (tmp_path / "log").write_text("sk-tgp_zQWB…SWgT, " + SECRET[:23] + "\n")
    hunt.look([tmp_path])
    assert (hunt.finds, hunt.looked_at) == ([], 1)


@pytest.mark.parametrize("kind, name, mode", ALLOWED)
def test_an_exception_is_one_kind_in_one_file_for_its_owner(tmp_path, kind,
                                                            name, mode):
    def finds(planted_as, name, mode):
        hunt = Hunt("a test")
        hunt.plant(planted_as, SECRET)
        path = tmp_path / name
        path.write_text(SECRET)
        path.chmod(mode)
        hunt.look([path])
        path.unlink()
        return len(hunt.finds)

    assert finds(kind, name, mode) == 0
    assert finds(kind, name + ".old", mode) == 1
    assert finds(kind, name, mode | 0o040) == 1
    assert finds("prompt", name, mode) == 1


def test_a_find_fails_the_test_or_the_last_step(hunt, tmp_path, monkeypatch):
    place, notes = tmp_path / "log", tmp_path / "notes"
    place.write_text(SECRET)
    notes.mkdir()
    hunt.look([place])
    monkeypatch.delenv("TOLLGATE_HUNT", raising=False)
    with pytest.raises(AssertionError, match="secrets were found"):
        hunt.end()
    monkeypatch.setenv("TOLLGATE_HUNT", str(notes))
    hunt.end()
    lines = dict(zip(KINDS, sum_up(notes)))
    is_fine, text = lines["client key"]
    assert not is_fine and str(place) in text and "1 found" in text
    assert not lines["prompt"][0], "nothing of the kind was planted"
