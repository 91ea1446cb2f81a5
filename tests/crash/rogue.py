"""An upstream that answers with bytes of a test's choice.

An answer is a list of bytes, to be sent one behind the other, of numbers,
seconds to wait, and of functions that give such a list; the connection is
closed behind it.
"""

import json
import re
import socket
import threading
import time


class Rogue:
    """answers: by the name that a call's text has behind "rogue:"."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(s,),
                             daemon=True).start()

    def _answer(self, s):
        with s:
            try:
                found = re.search(rb"rogue:([a-z0-9-]+)", read_request(s))
                if found is None:
                    return            # not a test's: the gate looks around
                name = found.group(1).decode()
                self.asked.append(name)
                send(s, self.answers[name])
                s.shutdown(socket.SHUT_WR)
                s.settimeout(10)
                while s.recv(65536):  # or a reset would overtake the end
                    pass
            except OSError:
                pass                  # the gate has heard enough

    def close(self):
        self.listener.close()


def more(s):
    data = s.recv(65536)
    if not data:
        raise ConnectionResetError("it asked for nothing")
    return data


def read_request(s):
    data = b""
    while b"\r\n\r\n" not in data:
        data += more(s)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    length = int(length.group(1)) if length else 0
    while len(body) < length:
        body += more(s)
    return head + body


def send(s, parts):
    for part in parts:
        if callable(part):
            send(s, part())
        elif isinstance(part, bytes):
            s.sendall(part)
        else:
            time.sleep(part)


def head(*lines, status="200 OK", type="application/json"):
    return ("\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {type}",
                         *lines, "Connection: close"]) + "\r\n\r\n").encode()


def whole(body, *lines, **more):
    """An answer with its length."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return [head(*lines, f"Content-Length: {len(body)}", **more), body]


USAGE = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18,
         "prompt_tokens_details": {"cached_tokens": 0}}
TEXT = "six words of text are here"


def completion(usage=USAGE, text=TEXT):
    body = {"id": "x", "object": "chat.completion", "created": 1,
            "model": "m", "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text}}]}
    return body if usage is None else {**body, "usage": usage}


def event(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return b"data: " + data + b"\n\n"


def token(text, usage=None, finish=None):
    data = {"id": "x", "object": "chat.completion.chunk", "created": 1,
            "model": "m", "choices": [{"index": 0, "finish_reason": finish,
                                       "delta": {"content": text}}]}
    if usage is not None:
        data["usage"] = usage
    return event(data)


DONE = event(b"[DONE]")
STREAM = head(type="text/event-stream")


def tokens(count=6):
    return [token("word ") for _ in range(count)]


def last(usage=USAGE):
    """The event with the usage; its usage may be raw text of JSON."""
    text = usage if isinstance(usage, str) else json.dumps(usage)
    return event(('{"id":"x","object":"chat.completion.chunk","created":1,'
                  '"model":"m","choices":[],"usage":%s}' % text).encode())
