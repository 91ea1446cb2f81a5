"""The gate over HTTP/2 and TLS, by curl (nghttp2)."""

import json
import subprocess


def curl(gate, path, key, body=None, *args):
    command = ["curl", "-sS", "--http2", "--cacert", gate.ca, "-D", "-",
               "-H", f"Authorization: Bearer {key}", *args,
               gate.tls_url + path]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d",
                    json.dumps(body)]
    done = subprocess.run(command, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), content


def test_calls_by_http2(tls_gate):
    key = tls_gate.key("h2", tpm=10**8)
    body = {"model": "deepseek-flash",
            "messages": [{"role": "user", "content": "hello"}]}
    head, content = curl(tls_gate, "/v1/chat/completions", key, body)
    assert head.startswith("HTTP/2 200"), head
    assert json.loads(content)["usage"]["completion_tokens"] == 24

    head, content = curl(tls_gate, "/v1/chat/completions", key,
                         dict(body, stream=True))
    assert head.startswith("HTTP/2 200")
    assert content.rstrip().endswith(b"data: [DONE]")

    large = dict(body, messages=[{"role": "user",
                                  "content": "word " * 100000}])
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", tls_gate.ca, "-H",
         f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "--data-binary", "@-",
         tls_gate.tls_url + "/v1/chat/completions"],
        input=json.dumps(large).encode(), capture_output=True, timeout=30)
    assert json.loads(done.stdout)["usage"]["prompt_tokens"] > 100000

    head, content = curl(tls_gate, "/v1/models", "sk-tgp_wrong")
    assert head.startswith("HTTP/2 401")
    rows = tls_gate.wait_calls(3, key)
    assert {row["basis"] for row in rows} == {"reported"}


def test_a_client_that_resets_its_stream(tls_gate):
    key = tls_gate.key("h2 leaves")
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--max-time", "1", "--cacert",
         tls_gate.ca, "-H", f"Authorization: Bearer {key}", "-H",
         "Content-Type: application/json", "-d", json.dumps(
             {"model": "deepseek-flash", "stream": True,
              "messages": [{"role": "user",
                            "content": "sim:slow=50 sim:tokens=1000"}]}),
         tls_gate.tls_url + "/v1/chat/completions"],
        capture_output=True, timeout=30)
    assert done.returncode == 28, "curl gave up by itself"
    tls_gate.wait(lambda: tls_gate.sim.count()["streams_open"] == 0, 5,
                  "end of the stream upstream")
    call, = tls_gate.wait_calls(1, key)
    assert call["basis"] == "counted"
