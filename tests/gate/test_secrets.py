"""Planted secrets are hunted in everything that the gate writes or shows."""

import http.client
import os

from conftest import processes_of, read_process

UPSTREAM = "sk-0123456789abcdef0123456789abcdef"


def pieces(path):
    """A file's data, without the holes of a sparse one."""
    with open(path, "rb", buffering=0) as file:
        at, size = 0, os.fstat(file.fileno()).st_size
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:       # nothing but a hole up to the end
                return
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < end:
                piece = os.pread(file.fileno(), min(end - at, 1 << 24), at)
                yield piece
                at += len(piece)


def has(path, secret):
    tail = b""
    for piece in pieces(path):
        if secret in tail + piece:
            return True
        tail = piece[-len(secret):]
    return False


def test_no_secret_stands_in_any_file_or_process(own_gate):
    gate = own_gate
    key = gate.key("canary")
    for text in ("hello", "sim:status=401", "sim:cut=1", "sim:empty"):
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
    token = (gate.home / "admin.token").read_text().strip()

    files = [p for folder in (gate.home, gate.shm, gate.log.parent)
             for p in folder.rglob("*") if p.is_file()]
    assert len(files) > 8, "home, memory folder and logs are looked at"
    found = [(str(p), name) for p in set(files)
             for name, secret in (("key", key), ("upstream", UPSTREAM),
                                  ("token", token))
             if has(p, secret.encode())
             and not (name == "token" and p.name == "admin.token")]
    assert found == []

    pids = processes_of(gate.home) + [gate.sim.process.pid]
    assert len(pids) >= 4
    for pid in pids:
        for part in ("cmdline", "environ"):
            shown = read_process(pid, part)
            for secret in (key, UPSTREAM, token):
                assert secret.encode() not in shown, (pid, part)


def test_files_are_their_owners_alone(own_gate):
    gate = own_gate
    for name in ("admin.token", "master.key", "store.db"):
        assert (gate.home / name).stat().st_mode & 0o077 == 0, name
    assert gate.home.stat().st_mode & 0o077 == 0
    assert gate.shm.stat().st_mode & 0o077 == 0
    assert (gate.shm / "state").stat().st_mode & 0o077 == 0
