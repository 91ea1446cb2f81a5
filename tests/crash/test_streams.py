"""Thousands of streams that are open at once: none is dropped, each has its
record, and a stream costs little memory.

TOLLGATE_STREAMS says how many (2000 unless told; 10000 need 16 000
descriptors a process).
"""

import os
import resource
import time
from pathlib import Path

import pytest

from books import REPORTED, records
from state_file import StateFile
from storms import Storm, chat
from victims import roles

STREAMS = int(os.environ.get("TOLLGATE_STREAMS", "2000"))
# So long that the last one begins before the first one ends.
SECONDS = 5 + STREAMS // 400
TOKENS = 10
KIB_MAX = 64


@pytest.fixture
def many_files():
    """Two descriptors a stream in one of two workers, which do not have the
    same number of them; one in the simulator and in the client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * STREAMS // 2 + 1000
    assert hard >= wanted, (
        f"{STREAMS} streams need {wanted} descriptors a process and there "
        f"are {hard}: not tried")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def anonymous_kib(pids):
    """Memory of processes that no file stands behind."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/status").read_text()
        total += int(text.partition("RssAnon:")[2].split()[0])
    return total


def test_many_open_streams_all_end_whole(many_files, make_gate, tmp_path):
    gate = make_gate(sim_args=["--no-record"]).start()
    key = gate.key("streams", rpm=10**8, tpm=10**9)
    workers = roles(gate)["worker"]
    before = anonymous_kib(workers)
    began = time.monotonic()
    slow = 1000 * SECONDS // TOKENS
    storm = Storm(gate, tmp_path, [key], [
        chat(f"sim:slow={slow} sim:tokens={TOKENS}", stream=True)],
        connections=STREAMS, each=1)
    try:
        state = StateFile(gate.shm)
        gate.wait(lambda: gate.sim.count()["streams_open"] == STREAMS,
                  10 + SECONDS, "all streams at once")
        opened = time.monotonic() - began
        kib = (anonymous_kib(workers) - before) / STREAMS
        assert state.calls_in_flight() == STREAMS
    finally:
        ends = storm.wait(60 + 2 * SECONDS)
    rows = gate.wait(lambda: (lambda rows: rows if len(rows) >= STREAMS else
                              None)(records(gate.home)), 30, "records")
    print(f"{STREAMS} streams open after {opened:.1f} s, {kib:.1f} KiB of "
          f"memory each in the workers, {dict(ends)}")
    assert ends == {"whole": STREAMS}
    assert len(rows) == STREAMS
    assert {row["basis"] for row in rows.values()} == {REPORTED}
    assert {row["completion_tokens"] for row in rows.values()} == {TOKENS}
    assert roles(gate)["worker"] == workers
    gate.wait(lambda: state.calls_in_flight() == 0, 10, "rest")
    assert kib < KIB_MAX
