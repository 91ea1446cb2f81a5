"""The gate, and what it is compared with, each before the same upstream."""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import million
import work
from process import Failure, Service, clean_env, free_port, wait

HERE = Path(__file__).resolve().parent
# Well formed, and nobody's.
UNKNOWN_KEY = "sk-tgp_000000000000000000000000000000234bLS"
BAD_KEYS = {"malformed": UNKNOWN_KEY[:-6], "unknown": UNKNOWN_KEY}
# The one that the candidates in Lua know.
LUA_KEY = "sk-tgp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0vSWgT"
ANY_KEYS = 200  # that are called right after a start
UPSTREAM_SECRET = "sk-0123456789abcdef0123456789abcdef"


def fill(template, **words):
    text = (HERE / template).read_text()
    for word, value in words.items():
        text = text.replace(f"@{word.upper()}@", str(value))
    left = re.search(r"@[A-Z]+@", text)
    if left:
        raise Failure(f"{template}: nobody fills in {left.group()}")
    return text


class Simulator(Service):
    """The upstream of all candidates."""

    def __init__(self, build, folder):
        super().__init__("tollgate-sim", folder)
        self.build = build

    def start(self):
        file = self.folder / "sim.url"
        self.run(self.build / "tollgate-sim", "--listen", "127.0.0.1:0",
                 "--url-file", file, "--no-record", "--die-with-parent")
        wait(lambda: self.must_live() and file.exists(), "simulator")
        self.url = file.read_text().strip()

    @property
    def address(self):
        return self.url.removeprefix("http://")


class Candidate(Service):
    """Something that calls go through.  label stands in the tables, headers
    are what a call needs; checks is what it judges: None, "key" or "all"."""

    label = None
    checks = None
    keys = None  # a file of secrets for calls, one of them at random
    streams = 32  # that it has at once, where their events are measured
    stream_every = 4  # of the rounds of these it takes part in one of so many

    def __init__(self, bench):
        super().__init__(type(self).__name__.lower(),
                         bench.folder / type(self).__name__.lower())
        self.bench = bench
        self.headers = {"Content-Type": "application/json",
                        "Authorization": f"Bearer {UPSTREAM_SECRET}"}

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.launch()
        self.await_port()

    def chat_url(self):
        return self.url + "/v1/chat/completions"

    def load(self, request, pause_us, seconds):
        """The command that sends it calls: load.c."""
        url = urlsplit(self.chat_url())
        return [self.bench.build / "bench/bench-load", url.port, url.path,
                request, pause_us, 1000 * seconds,
                *filter(None, [self.keys])]

    def prepare(self):
        """Makes ready for the next window."""

    def quiesce(self):
        """Waits until what a window has left to do is done."""

    def by_role(self):
        """{role: pids}; the role "calls" is what a call waits for."""
        return {"calls": set(self.members())}


class Bare(Candidate):
    label = "nginx, bare `proxy_pass`"
    stream_every = 1
    modules = http = location = ""
    buffering = "off"

    def launch(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(fill(
            "nginx.conf", modules=self.modules, http=self.http,
            location=self.location, buffering=self.buffering, folder=self.folder,
            listen=self.listen(),
            files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            upstream=self.bench.sim.address))
        self.run("nginx", "-p", self.folder, "-c", conf, "-e",
                 self.folder / "nginx.log")

    def listen(self):
        return self.url.removeprefix("http://")

    def by_role(self):
        """The master sleeps while its workers work."""
        return {"calls": set(self.members()) - {self.process.pid}}


class BareBuffered(Bare):
    """nginx's default, by which an answer is written at once.  Streams wait
    until a buffer is full, so that it is no choice for a gate."""

    label = "nginx, bare, `proxy_buffering on`"
    buffering = "on"


class LuaKey(Bare):
    label = "nginx, Lua: key check only"
    checks = "key"
    stream_every = 4
    script = "lua/key.lua"
    phases = "access_by_lua_block { require('check').access() }"
    modules = ("load_module /usr/lib/nginx/modules/ndk_http_module.so;\n"
               "load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;")

    def launch(self):
        (self.folder / "key").write_text(LUA_KEY)
        self.headers["Authorization"] = f"Bearer {LUA_KEY}"
        self.http = fill("lua/http.conf", script=HERE / self.script,
                         digest=HERE / "lua/digest.lua",
                         key=self.folder / "key")
        self.location = (
            self.phases + "\n            proxy_set_header Authorization "
            f'"Bearer {UPSTREAM_SECRET}";')
        super().launch()


class LuaFull(LuaKey):
    label = "nginx, Lua: the full job"
    checks = "all"
    script = "lua/full.lua"
    phases = """access_by_lua_block { require('check').access() }
            body_filter_by_lua_block { require('check').body() }
            log_by_lua_block { require('check').log() }"""


class HAProxy(Candidate):
    label = "HAProxy, plain reverse proxy"

    def launch(self):
        conf = self.folder / "haproxy.cfg"
        conf.write_text(fill(
            "haproxy.cfg", listen=self.url.removeprefix("http://"),
            upstream=self.bench.sim.address))
        self.run("haproxy", "-db", "-f", conf)


class Portkey(Candidate):
    label = "Portkey's gateway (npm)"
    streams = 4  # more would have it busy, and several events come in one read

    def launch(self):
        port = self.url.rsplit(":", 1)[1]
        self.headers |= {"x-portkey-provider": "openai",
                         "x-portkey-custom-host": self.bench.sim.url + "/v1"}
        script = HERE / "node_modules/@portkey-ai/gateway/build/start-server.js"
        self.run("node", script, f"--port={port}", "--headless",
                 cwd=self.folder,
                 env=clean_env(NODE_ENV="production",
                               TRUSTED_CUSTOM_HOSTS="127.0.0.1,localhost"))


class Gate(Candidate):
    """`tollgate up` as it comes: nginx with our module, and the daemon."""

    label = "the gate"
    checks = "all"
    stream_every = 1

    def launch(self):
        self.home = self.folder / "home"
        self.home.mkdir(mode=0o700, exist_ok=True)
        # All refusals that are measured come from one address.
        (self.home / "tollgate.conf").write_text(
            "[gate]\nwrong_keys_per_minute = 0\n")
        self.up()
        self.settle_in()
        self.keep_one_worker()
        self.prepare()

    def up(self):
        self.begin_up()
        self.await_up()

    def begin_up(self):
        self.run(self.bench.build / "tollgate", "up", "--home", self.home,
                 "--listen", self.url.removeprefix("http://"),
                 "--die-with-parent")

    def await_up(self):
        wait(lambda: self.must_live() and
             "tollgate is ready" in self.said(), "gate", 120)

    def settle_in(self):
        self.cli("upstreams", "add", "--name", "sim", "--base-url",
                 self.bench.sim.url, "--dialect", "deepseek")
        self.cli("credentials", "add", "--upstream", "sim",
                 input=UPSTREAM_SECRET + "\n")

    def prepare(self):
        """A new key, whose limits are there but full: the tokens of several
        windows of long calls would empty the largest bucket there is."""
        made = json.loads(self.cli(
            "keys", "create", "--name", "bench", "--rpm", "1000000000",
            "--tpm", "1000000000", "--monthly-limit", "1000000", "--json"))
        self.headers["Authorization"] = f"Bearer {made['key']}"

    def keep_one_worker(self):
        """`up` has one for each processor; here each candidate has one."""
        conf = self.home / "run" / "nginx.conf"
        conf.write_text(conf.read_text().replace("worker_processes auto;",
                                                 "worker_processes 1;"))
        nginx = self.status()["nginx"]
        os.kill(nginx["pid"], signal.SIGHUP)

        def is_reloaded():
            workers = self.status()["nginx"]["workers"]
            return len(workers) == 1 and workers[0] not in nginx["workers"]
        wait(is_reloaded, "reload with one worker")

    def cli(self, *args, input=""):
        done = subprocess.run(
            [self.bench.build / "tollgate", *args], input=input, text=True,
            capture_output=True, timeout=60,
            env=clean_env(TOLLGATE_HOME=str(self.home)))
        if done.returncode != 0:
            raise Failure(f"tollgate {' '.join(args[:2])}: {done.stderr}")
        return done.stdout

    def status(self):
        return json.loads(self.cli("status", "--json"))

    def by_role(self):
        status = self.status()
        roles = {"calls": set(status["nginx"]["workers"]),
                 "daemon": {status["daemon"]["pid"]}}
        roles["rest"] = set(self.members()) - roles["calls"] - roles["daemon"]
        return roles

    def quiesce(self):
        """Until every call is in the store."""
        def is_idle():
            health = self.status()["daemon"]["health"]
            return health["ingest"]["lag_bytes"] == 0
        wait(is_idle, "end of ingest", 60)

    def stop(self):
        conf = self.home / "run" / "nginx.conf"
        memory = re.search(r'tollgate_state "(.*)/state"', conf.read_text()) \
            if conf.exists() else None
        super().stop()
        if memory:
            shutil.rmtree(memory.group(1), ignore_errors=True)


class GateMillion(Gate):
    """The same with a million keys, of which each has every member of its
    policy set, and calls that each come with another one."""

    label = "the gate, a million keys"

    def launch(self):
        self.home = self.folder / "home"
        self.up()
        self.settle_in()
        self.process.terminate()
        self.process.wait(20)
        self.keys = self.folder / "keys"
        million.fill(self.home / "store.db", self.keys, self.bench.say)
        self.add_calls(self.bench.size.million_calls)
        self.starts = [self.restart(is_cold) for is_cold in (True, False)]
        self.file_mib = self.state_mib()
        self.keep_one_worker()
        self.headers |= {"Authorization": f"Bearer {million.secret(0)}",
                         "Origin": million.ORIGIN}

    def add_calls(self, count):
        """Of the last thirty days, of all keys at random."""
        self.bench.say(f"{count:,} calls are made")
        subprocess.run([self.bench.build / "bench/bench-calls",
                        self.home / "store.db", str(count)], check=True)

    def restart(self, is_cold):
        """Seconds from the start to when a call of any key is served, and to
        when all is there; cold without a state file, as after a boot."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        if is_cold:
            shutil.rmtree(self.memory(), ignore_errors=True)
        begin = time.monotonic()
        self.begin_up()
        wait(lambda: self.must_live() and self.serves(0), "first call", 120)
        any_keys = random.sample(range(million.KEYS), ANY_KEYS)
        with ThreadPoolExecutor(16) as pool:
            if not all(pool.map(self.serves, any_keys)):
                raise Failure("a call right after the start is not served")
        served = time.monotonic() - begin
        self.await_up()
        return served, time.monotonic() - begin

    def serves(self, number):
        """Whether a call of the key of this number comes through."""
        request = urllib.request.Request(
            self.chat_url(), data=work.BODIES["100 B"],
            headers=self.headers | {
                "Authorization": f"Bearer {million.secret(number)}",
                "Origin": million.ORIGIN})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def memory(self):
        """The folder of its state file."""
        conf = (self.home / "run" / "nginx.conf").read_text()
        return re.search(r'tollgate_state "(.*)/state"', conf).group(1)

    def state_mib(self):
        return os.stat(self.memory() + "/state").st_blocks * 512 // 2**20

    def prepare(self):
        """Its limits are wide enough for all windows."""
