"""An operator's own server block: internal redirects around the gate."""

import json

from conftest import free_port, http_request

SERVER = """
server {
    listen 127.0.0.1:%d;
    location / {
        try_files /nothing @gate;
    }
    location @gate {
        tollgate on;
        proxy_pass $tollgate_url;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_pass_request_headers off;
        proxy_set_header Host $tollgate_head;
        error_page 502 504 @again;
    }
    location @again {
        tollgate on;
        tollgate_error;
    }
}
"""


def test_a_call_behind_a_named_location_is_one_call(make_gate):
    gate = make_gate()
    (gate.home / "nginx.d").mkdir(parents=True, mode=0o700)
    port = free_port()
    (gate.home / "nginx.d" / "own.conf").write_text(SERVER % port)
    gate.start()
    url = f"http://127.0.0.1:{port}"
    key = gate.key("own")

    def chat(text):
        return http_request(
            url, "POST", "/v1/chat/completions",
            {"Authorization": f"Bearer {key}"},
            {"model": "deepseek-flash",
             "messages": [{"role": "user", "content": text}]})

    answer = chat("hello")
    assert answer.status == 200, answer.text
    call, = gate.wait_calls(1, key)
    assert call["request_id"] == answer.headers["x-request-id"]

    refused = http_request(url, "GET", "/v1/models")
    assert refused.status == 401 and refused.code == "missing_api_key"

    gate.sim.process.terminate()
    gate.sim.process.wait(10)
    away = chat("nobody there")
    assert (away.status, away.code) == (503, "upstream_unavailable")
    rows = gate.wait_calls(2, key)
    assert sorted(row["status"] for row in rows) == [200, 503]
    own = json.loads(http_request(url, "GET", "/v1/key", {
        "Authorization": f"Bearer {key}"}).text)
    assert own["use"]["in_flight"] == 0
