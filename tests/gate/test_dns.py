"""A change of DNS is followed: no reload, no restart of nginx."""

import os
import signal
import sqlite3
from urllib.parse import urlsplit


def test_addresses_that_changed_are_used_without_a_reload(own_gate):
    """The daemon dies, and what it knew last of a name is wrong when it is
    back; it asks the resolver at once, as it does each half minute."""
    gate = own_gate
    port = urlsplit(gate.sim.url).port
    gate.must("upstreams", "add", "--replace", "--name", "sim", "--base-url",
              f"http://localhost:{port}")
    key = gate.key("dns")
    assert gate.chat(key).status == 200
    workers = gate.nginx_workers()

    os.kill(gate.up_pid(), signal.SIGSTOP)
    try:
        os.kill(gate.daemon_pid(), signal.SIGKILL)
        store = sqlite3.connect(gate.home / "store.db")
        store.execute("UPDATE upstreams SET addresses = '[\"127.0.0.99\"]'")
        store.commit()
        store.close()
    finally:
        os.kill(gate.up_pid(), signal.SIGCONT)
    gate.wait(lambda: "localhost is now at" in gate.said(), 20, "resolver")

    def addresses():
        return gate.admin("GET", "/upstreams/sim").json["addresses"]

    gate.wait(lambda: "127.0.0.1" in addresses(), 10, "address")
    assert "127.0.0.99" not in addresses()
    gate.wait(lambda: gate.chat(key).status == 200, 10, "call")
    assert gate.nginx_workers() == workers


def test_an_address_that_refuses_is_passed_over_for_the_next(own_gate):
    gate = own_gate
    port = urlsplit(gate.sim.url).port
    gate.must("upstreams", "add", "--replace", "--name", "sim", "--base-url",
              f"http://localhost:{port}")
    known = gate.admin("GET", "/upstreams/sim").json["addresses"]
    assert "127.0.0.1" in known, "the simulator listens there alone"
    key = gate.key("addresses")
    assert [gate.chat(key).status for _ in range(4)] == [200] * 4
