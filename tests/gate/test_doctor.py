"""`tollgate doctor`: in each broken set-up it names the true cause, and calls
nothing else wrong.

A row of BROKEN is a set-up, which a function builds of real files, sockets
and processes, and the findings that are true of it, the cause first.
"""

import functools
import json
import os
import signal
import subprocess
import time

import pytest

from conftest import BUILD, Sim, clean_env, free_port
from doctor_servers import (ANTHROPIC_KEY, DEEPSEEK_KEY, OPENAI_KEY, Answer,
                            FullListener, Proxy, RawServer, Servers,
                            anthropic, certificate, deepseek, envelope, models,
                            openai, page, vllm)

# What would point elsewhere, or tell another language.
ALIEN = ("OPENAI_", "ANTHROPIC_", "DEEPSEEK_", "TOLLGATE_", "LC_", "LANG",
         "SSL_CERT", "MY_")


class World:
    """What a set-up is made of, and the doctor who looks at it."""

    def __init__(self, gate, folder):
        self.gate, self.folder = gate, folder
        self.servers = Servers()
        self.env, self.args, self.secrets = {}, [], []
        self.timeout = "1s"
        self.cwd = folder / "work"
        self.cwd.mkdir()

    def key(self, **policy):
        policy.setdefault("model", "deepseek-flash")
        key = self.gate.key(**policy)
        self.secrets.append(str(key))
        return key

    def at_gate(self, key=None, path="/v1", **env):
        key = self.key() if key is None else key
        self.env.update(OPENAI_API_KEY=key,
                        OPENAI_BASE_URL=self.gate.url + path, **env)
        return key

    def at(self, server, key=DEEPSEEK_KEY, path="", **env):
        self.env.update(OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url + path,
                        **env)
        return server

    def dotenv(self, text, folder=None):
        data = text if isinstance(text, bytes) else text.encode()
        ((folder or self.cwd) / ".env").write_bytes(data)

    def http(self, answer, **options):
        return self.servers.http(answer, **options)

    def run(self, *args):
        env = {k: v for k, v in clean_env().items()
               if not k.startswith(ALIEN) and "proxy" not in k.lower()}
        env.update({k: str(v) for k, v in self.env.items()})
        result = subprocess.run(
            [BUILD / "tollgate", "doctor", "--timeout", self.timeout,
             *self.args, *args], cwd=self.cwd, env=env, capture_output=True,
            text=True, timeout=30)
        for secret in self.secrets + [DEEPSEEK_KEY, OPENAI_KEY,
                                      ANTHROPIC_KEY]:
            assert secret not in result.stdout + result.stderr
        assert result.stderr == ""
        return result

    def look(self):
        result = self.run("--json")
        said = json.loads(result.stdout)
        assert said["object"] == "doctor"
        assert said["healthy"] == (result.returncode == 0)
        for step in said["steps"]:
            is_wrong = step["status"] in ("failed", "warning")
            assert (step["cause"] is not None) == is_wrong, step
            assert (step["cure"] is not None) == is_wrong, step
        return result.returncode, said

    def close(self):
        self.servers.stop()


@pytest.fixture
def world(gate, tmp_path):
    it = World(gate, tmp_path)
    yield it
    it.close()


BROKEN = []


def broken(*findings, code=1):
    """The findings that are true, the cause first."""
    def add(build):
        BROKEN.append(pytest.param(build, findings, code, id=build.__name__))
        return build
    return add


def failed(said):
    return [s["finding"] for s in said["steps"] if s["status"] == "failed"]


# The variable and the file.

@broken("variable_none")
def nothing_is_set(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url


@broken("variable_unset")
def the_named_variable_is_not_set(w):
    w.at_gate()
    w.args = ["--key-env", "MY_OWN_KEY"]


@broken("variable_empty")
def the_variable_is_empty(w):
    w.at_gate(key="")


@broken("variable_placeholder")
def the_variable_is_a_placeholder(w):
    w.at_gate(key="your-api-key")


@broken("variable_placeholder")
def the_variable_is_filling(w):
    w.at_gate(key="sk-xxxxxxxxxxxxxxxxxxxx")


@broken("variable_placeholder")
def the_variable_is_in_angle_brackets(w):
    w.at_gate(key="<your key here>")


@broken("variable_unexpanded")
def the_variable_was_not_expanded(w):
    w.at_gate(key="${TOLLGATE_KEY}")


@broken("variable_misspelt")
def the_variable_is_misspelt(w):
    w.env.update(OPENAI_APIKEY=w.key(), OPENAI_BASE_URL=w.gate.url)
    w.args = ["--key-env", "OPENAI_API_KEY"]


@broken("file_commented", "variable_unset")
def the_line_is_commented_out(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"A=1\n# OPENAI_API_KEY={w.key()}\n")


@broken("file_syntax", "variable_unset")
def the_line_is_of_powershell(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f'$env:OPENAI_API_KEY="{w.key()}"\n')


@broken("file_syntax", "variable_unset")
def the_line_is_yaml(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"OPENAI_API_KEY: {w.key()}\n")


@broken("file_case", "variable_unset")
def the_line_has_other_capitals(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"openai_api_key={w.key()}\n")


@broken("file_bom", "variable_unset")
def the_file_begins_with_a_byte_order_mark(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"\ufeffOPENAI_API_KEY={w.key()}\n")


@broken("file_quote_open", "variable_unset")
def a_quote_is_not_closed(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f'OPENAI_API_KEY="{w.key()}\nB=2\n')


@broken("file_quotes_kept", "key_quotes")
def docker_kept_the_quotes(w):
    key = w.at_gate()
    w.dotenv(f'OPENAI_API_KEY="{key}"\n')
    w.env["OPENAI_API_KEY"] = f'"{key}"'


@broken("file_crlf_kept", "key_newline")
def a_shell_kept_the_carriage_return(w):
    key = w.at_gate()
    w.dotenv(f"A=1\r\nOPENAI_API_KEY={key}\r\n")
    w.env["OPENAI_API_KEY"] = f"{key}\r"


@broken("file_comment_kept", "key_space_inside")
def docker_kept_the_comment(w):
    key = w.at_gate()
    w.dotenv(f"OPENAI_API_KEY={key} # of ann\n")
    w.env["OPENAI_API_KEY"] = f"{key} # of ann"


@broken("file_missing")
def the_named_file_does_not_exist(w):
    w.at_gate()
    w.args = ["--env-file", "nowhere.env"]


@broken("file_overruled", "gate_key_disabled")
def an_old_key_in_the_environment_beats_the_new_one(w):
    old = w.at_gate()
    w.gate.must("keys", "disable", old.id, "--yes")
    w.dotenv(f"OPENAI_API_KEY={w.key()}\n", w.folder)


# The key's shape.

def shape(name, finding, change, *more):
    @broken(finding, *more)
    def build(w):
        w.at_gate()
        w.env["OPENAI_API_KEY"] = change(w.env["OPENAI_API_KEY"])
    build.__name__ = name
    BROKEN[-1] = pytest.param(build, (finding, *more), 1, id=name)


shape("the_key_is_in_quotes", "key_quotes", lambda k: f"'{k}'")
shape("a_blank_is_behind_the_key", "key_space_around", lambda k: k + " ")
shape("a_line_break_is_behind_the_key", "key_newline", lambda k: k + "\n")
shape("a_blank_is_inside_the_key", "key_space_inside",
      lambda k: k[:20] + " " + k[20:])
shape("a_zero_width_space_is_inside", "key_not_ascii",
      lambda k: k[:20] + "\u200b" + k[20:])
shape("a_letter_is_full_width", "key_not_ascii",
      lambda k: "\uff53" + k[1:])
shape("the_key_begins_twice", "key_sk_twice", lambda k: "sk-" + k)
shape("the_key_has_lost_its_beginning", "key_sk_lost", lambda k: k[3:])
shape("the_key_is_cut_short", "key_short", lambda k: k[:30])
shape("the_key_was_pasted_twice", "key_long", lambda k: k + k)
shape("a_letter_was_mistyped", "key_mistyped",
      lambda k: k[:-1] + ("A" if k[-1] != "A" else "B"))
shape("the_key_is_in_capitals", "key_case", lambda k: k.upper())
shape("the_key_is_shortened", "key_masked", lambda k: k[:7] + "..." + k[-4:])
shape("the_key_is_an_identity", "key_id", lambda k: "key_" + "A" * 20)
shape("the_key_has_its_name_in_front", "key_assignment",
      lambda k: "OPENAI_API_KEY=" + k)
shape("the_key_has_bearer_in_front", "key_bearer", lambda k: "Bearer " + k)
shape("the_key_is_of_openai", "key_foreign", lambda k: OPENAI_KEY)
shape("the_key_is_of_deepseek", "key_foreign", lambda k: DEEPSEEK_KEY)
shape("the_key_is_of_nobody", "key_unknown", lambda k: "hello-world-42")


@broken("key_quotes", "url_v1_twice")
def the_key_and_the_address_are_both_wrong(w):
    key = w.at_gate(path="/v1/v1")
    w.env["OPENAI_API_KEY"] = f'"{key}"'


# The address.

@broken("url_default_ours")
def no_address_for_a_key_of_ours(w):
    w.env["OPENAI_API_KEY"] = w.key()


@broken("url_wrong_provider")
def the_address_is_openais_for_a_key_of_ours(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = "https://api.openai.com/v1"


@broken("url_not_gate")
def the_address_is_another_servers(w):
    w.at(w.http(vllm), key=w.key(), path="/v1")


@broken("url_wrong_host")
def the_address_is_a_web_site(w):
    w.env.update(OPENAI_API_KEY=OPENAI_KEY,
                 OPENAI_BASE_URL="https://platform.openai.com/v1")


@broken("url_no_scheme")
def the_address_lacks_its_scheme(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = w.gate.url.removeprefix("http://") + "/v1"


@broken("url_malformed")
def the_scheme_lacks_a_slash(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = w.gate.url.replace("//", "/") + "/v1"


@broken("url_scheme")
def the_scheme_is_another(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = w.gate.url.replace("http", "ws")


@broken("url_unclean")
def the_address_is_in_quotes(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = f'"{w.gate.url}/v1"'


@broken("url_unclean")
def the_colon_is_full_width(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = w.gate.url.replace("http:", "http\uff1a")


@broken("url_placeholder")
def the_address_is_a_placeholder(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = "https://<your-gate>/v1"


@broken("key_is_url", "url_is_key")
def key_and_address_are_mixed_up(w):
    key = w.at_gate()
    w.env.update(OPENAI_API_KEY=w.gate.url, OPENAI_BASE_URL=key)


@broken("url_has_key")
def a_key_is_in_the_address(w):
    key = w.at_gate()
    w.env["OPENAI_BASE_URL"] += f"?api_key={key}"


@broken("url_endpoint")
def the_address_ends_in_the_path_of_a_call(w):
    w.at_gate(path="/v1/chat/completions")


@broken("url_v1_twice")
def v1_is_doubled(w):
    w.at_gate(path="/v1/v1")


@broken("url_slashes")
def a_slash_is_doubled(w):
    w.at_gate(path="//v1")


@broken("url_v1_missing")
def v1_is_missing_at_vllm(w):
    w.at(w.http(vllm), key="token-abc123")


@broken("url_v1_missing")
def v1_is_missing_at_openai(w):
    w.at(w.http(openai), key=OPENAI_KEY)


@broken("url_path_wrong")
def the_path_is_wrong(w):
    w.at_gate(path="/api/openai")


@broken("url_admin")
def the_address_is_the_admin_apis(w):
    w.at_gate(path="/admin/v1")


@broken("url_v1_anthropic")
def v1_is_too_much_for_anthropics_clients(w):
    w.env.update(ANTHROPIC_API_KEY=w.key(),
                 ANTHROPIC_BASE_URL=w.gate.url + "/v1")


@broken("url_anthropic_missing")
def deepseek_has_another_path_for_anthropics_clients(w):
    w.env.update(ANTHROPIC_API_KEY=DEEPSEEK_KEY,
                 ANTHROPIC_BASE_URL=w.http(deepseek).url)


@broken("url_anthropic_extra")
def the_path_is_anthropics(w):
    w.at_gate(path="/anthropic")


# The network.

@broken("dns_unknown", code=3)
def the_host_does_not_exist(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = "https://gate.invalid/v1"


@broken("connect_refused_here", code=3)
def nobody_listens(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = f"http://127.0.0.1:{free_port()}/v1"


@broken("connect_timeout", code=3)
def connections_are_dropped(w):
    w.at(w.servers.start(FullListener()), key=w.key(), path="/v1")


@broken("api_closed")
def the_connection_is_closed(w):
    w.at(w.servers.start(RawServer()), key=w.key())


@broken("api_not_http")
def another_service_listens(w):
    w.at(w.servers.start(RawServer(b"SSH-2.0-OpenSSH_9.2\r\n")), key=w.key())


@broken("api_timeout")
def the_server_hangs(w):
    w.at(w.servers.start(RawServer(holds=True)), key=w.key())
    w.timeout = "200ms"


# Proxies.

@broken("proxy_bad")
def the_proxy_is_no_address(w):
    w.at_gate(HTTP_PROXY="${PROXY}")


@broken("proxy_refused")
def the_proxy_is_down(w):
    w.at_gate(HTTP_PROXY=f"http://127.0.0.1:{free_port()}")


@broken("proxy_dns")
def the_proxy_does_not_exist(w):
    w.at_gate(ALL_PROXY="http://proxy.invalid:3128")


@broken("proxy_auth")
def the_proxy_wants_a_password(w):
    w.secrets.append("pa55word")
    proxy = w.servers.start(Proxy(refuses=407))
    w.at_gate(http_proxy=f"http://ann:pa55word@127.0.0.1:{proxy.port}")


@broken("proxy_breaks")
def the_proxy_shows_a_page(w):
    w.at_gate(HTTP_PROXY=w.servers.start(Proxy(shows=page(502))).url)


@broken("proxy_denied")
def the_proxy_denies_a_tunnel(w):
    pair = certificate(w.folder / "tls")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0],
         HTTPS_PROXY=w.servers.start(Proxy(refuses=403)).url)


@broken("proxy_failed")
def the_proxy_reaches_nobody(w):
    pair = certificate(w.folder / "tls")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0],
         HTTPS_PROXY=w.servers.start(Proxy(refuses=502)).url)


# TLS.

@broken("tls_expired")
def the_certificate_has_expired(w):
    pair = certificate(w.folder / "tls", start=-30, end=-1)
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0])


@broken("tls_not_yet")
def the_certificate_is_of_tomorrow(w):
    pair = certificate(w.folder / "tls", start=1, end=30)
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0])


@broken("clock_wrong")
def the_clock_is_wrong_for_the_certificate(w):
    pair = certificate(w.folder / "tls", start=1, end=30)
    w.at(w.http(deepseek, tls=pair, clock_s=5 * 86400), SSL_CERT_FILE=pair[0])


@broken("tls_self_signed")
def the_certificate_is_self_signed(w):
    w.at(w.http(deepseek, tls=certificate(w.folder / "tls")))


@broken("tls_unknown_issuer")
def the_authority_is_unknown(w):
    pair = certificate(w.folder / "tls",
                       issuer=certificate(w.folder / "ca"))
    w.at(w.http(deepseek, tls=pair))


@broken("tls_wrong_name")
def the_certificate_is_of_another_name(w):
    pair = certificate(w.folder / "tls", "DNS:gate.example.org")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE=pair[0])


@broken("tls_ca_missing")
def the_file_of_authorities_is_missing(w):
    pair = certificate(w.folder / "tls")
    w.at(w.http(deepseek, tls=pair), SSL_CERT_FILE="/nowhere/ca.pem")


@broken("tls_to_plain")
def https_to_a_port_without_tls(w):
    w.at_gate()
    w.env["OPENAI_BASE_URL"] = w.gate.url.replace("http:", "https:")


@broken("tls_from_plain")
def http_to_a_port_with_tls(w):
    server = w.http(deepseek, tls=certificate(w.folder / "tls"))
    w.at(server)
    w.env["OPENAI_BASE_URL"] = server.url.replace("https:", "http:")


# What answers.

@broken("api_html")
def a_web_page_answers(w):
    w.at(w.http(page()))


@broken("api_redirect")
def the_network_wants_a_login(w):
    w.at(w.http(page(302, Location="http://login.invalid/start")))


@broken("api_redirect_https")
def the_server_wants_https(w):
    server = w.http(lambda *_: Answer(
        301, "", "text/html", Location=f"https://127.0.0.1:{port}/models"))
    port = server.port
    w.at(server)


@broken("api_login")
def a_password_is_in_front_of_the_api(w):
    w.at(w.http(page(401, WWW_Authenticate="Basic realm=x")))


@broken("api_forbidden")
def a_firewall_is_in_front_of_the_api(w):
    w.at(w.http(page(403)))


@broken("api_gateway")
def the_service_behind_the_proxy_is_down(w):
    w.at(w.http(page(502)))


@broken("api_not_found")
def there_is_no_api(w):
    w.at(w.http(page(404)))


@broken("api_not_json")
def something_else_answers(w):
    w.at(w.http(lambda *_: Answer(200, {"status": "ok"})))


@broken("api_down")
def the_server_fails(w):
    w.at(w.http(lambda *_: Answer(500, envelope("oops", "server_error"))))


@broken("busy")
def the_server_is_overloaded(w):
    w.at(w.http(lambda *_: Answer(503, envelope(
        "Service is too busy.", "service_unavailable_error",
        "service_unavailable_error"), x_ds_trace_id="0" * 32)))


@broken("api_starting")
def the_gate_is_starting(w):
    w.at(w.http(lambda *_: Answer(503, envelope(
        "This gate is starting or short of room and admits no calls.",
        "api_error", "gate_unavailable"))), key=w.key())


# The header.

@broken("header_two")
def two_keys_are_sent(w):
    w.env.update(ANTHROPIC_API_KEY=w.key(), ANTHROPIC_AUTH_TOKEN=w.key(),
                 ANTHROPIC_BASE_URL=w.gate.url)


@broken("header_wants_x_api_key")
def the_server_wants_the_other_header(w):
    w.env.update(ANTHROPIC_AUTH_TOKEN=ANTHROPIC_KEY,
                 ANTHROPIC_BASE_URL=w.http(anthropic).url)


@broken("header_wants_x_api_key")
def anthropic_asked_by_a_client_of_openais(w):
    w.at(w.http(anthropic), key=ANTHROPIC_KEY, path="/v1")


@broken("header_wants_bearer")
def a_server_for_anthropics_client_that_wants_bearer(w):
    def answer(method, path, headers, body):
        if headers.get("Authorization") != f"Bearer {ANTHROPIC_KEY}":
            return Answer(401, envelope("no", "authentication_error"))
        return Answer(200, models("me", "claude-x"))

    w.env.update(ANTHROPIC_API_KEY=ANTHROPIC_KEY,
                 ANTHROPIC_BASE_URL=w.http(answer).url)


# The key as the gate sees it.

@broken("gate_key_unknown")
def the_key_was_deleted(w):
    key = w.at_gate()
    w.gate.must("keys", "disable", key.id, "--yes")
    w.gate.must("keys", "delete", key.id, "--yes")


@broken("gate_key_disabled")
def the_key_is_disabled(w):
    w.gate.must("keys", "disable", w.at_gate().id, "--yes")


@broken("gate_key_inactive")
def the_key_is_paused(w):
    w.gate.must("keys", "pause", w.at_gate().id)


@broken("gate_key_expired")
def the_key_has_expired(w):
    at = time.time() + 1.2
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    w.at_gate(key=w.key(expires=f"{stamp}.{int(at % 1 * 1000):03}Z"))
    w.gate.wait(lambda: time.time() > at + 0.1)


@broken("gate_key_rotated")
def the_key_was_rotated(w):
    key = w.at_gate()
    out = w.gate.cli_json("keys", "rotate", key.id, "--grace", "0")
    w.secrets.append(out["key"])


@broken("gate_account_suspended")
def the_account_is_suspended(w):
    name = "doctor-" + os.urandom(4).hex()
    w.gate.must("accounts", "create", "--name", name)
    w.at_gate(key=w.key(account=name))
    w.gate.must("accounts", "suspend", name)


@broken("gate_ip")
def the_network_is_not_allowed(w):
    w.at_gate(key=w.key(allow_ip="192.0.2.0/24"))


@broken("gate_referrer")
def the_key_is_for_web_pages(w):
    w.at_gate(key=w.key(allow_referrer="https://app.example.com/*"))


@broken("gate_hours")
def the_key_sleeps(w):
    # An hour that is neither this one nor the next.
    hour = (time.gmtime().tm_hour + 6) % 23
    w.at_gate(key=w.key(hours=f"daily {hour:02}:00-{hour + 1:02}:00 UTC"))


@broken("scope_missing")
def the_scope_is_missing(w):
    w.at_gate(key=w.key(scope="embeddings"))
    w.args = ["--scope", "chat"]


@broken("scope_none", "model_none")
def the_key_may_do_nothing(w):
    key = w.gate.key(kind="restricted")
    w.secrets.append(str(key))
    w.at_gate(key=key)


@broken("scope_endpoints")
def its_endpoints_are_of_another_scope(w):
    w.at_gate(key=w.key(endpoint="POST /v1/embeddings"))
    w.args = ["--scope", "chat"]


@broken("gate_scope")
def a_call_without_the_scope(w):
    w.at_gate(key=w.key(scope="embeddings"))
    w.args = ["--call"]


@broken("model_missing")
def the_model_is_not_the_keys(w):
    w.at_gate()
    w.args = ["--model", "gpt-5"]


@broken("limits_spent")
def the_day_is_used_up(w):
    key = w.at_gate(key=w.key(rpd=1))
    assert w.gate.chat(key, max_tokens=1).status == 200


@broken("gate_money")
def what_is_left_of_the_budget_pays_for_no_call(w):
    w.at_gate(key=w.key(daily_limit="0.00000001"))
    w.args = ["--call"]


@broken("balance_spent")
def the_balance_is_used_up(w):
    name = "doctor-" + os.urandom(4).hex()
    w.gate.must("accounts", "create", "--name", name, "--billing", "prepaid")
    w.at_gate(key=w.key(account=name))


# Other providers, as they word it.

@broken("deepseek_key")
def deepseek_does_not_know_the_key(w):
    w.at(w.http(deepseek), key="sk-" + "deadbeef" * 4)


@broken("deepseek_balance")
def deepseek_has_no_balance(w):
    w.at(w.http(functools.partial(deepseek, is_available=False)))


@broken("model_retired")
def deepseek_retired_the_model(w):
    w.at(w.http(deepseek))
    w.args = ["--model", "deepseek-chat"]


def called(name, finding, status, body, kind="application/json",
           provider=deepseek, key=DEEPSEEK_KEY, path=""):
    """What a provider says to a call, which --call makes."""
    def build(w):
        w.at(w.http(functools.partial(
            provider, call=Answer(status, body, kind))), key=key, path=path)
        w.args = ["--call"]
    BROKEN.append(pytest.param(build, (finding,), 1, id=name))


called("deepseek_402", "deepseek_balance", 402, envelope(
    "Insufficient Balance", "unknown_error", "invalid_request_error"))
called("deepseek_400_model", "model_refused", 400, envelope(
    "The supported API model names are deepseek-flash, deepseek-v4-pro, but "
    "you passed x.", "invalid_request_error", "invalid_request_error"))
called("deepseek_400", "call_request", 400, envelope(
    "Invalid 'user_id': string does not match pattern.",
    "invalid_request_error", "invalid_request_error"))
called("deepseek_422_in_plain_text", "call_request", 422,
       "Failed to deserialize the JSON body into the target type",
       "text/plain")
called("deepseek_429_rate", "rate_refused", 429, envelope(
    "Rate limit reached for TPM", "rate_limit_error"))
called("deepseek_429_concurrency", "deepseek_concurrency", 429, envelope(
    "Your current concurrency is 40, which exceeds your concurrency limit of "
    "39 based on your remaining balance.", "rate_limit_error"))
called("deepseek_500", "api_down", 500, envelope(
    "Internal error", "server_error"))
called("deepseek_503", "busy", 503, envelope(
    "Service is too busy.", "service_unavailable_error",
    "service_unavailable_error"))
called("deepseek_200_and_nothing", "call_empty", 200, "\n\n")
called("openai_429_quota", "openai_quota", 429, envelope(
    "You exceeded your current quota, please check your plan and billing "
    "details.", "insufficient_quota", "insufficient_quota"),
    provider=openai, key=OPENAI_KEY, path="/v1")
called("openai_429_rate", "rate_refused", 429, envelope(
    "Rate limit reached for gpt-5 on tokens per min (TPM)", "tokens",
    "rate_limit_exceeded"), provider=openai, key=OPENAI_KEY, path="/v1")
called("openai_403_model", "model_refused", 403, envelope(
    "Project `proj_1` does not have access to model `gpt-5`",
    "invalid_request_error", "model_not_found"),
    provider=openai, key=OPENAI_KEY, path="/v1")


@broken("openai_key")
def openai_does_not_know_the_key(w):
    w.at(w.http(openai), key=OPENAI_KEY[:-4] + "9999", path="/v1")


def refused(name, finding, answer):
    def build(w):
        w.at(w.http(functools.partial(openai, refusal=answer)),
             key=OPENAI_KEY, path="/v1")
    BROKEN.append(pytest.param(build, (finding,), 1, id=name))


refused("openai_401_scope", "openai_scope", Answer(401, envelope(
    "You have insufficient permissions for this operation. Missing scopes: "
    "model.request.", "invalid_request_error", "missing_scope")))
refused("openai_401_organization", "openai_organization", Answer(401, envelope(
    "OpenAI-Organization header should match organization for API key",
    "invalid_request_error", "mismatched_organization")))
refused("openai_403_region", "openai_region", Answer(403, envelope(
    "Country, region, or territory not supported",
    "request_forbidden", "unsupported_country_region_territory")))


@broken("anthropic_key")
def anthropic_does_not_know_the_key(w):
    w.env.update(ANTHROPIC_API_KEY=ANTHROPIC_KEY[:-4] + "zzAA",
                 ANTHROPIC_BASE_URL=w.http(anthropic).url)


@broken("anthropic_billing")
def anthropic_wants_money(w):
    w.env.update(
        ANTHROPIC_API_KEY=ANTHROPIC_KEY,
        ANTHROPIC_BASE_URL=w.http(functools.partial(anthropic, call=(
            400, "invalid_request_error",
            "Your credit balance is too low to access the API."))).url)
    w.args = ["--call"]


@broken("busy")
def anthropic_is_overloaded(w):
    w.env.update(
        ANTHROPIC_API_KEY=ANTHROPIC_KEY,
        ANTHROPIC_BASE_URL=w.http(functools.partial(anthropic, call=(
            529, "overloaded_error", "Overloaded"))).url)
    w.args = ["--call"]


@broken("call_no_model")
def no_model_can_be_called(w):
    def answer(method, path, headers, body):
        if headers.get("Authorization") is None:
            return Answer(401, envelope("no", "x"))
        return Answer(200, models("me", "text-embedding-3-small"))

    w.at(w.http(answer))
    w.args = ["--call"]


@broken("other_401")
def a_server_that_nobody_knows_refuses_the_key(w):
    w.at(w.http(lambda *_: Answer(401, envelope("no", "auth", "no_key"))))


@broken("vllm_key")
def vllm_has_another_key(w):
    w.at(w.http(vllm), key="token-of-somebody", path="/v1")


@pytest.mark.parametrize("build, findings, code", BROKEN)
def test_the_cause_is_named_and_nothing_else(world, build, findings, code):
    build(world)
    status, said = world.look()
    assert said["finding"] == findings[0], said["verdict"]
    assert sorted(failed(said)) == sorted(findings)
    assert status == code


# In order: no false alarm, and nothing that costs money.

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


@healthy("file_unreadable")
def the_file_cannot_be_read(w):
    w.at_gate()
    (w.cwd / ".env").mkdir()


@healthy()
def a_server_without_a_list_of_models(w):
    def answer(method, path, headers, body):
        if path != "/v1/chat/completions":
            return Answer(404, envelope("no such path", "x"))
        if headers.get("Authorization") != f"Bearer {DEEPSEEK_KEY}":
            return Answer(401, envelope("no", "x"))
        return Answer(400, envelope("model is missing", "x"))

    w.at(w.http(answer), path="/v1")


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


def warned(said):
    return [s["finding"] for s in said["steps"] if s["status"] == "warning"]


@pytest.mark.parametrize("build, warnings", HEALTHY)
def test_no_false_alarm(world, build, warnings):
    build(world)
    status, said = world.look()
    assert failed(said) == []
    assert sorted(warned(said)) == sorted(warnings)
    assert (status, said["healthy"], said["finding"]) == (0, True, None)


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


class Simulated(Sim):
    def shutdown(self):
        self.stop()

    def server_close(self):
        pass


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


# For people.

def test_each_step_has_its_sign_and_the_last_line_is_the_verdict(world):
    key = world.at_gate()
    world.env["OPENAI_API_KEY"] = f"'{key}'"
    result = world.run()
    lines = result.stdout.rstrip("\n").split("\n")
    assert result.returncode == 1
    assert lines[-2:] == ["", (
        "There are quotes or brackets around the key, and they are part of "
        "it. Set OPENAI_API_KEY without them.")]
    assert [line for line in lines if line.startswith("✗")] == [
        "✗ shape       There are quotes or brackets around the key, and they "
        "are part of it"]
    assert "              → Set OPENAI_API_KEY without them" in lines
    assert any(line.startswith("✓ connection") for line in lines)
    assert ("– header, key, scope, model, limits, money  not looked at: the "
            "key was not sent") in lines


def test_several_causes_are_counted_in_the_verdict(world):
    key = world.at_gate(path="/v1/v1")
    world.env["OPENAI_API_KEY"] = f"'{key}'"
    assert world.run("-q").stdout == (
        "There are quotes or brackets around the key, and they are part of "
        "it. Set OPENAI_API_KEY without them. (1 more above)\n")


@pytest.mark.parametrize("env, args", [
    ({"LANG": "zh_CN.UTF-8"}, []), ({"LC_ALL": "zh_TW"}, []),
    ({"LANG": "en_US.UTF-8"}, ["--lang", "zh"])])
def test_it_speaks_chinese(world, env, args):
    world.at_gate(key=world.key()[:30])
    world.env.update(env)
    said = world.run(*args).stdout
    assert said.endswith(
        "\n\n密钥不完整：只有 30 个字符，Tollgate 密钥应为 43 个字符。"
        "重新完整复制；双击不一定能选中整个密钥。\n")
    assert "✗ 密钥格式  密钥不完整：" in said
    assert "✓ 连接      127.0.0.1 的" in said
    assert "– 请求头、密钥、权限、模型、限额、余额  未检查：没有发出密钥" in said


@pytest.mark.parametrize("build", [
    the_proxy_is_down, a_web_page_answers, deepseek_has_no_balance,
    a_key_at_its_gate, the_key_is_disabled], ids=lambda b: b.__name__)
def test_in_chinese_no_english_sentence_is_left(world, build):
    build(world)
    _, said = world.look()
    english = {s["cause"] or s["detail"] for s in said["steps"]}
    chinese = json.loads(world.run("--json", "--lang", "zh").stdout)
    assert [s["finding"] for s in said["steps"]] == [
        s["finding"] for s in chinese["steps"]]
    for step in chinese["steps"]:
        text = step["cause"] or step["detail"]
        assert text not in english or step["id"] == "header", text


@pytest.mark.parametrize("args", [
    ["--lang", "fr"], ["--key-env", "A B"], ["--scope", "everything"],
    ["--key-env", DEEPSEEK_KEY], ["--nonsense"], ["KEY"]])
def test_wrong_usage(world, args):
    world.at_gate()
    result = subprocess.run([BUILD / "tollgate", "doctor", *args],
                            capture_output=True, text=True, env=world.env)
    assert (result.returncode, result.stdout) == (2, "")
    assert DEEPSEEK_KEY not in result.stderr


def test_a_wrong_host_takes_no_more_than_five_seconds(world):
    the_host_does_not_exist(world)
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
