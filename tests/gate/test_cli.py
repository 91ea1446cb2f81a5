"""The command line, against an admin server that this file plays.

Each test says what the gate answers and which words are typed, and looks at
the request that was sent, the output and the exit code.
"""

import csv
import datetime
import hashlib
import http.server
import io
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TOLLGATE_BUILD", ROOT / "build")).resolve()
CLI = BUILD / "tollgate"
TOKEN = "tgo_" + "T" * 40
KEY_ID = "key_" + "K" * 20
SECRET = "sk-tgp_" + "s" * 36
ACCOUNT_ID = "acct_" + "A" * 19

KEY = {
    "object": "key", "id": KEY_ID, "account_id": ACCOUNT_ID, "name": "ci",
    "description": None, "kind": "production", "status": "active",
    "prefix": "sk-tgp_", "last4": "ssss", "scopes": ["chat", "code"],
    "models": [], "endpoints": [],
    "limits": {"requests_per_minute": 1000, "requests_per_day": None,
               "concurrency": 4, "max_queue_ms": 0},
    "budget": {"monthly": "10", "daily": None, "timezone": "UTC"},
    "allowed_ips": [], "allowed_referrers": [], "hours": None,
    "created_at": "2026-01-02T03:04:05Z", "expires_at": None,
    "last_used_at": None, "rotation": {},
    "secrets": [{"id": "sec_1", "created_at": "2026-01-02T03:04:05Z",
                 "valid_until": None, "last_used_at": None,
                 "last_used_ip": None, "last_used_agent": None}],
}
CALL = {
    "object": "call", "id": "call_" + "0" * 32, "request_id": "req_1",
    "at": "2026-01-02T03:04:05Z", "key_id": KEY_ID, "account_id": ACCOUNT_ID,
    "endpoint": "chat", "model": "deepseek-v4-flash", "stream": True,
    "status": 200, "code": None, "prompt_tokens": 12,
    "prompt_cache_hit_tokens": 4, "completion_tokens": 34,
    "reasoning_tokens": 0, "total_tokens": 46, "cost": "0.000011256",
    "basis": "reported", "latency_ms": 812, "ttft_ms": 120,
    "ip": "127.0.0.1", "user_agent": "curl/8", "upstream": "sim",
    "trace_id": None,
}
COUNTS = {
    "requests": 2, "errors": 1, "prompt_tokens": 100,
    "prompt_cache_hit_tokens": 40, "completion_tokens": 20,
    "reasoning_tokens": 5, "total_tokens": 120, "images": 3,
    "audio_seconds": "12.345", "characters": 7, "cost": "0.0000345",
}


def listing(rows, **more):
    return {"object": "list", "data": rows, "has_more": False, "next": None,
            **more}


class Admin:
    """What the fake server was asked, and what it answers."""

    def __init__(self):
        self.requests = []
        self.answers = {}

    def answer(self, method, path, body, status=200):
        self.answers[method, path] = (status, body)

    @property
    def last(self):
        return self.requests[-1]


def handler_of(admin):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self):
            return "fake"

        def log_message(self, *args):
            pass

        def serve(self):
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size)
            path, _, query = self.path.partition("?")
            request = {
                "method": self.command, "path": path,
                "query": dict(urllib.parse.parse_qsl(
                    query, keep_blank_values=True)),
                "body": json.loads(body) if body else None,
                "token": self.headers.get("authorization"),
                "once": self.headers.get("idempotency-key"),
            }
            admin.requests.append(request)
            status, answer = admin.answers.get(
                (self.command, path.removeprefix("/admin/v1")),
                (404, {"error": {"message": "no such route", "type":
                                 "invalid_request_error", "param": None,
                                 "code": "not_found"}}))
            if callable(answer):
                answer = answer(request)
            if answer is None:               # it breaks off
                self.close_connection = True
                return
            if isinstance(answer, tuple):
                status, answer = answer
            data = answer if isinstance(answer, bytes) else json.dumps(
                answer, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = serve

    return Handler


@pytest.fixture
def admin():
    admin = Admin()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                         handler_of(admin)) as server:
        thread = threading.Thread(target=server.serve_forever,
                                  kwargs={"poll_interval": 0.02})
        thread.start()
        admin.url = f"http://127.0.0.1:{server.server_port}"
        yield admin
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "var"
    path.mkdir(mode=0o700)
    return path


def environment(**more):
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8",
           "HOME": "/nonexistent", "TOLLGATE_HOME": "/nonexistent"}
    for name in ("ASAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(more)
    return env


def run(*words, env=None, stdin="", **more):
    done = subprocess.run([CLI, *map(str, words)], env=env or environment(),
                          input=stdin.encode(), capture_output=True,
                          timeout=30, **more)
    # Not text=True, which would take \r for a line's end.
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert "AddressSanitizer" not in done.stderr, done.stderr
    assert "LeakSanitizer" not in done.stderr, done.stderr
    return done


@pytest.fixture
def cli(admin):
    """The command line, pointed at the fake server by the environment."""
    env = environment(TOLLGATE_ADMIN_URL=admin.url,
                      TOLLGATE_ADMIN_TOKEN=TOKEN)

    def call(*words, **more):
        return run(*words, env={**env, **more.pop("env", {})}, **more)

    call.env = env
    return call


def on_terminal(words, env, typed="", wait_for=None):
    """Runs it on a terminal of its own; returns exit code and screen."""
    pid, fd = pty.fork()
    if pid == 0:
        # As on a terminal, also where the tests run in the background.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execve(CLI, [str(CLI), *words], env)
    screen, deadline, is_typed = b"", time.monotonic() + 20, not typed
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        screen += data
        if not is_typed and wait_for.encode() in screen:
            os.write(fd, typed.encode())
            is_typed = True
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    status = os.waitpid(pid, 0)[1]
    return os.waitstatus_to_exitcode(status), screen.decode()


# Help and wrong words


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, "tollgate 0.1.0\n")


def test_nothing_said_is_wrong_usage():
    done = run()
    assert done.returncode == 2
    assert "usage: tollgate" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("words, part", [
    (["help"], "credentials"),
    (["--help"], "credentials"),
    (["help", "keys"], "--monthly-limit AMOUNT"),
    (["keys", "--help"], "tollgate keys disable ID"),
    (["help", "keys", "create"], "--allow-ip CIDR"),
    (["keys", "create", "--help"], "--allow-ip CIDR"),
    (["keys", "create", "--name", "x", "-h"], "--allow-ip CIDR"),
    (["help", "usage"], "--by GROUP"),
    (["help", "up"], "--detach"),
    (["models", "--help"], "tollgate models add ID"),
])
def test_help(words, part):
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert part in done.stdout


@pytest.mark.parametrize("words, sentence", [
    (["kyes"], 'did you mean "keys"?'),
    (["acc", "list"], 'did you mean "accounts"?'),
    (["xyzzy"], '"xyzzy" is not a tollgate command'),
    (["help", "kyes"], 'did you mean "keys"?'),
    (["help", "keys", "sing"], '"sing" is not a verb of "keys"'),
    (["prices"], '"prices" needs a verb: list, add, import\n'),
    (["keys", "create", "-name", "x"],
     "unknown option -name; did you mean --name?"),
    (["accounts", "list", "-json"], "unknown option -json; did you mean --json?"),
    (["keys", "update", KEY_ID, "--budget", "5"], "unknown option --budget\n"),
    (["keys", "create", "ci"],
     'nothing can stand here: "ci"; did you mean --name?'),
    (["accounts", "list", "ci"], 'nothing can stand here: "ci"\n'),
    (["accounts", "top-up", "research", "-5"],
     'AMOUNT is an amount such as 10 or 0.28, not "-5"'),
    (["accounts", "top-up", "research", "5", "6"],
     'tollgate: ACCOUNT AMOUNT only, not "6" as well'),
    (["credentials", "add", "--upstream", "u", SECRET],
     "no place for one: --file names a file that has it"),
    (["keys", "show", SECRET], "name a key by its ID, key_…"),
    (["credentials", "rotate", "cred_1", "--overlap", "5", "--at-once"],
     "--overlap and --at-once contradict each other"),
    (["prices", "add", "m", "--unit-price", "1"],
     "--unit says what is priced so: image, second, character or call"),
    (["keys", "lst"], 'did you mean "list"?'),
    (["keys", "create", "--nmae", "x"], "did you mean --name?"),
    (["keys", "create", "--secret=x"], "unknown option --secret"),
    (["keys", "list", "--rpm", "x"], "unknown option --rpm"),
    (["keys", "--status", "active", "list"],
     "options of a verb stand behind the verb"),
    (["keys", "-x"], "unknown option -x"),
    (["keys", "create", "--name"], "--name needs a value: --name NAME"),
    (["keys", "create", "--name", "a", "--name", "b"], "--name stands twice"),
    (["keys", "create"], "--name NAME is needed"),
    (["keys", "create", "--name", "x", "--rpm", "many"],
     '--rpm takes a whole number, not "many"'),
    (["keys", "create", "--name", "x", "--rpm", "-1"],
     "--rpm takes a whole number"),
    (["keys", "create", "--name", "x", "--rpm", "1" * 30],
     "--rpm takes a whole number of up to 18 digits, not"),
    (["keys", "create", "--name", "x", "--monthly-limit", "1,50"],
     "--monthly-limit takes an amount such as 10 or 0.28"),
    (["keys", "create", "--name", "x", "--queue", "long"],
     "--queue takes milliseconds"),
    (["keys", "create", "--name", "x", "--kind", "prod"],
     "it is one of: production, development, restricted"),
    (["keys", "create", "--name", "x", "--scope", "chat,code"],
     "it is one of: chat, code, image, audio, embeddings, files, fine_tuning; "
     "repeat it for more"),
    (["keys", "create", "--name", "x", "--model", "a,b"],
     '--model takes one, not "a,b"; repeat it for more'),
    (["keys", "create", "--name", "x", "--allow-ip", "10.0.0.1,10.0.0.2"],
     "--allow-ip takes one, not"),
    (["keys", "create", "--name", "x", "--label", "=b"],
     "--label takes NAME=VALUE"),
    (["keys", "create", "--name", "x", "--on", "pause"],
     '--on takes EVENT=ACTION, not "pause"'),
    (["prices", "add", "m", "--unit", "image", "--size", "1024x1024"],
     "--size takes SIZE=PRICE"),
    (["keys", "list", "--json=yes"], "--json takes no value"),
    (["keys", "list", "--limit", "0"], "--limit begins at 1"),
    (["keys", "show"], "keys show needs ID"),
    (["keys", "show", "a", "b"], 'one ID only, not "b" as well'),
    (["keys", "list", "extra"],
     'nothing can stand here: "extra"; did you mean --name?'),
    (["accounts", "create"], "--name NAME is needed"),
    (["models", "add", "m", "--upstream", "u", "--prompt", "1"],
     "--completion PRICE is needed"),
    (["upstreams", "add", "--name", "u"], "--base-url URL is needed"),
    (["upstreams", "add", "--name", "u", "--base-url", "http://127.0.0.1",
      "--dialect", "openia"], "it is one of: deepseek, openai"),
    (["credentials", "add"], "--upstream NAME is needed"),
    (["usage", "--by", "year"], "it is one of: day, hour"),
    (["usage", "--by", "day,"], "it is one of: day, hour"),
    (["usage", "--by", "model,x"], "it is one of: day, hour"),
    (["usage", "--period", "decade"], "it is one of: today, yesterday"),
    (["usage", "--period", "week", "--since", "3d"], "--period stands in"),
    (["usage", "--scope", "poetry"], "it is one of: chat, code"),
    (["usage", "--since", "soon"], '--since takes 15m, 168h'),
    (["usage", "--since", "2026-02-30"], '--since takes 15m, 168h'),
    (["usage", "--timezone", "Mars/Base"], 'no time zone "Mars/Base"'),
    (["usage", "--timezone", "../passwd"], 'no time zone'),
    (["calls", "list", "--until", "2026-01-01T00:00:00"], "--until takes"),
])
def test_wrong_usage(cli, admin, words, sentence):
    done = cli(*words)
    assert sentence in done.stderr
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"^Try: tollgate help", done.stderr, re.M)
    assert admin.requests == []


@pytest.mark.parametrize("words, what", [
    (["keys", "create", "--name", "x", "--model", b"\xff"], "--model"),
    (["keys", "create", "--name", "x", "--allow-ip", "10.0.0.0/8",
      "--allow-referrer", b"https://\xc3\x28"], "--allow-referrer"),
    (["keys", "update", KEY_ID, "--label", b"a=\xed\xa0\x80"], "--label"),
    (["accounts", "create", "--name", b"\xe9"], "--name"),
    (["prices", "add", b"\xff", "--prompt", "1", "--completion", "1"],
     "MODEL"),
    (["keys", "show", b"\xc3"], "ID"),
])
def test_what_cannot_be_sent_is_not_left_out(cli, admin, words, what):
    """A restriction that is no UTF-8 would make a key without it."""
    done = subprocess.run([CLI, *words], env=cli.env, capture_output=True,
                          timeout=30)
    assert done.returncode == 2
    assert f"{what} takes UTF-8, not \"".encode() in done.stderr, done.stderr
    assert b"\\x" in done.stderr
    assert admin.requests == []


def test_a_file_may_have_any_name(cli, admin, tmp_path):
    admin.answer("POST", "/credentials", {"object": "credential"}, 201)
    path = os.fsencode(tmp_path) + b"/\xff"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write("s3cret-of-a-provider")
    done = subprocess.run([CLI, "credentials", "add", "--upstream", "u",
                           "--file", path], env=cli.env, capture_output=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr
    assert admin.last["body"]["secret"] == "s3cret-of-a-provider"


@pytest.mark.parametrize("words, name", [
    (["keys", "update", "", "--rpm", "5"], "ID"),
    (["keys", "delete", "", "--yes"], "ID"),
    (["accounts", "show", ""], "ACCOUNT"),
    (["accounts", "top-up", "", "5"], "ACCOUNT"),
    (["accounts", "top-up", "research", ""], "AMOUNT"),
    (["upstreams", "test", ""], "NAME"),
    (["credentials", "disable", "", "--yes"], "ID"),
    (["health", ""], "ID"),
    (["limits", "suggest", ""], "ID"),
    (["keys", "rotation", ""], "STEP"),
    (["backup", ""], "FILE"),
])
def test_an_empty_word_names_nothing(cli, admin, words, name):
    """As "$ID" is in a shell where nobody has set it."""
    done = cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"tollgate: {name} is empty\n")
    assert admin.requests == []


def test_a_secret_in_the_wrong_place_is_not_repeated(cli, admin):
    for words in (["keys", "show", SECRET], ["keys", SECRET],
                  ["credentials", "add", "--upstream", "u", SECRET],
                  ["keys", "list", "--status", SECRET], [SECRET]):
        done = cli(*words)
        assert done.returncode == 2
        assert SECRET not in done.stderr
    assert admin.requests == []


# Where the server is, and who asks


def test_token_comes_from_the_home(admin, home):
    admin.answer("GET", "/accounts", listing([]))
    (home / "admin.token").write_text(TOKEN + "\n")
    (home / "admin.token").chmod(0o600)
    (home / "run").mkdir()
    (home / "run/admin.url").write_text(admin.url + "\n")
    done = run("accounts", "list", env=environment(TOLLGATE_HOME=str(home)))
    assert done.returncode == 0, done.stderr
    assert admin.last["token"] == "Bearer " + TOKEN
    done = run("--home", home, "accounts", "list")
    assert done.returncode == 0, done.stderr


def test_home_is_var_in_the_working_folder(admin, home):
    admin.answer("GET", "/accounts", listing([]))
    (home / "admin.token").write_text(TOKEN)
    (home / "admin.token").chmod(0o600)
    env = environment(TOLLGATE_LISTEN=admin.url.removeprefix("http://"))
    del env["TOLLGATE_HOME"]
    done = run("accounts", "list", env=env, cwd=home.parent)
    assert done.returncode == 0, done.stderr
    assert admin.last["token"] == "Bearer " + TOKEN


@pytest.mark.parametrize("listen", ["0.0.0.0:{}", "*:{}", "{}"])
def test_any_address_is_reached_by_loopback(admin, listen):
    admin.answer("GET", "/accounts", listing([]))
    port = admin.url.rpartition(":")[2]
    done = run("accounts", "list",
               env=environment(TOLLGATE_LISTEN=listen.format(port),
                               TOLLGATE_ADMIN_TOKEN=TOKEN))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_file_open_to_others_is_refused(admin, home, mode):
    token = home / "admin.token"
    token.write_text(TOKEN)
    token.chmod(mode)
    done = run("keys", "list", env=environment(TOLLGATE_HOME=str(home),
                                               TOLLGATE_ADMIN_URL=admin.url))
    assert done.returncode == 1
    assert f"chmod 600 {token}" in done.stderr
    assert admin.requests == []


def test_options_win_over_the_environment(admin, cli):
    admin.answer("GET", "/accounts", listing([]))
    other = "tgo_" + "O" * 40
    done = cli("accounts", "list", "--admin-url", admin.url + "/",
               "--token=" + other,
               env={"TOLLGATE_ADMIN_URL": "http://127.0.0.1:1"})
    assert done.returncode == 0, done.stderr
    assert admin.last["token"] == "Bearer " + other


def write_profile(folder, text, mode=0o600):
    path = folder / "tollgate/config"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("where", ["xdg", "home"])
def test_profile(admin, tmp_path, where):
    admin.answer("GET", "/accounts", listing([]))
    folder = tmp_path if where == "xdg" else tmp_path / ".config"
    write_profile(folder, f"; work\nurl = {admin.url}\ntoken = {TOKEN}\n")
    env = environment(**({"XDG_CONFIG_HOME": str(tmp_path)}
                         if where == "xdg" else {"HOME": str(tmp_path)}))
    done = run("accounts", "list", env=env)
    assert done.returncode == 0, done.stderr
    assert admin.last["token"] == "Bearer " + TOKEN


@pytest.mark.parametrize("text", [
    "urll = http://127.0.0.1\n", "[gate]\nurl = x\n", "just words\n",
    "url = a\nurl = b\n"])
def test_profile_with_a_fault_is_refused_by_line(tmp_path, text):
    path = write_profile(tmp_path, text)
    done = run("keys", "list", env=environment(XDG_CONFIG_HOME=str(tmp_path)))
    assert done.returncode == 1
    assert f"{path}, line " in done.stderr


def test_profile_open_to_others_is_refused(tmp_path, admin):
    write_profile(tmp_path, f"url = {admin.url}\ntoken = {TOKEN}\n", 0o644)
    done = run("keys", "list", env=environment(XDG_CONFIG_HOME=str(tmp_path)))
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    assert admin.requests == []


def test_a_profiles_token_does_not_go_to_a_homes_address(admin, home,
                                                         tmp_path):
    """A folder one happens to stand in cannot ask for one's token."""
    write_profile(tmp_path / "config", f"url = http://127.0.0.1:1\n"
                  f"token = {TOKEN}\n")
    (home / "run").mkdir()
    (home / "run/admin.url").write_text(admin.url)
    done = run("keys", "list",
               env=environment(TOLLGATE_HOME=str(home),
                               XDG_CONFIG_HOME=str(tmp_path / "config")))
    assert done.returncode == 3
    assert "127.0.0.1:1 " in done.stderr
    assert admin.requests == []


def test_without_a_token_nothing_is_sent(admin):
    admin.answer("GET", "/health", {"object": "health"}, 401)
    done = run("credentials", "add", "--upstream", "sim", stdin="s3cret\n",
               env=environment(TOLLGATE_ADMIN_URL=admin.url))
    assert done.returncode == 1
    assert "TOLLGATE_ADMIN_TOKEN" in done.stderr
    assert [(r["path"], r["body"]) for r in admin.requests] == [
        ("/admin/v1/health", None)]


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "unix:x",
                                 "http://user:pass@127.0.0.1",
                                 "http://127.0.0.1/\n"])
def test_an_address_that_is_none(url):
    done = run("keys", "list", "--admin-url", url, "--token", TOKEN)
    assert done.returncode == 1
    assert "http://, https:// or unix:/" in done.stderr


def test_a_token_that_is_none_is_not_sent(admin):
    done = run("keys", "list", "--admin-url", admin.url, "--token", "a\r\nb: c")
    assert done.returncode == 1
    assert "one word" in done.stderr
    assert admin.requests == []


def test_the_token_leaves_argv(admin, home):
    """While the server thinks, the process list shows no token."""
    seen, started = [], threading.Event()

    def look(request):
        started.wait(10)
        seen.append(pathlib.Path(f"/proc/{child.pid}/cmdline").read_bytes())
        return listing([])

    admin.answer("GET", "/accounts", look)
    child = subprocess.Popen([CLI, "accounts", "list", "--admin-url",
                              admin.url, "--token", TOKEN],
                             env=environment(), stdout=subprocess.DEVNULL)
    started.set()
    assert child.wait(20) == 0
    assert TOKEN.encode() not in seen[0] and b"tgo_" not in seen[0]


def test_unix_socket(home):
    admin = Admin()
    admin.answer("GET", "/accounts", listing([]))
    folder = tempfile.mkdtemp(dir="/dev/shm")
    path = os.path.join(folder, "admin.sock")

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    try:
        with Server(path, handler_of(admin)) as server:
            thread = threading.Thread(target=server.serve_forever,
                                      kwargs={"poll_interval": 0.02})
            thread.start()
            done = run("accounts", "list", "--admin-url", "unix:" + path,
                       "--token", TOKEN)
            server.shutdown()
            thread.join()
        assert done.returncode == 0, done.stderr
        assert admin.last["path"] == "/admin/v1/accounts"
        os.unlink(path)
        done = run("accounts", "list", "--admin-url", "unix:" + path,
                   "--token", TOKEN)
        assert done.returncode == 3
        assert "unix:" + path in done.stderr
    finally:
        shutil.rmtree(folder)


def test_nobody_answers():
    done = run("keys", "list", "--admin-url", "http://127.0.0.1:1", "--token",
               TOKEN)
    assert done.returncode == 3
    assert "http://127.0.0.1:1" in done.stderr
    assert "tollgate up" in done.stderr
    assert TOKEN not in done.stderr


def test_proxies_are_not_used_for_this_machine(admin, cli):
    admin.answer("GET", "/accounts", listing([]))
    done = cli("accounts", "list", env={"http_proxy": "http://127.0.0.1:1",
                                        "ALL_PROXY": "http://127.0.0.1:1"})
    assert done.returncode == 0, done.stderr


# Errors of the API


@pytest.mark.parametrize("status", [502, 503, 504])
def test_nginx_without_its_daemon(admin, cli, status):
    admin.answer("GET", "/keys", b"<html>Bad Gateway</html>", status)
    done = cli("keys", "list")
    assert done.returncode == 3
    assert "tollgate status" in done.stderr and admin.url in done.stderr
    admin.answer("GET", "/keys", {"error": {
        "message": "gone", "type": "server_error", "param": None,
        "code": "daemon_unavailable"}}, status)
    assert cli("keys", "list").returncode == 3


def test_the_daemon_says_itself_what_failed(admin, cli):
    admin.answer("POST", "/keys", {"error": {
        "message": "the disk is full", "type": "server_error", "param": None,
        "code": "store_unavailable"}}, 503)
    done = cli("keys", "create", "--name", "x")
    assert (done.returncode, done.stderr) == (
        1, "tollgate: the disk is full\n")


@pytest.mark.parametrize("param, shown", [
    ("limits.requests_per_minute", "(limits.requests_per_minute, option --rpm)"),
    ("scopes[1]", "(scopes[1], option --scope)"),
    ("surprise", "(surprise)"),
    (None, "at most 100\n"),
])
def test_an_error_names_the_member_and_the_option(admin, cli, param, shown):
    admin.answer("POST", "/keys", {"error": {
        "message": "at most 100", "type": "invalid_request_error",
        "param": param, "code": "invalid_request"}}, 400)
    done = cli("keys", "create", "--name", "x", "--rpm", "101")
    assert (done.returncode, done.stdout) == (1, "")
    assert "at most 100" in done.stderr and shown in done.stderr


def test_a_wrong_token_names_its_source(admin, cli):
    admin.answer("GET", "/keys", {"error": {"message": "no", "type": "x",
                                            "param": None, "code": "x"}}, 401)
    done = cli("keys", "list")
    assert done.returncode == 1
    assert "TOLLGATE_ADMIN_TOKEN" in done.stderr and TOKEN not in done.stderr


@pytest.mark.parametrize("body", [b"", b"hello", b"[]", b"{\"a\":", b"null"])
def test_something_else_answers(admin, cli, body):
    admin.answer("GET", "/keys", body)
    done = cli("keys", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not a gate's admin API" in done.stderr


def test_a_redirect_is_not_followed(admin, cli):
    admin.answer("GET", "/keys", b"", 302)
    assert cli("keys", "list").returncode == 1
    assert len(admin.requests) == 1


# Keys


def test_keys_create_sends_every_option(admin, cli):
    admin.answer("POST", "/keys", {**KEY, "key": SECRET}, 201)
    done = cli(
        "keys", "create", "--name", "ci", "--kind", "restricted", "--scope",
        "chat", "--scope=code", "--model", "deepseek-*", "--endpoint",
        "POST /v1/chat/completions", "--qps", "5", "--rpm", "60", "--rpd",
        "1000", "--tpm", "20000", "--concurrency", "4", "--queue", "2s",
        "--monthly-limit", "10", "--daily-limit", "0.50", "--timezone",
        "Asia/Shanghai", "--allow-ip", "10.0.0.0/8", "--allow-ip", "::1/128",
        "--allow-referrer", "https://app.example.com/*", "--hours",
        "mon-fri 08:00-19:00 Asia/Shanghai", "--expires", "90d", "--account",
        "research", "--description", "d", "--owner", "o", "--label", "a=b",
        "--label", "c=d=e")
    assert done.returncode == 0, done.stderr
    assert admin.last["method"] == "POST"
    assert admin.last["query"] == {}
    assert admin.last["body"] == {
        "name": "ci", "kind": "restricted", "scopes": ["chat", "code"],
        "models": ["deepseek-*"], "endpoints": ["POST /v1/chat/completions"],
        "limits": {"requests_per_second": 5, "requests_per_minute": 60,
                   "requests_per_day": 1000, "tokens_per_minute": 20000,
                   "concurrency": 4, "max_queue_ms": 2000},
        "budget": {"monthly": "10", "daily": "0.50",
                   "timezone": "Asia/Shanghai"},
        "allowed_ips": ["10.0.0.0/8", "::1/128"],
        "allowed_referrers": ["https://app.example.com/*"],
        "hours": "mon-fri 08:00-19:00 Asia/Shanghai", "expires_at": "90d",
        "account": "research", "description": "d", "owner": "o",
        "labels": {"a": "b", "c": "d=e"},
    }


def test_keys_create_shows_the_key_once(admin, cli):
    admin.answer("POST", "/keys", {**KEY, "key": SECRET}, 201)
    done = cli("keys", "create", "--name", "ci")
    assert done.stdout.count(SECRET) == 1 and SECRET not in done.stderr
    assert KEY_ID in done.stdout
    assert "only time" in done.stderr
    done = cli("keys", "create", "--name", "ci", "--quiet")
    assert (done.stdout, done.stderr) == (SECRET + "\n", "")
    done = cli("keys", "create", "--name", "ci", "--json")
    assert json.loads(done.stdout) == {**KEY, "key": SECRET}


def test_keys_create_says_when_the_key_was_lost(admin, cli):
    admin.answer("POST", "/keys", {**KEY, "key": SECRET}, 201)
    with open("/dev/full", "w") as full:
        done = subprocess.run([CLI, "keys", "create", "--name", "x"],
                              env=cli.env, stdout=full, text=True,
                              stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 1
    assert f"tollgate keys disable {KEY_ID}" in done.stderr
    assert SECRET not in done.stderr


def test_keys_list(admin, cli):
    used = {**KEY, "id": "key_" + "U" * 20, "name": "日本語 key",
            "status": "disabled", "last_used_at": "2026-01-03T00:00:00Z"}
    admin.answer("GET", "/keys", listing([KEY, used]))
    done = cli("keys", "list", "--account", "default", "--status", "active")
    assert done.returncode == 0, done.stderr
    assert admin.last["query"] == {"account": "default", "status": "active",
                                   "limit": "1000"}
    head, first, second = done.stdout.splitlines()
    assert head.split()[:5] == ["ID", "NAME", "STATUS", "CREATED",
                                "LAST_USED"]
    assert first.split()[:5] == [KEY_ID, "ci", "active",
                                 "2026-01-02T03:04:05Z", "never"]
    assert "2026-01-03T00:00:00Z" in second
    # 日本語 takes six columns: what follows it stands under its title.
    assert second.index("disabled") + 3 == head.index("STATUS")
    assert "\033" not in done.stdout


def test_an_empty_list_says_so(admin, cli):
    admin.answer("GET", "/keys", listing([]))
    done = cli("keys", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tollgate keys create --name" in done.stdout
    assert cli("keys", "list", "--quiet").stdout == ""
    assert json.loads(cli("keys", "list", "--json").stdout) == listing([])


def test_lists_follow_their_pages(admin, cli):
    def page(request):
        at = int(request["query"].get("after", "0"))
        rows = [{**KEY, "id": f"key_{n:020}"} for n in range(at, at + 2)]
        return listing(rows, has_more=at < 4,
                       next=str(at + 2) if at < 4 else None)

    admin.answer("GET", "/keys", page)
    ids = [line.split()[0] for line in
           cli("keys", "list").stdout.splitlines()[1:]]
    assert ids == [f"key_{n:020}" for n in range(6)]
    assert [r["query"].get("after") for r in admin.requests] == [
        None, "2", "4"]
    got = json.loads(cli("keys", "list", "--json").stdout)
    assert len(got["data"]) == 6 and not got["has_more"]
    admin.requests.clear()
    done = cli("keys", "list", "--limit", "3")
    assert len(done.stdout.splitlines()) == 4
    assert "more than these 3" in done.stderr
    assert [r["query"]["limit"] for r in admin.requests] == ["3", "1"]
    got = json.loads(cli("keys", "list", "--limit", "3", "--json").stdout)
    assert len(got["data"]) == 3 and got["has_more"]


def test_keys_show(admin, cli):
    admin.answer("GET", "/keys/" + KEY_ID, KEY)
    done = cli("keys", "show", KEY_ID)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Scopes +chat, code$", done.stdout, re.M)
    assert re.search(r"^Limits +1000 requests/minute, 4 at once$", done.stdout,
                     re.M)
    assert re.search(r"^Budget +10 a month$", done.stdout, re.M)
    assert re.search(r"^sec_1 ", done.stdout, re.M)
    assert json.loads(cli("keys", "show", KEY_ID, "--json").stdout) == KEY


def test_one_is_not_several(admin, cli):
    admin.answer("GET", "/keys/" + KEY_ID, {
        **KEY, "rotation": {"interval_days": 1},
        "limits": {"requests_per_second": 1, "requests_per_minute": 2,
                   "tokens_per_minute": 1, "concurrency": 1}})
    done = cli("keys", "show", KEY_ID)
    assert re.search(r"^Limits +1 request/second, 2 requests/minute, "
                     r"1 token/minute, 1 at once$", done.stdout, re.M)
    assert re.search(r"^Rotation +every 1 day$", done.stdout, re.M)
    admin.answer("GET", "/keys", listing([KEY], has_more=True, next="x"))
    done = cli("keys", "list", "--limit", "1")
    assert done.stderr == "There are more than this 1; --limit shows them.\n"


def test_an_operand_is_one_path_segment(admin, cli):
    assert cli("keys", "show", "../accounts?x#y").returncode == 1
    assert admin.last["path"] == "/admin/v1/keys/..%2Faccounts%3Fx%23y"
    for word in (".", ".."):
        assert cli("keys", "check", word, "--scope", "chat").returncode == 1
        assert admin.last["path"] == f"/admin/v1/keys/{word}/check"


ENDS = [("disable", "POST", f"/keys/{KEY_ID}/disable"),
        ("delete", "DELETE", f"/keys/{KEY_ID}")]


@pytest.mark.parametrize("verb, method, path", ENDS)
def test_an_end_of_a_key_needs_a_yes(admin, cli, verb, method, path):
    status = verb.rstrip("e") + "ed"
    admin.answer("GET", "/keys/" + KEY_ID, KEY)
    admin.answer(method, path, {**KEY, "status": status})
    done = cli("keys", verb, KEY_ID)
    assert done.returncode == 1 and "--yes" in done.stderr
    assert all(r["method"] == "GET" for r in admin.requests)
    done = cli("keys", verb, KEY_ID, "--yes")
    assert (done.returncode, done.stdout) == (0, f"{KEY_ID} is {status}.\n")
    assert admin.last["method"] == method
    # The gate refuses a body where none belongs.
    assert admin.last["body"] == (None if method == "DELETE" else {})
    got = json.loads(cli("keys", verb, KEY_ID, "-y", "--json").stdout)
    assert got["status"] == status


@pytest.mark.parametrize("verb, method, path", ENDS)
@pytest.mark.parametrize("typed, code, sent", [
    ("y\n", 0, 1), ("yes\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_an_end_of_a_key_is_asked_for_on_a_terminal(
        admin, cli, verb, method, path, typed, code, sent):
    admin.answer("GET", "/keys/" + KEY_ID, KEY)
    admin.answer(method, path, KEY)
    got, screen = on_terminal(["keys", verb, KEY_ID], cli.env, typed, "[y/N]")
    assert got == code, screen
    assert "(ci)" in screen
    assert sum(r["method"] == method != "GET" for r in admin.requests) == sent


def test_keys_update_sends_what_was_named(admin, cli):
    admin.answer("PATCH", "/keys/" + KEY_ID, KEY)
    done = cli("keys", "update", KEY_ID, "--rpm", "5", "--scope", "chat",
               "--no-model", "--no-hours", "--monthly-limit", "2.50",
               "--no-daily-limit", "--label", "a=b", "--no-tpm")
    assert (done.returncode, done.stderr) == (0, "")
    assert KEY_ID in done.stdout
    assert admin.last["body"] == {
        "scopes": ["chat"], "models": None, "hours": None,
        "limits": {"requests_per_minute": 5, "tokens_per_minute": None},
        "budget": {"monthly": "2.50", "daily": None}, "labels": {"a": "b"}}
    assert json.loads(cli("keys", "update", KEY_ID, "--name", "x",
                          "--json").stdout) == KEY


def test_every_member_of_a_change_has_options(admin, cli):
    """What can be taken away is what can be set, but for a few."""
    admin.answer("PATCH", "/keys/" + KEY_ID, KEY)
    options = {o["name"]: o["argument"] for row in table()["data"]
               if (row["noun"], row["verb"]) == ("keys", "update")
               for o in row["options"]}
    away = {n.removeprefix("no-") for n in options if n.startswith("no-")}
    assert set(options) - away - {"no-" + n for n in away} == {
        "name", "scope", "queue", "timezone", "grace"}
    for name in away:
        assert cli("keys", "update", KEY_ID, "--no-" + name).returncode == 0
        inner = admin.last["body"]
        while isinstance(inner, dict):
            inner, = inner.values()
        assert inner is None


@pytest.mark.parametrize("words, sentence", [
    ([], "say what to change"),
    (["--rpm", "5", "--no-rpm"], "--rpm and --no-rpm contradict"),
    (["--no-model", "--model", "x"], "--model and --no-model contradict"),
    (["--rpm", ""], "--rpm takes a whole number"),
    (["--kind", "production"], "unknown option --kind"),
    (["--rpm", "none"], '--rpm cannot be "none"; --no-rpm takes it away'),
    (["--qps", "Unlimited"], "--no-qps takes it away"),
    (["--monthly-limit", "off"], "--no-monthly-limit takes it away"),
    (["--rotate-every", "never"], "--no-rotate-every takes it away"),
    (["--label", "none"], "--no-label takes it away"),
    (["--on", "none"], "--no-on takes it away"),
    # These would be a model and a network of that name.
    (["--model", "none"], '--model cannot be "none"; --no-model takes it away'),
    (["--allow-ip", "any"], "--no-allow-ip takes it away"),
    (["--allow-referrer", "any"], "--no-allow-referrer takes it away"),
    (["--endpoint", "all"], "--no-endpoint takes it away"),
])
def test_keys_update_refuses(admin, cli, words, sentence):
    done = cli("keys", "update", KEY_ID, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert admin.requests == []


def test_a_pattern_of_all_models_is_one(admin, cli):
    """keys create and a policy file take it; so does a change."""
    admin.answer("PATCH", "/keys/" + KEY_ID, KEY)
    assert cli("keys", "update", KEY_ID, "--model", "*").returncode == 0
    assert admin.last["body"] == {"models": ["*"]}


def test_keys_pause_and_resume(admin, cli):
    for verb, status in (("pause", "inactive"), ("resume", "active")):
        admin.answer("POST", f"/keys/{KEY_ID}/{verb}",
                     {**KEY, "status": status})
        done = cli("keys", verb, KEY_ID)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(KEY_ID + " is ")
        got = json.loads(cli("keys", verb, KEY_ID, "--json").stdout)
        assert got["status"] == status


# The other nouns


def test_accounts(admin, cli):
    account = {"object": "account", "id": ACCOUNT_ID, "name": "research",
               "status": "active", "billing": "prepaid",
               "verification": "verified", "balance": "12.5",
               "created_at": "2026-01-02T03:04:05Z"}
    admin.answer("POST", "/accounts", account, 201)
    admin.answer("GET", "/accounts", listing([account]))
    admin.answer("GET", "/accounts/research", account)
    done = cli("accounts", "create", "--name", "research", "--billing",
               "prepaid")
    assert done.returncode == 0, done.stderr
    assert admin.last["body"] == {"name": "research", "billing": "prepaid"}
    assert "research" in cli("accounts", "list").stdout
    done = cli("accounts", "show", "research")
    assert re.search(r"^Balance +12\.5$", done.stdout, re.M)
    for words in (["create", "--name", "research"], ["show", "research"]):
        assert json.loads(cli("accounts", *words, "--json").stdout) == account
    assert cli("accounts", "create", "--name", "research",
               "-q").stdout == ACCOUNT_ID + "\n"


@pytest.mark.parametrize("verb", ["top-up", "grant"])
def test_accounts_get_money(admin, cli, verb):
    account = {"object": "account", "id": ACCOUNT_ID, "balance": "12.50"}
    admin.answer("POST", f"/accounts/a%20b/{verb}", account)
    done = cli("accounts", verb, "a b", "12.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert admin.last["body"] == {"amount": "12.5"}
    assert done.stdout.startswith("a b ") and "12.50." in done.stdout
    assert cli("accounts", verb, "a b", "1", "-q").stdout == ""
    assert json.loads(cli("accounts", verb, "a b", "1",
                          "--json").stdout) == account
    sent = len(admin.requests)
    for words in (["a"], ["a", "1", "2"], ["a", "1,5"], ["a", ""], ["a", "-1"]):
        assert cli("accounts", verb, *words).returncode == 2, words
    assert len(admin.requests) == sent


def test_accounts_change_their_state(admin, cli):
    for verb, said in (("verify", "is verified"), ("suspend", "is suspended"),
                       ("resume", "is active again")):
        admin.answer("POST", f"/accounts/research/{verb}", {"object": "account"})
        done = cli("accounts", verb, "research")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"research {said}")


def test_models_and_prices(admin, cli):
    model = {"object": "model", "id": "qwen3-32b", "upstream": "vllm",
             "upstreams": ["vllm"],
             "development": True, "max_context_tokens": 131072,
             "max_output_tokens": 8192,
             "price": {"prompt": "0.2", "prompt_cache_hit": "0.02",
                       "completion": "0.8"}}
    admin.answer("POST", "/models", model)
    admin.answer("GET", "/models", listing([
        model, {"object": "model", "id": "bare", "upstream": None,
                "price": None}]))
    admin.answer("GET", "/prices", listing([]))
    done = cli("models", "add", "qwen3-32b", "--upstream", "vllm", "--prompt",
               "0.2", "--completion", "0.8", "--cache-hit", "0.02",
               "--development", "--max-output", "8192", "--max-context",
               "131072", "--max-image", "1600")
    assert done.returncode == 0, done.stderr
    assert admin.last["body"] == {
        "id": "qwen3-32b", "upstream": "vllm", "development": True,
        "max_context_tokens": 131072, "max_output_tokens": 8192,
        "max_image_tokens": 1600,
        "price": {"prompt": "0.2", "prompt_cache_hit": "0.02",
                  "completion": "0.8"}}
    cli("models", "add", "qwen3-32b", "--upstream", "vllm", "--upstream",
        "other", "--prompt", "0.2", "--completion", "0.8")
    assert admin.last["body"]["upstreams"] == ["vllm", "other"]
    plain = cli("models")
    assert plain.returncode == 0 and "unpriced" in plain.stdout
    assert plain.stdout == cli("models", "list").stdout
    assert admin.last["query"] == {}
    assert len(json.loads(cli("models", "--json").stdout)["data"]) == 2
    got = json.loads(cli("models", "--json", "--limit", "1").stdout)
    assert len(got["data"]) == 1 and got["has_more"]
    assert "tollgate prices add" in cli("prices", "list").stdout
    assert admin.last["query"] == {"current": "true"}
    cli("prices", "list", "--all", "--model", "m")
    assert admin.last["query"] == {"model": "m"}
    admin.answer("POST", "/models", {"id": "bare", "price": None,
                                     "upstream": None})
    done = cli("models", "add", "bare", "--upstream", "vllm")
    assert done.returncode == 0
    assert "tollgate prices add bare" in done.stderr
    assert "tollgate models add bare --upstream" in done.stderr
    assert cli("models", "add", "bare").returncode == 2


def test_models_priced_by_units(admin, cli):
    model = {"object": "model", "id": "dall-e-3", "upstream": "openai",
             "scopes": ["image"], "price": {
                 "prompt": "0.00", "completion": "0.00", "unit": "image",
                 "unit_price": "0.04", "sizes": {"1024x1792": "0.08",
                                                 "hd 1024x1792": "0.12"}}}
    admin.answer("POST", "/models", model, 201)
    admin.answer("GET", "/models", listing([model]))
    admin.answer("GET", "/prices", listing([
        {"object": "price", "model": "dall-e-3", **model["price"]}]))
    done = cli("models", "add", "dall-e-3", "--upstream", "openai", "--unit",
               "image", "--unit-price", "0.04", "--size", "1024x1792=0.08",
               "--size", "hd 1024x1792=0.12", "--scope", "image")
    assert done.returncode == 0, done.stderr
    assert admin.last["body"] == {
        "id": "dall-e-3", "upstream": "openai", "scopes": ["image"],
        "price": {"unit": "image", "unit_price": "0.04", "sizes": {
            "1024x1792": "0.08", "hd 1024x1792": "0.12"}}}
    assert "hd 1024x1792=0.12" in done.stdout
    assert re.search(r"dall-e-3.* image +0\.04 ", cli("models").stdout)
    listed = cli("prices", "list").stdout
    assert re.search(r" image +0\.04 +1024x1792=0\.08, hd 1024x1792=0\.12 ",
                     listed)
    sent = len(admin.requests)
    for words in (["--unit", "minute"], ["--prompt", "1"],
                  ["--unit", "call", "--size", "1x1"],
                  ["--unit", "call", "--scope", "images"]):
        assert cli("models", "add", "m", "--upstream", "u",
                   *words).returncode == 2, words
    assert len(admin.requests) == sent


def test_upstreams(admin, cli):
    upstream = {"object": "upstream", "id": "up_1", "name": "sim",
                "dialect": "vllm", "base_url": "http://127.0.0.1:9",
                "models": ["a", "b"], "created_at": "2026-01-02T03:04:05Z"}
    admin.answer("POST", "/upstreams", upstream, 201)
    admin.answer("GET", "/upstreams", listing([upstream]))
    done = cli("upstreams", "add", "--name", "sim", "--base-url",
               "http://127.0.0.1:9", "--dialect", "vllm", "--model", "a",
               "--model", "b", "--replace")
    assert done.returncode == 0, done.stderr
    assert admin.last["body"] == {
        "name": "sim", "base_url": "http://127.0.0.1:9", "dialect": "vllm",
        "models": ["a", "b"], "replace": True}
    assert "a, b" in cli("upstreams", "list").stdout
    bare = {**upstream, "models": [], "last4": []}
    admin.answer("POST", "/upstreams", bare, 201)
    done = cli("upstreams", "add", "--name", "sim", "--base-url", "http://h")
    assert "tollgate credentials add --upstream sim" in done.stderr
    assert "tollgate models add MODEL --upstream sim" in done.stderr
    admin.answer("POST", "/credentials", CREDENTIAL, 201)
    done = cli("upstreams", "add", "--name", "sim", "--base-url", "http://h",
               "--no-secret")
    assert done.returncode == 0 and "credentials add" not in done.stderr
    assert admin.last["body"] == {"upstream": "sim",
                                  "secret": "no-secret-but-none"}
    assert admin.requests[-2]["body"] == {"name": "sim", "base_url": "http://h"}


CREDENTIAL = {"object": "credential", "id": "cred_1", "upstream_id": "up_1",
              "status": "active", "last4": "cret",
              "created_at": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize("text", ["s3cret", "s3cret\n", "s3cret\r\n"])
def test_a_credential_from_standard_input(admin, cli, text):
    admin.answer("POST", "/credentials", CREDENTIAL, 201)
    for words in ([], ["--file", "-"]):
        done = cli("credentials", "add", "--upstream", "sim", *words,
                   stdin=text)
        assert done.returncode == 0, done.stderr
        assert admin.last["body"] == {"upstream": "sim", "secret": "s3cret"}
        assert "s3cret" not in done.stdout + done.stderr


def test_a_credential_from_a_file(admin, cli, tmp_path):
    admin.answer("POST", "/credentials", CREDENTIAL, 201)
    admin.answer("GET", "/credentials", listing([CREDENTIAL]))
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    done = cli("credentials", "add", "--upstream", "sim", "--file", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert admin.last["body"]["secret"] == "s3cret"
    path.chmod(0o644)
    done = cli("credentials", "add", "--upstream", "sim", "--file", path)
    assert done.returncode == 0 and f"chmod 600 {path}" in done.stderr
    assert "cret" in cli("credentials", "list").stdout


@pytest.mark.parametrize("text, sentence", [
    ("", "empty"), ("\n", "empty"), ("two words", "one word"),
    ("two\nlines", "one word"), ("caf\u00e9", "one word"),
    ("zero\0byte", "zero byte"), ("x" * 5000, "too long")])
def test_what_is_no_secret_is_refused(admin, cli, text, sentence):
    done = cli("credentials", "add", "--upstream", "sim", stdin=text)
    assert done.returncode == 1 and sentence in done.stderr
    assert admin.requests == []


def test_a_missing_secret_file(cli):
    done = cli("credentials", "add", "--upstream", "u", "--file", "/no/file")
    assert done.returncode == 1
    assert "/no/file: No such file" in done.stderr


def test_a_secret_typed_on_a_terminal_is_not_shown(admin, cli):
    admin.answer("POST", "/credentials", CREDENTIAL, 201)
    code, screen = on_terminal(["credentials", "add", "--upstream", "sim"],
                               cli.env, "s3cret-typed\n", "nothing is shown")
    assert code == 0, screen
    assert "s3cret-typed" not in screen
    assert admin.last["body"]["secret"] == "s3cret-typed"


def test_ctrl_c_at_the_secret_ends_it(admin, cli):
    code, screen = on_terminal(["credentials", "add", "--upstream", "sim"],
                               cli.env, "s3c\x03", "nothing is shown")
    assert code == -signal.SIGINT, screen
    assert admin.requests == []


# Usage and calls


def usage(rows, **more):
    return {"object": "usage", "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-03T00:00:00Z", "timezone": "UTC",
            "currency": "USD", "rows": rows, "total": COUNTS, **more}


def figures(**more):
    """A row as the API has it."""
    times = {"p50": 10, "p95": 20, "p99": 30}
    return {**COUNTS, "error_rate": 0.5, "success_rate": 0.5,
            "prompt_cache_miss_tokens": 60, "cache_hit_rate": 0.4,
            "cost_per_request": "0.00001725", "cost_per_1000_tokens": None,
            "latency_ms": times, "ttft_ms": None, **more}


def test_usage(admin, cli):
    admin.answer("GET", "/usage", usage(
        [figures(day="2026-01-01"), figures(day="2026-01-02", cost="12")],
        total=figures()))
    done = cli("usage")
    assert done.returncode == 0, done.stderr
    assert admin.last["query"] == {"by": "day"}
    span, _, head, first, second, total, _, last = done.stdout.splitlines()
    assert span == ("From 2026-01-01 00:00 to 2026-01-03 00:00, UTC; "
                    "cost in USD")
    assert head.split() == ["DAY", "REQUESTS", "ERRORS", "ERR_RATE", "TOKENS",
                            "IMAGES", "AUDIO_S", "CHARACTERS", "P95",
                            "COST_USD"]
    assert first.split("  ")[0] == "2026-01-01"
    assert first.split()[1:] == ["2", "1", "50.00", "%", "120", "3", "12.345",
                                 "7", "20", "ms", "0.000034500"]
    assert second.endswith("12.000000000")
    assert total.startswith("total ")
    assert len(first) == len(second) == len(total)
    assert "denials list" in last


def test_what_is_nothing_but_tokens_has_no_columns_for_the_rest(admin, cli):
    tokens = figures(images=0, audio_seconds="0", characters=0)
    admin.answer("GET", "/usage", usage([{**tokens, "day": "2026-01-01"}],
                                        total=tokens))
    lines = cli("usage").stdout.splitlines()
    assert lines[2].split() == ["DAY", "REQUESTS", "ERRORS", "ERR_RATE",
                                "TOKENS", "P95", "COST_USD"]
    assert len(lines[3]) <= 80
    wide = cli("usage", "--wide").stdout.splitlines()
    assert {"IMAGES", "TTFT_P99", "PER_REQUEST", "HIT_RATE", "CACHE_MISS",
            "REASONING"} <= set(wide[2].split())


@pytest.mark.parametrize("by, head", [
    ("key", ["KEY", "NAME"]), ("account", ["ACCOUNT", "NAME"]),
    ("model", ["MODEL", "REQUESTS"]), ("hour", ["HOUR", "REQUESTS"]),
    ("day,key", ["DAY", "KEY", "REQUESTS"]),
    ("model,15m", ["QUARTER_HOUR", "MODEL"])])
def test_usage_by(admin, cli, by, head):
    row = {"key_id": KEY_ID, "key_name": "ci", "account_id": ACCOUNT_ID,
           "account_name": "default", "model": "m", "day": "2026-01-01",
           "hour": "2026-01-01T00:00:00Z",
           "quarter_hour": "2026-01-01T00:15:00Z", **figures()}
    admin.answer("GET", "/usage", usage([row], total=figures()))
    done = cli("usage", "--by", by)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[2][:len(head)] == head and lines[4][0] == "total"
    assert lines[3][-1] == lines[4][-1] == "0.000034500"
    is_latency_shown = by == "model"
    assert ("P95" in lines[2]) == is_latency_shown
    assert admin.last["query"].get("latency") == (
        None if is_latency_shown else "false")


def test_a_long_name_leaves_room_for_the_rest_of_a_line(admin, cli):
    """On a terminal; elsewhere it is whole."""
    name = "the batch work of every night, with a long name"
    row = figures(key_id=KEY_ID, key_name=name, images=0, characters=0,
                  audio_seconds="0")
    admin.answer("GET", "/usage", usage([row], total=row))
    code, screen = on_terminal(["usage", "--by", "key"], cli.env)
    lines = re.sub("\x1b\\[[0-9;]*m", "", screen).splitlines()
    assert code == 0 and len(lines[3]) == 80 and "the batch w" in lines[3]
    assert lines[3].endswith("0.000034500") and name not in screen
    assert name in cli("usage", "--by", "key").stdout


def test_what_costs_most_stands_first_but_not_in_csv(admin, cli):
    rows = [figures(model=name, cost=cost) for name, cost in
            [("a", "9"), ("b", "10"), ("c", "0.5")]]
    admin.answer("GET", "/usage", usage(rows, total=figures()))
    lines = cli("usage", "--by", "model").stdout.splitlines()[3:6]
    assert [line[0] for line in lines] == ["b", "a", "c"]
    rows = list(csv.reader(io.StringIO(
        cli("usage", "--by", "model", "--csv").stdout)))
    assert [row[0] for row in rows] == ["model", "a", "b", "c"]


def test_hours_are_shown_as_they_are_on_clocks(admin, cli):
    """Also the hour that comes twice."""
    rows = [figures(hour=f"2026-11-01T0{h}:00:00.000Z") for h in (5, 6)]
    admin.answer("GET", "/usage", usage(
        rows, total=figures(), timezone="America/New_York"))
    words = ["usage", "--by", "hour", "--timezone", "America/New_York"]
    lines = cli(*words).stdout.splitlines()
    assert [line[:22] for line in lines[3:5]] == [
        "2026-11-01 01:00 -0400", "2026-11-01 01:00 -0500"]
    assert lines[0].startswith("From 2025-12-31 19:00 -0500 to ")
    assert "America/New_York" in lines[0]
    assert "2026-11-01T05:00:00.000Z," in cli(*words, "--csv").stdout


@pytest.mark.parametrize("period", [
    "today", "yesterday", "week", "month", "last-month"])
def test_a_period_is_of_days_of_the_zone(admin, cli, period):
    admin.answer("GET", "/usage", usage([]))
    zone = datetime.timezone(datetime.timedelta(hours=14))   # Kiribati's
    before = datetime.datetime.now(zone).date()
    cli("usage", "--period", period, "--timezone", "Pacific/Kiritimati")
    query = admin.last["query"]
    day = datetime.timedelta(days=1)
    month = before.replace(day=1)
    since, until = {
        "today": (before, None), "yesterday": (before - day, before),
        "week": (before - before.weekday() * day, None),
        "month": (month, None),
        "last-month": ((month - day).replace(day=1), month)}[period]
    if datetime.datetime.now(zone).date() == before:
        assert query["since"] == str(since)
        assert query.get("until") == (str(until) if until else None)


def test_usage_of_everything_is_a_page(admin, cli):
    admin.answer("GET", "/usage", usage([figures()], total=figures()))
    lines = cli("usage", "--by", "total").stdout.splitlines()
    assert lines[2].split() == ["REQUESTS", "2"]
    assert ["COST_USD", "0.000034500"] in [line.split() for line in lines]


def test_usage_filters(admin, cli):
    admin.answer("GET", "/usage", usage([{"model": "m", **COUNTS}]))
    done = cli("usage", "--key", KEY_ID, "--account", "a b&c", "--model",
               "m/1", "--scope", "chat", "--upstream", "sim", "--status",
               "429", "--fill", "--since", "2026-01-01", "--until",
               "2026-01-02T10:00:00.5+08:00", "--timezone", "Asia/Shanghai",
               "--by", "model", "--json")
    assert json.loads(done.stdout)["rows"][0]["model"] == "m"
    assert admin.last["query"] == {
        "key": KEY_ID, "account": "a b&c", "model": "m/1", "scope": "chat",
        "upstream": "sim", "status": "429", "fill": "true",
        "since": "2025-12-31T16:00:00Z", "until": "2026-01-02T02:00:00.500Z",
        "timezone": "Asia/Shanghai", "by": "model"}


@pytest.mark.parametrize("since, seconds", [
    ("90s", 90), ("15m", 900), ("168h", 604800), ("7d", 604800),
    ("2w", 1209600)])
def test_since_a_while_ago(admin, cli, since, seconds):
    admin.answer("GET", "/usage", usage([]))
    before = time.time()
    cli("usage", "--since", since)
    after = time.time()
    stamp = admin.last["query"]["since"]
    assert stamp.endswith("Z")
    whole, _, fraction = stamp[:-1].partition(".")
    at = (time.mktime(time.strptime(whole + " UTC", "%Y-%m-%dT%H:%M:%S %Z"))
          - time.timezone + float("0." + (fraction or "0")))
    assert before - 0.01 <= at + seconds <= after + 0.01


def test_no_usage_says_so(admin, cli):
    admin.answer("GET", "/usage", usage([]))
    done = cli("usage")
    assert "no calls from 2026-01-01T00:00:00Z" in done.stdout
    done = cli("usage", "--model", "m")
    assert "no such calls from 2026-01-01T00:00:00Z" in done.stdout


def test_csv_is_safe_against_formulas(admin, cli):
    names = ['=HYPERLINK("http://127.0.0.1")', "+1", "-1", "@x", "\tx", "\rx",
             "plain", 'a,"b"\nc', "2+2"]
    admin.answer("GET", "/usage", usage([figures(model=n) for n in names]))
    done = cli("usage", "--by", "model", "--csv")
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert rows[0] == [
        "model", "requests", "errors", "error_rate", "success_rate",
        "prompt_tokens", "prompt_cache_hit_tokens", "prompt_cache_miss_tokens",
        "cache_hit_rate", "completion_tokens", "reasoning_tokens",
        "total_tokens", "images", "audio_seconds", "characters",
        "latency_ms_p50", "latency_ms_p95", "latency_ms_p99", "ttft_ms_p50",
        "ttft_ms_p95", "ttft_ms_p99", "cost_per_request",
        "cost_per_1000_tokens", "cost"]
    assert [row[0] for row in rows[1:]] == [
        '\'=HYPERLINK("http://127.0.0.1")', "'+1", "'-1", "'@x", "'\tx",
        "'\rx", "plain", 'a,"b"\nc', "2+2"]
    assert rows[1][1:] == [
        "2", "1", "0.5", "0.5", "100", "40", "60", "0.4", "20", "5", "120",
        "3", "12.345", "7", "10", "20", "30", "", "", "", "0.00001725", "",
        "0.0000345"]


def test_a_negative_number_stays_one_in_csv(admin, cli):
    admin.answer("GET", "/usage", usage([{"day": "d", **COUNTS,
                                          "cost": "-1.5"}]))
    rows = list(csv.reader(io.StringIO(cli("usage", "--csv").stdout)))
    assert rows[1][-1] == "-1.5"


def test_calls(admin, cli):
    admin.answer("GET", "/calls", listing([CALL]))
    done = cli("calls", "list", "--key", KEY_ID, "--account", "default",
               "--model", "m", "--since", "2026-01-01", "--until",
               "2026-01-02", "--status", "429", "--not-ok", "--limit", "5")
    assert done.returncode == 0, done.stderr
    assert admin.last["query"] == {
        "key": KEY_ID, "account": "default", "model": "m",
        "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z",
        "status": "429", "not_ok": "true", "limit": "5"}
    row = done.stdout.splitlines()[1]
    for part in ("0.000011256", "812 ms", "127.0.0.1", "curl/8", "reported"):
        assert part in row
    cli("calls", "list")
    assert admin.last["query"] == {"limit": "100"}
    assert json.loads(cli("calls", "list", "--json").stdout) == listing([CALL])


def test_calls_csv(admin, cli):
    admin.answer("GET", "/calls", listing([{**CALL, "user_agent": "=1+1"}]))
    done = cli("calls", "list", "--csv")
    row, = csv.DictReader(io.StringIO(done.stdout))
    assert row["user_agent"] == "'=1+1" and row["latency_ms"] == "812"
    assert row["code"] == ""


# The real daemon, by its own socket


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A daemon on a home of its own, and the command line on its socket."""
    if not (BUILD / "tollgated").exists():
        pytest.fail(f"{BUILD / 'tollgated'} is not there: build it first")
    home = tmp_path_factory.mktemp("real") / "home"
    home.mkdir(mode=0o700)
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()
    shm = pathlib.Path("/dev/shm/tollgate-" + digest[:16])
    log = open(home.parent / "log", "w+")
    daemon = subprocess.Popen(
        [BUILD / "tollgated", "--home", home, "--die-with-parent"],
        env=environment(), stdout=log, stderr=log)

    def call(*words, **more):
        return run(*words, **more, env=environment(
            TOLLGATE_HOME=str(home),
            TOLLGATE_ADMIN_URL=f"unix:{shm}/admin.sock"))

    try:
        deadline = time.monotonic() + 20
        while call("accounts", "list").returncode != 0:
            log.seek(0)
            assert daemon.poll() is None and time.monotonic() < deadline, (
                log.read())
            time.sleep(0.02)
        yield call
    finally:
        daemon.terminate()
        daemon.wait(20)
        log.close()
        shutil.rmtree(shm, ignore_errors=True)


def test_real_key_from_birth_to_end(real):
    made = real("keys", "create", "--name", "ci \033[31m")
    # A name with a control character is the daemon's to refuse.
    assert made.returncode == 1 and "option --name" in made.stderr
    made = real("keys", "create", "--name", "ci", "--kind", "restricted",
                "--scope", "chat", "--scope", "embeddings", "--model",
                "deepseek-*", "--endpoint", "POST /v1/chat/completions",
                "--qps", "5", "--rpm", "60", "--rpd", "1000", "--tpm",
                "20000", "--concurrency", "4", "--queue", "2s",
                "--monthly-limit", "10", "--daily-limit", "0.5",
                "--timezone", "Asia/Shanghai", "--allow-ip", "10.0.0.0/8",
                "--allow-referrer", "https://app.example.com/*", "--hours",
                "mon-fri 08:00-19:00 Asia/Shanghai", "--expires", "90d",
                "--account", "default", "--description", "d", "--owner", "o",
                "--label", "team=a", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    assert re.fullmatch(r"sk-tgr_[0-9A-Za-z]{36}", key["key"])
    assert key["scopes"] == ["chat", "embeddings"]
    assert key["limits"] == {
        "requests_per_second": 5, "requests_per_minute": 60,
        "requests_per_day": 1000, "tokens_per_minute": 20000,
        "concurrency": 4, "max_queue_ms": 2000}
    listed = real("keys", "list", "--account", "default", "--status",
                  "active").stdout
    assert re.search(rf"^{key['id']} +ci +active +20\d\d-\S+ +never ",
                     listed, re.M)
    shown = real("keys", "show", key["id"]).stdout
    assert re.search(r"^Budget +0\.50* a day, 10(\.0+)? a month$", shown, re.M)
    done = real("keys", "update", key["id"], "--rpm", "7", "--no-qps",
                "--no-model", "--no-expires", "--name", "ci 2", "--json")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["limits"] == {**key["limits"], "requests_per_minute": 7,
                             "requests_per_second": None}
    assert (got["models"], got["expires_at"], got["name"]) == ([], None, "ci 2")
    assert got["budget"] == key["budget"]
    done = real("keys", "update", key["id"], "--allow-ip", "10.0.0.0/99")
    assert done.returncode == 1 and "option --allow-ip)" in done.stderr
    assert "paused" in real("keys", "pause", key["id"]).stdout
    assert "active" in real("keys", "resume", key["id"]).stdout
    done = real("keys", "disable", key["id"], "--yes")
    assert done.returncode == 0, done.stderr
    assert "disabled" in real("keys", "show", key["id"]).stdout
    assert real("keys", "resume", key["id"]).returncode == 1
    done = real("keys", "delete", key["id"], "--yes")
    assert done.stdout == f"{key['id']} is deleted.\n", done.stderr
    assert key["id"] not in real("keys", "list").stdout
    assert key["id"] in real("keys", "list", "--status", "deleted").stdout
    assert "deleted" in real("keys", "show", key["id"]).stdout
    assert key["key"] not in listed + shown


def test_real_errors_name_the_option(real):
    for words, option in ((["--allow-ip", "10.0.0.0/99"], "--allow-ip"),
                          (["--model", "a b"], "--model"),
                          (["--hours", "always"], "--hours"),
                          (["--expires", "yesterday"], "--expires"),
                          (["--timezone", "Mars/Base"], "--timezone"),
                          (["--account", "nobody"], "--account")):
        done = real("keys", "create", "--name", "x", *words)
        assert done.returncode == 1, (words, done.stdout)
        assert f"option {option})" in done.stderr
    done = real("keys", "show", "key_" + "0" * 20)
    assert done.returncode == 1 and done.stderr.startswith("tollgate: ")


def test_real_words_name_commands_to_type(real):
    key = json.loads(real("keys", "create", "--name", "turn", "--json").stdout)
    for step in ("end", "undo"):
        done = real("keys", "rotation", step, key["id"])
        assert f"begin one: tollgate keys rotate {key['id']}\n" in done.stderr
    assert real("keys", "rotate", key["id"]).returncode == 0
    done = real("keys", "rotate", key["id"])
    assert f": tollgate keys rotation end {key['id']}. " in done.stderr
    assert f": tollgate keys rotation undo {key['id']}\n" in done.stderr
    done = real("keys", "deliver", key["id"], "--again")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"No secret of {key['id']} waits")
    assert done.stderr.endswith(f": tollgate keys deliver {key['id']}\n")
    done = real("keys", "deliver", key["id"], "--secret-file", "-",
                stdin=key["key"])
    assert done.returncode == 1 and "--sink NAME --place PLACE" in done.stderr
    done = real("keys", "rotate", "--older-than", "9d", "--dry-run")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "", "No active key has a secret that is older.\n")


def test_real_amounts_that_are_too_large(real):
    most = "9223372036.854775807"
    key = json.loads(real("keys", "create", "--name", "much", "--json").stdout)
    for amount in ("9223372037", "0.0000000001"):
        done = real("keys", "update", key["id"], "--monthly-limit", amount)
        assert done.returncode == 1 and f"the most is {most} " in done.stderr
        done = real("accounts", "top-up", "default", amount)
        assert done.returncode == 1 and f"the most is {most} " in done.stderr
    done = real("keys", "update", key["id"], "--monthly-limit", most)
    assert done.returncode == 0, done.stderr


def test_real_limits_of_one(real):
    key = json.loads(real("keys", "create", "--name", "one", "--qps", "1",
                          "--concurrency", "1", "--json").stdout)
    out = real("keys", "check", key["id"]).stdout
    assert "1 of 1 request a second, 1 of 1 call at once" in out
    out = real("health", key["id"]).stdout
    assert "0 of 1 call at once is used (0 %)" in out
    assert "0 of 1000 requests are used (0 %)" in out


@pytest.mark.parametrize("words, hint", [
    ("keys update {key} --expires none", "--no-expires takes it away"),
    ("keys update {key} --expires Never", "--no-expires takes it away"),
    ("keys update {key} --expires=", "--no-expires takes it away"),
    ("keys update {key} --hours always", "--no-hours takes it away"),
    ("keys update {key} --rpm 0", "--no-rpm takes it away"),
    ("keys update {key} --concurrency 0", "--no-concurrency takes it away"),
    ("keys update {key} --rpm 1000000000000", None),
    ("keys update {key} --expires tomorrow", None),
    ("keys create --name x --expires never", "or leave --expires out"),
    ("keys create --name x --expires soon", None),
    ("tokens create --name x --expires never", "or leave --expires out"),
])
def test_real_words_for_none_of_it(real, words, hint):
    key = real("keys", "create", "--name", "none", "--json").stdout
    done = real(*(word.format(key=json.loads(key)["id"])
                  for word in words.split()))
    assert (done.returncode, done.stdout) == (1, "")
    option = words.split("--")[-1].replace("=", " ").split()[0]
    assert done.stderr.endswith(f"option --{option})" + (
        f"; {hint}\n" if hint else "\n")), done.stderr


@pytest.mark.parametrize("words, sentence", [
    ("keys show ci", "no such key; write its id, key_…, as tollgate keys list "
     "--name NAME has it"),
    ("keys update ci --rpm 5", "no such key; write its id, key_…"),
    ("keys update {account} --rpm 5", "no such key; write its id, key_…"),
    ("keys disable ci --yes", "no such key; write its id, key_…"),
    ("keys check ci --scope chat", "no such key; write its id, key_…"),
    ("keys rotate ci", "no such key; write its id, key_…"),
    ("limits suggest ci", "no such key; write its id, key_…"),
    ("health ci", "no such key; write its id, key_…"),
    ("leak show ci", "no such key; write its id, key_…"),
    ("accounts show ci", "no account 'ci'; accounts have an id, acct_…, and a "
     "name: tollgate accounts list"),
    ("models show ci", "no model 'ci'; tollgate models lists them"),
    ("upstreams test ci", "no such upstream; upstreams have an id, up_…, and a "
     "name: tollgate upstreams list"),
    ("credentials show ci", "no such credential; write its id, cred_…, as "
     "tollgate credentials list has it"),
    ("credentials disable ci --yes", "no such credential; write its id, cred_…"),
    ("operators show ci", "no such operator; operators have an id, op_…, and a "
     "name: tollgate operators list"),
    ("tokens list --operator ci", "no such operator; operators have an id"),
    ("tokens revoke ci --yes", "no such token; write its id, tok_…, as "
     "tollgate tokens list has it"),
    ("sessions end ci", "no such session; write its id, ses_…, as tollgate "
     "sessions list has it"),
    ("sinks show ci", "no such sink; sinks have an id, sink_…, and a name: "
     "tollgate sinks list"),
    ("events show ci", "no such event; write its id, evt_…, as tollgate events "
     "list has it"),
    ("alerts rules show ci", "no alert 'ci'; alerts have an id, alr_…, and a "
     "name: tollgate alerts rules"),
    ("alerts channels test ci", "no channel 'ci'; channels have an id, chn_…, "
     "and a name: tollgate alerts channels"),
    ("report schedule show ci", "no schedule 'ci'; schedules have an id, "
     "rps_…, and a name: tollgate report schedule"),
    ("report --key ci", "no key 'ci'; write its id, key_…"),
    ("ledger reconcile --upstream ci", "no upstream 'ci'; upstreams have"),
    # A list of nothing would say that nothing has happened.
    ("events list --key ci", "no key 'ci'; write its id, key_…"),
    ("events export --key ci -", "no key 'ci'; write its id, key_…"),
    ("denials list --key ci", "no key 'ci'; write its id, key_…"),
    ("denials export --key ci -", "no key 'ci'; write its id, key_…"),
    ("alerts list --key ci", "no key 'ci'; write its id, key_…"),
    ("leak list --key ci", "no key 'ci'; write its id, key_…"),
    ("sinks deliveries --key ci", "no key 'ci'; write its id, key_…"),
])
def test_real_names_that_are_none(real, words, sentence):
    """What a thing is called where one writes its id, and another's id."""
    account = json.loads(real("accounts", "show", "default", "--json").stdout)
    done = real(*(word.format(account=account["id"])
                  for word in words.split()))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"tollgate: there is {sentence}" in done.stderr, done.stderr


def test_real_accounts(real):
    done = real("accounts", "create", "--name", "research", "--billing",
                "postpaid")
    assert done.returncode == 0, done.stderr
    assert "postpaid" in real("accounts", "show", "research").stdout
    assert real("accounts", "list").stdout.count("\n") == 3
    assert real("accounts", "create", "--name", "research").returncode == 1
    done = real("accounts", "top-up", "research", "12.5")
    assert done.stdout == "research is topped up; its balance is 12.50.\n"
    assert "13.75" in real("accounts", "grant", "research", "1.25").stdout
    for verb in ("verify", "suspend", "resume"):
        assert real("accounts", verb, "research").returncode == 0
    done = real("accounts", "top-up", "research", "9999999999")
    assert done.returncode == 1 and "amount" in done.stderr


def test_real_catalog(real):
    add = ["upstreams", "add", "--name", "sim", "--base-url"]
    done = real(*add, "http://127.0.0.1:9", "--dialect", "deepseek")
    assert done.returncode == 0, done.stderr
    assert real(*add, "http://127.0.0.1:8").returncode == 1
    done = real(*add, "http://127.0.0.1:8", "--replace", "--json")
    assert json.loads(done.stdout)["base_url"] == "http://127.0.0.1:8"
    done = real("credentials", "add", "--upstream", "sim",
                stdin="sk-upstream-0123456789")
    assert done.returncode == 0, done.stderr
    assert "6789" in real("credentials", "list").stdout
    assert "6789" in real("upstreams", "list").stdout
    done = real("models", "add", "qwen3-32b", "--upstream", "sim",
                "--prompt", "0.2", "--completion", "0.8", "--cache-hit",
                "0.02", "--development", "--max-output", "8192",
                "--max-context", "131072", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["upstream"] == "sim"
    for words in (["models"], ["prices", "list"]):
        out = real(*words).stdout
        assert re.search(r"^qwen3-32b .*0\.20* +0\.02 .*0\.80* ", out, re.M), out
        assert "deepseek" in out


def test_real_usage_and_calls_of_nothing(real):
    assert "no calls" in real("usage", "--since", "7d").stdout
    for by in ("day", "hour", "key", "model", "account"):
        done = real("usage", "--by", by, "--timezone", "Asia/Shanghai",
                    "--since", "2026-01-01", "--until", "2026-01-02")
        assert done.returncode == 0, done.stderr
    done = real("calls", "list", "--since", "168h", "--until", "1h",
                "--status", "429", "--not-ok", "--model", "m", "--account",
                "default")
    assert done.returncode == 0 and "no such calls" in done.stdout


# The terminal


def test_what_a_terminal_would_obey_is_escaped(admin, cli):
    evil = "a\033[2J\u009b31m\u202e\r\n\tz"
    admin.answer("GET", "/keys", listing([{**KEY, "name": evil}]))
    done = cli("keys", "list")
    assert r"a\x1b[2J\u009b31m\u202e\r\n\tz" in done.stdout
    assert len(done.stdout.splitlines()) == 2
    done = cli("keys", "list", "--json")
    assert "\033" not in done.stdout and "\u009b" not in done.stdout
    assert json.loads(done.stdout)["data"][0]["name"] == evil
    admin.answer("GET", "/keys", {"error": {"message": evil, "type": "x",
                                            "param": None, "code": "x"}}, 400)
    assert "\033" not in cli("keys", "list").stderr


def test_colours_are_for_terminals(admin, cli):
    admin.answer("GET", "/keys", listing([KEY]))
    words = ["keys", "list"]
    _, screen = on_terminal(words, {**cli.env, "TERM": "xterm"})
    assert "\033[32mactive\033[0m" in screen
    assert "days ago" in screen or "2026-01-02" in screen
    for env, more in (({"NO_COLOR": "1"}, []), ({"TERM": "dumb"}, []),
                      ({}, ["--no-color"])):
        _, screen = on_terminal(words + more, {**cli.env, **env})
        assert "active" in screen and "\033" not in screen


def test_a_reader_may_leave_early(admin, cli):
    admin.answer("GET", "/keys", listing([KEY] * 20000))
    child = subprocess.Popen([CLI, "keys", "list"], env=cli.env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.readline().startswith("ID")
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait(20) == 0
    child.stderr.close()


def test_a_full_disk_is_an_error(admin, cli):
    admin.answer("GET", "/keys", listing([KEY]))
    with open("/dev/full", "w") as full:
        done = subprocess.run([CLI, "keys", "list"], env=cli.env, stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1
    assert "cannot write the output" in done.stderr


# What is written about it: pages and completions


def table():
    return json.loads(run("help", "--json").stdout)


def page_of(noun):
    """Some nouns share a page."""
    return {"down": "up", "status": "up", "restore": "backup",
            "tokens": "operators", "sessions": "operators",
            "login": "operators", "logout": "operators"}.get(noun, noun)


def test_manual_pages_have_every_command_and_option():
    overview = (ROOT / "docs/tollgate.1").read_text()
    for option in table()["options"]:
        assert f"Fl -{option['name']}" in overview, option
    for row in table()["data"]:
        noun = row["noun"]
        own = page_of(noun)
        assert f"Xr tollgate-{own} 1" in overview, noun
        if own == "up":
            continue
        page = (ROOT / f"docs/tollgate-{own}.1").read_text()
        if row["verb"]:
            assert f"Cm {row['verb']}" in page, row
        for option in row["options"]:
            assert f"Fl -{option['name']}" in page, (row, option)


def test_manual_pages_have_nothing_else():
    rows = table()
    common = {o["name"] for o in rows["options"]}
    for own in {page_of(r["noun"]) for r in rows["data"]} - {"up"}:
        page = (ROOT / f"docs/tollgate-{own}.1").read_text()
        known = common | {o["name"] for r in rows["data"]
                          if page_of(r["noun"]) == own for o in r["options"]}
        written = set(re.findall(r"Fl -([a-z-]+)", page))
        assert written <= known, (own, written - known)


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc here")
def test_manual_pages_are_sound():
    nouns = {page_of(r["noun"]) for r in table()["data"]} - {"up"}
    pages = [ROOT / f"docs/tollgate-{noun}.1" for noun in sorted(nouns)]
    pages.append(ROOT / "docs/tollgate.1")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages],
                          capture_output=True, text=True)
    assert done.stdout == ""


@pytest.mark.parametrize("words, wanted", [
    ([""], ["keys", "usage", "help", "up"]),
    (["k"], ["keys"]),
    (["keys", ""], ["create", "list", "show", "check", "review", "update", "pause",
                    "resume", "rotate", "rotation", "deliver", "disable",
                    "delete"]),
    (["keys", "create", "--mo"], ["--model", "--monthly-limit"]),
    (["keys", "create", "--name", "x", "--kind", ""],
     ["production", "development", "restricted"]),
    (["help", "ke"], ["keys"]),
    (["help", "keys", "cr"], ["create"]),
    (["credentials", "add", "--file", ""], [":files"]),
    (["--ho"], ["--home"]),
    (["usage", "--by", "mod"], ["model"]),
    (["keys", "list", "--limit", ""], []),
])
def test_completion(words, wanted):
    done = run("__complete", *words)
    got = [line.split("\t")[0] for line in done.stdout.splitlines()]
    if words == [""]:
        assert set(wanted) <= set(got)
    else:
        assert got == wanted


def completed_by_bash(line):
    script = f"""
        source {ROOT}/dist/completions/tollgate.bash
        COMP_WORDS=({line}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _tollgate
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = environment(PATH=f"{BUILD}:{os.environ['PATH']}")
    done = subprocess.run(["bash", "-c", script], env=env, text=True,
                          capture_output=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.split()


def test_completion_in_bash():
    assert completed_by_bash("tollgate keys cr") == ["create"]
    assert completed_by_bash("tollgate usage --by mod") == ["model"]
    assert completed_by_bash("tollgate keys create --kind ''") == [
        "production", "development", "restricted"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
def test_completion_for_zsh_parses():
    done = subprocess.run(["zsh", "-n", ROOT / "dist/completions/_tollgate"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
def test_completion_in_fish():
    script = (f"source {ROOT}/dist/completions/tollgate.fish; "
              "complete -C 'tollgate keys cr'")
    env = environment(PATH=f"{BUILD}:{os.environ['PATH']}", HOME="/tmp")
    done = subprocess.run(["fish", "--no-config", "-c", script], env=env,
                          capture_output=True, text=True, timeout=30)
    assert done.stdout.split("\t")[0] == "create", done.stderr


# Once, whatever breaks


def answers(*given):
    """One after the other; None breaks the connection off."""
    rest = list(given)
    return lambda request: rest.pop(0)


UNDER_WAY = (409, {"error": {
    "message": "it is under way", "type": "invalid_request_error",
    "param": "Idempotency-Key", "code": "idempotency_in_progress"}})


@pytest.mark.parametrize("given", [
    (None, {**KEY, "key": SECRET}),
    ((502, b"<html>no daemon</html>"), {**KEY, "key": SECRET}),
    (None, UNDER_WAY, {**KEY, "key": SECRET}),
], ids=["broken", "no daemon", "under way"])
def test_what_broke_off_is_sent_again_under_its_key(admin, cli, given):
    admin.answer("POST", "/keys", answers(*given), 201)
    done = cli("keys", "create", "--name", "ci", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout == SECRET + "\n"
    once = [r["once"] for r in admin.requests]
    assert len(once) == len(given) and len(set(once)) == 1
    assert re.fullmatch(r"cli-[0-9a-f]{32}", once[0])


def test_it_is_not_sent_for_ever(admin, cli):
    admin.answer("POST", "/keys", answers(None, None), 201)
    assert cli("keys", "create", "--name", "ci").returncode == 3
    assert len(admin.requests) == 2


def test_each_request_has_a_key_of_its_own(admin, cli):
    admin.answer("POST", "/keys", {**KEY, "key": SECRET}, 201)
    for _ in range(2):
        assert cli("keys", "create", "--name", "ci").returncode == 0
    assert admin.requests[0]["once"] != admin.requests[1]["once"]
    admin.answer("PATCH", f"/keys/{KEY_ID}", KEY)
    assert cli("keys", "update", KEY_ID, "--rpm", "1").returncode == 0
    assert admin.last["once"] is None
