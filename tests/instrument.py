"""Programs under instruments, for run.py: an nginx or a daemon that says what
it does wrong.

An instrument writes its reports into a folder, one file a process; each counts
as a failure of its own, whatever the tests said.  `tollgate up` takes the
programs that lie beside it first, so a folder with the usual programs and a
wrapper in place of one of them is all that a gate needs.
"""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("tollgate", "tollgated", "tollgate-draw", "tollgate-sim",
            "ngx_http_tollgate_module.so", "tests/unit/journal-write",
            "tests/unit/journal-calls")
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
END = "-----END CERTIFICATE-----\n"


@contextmanager
def reports():
    """A folder for reports, and the text of all once the tests are over."""
    found = []
    with tempfile.TemporaryDirectory(prefix="tollgate-reports-") as folder:
        os.chmod(folder, 0o1777)  # workers have given up their rights
        yield Path(folder), found
        found += filter(None, (path.read_text(errors="replace")
                               for path in sorted(Path(folder).iterdir())))


def wrapper(path, command, before="", **env):
    """A program of that name that is another one, in another environment."""
    path.unlink(missing_ok=True)  # it may be another name of a real one
    path.write_text("#!/bin/sh\n" +
                    "".join(f"export {k}='{v}'\n" for k, v in env.items()) +
                    f'{before}exec {command} "$@"\n')
    path.chmod(0o755)


def programs(folder):
    """A folder with the programs of build/; it is one's own."""
    for name in PROGRAMS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
        os.link(ROOT / "build" / name, folder / name)
    return folder


def asan(folder, to):
    """The module needs the sanitizer's runtime in its process, and nginx does
    not free what it has at its end.  Returns what the other programs need."""
    runtime = subprocess.run(
        ["clang", "-print-file-name=libclang_rt.asan-x86_64.so"],
        capture_output=True, text=True, check=True).stdout.strip()
    wrapper(ROOT / folder / "nginx", "/usr/sbin/nginx", LD_PRELOAD=runtime,
            ASAN_OPTIONS=f"detect_leaks=0:log_path={to}/nginx",
            UBSAN_OPTIONS=f"print_stacktrace=1:log_path={to}/nginx")
    return {"ASAN_OPTIONS": f"log_path={to}/program",
            "LSAN_OPTIONS": f"suppressions={ROOT}/tests/lsan.supp:"
            "print_suppressions=0",
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={to}/program"}


def tsan(to):
    """The daemon, whose threads it is about; all else is as usual."""
    folder = programs(ROOT / "build-tsan" / "gate")
    wrapper(folder / "tollgated", f"'{ROOT}/build-tsan/tollgated'",
            TSAN_OPTIONS=f"log_path={to}/tollgated:suppressions={ROOT}/"
            "tests/tsan.supp")
    return folder


def valgrind(to):
    """nginx with the module.  What it has of its own at its end and still
    points to is nginx's habit; what nobody points to is lost.  It would read
    all of the machine's CAs for each of 64 upstreams, for half a minute: here
    they trust one."""
    folder = programs(ROOT / "build" / "valgrind")
    cas = Path(CA_BUNDLE).read_text()
    one = folder / "ca.crt"
    one.write_text(cas[:cas.index(END) + len(END)])
    wrapper(folder / "nginx",
            "valgrind --quiet --vgdb=no --leak-check=full "
            "--show-leak-kinds=definite --errors-for-leak-kinds=definite "
            f"--suppressions='{ROOT}/tests/valgrind.supp' "
            f"--log-file='{to}/nginx.%p' /usr/sbin/nginx",
            before=f"sed -i 's#{CA_BUNDLE}#{one}#' \"$2\"/*.conf\n")
    return folder
