"""Servers that answer as providers do, and as what is none: for
`tollgate doctor`.  All listen on loopback, and end with the test."""

import http.client
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from urllib.parse import urlsplit


class Answer:
    def __init__(self, status, body, kind="application/json", **headers):
        self.status = status
        self.body = body if isinstance(body, bytes) else (
            body if isinstance(body, str) else json.dumps(body)).encode()
        self.headers = {"Content-Type": kind, **{
            name.replace("_", "-"): value for name, value in headers.items()}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send_response(self, code, message=None):
        self.send_response_only(code, message)

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path,
                                 dict(self.headers.items()), body))
        answer = self.server.answer(self.command, self.path, self.headers,
                                    body)
        self.send_response(answer.status)
        if "Date" not in answer.headers:
            self.send_header("Date", self.date_time_string(
                time.time() + self.server.clock_s))
        for name, value in answer.headers.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_CONNECT = handle_one


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer, tls=None, clock_s=0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.seen, self.clock_s = answer, [], clock_s
        self.scheme = "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket,
                                              server_side=True,
                                              do_handshake_on_connect=False)
            self.scheme = "https"

    def handle_error(self, request, client_address):
        pass  # a client that gave up

    @property
    def port(self):
        return self.server_address[1]

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def keys(self):
        """The credentials that were sent here."""
        return [value for _, _, headers, _ in self.seen
                for name, value in headers.items()
                if name.lower() in ("authorization", "x-api-key")]


def bearer(headers):
    value = headers.get("Authorization") or ""
    return value[7:] if value.startswith("Bearer ") else None


def envelope(message, kind, code=None):
    return {"error": {"message": message, "type": kind, "param": None,
                      "code": code}}


def models(owner, *names):
    return {"object": "list", "data": [
        {"id": name, "object": "model", "owned_by": owner} for name in names]}


DEEPSEEK_KEY = "sk-" + "0f1e2d3c4b5a6978" * 2
OPENAI_KEY = "sk-proj-" + "Ab1" * 24 + "T3BlbkFJ" + "Cd2" * 24
ANTHROPIC_KEY = "sk-ant-api03-" + "Ef3_" * 23 + "AA"


def deepseek(method, path, headers, body, is_available=True, call=None):
    """As DeepSeek answers; call is what it says to a chat call."""
    trace = {"x_ds_trace_id": "0123456789abcdef" * 2}
    key = bearer(headers) or (headers.get("x-api-key")
                              if path.startswith("/anthropic/") else None)
    if path.startswith("/v1/") and not path.startswith("/v1/messages"):
        path = path[3:]
    if path not in ("/models", "/user/balance", "/chat/completions",
                    "/anthropic/v1/messages"):
        return Answer(404, "", "text/plain", **trace)
    if key is None:
        return Answer(401, envelope(
            "Authentication Fails (auth header format should be Bearer "
            "sk-...)", "authentication_error", "invalid_request_error"),
            **trace)
    if key != DEEPSEEK_KEY:
        return Answer(401, envelope(
            f"Authentication Fails, Your api key: ****{key[-4:]} is invalid",
            "authentication_error", "invalid_request_error"), **trace)
    if path == "/models":
        return Answer(200, models("deepseek", "deepseek-flash",
                                  "deepseek-v4-pro"), **trace)
    if path == "/user/balance":
        amount = "110.00" if is_available else "0.00"
        return Answer(200, {"is_available": is_available, "balance_infos": [
            {"currency": "CNY", "total_balance": amount,
             "granted_balance": "0.00", "topped_up_balance": amount}]},
            **trace)
    if call is not None and body != b"{}":
        return call
    if path.endswith("/messages"):
        return Answer(200, {"type": "message", "content": []}, **trace)
    return Answer(200, b"\n\n" + json.dumps({"choices": [
        {"index": 0, "message": {"role": "assistant", "content": "H"},
         "finish_reason": "length"}]}).encode(), **trace)


def openai(method, path, headers, body, refusal=None, call=None):
    """As OpenAI answers; refusal is what it says to a key."""
    key = bearer(headers)
    if path not in ("/v1/models", "/v1/chat/completions"):
        return Answer(404, envelope(f"Invalid URL ({method} {path})",
                                    "invalid_request_error"))
    if key is None:
        return Answer(401, envelope(
            "You didn't provide an API key. You can obtain an API key from "
            "https://platform.openai.com/account/api-keys.",
            "invalid_request_error"))
    if refusal is not None:
        return refusal
    if key != OPENAI_KEY:
        return Answer(401, envelope(
            f"Incorrect API key provided: {key[:8]}***{key[-4:]}. You can "
            "find your API key at "
            "https://platform.openai.com/account/api-keys.",
            "invalid_request_error", "invalid_api_key"))
    if path == "/v1/models":
        return Answer(200, models("system", "gpt-5", "gpt-5-mini"))
    return call or Answer(200, {"choices": [{"message": {"content": "H"}}]})


def anthropic(method, path, headers, body, call=None):
    def error(status, kind, message):
        return Answer(status, {"type": "error", "error": {
            "type": kind, "message": message}, "request_id": "req_1"})

    key = headers.get("x-api-key")
    if path not in ("/v1/models", "/v1/messages"):
        return error(404, "not_found_error", "Not Found")
    if key is None:
        return error(401, "authentication_error",
                     "x-api-key header is required")
    if key != ANTHROPIC_KEY:
        return error(401, "authentication_error", "invalid x-api-key")
    if path == "/v1/models":
        return Answer(200, {"data": [{"type": "model", "id": "claude-x"}],
                            "has_more": False})
    if call is not None:
        return error(*call)
    if body == b"{}":
        return error(400, "invalid_request_error", "model: Field required")
    return Answer(200, {"type": "message", "content": [
        {"type": "text", "text": "H"}]})


def vllm(method, path, headers, body, key="token-abc123"):
    """key=None: it was started without --api-key."""
    if not path.startswith("/v1/"):
        return Answer(404, {"detail": "Not Found"})
    if key is not None and bearer(headers) != key:
        return Answer(401, {"error": "Unauthorized"})
    if path == "/v1/models":
        return Answer(200, models("vllm", "qwen3-32b"))
    return Answer(200, {"choices": [{"message": {"content": "H"}}]})


def page(status=200, **headers):
    """A web site, or a login page of a network."""
    def answer(*_):
        return Answer(status, "<!doctype html><title>Welcome</title>",
                      "text/html; charset=utf-8", **headers)
    return answer


class RawServer(socketserver.ThreadingTCPServer):
    """Says something that is no HTTP to whoever connects, or nothing."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, says=b"", holds=False):
        released = self.released = threading.Event()

        class Raw(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    self.request.recv(65536)
                    self.request.sendall(says)
                except OSError:
                    return
                if holds:
                    released.wait(60)

        super().__init__(("127.0.0.1", 0), Raw)

    port = HttpServer.port
    scheme = "http"
    url = HttpServer.url

    def shutdown(self):
        self.released.set()
        super().shutdown()


class FullListener:
    """A port whose line is full: the kernel drops what would join it."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(one)

    def shutdown(self):
        for one in self._waiting:
            one.close()

    def server_close(self):
        self._listener.close()


class Proxy(HttpServer):
    """An HTTP proxy that forwards, or refuses with a status."""

    def __init__(self, refuses=0, shows=None):
        super().__init__(self._answer)
        self._refuses, self._shows = refuses, shows

    def _answer(self, method, path, headers, body):
        if self._refuses:
            return Answer(self._refuses, "no", "text/plain",
                          Proxy_Authenticate="Basic realm=p")
        if self._shows is not None:
            return self._shows(method, path, headers, body)
        parts = urlsplit(path)
        there = http.client.HTTPConnection(parts.hostname, parts.port,
                                           timeout=10)
        there.request(method, parts.path, body, {
            name: value for name, value in headers.items()
            if not name.lower().startswith("proxy-")})
        came = there.getresponse()
        answer = Answer(came.status, came.read(),
                        came.getheader("Content-Type"))
        there.close()
        return answer


CA = """
[ca]
default_ca = it
[it]
database = %(folder)s/index
new_certs_dir = %(folder)s
serial = %(folder)s/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


def certificate(folder, name="IP:127.0.0.1,DNS:localhost", start=-1, end=2,
                issuer=None):
    """Makes a certificate valid from start to end, in days from now; returns
    its file and its key's.  issuer is such a pair; None: its own."""
    folder.mkdir()

    def run(*args):
        subprocess.run(["openssl", *map(str, args)], check=True,
                       capture_output=True)

    def at(days):
        return time.strftime("%Y%m%d%H%M%SZ",
                             time.gmtime(time.time() + days * 86400))

    (folder / "ca.cnf").write_text(CA % {"folder": folder})
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    run("req", "-new", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
        "/CN=made-up", "-addext", f"subjectAltName={name}", "-keyout",
        folder / "key", "-out", folder / "csr")
    signer = (["-selfsign", "-keyfile", folder / "key"] if issuer is None else
              ["-cert", issuer[0], "-keyfile", issuer[1]])
    run("ca", "-batch", "-notext", "-config", folder / "ca.cnf", *signer,
        "-startdate", at(start), "-enddate", at(end), "-in", folder / "csr",
        "-out", folder / "crt")
    return folder / "crt", folder / "key"


class Servers:
    """All that a test has started."""

    def __init__(self):
        self._running = []

    def start(self, server):
        if hasattr(server, "serve_forever"):
            threading.Thread(target=server.serve_forever, args=(0.01,),
                             daemon=True).start()
        self._running.append(server)
        return server

    def http(self, answer, **options):
        return self.start(HttpServer(answer, **options))

    def stop(self):
        for server in self._running:
            server.shutdown()
            server.server_close()
