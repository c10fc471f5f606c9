"""Wire: bodies arrive whole, or an error tells what the server said; nobody waits for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_RCVBUF, SOL_SOCKET
from threading import Thread
from typing import ClassVar

import pytest
from urllib3.exceptions import HTTPError

from artifacts.storage.failure import Failure, classify
from artifacts.storage.wire import AnswerError, UntrustedError, Wire

STEP = 2**19
BODY = bytes(range(256)) * 2**13


class Server(BaseHTTPRequestHandler):
    """Says what its path asks for."""

    protocol_version = "HTTP/1.1"
    stored: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        start, stop = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        status, part = (200, BODY) if self.path == "/whole" else (206, BODY[start : stop + 1])
        self._say(status, part, len(part) + (self.path == "/cut"))

    def do_PUT(self) -> None:
        self.stored[self.path] = self.take(int(self.headers["Content-Length"]))
        self._say(200, b"", 0)

    def take(self, length: int) -> bytes:
        return self.rfile.read(length)

    def _say(self, status: int, body: bytes, length: int) -> None:
        if self.path.startswith("/no/"):
            _, _, code, name = self.path.split("/")
            status, body = int(code), b"<Error><Code>%s</Code></Error>" % name.encode()
            length = len(body)
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"tag"')
        self.end_headers()
        if self.path == "/dribble":
            for at in range(0, len(body), 2**18):
                self.wfile.write(body[at : at + 2**18])
                time.sleep(0.05)
        elif self.path != "/silent":
            self.wfile.write(body)
        else:
            self.rfile.read(1)  # nothing: who asked hangs up
        self.close_connection = length != len(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, STEP)  # what waits there seems to have arrived
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def wire() -> Wire:
    return patient(300)


def patient(silence_s: float) -> Wire:
    from botocore.httpsession import where

    return Wire(silence_s=silence_s, certificates=where())


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 2**20 + 7), (2**20, 2**30)])
def test_a_range_comes_as_it_is(wire: Wire, url: str, start: int, stop: int) -> None:
    assert b"".join(wire.get(f"{url}/k", start, stop, 300)) == BODY[start:stop]


@pytest.mark.parametrize("size", [0, 1, 2**18, 2**20 + 3])
def test_what_is_put_is_stored(wire: Wire, url: str, size: int) -> None:
    assert wire.put(f"{url}/{size}", BODY[:size]) == '"tag"'
    assert Server.stored[f"/{size}"] == BODY[:size]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("503/SlowDown", Failure.BUSY),
        ("500/InternalError", Failure.UNKNOWN),
        ("404/NoSuchKey", Failure.ABSENT),
        ("404/NoSuchBucket", Failure.REFUSED),
        ("416/InvalidRange", Failure.BEYOND),
        ("403/AccessDenied", Failure.REFUSED),
        ("400/ExpiredToken", Failure.EXPIRED),
    ],
)
def test_what_the_server_says_is_understood(
    wire: Wire, url: str, answer: str, failure: Failure
) -> None:
    for ask in (
        lambda: [*wire.get(f"{url}/no/{answer}", 0, 9, 300)],
        lambda: wire.put(f"{url}/no/{answer}", b"x"),
    ):
        with pytest.raises(AnswerError) as caught:
            ask()
        assert classify(caught.value) is failure


@pytest.mark.parametrize(("start", "stop"), [(0, 2**30), (5, 2**20 + 7), (2**20, 2**30), (7, 9)])
def test_of_a_whole_object_the_range_is_taken(wire: Wire, url: str, start: int, stop: int) -> None:
    """A server may pass the range by, and some do where it is all that there is."""
    for _ in range(2):  # the second answer is not the rest of the first
        assert b"".join(wire.get(f"{url}/whole", start, stop, 300)) == BODY[start:stop]


def test_whom_nobody_vouches_for_is_asked_nothing(wire: Wire, url: str) -> None:
    with pytest.raises(UntrustedError):
        wire.put(url.replace("http:", "https:"), b"secret")


def test_no_log_tells_a_signed_address(
    wire: Wire, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    address = f"{url}/part?X-Amz-Security-Token=secret&X-Amz-Signature=secret"

    b"".join(wire.get(address, 0, STEP, 5))
    wire.put(address, b"")

    assert "/part?… HTTP/1.1" in caplog.text
    assert "secret" not in caplog.text


def test_half_an_answer_is_none(wire: Wire, url: str) -> None:
    with pytest.raises(HTTPError) as caught:
        [*wire.get(f"{url}/cut", 0, 9, 300)]
    assert classify(caught.value) is Failure.UNKNOWN


def test_a_silent_server_is_not_waited_for(url: str) -> None:
    with pytest.raises(HTTPError) as caught:
        [*patient(1).get(f"{url}/silent", 0, 9, 300)]
    assert classify(caught.value) is Failure.UNKNOWN


def test_a_dribbling_server_is_not_waited_for(wire: Wire, url: str) -> None:
    with pytest.raises(TimeoutError):
        [*wire.get(f"{url}/dribble", 0, len(BODY), 0.1)]
    assert b"".join(wire.get(f"{url}/k", 0, 5, 300)) == BODY[:5]


def test_a_slow_way_is_no_silent_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes twice as long as a silence arrives, block by block."""
    silence_s, blocks = 5, 64  # a busy machine may pause for seconds

    def take_slowly(server: Server, length: int) -> bytes:
        taken = b""
        while len(taken) < length:
            time.sleep(2 * silence_s / blocks)
            taken += take(server, STEP)
        return taken

    take, data = Server.take, bytes(blocks * STEP)
    monkeypatch.setattr(Server, "take", take_slowly)
    assert patient(silence_s).put(f"{url}/slow", data) == '"tag"'
    assert Server.stored["/slow"] == data
