"""kill -9 at each write and sync of a change of operators, tokens, passwords,
second factors, sessions and proofs: the next start finds it as it was before
or as it is after, with its entry in the audit log in the second case only;
what was answered is after.

TOLLGATE_SWEEP=1 tries all moments; unless told a few are drawn by
TOLLGATE_SEED.
"""

import http.client
import os
import random
import sqlite3
import sys
from pathlib import Path

import pytest

from injection import Strace
from lone_daemon import LoneDaemon

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gate"))
from test_sessions import PASSWORD, Operator, code_of  # noqa: E402

SWEEPS = bool(os.environ.get("TOLLGATE_SWEEP"))
SEED = int(os.environ.get("TOLLGATE_SEED", "1"))
CALLS = {"written": "pwrite64,fdatasync,fsync"}
LAST = 24                             # the n-th call of a thread, at most
EACH = 3                              # of a sample


class Change:
    """What is asked for, and the rows that say whether it was done."""

    action = None

    def __init__(self, daemon):
        self.daemon = daemon
        self.operator = Operator(daemon, "auditor")
        self.prepare()

    def prepare(self):
        pass

    def rows(self, db):
        raise NotImplementedError

    def state(self):
        db = sqlite3.connect(self.daemon.home / "store.db", timeout=20)
        try:
            entries = db.execute("SELECT count(*) FROM audit WHERE action = ?",
                                 (self.action,)).fetchone()[0]
            return self.rows(db), entries
        finally:
            db.close()

    def owned(self, db, what):
        return db.execute(
            f"SELECT {what} FROM operators WHERE name = ?",
            (self.operator.name,)).fetchall()

    def path(self, tail=""):
        return f"/operators/{self.operator.name}{tail}"


class Create(Change):
    action = "operator.create"

    def ask(self):
        return self.daemon.post("/operators", {
            "name": "new-" + self.operator.name, "role": "billing"})

    def rows(self, db):
        return db.execute("SELECT count(*) FROM operators").fetchall()


class Disable(Change):
    """The operator, its session and its token: all of it or nothing."""

    action = "operator.disable"

    def prepare(self):
        self.operator.session()
        self.daemon.must("/tokens", {"name": "t",
                                     "operator": self.operator.name})

    def ask(self):
        return self.daemon.ask("DELETE", self.path(), {})

    def rows(self, db):
        return self.owned(db, """status, ended_at > 0,
            (SELECT count(*) FROM sessions WHERE operator_id = operators.id
             AND ended_at = 0),
            (SELECT count(*) FROM tokens WHERE operator_id = operators.id AND
             revoked_at = 0)""")


class Role(Change):
    action = "operator.update"

    def prepare(self):
        self.operator.session()

    def ask(self):
        return self.daemon.ask("PATCH", self.path(), {"role": "admin"})

    def rows(self, db):
        return self.owned(db, """role, (SELECT count(*) FROM sessions WHERE
            operator_id = operators.id AND ended_at = 0)""")


class Token(Change):
    action = "token.create"

    def ask(self):
        return self.daemon.post("/tokens", {"name": "t"})

    def rows(self, db):
        return db.execute("SELECT count(*) FROM tokens").fetchall()


class Revoke(Change):
    action = "token.revoke"

    def prepare(self):
        self.id = self.daemon.must("/tokens", {"name": "t"})["id"]

    def ask(self):
        return self.daemon.ask("DELETE", "/tokens/" + self.id, {})

    def rows(self, db):
        return db.execute("SELECT revoked_at > 0 FROM tokens WHERE id = ?",
                          (self.id,)).fetchall()


class Password(Change):
    action = "operator.password"

    def prepare(self):
        self.operator.session()

    def ask(self):
        return self.daemon.post(self.path("/password"),
                                {"password": PASSWORD + "!"})

    def rows(self, db):
        return self.owned(db, """password, (SELECT count(*) FROM sessions
            WHERE operator_id = operators.id AND ended_at = 0)""")


class Confirm(Change):
    """The seed, its first code and ten recovery codes."""

    action = "operator.totp_confirm"

    def prepare(self):
        self.session = self.operator.session()
        begun = self.daemon.post("/operators/me/totp", token=self.session)
        self.secret = begun.json["secret"]
        self.daemon.hunt.plant("second factor", self.secret)

    def ask(self):
        return self.daemon.post("/operators/me/totp/confirm",
                                {"code": code_of(self.secret)},
                                token=self.session)

    def rows(self, db):
        return self.owned(db, """length(totp), length(totp_pending),
            totp_next > 0, (SELECT count(*) FROM recovery_codes WHERE
            operator_id = operators.id)""")


class Login(Change):
    """A code is used up if and only if it has let somebody in."""

    action = "session.create"

    def prepare(self):
        session = self.operator.session()
        begun, _ = self.operator.enrol(session)
        self.secret = begun["secret"]

    def ask(self):
        return self.operator.login(code=code_of(self.secret))

    def rows(self, db):
        return self.owned(db, """totp_next, (SELECT count(*) FROM sessions
            WHERE operator_id = operators.id)""")


class Recovery(Login):
    def prepare(self):
        session = self.operator.session()
        self.code = self.operator.enrol(session)[1][0]

    def ask(self):
        return self.operator.login(recovery_code=self.code)

    def rows(self, db):
        return self.owned(db, """(SELECT count(*) FROM recovery_codes WHERE
            operator_id = operators.id AND used_at > 0), (SELECT count(*) FROM
            sessions WHERE operator_id = operators.id)""")


class StepUp(Change):
    action = "session.step_up"

    def prepare(self):
        self.session = self.operator.session()
        db = sqlite3.connect(self.daemon.home / "store.db", timeout=20)
        db.execute("UPDATE sessions SET fresh_until = 0")
        db.commit()
        db.close()

    def ask(self):
        return self.daemon.post("/sessions/step-up", {"password": PASSWORD},
                                token=self.session)

    def rows(self, db):
        return self.owned(db, """(SELECT sum(fresh_until > 0) FROM sessions
            WHERE operator_id = operators.id)""")


class End(Change):
    action = "session.end"

    def prepare(self):
        self.session = self.operator.session()

    def ask(self):
        return self.daemon.ask("DELETE", "/sessions/current", {},
                               token=self.session)

    def rows(self, db):
        return self.owned(db, """(SELECT count(*) FROM sessions WHERE
            operator_id = operators.id AND ended_at = 0)""")


CHANGES = [Create, Disable, Role, Token, Revoke, Password, Confirm, Login,
           Recovery, StepUp, End]


def kill_at(change, nth, log):
    """Asks, and kills at the n-th write or sync of a thread.  Gives what was
    answered, or None, and whether it was killed."""
    daemon = change.daemon
    strace = Strace([daemon.process.pid], log, CALLS,
                    f"signal=KILL:when={nth}").__enter__()
    try:
        reply = change.ask()
    except (OSError, http.client.HTTPException):
        reply = None
    # Who traces a process that was killed keeps it from being over.
    strace.process.kill()
    strace.process.communicate(timeout=20)
    was_killed = reply is None
    if was_killed:
        daemon.process.wait(20)
        daemon.start()
    return reply, was_killed


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
def test_a_change_is_whole_whenever_the_daemon_is_killed(tmp_path, kind):
    daemon = LoneDaemon(tmp_path / "home").start()
    chance = random.Random(f"{SEED} {kind.__name__}")
    # The first ones are of the change; who is drawn late finds it done.
    moments = list(range(1, LAST)) if SWEEPS else sorted(
        chance.sample(range(1, 9), EACH))
    kills = 0
    try:
        for nth in moments:
            change = kind(daemon)
            before, entries = change.state()
            reply, was_killed = kill_at(change, nth, tmp_path / "strace.log")
            kills += was_killed
            after, entries_after = change.state()
            is_done = after != before
            assert entries_after - entries == is_done, (nth, before, after)
            if reply is not None:
                assert reply.status in (200, 201), reply.body
                assert is_done, nth
            check = daemon.get("/audit/verify")
            assert check.status == 200, check.body
            if not was_killed:
                break
            if not is_done:
                # Nothing is in the way of doing it now.
                assert change.ask().status in (200, 201), nth
        assert kills > 0
    finally:
        daemon.clean()
