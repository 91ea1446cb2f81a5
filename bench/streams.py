"""Many streams at once, read by one thread, byte for byte to their end."""

import selectors
import socket
import time
from urllib.parse import urlsplit

from process import Failure


class Stream:
    def __init__(self, url, headers, body):
        parts = urlsplit(url)
        self.text = bytearray()
        self.ended = False
        self.socket = socket.create_connection((parts.hostname, parts.port))
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.socket.sendall(
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n{head}\r\n"
            .encode() + body)
        self.socket.setblocking(False)

    def read(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        self.ended = not data
        self.text += data

    def events(self):
        """How many events have come.  A gateway may cut HTTP chunks
        anywhere, so the framing is taken off first."""
        head, _, rest = bytes(self.text).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise Failure(f"a stream is refused: {bytes(self.text[:300])}")
        if b"chunked" in head.lower():
            rest = unchunk(rest)
        return rest.count(b"\ndata: ") + rest.startswith(b"data: ")


def unchunk(data):
    parts, at = [], 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end].split(b";")[0] or b"0", 16)
        parts.append(data[end + 2:end + 2 + size])
        at = end + 4 + size
    return b"".join(parts)


class Streams:
    """count streams of one candidate, opened and then read together."""

    def __init__(self, candidate, body, count):
        self.selector = selectors.DefaultSelector()
        self.all = []
        for _ in range(count):
            stream = Stream(candidate.chat_url(), candidate.headers, body)
            self.selector.register(stream.socket, selectors.EVENT_READ, stream)
            self.all.append(stream)
            self.read(0)

    def read(self, seconds):
        for key, _ in self.selector.select(seconds):
            key.data.read()
            if key.data.ended:
                self.selector.unregister(key.data.socket)
                key.data.socket.close()

    def read_until(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failure(f"no {what} within {seconds} s")
            self.read(0.2)

    def read_all(self):
        self.read_until(lambda: all(s.ended for s in self.all),
                        "end of the streams")

    def close(self):
        for stream in self.all:
            stream.socket.close()
        self.selector.close()
