"""Requests that take long, and those that must not wait for them."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import call_rows
from conftest import BUILD, clean_env, wait
from lone_daemon import LoneDaemon, SocketConnection

AT_ONCE, WAITING = 2, 32  # of those that take long: src/daemon/lanes.c
PLOT = "/usage/plot?format=svg"


class Drawer:
    """Stands in for the program that draws: it begins when it is let."""

    def __init__(self, folder):
        self.folder = folder
        self.go = folder / "go"
        script = folder / "tollgate-draw"
        script.write_text(f"""#!/bin/sh
exec 2>>{folder}/said.$$
touch {folder}/begun.$$
while [ ! -e {self.go} ]; do sleep 0.02; done
exec {BUILD}/tollgate-draw
""")
        script.chmod(0o755)

    @property
    def begun(self):
        return len(list(self.folder.glob("begun.*")))

    def let(self):
        self.go.touch()


@pytest.fixture
def drawer(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    drawer = Drawer(folder)
    yield drawer
    drawer.let()


@pytest.fixture
def daemon(tmp_path, drawer):
    program = drawer.folder / "tollgated"
    shutil.copy2(BUILD / "tollgated", program)
    daemon = LoneDaemon(tmp_path / "home", program=program).start()
    yield daemon
    drawer.let()
    daemon.clean()


@pytest.fixture
def many():
    with ThreadPoolExecutor(64) as pool:
        yield lambda n, do: [pool.submit(do) for _ in range(n)]


def hold(daemon, drawer, many, more=0):
    """All threads for what takes long draw, and more of them wait."""
    plots = many(AT_ONCE + more, lambda: daemon.get(PLOT))
    wait(lambda: drawer.begun == AT_ONCE, what="plots under way")
    return plots


def make_key(daemon):
    if "a" not in [one["name"] for one in daemon.get("/accounts").json["data"]]:
        daemon.must("/accounts", {"name": "a"})
    return daemon.must("/keys", {"name": "k", "account": "a"})["id"]


def test_a_revocation_never_waits_for_what_takes_long(daemon, drawer, many):
    doomed = [make_key(daemon) for _ in range(12)]
    plots = hold(daemon, drawer, many, 6)
    # A connection belongs to one of the server's threads: so several.
    for key in doomed[::2]:
        assert daemon.ask("DELETE", f"/keys/{key}").status == 200
    for key in doomed[1::2]:
        assert daemon.post(f"/keys/{key}/disable").status == 200
        assert daemon.get(f"/keys/{key}").json["status"] == "disabled"
        assert daemon.get("/health").status == 200
        assert daemon.get("/keys?limit=1").status == 200
        assert daemon.get("/calls?limit=1").status == 200
    assert daemon.post(f"/keys/{make_key(daemon)}/leak-response",
                       {}).status == 201
    assert drawer.begun == AT_ONCE
    assert not any(plot.done() for plot in plots)
    drawer.let()
    assert [plot.result().status for plot in plots] == [200] * len(plots)


def test_more_than_may_wait_are_told_when_to_come_again(daemon, drawer, many):
    plots = hold(daemon, drawer, many)
    answers = many(WAITING + 5, lambda: daemon.get(PLOT))
    wait(lambda: sum(answer.done() for answer in answers) == 5,
         what="refusals")
    refused = [answer.result() for answer in answers if answer.done()]
    assert {(reply.status, reply.code) for reply in refused} == {(503, "busy")}
    assert {reply.headers["retry-after"] for reply in refused} == {"5"}
    assert "was not begun" in refused[0].error["message"]
    key = make_key(daemon)
    assert daemon.post(f"/keys/{key}/disable").status == 200
    drawer.let()
    replies = [answer.result() for answer in plots + answers]
    assert sorted(reply.status for reply in replies) == \
        [200] * (AT_ONCE + WAITING) + [503] * 5


def test_nobody_waits_who_may_not_ask(daemon, drawer, many):
    plots = hold(daemon, drawer, many)
    assert daemon.get(PLOT, token="").status == 401
    assert daemon.get("/usage/plot?colour=red").status == 400
    drawer.let()
    assert {plot.result().status for plot in plots} == {200}


def test_a_token_that_was_revoked_meanwhile_gets_nothing(daemon, drawer,
                                                         many):
    token = daemon.must("/tokens", {"name": "for a while"})
    plots = hold(daemon, drawer, many)
    late, = many(1, lambda: daemon.get("/usage", token=token["token"]))
    wait(lambda: daemon.get("/tokens").json["data"][-1]["last_used_at"],
         what="request that waits")
    assert daemon.ask("DELETE", f"/tokens/{token['id']}").status == 200
    assert not late.done()
    drawer.let()
    assert late.result().status == 401
    assert {plot.result().status for plot in plots} == {200}


def test_the_daemon_ends_while_some_wait(daemon, drawer, many):
    plots = hold(daemon, drawer, many, 8)
    daemon.process.send_signal(signal.SIGTERM)
    wait(lambda: sum(plot.done() for plot in plots) == 8,
         what="refusals of those that wait")
    drawer.let()
    assert daemon.process.wait(30) == 0
    replies = [plot.result() for plot in plots]
    assert sorted(reply.status for reply in replies) == \
        [200] * AT_ONCE + [503] * 8


def test_slow_readers_of_exports_hold_nobody(daemon, many):
    daemon.stop()
    begun = int(time.time() * 1000) - 3 * 3_600_000
    call_rows.put_many(daemon.home / "store.db", 200_000, begun)
    daemon.start()
    readers = []
    for _ in range(4):
        reader = SocketConnection(daemon.socket)
        reader.request("GET", "/admin/v1/calls/export", None,
                       {"Authorization": "Bearer " + daemon.token})
        readers.append((reader, reader.getresponse()))
    fifth = daemon.get("/calls/export")
    assert (fifth.status, fifth.code) == (429, "too_many_exports")
    for _ in range(12):
        key = make_key(daemon)
        assert daemon.post(f"/keys/{key}/disable").status == 200
        assert daemon.total()["requests"] == 200_000
    for reader, response in readers:
        assert response.read().count(b"\n") == 200_001
        reader.close()


class Silent:
    """Takes connections, and never says anything."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.taken = []
        threading.Thread(target=self.take, daemon=True).start()
        return self

    def take(self):
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.taken:
            connection.close()


def test_servers_that_say_nothing_hold_nobody(daemon, many):
    with Silent() as silent:
        daemon.must("/upstreams", {"name": "mute", "base_url": silent.url})
        daemon.must("/credentials", {"upstream": "mute", "secret": "sk-0123456789"})
        tests = many(6, lambda: daemon.post("/upstreams/mute/test"))
        wait(lambda: len(silent.taken) >= AT_ONCE, what="tests under way")
        for _ in range(12):
            key = make_key(daemon)
            assert daemon.post(f"/keys/{key}/disable").status == 200
        assert daemon.get(PLOT.replace("svg", "json")).status == 200
        assert not any(test.done() for test in tests)
    assert {test.result().status for test in tests} == {200}


def test_the_command_line_comes_again_by_itself(daemon, drawer, many,
                                                tmp_path):
    plots = hold(daemon, drawer, many, WAITING + 1)
    wait(lambda: any(plot.done() for plot in plots), what="full lane")
    terminal, other = pty.openpty()
    file = tmp_path / "usage.json"
    with open(file, "wb") as out:
        process = subprocess.Popen(
            [BUILD / "tollgate", "usage", "--json"], stdout=out, stderr=other,
            stdin=subprocess.DEVNULL,
            env=clean_env(TOLLGATE_ADMIN_URL=f"unix:{daemon.socket}",
                          TOLLGATE_ADMIN_TOKEN=daemon.token))
    os.close(other)
    said = os.read(terminal, 1000).decode()
    assert "too many long requests under way; asking again every 5 s" in said
    assert process.poll() is None
    drawer.let()
    assert process.wait(60) == 0
    os.close(terminal)
    assert json.loads(file.read_text())["total"]["requests"] == 0
    replies = [plot.result() for plot in plots]
    assert [reply.status for reply in replies].count(200) == \
        AT_ONCE + WAITING
