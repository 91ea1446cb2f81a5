"""Slow clients, of slowhttptest's three kinds at once, while good ones call:
not one good call fails, and none waits for a slow one."""

import os
import re
import subprocess

from storms import Storm, chat

SECONDS = int(os.environ.get("TOLLGATE_SLOW_SECONDS", "13"))
NONE_LEFT = "No open connections left"
CONNECTIONS = int(os.environ.get("TOLLGATE_SLOW_CONNECTIONS", "300"))


def slow(url, *options):
    """It says at the end what became of its connections."""
    return subprocess.Popen(
        ["slowhttptest", "-c", str(CONNECTIONS), "-r", "200", "-l",
         str(SECONDS), "-i", "1", "-p", "3", "-u", url, *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def told(said):
    """The most connections that stood at once, and why it ended."""
    plain = COLOURS.sub("", said)
    assert "service available:   NO" not in plain, plain
    stood = [int(n) for n in re.findall(r"connected:\s+(\d+)", plain)]
    return max(stood, default=0), re.findall(r"Exit status: (.*)", plain)[0]


def test_good_calls_do_not_suffer_from_slow_clients(make_gate, tmp_path):
    gate = make_gate(conf="[gate]\nwrong_keys_per_minute = 0\n").start()
    key = gate.key("good", rpm=10**8, tpm=10**9)
    slow_ones = {
        "headers": slow(gate.url + "/v1/models", "-H", "-x", "24"),
        "body": slow(gate.url + "/v1/chat/completions", "-B", "-s", "8192",
                     "-x", "10", "-f", "application/json"),
        # The key goes in behind another header, as it takes no other way.
        "read": slow(gate.url + "/v1/models", "-X", "-w", "16", "-y", "64",
                     "-n", "1", "-z", "8", "-k", "10", "-m",
                     f"*/*\r\nAuthorization: Bearer {key}"),
    }
    storm = Storm(gate, tmp_path, [key], [
        chat("hello"), chat("sim:slow=5 sim:tokens=20", stream=True)],
        connections=8)
    said = {}
    try:
        for kind, process in slow_ones.items():
            said[kind] = process.communicate(timeout=SECONDS + 60)[0]
    finally:
        for process in slow_ones.values():
            process.kill()
        ends = storm.end()
    stood = {kind: told(text) for kind, text in said.items()}
    print(stood, dict(ends))
    assert set(ends) == {"whole"}, ends
    assert ends["whole"] > 20 * SECONDS
    # Headers have ten seconds.  A body of who has no key is answered at once,
    # and what still comes of it is thrown away for half a minute.  An answer
    # is kept for who reads it.
    assert stood["headers"] == (CONNECTIONS, NONE_LEFT)
    assert stood["body"][0] == CONNECTIONS
    assert stood["read"][0] >= CONNECTIONS * 9 // 10
