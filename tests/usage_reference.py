"""What an answer about usage must say: sums over the store's calls by plain
SQL, and days and hours by Python's own time zones."""

import random
import sqlite3
import subprocess
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from lone_daemon import BUILD

NANOS = 10**9
QUARTER_MS = 900_000

FIGURES = ("requests", "errors", "prompt_tokens", "prompt_cache_hit_tokens",
           "completion_tokens", "reasoning_tokens", "cost", "images",
           "audio_seconds", "characters")
SUMS = ("count(*), sum(status >= 400 OR code <> 0), sum(prompt_tokens), "
        "sum(prompt_cache_hit_tokens), sum(completion_tokens), "
        "sum(reasoning_tokens), sum(cost_nanos), sum(iif(unit = 1, units, 0)),"
        "sum(iif(unit = 2, units, 0)), sum(iif(unit = 3, units, 0))")

# Number, name and scope, as src/core/route.c has them.
ENDPOINTS = {1: ("POST /v1/chat/completions", "chat"),
             3: ("POST /v1/beta/completions", "code"),
             4: ("POST /v1/embeddings", "embeddings"),
             11: ("POST /v1/images/generations", "image"),
             14: ("POST /v1/audio/speech", "audio"),
             10: ("POST /v1/messages", "chat")}

# The member that says which one a row is of, and the column of the store.
GROUPS = {"total": (None, "''"), "key": ("key_id", "key_id"),
          "account": ("account_id", "account_id"),
          "model": ("model", "model"), "status": ("status", "status"),
          "upstream": ("upstream_id", "upstream_id"),
          "endpoint": ("endpoint", "endpoint"), "scope": ("scope", "endpoint")}
SPANS = {"15m": "quarter_hour", "hour": "hour", "day": "day", "week": "week",
         "month": "month"}


def nanos(text):
    return int(Decimal(text) * NANOS)


def instant(at_ms):
    at = datetime.fromtimestamp(at_ms // 1000, timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03}Z"


@lru_cache(maxsize=None)
def span_of(span, zone, quarter):
    """What a quarter-hour belongs to, as a row says it."""
    at = datetime.fromtimestamp(quarter * 900, ZoneInfo(zone))
    if span == "15m":
        return instant(quarter * QUARTER_MS)
    if span == "hour":
        # As the clock runs, so an hour that comes twice is two.
        back = timedelta(minutes=at.minute)
        return instant(int((at.astimezone(timezone.utc) - back).timestamp())
                       * 1000)
    if span == "week":
        return str(at.date() - timedelta(days=at.weekday()))
    return at.strftime({"day": "%Y-%m-%d", "month": "%Y-%m"}[span])


def name_of(group, value):
    if group in ("endpoint", "scope"):
        return ENDPOINTS[value][group == "scope"]
    return None if value == "" else value


class Reference:
    """Of the calls that are in a store when it is asked first."""

    def __init__(self, store, where="1"):
        self.store, self.where = store, where
        self.quarters = {}

    def ask(self, sql):
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        rows = db.execute(sql).fetchall()
        db.close()
        return rows

    def times(self, name):
        """All that there are, in order."""
        return [row[0] for row in self.ask(
            f"SELECT {name} FROM calls WHERE {self.where} AND "
            f"{name} IS NOT NULL ORDER BY 1")]

    def figures(self, group):
        """Of each quarter-hour and group."""
        if group not in self.quarters:
            self.quarters[group] = self.ask(
                f"SELECT at / {QUARTER_MS}, {GROUPS[group][1]}, {SUMS} "
                f"FROM calls WHERE {self.where} GROUP BY 1, 2")
        return self.quarters[group]

    def rows(self, group, span, zone):
        """{(span, group): figures}."""
        rows = defaultdict(lambda: [0] * len(FIGURES))
        for quarter, value, *figures in self.figures(group):
            at = span_of(span, zone, quarter) if span else None
            row = rows[at, name_of(group, value)]
            for i, figure in enumerate(figures):
                row[i] += figure
        return {key: tuple(row) for key, row in rows.items()}

    def total(self):
        return self.rows("total", None, "UTC").get(
            (None, None), (0,) * len(FIGURES))


def figures_of(row):
    """Those of an answer's row, money in nanos and seconds in ms."""
    row = {**row, "cost": nanos(row["cost"]),
           "audio_seconds": int(Decimal(str(row["audio_seconds"])) * 1000)}
    return tuple(int(row[name]) for name in FIGURES)


def rows_of(answer, group, span):
    """As Reference.rows has them, in the order of the answer."""
    member = GROUPS[group][0]
    rows = {}
    for row in answer["rows"]:
        key = (row[SPANS[span]] if span else None,
               row[member] if member else None)
        assert key not in rows
        rows[key] = figures_of(row)
    return rows


def by_of(group, span):
    return ",".join(word for word in (span, group)
                    if word and (word != "total" or not span))


def write_calls(daemon, calls, writer):
    """Tuples of what journal-calls takes."""
    lines = "".join(" ".join(map(str, call)) + "\n" for call in calls)
    done = subprocess.run(
        [BUILD / "tests/unit/journal-calls", daemon.journal, f"{writer:x}"],
        input=lines, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(calls)


def make_calls(count, instants, keys, upstreams, seed):
    """Of all kinds, mostly in the hours around the instants (Unix time)."""
    rng = random.Random(seed)
    # What calls are, without time: few enough to be summed up together.
    kinds = []
    for _ in range(40):
        key = rng.choice(keys)
        endpoint = rng.choice(list(ENDPOINTS))
        kinds.append((key["id"], key["account_id"], rng.choice(upstreams),
                      rng.choice(["small", "large", "média-1"]), endpoint,
                      rng.choice([200, 200, 200, 200, 400, 429, 502]),
                      rng.choice([0, 0, 0, 0, 0, 41]),
                      {11: 1, 14: rng.choice([2, 3])}.get(endpoint, 0)))
    calls = []
    for _ in range(count):
        at = rng.choice(instants) + rng.randrange(-4 * 3600, 4 * 3600)
        if rng.random() < 0.002:
            at = rng.randrange(min(instants), max(instants))
        *kind, unit = rng.choice(kinds)
        prompt, completion = rng.randrange(8000), rng.randrange(900)
        calls.append((
            at * 1000 + rng.randrange(1000), *kind,
            int(rng.lognormvariate(6, 1.5)),
            rng.choice([-1, rng.randrange(20), rng.randrange(3000)]),
            prompt, rng.randrange(prompt + 1), 0, completion,
            rng.randrange(completion + 1), unit, rng.randrange(5000),
            rng.randrange(1 << rng.randrange(1, 40))))
    return calls
