"""Whose X-Forwarded-For is believed: that of configured proxies alone.  The
address that is judged, throttled and recorded is then the client's."""

import os
import shutil
import socket
import threading
from urllib.parse import urlsplit

import pytest

from conftest import Gate, free_port

# Loopback's network: a peer has the address that it binds.
STRANGER, PROXY, NEXT_PROXY = "127.0.0.1", "127.0.0.2", "127.0.0.3"

SERVERS = """
server { listen [::1]:%d; include gate.conf; }
server { listen [::ffff:127.0.0.1]:%d ipv6only=off; include gate.conf; }
"""


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A gate behind proxies; v6_port is of [::1], mapped_port of a socket
    that has IPv4 peers as IPv6."""
    it = Gate(tmp_path_factory.mktemp("proxied") / "home",
              conf="[gate]\nwrong_keys_per_minute = 3\n",
              up_args=["--trusted-proxy", "127.0.0.2/31",
                       "--trusted-proxy", "::1, ::ffff:10.0.0.0/104"])
    it.v6_port, it.mapped_port = free_port(), free_port()
    (it.home / "nginx.d").mkdir(mode=0o700)
    (it.home / "nginx.d" / "more.conf").write_text(
        SERVERS % (it.v6_port, it.mapped_port))
    try:
        yield it.start()
    finally:
        it.stop()


def ask(gate, key, peer, *headers, port=None, path="/v1/models"):
    """Status and answer of a request from a peer's address."""
    parts = urlsplit(gate.url)
    lines = [f"GET {path} HTTP/1.1", "Host: localhost",
             f"Authorization: Bearer {key}", "Connection: close", *headers]
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(30)
        s.bind((peer, 0))
        s.connect(("::1" if ":" in peer else parts.hostname,
                   port or parts.port))
        s.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    return int(answer.split()[1]), answer.decode()


def forwarded(*values):
    return [f"X-Forwarded-For: {value}" for value in values]


@pytest.fixture(scope="module")
def key(proxied):
    return proxied.key("placed", allow_ip=["203.0.113.0/24",
                                           "2001:db8::/32"])


@pytest.mark.parametrize("peer,headers,seen", [
    # Nobody believes a stranger.
    (STRANGER, [], STRANGER),
    (STRANGER, forwarded("203.0.113.9"), STRANGER),
    (STRANGER, forwarded("203.0.113.9, 127.0.0.2"), STRANGER),
    (STRANGER, ["X-Real-IP: 203.0.113.9"], STRANGER),
    # A proxy without a word is the client.
    (PROXY, [], PROXY),
    (PROXY, ["X-Real-IP: 203.0.113.9"], PROXY),
    (PROXY, ["Forwarded: for=203.0.113.9"], PROXY),
    (PROXY, forwarded("somebody"), PROXY),
    (PROXY, forwarded(""), PROXY),
    (PROXY, forwarded("203.0.113.9, somebody"), PROXY),
    # What stands in front of the last stranger is the stranger's word.
    (PROXY, forwarded("203.0.113.9, 198.51.100.7"), "198.51.100.7"),
    (PROXY, forwarded("203.0.113.9", "198.51.100.7"), "198.51.100.7"),
    (PROXY, forwarded("203.0.113.9, 198.51.100.7, 10.1.2.3, 127.0.0.3"),
     "198.51.100.7"),
    (PROXY, forwarded("203.0.113.9, 198.51.100.7", "127.0.0.3"),
     "198.51.100.7"),
    (PROXY, forwarded("203.0.113.9, 2001:db9::1"), "2001:db9::1"),
    ("::1", forwarded("198.51.100.7"), "198.51.100.7"),
    # All the way: the first of the proxies.
    (PROXY, forwarded("127.0.0.3"), NEXT_PROXY),
])
def test_an_address_that_is_not_allowed(proxied, key, peer, headers, seen):
    port = proxied.v6_port if ":" in peer else None
    status, answer = ask(proxied, key, peer, *headers, port=port)
    assert status == 403, answer
    assert "ip_not_allowed" in answer
    assert f"may not be used from {seen}, the address that was seen" in answer


@pytest.mark.parametrize("peer,headers", [
    (PROXY, forwarded("203.0.113.9")),
    (PROXY, forwarded("203.0.113.9:1234")),
    (PROXY, forwarded("198.51.100.7, 203.0.113.9")),
    (PROXY, forwarded("198.51.100.7", "203.0.113.9, 127.0.0.3")),
    (PROXY, forwarded("203.0.113.9, 10.255.255.255 , ::1,127.0.0.3")),
    (PROXY, forwarded("::ffff:203.0.113.9")),
    (PROXY, forwarded("203.0.113.9, ::ffff:127.0.0.3")),
    (PROXY, forwarded("2001:db8::9")),
    (PROXY, forwarded("[2001:db8::9]:1234")),
    ("::1", forwarded("203.0.113.9")),
    ("::1", forwarded("2001:DB8:0::9")),
])
def test_an_address_that_is_allowed(proxied, key, peer, headers):
    port = proxied.v6_port if ":" in peer else None
    status, answer = ask(proxied, key, peer, *headers, port=port)
    assert status == 200, answer


def test_peers_of_a_socket_for_both_families(proxied, key):
    """They come as ::ffff:127.0.0.2, and are the same peers."""
    said = forwarded("203.0.113.9")
    status, answer = ask(proxied, key, PROXY, *said, port=proxied.mapped_port)
    assert status == 200, answer
    status, answer = ask(proxied, key, STRANGER, *said,
                         port=proxied.mapped_port)
    assert status == 403
    assert f"from {STRANGER}, the address" in answer


def call(gate, key, peer, *headers):
    body = ('{"model":"deepseek-flash","max_tokens":3,'
            '"messages":[{"role":"user","content":"hello"}]}')
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost",
             f"Authorization: Bearer {key}", "Connection: close",
             f"Content-Length: {len(body)}", *headers]
    parts = urlsplit(gate.url)
    with socket.create_connection((parts.hostname, parts.port), 30,
                                  (peer, 0)) as s:
        s.sendall("\r\n".join([*lines, "", body]).encode())
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200"), answer


def test_calls_are_recorded_with_the_clients_address(proxied):
    key = proxied.key("recorded")
    call(proxied, key, STRANGER, *forwarded("203.0.113.1"))
    call(proxied, key, PROXY, *forwarded("203.0.113.2"))
    call(proxied, key, PROXY, *forwarded("203.0.113.3, ::ffff:198.51.100.3"))
    call(proxied, key, PROXY, *forwarded("2001:db8::4"))
    rows = proxied.wait_calls(4, key)
    # Within a millisecond, the log's order is nobody's.
    assert {row["ip"] for row in rows} == \
        {STRANGER, "203.0.113.2", "198.51.100.3", "2001:db8::4"}
    table = proxied.must("calls", "list", "--key", key.id)
    assert "203.0.113.2" in table


def test_wrong_keys_count_for_the_clients_address(proxied):
    def status(address):
        return ask(proxied, "sk-wrong", PROXY, *forwarded(address))[0]

    assert [status("203.0.113.77") for _ in range(4)] == [401] * 3 + [429]
    assert status("203.0.113.78") == 401
    assert status("192.0.2.1, 203.0.113.77") == 429


def test_the_admin_api_gets_the_same_address(proxied):
    """A stand-in takes the daemon's place at its socket."""
    path = proxied.shm / "admin.sock"
    heads = []

    def serve(listener):
        for _ in range(4):
            peer, _ = listener.accept()
            with peer:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += peer.recv(65536)
                heads.append(head.decode())
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    os.rename(path, f"{path}.away")
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            shutil.copymode(f"{path}.away", path)
            info = os.stat(f"{path}.away")
            os.chown(path, info.st_uid, info.st_gid)
            listener.listen()
            listener.settimeout(30)
            stand_in = threading.Thread(target=serve, args=(listener,),
                                        daemon=True)
            stand_in.start()
            for peer, headers in ((STRANGER, forwarded("203.0.113.9")),
                                  (PROXY, forwarded("203.0.113.9")),
                                  (PROXY, forwarded("::ffff:203.0.113.9")),
                                  (PROXY, forwarded("1.2.3.4, 2001:DB8::9"))):
                status, _ = ask(proxied, "token", peer, *headers,
                                path="/admin/v1/accounts")
                assert status == 200
            stand_in.join(30)
    finally:
        os.replace(f"{path}.away", path)
    said = [line.partition(": ")[2] for head in heads
            for line in head.split("\r\n")
            if line.lower().startswith("x-forwarded-for:")]
    assert said == [STRANGER, "203.0.113.9", "203.0.113.9", "2001:db8::9"]


def test_without_proxies_nobody_is_believed(gate):
    key = gate.key("believed", allow_ip="203.0.113.0/24")
    for peer in (STRANGER, PROXY):
        status, answer = ask(gate, key, peer, *forwarded("203.0.113.9"))
        assert status == 403
        assert f"from {peer}, the address" in answer


def test_proxies_from_the_environment(make_gate):
    gate = make_gate(up_env={
        "TOLLGATE_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.2"}).start()
    key = gate.key("environment", allow_ip="203.0.113.0/24")
    assert ask(gate, key, PROXY, *forwarded("203.0.113.9"))[0] == 200
    assert ask(gate, key, NEXT_PROXY, *forwarded("203.0.113.9"))[0] == 403
    assert "set_real_ip_from 127.0.0.2/32;" in \
        (gate.home / "run" / "nginx.conf").read_text()


def test_proxies_from_the_operators_file(make_gate):
    conf = "[gate]\ntrusted_proxies = 10.0.0.0/8\ntrusted_proxies = 127.0.0.2\n"
    gate = make_gate(conf=conf).start()
    key = gate.key("file", allow_ip="203.0.113.0/24")
    assert ask(gate, key, PROXY, *forwarded("203.0.113.9"))[0] == 200
    assert ask(gate, key, NEXT_PROXY, *forwarded("203.0.113.9"))[0] == 403
    named = make_gate(conf=conf, up_args=["--trusted-proxy",
                                          "127.0.0.3"]).start()
    key = named.key("option", allow_ip="203.0.113.0/24")
    assert ask(named, key, PROXY, *forwarded("203.0.113.9"))[0] == 403
    assert ask(named, key, NEXT_PROXY, *forwarded("203.0.113.9"))[0] == 200
