"""From the journal to the store, each call once, whatever is killed.

journal-write (tests/unit/journal_write.c) plays the workers: its n-th call
has 100 prompt and 10 completion tokens and costs 1000 + n nanos.
"""

import random
import signal
import sqlite3
import struct
import subprocess
import time
from decimal import Decimal

import pytest

from lone_daemon import BUILD, LoneDaemon, wait

WRITER = 0xabc0000000000001


@pytest.fixture
def daemon(tmp_path):
    daemon = LoneDaemon(tmp_path / "home").start()
    daemon.key = daemon.must("/keys", {"name": "k"})
    daemon.writers = []
    yield daemon
    for writer in daemon.writers:
        if writer.poll() is None:
            writer.kill()
        writer.wait()
        writer.stdout.close()
        writer.stdin.close()
    daemon.clean()


def begin(daemon, count, writer=WRITER, more=()):
    process = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", daemon.journal, f"{writer:x}",
         str(count), daemon.key["id"], daemon.key["account_id"],
         *map(str, more)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    daemon.writers.append(process)
    return process


def is_done(process):
    assert process.stdout.readline() == "done\n"
    return process


def end(process):
    process.stdin.close()
    assert process.wait(timeout=30) == 0


def write(daemon, count, **more):
    end(is_done(begin(daemon, count, **more)))


def requests(daemon):
    return daemon.total()["requests"]


def has(daemon, count):
    wait(lambda: requests(daemon) >= count, 30, f"{count} calls")
    assert requests(daemon) == count


def cost_of(*counts):
    return sum(1000 * n + n * (n - 1) // 2 for n in counts)


def nanos(text):
    return int(Decimal(text) * 10**9)


def segments(daemon):
    return sorted(p.name for p in daemon.journal.iterdir())


def test_calls_and_their_sums(daemon):
    write(daemon, 1000)
    has(daemon, 1000)
    total = daemon.total(key=daemon.key["id"])
    assert total["prompt_tokens"] == 100000
    assert total["prompt_cache_hit_tokens"] == 20000
    assert total["completion_tokens"] == 10000
    assert total["total_tokens"] == 110000
    assert nanos(total["cost"]) == cost_of(1000)
    assert total["errors"] == 0
    usage = daemon.get("/usage?by=model").json
    assert [r["model"] for r in usage["rows"]] == ["deepseek-flash"]
    assert {**usage["rows"][0], "model": 0} == {**total, "model": 0}
    rows = daemon.get("/usage?by=key").json["rows"]
    assert rows[0]["key_id"] == daemon.key["id"]
    assert rows[0]["key_name"] == "k"
    rows = daemon.get("/usage?by=account").json["rows"]
    assert rows[0]["account_name"] == "default"
    for by in ("day", "hour"):
        rows = daemon.get("/usage?by=" + by).json["rows"]
        assert sum(r["requests"] for r in rows) == 1000
        assert sum(nanos(r["cost"]) for r in rows) == cost_of(1000)
    assert daemon.get("/usage?key=key_other").status == 400, "no such key"


def test_a_call_as_it_is_shown(daemon):
    write(daemon, 1)
    has(daemon, 1)
    call = daemon.get("/calls").json["data"][0]
    assert call["id"].startswith("call_")
    assert call["request_id"] == "req_" + call["id"][5:]
    for name, value in [
            ("object", "call"), ("key_id", daemon.key["id"]),
            ("account_id", daemon.key["account_id"]),
            ("endpoint", "POST /v1/chat/completions"),
            ("model", "deepseek-flash"), ("stream", False), ("status", 200),
            ("code", None), ("prompt_tokens", 100),
            ("prompt_cache_hit_tokens", 20), ("completion_tokens", 10),
            ("reasoning_tokens", 0), ("total_tokens", 110),
            ("cost", "0.000001"), ("basis", "reported"), ("latency_ms", 12),
            ("ttft_ms", None), ("ip", "192.0.2.7"),
            ("user_agent", "journal-write/1"), ("upstream", None),
            ("trace_id", "trace-1"), ("recovered", False)]:
        assert call[name] == value, name
    secret = daemon.get("/keys/" + daemon.key["id"]).json["secrets"][0]
    assert secret["last_used_at"] == call["at"]
    assert secret["last_used_ip"] == "192.0.2.7"
    assert secret["last_used_agent"] == "journal-write/1"


def test_pages_of_calls(daemon):
    write(daemon, 250)
    has(daemon, 250)
    seen, query = [], ""
    while query is not None:
        page = daemon.get("/calls?limit=100" + query).json
        seen += page["data"]
        query = page["next"] and "&after=" + page["next"]
    assert len({call["id"] for call in seen}) == 250
    assert [c["at"] for c in seen] == sorted((c["at"] for c in seen),
                                             reverse=True)
    assert daemon.get("/calls?status=200&limit=5").json["has_more"]
    assert daemon.get("/calls?not_ok=true").json["data"] == []
    assert daemon.get("/calls?status=500").json["data"] == []
    assert daemon.get("/calls?key=key_other").status == 400, "no such key"


def test_days_are_those_of_the_time_zone(daemon):
    """Kiritimati is 14 hours ahead: its day begins at 10:00 UTC."""
    write(daemon, 10)
    has(daemon, 10)
    at = daemon.get("/calls?limit=1").json["data"][0]["at"]
    zone = daemon.get("/usage?timezone=Pacific/Kiritimati").json
    from datetime import datetime, timedelta
    local = datetime.fromisoformat(at[:-1]) + timedelta(hours=14)
    assert zone["timezone"] == "Pacific/Kiritimati"
    assert zone["rows"][-1]["day"] == local.date().isoformat()
    hour = daemon.get("/usage?by=hour&timezone=Asia/Kathmandu").json
    assert hour["rows"][-1]["hour"].endswith(":15:00.000Z")


def test_segments_go_when_their_writer_has_gone(daemon):
    writer = is_done(begin(daemon, 5000, more=[100000]))
    has(daemon, 5000)
    # The last one is still open for writing, so it stays.
    wait(lambda: len(segments(daemon)) == 1, what="one segment")
    for _ in range(5):
        time.sleep(0.05)
        assert len(segments(daemon)) == 1
    end(writer)
    wait(lambda: not segments(daemon), what="an empty folder")
    db = sqlite3.connect(daemon.home / "store.db")

    def rows():
        return db.execute("SELECT count(*) FROM segments").fetchone()[0]
    kept = daemon.home / "journal-kept"
    wait(lambda: len(list(kept.glob("*.tgj"))) == rows() > 1,
         what="rows, too, of those that are kept")
    (daemon.home / "tollgate.conf").write_text("[journal]\nkeep_days = 0\n")
    daemon.stop()
    daemon.start()
    wait(lambda: rows() == 0, what="no rows when they are not")
    db.close()
    assert requests(daemon) == 5000


def test_many_writers_at_once(daemon):
    writers = [begin(daemon, 2000, WRITER + i) for i in range(4)]
    for writer in writers:
        end(is_done(writer))
    has(daemon, 8000)
    assert nanos(daemon.total()["cost"]) == cost_of(2000) * 4


def cut_journal(tmp_path, daemon, count):
    """A whole segment's bytes, made where the daemon does not look."""
    folder = tmp_path / "aside"
    folder.mkdir()
    process = subprocess.Popen(
        [BUILD / "tests/unit/journal-write", folder, f"{WRITER:x}",
         str(count), daemon.key["id"], daemon.key["account_id"]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    is_done(process)
    end(process)
    process.stdout.close()
    path, = folder.iterdir()
    return path.name, path.read_bytes()


def test_a_segment_that_grows_byte_by_byte(daemon, tmp_path):
    """A tail that is not whole is waited for, wherever it is cut."""
    name, data = cut_journal(tmp_path, daemon, 3)
    at = 0
    with open(daemon.journal / name, "wb", buffering=0) as segment:
        for size in (1, 30, 32, 1, 4, 4, 15, 300, 29, 1):
            segment.write(data[at:at + size])
            at += size
            time.sleep(0.06)
        assert requests(daemon) == 0 or at >= 64 + 375
        segment.write(data[at:])
        has(daemon, 3)


@pytest.mark.parametrize("left", [1, 5, 23, 24, 100, 350])
def test_a_torn_tail_is_given_up_with_its_writer(daemon, tmp_path, left):
    name, data = cut_journal(tmp_path, daemon, 3)
    record = (len(data) - 64) // 3
    (daemon.journal / name).write_bytes(data[:64 + 2 * record + left])
    has(daemon, 2)
    wait(lambda: not segments(daemon), what="an empty folder")
    assert f"{left} bytes" in daemon.said()
    assert daemon.get("/health").json["status"] == "ok"


@pytest.mark.parametrize("size", [0, 1, 63, 64])
def test_segments_with_hardly_a_header(daemon, tmp_path, size):
    name, data = cut_journal(tmp_path, daemon, 1)
    (daemon.journal / name).write_bytes(data[:size])
    wait(lambda: not segments(daemon), what="an empty folder")
    write(daemon, 10, writer=WRITER + 1)
    has(daemon, 10)


@pytest.mark.parametrize("offset,reason", [(10, "header"), (64 + 375, "")])
def test_a_corrupt_segment_is_put_aside(daemon, tmp_path, offset, reason):
    name, data = cut_journal(tmp_path, daemon, 3)
    record = (len(data) - 64) // 3
    if offset > 64:
        offset = 64 + record + 40
    bad = bytearray(data)
    bad[offset] ^= 0x40
    (daemon.journal / name).write_bytes(bad)
    write(daemon, 10, writer=WRITER + 1)
    good = 10 + (1 if offset > 64 else 0)
    has(daemon, good)
    wait(lambda: daemon.get("/health").json["ingest"]["bad_segments"] == 1,
         what="a bad segment")
    assert daemon.get("/health").json["status"] == "degraded"
    assert name in daemon.said() and reason in daemon.said()
    health = daemon.get("/health").json["ingest"]
    assert [s["file"] for s in health["segments"]] == [name]
    assert health["segments"][0]["why"].startswith("byte ")
    daemon.kill()
    daemon.start()
    write(daemon, 5, writer=WRITER + 2)
    has(daemon, good + 5)
    wait(lambda: daemon.get("/health").json["ingest"]["bad_segments"] == 1,
         what="a segment that is still bad")
    assert segments(daemon) == [name]
    (daemon.journal / name).unlink()
    wait(lambda: daemon.get("/health").json["status"] == "ok", what="health")


@pytest.mark.parametrize("how", ["restart", "hangup"])
def test_a_segment_that_is_well_again_is_taken_in(daemon, tmp_path, how):
    name, data = cut_journal(tmp_path, daemon, 3)
    bad = bytearray(data)
    bad[-40] ^= 1
    (daemon.journal / name).write_bytes(bad)
    wait(lambda: daemon.get("/health").json["ingest"]["bad_segments"] == 1,
         what="a bad segment")
    (daemon.journal / name).write_bytes(data)
    if how == "restart":
        daemon.kill()
        daemon.start()
    else:
        daemon.process.send_signal(signal.SIGHUP)
    has(daemon, 3)
    wait(lambda: not segments(daemon), what="an empty folder")
    assert daemon.get("/health").json["status"] == "ok"
    kept = daemon.home / "journal-kept"
    assert [p.name for p in kept.iterdir()] == [name]
    assert (kept / name).read_bytes() == data


def test_records_of_a_newer_version_are_skipped(daemon, tmp_path):
    name, data = cut_journal(tmp_path, daemon, 2)
    record = (len(data) - 64) // 2
    one = bytearray(data[64:64 + record])
    struct.pack_into("<H", one, 8, 77)
    struct.pack_into("<I", one, 4, crc32c(bytes(one[8:])))
    (daemon.journal / name).write_bytes(
        data[:64] + bytes(one) + data[64 + record:])
    has(daemon, 1)
    assert "newer Tollgate" in daemon.said()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_files_that_are_no_segments_are_left_alone(daemon):
    (daemon.journal / "notes.txt").write_text("x")
    (daemon.journal / f"{WRITER:016x}.00000000.tgj").symlink_to("/etc/passwd")
    write(daemon, 3, writer=WRITER + 1)
    has(daemon, 3)
    assert (daemon.journal / "notes.txt").exists()


def test_counts_are_exact_when_the_daemon_is_killed(daemon):
    """Three writers, the daemon killed and started again all the while."""
    rng = random.Random(3)
    count = 20000
    writers = [begin(daemon, count, WRITER + i, [1 << 20]) for i in range(3)]
    kills = 0
    while kills < 12 or any(w.poll() is None for w in writers):
        time.sleep(rng.random() * 0.1)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        daemon.start()
        kills += 1
        if kills == 6:
            for writer in writers:
                is_done(writer)
                end(writer)
    has(daemon, 3 * count)
    assert nanos(daemon.total()["cost"]) == 3 * cost_of(count)
    wait(lambda: not segments(daemon), what="an empty folder")


def test_a_clean_end_takes_in_what_is_there(daemon):
    write(daemon, 5000)
    assert daemon.stop() == 0
    db = sqlite3.connect(daemon.home / "store.db")
    assert db.execute("SELECT count(*) FROM calls").fetchone() == (5000,)
    db.close()
    daemon.start()
    assert requests(daemon) == 5000


def die(daemon, count, writer=WRITER):
    process = is_done(begin(daemon, count, writer, ["--die", daemon.state]))
    process.kill()
    process.wait()


def recovered(daemon):
    return [c for c in daemon.get("/calls?limit=1000").json["data"]
            if c["recovered"]]


def test_calls_of_a_dead_worker_are_settled_once(daemon):
    die(daemon, 10)
    has(daemon, 14)
    calls = daemon.get("/calls").json["data"]
    held = sorted(nanos(c["cost"]) for c in calls if c["basis"] == "held")
    assert held == [5000, 7000, 7000]
    lost = [c for c in recovered(daemon) if c["code"] == "internal_error"]
    assert sorted((c["basis"], nanos(c["cost"])) for c in lost) == [
        ("held", 5000), ("none", 0)]
    assert len(recovered(daemon)) == 3
    account = daemon.get("/accounts/default").json
    assert nanos(account["spent"]) == 5000 + 7000 + 7000
    wait(lambda: daemon.get("/health").json["state"]["workers"] == 0,
         what="free area")
    wait(lambda: len(segments(daemon)) == 1, what="only the daemon's own")
    daemon.kill()
    daemon.start()
    assert requests(daemon) == 14
    wait(lambda: not segments(daemon), what="an empty folder")
    assert requests(daemon) == 14


def test_a_dead_worker_while_the_daemon_is_dead_too(daemon):
    writer = is_done(begin(daemon, 100, more=["--die", daemon.state]))
    daemon.kill()
    writer.kill()
    writer.wait()
    daemon.start()
    has(daemon, 104)
    assert len(recovered(daemon)) == 3


def test_recovery_killed_anywhere_settles_once(daemon):
    rng = random.Random(11)
    for i in range(6):
        daemon.kill()
        daemon.spawn()
        wait(daemon.socket.exists, what="socket")
        die(daemon, 2, WRITER + i)
        time.sleep(rng.random() * 1.2)
    daemon.kill()
    daemon.start()
    has(daemon, 6 * 6)
    assert len(recovered(daemon)) == 18
    account = daemon.get("/accounts/default").json
    assert nanos(account["spent"]) == 6 * 19000


def test_a_living_worker_is_left_alone(daemon):
    writer = is_done(begin(daemon, 1, more=["--die", daemon.state]))
    has(daemon, 2)
    time.sleep(1.2)
    assert daemon.get("/health").json["state"]["workers"] == 1
    assert requests(daemon) == 2
    end(writer)
    has(daemon, 5)


def test_what_was_spent_survives_a_lost_state_file(daemon):
    """As after a reboot: the store's sums take the counters' place."""
    write(daemon, 100)
    has(daemon, 100)
    daemon.kill()
    daemon.state.unlink()
    write(daemon, 50, writer=WRITER + 1)
    daemon.start()
    account = daemon.get("/accounts/default").json
    assert nanos(account["spent"]) == cost_of(100, 50)
    daemon.kill()
    daemon.start()
    account = daemon.get("/accounts/default").json
    assert nanos(account["spent"]) == cost_of(100, 50)


def poke(daemon, at, value):
    with open(daemon.state, "r+b") as state:
        state.seek(at)
        state.write(value)


@pytest.mark.parametrize("at, value", [
    (0, b"XXXXXXXX"),             # no state file
    (176, b"\xc8"),               # a level that the index has not
    (308, b"\xff\xff\xff\xff"),   # more keys than there is room for
    (312, b"\0\0\0\0"),           # an account where none was ever put
], ids=["magic", "index", "keys", "accounts"])
def test_a_damaged_state_file_is_made_anew(daemon, at, value):
    write(daemon, 100)
    has(daemon, 100)
    daemon.kill()
    poke(daemon, at, value)
    daemon.start()
    assert "is damaged; a new one is made" in daemon.said()
    account = daemon.get("/accounts/default").json
    assert nanos(account["spent"]) == cost_of(100)
    die(daemon, 1, WRITER + 1)
    has(daemon, 105)


def test_a_call_that_cannot_be_read_is_left_out_and_told(daemon):
    writer = is_done(begin(daemon, 10, more=["--die", daemon.state]))
    daemon.kill()
    writer.kill()
    writer.wait()
    with open(daemon.state, "rb") as state:
        state.seek(96)
        areas = int.from_bytes(state.read(8), "little")
    first_call = areas + -(-256 * 1088 // 4096) * 4096 + 32
    poke(daemon, first_call + 200, b"\xff\xff\xff\xff")    # its key's slot
    daemon.start()
    has(daemon, 13)
    assert "1 of its calls cannot be read in the state file" in daemon.said()
    assert len(recovered(daemon)) == 2
    wait(lambda: daemon.get("/health").json["state"]["workers"] == 0,
         what="free area")


def test_ingest_rests_behind_32_calls_until_many_wait(daemon, tmp_path):
    """A call of a client that shares its processor waits for 32 of them, and
    not for a batch.  Of many the first 4000 come as if they were few."""
    log = tmp_path / "strace.log"
    daemon.stop()
    write(daemon, 60000)
    daemon.prefix = ["strace", "-D", "-f", "-e", "trace=clock_nanosleep",
                     "-o", log]
    daemon.start()
    has(daemon, 60000)
    daemon.kill()
    wait(lambda: "+++ killed by" in log.read_text(), what="end of strace")
    rests = log.read_text().count("{tv_sec=0, tv_nsec=50000}")
    # A batch is cut, and has none, while another thread waits for the store.
    assert 4000 // 64 <= rests <= 60000 // 64
