"""Clocks that a test sets, for the processes that preload a library
(tests/crash/clock.c)."""

import mmap
import shutil
import struct

from conftest import BUILD

NANOS = 10**9


class Clock:
    """Of the processes that preload it."""

    def __init__(self, folder):
        self.library = shutil.copy(BUILD / "tests/crash/clock.so", folder)
        path = folder / "offsets"
        path.write_bytes(bytes(16))
        path.chmod(0o644)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.wall = self.monotonic = 0

    def jump(self, wall=0, monotonic=0):
        """By seconds."""
        self.wall += wall
        self.monotonic += monotonic
        self.map[:16] = struct.pack("<qq", self.wall * NANOS,
                                    self.monotonic * NANOS)
