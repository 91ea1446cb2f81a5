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

import hunt
import instrument

ROOT = Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"  # the one that Debian's pytest belongs to
HUNT = tempfile.TemporaryDirectory(prefix="tollgate-hunt-")
# Tests of gates wait more than they work, so there are more than cores; their
# deadlines want some of it left.  More than eight would share ports
# (tests/conftest.py).
AT_ONCE = str(max(4, min((os.cpu_count() or 1) * 5 // 2, 8)))


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


def meson(folder, *args, **env):
    """A program that dies has failed, whatever its cases said before."""
    logs = ROOT / folder / "meson-logs"
    for name in ("testlog.json", "testlog.junit.xml"):
        (logs / name).unlink(missing_ok=True)
    code = run(["meson", "test", "-C", folder, "--no-rebuild",
                "--print-errorlogs", *args], logs / "run.log",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", **env)
    try:
        passed, failed, skipped = count(logs / "testlog.junit.xml")
        with open(logs / "testlog.json") as lines:
            programs = [json.loads(line) for line in lines]
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0, logs / "run.log"
    dead = sum(p["result"] not in ("OK", "SKIP") for p in programs)
    failed = max(failed, dead, 1 if code else 0)
    return passed, failed, skipped, logs / "run.log"


# All that runs our programs on their own bytes; not what tests the simulator,
# other people's clients, or how fast something is.
SANITIZED = ["tests/gate/test_%s.py" % name for name in (
    "calls", "messages", "responses", "bodies", "metering", "leaving",
    "http1", "http2", "room", "proxies", "redirects", "crash", "limits",
    "budgets", "policy_changes", "revocation", "queue", "settings", "pools",
    "upstream_test", "media", "files", "denials", "durability", "admin",
    "ledger", "ingest", "keys_check", "prices", "prices_import", "own_key",
    "account_page", "dns", "tls_upstream", "steps", "restore", "sessions",
    "leaks", "plot", "audit", "idempotency", "rotation", "cold_start")] + [
    "tests/crash/test_kill_loop.py"]  # strace and LeakSanitizer: not both

# Where the daemon's threads meet: a start, changes, ingest, looks at upstreams, DNS,
# clockwork and courier.
THREADED = ["tests/gate/test_%s.py" % name for name in (
    "policy_changes", "upstream_test", "dns", "keys_check", "prices",
    "rotation_delivery", "cold_start")] + [
    "tests/gate/test_plot.py::test_several_are_drawn_at_once",
    "tests/gate/test_ingest.py::test_a_dead_worker_while_the_daemon_is_dead_"
    "too",
    "tests/gate/test_ingest.py::test_counts_are_exact_when_the_daemon_is_"
    "killed"]

# Of each kind of call one, and a reload; nginx is twenty times slower here.
WATCHED = ["tests/gate/" + test for test in (
    "test_calls.py",
    "test_leaving.py::test_a_client_that_leaves_a_stream_ends_it_upstream",
    "test_leaving.py::test_an_answer_is_read_to_its_end_without_its_client",
    "test_leaving.py::test_streams_of_a_disabled_key_end_with_a_reason",
    "test_bodies.py::test_a_large_body_is_judged_and_sent_whole",
    "test_media.py::test_a_call_costs_what_was_served",
    "test_media.py::test_a_form_that_is_spooled_to_a_file_arrives_whole",
    "test_queue.py::test_who_leaves_gives_up_the_place",
    "test_settings.py::test_a_factor_is_in_header_record_and_hold",
    "test_pools.py::test_a_refusal_is_overcome_by_the_next_credential"
    "[401-stream]",
)]


def instrumented(args, prepare):
    """Tests with programs under an instrument: prepare(folder for reports)
    returns the programs' folder and more of the environment."""
    with instrument.reports() as (to, found):
        folder, env = prepare(to)
        passed, failed, skipped, log = pytest(args, folder, **env)
    with open(log, "a") as out:
        out.writelines(found)
    return passed, failed + len(found), skipped, log


def sanitized_gate():
    """Module, daemon, command line and simulator under ASan and UBSan."""
    return instrumented(SANITIZED, lambda to: (
        ROOT / "build-asan", instrument.asan("build-asan", to)))


def threads():
    """The core's threads, then the daemon's, under TSan."""
    options = f"suppressions={ROOT}/tests/tsan.supp"
    core = meson("build-tsan", "threads", "rate-processes", "journal-sync",
                 "wanted", "store-fresh",
                 TSAN_OPTIONS=options)
    daemon = instrumented(THREADED, lambda to: (instrument.tsan(to), {}))
    if core[1]:
        return core
    return tuple(a + b for a, b in zip(core[:3], daemon[:3])) + daemon[3:]


def valgrind():
    return instrumented(WATCHED, lambda to: (
        instrument.valgrind(to), {"TOLLGATE_START_S": "120"}))


def pytest(args, folder=ROOT / "build", **env):
    logs = ROOT / folder / "meson-logs"
    logs.mkdir(exist_ok=True)
    junit = logs / "pytest.xml"
    junit.unlink(missing_ok=True)
    code = run([PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-q",
                "--tb=short", "-n", AT_ONCE, "--dist", "loadfile",
                f"--junitxml={junit}", *(args or ["tests/gate",
                                                  "tests/crash",
                                                  "tests/docs"])],
               logs / "pytest.log", TOLLGATE_BUILD=str(folder),
               TOLLGATE_HUNT=HUNT.name, **env)
    try:
        passed, failed, skipped = count(junit)
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0, logs / "pytest.log"
    return passed, max(failed, 1 if code else 0), skipped, logs / "pytest.log"


def hunt_secrets():
    """What the gates of all suites have noted: a case for each kind."""
    log = ROOT / "build" / "meson-logs" / "hunt.log"
    lines = list(hunt.sum_up(HUNT.name))
    log.write_text("".join(f"{'ok' if fine else 'not ok'} - {text}\n"
                           for fine, text in lines))
    print(log.read_text(), end="")
    failed = sum(not fine for fine, _ in lines)
    return len(lines) - failed, failed, 0, log


def main():
    suites = [
        ("unit", lambda: meson("build")),
        ("unit and fuzz, sanitized", lambda: meson("build-asan")),
        ("gate, crash, sdk, docs", lambda: pytest(sys.argv[1:])),
        ("gate, sanitized", sanitized_gate),
        ("threads, sanitized", threads),
        ("gate, valgrind", valgrind),
        ("secrets", hunt_secrets),
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
