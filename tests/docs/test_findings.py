"""docs/doctor.md has every finding of the doctor, with its status and words."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r'^FINDING\((\w+), \w+, (\w+),\n    "((?:[^"\\]|\\.)*)",',
                 re.M)
ELSEWHERE = ("verdict_", "waiting")  # no findings of a step


def test_each_finding_is_written_down_as_it_is_said():
    source = (ROOT / "src/cli/doctor_findings.inc").read_text()
    said = {name: (status.lower(), cause.replace('\\"', '"'))
            for name, status, cause in ROW.findall(source)
            if not name.startswith(ELSEWHERE)}
    written = {name: (status, cause) for name, status, cause in re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*) \|$",
        (ROOT / "docs/doctor.md").read_text(), re.M)}
    assert written == said
