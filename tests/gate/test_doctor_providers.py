"""`tollgate doctor` against the simulated provider: well in each dialect, and
each of its errors told apart."""

import pytest

from conftest import Sim
from doctor_servers import DEEPSEEK_KEY
from doctor_world import World, failed, warned

@pytest.fixture
def world(gate, tmp_path):
    it = World(gate, tmp_path)
    yield it
    it.close()


class Simulated(Sim):
    def shutdown(self):
        self.stop()

    def server_close(self):
        pass


@pytest.mark.parametrize("dialect, path, variable", [
    ("deepseek", "", "OPENAI"), ("deepseek", "/v1", "DEEPSEEK"),
    ("deepseek", "/anthropic", "ANTHROPIC"), ("openai", "/v1", "OPENAI"),
    ("vllm", "/v1", "OPENAI"), ("anthropic", "", "ANTHROPIC")])
def test_the_simulated_provider_is_well(world, dialect, path, variable):
    (world.folder / "key").write_text(DEEPSEEK_KEY)
    sim = world.servers.start(Simulated(world.folder / "sim", [
        "--dialect", dialect, "--key", world.folder / "key"]))
    world.env = {f"{variable}_API_KEY": DEEPSEEK_KEY,
                 f"{variable}_BASE_URL": sim.url + path}
    world.args = ["--call"]
    status, said = world.look()
    assert (status, failed(said), warned(said)) == (0, [], [])


@pytest.mark.parametrize("dialect, fault, finding", [
    ("deepseek", "400-model", "model_refused"),
    ("deepseek", "400-context", "call_request"),
    ("deepseek", "401", "deepseek_key"),
    ("deepseek", "401-governor", "deepseek_header"),
    ("deepseek", "401-user", "deepseek_key"),
    ("deepseek", "401-plain", "deepseek_header"),
    ("deepseek", "402", "deepseek_balance"),
    ("deepseek", "422", "call_request"),
    ("deepseek", "429", "rate_refused"),
    ("deepseek", "429-concurrency", "deepseek_concurrency"),
    ("deepseek", "500", "api_down"),
    ("deepseek", "503", "busy"),
    ("openai", "401", "openai_key"),
    ("openai", "429", "rate_refused"),
    ("openai", "429-quota", "openai_quota"),
    ("openai", "503", "busy"),
    ("vllm", "vllm-400", "call_request"),
    ("vllm", "vllm-401", "vllm_key"),
    ("vllm", "vllm-404", "model_refused"),
    ("vllm", "vllm-flat", "model_refused"),
    ("vllm", "vllm-flat-200", "model_refused"),
    ("deepseek", "504", "api_down"),
])
def test_each_error_of_the_simulated_provider(world, dialect, fault, finding):
    sim = world.servers.start(Simulated(world.folder / "sim",
                                        ["--dialect", dialect]))
    sim.fault("status", fault)
    world.at(sim, path="/v1")
    world.args = ["--call"]
    status, said = world.look()
    assert (status, failed(said)) == (1, [finding])


@pytest.mark.parametrize("fault, finding", [
    ("empty", "call_empty"), ("garbage", "call_odd"), ("cut", "call_broken"),
    ("redirect", "call_odd")])
def test_each_broken_answer_of_the_simulated_provider(world, fault, finding):
    sim = world.servers.start(Simulated(world.folder / "sim"))
    sim.fault(fault)
    world.at(sim)
    world.args = ["--call"]
    status, said = world.look()
    assert (status, failed(said)) == (1, [finding])
