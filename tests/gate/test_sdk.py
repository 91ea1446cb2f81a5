"""The official SDKs for Node against a real gate: tests/sdk."""

import re
import subprocess

import pytest

from conftest import ROOT, Gate, clean_env

SDK = ROOT / "tests/sdk"
FILES = ["openai.test.mjs", "anthropic.test.mjs", "media.test.mjs"]
NAMES = [name for file in FILES for name in
         re.findall(r'^test\("([^"]+)"', (SDK / file).read_text(), re.M)]


def run(file, **env):
    """What became of each test of a file, by its name, with what it said."""
    done = subprocess.run(
        ["node", "--test-reporter=tap", file], cwd=SDK, timeout=120,
        capture_output=True, text=True, env=clean_env(**env))
    lines = re.findall(r"^(ok|not ok) \d+ - (.*)\n((?: .*\n)*)",
                       done.stdout, re.M)
    assert lines, done.stdout + done.stderr
    return {name: (result, said) for result, name, said in lines}


def run_media(folder):
    gate = Gate(folder / "home", sim_args=["--dialect", "openai"],
                dialect="openai")
    try:
        gate.start()
        for service in ("files", "batches", "fine_tuning"):
            gate.must("models", "add", service, "--upstream", "sim", "--unit",
                      "call", "--unit-price", "0.001")
        gate.must("accounts", "create", "--name", "tenant", "--billing",
                  "postpaid")
        return run("media.test.mjs", GATE_URL=gate.url, GATE_KEY=gate.key("sdk"),
                   GATE_TENANT_KEY=gate.key("tenant", account="tenant"))
    finally:
        gate.stop()


@pytest.fixture(scope="session")
def results(gate, tmp_path_factory):
    for name in ("openai", "@anthropic-ai/sdk"):
        if not (SDK / "node_modules" / name).exists():
            pytest.fail("an SDK is not installed: run script/bootstrap test")
    disabled = gate.key("sdk disabled")
    gate.must("keys", "disable", disabled.id, "--yes")
    embeddings = gate.key("sdk embeddings", scope="embeddings")
    found = run_media(tmp_path_factory.mktemp("media"))
    for file in FILES[:2]:
        poor = gate.key("sdk poor", daily_limit="0.003")
        found.update(run(file, GATE_URL=gate.url, GATE_KEY=gate.key("sdk"),
                         GATE_DISABLED_KEY=disabled, GATE_POOR_KEY=poor,
                         GATE_EMBEDDINGS_KEY=embeddings))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_sdk(results, name):
    assert name in results, "it did not run"
    result, said = results[name]
    assert result == "ok", said


def test_sdk_tests_are_all_collected(results):
    assert sorted(results) == sorted(NAMES)
