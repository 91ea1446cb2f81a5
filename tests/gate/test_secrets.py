"""Secrets stand where they must, and are their owners' alone.  That they
stand nowhere else is looked at for every gate of every test: tests/hunt.py."""

import http.client
import os
import signal
from pathlib import Path

from conftest import processes_of

UPSTREAM = "sk-0123456789abcdef0123456789abcdef"


def test_no_secret_stands_in_any_file_or_process(own_gate):
    """Each way for a call to go, then a look while it runs, and at its end."""
    gate = own_gate
    key = gate.key("canary")
    for text in ("Tell nobody of the canary.", "sim:status=401", "sim:cut=1",
                 "sim:empty=1 canary"):
        for stream in (False, True):
            try:
                gate.chat(key, text, stream=stream).body
            except http.client.IncompleteRead:
                assert "cut" in text
            gate.mend()
    gate.request("GET", f"/v1/models?key={key}")
    gate.request("GET", "/v1/key", key)
    gate.request("POST", "/v1/chat/completions", key, b"{" * 300000,
                 {"Content-Type": "application/json"})
    gate.must("keys", "list")
    gate.wait_calls(8, key)

    pids = processes_of(gate.home) + [gate.up_pid()]
    assert len(pids) >= 4
    gate.hunt.look([gate.home, gate.shm, gate.log], pids)
    kinds = set().union(*gate.hunt.secrets.values())
    assert kinds >= {"client key", "key in a URL", "provider credential",
                     "owner's token", "master key", "prompt"}
    assert gate.hunt.looked_at > 16, "home, memory folder, log and processes"
    assert gate.hunt.finds == []
    assert UPSTREAM.encode() in gate.hunt.secrets


def test_files_are_their_owners_alone(own_gate):
    gate = own_gate
    for name in ("admin.token", "master.key", "store.db"):
        assert (gate.home / name).stat().st_mode & 0o077 == 0, name
    assert gate.home.stat().st_mode & 0o077 == 0
    assert gate.shm.stat().st_mode & 0o077 == 0
    assert (gate.shm / "state").stat().st_mode & 0o077 == 0


def test_a_process_that_is_aborted_leaves_no_core(own_gate):
    """Daemon and workers have secrets in memory: none of them is dumped."""
    gate = own_gate
    gate.chat(gate.key("canary")).body
    dead = [gate.daemon_pid(), gate.nginx_workers()[0]]
    folders = {Path(os.readlink(f"/proc/{pid}/cwd")) for pid in dead}
    before = {p for folder in folders for p in folder.glob("*core*")}
    for pid in dead:
        os.kill(pid, signal.SIGABRT)
    gate.wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in dead),
              what="end of both")
    gate.wait_daemon()
    left = {p for folder in folders for p in folder.glob("*core*")}
    assert left == before
    assert "core dumped" not in gate.nginx_log() + gate.said()
