"""Proxy: what passes between a client and an object store's server, and what goes wrong there."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import Any, Self, TypeAlias

from msgspec import Struct

from artifacts.testing.message import HangUpError, Head, Reply
from artifacts.testing.schedule import REFUSALS, Fault, Schedule, calm

_HOST = "127.0.0.1"
_PATIENCE_S = 60  # with the server
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: forget what was not sent, and say so
_CLOSED = select.POLLHUP | getattr(select, "POLLRDHUP", 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_Accepted: TypeAlias = Any
"""A socket; socketserver's type has room for those of UDP."""


class Exchange(Struct, frozen=True):
    """A request and what came of it; seconds of time.monotonic."""

    number: int
    method: str
    target: str  # path and query
    start_s: float
    end_s: float
    status: int  # 0 where no answer was passed on
    fault: Fault | None
    size: int = 0  # bytes of the answer, beside what is said of them

    def __str__(self) -> str:
        fault = f" {self.fault.name}" if self.fault else ""
        return f"{self.number}: {self.method} {self.target} {self.status}{fault}"


def longest_chain(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """As many as there are of which each began after the one before had ended.

    They are the serial round trips, if each request is delayed by more time than a client takes
    to begin all those that do not wait for it.
    """
    chain: list[Exchange] = []
    for each in sorted(exchanges, key=lambda each: each.end_s):
        if not chain or each.start_s >= chain[-1].end_s:
            chain.append(each)
    return chain


class Proxy:
    """Serves from enter to exit, at a port of its own, which clients take for the server's.

    Requests are passed on as they are, the Host header too, which a signature may cover. Each is
    held in memory whole, and so is its answer. At exit every connection is closed, and what was
    to be forwarded late has been.
    """

    def __init__(self, server: int, schedule: Schedule = calm, *, delay_s: float = 0.05) -> None:
        """`server` is a port of this machine, `delay_s` what a little later means."""
        self._record = _Record(schedule)
        upstream = _Upstream(server, delay_s)
        self._listener = _Listener((_HOST, 0), partial(_Talk, self._record, upstream))

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """Those that have ended, in order of their ends. An answer that was read has."""
        return tuple(self._record.exchanges)

    def begin(self, schedule: Schedule) -> None:
        """From now on requests are recorded and counted as if none had been."""
        self._record.begin(schedule)

    def __enter__(self) -> Self:
        Thread(target=self._listener.serve_forever, args=(0.01,), name="proxy").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.hang_up()
        self._listener.server_close()  # waits for the thread of each connection


class _Record:
    """All exchanges that have ended since it was begun."""

    def __init__(self, schedule: Schedule) -> None:
        self._lock = Lock()
        self.begin(schedule)

    def begin(self, schedule: Schedule) -> None:
        with self._lock:
            self._schedule = schedule
            self._count = 0
            self.exchanges: list[Exchange] = []

    def add(self, head: Head, act: Callable[[Fault | None], Reply]) -> Reply:
        """What `act` comes to under its fault. That it raised OSError is recorded too."""
        start_s = time.monotonic()
        with self._lock:
            self._count += 1
            number, exchanges = self._count, self.exchanges
            fault = self._schedule(number, head.method, head.target)
        request = number, head.method, head.target, start_s
        try:
            reply = act(fault)
        except OSError:
            exchanges.append(Exchange(*request, time.monotonic(), 0, fault))
            raise
        done = Exchange(*request, time.monotonic(), reply.status, fault, len(reply.body))
        exchanges.append(done)
        return reply


class _Upstream:
    """The server. Each request has its own connection: one that is kept may be closed any time."""

    def __init__(self, port: int, delay_s: float) -> None:
        self._port = port
        self.delay_s = delay_s

    def connect(self) -> socket.socket:
        return socket.create_connection((_HOST, self._port), timeout=_PATIENCE_S)

    def reply(self, method: str, request: bytes) -> Reply:
        with self.connect() as server, server.makefile("rb") as stream:
            with suppress(ConnectionError):  # it may answer before it has read all
                server.sendall(request)
            while (head := Head.read(stream)) is not None and head.status == 100:
                pass
            if head is None:
                raise HangUpError
            if method == "HEAD" or head.status in (204, 304):
                return Reply(head.status, head.data, b"", head.closes)
            if head.length is None and not head.is_chunked:
                return Reply(head.status, head.data, stream.read(), is_last=True)
            return Reply(head.status, head.data, head.body(stream), head.closes)


class _Talk(StreamRequestHandler):
    """A client's connection, until one side or a fault closes it."""

    def __init__(
        self,
        record: _Record,
        upstream: _Upstream,
        connection: socket.socket,
        address: object,
        listener: BaseServer,
    ) -> None:
        self._record, self._upstream = record, upstream
        super().__init__(connection, address, listener)

    def handle(self) -> None:
        with suppress(OSError):
            while (head := Head.read(self.rfile)) is not None:
                reply = self._record.add(head, partial(self._reply, head))
                self.wfile.write(reply.head + reply.body)
                if reply.is_last or head.closes:
                    return

    def _reply(self, head: Head, fault: Fault | None) -> Reply:
        """Raises OSError where there is none."""
        if fault is Fault.DROP:
            raise HangUpError
        if fault is Fault.HANG:
            self._wait_for_the_end()
        if head.value(b"expect"):
            self.wfile.write(_CONTINUE)
        if fault is Fault.RESET:
            self._reset(head)
        request = head.without(b"expect") + head.body(self.rfile)
        if fault in REFUSALS:
            return Reply.refusing(head.method, *REFUSALS[fault])
        if fault is Fault.LATE:
            self.request.shutdown(socket.SHUT_RDWR)
        return self._forward(head.method, request, fault)

    def _forward(self, method: str, request: bytes, fault: Fault | None) -> Reply:
        if fault in (Fault.LATE, Fault.DELAY):
            time.sleep(self._upstream.delay_s)
        reply = self._upstream.reply(method, request)
        if fault is Fault.REPEAT:
            reply = self._upstream.reply(method, request)
        if fault in (Fault.LATE, Fault.LOSE):
            raise HangUpError
        return reply.halved() if fault is Fault.TRUNCATE else reply

    def _wait_for_the_end(self) -> None:
        """Of the connection, while nothing more is read from it."""
        waiting = select.poll()
        waiting.register(self.request, _CLOSED)
        waiting.poll()
        raise HangUpError

    def _reset(self, head: Head) -> None:
        begun = self.rfile.read((head.length or 0) // 2)
        with self._upstream.connect() as server:
            server.sendall(head.without(b"expect") + begun)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raise HangUpError


class _Listener(ThreadingTCPServer):
    """Knows the connections that it accepted, to close them in the end."""

    request_queue_size = 256

    def __init__(self, address: tuple[str, int], talk: Callable[..., _Talk]) -> None:
        self._open: set[_Accepted] = set()
        self._lock = Lock()
        super().__init__(address, talk)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # the other side was first
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: _Accepted, client_address: object) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Accepted) -> None:
        with self._lock:
            self._open.discard(request)
        self.close_request(request)  # not shut down before, or a reset would be none
