"""Exactly what was measured, and on what."""

import json
import platform
import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def package(name):
    return first_line("dpkg-query", "-W", "-f", "${Version}", name)


def npm(name):
    lock = json.loads((HERE / "package-lock.json").read_text())
    return lock["packages"]["node_modules/" + name]["version"]


def processor():
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    return found.group(1) if found else platform.machine()


def revision():
    """The commit, and whether the tree had more than that."""
    def git(*args):
        return subprocess.run(["git", "-C", HERE, *args], text=True,
                              capture_output=True).stdout.strip()
    commit = git("rev-parse", "--short=12", "HEAD") or "no git"
    changed = git("status", "--porcelain", "--untracked-files=no", "--",
                  "../src", "../meson.build")
    return commit + (" with changes" if changed else "")


def lines(bench):
    load = Path("/proc/loadavg").read_text().split()[0]
    memory = re.search(r"MemTotal:\s*(\d+)",
                       Path("/proc/meminfo").read_text()).group(1)
    return [
        f"{processor()}, {1 + len(bench.others)} processors, "
        f"{int(memory) // 1048576} GiB, Linux {platform.release()}; "
        f"load average at the end {load}",
        f"tollgate {revision()}, {first_line('cc', '--version')}",
        f"nginx {package('nginx')}",
        f"libnginx-mod-http-lua {package('libnginx-mod-http-lua')}, "
        f"LuaJIT {package('libluajit2-5.1-2')}, "
        f"lua-cjson {package('lua-cjson')}",
        f"HAProxy {package('haproxy')}",
        f"@portkey-ai/gateway {npm('@portkey-ai/gateway')} with "
        f"@hono/node-server {npm('@hono/node-server')}, node "
        f"{first_line('node', '--version').removeprefix('v')}",
        "load: bench-load, 1 thread, 16 connections; upstream: tollgate-sim, "
        "1 thread"]
