"""From windows to bench/RESULTS.md."""

import operator
import statistics
import time

import turns
import versions
import work


BAD_KEYS = {"malformed": "a malformed key", "unknown": "an unknown key"}

# What a bare call of 100 B took where the targets were set.
SCALE_BARE_US = 19


class Figures:
    """Medians over windows, and ratios of the same window."""

    def __init__(self, rows):
        self.rows = rows

    def by_round(self, what, variant, who, figure):
        return {row["round"]: row[figure] for row in self.rows
                if (row["what"], row["variant"], row["who"])
                == (what, variant, who)}

    def median(self, what, variant, who, figure="calls"):
        return statistics.median(
            self.by_round(what, variant, who, figure).values())

    def against(self, operation, mine, theirs):
        """operation(this one, the other one) of each window, sorted."""
        mine, theirs = self.by_round(*mine), self.by_round(*theirs)
        return sorted(operation(value, theirs[number])
                      for number, value in mine.items())

    def ratios(self, what, variant, who, figure="calls", other="Bare"):
        return self.against(operator.truediv, (what, variant, who, figure),
                            (what, variant, other, "calls"))

    def ratio(self, *args, **options):
        return statistics.median(self.ratios(*args, **options))

    def refused(self, variant, who):
        """A 401's CPU, and the same where a bare call takes 19 µs."""
        return (self.median("refusal", variant, who),
                self.ratio("refusal", variant, who) * SCALE_BARE_US)

    def differences(self, who, figure):
        """Of latency, to bare nginx."""
        return self.against(operator.sub, ("latency", "", who, figure),
                            ("latency", "", "Bare", figure))

    def added(self, who, figure):
        return statistics.median(self.differences(who, figure))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def targets(bench, f):
    """Rows of design.md 6: what is promised, what was measured."""
    decide = bench.decide
    open_kib = {row["who"]: row["kib"] for row in bench.rows
                if row["what"] == "memory"}
    small, *large = work.BODIES
    portkey = 1 / f.ratio("call", small, "Gate", other="Portkey")
    rows = [
        (f"CPU of a {small} call, × bare", 1.15, "most", "{:.2f} ×",
         f.ratio("call", small, "Gate")),
        ("the same with the daemon's ingest", 1.25, "most", "{:.2f} ×",
         f.ratio("call", small, "Gate", "total"))]
    rows += [(f"CPU of a call of {name}, × bare", 1.20, "most", "{:.2f} ×",
              f.ratio("call", name, "Gate")) for name in large]
    rows += million(bench, f)
    rows += [(f"{name}: × nginx with buffering, which cannot stream", None,
              "", "{:.2f} ×",
              f.ratio("call", name, "Gate", other="BareBuffered"))
             for name in work.BODIES]
    rows += [(f"{name}: against the full job in Lua", 1.0, "most", "{:.2f} ×",
              f.ratio("call", name, "Gate", other="LuaFull"))
             for name in work.BODIES]
    rows += [
        ("Portkey's CPU against ours", 50, "least", "{:.0f} ×", portkey),
        ("CPU of a streamed event, × bare", 1.08, "most", "{:.2f} ×",
         f.ratio("event", "", "Gate"))]
    for variant, name in BAD_KEYS.items():
        us, scaled_us = f.refused(variant, "Gate")
        rows += [
            (f"401 for {name}, per second and core", 100000, "least",
             "{:,.0f}", 1e6 / us),
            (f"scaled, not measured: where a bare call takes {SCALE_BARE_US} µs",
             None, "", "{:,.0f}", 1e6 / scaled_us)]
    rows += [
        ("latency over bare, p50, µs", 20, "most", "{:.0f}",
         f.added("Gate", "p50_us")),
        ("latency over bare, p99, µs", 100, "most", "{:.0f}",
         f.added("Gate", "p99_us")),
        ("decision with 1 million keys, p50, µs", 1, "most", "{:.2f}",
         decide["decide_p50_ns"] / 1000),
        ("state file of 1 million keys, MiB", 1024, "most", "{:.0f}",
         decide["state_mib"]),
        ("ingest, records a second", 200000, "least", "{:,.0f}",
         ingested(bench, 1000, "ingest_per_second")),
        ("CPU of a record, ingested, µs", 5, "most", "{:.1f}",
         ingested(bench, 1000, "ingest_ns") / 1000),
        ("memory of an open stream over bare, KiB", 1, "most", "{:.2f}",
         open_kib["Gate"] - open_kib["Bare"])]
    return table(["figure", "target", "measured", ""],
                 [verdict(*row) for row in rows])


def ingested(bench, keys, figure):
    return statistics.median(run[figure] for run in bench.ingest[keys])


def million(bench, f):
    """The same with a million keys and every check on."""
    small, *large = work.BODIES
    gate = bench.of_kind("GateMillion")
    (cold, cold_whole), (warm, warm_whole) = gate.starts
    rows = [
        (f"a million keys, every check: {small}, × bare", 1.15, "most",
         "{:.2f} ×", f.ratio("call", small, "GateMillion")),
        ("the same with the daemon's ingest", 1.25, "most", "{:.2f} ×",
         f.ratio("call", small, "GateMillion", "total"))]
    rows += [(f"a million keys, every check: {name}, × bare", 1.20, "most",
              "{:.2f} ×", f.ratio("call", name, "GateMillion"))
             for name in large]
    return rows + [
        (f"a million keys, {bench.size.million_calls:,} calls: from a cold "
         "start to serving any key, s", 2, "most", "{:.1f}", cold),
        ("and from a start that finds its state file, s", 2, "most", "{:.1f}",
         warm),
        ("until all keys are loaded, and the admin API answers, s: cold",
         None, "most", "{:.1f}", cold_whole),
        ("and with its state file", None, "most", "{:.1f}", warm_whole),
        ("their state file, MiB", 1024, "most", "{:.0f}", gate.file_mib)]


def verdict(name, target, side, shape, value):
    if target is None:
        return name, "none", shape.format(value), ""
    is_met = value <= target if side == "most" else value >= target
    return (name, f"at {side} " + shape.format(target), shape.format(value),
            "met" if is_met else "**missed**")


def calls(bench, f):
    head = ["CPU per call, µs (× bare)"] + list(work.BODIES)
    rows = []
    for one in bench.all:
        who = type(one).__name__

        def cell(name, figure):
            return (f"{f.median('call', name, who, figure):.1f} "
                    f"({f.ratio('call', name, who, figure):.2f})")
        rows.append([one.label] + [cell(n, "calls") for n in work.BODIES])
        if who.startswith("Gate"):
            rows.append(["… with daemon and supervisor"] +
                        [cell(n, "total") for n in work.BODIES])
            rows.append(["… of which the daemon (ingest)"] +
                        [f"{f.median('call', n, who, 'daemon'):.1f}"
                         for n in work.BODIES])
    return table(head, rows)


def spread(bench, f):
    """How far the windows lie apart: a reader's measure of the noise."""
    rows = []
    for who, label in (("Gate", "the gate"), ("GateMillion", "a million keys")):
        for what, name in [("call", n) for n in work.BODIES] + [("event", "")]:
            rows.append([f"{label}: {name or 'streamed event'}"] + [
                " ".join(f"{r:.2f}" for r in f.ratios(what, name, who, figure))
                for figure in ("calls", "total")])
    return table(["× bare, by window, sorted", "worker", "with daemon"], rows)


def streams(bench, f):
    rows = []
    for one in bench.all:
        who = type(one).__name__
        if not f.by_round("event", "", who, "calls"):
            continue
        kib = next(row["kib"] for row in bench.rows
                   if row["what"] == "memory" and row["who"] == who)
        rows.append([one.label, f"{f.median('event', '', who):.1f}",
                     f"{f.ratio('event', '', who):.2f}", f"{kib:.1f}"])
    return table(["streams", "CPU per event, µs", "× bare",
                  "memory of an open one, KiB"], rows)


def latency(bench, f):
    rows = []
    for one in bench.all:
        who = type(one).__name__
        if not f.by_round("latency", "", who, "p50_us"):
            continue
        rows.append([one.label])
        for figure in ("p50_us", "p99_us"):
            low, high = quartiles(f.differences(who, figure))
            rows[-1].append(f"{f.median('latency', '', who, figure):.0f} "
                            f"({f.added(who, figure):+.0f}: "
                            f"{low:+.0f} to {high:+.0f})")
    return table(["latency, µs (over bare: middle half of the turns)", "p50",
                  "p99"], rows)


def quartiles(values):
    """Between which the middle half lies."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def refusals(bench, f):
    rows = []
    for one in bench.all:
        who = type(one).__name__
        if who == "Bare" or not f.by_round("refusal", "unknown", who, "calls"):
            continue
        for variant, name in BAD_KEYS.items():
            us, scaled_us = f.refused(variant, who)
            rows.append([f"{one.label}: {name}", f"{us:.1f}",
                         f"{1e6 / us:,.0f}",
                         f"{f.ratio('refusal', variant, who):.2f}",
                         f"{1e6 / scaled_us:,.0f}"])
    return table(["401", "CPU, µs", "per second and core",
                  "× a bare call in turns with it",
                  f"scaled: per second where that takes {SCALE_BARE_US} µs"],
                 rows)


def decision(bench):
    names = {"digest": "SHA-256 of the key",
             "lookup": "and the lookup, and a copy of the policy",
             "head": "the decision about a request's head",
             "decide": "the whole decision, head and body's facts",
             "refuse": "an unknown key, and the text of its 401",
             "throttle": "the same by an address that sent too many, a 429"}
    d = bench.decide
    rows = [[text] + [d[f"{name}_{p}_ns"]
                      for p in ("p50", "p99", "batch_p50", "batch_p99")]
            for name, text in names.items()]
    return (table(["ns, random ones of 1 million keys", "p50", "p99",
                   "p50 of 64 in a row", "p99 of 64 in a row"], rows) +
            f"\n\nPublishing {d['keys']:,} keys: {d['publish_ms']:,} ms. "
            f"The state file takes {d['state_mib']} MiB. Opening it and the "
            f"first lookup: {d['open_us'] / 1000:.1f} ms.")


def ingest(bench):
    rows = [[f"{keys:,}", f"{ingested(bench, keys, 'ingest_ns') / 1000:.1f}",
             f"{ingested(bench, keys, 'ingest_per_second'):,.0f}"]
            for keys in bench.ingest]
    return table(["keys, at random", "CPU of a record, µs",
                  "records a second"], rows)


def commands():
    """As they are run; capitals stand for addresses and files."""
    return """\
    tollgate-sim --listen 127.0.0.1:0 --no-record
    tollgate up --home HOME --listen ADDRESS, its tollgate.conf with
        wrong_keys_per_minute = 0, then one worker and a reload
    tollgate keys create --name bench --rpm 1000000000 --tpm 1000000000 \\
        --monthly-limit 1000000
    nginx -p FOLDER -c bench/nginx.conf, filled in
    haproxy -db -f bench/haproxy.cfg, filled in
    node @portkey-ai/gateway/build/start-server.js --port=PORT --headless
    bench-load PORT PATH REQUEST PAUSE_US MILLISECONDS [KEYS],
        by SIGSTOP and SIGCONT in turns, and ended by SIGINT
    bench-decide
    bench-ingest FOLDER CALLS KEYS"""


def write(bench):
    f = Figures(bench.rows)
    s = bench.size
    long, short = (events for _, events in bench.stream_kinds)
    listed = "\n".join(f"* {line}" for line in versions.lines(bench))
    return f"""\
# What Tollgate costs

Written by `script/bench` on {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} \
UTC; [README.md](README.md) says what was done and how to read it.
{s.rounds} windows of each figure, in which every candidate has {s.seconds} s in turns of \
{1000 * turns.TURN_SECONDS:.0f} ms; medians, and medians of each window's ratio.

## Against the targets

{targets(bench, f)}

## Calls

{calls(bench, f)}

`proxy_buffering off`, which streams need, makes nginx write an answer in two \
pieces; the gate puts them together.

## Streams

What streams of {long} events cost more than streams of {short}, one event every {s.ms_each} ms, \
{bench.of_kind("Gate").streams} at once; memory \
from {s.open_streams // 2:,} to {s.open_streams:,} open.

{streams(bench, f)}

## Latency

16 connections that pause 5 ms on average, each at a time of its own; {s.latency_rounds} turns of \
{s.latency_seconds} s.

{latency(bench, f)}

## Refusals

{refusals(bench, f)}

## How far the windows lie apart

{spread(bench, f)}

## The decision alone

{decision(bench)}

## Ingest alone

{s.ingest_calls:,} calls from a journal into a new store.

{ingest(bench)}

What questions about usage cost is in [USAGE.md](USAGE.md); how quickly calls are exported, in \
[docs/store.md](../docs/store.md).

## Where

{listed}

## Commands

{commands()}
"""
