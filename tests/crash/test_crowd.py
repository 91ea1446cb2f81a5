"""A key that may have one call at once is not shut out for good by a worker
that was killed while it counted."""

import os
import signal
import struct

from state_file import COUNTERS, StateFile


def count_a_call(gate, key):
    """What a worker leaves that is killed between counting a call and giving
    it its slot: docs/state.md, counters."""
    at = StateFile(gate.shm).key_at(key.id) + COUNTERS + 48
    with open(gate.shm / "state", "r+b") as file:
        file.seek(at)
        count, = struct.unpack("<i", file.read(4))
        file.seek(at)
        file.write(struct.pack("<i", count + 1))


def test_a_call_that_a_dead_worker_counted_is_no_more(own_gate):
    gate = own_gate
    key = gate.key("one at once", concurrency=1)
    assert gate.chat(key).status == 200
    count_a_call(gate, key)
    assert gate.chat(key).code == "rate_limit_exceeded"
    worker = gate.nginx_workers()[0]
    os.kill(worker, signal.SIGKILL)
    gate.wait(lambda: gate.chat(key).status == 200, 20,
              "a call of a key of one at once")
    calls, _, held, in_flight = StateFile(gate.shm).counters(
        StateFile(gate.shm).key_at(key.id))
    assert (calls, held, in_flight) == (2, 0, 0)
    assert "a worker was killed while it counted" in gate.log.read_text()
