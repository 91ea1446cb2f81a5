"""Reads the money of a key out of a gate's state file while it changes, as
docs/state.md describes it; as a program, watches it (Watch)."""

import json
import mmap
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

KEY_BYTES, CELL_OF_DAY, POLICIES, POLICY_BYTES = 704, 16, 192, 256
COUNTERS, ACCOUNT_BYTES, CELL_OF_ACCOUNT = 64, 384, 16
AREA_BYTES, SLOT_BYTES, PAGE = 1088, 400, 4096


class StateFile:
    def __init__(self, folder):
        with open(Path(folder) / "state", "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert self.map[:8] == b"TGSTATE1"

    def _integer(self, at, kind="Q"):
        return struct.unpack_from("<" + kind, self.map, at)[0]

    def key_at(self, key_id):
        """Offset of the key's record."""
        keys, used = self._integer(72), self._integer(308, "I")
        for at in range(keys, keys + used * KEY_BYTES, KEY_BYTES):
            policy = at + POLICIES + (self._integer(at) & 1) * POLICY_BYTES
            if self.map[policy:policy + 24] == key_id.encode():
                return at
        raise KeyError(key_id)

    def _cell(self, at):
        while True:
            mark = self._integer(at + 8)
            used = self._integer(at, "q")
            if self._integer(at + 8) == mark:
                return used

    def used_in_day(self, at):
        """Settled and held, together, in nano-units, of the key there."""
        return self._cell(at + CELL_OF_DAY)

    def committed(self, account=0):
        """The same of an account, since the file was made; by its slot."""
        return self._cell(self._integer(80) + account * ACCOUNT_BYTES +
                          CELL_OF_ACCOUNT)

    def counters(self, at):
        """Calls, settled, held (nano-units) and calls in flight of the key
        there."""
        calls, settled, held = (self._integer(at + COUNTERS + n, "q")
                                for n in (8, 16, 24))
        return calls, settled, held, self._integer(at + COUNTERS + 48, "i")

    def daemon_seen_at(self):
        """When the daemon has shown last that it lives, in ms."""
        return self._integer(320)

    def writers(self):
        """Pids of those who have an area."""
        areas, count = self._integer(96), self._integer(56, "I")
        return {self._integer(areas + n * AREA_BYTES + 8, "I")
                for n in range(count) if self._integer(areas + n * AREA_BYTES)}

    def writer_of(self, pid):
        """The number of the writer that a process is."""
        areas, count = self._integer(96), self._integer(56, "I")
        found = [self._integer(areas + n * AREA_BYTES) for n in range(count)
                 if self._integer(areas + n * AREA_BYTES + 8, "I") == pid]
        return next(filter(None, found))

    def calls_in_flight(self, writer=None):
        """Slots that have a call, of areas that anybody has, or this one."""
        areas, count = self._integer(96), self._integer(56, "I")
        per_area = self._integer(60, "I")
        slots = -(-(areas + count * AREA_BYTES) // PAGE) * PAGE
        found = 0
        for n in range(count):
            area = areas + n * AREA_BYTES
            if self._integer(area) == 0 or \
                    writer not in (None, self._integer(area)):
                continue
            first = slots + n * per_area * SLOT_BYTES
            for i in range(self._integer(area + 12, "I")):
                found += self._integer(first + i * SLOT_BYTES, "I") != 0
        return found


class Watch:
    """A process that looks at what a key has used in a day, all the time."""

    def __init__(self, gate, key):
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(gate.shm), key.id],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def end(self):
        """What it saw: looks, most, least, and the first 1000 amounts."""
        out, _ = self.process.communicate("", timeout=30)
        return json.loads(out)


def watch(folder, key_id):
    state = StateFile(folder)
    at = state.key_at(key_id)
    looks, amounts, is_over = 0, [state.used_in_day(at)], False
    most = least = amounts[0]
    print("ready", flush=True)
    while not is_over:
        is_over = select.select([sys.stdin], [], [], 0)[0]
        for _ in range(50):
            used = state.used_in_day(at)
            if used != amounts[-1] and len(amounts) < 1000:
                amounts.append(used)
            most, least = max(most, used), min(least, used)
            looks += 1
        time.sleep(0.0002)            # the machine is also for the others
    print(json.dumps({"looks": looks, "most": most, "least": least,
                      "amounts": amounts}))


if __name__ == "__main__":
    watch(*sys.argv[1:])
