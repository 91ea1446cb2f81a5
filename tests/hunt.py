"""The hunt for secrets: whether something that a test has planted stands
where it must not.

A Hunt is one gate's: it remembers each secret that the gate was told, by its
kind, and looks for all of them, in every spelling, in files, in the arguments
and in the environment of processes.  The fixtures of conftest.py do both for
every gate of every test.  With TOLLGATE_HUNT, a folder, what was looked at and
found is noted there for run.py; without it, a find fails the test.
"""

import base64
import json
import os
import re
import subprocess
import uuid
from itertools import repeat
from pathlib import Path

KINDS = ("client key", "wrong key", "key in a URL", "provider credential",
         "owner's token", "master key", "prompt", "answer",
         "operator's password", "session", "second factor")

# Where a secret may stand, and why: the kind, the file's name, its mode.
ALLOWED = (
    # The owner reads it there, to sign in.
    ("owner's token", "admin.token", 0o600),
    # What the provider credentials are sealed with must be kept somewhere.
    ("master key", "master.key", 0o600),
    # script/server gives its visitor a key to try.
    ("client key", "demo.key", 0o600),
)

LONGEST = 1024     # bytes of what is taken for a secret
CUT_LEAST = 24     # bytes of a secret that is cut and still is one
CLIENT_KEY = re.compile(r"sk-tg[a-z]_[0-9A-Za-z]{36}")


def spellings(secret):
    """Each way in which its bytes may have been written down."""
    spelt = [secret, b"\0".join(secret[i:i + 1] for i in range(len(secret))),
             secret.hex().encode(), secret.hex().upper().encode(),
             b"".join(b"%%%02x" % c for c in secret),
             b"".join(b"%%%02X" % c for c in secret)]
    for ahead in range(3):
        code = base64.b64encode(b"\0" * ahead + secret)
        # Of a character at either end other bytes are a part.
        code = code[-(-ahead * 8 // 6):(ahead + len(secret)) * 8 // 6]
        spelt += [code, code.translate(bytes.maketrans(b"+/", b"-_"))]
    cut = len(secret) * 2 // 3
    if cut >= CUT_LEAST:
        spelt += [secret[:cut], secret[-cut:]]
    return {s for s in spelt if b"\n" not in s}


def pieces(path):
    """A file's data, without the holes of a sparse one."""
    with open(path, "rb", buffering=0) as file:
        at, size = 0, os.fstat(file.fileno()).st_size
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:       # nothing but a hole up to the end
                return
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < end:
                piece = os.pread(file.fileno(), min(end - at, 1 << 24), at)
                if not piece:     # it is shorter by now
                    return
                yield piece
                at += len(piece)


def files_in(*places):
    """All files in folders, and the files themselves."""
    for place in places:
        if place.is_file():
            yield place
        elif place.is_dir():
            yield from (p for p in place.rglob("*")
                        if p.is_file() and not p.is_symlink())


def shown_by(pid):
    """What any user of the machine, or its own, sees of a process."""
    for name in ("cmdline", "environ"):
        try:
            yield f"/proc/{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:           # it has ended, or is nobody's to read
            continue


def grep(patterns, data):
    """Lines "offset:pattern".  grep takes any number of literal ones at once,
    with NUL bytes in them."""
    fd = os.memfd_create("patterns")
    try:
        os.write(fd, b"\n".join(patterns) + b"\n")
        return subprocess.run(
            ["grep", "-aobF", "-f", f"/proc/self/fd/{fd}"], input=data,
            pass_fds=[fd], stdout=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": os.environ["PATH"]}).stdout
    finally:
        os.close(fd)


def is_allowed(kind, place):
    return any(kind == allowed and os.path.basename(place) == name and
               os.stat(place).st_mode & 0o777 == mode
               for allowed, name, mode in ALLOWED)


class Hunt:
    def __init__(self, name):
        self.name = name
        self.secrets = {}         # bytes -> its kinds
        self.finds = []           # [kind, place, spelling]
        self.looked_at = 0

    def plant(self, kind, secret):
        """Remembers a secret; what is shorter than ten bytes, or longer than
        anybody's, is none."""
        assert kind in KINDS
        if isinstance(secret, str):
            secret = secret.encode()
        if 10 <= len(secret) <= LONGEST:
            self.secrets.setdefault(secret, set()).add(kind)

    def plant_keys(self, text):
        for key in CLIENT_KEY.findall(text):
            self.plant("client key", key)

    def look(self, files=(), pids=()):
        texts = [(str(path), b"".join(pieces(path)))
                 for path in files_in(*map(Path, files))]
        for pid in pids:
            texts += shown_by(pid)
        self.looked_at += len(texts)
        self._search(texts)

    def _search(self, texts):
        """One pass over all of them, for all spellings of all secrets."""
        by_spelling = {s: kinds for secret, kinds in self.secrets.items()
                       for s in spellings(secret)}
        if not by_spelling or not texts:
            return
        mark, ends, at = b"\n--\n", [], 0
        for place, data in texts:
            at += len(data) + len(mark)
            ends.append((at, place))
        found = grep(by_spelling, mark.join(data for _, data in texts))
        for line in found.split(b"\n")[:-1]:
            offset, _, text = line.partition(b":")
            place = next(place for end, place in ends if int(offset) < end)
            if not any(map(is_allowed, by_spelling[text], repeat(place))):
                self.finds += [[kind, place, text.decode("latin-1")]
                               for kind in sorted(by_spelling[text])]

    def end(self):
        """Notes what came of it; each find is a failure."""
        folder = os.environ.get("TOLLGATE_HUNT")
        if folder is None:
            assert not self.finds, f"secrets were found: {self.finds}"
            return
        counts = {kind: sum(kind in kinds for kinds in self.secrets.values())
                  for kind in KINDS}
        (Path(folder) / uuid.uuid4().hex).write_text(json.dumps({
            "test": self.name, "planted": counts,
            "looked_at": self.looked_at, "finds": self.finds}))


def sum_up(folder):
    """A line for each kind, over all that was noted: (is fine, text)."""
    notes = [json.loads(p.read_text()) for p in Path(folder).iterdir()]
    looked_at = sum(note["looked_at"] for note in notes)
    for kind in KINDS:
        planted = sum(note["planted"][kind] for note in notes)
        finds = [f"\n    {place} as {spelling!r}, of {note['test']}"
                 for note in notes for found, place, spelling in note["finds"]
                 if found == kind]
        yield (planted > 0 and looked_at > 0 and not finds,
               f"{kind}: {planted} planted, {len(finds)} found in {looked_at} "
               f"files, arguments and environments of {len(notes)} gates"
               + "".join(finds))
