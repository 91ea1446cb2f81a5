"""`tollgate doctor`: in each broken set-up it names the true cause, and calls
nothing else wrong.

A row of BROKEN is a set-up, which a function builds, and the findings that
are true of it, the cause first.
"""

import base64
import functools
import os
import time

import pytest

from conftest import free_port
from doctor_servers import (ANTHROPIC_KEY, DEEPSEEK_KEY, OPENAI_KEY, Answer,
                            FullListener, Proxy, RawServer, anthropic,
                            certificate, deepseek, envelope, models, openai,
                            page, vllm)
from doctor_world import World, failed

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


# The variable and the file.

@broken("variable_none")
def nothing_is_set(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url


@broken("variable_unset")
def the_named_variable_is_not_set(w):
    w.at_gate()
    w.args = ["--key-env", "MY_OWN_KEY"]


@broken("variable_unset")
def a_variable_of_nearly_its_name_is_no_key(w):
    w.env.update(OPENAI_API_BASE=w.gate.url, OPENAI_BASE_URL=w.gate.url)
    w.args = ["--key-env", "OPENAI_API_KEY"]


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


@broken("file_utf16", "variable_none")
def the_file_is_of_powershell(w):
    w.env["OPENAI_BASE_URL"] = w.gate.url
    w.dotenv(f"OPENAI_API_KEY={w.key()}\r\n".encode("utf-16"))


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
shape("a_bell_is_inside", "key_control", lambda k: k[:20] + "\a" + k[20:])
shape("its_kind_was_mistyped", "key_kind", lambda k: k[:5] + "x" + k[6:])
shape("a_sign_was_mistyped", "key_character", lambda k: k[:20] + "-" + k[21:])
shape("the_key_is_of_a_login", "key_jwt",
      lambda k: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlIQ")
shape("the_key_is_still_in_base64", "key_base64",
      lambda k: base64.b64encode(k.encode()).decode())
shape("the_key_is_an_operators_token", "key_operator",
      lambda k: "tgo_" + "A" * 40)
shape("a_dash_was_made_long", "key_not_ascii",
      lambda k: k.replace("-", "\u2013"))
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


@broken("url_v1_extra")
def v1_is_too_much(w):
    def answer(method, path, headers, body):
        if path.startswith("/v1"):
            return Answer(404, "no", "text/plain")
        return deepseek(method, path, headers, body)

    w.at(w.http(answer), path="/v1")


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


@broken("proxy_timeout")
def the_proxy_drops_connections(w):
    w.at_gate(HTTP_PROXY=w.servers.start(FullListener()).url)


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


@broken("tls_failed")
def nobody_shakes_hands(w):
    server = w.servers.start(RawServer())
    w.at(server)
    w.env["OPENAI_BASE_URL"] = server.url.replace("http:", "https:")


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
refused("openai_401_address", "openai_ip", Answer(401, envelope(
    "IP not authorized", "invalid_request_error", "ip_not_authorized")))
refused("somebodys_402", "other_402", Answer(402, envelope(
    "Pay first", "payment_required")))
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


@broken("anthropic_permission")
def anthropic_forbids_it(w):
    w.env.update(
        ANTHROPIC_API_KEY=ANTHROPIC_KEY,
        ANTHROPIC_BASE_URL=w.http(functools.partial(anthropic, call=(
            403, "permission_error", "Not for this workspace"))).url)
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


@broken("other_401")
def a_server_that_says_400_to_a_wrong_key(w):
    def answer(method, path, headers, body):
        known = headers.get("Authorization") is not None
        return Answer(400 if known else 401, {
            "code": "Client specified an invalid argument",
            "error": "Incorrect API key provided: sk***78."})

    w.at(w.http(answer))


@broken("other_403")
def a_server_that_lists_its_error(w):
    def answer(method, path, headers, body):
        known = headers.get("Authorization") is not None
        return Answer(403 if known else 401, [
            {"error": {"code": 403, "message": "no", "status": "DENIED"}}])

    w.at(w.http(answer))


@broken("vllm_key")
def vllm_has_another_key(w):
    w.at(w.http(vllm), key="token-of-somebody", path="/v1")


# Several at once: each is told.

@broken("key_short", "connect_refused_here")
def a_short_key_and_nobody_listens(w):
    nobody_listens(w)
    w.env["OPENAI_API_KEY"] = w.env["OPENAI_API_KEY"][:30]


@broken("key_space_around", "tls_self_signed")
def a_blank_and_a_certificate(w):
    the_certificate_is_self_signed(w)
    w.env["OPENAI_API_KEY"] += " "


@broken("url_endpoint", "gate_key_disabled")
def a_wrong_address_and_a_disabled_key(w):
    the_key_is_disabled(w)
    w.env["OPENAI_BASE_URL"] += "/chat/completions"


@broken("proxy_refused", "gate_key_inactive")
def a_proxy_that_is_down_and_a_paused_key(w):
    the_key_is_paused(w)
    w.env["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"


@broken("scope_missing", "model_missing", "limits_spent")
def scope_model_and_limit(w):
    key = w.at_gate(key=w.key(scope="chat", rpd=1))
    assert w.gate.chat(key, max_tokens=1).status == 200
    w.args = ["--scope", "code", "--model", "gpt-5"]


@broken("file_quotes_kept", "key_quotes", "url_slashes")
def file_key_and_address(w):
    key = w.at_gate()
    w.dotenv(f'OPENAI_API_KEY="{key}"\n')
    w.env.update(OPENAI_API_KEY=f'"{key}"',
                 OPENAI_BASE_URL=w.gate.url + "//v1")


@pytest.mark.parametrize("build, findings, code", BROKEN)
def test_the_cause_is_named_and_nothing_else(world, build, findings, code):
    build(world)
    status, said = world.look()
    assert said["finding"] == findings[0], said["verdict"]
    assert sorted(failed(said)) == sorted(findings)
    assert status == code
