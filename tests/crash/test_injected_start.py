"""Each call by which the daemon reads or writes its home fails while it
starts: it says why and ends, or serves all the same; and started again, it
has every call.

TOLLGATE_SWEEP=1 tries them all; unless told a few are drawn by
TOLLGATE_SEED.
"""

import os
import random
import re
import subprocess
from decimal import Decimal

import pytest

from injection import CALLS, injected, made, options
from lone_daemon import BUILD, LoneDaemon, wait

SWEEPS = bool(os.environ.get("TOLLGATE_SWEEP"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
SAMPLE = 20
WRITER = 0xabc0000000000001
NAMES = CALLS | {"pread64": "pread64", "read": "read", "lock": "fcntl",
                 "stat": "fstat,?newfstatat", "mmap": "mmap"}


def write(daemon, count, writer, *more):
    """A worker that wrote so many calls and died."""
    process = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal, f"{writer:x}",
         str(count), daemon.key["id"], daemon.key["account_id"],
         *map(str, more)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "done\n"
    process.kill()
    process.communicate()


def new_home(daemon):
    """Nothing is there yet.  Gives the calls and what is spent, in nanos."""
    return 0, 0


def dead_worker(daemon):
    """Calls in the journal, and four of a worker that died, of which three
    are not settled."""
    daemon.start()
    daemon.key = daemon.must("/keys", {"name": "k"})
    daemon.kill()
    write(daemon, 30, WRITER)
    write(daemon, 10, WRITER + 1, "--die", daemon.state)
    return 44, 19000


def lost_state(daemon):
    """Calls in the journal; the state file has to be made anew."""
    daemon.start()
    daemon.key = daemon.must("/keys", {"name": "k"})
    write(daemon, 20, WRITER)
    wait(lambda: daemon.total()["requests"] == 20)
    daemon.stop()
    write(daemon, 30, WRITER + 1)
    daemon.state.unlink()
    return 50, 50 * 1000 + 20 * 19 // 2 + 30 * 29 // 2


HOMES = {it.__name__: it for it in (new_home, dead_worker, lost_state)}


def paths(daemon):
    """What stands or will stand in the home, as it is named in a call."""
    names = ["", "store.db", "store.db-wal", "store.db-shm",
             "store.db-journal", "journal", "kept", "run",
             "run/tollgated.lock", "master.key", "admin.token",
             "master.key.new", "admin.token.new", "tollgate.conf"]
    names += ["journal/" + p.name for p in daemon.journal.glob("*.tgj")]
    found = [str(daemon.home / name).rstrip("/") for name in names]
    found += [str(daemon.shm), str(daemon.state), str(daemon.state) + ".new"]
    return found + [name.partition("/")[2] for name in names if "/" in name]


def traced(daemon, folder, calls, fault=None):
    """The daemon under strace, which stays out of its way."""
    daemon.prefix = ["strace", "-D", *options(folder / "trace", calls, fault)]
    for path in paths(daemon):
        daemon.prefix += ["-P", path]
    return daemon


def try_to_start(daemon):
    """Whether it serves; else it has ended and said why."""
    before = daemon.said()
    daemon.spawn()
    wait(lambda: daemon.process.poll() is not None or serves(daemon),
         what="a daemon that serves or ends:\n" + daemon.said())
    if daemon.process.poll() is None:
        return True
    said = daemon.said()[len(before):]
    assert daemon.process.poll() == 1, said
    assert re.search(r"^tollgated: \S.*\S$", said, re.M), said
    return False


def serves(daemon):
    try:
        return daemon.get("/health").status == 200
    except (OSError, ValueError):
        return False


def count(home, folder):
    """How often each call is made in a start that succeeds."""
    daemon = LoneDaemon(folder / "home")
    try:
        calls, _ = HOMES[home](daemon)
        assert try_to_start(traced(daemon, folder, NAMES))
        wait(lambda: daemon.total()["requests"] == calls)
        daemon.stop()
        return made(folder / "trace", NAMES)
    finally:
        daemon.clean()


def has_all(daemon, calls, spent):
    daemon.prefix = []
    daemon.start()
    wait(lambda: daemon.total()["requests"] >= calls, what=f"{calls} calls")
    assert daemon.total()["requests"] == calls
    account = daemon.get("/accounts/default").json
    assert Decimal(account["spent"]) == Decimal(spent) / 10**9
    assert daemon.stop() == 0


def try_once(home, call, fault, folder):
    daemon = LoneDaemon(folder / "home")
    try:
        calls, spent = HOMES[home](daemon)
        served = try_to_start(
            traced(daemon, folder, {call: NAMES[call]}, fault))
        if served:
            daemon.kill()
        hit = injected(folder / "trace") > 0
        said = daemon.said().splitlines()[-1:]
        has_all(daemon, calls, spent)
    finally:
        daemon.clean()
    print(f"{home} {call} {fault}: "
          f"{'not met' if not hit else 'it served' if served else said}")
    return hit


def test_a_journal_folder_that_cannot_be_read_is_named(tmp_path):
    daemon = LoneDaemon(tmp_path / "home")
    try:
        lost_state(daemon)
        traced(daemon, tmp_path, {"getdents": "?getdents,getdents64"},
               "error=EIO:when=1+")
        assert not try_to_start(daemon)
        assert f"cannot read {daemon.journal}: Input/output error" in (
            daemon.said())
    finally:
        daemon.clean()


@pytest.mark.parametrize("home", HOMES)
def test_a_start_that_fails_says_why_and_the_next_has_all(home, tmp_path):
    (tmp_path / "count").mkdir()
    tried = [(call, f"error={error}:when={n}")
             for call, most in count(home, tmp_path / "count").items()
             for error in ("EIO", "ENOSPC" if call in CALLS else "EACCES")
             for n in range(1, 1 + (most if SWEEPS else (most + 1) // 2))]
    if not SWEEPS:
        tried = random.Random(SEED).sample(tried, SAMPLE)
    hit, wrong = 0, []
    for n, (call, fault) in enumerate(tried):
        folder = tmp_path / f"{n}"
        folder.mkdir()
        try:
            hit += try_once(home, call, fault, folder)
        except AssertionError as error:
            wrong.append((call, fault, str(error)))
    print(f"seed {SEED}: {hit} of {len(tried)} faults were met")
    assert wrong == []
    assert hit > len(tried) / 3
