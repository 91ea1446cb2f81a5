"""Runs every suite of built tests and sums up.

The last line is "N passed, N failed"; the exit status is 1 if any failed or
a suite ran nothing.  script/test builds what this runs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"  # the one that Debian's pytest belongs to


def run(command, log, **more):
    """Runs a suite; its output goes to a file."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("TOLLGATE_", "DEEPSEEK_"))}
    env.update(more, PYTHONDONTWRITEBYTECODE="1")
    with open(log, "wb") as out:
        return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=out, stderr=out, env=env).returncode


def count(junit):
    """Passed and failed cases, and how many did not apply here."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def meson(folder, *args):
    """A program that dies has failed, whatever its cases said before."""
    logs = ROOT / folder / "meson-logs"
    for name in ("testlog.json", "testlog.junit.xml"):
        (logs / name).unlink(missing_ok=True)
    code = run(["meson", "test", "-C", folder, "--no-rebuild",
                "--print-errorlogs", *args], logs / "run.log",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    try:
        passed, failed, skipped = count(logs / "testlog.junit.xml")
        with open(logs / "testlog.json") as lines:
            programs = [json.loads(line) for line in lines]
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0, logs / "run.log"
    dead = sum(p["result"] not in ("OK", "SKIP") for p in programs)
    failed = max(failed, dead, 1 if code else 0)
    return passed, failed, skipped, logs / "run.log"


# What reaches the module and the daemon with bytes from outside.
SANITIZED = ["tests/gate/test_%s.py" % name for name in (
    "calls", "messages", "responses", "bodies", "metering", "leaving",
    "http1", "http2", "proxies", "redirects", "crash", "limits", "budgets",
    "policy_changes", "revocation", "queue", "settings", "pools",
    "upstream_test", "media", "files", "denials", "ledger", "restore")]


def preload(folder, reports):
    """An nginx beside the programs of a sanitized build, which `up` takes
    first: the module needs the sanitizer's runtime in its process.  reports
    is the beginning of its reports' names, where its workers may write."""
    runtime = subprocess.run(
        ["clang", "-print-file-name=libclang_rt.asan-x86_64.so"],
        capture_output=True, text=True, check=True).stdout.strip()
    wrapper = ROOT / folder / "nginx"
    wrapper.write_text(
        "#!/bin/sh\n"
        f"export LD_PRELOAD='{runtime}' "
        f"ASAN_OPTIONS=detect_leaks=0:log_path='{reports}' "
        f"UBSAN_OPTIONS=print_stacktrace=1:log_path='{reports}'\n"
        'exec /usr/sbin/nginx "$@"\n')
    wrapper.chmod(0o755)


def sanitized_gate():
    """The gate with module, daemon and simulator under ASan and UBSan; a
    report of nginx's counts as a failure of its own."""
    with tempfile.TemporaryDirectory(prefix="tollgate-reports-") as folder:
        os.chmod(folder, 0o1777)  # workers have given up their rights
        preload("build-asan", Path(folder) / "nginx")
        passed, failed, skipped, log = pytest(SANITIZED, "build-asan")
        for report in Path(folder).iterdir():
            failed += 1
            with open(log, "a") as out:
                out.write(report.read_text(errors="replace"))
    return passed, failed, skipped, log


def pytest(args, folder="build"):
    logs = ROOT / folder / "meson-logs"
    junit = logs / "pytest.xml"
    junit.unlink(missing_ok=True)
    code = run([PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q",
                "--tb=short", "-n", "2", "--dist", "loadfile",
                f"--junitxml={junit}", *(args or ["tests/gate",
                                                  "tests/crash",
                                                  "tests/docs"])],
               logs / "pytest.log", TOLLGATE_BUILD=str(ROOT / folder))
    try:
        passed, failed, skipped = count(junit)
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0, logs / "pytest.log"
    return passed, max(failed, 1 if code else 0), skipped, logs / "pytest.log"


def main():
    suites = [
        ("unit", lambda: meson("build")),
        ("unit and fuzz, sanitized", lambda: meson("build-asan")),
        ("gate, crash, sdk, docs", lambda: pytest(sys.argv[1:])),
        ("gate, sanitized", sanitized_gate),
    ]
    all_passed = all_failed = 0
    for name, suite in suites:
        begin = time.monotonic()
        passed, failed, skipped, log = suite()
        if passed + failed == 0:
            print(f"{name}: nothing ran")
            failed = 1
        if failed:
            print(log.read_text(errors="replace"))
        print(f"{name}: {passed} passed, {failed} failed, {skipped} skipped, "
              f"{time.monotonic() - begin:.0f} s", flush=True)
        all_passed += passed
        all_failed += failed
    print(f"{all_passed} passed, {all_failed} failed")
    return 1 if all_failed else 0


if __name__ == "__main__":
    sys.exit(main())
