"""An upstream may be on a private network, but not just anywhere."""

import pytest

from lone_daemon import LoneDaemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("at") / "home").start()
    yield daemon
    daemon.stop()
    daemon.clean()


@pytest.mark.parametrize("host,fine", [
    ("127.0.0.1", True), ("localhost", True), ("10.1.2.3", True),
    ("192.168.0.7", True), ("[::1]", True), ("[fd00::7]", True),
    ("169.254.169.254", False), ("[::ffff:169.254.169.254]", False),
    ("[64:ff9b::a9fe:a9fe]", False), ("0xa9fea9fe", False), ("0.0.0.0", False),
    ("224.0.0.1", False), ("255.255.255.255", False), ("[ff02::1]", False),
    ("[fe80::1]", False), ("[::]", False)])
def test_where_an_upstream_may_be(daemon, host, fine):
    reply = daemon.post("/upstreams", {
        "name": "u", "base_url": f"http://{host}:9", "dialect": "openai",
        "replace": True})
    if fine:
        assert reply.status in (200, 201), reply.body
    else:
        assert reply.status == 400, reply.body
        assert reply.error["param"] == "base_url"
        assert "no upstream is there" in reply.error["message"]
