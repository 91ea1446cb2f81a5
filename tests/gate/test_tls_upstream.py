"""An upstream behind TLS: its certificate and its name are verified."""

import subprocess

import pytest

from conftest import Sim, free_port, http_request

FRONT = """
server {
    listen 127.0.0.1:%(tls)d ssl;
    ssl_certificate "%(home)s/tls.crt";
    ssl_certificate_key "%(home)s/tls.key";
    location / { proxy_pass %(sim)s; proxy_http_version 1.1;
                 proxy_set_header Connection ""; proxy_buffering off; }
}
server {
    listen 127.0.0.1:%(gate)d;
    proxy_ssl_trusted_certificate "%(home)s/tls.crt";
    proxy_ssl_verify on;
    proxy_ssl_server_name on;
    proxy_ssl_name $tollgate_ssl_name;
    proxy_ssl_session_reuse on;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_pass_request_headers off;
    proxy_set_header Host $tollgate_head;
    proxy_set_header Connection "";
    location / { tollgate on; proxy_pass $tollgate_url;
                 error_page 502 504 /-tollgate/error; }
    location = /-tollgate/error { internal; tollgate_error; }
}
server {
    listen 127.0.0.1:%(named)d;
    proxy_ssl_trusted_certificate "%(home)s/tls.crt";
    proxy_ssl_verify on;
    proxy_ssl_server_name on;
    proxy_ssl_name $tollgate_ssl_name;
    proxy_http_version 1.1;
    proxy_buffering off;
    location / { tollgate on; proxy_pass https://tg-0;
                 error_page 502 503 504 /-tollgate/error; }
    location = /-tollgate/error { internal; tollgate_error; }
}
server {
    listen 127.0.0.1:%(plain)d;
    location / { tollgate on; proxy_pass http://tg-0; }
}
"""


@pytest.fixture
def tls(make_gate):
    """A gate, its simulator behind TLS, and a server block of the operator's
    that trusts the simulator's certificate."""
    gate = make_gate()
    (gate.home / "nginx.d").mkdir(parents=True, mode=0o700)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", gate.home / "tls.key", "-out", gate.home / "tls.crt"],
        check=True, capture_output=True)
    gate.sim = Sim(gate.home.parent / "tls.sim")
    gate.tls_port, gate.own_port, gate.named_port, gate.plain_port = (
        free_port() for _ in range(4))
    (gate.home / "nginx.d" / "tls.conf").write_text(
        FRONT % {"tls": gate.tls_port, "gate": gate.own_port,
                 "named": gate.named_port, "plain": gate.plain_port,
                 "home": gate.home, "sim": gate.sim.url})
    gate.start_up()
    return gate


def add_upstream(gate, host, *options):
    add(gate, "tls", f"https://{host}:{gate.tls_port}",
        "sk-0123456789abcdef0123456789abcdef", *options)


def add(gate, name, url, secret, *options):
    gate.must("upstreams", "add", "--replace", "--name", name, "--base-url",
              url, "--dialect", "deepseek", *options)
    gate.must("credentials", "add", "--upstream", name, input=secret + "\n")


def chat(gate, key, port=None):
    url = gate.url if port is None else f"http://127.0.0.1:{port}"
    return http_request(url, "POST", "/v1/chat/completions",
                        {"Authorization": f"Bearer {key}"},
                        {"model": "deepseek-flash", "messages":
                         [{"role": "user", "content": "hello"}]})


@pytest.mark.parametrize("port", ["own_port", "named_port"])
def test_calls_over_tls(tls, port):
    add_upstream(tls, "localhost")
    key = tls.key("tls")
    for _ in range(5):
        answer = chat(tls, key, getattr(tls, port))
        assert answer.status == 200, answer.text
    rows = tls.wait_calls(5, key)
    assert {row["basis"] for row in rows} == {"reported"}


def test_a_certificate_that_nobody_trusts_is_refused(tls):
    add_upstream(tls, "localhost")
    key = tls.key("untrusted")
    answer = chat(tls, key)
    assert answer.status == 503 and answer.code == "upstream_unavailable"
    assert tls.sim.count()["requests_seen"] == 0
    call, = tls.wait_calls(1, key)
    assert call["basis"] == "none"


@pytest.mark.parametrize("port", ["own_port", "named_port"])
def test_a_certificate_of_another_name_is_refused(tls, port):
    add_upstream(tls, "127.0.0.1")
    key = tls.key("name")
    answer = chat(tls, key, getattr(tls, port))
    assert answer.status == 503 and answer.code == "upstream_unavailable"
    assert tls.sim.count()["requests_seen"] == 0


@pytest.mark.parametrize("over_tls", [True, False], ids=["to", "from"])
def test_a_call_goes_on_to_and_from_tls(tls, over_tls):
    """The location is one, whatever the scheme of a call's target."""
    plain = "sk-fedcba9876543210fedcba9876543210"
    second = ("--join", "--model", "deepseek-flash")
    if over_tls:
        add(tls, "sim", tls.sim.url, plain)
        add_upstream(tls, "localhost", *second)
        tls.sim.rule(plain, status="503")
    else:
        add_upstream(tls, "127.0.0.1")
        add(tls, "sim", tls.sim.url, plain, *second)
    for _ in range(3):
        answer = chat(tls, tls.key("goes on"), tls.named_port)
        assert answer.status == 200, answer.text
    asked = tls.sim.asked(plain)
    if over_tls:
        assert asked["refused"] > 0
    else:
        assert asked["requests"] == 3
        assert "SSL certificate does not match" in tls.nginx_log()


def test_nothing_goes_in_the_clear_that_was_to_go_over_tls(tls):
    add_upstream(tls, "localhost")
    key = tls.key("clear")
    answer = chat(tls, key, tls.plain_port)
    assert answer.status == 500, answer.text
    assert tls.sim.count()["requests_seen"] == 0
    assert "names no https://" in tls.nginx_log()
