"""`tollgate up`, `down` and `status`: starting, supervising, ending."""

import fcntl
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest

from conftest import (BUILD, clean_env, free_port, has_processes,
                      http_request, processes_of, read_process, shm_of, wait)

SLOW = "sim:slow=50 sim:tokens=%d"


def run(*args, **env):
    result = subprocess.run([BUILD / "tollgate", *map(str, args)],
                            capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL, env=clean_env(**env))
    return result.returncode, result.stdout, result.stderr


def is_alive(pid):
    fields = read_process(pid, "stat").rpartition(b")")[2].split()
    return bool(fields) and fields[0] != b"Z"


def assert_ended(events):
    """The rest of a stream came, and with it its regular end."""
    assert list(events)[-1]["choices"][0]["finish_reason"] == "stop"


def mode(path):
    return oct(os.stat(path).st_mode & 0o777)




def test_a_first_start_serves_and_tells_where(own_gate):
    assert (own_gate.home / "run/admin.url").read_text() == \
        own_gate.url + "\n"
    answer = own_gate.request("GET", "/nowhere")
    assert answer.status == 404
    assert answer.json["error"]["message"]
    assert answer.headers["x-request-id"]
    assert own_gate.chat(own_gate.key()).status == 200


def test_a_lock_that_outlives_its_owner_by_a_moment_is_waited_for(make_gate):
    gate = make_gate(conf="")
    (gate.home / "run").mkdir(mode=0o700)
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock = open(gate.home / "run/up.lock", "w")
    lock.write(f"{dead.pid}\n")
    lock.flush()
    fcntl.flock(lock, fcntl.LOCK_EX)
    threading.Timer(0.5, lock.close).start()
    gate.start_up()
    assert lock.closed, "it has waited"


def test_an_address_that_is_free_in_a_moment_is_waited_for(make_gate):
    gate = make_gate()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    threading.Timer(0.3, listener.close).start()
    gate.start_up(f"127.0.0.1:{port}")
    assert gate.url == f"http://127.0.0.1:{port}"


def test_a_port_is_kept_from_others_until_nginx_listens(tmp_path):
    """Who asks for any port gets none that an `up` has chosen."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("tollgate", "tollgated", "ngx_http_tollgate_module.so"):
        shutil.copy2(BUILD / name, programs)
    go = tmp_path / "go"
    (programs / "nginx").write_text(
        f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.02; done\n"
        'exec /usr/sbin/nginx "$@"\n')
    (programs / "nginx").chmod(0o755)
    up = subprocess.Popen(
        [programs / "tollgate", "up", "--home", tmp_path / "home",
         "--listen", "127.0.0.1:0", "--die-with-parent"],
        stdout=subprocess.PIPE, text=True, env=clean_env())
    try:
        url_file = tmp_path / "home/run/admin.url"
        wait(lambda: url_file.exists() and url_file.read_text(), what="port")
        url = url_file.read_text().strip()
        address = ("127.0.0.1", urlsplit(url).port)
        with socket.socket() as other, socket.socket() as listener:
            with pytest.raises(OSError, match="in use"):
                other.bind(address)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()     # nobody listens, and yet it was kept
        go.touch()
        assert up.stdout.readline() == f"tollgate is ready on {url}\n"
    finally:
        go.touch()
        up.terminate()
        assert up.wait(20) == 0


def test_what_it_writes_is_for_its_owner_alone(own_gate):
    assert mode(own_gate.home) == "0o700"
    assert mode(own_gate.home / "admin.token") == "0o600"
    assert mode(own_gate.home / "master.key") == "0o600"
    assert mode(own_gate.home / "run") == "0o700"
    assert mode(own_gate.home / "log") == "0o700"
    assert mode(own_gate.shm) == "0o700"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one user")
def test_workers_of_root_are_not_root(gate):
    user = pwd.getpwnam("www-data").pw_uid
    workers = gate.nginx_workers()
    assert workers
    for pid in workers:
        assert os.stat(f"/proc/{pid}").st_uid == user


def test_children_get_no_secret_of_the_shell(make_gate):
    it = make_gate()
    canary = "canary-6a5e1f"
    port = free_port()
    process = subprocess.Popen(
        [BUILD / "tollgate", "up", "--home", it.home, "--listen",
         f"127.0.0.1:{port}", "--die-with-parent"],
        stdout=subprocess.PIPE, text=True,
        env=clean_env(DEEPSEEK_API_KEY=canary, TOLLGATE_ADMIN_TOKEN=canary,
                      AWS_SECRET_ACCESS_KEY=canary))
    try:
        assert process.stdout.readline().startswith("tollgate is ready")
        pids = processes_of(it.home)
        assert {it.daemon_pid(), it.nginx_pid()} < set(pids)
        for pid in pids:
            assert canary.encode() not in read_process(pid, "environ")
            assert canary.encode() not in read_process(pid, "cmdline")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_second_up_on_the_same_home_is_refused(gate):
    code, out, err = run("up", "--home", gate.home, "--listen",
                         f"127.0.0.1:{free_port()}")
    assert (code, out) == (1, "")
    assert f"already running on {gate.home}, pid {gate.up_pid()}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_an_address_in_use_is_one_clear_sentence(tmp_path, detach):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        code, out, err = run("up", "--home", tmp_path / "home", "--listen",
                             address, *detach)
    assert (code, out) == (1, "")
    assert f"the address {address} is in use" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "home/store.db").exists()


@pytest.mark.parametrize("args, status, words", [
    (["--listen", "127.0.0.1"], 2, "ADDR:PORT"),
    (["--listen", "127.0.0.1:65536"], 2, "ADDR:PORT"),
    (["--listen", "127.0.0.1:-1"], 2, "ADDR:PORT"),
    (["--listen", "nowhere:80"], 2, "IP address"),
    (["--listen", "[::1:80"], 2, "IP address"),
    (["--listen", "192.0.2.1:8080"], 1, "not one of this machine's"),
    (["--nope"], 2, "nope"),
    (["--listen"], 2, "listen"),
    (["--detach", "--die-with-parent"], 2, "exclude"),
    (["--trusted-proxy"], 2, "trusted-proxy"),
    (["--trusted-proxy", ""], 2, "10.0.0.0/8"),
    (["--trusted-proxy", "proxy.example.com"], 2, "proxy.example.com"),
    (["--trusted-proxy", "10.0.0.0/33"], 2, "10.0.0.0/33"),
    (["--trusted-proxy", "10.0.0.0/8;"], 2, "10.0.0.0/8"),
    (["--trusted-proxy", "10.0.0.1/8"], 2, "is 10.0.0.0/8 meant?"),
    (["--trusted-proxy", "::1", "--trusted-proxy", "fd00::/129"], 2,
     "fd00::/129"),
    (["--trusted-proxy", "10.0.0.1,,10.0.0.2"], 2, "\"\""),
    (["--trusted-proxy", "0.0.0.0/0"], 2, "everybody"),
    (["--trusted-proxy", "::/0"], 2, "everybody"),
    (["--trusted-proxy", "::ffff:0:0/96"], 2, "everybody"),
])
def test_wrong_use_is_said_in_one_sentence(tmp_path, args, status, words):
    code, out, err = run("up", "--home", tmp_path / "home", *args)
    assert (code, out) == (status, "")
    assert words in err
    assert not (tmp_path / "home/store.db").exists()


def test_a_wrong_variable_is_said_as_a_wrong_option_is(tmp_path):
    code, out, err = run("up", "--home", tmp_path / "home",
                         TOLLGATE_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/99")
    assert (code, out) == (2, "")
    assert "10.0.0.0/99" in err
    assert err.count("\n") == 1


def test_a_home_nginx_cannot_name_is_refused(tmp_path):
    code, _, err = run("up", "--home", tmp_path / "a$b")
    assert code == 1
    assert "nginx cannot take" in err


def test_a_home_with_a_space_works(make_gate, tmp_path):
    it = make_gate()
    it.home = it.home.parent / "my home; {really}"
    try:
        it.start_up()
        assert it.request("GET", "/nowhere").status == 404
    finally:
        it.stop_up()


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"),
                    reason="this machine has no IPv6")
def test_ipv6_is_reachable_as_told(make_gate):
    it = make_gate()
    it.start_up("[::1]:0")
    assert it.url.startswith("http://[::1]:")
    assert it.request("GET", "/nowhere").status == 404


def test_the_wildcard_is_reachable_as_told(make_gate):
    it = make_gate()
    it.start_up("*:0")
    assert it.url.startswith("http://127.0.0.1:")
    assert it.request("GET", "/nowhere").status == 404


def test_a_killed_daemon_is_started_again_with_a_growing_wait(own_gate):
    key = own_gate.key()
    nginx = own_gate.nginx_pid()
    for wait_s in ["0.1", "0.2", "0.4", "0.8", "1.6"]:
        own_gate.kill_daemon()
        assert own_gate.chat(key).status == 200
        wait(lambda: "tollgated killed by signal 9; starting it again in "
             f"{wait_s} s" in own_gate.said(), what="report")
        if wait_s != "1.6":
            own_gate.wait_daemon()

    answer = own_gate.request("GET", "/admin/v1/keys", "tgo_any")
    assert answer.status == 503
    assert answer.code == "daemon_unavailable"
    assert answer.headers["x-request-id"]
    assert own_gate.cli("status")[0] == 3

    own_gate.wait_daemon()
    assert own_gate.nginx_pid() == nginx
    own_gate.wait_calls(5)


def call_under_way(gate):
    """A key, another one, and the events of a stream of the first's that goes
    on for two seconds."""
    key, other = gate.key("first"), gate.key("other")
    events = gate.chat(key, SLOW % 40, stream=True).events()
    next(events)
    return key, other, events


def test_workers_follow_a_daemon_to_a_new_state_file(own_gate):
    """There is something else in the old one's place, which the next daemon
    cannot use: it makes another, and what is published there counts."""
    gate = own_gate
    key, other, events = call_under_way(gate)
    old = gate.nginx_workers()
    (gate.shm / "other").write_bytes(bytes(4096))
    os.replace(gate.shm / "other", gate.shm / "state")
    gate.kill_daemon()
    gate.wait_daemon()
    wait(lambda: not set(old) & set(gate.nginx_workers()), 20, "new workers")
    assert "nginx's workers are replaced" in gate.said()
    gate.must("keys", "disable", other.id, "--yes")
    for _ in range(10):
        assert gate.chat(other).status == 401
        assert gate.chat(key).status == 200
    assert_ended(events)
    gate.wait_calls(11)
    # Another daemon with the same file replaces nobody.
    workers = gate.nginx_workers()
    gate.kill_daemon()
    gate.wait_daemon()
    assert gate.chat(gate.key("third")).status == 200
    assert gate.nginx_workers() == workers


@pytest.mark.parametrize("what", ["state", "admin.sock", "."])
def test_what_was_removed_is_made_anew(own_gate, what):
    """A user's files in /dev/shm go when he leaves, while all is running.
    Calls under way end, and what they cost is in the new state file."""
    gate = own_gate
    key, other, events = call_under_way(gate)
    workers = gate.nginx_workers()

    def has_new_workers():
        now = set(gate.nginx_workers())
        return now and not now & set(workers)

    (shutil.rmtree if what == "." else os.unlink)(gate.shm / what)
    assert_ended(events)
    if what == "admin.sock":
        wait(lambda: "tollgated exited with status 1;" in gate.said(),
             what="the daemon's end")
    else:
        wait(lambda: "was removed: calls are ended" in gate.said(),
             what="what up says")
        wait(has_new_workers, 30, "workers with the new state file")
    gate.wait_daemon()
    assert gate.chat(key).status == 200
    gate.must("keys", "disable", other.id, "--yes")
    assert gate.chat(other).status == 401
    rows = gate.wait_calls(2, key)
    assert [row["basis"] for row in rows] == ["reported"] * 2
    gate.must("ledger", "verify")
    workers = gate.nginx_workers()
    os.kill(gate.up_pid(), signal.SIGHUP)
    wait(has_new_workers, 20, "new workers")
    assert gate.chat(key).status == 200


def test_a_killed_worker_is_replaced(own_gate):
    key = own_gate.key()
    before = own_gate.nginx_workers()
    os.kill(before[0], signal.SIGKILL)
    wait(lambda: len(own_gate.nginx_workers()) == len(before) and
         before[0] not in own_gate.nginx_workers(), what="new worker")
    for _ in range(20):
        assert own_gate.chat(key).status == 200


def test_a_killed_nginx_master_is_replaced_and_streams_go_on(own_gate):
    key = own_gate.key()
    master, workers = own_gate.nginx_pid(), own_gate.nginx_workers()
    stream = own_gate.chat(key, SLOW % 40, stream=True)
    events = stream.events()
    next(events)
    os.kill(master, signal.SIGKILL)
    wait(lambda: own_gate.nginx_pid() not in (None, master),
         what="new master")
    wait(lambda: own_gate.nginx_workers(), what="new workers")

    assert_ended(events)
    wait(lambda: not any(map(is_alive, workers)), what="end of old workers")
    assert own_gate.chat(key).status == 200
    own_gate.wait_calls(2)


def test_a_killed_up_leaves_nothing(own_gate):
    own_gate.key()
    os.kill(own_gate.up_pid(), signal.SIGKILL)
    wait(lambda: not has_processes(own_gate.home), what="end of all processes")
    own_gate.start_up()
    assert len(own_gate.cli_json("keys", "list")["data"]) == 1


def test_workers_without_master_and_up_are_ended_by_the_next_start(own_gate):
    master, workers = own_gate.nginx_pid(), own_gate.nginx_workers()
    os.kill(own_gate.up_pid(), signal.SIGSTOP)
    os.kill(master, signal.SIGKILL)
    os.kill(own_gate.up_pid(), signal.SIGKILL)
    assert any(map(is_alive, workers))
    port = own_gate.url.rpartition(":")[2]
    own_gate.start_up(f"127.0.0.1:{port}")
    assert not any(map(is_alive, workers))
    assert own_gate.request("GET", "/nowhere").status == 404


def test_stale_files_do_no_harm(own_gate):
    os.kill(own_gate.up_pid(), signal.SIGKILL)
    wait(lambda: not has_processes(own_gate.home), what="end of all processes")
    run_dir = own_gate.home / "run"
    (run_dir / "nginx.pid").write_text("1\n")
    (run_dir / "up.lock").write_text("1\n")
    (run_dir / "nginx.conf.new").write_text("half of a conf")
    (run_dir / "admin.url").write_text("http://127.0.0.1:1\n")
    (own_gate.shm / "admin.sock").unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(own_gate.shm / "admin.sock"))
    assert own_gate.cli("status")[0] == 1
    own_gate.start_up()
    assert own_gate.cli("status")[0] == 0


def test_calls_are_served_while_the_daemon_still_reads_its_keys(
        own_gate, tmp_path):
    """Of a million keys that takes seconds.  Here a slow disk under a time
    zone stands for them."""
    key = own_gate.key(timezone="Europe/Berlin")
    own_gate.stop_up()
    listen = f"127.0.0.1:{free_port()}"
    log = tmp_path / "log"
    with open(log, "ab") as out:
        up = subprocess.Popen(
            ["strace", "-f", "-o", "/dev/null",
             "-P", "/usr/share/zoneinfo/Europe/Berlin",
             "-e", "trace=openat", "-e", "inject=openat:delay_enter=8000000",
             BUILD / "tollgate", "up", "--home", own_gate.home,
             "--listen", listen, "--die-with-parent"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env=clean_env())
    try:
        def answer():
            try:
                return http_request(
                    f"http://{listen}", "POST", "/v1/chat/completions",
                    {"Authorization": f"Bearer {key}"},
                    {"model": "deepseek-flash", "messages": [
                        {"role": "user", "content": "Say hello."}]})
            except OSError:
                return None
        assert wait(answer, 20, "an answer").status == 200
        assert "is ready" not in log.read_text()
        wait(lambda: "tollgate is ready" in log.read_text(), 30, "ready")
    finally:
        own_gate.cli("down")
        up.wait(30)


def test_detach_returns_when_ready_and_down_when_gone(make_gate):
    it = make_gate()
    env = {"TOLLGATE_HOME": str(it.home),
           "TOLLGATE_LISTEN": f"127.0.0.1:{free_port()}"}
    code, out, err = run("up", "--detach", **env)
    try:
        assert (code, err) == (0, "")
        assert out == f"tollgate is ready on http://{env['TOLLGATE_LISTEN']}\n"
        assert http_request(f"http://{env['TOLLGATE_LISTEN']}", "GET",
                            "/nowhere").status == 404
        code, out, _ = run("status", "--json", **env)
        status = json.loads(out)
        assert code == 0
        assert status["running"] is True
        assert status["url"] == f"http://{env['TOLLGATE_LISTEN']}"
        assert status["daemon"]["health"] is not None
        assert is_alive(status["daemon"]["pid"])
        assert len(status["nginx"]["workers"]) >= 1
        assert mode(it.home / "log/tollgate.log") == "0o600"
    finally:
        down = run("down", **env)
    assert down == (0, "ended\n", "")
    assert not has_processes(it.home)
    assert run("down", **env)[0] == 0
    assert run("status", **env)[0] == 1


def test_a_detached_start_that_fails_says_why(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "store.db").write_text("this is not a database, certainly not")
    code, out, err = run("up", "--home", home, "--detach", "--listen",
                         f"127.0.0.1:{free_port()}")
    assert (code, out) == (1, "")
    assert "store.db" in err
    assert not has_processes(home)
    shutil.rmtree(shm_of(home), ignore_errors=True)
    assert (home / "store.db").read_text().startswith("this is not")


def test_an_end_waits_for_calls_in_flight(own_gate):
    key = own_gate.key()
    stream = own_gate.chat(key, SLOW % 30, stream=True)
    events = stream.events()
    next(events)
    os.kill(own_gate.up_pid(), signal.SIGTERM)
    with pytest.raises(OSError):
        while True:  # no new connection is taken
            own_gate.request("GET", "/nowhere")
    assert_ended(events)
    assert own_gate.stop_up() == 0


def test_a_second_signal_ends_at_once(own_gate):
    key = own_gate.key()
    stream = own_gate.chat(key, SLOW % 1000, stream=True)
    next(stream.events())
    os.kill(own_gate.up_pid(), signal.SIGINT)
    wait(lambda: "waiting up to 10 s" in own_gate.said(), what="progress")
    begin = time.monotonic()
    os.kill(own_gate.up_pid(), signal.SIGINT)
    assert own_gate.stop_up() == 0
    assert time.monotonic() - begin < 5
    stream.close()


def test_the_terminals_interrupt_reaches_up_alone(own_gate):
    for pid in (own_gate.daemon_pid(), own_gate.nginx_pid()):
        assert os.getpgid(pid) != os.getpgid(own_gate.up_pid())


def test_a_reload_takes_new_servers_and_cuts_no_stream(own_gate):
    key = own_gate.key()
    old = own_gate.nginx_workers()
    stream = own_gate.chat(key, SLOW % 40, stream=True)
    events = stream.events()
    next(events)
    port = free_port()
    (own_gate.home / "nginx.d/more.conf").write_text(
        f"server {{ listen 127.0.0.1:{port}; include gate.conf; }}\n")
    os.kill(own_gate.up_pid(), signal.SIGHUP)

    def served():
        try:
            return http_request(f"http://127.0.0.1:{port}", "GET", "/key",
                                {"Authorization": f"Bearer {key}"})
        except OSError:
            return None

    assert wait(served, what="new server").status == 200
    assert_ended(events)
    wait(lambda: not any(map(is_alive, old)), what="end of old workers")


def test_up_ends_with_its_parent(make_gate):
    it = make_gate()
    code = ("import subprocess, sys; "
            "p = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE); "
            "print(p.stdout.readline().decode(), flush=True); p.wait()")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, BUILD / "tollgate", "up", "--home",
         it.home, "--listen", "127.0.0.1:0", "--die-with-parent"],
        stdout=subprocess.PIPE, text=True, env=clean_env())
    assert parent.stdout.readline().startswith("tollgate is ready")
    assert has_processes(it.home)
    parent.kill()
    parent.wait()
    wait(lambda: not has_processes(it.home), what="end of all processes")


def test_down_and_status_where_nothing_runs(tmp_path):
    home = tmp_path / "nothing"
    assert run("down", "--home", home)[0] == 0
    code, out, _ = run("status", "--home", home)
    assert code == 1
    assert "not running" in out
    code, out, _ = run("status", "--home", home, "--json")
    assert code == 1
    assert json.loads(out)["running"] is False
    assert not home.exists()


def test_what_nginx_refuses_has_our_envelope(gate):
    refusals = {
        "a body past 32 MiB": (
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 40000000\r\nConnection: close\r\n\r\n", 413),
        "a header past 16 KiB": (
            b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Long: "
            + b"a" * 20000 + b"\r\n\r\n", 413),
        "a request that is none": (b"GET /v1/mo dels x\r\n\r\n", 400),
    }
    for what, (data, status) in refusals.items():
        answer = gate.request(None, None, body=data, raw=True)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1.1 %d " % status, head), (what, answer)
        assert b"x-request-id:" in head.lower(), what
        assert json.loads(body)["error"]["message"], what


def test_http2_over_tls_by_an_operators_own_server(tls_gate):
    key = tls_gate.key()
    for stream in (False, True):
        body = json.dumps({"model": "deepseek-flash", "stream": stream,
                           "messages": [{"role": "user", "content": "hi"}]})
        result = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", tls_gate.ca, "-w",
             "\n%{http_version} %{http_code}", "-H",
             f"Authorization: Bearer {key}", "-H",
             "Content-Type: application/json", "-d", body,
             tls_gate.tls_url + "/v1/chat/completions"],
            capture_output=True, text=True, timeout=30)
        assert result.stderr == ""
        text, _, last = result.stdout.rpartition("\n")
        assert last == "2 200", result.stdout
        assert ("data: [DONE]" in text) is stream
    tls_gate.wait_calls(2)
