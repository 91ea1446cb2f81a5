"""A tollgated without nginx whose clocks a test sets forward, all of them
alike, as on a machine that has slept (tests/crash/clock.c)."""

import mmap
import shutil
import struct
from datetime import datetime, timedelta, timezone
from pathlib import Path

from lone_daemon import BUILD, LoneDaemon

DAY = 86400


class ClockDaemon(LoneDaemon):
    def __init__(self, folder):
        """home is in the folder."""
        clock = Path(folder) / "clock"
        clock.mkdir()
        library = shutil.copy(BUILD / "tests/crash/clock.so", clock)
        (clock / "offsets").write_bytes(bytes(16))
        with open(clock / "offsets", "r+b") as file:
            self.offsets = mmap.mmap(file.fileno(), 16)
        self.ahead = 0
        super().__init__(Path(folder) / "home",
                         ["env", f"LD_PRELOAD={library}"])

    def forward(self, seconds):
        self.ahead += seconds
        self.offsets[:16] = struct.pack("<qq", *[self.ahead * 10**9] * 2)

    def now(self):
        return datetime.now(timezone.utc) + timedelta(seconds=self.ahead)

    def go_to(self, when):
        """Not back."""
        self.forward(max(0, int((when - self.now()).total_seconds()) + 1))

    def events(self, kind):
        """Those of a type, the oldest first."""
        rows, after = [], ""
        while True:
            page = self.get(f"/events?type={kind}&limit=1000{after}").json
            rows += page["data"]
            if not page["has_more"]:
                return rows[::-1]
            after = "&after=" + page["next"]


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
