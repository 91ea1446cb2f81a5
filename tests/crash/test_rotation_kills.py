"""kill -9 of the daemon at any point of a rotation: a new secret that was
answered is admitted, at once and after the daemon is back; the old one is
not dead before its end; and what was made has its entry in the audit log,
once, and nothing else has.

TOLLGATE_SWEEP=1 tries two hundred points of each step, not eight;
TOLLGATE_SEED draws them.
"""

import os
import random
import signal
import threading

import pytest

from conftest import Key

SWEEPS = bool(os.environ.get("TOLLGATE_SWEEP"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
INSTANTS = 200 if SWEEPS else 8
ACTIONS = {"rotate": "key.rotate", "rotation/end": "key.rotation_end",
           "rotation/undo": "key.rotation_undo"}


def ask(gate, key, what, body):
    """What the daemon answered; None when it did not."""
    answer = gate.admin("POST", f"/keys/{key.id}/{what}", body)
    if answer.status == 200:
        return answer.json
    assert answer.status in (502, 503, 504), answer.text
    return None


def show(gate, key):
    return gate.admin("GET", f"/keys/{key.id}").json


def entries(gate, key):
    """Actions that are in the log, oldest first, and their details."""
    rows = gate.admin("GET", f"/audit?subject={key.id}&limit=1000").json["data"]
    return [(row["action"], row["details"]) for row in rows][::-1]


def in_force(shown):
    """Ids of the secrets without an end, or with one to come."""
    rotation = shown["rotation"]
    newest = [s["id"] for s in shown["secrets"] if s["valid_until"] is None]
    return newest + ([rotation["old_secret"]]
                     if rotation["state"] == "grace" else [])


class Rotated:
    """A key, and what each of its secrets that we know is."""

    def __init__(self, gate, name):
        self.gate = gate
        self.key = gate.key(name, rpm=10**6)
        self.secrets = {show(gate, self.key)["secrets"][0]["id"]: self.key}
        self.done = ["key.create"]
        self.deaths = 0

    def revive(self):
        """`up` waits longer for each death within a minute of another, so it
        begins anew from time to time."""
        self.deaths += 1
        if self.deaths % 3 == 0:
            self.gate.stop_up()
            self.gate.start_up()
        self.gate.wait_daemon()

    def check(self, what, answer, before):
        """The gate now, with or without its daemon, then with it again."""
        new = answer["key"] if answer and what == "rotate" else None
        if new:
            assert self.gate.chat(new).status == 200, "answered, so admitted"
            self.secrets[answer["secrets"][0]["id"]] = Key(new)
        self.revive()
        after = show(self.gate, self.key)
        is_made = in_force(after) != before
        if answer:
            assert is_made
        actions = [action for action, _ in entries(self.gate, self.key)]
        self.done += [ACTIONS[what]] * is_made
        assert actions == self.done
        known = set(in_force(after)) & set(self.secrets)
        for secret_id, secret in self.secrets.items():
            status = self.gate.chat(secret).status
            assert (status == 200) == (secret_id in known), (what, secret_id)
        return after

    def make_whole(self):
        """One secret that we know, whatever was lost."""
        shown = show(self.gate, self.key)
        if shown["rotation"]["state"] == "grace":
            newest = in_force(shown)[0]
            step = "end" if newest in self.secrets else "undo"
            assert ask(self.gate, self.key, f"rotation/{step}", {})
            self.done.append(f"key.rotation_{step}")
        elif not set(in_force(shown)) & set(self.secrets):
            answer = ask(self.gate, self.key, "rotate", {"grace": "0"})
            self.secrets[answer["secrets"][0]["id"]] = Key(answer["key"])
            self.done.append("key.rotate")


def bodies(turn):
    return {"grace": "0"} if turn % 3 == 2 else {"grace": "1h"}


def begin_some(rotated, what):
    """The rotation that a step is about."""
    if what == "rotate":
        return
    answer = ask(rotated.gate, rotated.key, "rotate", {"grace": "1h"})
    rotated.secrets[answer["secrets"][0]["id"]] = Key(answer["key"])
    rotated.done.append("key.rotate")


@pytest.mark.parametrize("what", ACTIONS)
def test_killed_at_any_instant(own_gate, what):
    """Of the milliseconds that a step takes, and of some before and after."""
    gate = own_gate
    rotated = Rotated(gate, "any")
    pick = random.Random(SEED)
    outcomes = {"answered": 0, "lost": 0, "never": 0}
    for turn in range(INSTANTS):
        rotated.make_whole()
        begin_some(rotated, what)
        before = in_force(show(gate, rotated.key))
        killer = threading.Timer(pick.random() * 0.008, os.kill,
                                 (gate.daemon_pid(), signal.SIGKILL))
        killer.start()
        answer = ask(gate, rotated.key, what,
                     bodies(turn) if what == "rotate" else {})
        killer.join()
        after = rotated.check(what, answer, before)
        outcomes["answered" if answer else
                 "lost" if in_force(after) != before else "never"] += 1
    print(f"seed {SEED}: {outcomes}")
    assert sum(outcomes.values()) == INSTANTS
