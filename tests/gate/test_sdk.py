"""The official SDKs for Node against a real gate: tests/sdk."""

import re
import subprocess

import pytest

from conftest import ROOT, clean_env

SDK = ROOT / "tests/sdk"
FILES = ["openai.test.mjs", "anthropic.test.mjs"]
NAMES = [name for file in FILES for name in
         re.findall(r'^test\("([^"]+)"', (SDK / file).read_text(), re.M)]


@pytest.fixture(scope="session")
def results(gate):
    """What became of each test, by its name, with what it said."""
    for name in ("openai", "@anthropic-ai/sdk"):
        if not (SDK / "node_modules" / name).exists():
            pytest.fail("an SDK is not installed: run script/bootstrap test")
    disabled = gate.key("sdk disabled")
    gate.must("keys", "disable", disabled.id, "--yes")
    embeddings = gate.key("sdk embeddings", scope="embeddings")
    found = {}
    for file in FILES:
        poor = gate.key("sdk poor", daily_limit="0.003")
        run = subprocess.run(
            ["node", "--test-reporter=tap", file], cwd=SDK, timeout=120,
            capture_output=True, text=True, env=clean_env(
                GATE_URL=gate.url, GATE_KEY=gate.key("sdk"),
                GATE_DISABLED_KEY=disabled, GATE_POOR_KEY=poor,
                GATE_EMBEDDINGS_KEY=embeddings))
        lines = re.findall(r"^(ok|not ok) \d+ - (.*)\n((?: .*\n)*)",
                           run.stdout, re.M)
        assert lines, run.stdout + run.stderr
        found.update((name, (result, said))
                     for result, name, said in lines)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_sdk(results, name):
    assert name in results, "it did not run"
    result, said = results[name]
    assert result == "ok", said


def test_sdk_tests_are_all_collected(results):
    assert sorted(results) == sorted(NAMES)
