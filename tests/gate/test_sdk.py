"""The official SDK of OpenAI for Node against a real gate: tests/sdk."""

import re
import subprocess

import pytest

from conftest import ROOT, clean_env

SDK = ROOT / "tests/sdk"
NAMES = re.findall(r'^test\("([^"]+)"', (SDK / "openai.test.mjs").read_text(),
                   re.M)


@pytest.fixture(scope="session")
def results(gate):
    """What became of each test, by its name, with what it said."""
    if not (SDK / "node_modules/openai").exists():
        pytest.fail("the SDK is not installed: run script/bootstrap test")
    disabled = gate.key("sdk disabled")
    gate.must("keys", "disable", disabled.id, "--yes")
    run = subprocess.run(
        ["node", "--test-reporter=tap", "openai.test.mjs"], cwd=SDK,
        capture_output=True, text=True, timeout=120, env=clean_env(
            GATE_URL=gate.url, GATE_KEY=gate.key("sdk"),
            GATE_DISABLED_KEY=disabled,
            GATE_POOR_KEY=gate.key("sdk poor", daily_limit="0.003"),
            GATE_EMBEDDINGS_KEY=gate.key("sdk embeddings",
                                         scope="embeddings")))
    found = {}
    for result, name, said in re.findall(
            r"^(ok|not ok) \d+ - (.*)\n((?: .*\n)*)", run.stdout, re.M):
        found[name] = (result, said)
    assert found, run.stdout + run.stderr
    return found


@pytest.mark.parametrize("name", NAMES)
def test_sdk(results, name):
    assert name in results, "it did not run"
    result, said = results[name]
    assert result == "ok", said


def test_sdk_tests_are_all_collected(results):
    assert sorted(results) == sorted(NAMES)
