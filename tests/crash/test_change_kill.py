"""The daemon is killed (kill -9) before or behind each system call of an
operator's change: the change and its entry in the audit log are both there or
neither, and the same request sent again makes it once, with the one secret
that its key has.

TOLLGATE_SWEEP=1 tries every write of a page; unless told one in two.
"""

import hashlib
import http.client
import mmap
import os
import shutil
import sqlite3
import struct

import pytest

from lone_daemon import BUILD, LoneDaemon

# What killer.c knows, and how many of each a change of either kind makes.
CALLS = {"pwrite64": 1, "fdatasync": 2, "write": 3, "send": 4}
LAST = {"pwrite64": 36, "fdatasync": 4, "write": 2, "send": 2}
STEP = {"pwrite64": 1 if os.environ.get("TOLLGATE_SWEEP") else 2}


class Killer:
    """Of a process that preloads it."""

    def __init__(self, folder):
        folder.mkdir()
        self.library = shutil.copy(BUILD / "tests/crash/killer.so", folder)
        (folder / "kill").write_bytes(bytes(12))
        with open(folder / "kill", "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 12)

    def order(self, call, n, is_behind):
        self.map[:] = struct.pack("=iii", call, n, is_behind)


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.killer = Killer(folder / "killer")
        self.daemon = LoneDaemon(folder / "home", prefix=[
            "env", f"LD_PRELOAD={self.killer.library}"]).start()
        self.account = self.daemon.must("/accounts", {"name": "a"})["id"]
        self.n = self.deaths = 0

    def query(self, sql, *values):
        db = sqlite3.connect(self.daemon.home / "store.db", timeout=30)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def entries(self):
        return self.query("SELECT count(*) FROM audit")[0][0]

    def send(self, path, body, once):
        """The answer, or None when the daemon died of it."""
        try:
            return self.daemon.ask("POST", path, body,
                                   headers={"Idempotency-Key": once})
        except (OSError, http.client.HTTPException):
            return None

    def kill_at(self, point, path, body, once):
        """Sends it while the n-th call kills, and starts the daemon anew;
        whether it died of it."""
        call, n, is_behind = point
        self.killer.order(CALLS[call], n, is_behind)
        reply = self.send(path, body, once)
        self.killer.order(0, 0, 0)
        if reply is not None:
            self.daemon.kill()         # it makes fewer of these calls
        self.daemon.process.wait(20)
        self.daemon.start()
        self.deaths += reply is None
        return reply is None


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("kill"))
    yield bench
    bench.daemon.clean()


POINTS = [(call, n, is_behind) for call, last in LAST.items()
          for n in range(0, last, STEP.get(call, 1)) for is_behind in (0, 1)]


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_key_is_made_once_with_its_entry(bench, point):
    bench.n += 1
    name = f"key-{bench.n}"
    died = bench.kill_at(point, "/keys", {"name": name}, name)
    made = bench.query("SELECT id FROM keys WHERE name = ?", name)
    told = bench.query("SELECT subject FROM audit WHERE action = 'key.create' "
                       "AND details LIKE ?", f'%"{name}"%')
    assert made == told and len(made) <= 1
    reply = bench.send("/keys", {"name": name}, name)
    assert reply.status == 201, reply.body
    key = reply.json
    (only,), = bench.query("SELECT id FROM keys WHERE name = ?", name)
    assert only == key["id"] and made in ([], [(only,)])
    (digest,), = bench.query("SELECT digest FROM secrets WHERE key_id = ?",
                             only)
    assert digest == hashlib.sha256(key["key"].encode()).digest()
    again = bench.send("/keys", {"name": name}, name)
    assert again.json["key"] == key["key"]
    assert again.headers["idempotency-replayed"] == "true"
    print(f"{point}: {'died' if died else 'lived'}, {len(made)} made before")


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_money_is_given_once_with_its_entry(bench, point):
    def granted():
        return bench.query("SELECT granted_nanos FROM accounts WHERE id = ?",
                           bench.account)[0][0]

    bench.n += 1
    before, entries = granted(), bench.entries()
    path = f"/accounts/{bench.account}/grant"
    bench.kill_at(point, path, {"amount": "1"}, f"grant-{bench.n}")
    assert bench.entries() - entries == (granted() - before) / 10**9
    assert bench.entries() - entries in (0, 1)
    reply = bench.send(path, {"amount": "1"}, f"grant-{bench.n}")
    assert reply.status == 200, reply.body
    assert granted() - before == 10**9
    assert bench.entries() - entries == 1


def test_it_died_of_most_and_the_log_is_whole(bench):
    assert bench.deaths > 0.8 * len(POINTS)
    check = bench.daemon.get("/audit/verify").json
    assert check["status"] == "intact", check
    assert check["entries"] == bench.entries()
