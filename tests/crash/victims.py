"""Who of a gate can be killed, and how it comes back."""

import os
import random
import signal
import socket

from conftest import processes_of, read_process

# Weight, and who is killed in the same moment.
RECIPES = [
    (50, ["worker"]), (10, ["worker", "worker"]), (10, ["daemon"]),
    (8, ["daemon", "worker"]), (6, ["master"]), (4, ["master", "worker"]),
    (4, ["daemon", "master", "worker"]), (3, ["up"]), (2, ["up", "master"]),
    (1, ["up", "daemon"]),
    (2, ["up", "daemon", "master", "worker", "worker"]),
]
# `up` waits longer for each child that dies within a minute of another.
DEATHS_MAX = 3


def low_port():
    """A free port that no connection going out can have."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def roles(gate):
    """Pids by role; what is starting or gone is missing."""
    found = {"up": [gate.up_pid()], "daemon": [], "master": [], "worker": []}
    for pid in processes_of(gate.home):
        stat = read_process(pid, "stat").decode(errors="replace")
        name = stat[stat.find("(") + 1:stat.rfind(")")]
        group = stat.rpartition(")")[2].split()[2:3]
        if name == "tollgated":
            found["daemon"].append(pid)
        elif name == "nginx":
            found["master" if group == [str(pid)] else "worker"].append(pid)
    return found


class Killer:
    """Kills by a seed's choices; `up` itself is started again here."""

    def __init__(self, gate, seed):
        self.gate, self.chance = gate, random.Random(seed)
        self.listen = gate.url.removeprefix("http://")
        self.kills = 0
        self.by_role = dict.fromkeys(("up", "daemon", "master", "worker"), 0)
        self.deaths = dict.fromkeys(("daemon", "master"), 0)

    def _choose(self):
        weights, recipes = zip(*RECIPES)
        recipe = self.chance.choices(recipes, weights)[0]
        tired = any(n >= DEATHS_MAX for n in self.deaths.values())
        return ["up", *recipe] if tired and "up" not in recipe else recipe

    def _kill(self, role, pids):
        if not pids:
            return
        pid = pids.pop(self.chance.randrange(len(pids)))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills += 1
        self.by_role[role] += 1
        if role in self.deaths:
            self.deaths[role] += 1

    def strike(self):
        recipe = self._choose()
        there = roles(self.gate)
        for role in recipe:
            self._kill(role, there[role])
        if "up" in recipe:
            self.gate.start_again(self.listen)
            self.deaths = dict.fromkeys(self.deaths, 0)

    def pause(self):
        """How long until the next one: often while things still start."""
        return self.chance.choice((0.0, 0.01, 0.03, 0.1, 0.2))
