"""`tollgate doctor`: what is in order is called so, with no false alarm; what
is sent, and to whom."""

import functools
import json
import os
import signal
import time

import pytest

from doctor_servers import (ANTHROPIC_KEY, DEEPSEEK_KEY, OPENAI_KEY, Answer,
                            Proxy, anthropic, certificate, deepseek, envelope,
                            models, openai, vllm)
from doctor_world import World, failed, warned

@pytest.fixture
def world(gate, tmp_path):
    it = World(gate, tmp_path)
    yield it
    it.close()


HEALTHY = []


def healthy(*warnings):
    """The warnings that are true, too."""
    def add(build):
        HEALTHY.append(pytest.param(build, warnings, id=build.__name__))
        return build
    return add


@healthy()
def a_key_at_its_gate(w):
    w.at_gate()


@healthy()
def with_model_and_scope(w):
    w.at_gate()
    w.args = ["--model", "deepseek-flash", "--scope", "chat"]


@healthy()
def without_v1_and_with_a_slash(w):
    w.at_gate(path="/")


@healthy()
def with_a_call(w):
    w.at_gate()
    w.args = ["--call"]


@healthy()
def anthropics_client_at_the_gate(w):
    w.env.update(ANTHROPIC_API_KEY=w.key(), ANTHROPIC_BASE_URL=w.gate.url)
    w.args = ["--call"]


@healthy()
def anthropics_client_at_the_gates_other_path(w):
    w.env.update(ANTHROPIC_AUTH_TOKEN=w.key(),
                 ANTHROPIC_BASE_URL=w.gate.url + "/anthropic")


@healthy()
def an_option_says_whose_client_it_is(w):
    w.env.update(MY_KEY=w.key())
    w.args = ["--key-env", "MY_KEY", "--base-url", w.gate.url, "--api",
              "anthropic", "--call"]


@healthy()
def a_narrow_key(w):
    w.at_gate(key=w.key(kind="restricted", scope="embeddings"))


@healthy()
def all_of_its_limits_and_budgets(w):
    w.at_gate(key=w.key(qps=5, rpm=60, rpd=9, tpm=9000, concurrency=2,
                        daily_limit="2.50", monthly_limit="20",
                        expires="90d"))


@healthy("gate_expires_soon")
def it_expires_soon(w):
    w.at_gate(key=w.key(expires="2d"))


@healthy()
def another_variable_with_its_address(w):
    w.env.update(MY_API_KEY=w.key(), MY_BASE_URL=w.gate.url)
    w.args = ["--key-env", "MY_API_KEY"]


@healthy()
def the_address_by_the_option(w):
    w.env["TOLLGATE_API_KEY"] = w.key()
    w.args = ["--base-url", w.gate.url + "/v1"]


@healthy()
def file_and_environment_agree(w):
    key = w.at_gate()
    w.dotenv(f'# mine\nexport OPENAI_API_KEY="{key}" # of ann\n')


@healthy("variable_only_in_file")
def all_of_it_in_the_file(w):
    w.dotenv(f"OPENAI_API_KEY='{w.key()}'\n"
             f"OPENAI_BASE_URL={w.gate.url}/v1\n", w.folder)


@healthy("variable_only_in_file", "file_spaces", "file_crlf", "file_export")
def a_file_that_not_everybody_reads(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"export OPENAI_API_KEY = {w.key()}\r\n")


@healthy("file_differs")
def file_and_environment_differ(w):
    w.at_gate()
    w.dotenv(f"OPENAI_API_KEY={w.key()}\n")


@healthy("url_old_variable")
def only_the_old_variable_names_the_address(w):
    w.env.update(OPENAI_API_KEY=w.key(), OPENAI_API_BASE=w.gate.url)


@healthy("url_two_variables")
def two_variables_differ(w):
    w.at_gate(OPENAI_API_BASE="http://127.0.0.1:9/v1")


@healthy("proxy_local")
def a_proxy_on_the_way_to_this_machine(w):
    w.at_gate(HTTP_PROXY=w.servers.start(Proxy()).url)


@healthy()
def a_proxy_that_does_not_count(w):
    w.at_gate(HTTP_PROXY="http://127.0.0.1:9",
              NO_PROXY="example.com,127.0.0.0/8")


@healthy("clock_off")
def the_clocks_differ(w):
    w.at(w.http(deepseek, clock_s=-3600))


@healthy()
def deepseeks_own_key(w):
    w.at(w.http(deepseek))
    w.args = ["--call", "--model", "deepseek-flash"]


@healthy()
def deepseeks_own_key_with_v1(w):
    w.at(w.http(deepseek), path="/v1")


@healthy()
def deepseek_for_anthropics_client(w):
    w.env.update(ANTHROPIC_AUTH_TOKEN=DEEPSEEK_KEY,
                 ANTHROPIC_BASE_URL=w.http(deepseek).url + "/anthropic")
    w.args = ["--call", "--model", "claude-x"]


@healthy()
def openais_own_key(w):
    w.at(w.http(openai), key=OPENAI_KEY, path="/v1")
    w.args = ["--call"]


@healthy()
def anthropics_own_key(w):
    w.env.update(ANTHROPIC_API_KEY=ANTHROPIC_KEY,
                 ANTHROPIC_BASE_URL=w.http(anthropic).url)
    w.args = ["--call"]


@healthy()
def vllms_own_key(w):
    w.at(w.http(vllm), key="token-abc123", path="/v1")
    w.args = ["--call"]


@healthy("variable_placeholder_open")
def vllm_without_a_key(w):
    w.at(w.http(functools.partial(vllm, key=None)), key="EMPTY", path="/v1")


@healthy("key_unproven")
def a_list_that_is_open_to_all(w):
    w.at(w.http(functools.partial(vllm, key=None)), path="/v1")


@healthy()
def a_good_certificate(w):
    pair = certificate(w.folder / "tls")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0])


@healthy()
def a_tunnel_through_a_proxy_is_not_asked_for_here(w):
    pair = certificate(w.folder / "tls")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0],
         HTTPS_PROXY="http://127.0.0.1:9", no_proxy="127.0.0.1")


@healthy("file_twice")
def the_last_line_wins(w):
    w.at_gate()
    w.dotenv(f"OPENAI_API_KEY=old\nOPENAI_API_KEY={w.env['OPENAI_API_KEY']}\n")


@healthy("url_empty")
def the_address_is_empty_and_the_old_one_is_not(w):
    w.env.update(TOLLGATE_API_KEY=w.key(), TOLLGATE_BASE_URL="",
                 TOLLGATE_LISTEN=w.gate.url.removeprefix("http://"))


@healthy("file_utf16")
def a_file_of_powershell_that_nobody_needs(w):
    w.at_gate()
    w.dotenv("A=1\r\n".encode("utf-16"))


@healthy("file_unreadable")
def the_file_cannot_be_read(w):
    w.at_gate()
    (w.cwd / ".env").mkdir()


@healthy()
def a_server_without_a_list_of_models(w):
    def answer(method, path, headers, body):
        if path != "/v1/chat/completions":
            return Answer(404, "no such path", "text/plain")
        if headers.get("Authorization") != f"Bearer {DEEPSEEK_KEY}":
            return Answer(401, envelope("no", "x"))
        return Answer(400, envelope("model is missing", "x"))

    w.at(w.http(answer), path="/v1")


@healthy()
def a_key_for_files_needs_no_model(w):
    key = w.gate.key(kind="restricted", scope="files")
    w.secrets.append(str(key))
    w.at_gate(key=key)


@healthy("file_differs")
def the_key_of_the_file_is_another_services(w):
    w.at_gate()
    w.dotenv(f"OPENAI_API_KEY={OPENAI_KEY}\n")


@healthy()
def messages_without_a_list_of_models(w):
    def answer(method, path, headers, body):
        if path == "/v1/models":
            return Answer(404, {"type": "error", "error": {
                "type": "not_found_error", "message": "model list: none"}})
        return anthropic(method, path, headers, body)

    w.env.update(ANTHROPIC_API_KEY=ANTHROPIC_KEY,
                 ANTHROPIC_BASE_URL=w.http(answer).url)


@healthy("key_unproven")
def messages_that_want_no_key(w):
    def answer(method, path, headers, body):
        if path == "/v1/models":
            return Answer(200, models("me", "claude-x"))
        return Answer(400, {"type": "error", "error": {
            "type": "invalid_request_error", "message": "model: required"}})

    w.env.update(ANTHROPIC_API_KEY=ANTHROPIC_KEY,
                 ANTHROPIC_BASE_URL=w.http(answer).url)


@healthy()
def a_model_that_has_another_name_for_its_limit(w):
    def answer(method, path, headers, body):
        if "max_tokens" in json.loads(body or b"{}"):
            return Answer(400, envelope(
                "Unsupported parameter: 'max_tokens' is not supported with "
                "this model. Use 'max_completion_tokens' instead.",
                "invalid_request_error", "unsupported_parameter"))
        return openai(method, path, headers, body)

    w.at(w.http(answer), key=OPENAI_KEY, path="/v1")
    w.args = ["--call"]


@pytest.mark.parametrize("build, warnings", HEALTHY)
def test_no_false_alarm(world, build, warnings):
    build(world)
    status, said = world.look()
    assert failed(said) == [], said["verdict"]
    assert sorted(warned(said)) == sorted(warnings)
    assert (status, said["healthy"], said["finding"]) == (0, True, None)


# Gates of their own.

def test_a_wrong_key_is_named_also_when_there_were_too_many(make_gate, tmp_path):
    gate = make_gate(conf="[gate]\nwrong_keys_per_minute = 1\n").start()
    world = World(gate, tmp_path)
    good, gone = world.key(), world.key()
    gate.must("keys", "disable", gone.id, "--yes")
    gate.must("keys", "delete", gone.id, "--yes")
    for key, findings in ((gone, ["gate_key_unknown"]),
                          (gone, ["gate_key_unknown"]), (good, [])):
        world.at_gate(key=key)
        assert failed(world.look()[1]) == findings


def test_an_account_that_is_not_verified(make_gate, tmp_path):
    gate = make_gate(conf="[gate]\nrequire_verification = yes\n").start()
    world = World(gate, tmp_path)
    gate.must("accounts", "create", "--name", "new")
    world.at_gate(key=world.key(account="new"))
    assert failed(world.look()[1]) == ["gate_account_unverified"]


def test_a_provider_that_is_down_is_not_the_gates_fault(own_gate, tmp_path):
    world = World(own_gate, tmp_path)
    world.at_gate()
    own_gate.sim.stop()
    assert failed(world.look()[1]) == []
    world.args = ["--call"]
    assert failed(world.look()[1]) == ["call_upstream"]


def test_a_gate_behind_tls(tls_gate, tmp_path):
    world = World(tls_gate, tmp_path)
    world.at_gate()
    world.env["OPENAI_BASE_URL"] = tls_gate.tls_url + "/v1"
    assert failed(world.look()[1]) == ["tls_self_signed"]
    world.env["SSL_CERT_FILE"] = tls_gate.ca
    assert failed(world.look()[1]) == []
    world.env["OPENAI_BASE_URL"] = tls_gate.tls_url.replace("https:", "http:")
    assert failed(world.look()[1]) == ["tls_from_plain"]


def test_a_gate_whose_daemon_is_down_is_in_order(own_gate, tmp_path):
    world = World(own_gate, tmp_path)
    world.at_gate()
    os.kill(own_gate.daemon_pid(), signal.SIGSTOP)
    try:
        assert failed(world.look()[1]) == []
    finally:
        os.kill(own_gate.daemon_pid(), signal.SIGCONT)


# What is sent.

def test_it_costs_nothing_without_call(world):
    server = world.at(world.http(deepseek))
    world.look()
    assert {(method, path) for method, path, _, _ in server.seen} == {
        ("GET", "/models"), ("GET", "/user/balance")}
    key = world.at_gate()
    before = world.gate.sim.count()
    world.look()
    assert world.gate.sim.count() == before
    assert world.gate.request("GET", "/key", key).json["use"]["requests"] == 0


@pytest.mark.parametrize("key, server", [
    (None, vllm), (OPENAI_KEY, "gate"), (DEEPSEEK_KEY + "\n", deepseek),
    (f'"{DEEPSEEK_KEY}"', deepseek)])
def test_a_key_is_not_sent_to_who_it_is_not_for(world, key, server):
    if server == "gate":
        server = world.gate
        server.keys = lambda: []
    else:
        server = world.http(server)
    world.env.update(OPENAI_API_KEY=key or world.key(),
                     OPENAI_BASE_URL=server.url + "/v1")
    _, said = world.look()
    assert server.keys() == []
    assert [s["finding"] for s in said["steps"] if s["id"] == "key"] == [
        "skipped_key"]


def test_a_key_of_the_file_is_not_tried_where_it_is_not_for(world):
    old = world.at_gate()
    world.gate.must("keys", "disable", old.id, "--yes")
    world.dotenv(f"OPENAI_API_KEY={OPENAI_KEY}\n")
    proxy = world.servers.start(Proxy())
    world.env["HTTP_PROXY"] = proxy.url
    _, said = world.look()
    assert failed(said) == ["gate_key_disabled"]
    assert proxy.keys() == [f"Bearer {old}"]


def test_offline_nothing_is_sent(world):
    server = world.at(world.http(deepseek))
    world.args = ["--offline"]
    status, said = world.look()
    assert (status, server.seen) == (0, [])
    assert {s["finding"] for s in said["steps"] if s["id"] in (
        "dns", "tls", "api", "key", "clock", "call")} == {"skipped_offline"}


@pytest.mark.parametrize("key, host, findings", [
    (OPENAI_KEY, "https://api.deepseek.com", ["key_foreign"]),
    (DEEPSEEK_KEY, "https://api.openai.com/v1", ["key_foreign"]),
    (DEEPSEEK_KEY, "https://api.deepseek.com", []),
    (DEEPSEEK_KEY, "https://api.deepseek.com/v1", []),
    (DEEPSEEK_KEY[3:], "https://api.deepseek.com", ["key_sk_lost"]),
    (OPENAI_KEY, "https://api.openai.com", ["url_v1_missing"]),
    (OPENAI_KEY, "https://api.openai.com/v1/", []),
    (ANTHROPIC_KEY, "https://api.deepseek.com/anthropic",
     ["key_foreign", "url_anthropic_extra"]),
    (OPENAI_KEY, "https://chatgpt.com", ["url_wrong_host"]),
    (OPENAI_KEY, "", []),
])
def test_what_is_known_of_providers_without_asking(world, key, host, findings):
    world.env["OPENAI_API_KEY"] = key
    if host:
        world.env["OPENAI_BASE_URL"] = host
    world.args = ["--offline"]
    _, said = world.look()
    assert failed(said) == findings


def test_a_wrong_host_takes_no_more_than_five_seconds(world):
    world.at_gate()
    world.env["OPENAI_BASE_URL"] = "https://gate.invalid/v1"
    before = time.monotonic()
    world.look()
    assert time.monotonic() - before < 5


def test_a_server_that_repeats_the_key_does_not_make_us_repeat_it(world):
    def parrot(method, path, headers, body):
        return Answer(401, envelope(
            f"No such key: {headers.get('Authorization')}", "x", "y"))

    world.at(world.http(parrot))
    _, said = world.look()  # which looks for the key in all of it
    assert said["finding"] == "other_401"
    assert [s["detail"] for s in said["steps"] if s["id"] == "key"] == [
        "No such key: Bearer sk-...6978"]
