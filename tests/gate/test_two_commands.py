"""A model of one's own is in service, with a price, after two commands."""


def test_a_vllm_without_a_secret(make_gate):
    gate = make_gate(sim_args=["--dialect", "vllm"], dialect="vllm",
                     models=["other"]).start()
    gate.must("upstreams", "add", "--name", "mine", "--base-url",
              gate.sim.url, "--dialect", "vllm", "--no-secret")
    gate.must("models", "add", "sim-vllm", "--upstream", "mine", "--prompt",
              "0.2", "--completion", "0.8")
    key = gate.key("mine")
    answer = gate.chat(key, "sim:tokens=5", model="sim-vllm")
    assert answer.status == 200, answer.text
    usage = answer.json["usage"]
    call, = gate.wait_calls(1, key)
    nanos = usage["prompt_tokens"] * 200 + usage["completion_tokens"] * 800
    assert call["cost"] == f"{nanos / 1e9:.9f}".rstrip("0")
    assert call["upstream"] == "mine"
    # Again is no error, and no second credential.
    gate.must("upstreams", "add", "--name", "mine", "--base-url",
              gate.sim.url, "--dialect", "vllm", "--no-secret", "--replace")
    assert gate.chat(key, model="sim-vllm").status == 200
    own = [c for c in gate.cli_json("credentials", "list")["data"]
           if c["status"] == "active"]
    assert len(own) == 2


def test_who_forgets_something_is_told(make_gate):
    gate = make_gate(sim_args=["--dialect", "vllm"], dialect="vllm",
                     models=["other"]).start()
    code, _, err = gate.cli("upstreams", "add", "--name", "mine",
                            "--base-url", gate.sim.url, "--dialect", "vllm")
    assert code == 0 and "tollgate credentials add --upstream mine" in err
    code, _, err = gate.cli("models", "add", "sim-vllm", "--upstream", "mine")
    assert code == 0 and "tollgate prices add sim-vllm" in err
    key = gate.key("k")
    answer = gate.chat(key, model="sim-vllm")
    assert (answer.status, answer.code) == (400, "model_not_priced")
    gate.must("prices", "add", "sim-vllm", "--prompt", "1", "--completion", "2")
    answer = gate.chat(key, model="sim-vllm")
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert "tollgate credentials add" in answer.text
    gate.must("credentials", "add", "--upstream", "mine",
              input="sk-0123456789abcdef\n")
    assert gate.chat(key, model="sim-vllm").status == 200
    code, _, err = gate.cli("models", "add", "sim-vllm", "--upstream", "nobody")
    assert code == 1 and "tollgate upstreams add --name" in err
    code, _, err = gate.cli("models", "show", "nothing")
    assert code == 1 and "no model 'nothing'" in err
