"""Servers that receive what the daemon sends: HTTP, and a little of SMTP.

Each notes what came, whole, and answers as it is told to.
"""

import http.server
import json
import socketserver
import threading


class Received:
    """One request, as it came."""

    def __init__(self, method, path, headers, body):
        self.method, self.path = method, path
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


class Receiver:
    """An HTTP server.  answer is (status, body), or (status, body, headers);
    or a function of what came that gives it, or None, which cuts the
    connection.  A function may wait, and so lets the sender wait."""

    def __init__(self, answer=(200, "ok")):
        self.answer = answer
        self.requests = []
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                came = Received(self.command, self.path,
                                self.headers.items(), self.rfile.read(length))
                with outer._lock:
                    outer.requests.append(came)
                answer = outer.answer
                if callable(answer):
                    answer = answer(came)
                if answer is None:
                    self.close_connection = True
                    return
                status, body, *more = answer
                try:
                    self.send_response(status)
                    for name, value in (more[0] if more else {}).items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body.encode())
                except OSError:       # the sender is gone
                    pass

            do_GET = do_PUT = do_POST

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                       Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever,
                         kwargs={"poll_interval": 0.02}, daemon=True).start()

    def all(self):
        with self._lock:
            return list(self.requests)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Mailbox:
    """An SMTP server; mails are (from, [to], text)."""

    def __init__(self):
        self.mails = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def data(self):
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b"..") else line)
                return b"".join(lines).decode()

            def handle(self):
                sender, to = None, []
                self.say("220 mailbox")
                while line := self.rfile.readline().decode().strip():
                    word = line.upper()
                    if word.startswith("EHLO"):
                        self.say("250-mailbox")
                        self.say("250 8BITMIME")
                    elif word.startswith("MAIL FROM:"):
                        sender = line.split("<")[1].split(">")[0]
                        self.say("250 ok")
                    elif word.startswith("RCPT TO:"):
                        to.append(line.split("<")[1].split(">")[0])
                        self.say("250 ok")
                    elif word == "DATA":
                        self.say("354 go on")
                        outer.mails.append((sender, to, self.data()))
                        self.say("250 taken")
                    elif word == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever,
                         kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
