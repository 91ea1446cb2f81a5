"""The simulated upstream: HTTP by raw sockets, and the program itself."""
import json
import re
import signal
import socket
import subprocess
import threading

import pytest

from sim_calls import (  # noqa: F401  (some are fixtures)
    DEADLINE_S, PLAIN, PROGRAM, Sim, chat, deepseek, http_request, sim,
    start, wait_for)


def test_request_in_any_pieces(sim):
    data = http_request("/chat/completions", chat("\u00e9"), "Connection: close")
    for piece in (1, 7, 64):
        with socket.create_connection(("127.0.0.1", sim.port), DEADLINE_S) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(data), piece):
                s.sendall(data[i:i + piece])
            got = b""
            while more := s.recv(65536):
                got += more
        assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"0\r\n\r\n")


def test_pipelined_requests_are_answered_in_order(sim):
    one = http_request("/chat/completions", chat(max_tokens=1))
    two = http_request("/models", b"", method="GET")
    slow = http_request("/chat/completions", chat("sim:slow=30 sim:tokens=2", stream=True))
    last = http_request("/models", b"", "Connection: close", method="GET")
    got = sim.raw(one + two + slow + one + last)
    kinds = re.findall(rb"chat\.completion\"|\"object\":\"list\"|\[DONE\]", got)
    assert kinds == [b'chat.completion"', b'"object":"list"', b"[DONE]", b'chat.completion"',
                     b'"object":"list"']


def test_chunked_request_body(sim):
    body = json.dumps(chat("abcdefgh", **PLAIN)).encode()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 5]), body[i:i + 5])
                      for i in range(0, len(body), 5))
    got = sim.raw(b"POST /chat/completions HTTP/1.1\r\nHost: s\r\nx-api-key: k\r\n"
                  b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
                  + b"0\r\n\r\n")
    assert b'"prompt_tokens":5' in got
    record, = sim.get("/sim/requests?last=1", {})["data"]
    assert record["body"].encode() == body


@pytest.mark.parametrize("stream, end", [(False, b"}}"), (True, b"data: [DONE]\n\n")])
def test_http_1_0_gets_no_chunks_and_a_close(sim, stream, end):
    got = sim.raw(http_request("/chat/completions", chat(stream=stream), version="HTTP/1.0"))
    assert b"chunked" not in got and b"Connection: close" in got and got.endswith(end)


def test_expect_continue_and_a_large_body(sim):
    body = json.dumps(chat("x" * 3_000_000)).encode()
    with socket.create_connection(("127.0.0.1", sim.port), DEADLINE_S) as s:
        head = http_request("/chat/completions", body, "Expect: 100-continue",
                            "Connection: close")[:-len(body)]
        s.sendall(head)
        assert s.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(body)
        got = b""
        while more := s.recv(65536):
            got += more
    assert b'"prompt_tokens":750003' in got


@pytest.mark.parametrize("data, status", [
    (b"nonsense\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nA" + b"a: b\r\nA" * 400 + b"\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413")])
def test_what_is_not_http_is_refused_and_closed(sim, data, status):
    assert sim.raw(data).startswith(b"HTTP/1.1 " + status)


def test_client_that_never_reads_does_not_grow_the_simulator(sim):
    def resident_kib():
        with open(f"/proc/{sim.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    before = resident_kib()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", sim.port))
    s.sendall(http_request("/chat/completions", chat("sim:tokens=1000000", stream=True)))
    wait_for(lambda: sim.count()["streams_open"] == 1)
    for _ in range(50):
        sim.answer("/chat/completions", chat())
    assert resident_kib() - before < 32768  # the whole stream has 280 MB
    s.close()
    wait_for(lambda: sim.count()["aborted"] == 1)


def run(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True,
                          timeout=DEADLINE_S)


@pytest.mark.parametrize("options, why", [
    (["--nope"], "--nope is not an option"), (["--listen"], "--listen needs a value"),
    (["--listen", "9000"], "--listen takes ADDR:PORT"),
    (["--listen", "localhost:0"], "numeric address, not 'localhost'"),
    (["--listen", "127.0.0.1:70000"], "from 0 to 65535"),
    (["--dialect", "x"], "--dialect is deepseek, openai, vllm or anthropic"),
    (["--key", "/nonexistent"], "cannot open '/nonexistent'"),
    (["--key", "/dev/null"], "must hold one key"),
    (["--latency", "-1"], "--latency takes a number from 0"),
    (["--tokens", "0"], "--tokens takes a number from 1"),
    (["--workers", "many"], "--workers takes a number"),
    (["extra"], "'extra' is not an option")])
def test_a_wrong_option_is_one_sentence_and_exit_2(options, why):
    got = run(*options)
    assert got.returncode == 2 and got.stdout == ""
    assert why in got.stderr and got.stderr.count("\n") == 1


def test_an_address_in_use_is_one_sentence_and_exit_1(sim):
    got = run("--listen", f"127.0.0.1:{sim.port}")
    assert got.returncode == 1 and got.stdout == ""
    assert got.stderr == (f"tollgate-sim: cannot listen on 127.0.0.1 port {sim.port}: "
                          "Address already in use\n")


def test_files_that_cannot_be_written_are_one_sentence_and_exit_1(tmp_path):
    for option in ("--url-file", "--log"):
        got = run(option, str(tmp_path / "no" / "file"))
        assert got.returncode == 1 and got.stderr.startswith(f"tollgate-sim: {option}: cannot ")


def test_version_and_help():
    assert re.fullmatch(r"tollgate-sim \d+\.\d+\.\d+\n", run("--version").stdout)
    got = run("--help")
    assert got.returncode == 0 and got.stdout.startswith("usage: tollgate-sim")


def test_url_file_is_private_whole_and_alone(start, tmp_path):
    sim = start("--url-file", str(tmp_path / "url"))
    assert (tmp_path / "url").read_text() == f"http://127.0.0.1:{sim.port}\n"
    assert (tmp_path / "url").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["url"]


def test_interrupt_ends_it_cleanly_with_streams_open():
    sim = Sim()
    s = sim.open_stream(chat("sim:stall", stream=True))
    s.recv(100)
    sim.process.send_signal(signal.SIGINT)
    assert sim.process.wait(DEADLINE_S) == 0
    sim.process.stdout.close()
    sim.process.stderr.close()
    s.close()


def test_it_dies_with_its_parent(tmp_path):
    url = tmp_path / "url"
    parent = subprocess.Popen(
        ["sh", "-c", '"$0" --die-with-parent --url-file "$1" >/dev/null & echo $!; wait',
         PROGRAM, str(url)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    wait_for(url.exists)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    def is_gone():
        try:
            with open(f"/proc/{child}/stat") as f:
                return f.read().split()[2] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True
    wait_for(is_gone)


def test_many_open_streams_all_end_whole(start):
    """1000 streams at once; the full 10 000 take bench/, not a test."""
    sim = start("--token-rate", "20", "--tokens", "10", "--workers", "2")
    streams = [sim.open_stream(chat(stream=True, **PLAIN)) for _ in range(1000)]
    assert sim.count()["streams_open"] > 0
    whole = []

    def read(s):
        got = b""
        while b"0\r\n\r\n" not in got[-16:]:
            more = s.recv(65536)
            if not more:
                break
            got += more
        whole.append(got.count(b"data: ") == 13)
        s.close()

    threads = [threading.Thread(target=lambda part=streams[i::4]: [read(s) for s in part])
               for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert whole == [True] * 1000
    count = sim.count()
    assert count["total"]["completion_tokens"] == 10_000 and count["aborted"] == 0
