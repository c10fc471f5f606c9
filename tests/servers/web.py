"""Web: an http server of this process, whose resources a test changes as it likes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from servers.server import HOST

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Resource:
    """`etag` is what the header says; nothing if there is none."""

    data: bytes
    etag: str = ""


@dataclass
class Web:
    """`asked` are the requests so far: method, path, and range if there was one."""

    url: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)  # headers without which it is 401
    has_head: bool = True
    fails: list[int] = field(default_factory=list)  # statuses of the next answers
    breaks_after: list[int] = field(default_factory=list)  # bytes, of the next answers
    on_break: Callable[[], object] = dict

    def put(self, path: str, data: bytes, *, has_etag: bool = True) -> str:
        """Replace or make it; its url."""
        self.resources[path] = Resource(data, f'"{sha1(data).hexdigest()}"' if has_etag else "")
        return f"{self.url}{path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, web: Web) -> None:
        super().__init__((HOST, 0), _Handler)
        self.web = web
        web.url = f"http://{HOST}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def web(self) -> Web:
        assert isinstance(self.server, _Server)
        return self.server.web

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        asked = self.headers.get("Range", "")
        self.web.asked.append((self.command, self.path, asked))
        found = self.web.resources.get(self.path)
        if self.web.fails:
            self._say(self.web.fails.pop(0))
        elif any(self.headers.get(name) != value for name, value in self.web.wanted.items()):
            self._say(401)
        elif self.command == "HEAD" and not self.web.has_head:
            self._say(405)
        elif found is None:
            self._say(404)
        else:
            self._send(found, asked)

    def _send(self, found: Resource, asked: str) -> None:
        size = len(found.data)
        match = _RANGE.fullmatch(asked)
        if self.headers.get("If-Range", found.etag) != found.etag:
            match = None
        start, stop = (int(match[1]), int(match[2] or size) + 1) if match else (0, size)
        data = found.data[start:stop]
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{size}")
        if found.etag:
            self.send_header("ETag", found.etag)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self.web.breaks_after:
            data = data[: self.web.breaks_after.pop(0)]
            self.close_connection = True
            self.web.on_break()
        self.wfile.write(data)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def serving() -> Iterator[Web]:
    server = _Server(Web())
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.web
    finally:
        server.shutdown()
        server.server_close()
