"""How soon workers and their threads get a processor that is busy."""

import ctypes
import os
import struct
from pathlib import Path

import pytest

LIBC = ctypes.CDLL(None, use_errno=True)
SCHED_GETATTR = {"x86_64": 315}.get(os.uname().machine, 275)
ATTRIBUTES = struct.Struct("=IIQiIQQQ")
SLICE_NS = 100_000


def attributes(thread):
    """Policy, niceness and slice of a thread: sched_getattr(2)."""
    buf = ctypes.create_string_buffer(ATTRIBUTES.size)
    if LIBC.syscall(SCHED_GETATTR, thread, buf, ATTRIBUTES.size, 0) != 0:
        raise OSError(ctypes.get_errno(), "sched_getattr")
    _, policy, _, nice, _, slice_ns, _, _ = ATTRIBUTES.unpack(buf.raw)
    return policy, nice, slice_ns


def slices(gate):
    """Of its workers and their threads, which have nothing else of their own."""
    found, (policy, nice, _) = set(), attributes(0)
    for worker in gate.nginx_workers():
        threads = [int(task.name) for task in
                   Path(f"/proc/{worker}/task").iterdir()]
        assert len(threads) >= 2, "one waits for the disk"
        for thread in threads:
            assert attributes(thread)[:2] == (policy, nice)
            found.add(attributes(thread)[2])
    return found


@pytest.mark.skipif(attributes(0)[2] == 0,
                    reason="Linux before 6.12 has no slices to ask for")
def test_slices_are_short_where_calls_wait_for_syncs_and_the_usual_ones_else(
        make_gate):
    strict = make_gate(conf="[gate]\nsync = strict\n").start()
    assert slices(strict) == {SLICE_NS}
    batch = make_gate(conf="[gate]\nsync = batch\n").start()
    assert slices(batch) == {attributes(0)[2]}
