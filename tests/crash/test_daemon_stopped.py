"""The daemon is dead for a whole run: calls go on, their records wait in the
journal, and all are there after its start."""

import os
import signal

from books import RECOVERED, compare, records, seen, served
from state_file import StateFile
from storms import Storm, chat
from victims import roles

CALLS = 3000


def journal_bytes(gate):
    return sum(p.stat().st_size for p in (gate.home / "journal").iterdir())


def end_daemon(gate):
    """For good: who would start it again stands still, too."""
    os.kill(gate.up_pid(), signal.SIGSTOP)
    os.kill(roles(gate)["daemon"][0], signal.SIGKILL)


def let_daemon_start(gate):
    os.kill(gate.up_pid(), signal.SIGCONT)
    gate.wait_daemon()


def test_records_wait_for_a_daemon_that_is_dead(make_gate, tmp_path):
    log = tmp_path / "sim.jsonl"
    gate = make_gate(sim_args=["--log", log]).start()
    many = {"rpm": 10**8, "tpm": 10**9}
    keys = [gate.key("a", **many), gate.key("b", daily_limit=1000, **many)]
    state = StateFile(gate.shm)
    end_daemon(gate)
    try:
        storm = Storm(gate, tmp_path, keys, [
            chat("hello"), chat("hello", stream=True),
            chat("sim:slow=5 sim:tokens=20", stream=True)],
            connections=16, count=CALLS)
        # The workers die, too: what they had in flight waits where it stands.
        storm.goes_on(CALLS // 3)
        for pid in roles(gate)["worker"]:
            os.kill(pid, signal.SIGKILL)
        ends = storm.wait(120)
        assert records(gate.home) == {}
        assert journal_bytes(gate) > 392 * (CALLS - 16)
        held = state.calls_in_flight()
    finally:
        let_daemon_start(gate)
    gate.wait(lambda: state.calls_in_flight() == 0, 20, "settlement")
    upstream = served(log)
    rows = gate.wait(lambda: (lambda rows: rows if upstream.keys() <=
                              rows.keys() else None)(records(gate.home)), 20,
                     "all calls")
    compare(rows, upstream, seen(storm.seen))
    recovered = sum(bool(row["flags"] & RECOVERED) for row in rows.values())
    print(f"{dict(ends)}, {len(rows)} records, {held} calls were held for "
          f"dead workers, {recovered} of them recovered")
    # None but those whose worker was killed did not end well.
    assert set(ends) <= {"whole", "cut", "none"}
    assert ends["whole"] >= CALLS - 16
    assert recovered == held > 0
    assert sum(row["cost_nanos"] for row in rows.values()) == (
        state.committed())
