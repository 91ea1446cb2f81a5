"""One call, two calls: what is counted is said in the number that it has."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOUNS = """
    account alert byte call channel character credential day difference entry
    event export fault figure finding hour key minute model operator other
    place problem record request row schedule second segment step time token
    upstream worker
"""
# "%lld calls"; "at most %d days" and the like are of constants.
SUSPECT = re.compile(
    r"(?<!than )(?<!up to )(?<!at most )(?<!at least )(?<!to )"
    r"%(?:z|l|ll)?[du] (?:" + "|".join(
        noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "ae"
        else noun + "s" for noun in NOUNS.split()) + r")\b")
# Of these there are never one.
ALWAYS_SEVERAL = {
    "admin_credential_add.c": ["%d credentials"],     # a constant
    "admin_plot.c": ["%zu characters"],               # of the log
    "admin_report_schedules.c": ["%d schedules"],     # a constant
    "admin_channels.c": ["%d channels"],              # a constant
    "admin_alerts.c": ["%d alerts"],                  # a constant
    "admin_upstreams.c": ["%d upstreams"],            # a constant
    "alert_look.c": ["%lld calls"],                   # min_requests
    "alert_quiet.c": ["%zu alerts"],                  # more than one is held
    "alert_tell.c": ["%lld times"],                   # count > 1
    "errands.c": ["%lld days"],                       # from 48 hours on
    "export.c": ["%d exports"],                       # a constant
    "health.c": ["%llu bytes"],
    "http.c": ["%d seconds"],                         # a constant
    "ingest_holds.c": ["%zu calls"],                  # of the log
    "model_draft.c": ["%d models"],                   # a constant
    "own.c": ["%zu accounts"],                        # when it is not one
    "price_import.c": ["%d models"],                  # a constant
    "report_sheet_calls.c": ["%lld others"],          # when it is not one
    "segments.c": ["%llu bytes"],                     # of the log
}


def test_the_pattern_finds_plurals():
    assert SUSPECT.findall('"%lld calls and %zu entries"') == [
        "%lld calls", "%zu entries"]
    assert SUSPECT.findall('"at most %d days, more than %u keys"') == []
    assert SUSPECT.findall('"%lld call%s, %d daylight"') == []


def test_what_is_counted_has_its_number():
    """src/core/plural.h has the letters."""
    found = {}
    for folder in ("core", "cli", "conf", "daemon", "files", "nginx"):
        for path in sorted((ROOT / "src" / folder).glob("*.[ch]")):
            # Literals that go on in the next line are one.
            text = re.sub(r'"\s*\n\s*"', "", path.read_text())
            for literal in re.findall(r'"(?:[^"\\\n]|\\.)*"', text):
                for part in SUSPECT.findall(literal):
                    found.setdefault(path.name, []).append(part)
    wrong = {name: parts for name, parts in found.items()
             if set(parts) - set(ALWAYS_SEVERAL.get(name, []))}
    assert wrong == {}
