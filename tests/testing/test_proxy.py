"""Proxy: each fault does what it says, and everything else passes as it is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
)
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread

import pytest

from artifacts.testing import Exchange, Fault, Proxy, always, longest_chain, seeded, strike

BODY = b"0123456789" * 1_000
CHUNKED, MEETING = "/chunked", "/meeting"


class Server(ThreadingHTTPServer):
    """Keeps what it was sent; who asks for the meeting is answered when eight have."""

    request_queue_size = 16

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.seen: list[tuple[str, str, bytes]] = []
        self.meeting = Barrier(8, timeout=300)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_PUT(self) -> None:
        size = int(self.headers["content-length"])
        body = self.rfile.read(size)
        if len(body) == size:
            self.server.seen.append((self.path, self.headers["host"], body))
        number = str(len(self.server.seen)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(number)))
        self.end_headers()
        self.wfile.write(number)

    def do_GET(self) -> None:
        if self.path == MEETING:
            self.server.meeting.wait()
        self.send_response(200)
        if self.path == CHUNKED:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for start in range(0, len(BODY), 4_000):
                part = BODY[start : start + 4_000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("content-length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else BODY)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.server_address[1]) as proxy:
        yield proxy


@contextmanager
def connected(proxy: Proxy) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=300)) as connection:
        yield connection


def ask(proxy: Proxy, method: str, target: str, body: bytes | None = None) -> tuple[int, bytes]:
    with connected(proxy) as connection:
        return answer(connection, method, target, body)


def answer(
    connection: HTTPConnection, method: str, target: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection.request(method, target, body)
    response: HTTPResponse = connection.getresponse()
    return response.status, response.read()


def test_without_a_fault_everything_passes_on_one_connection(server: Server, proxy: Proxy) -> None:
    with connected(proxy) as connection:
        assert answer(connection, "PUT", "/b/k?part=1", BODY) == (200, b"1")
        assert answer(connection, "GET", "/b/k") == (200, BODY)
        assert answer(connection, "HEAD", "/b/k") == (200, b"")
        assert answer(connection, "GET", CHUNKED) == (200, BODY)

    assert server.seen == [("/b/k?part=1", f"127.0.0.1:{proxy.port}", BODY)]
    seen = [(each.number, each.method, each.target, each.status) for each in proxy.exchanges]
    assert seen == [
        (1, "PUT", "/b/k?part=1", 200),
        (2, "GET", "/b/k", 200),
        (3, "HEAD", "/b/k", 200),
        (4, "GET", CHUNKED, 200),
    ]


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [(Fault.DROP, 0), (Fault.RESET, 0), (Fault.LOSE, 1), (Fault.LATE, 1), (Fault.TRUNCATE, 1)],
)
def test_of_some_faults_no_answer_comes(server: Server, fault: Fault, arrived: int) -> None:
    with Proxy(server.server_address[1], strike(1, fault), delay_s=0) as proxy:
        with pytest.raises((OSError, HTTPException)):
            ask(proxy, "PUT", "/k", BODY)
        assert ask(proxy, "GET", "/k") == (200, BODY)

    assert len(server.seen) == arrived
    [struck] = [each for each in proxy.exchanges if each.fault]
    assert (struck.number, struck.fault) == (1, fault)


@pytest.mark.parametrize("target", ["/k", CHUNKED])
def test_of_a_truncated_answer_half_arrives(proxy: Proxy, target: str) -> None:
    proxy.begin(always(Fault.TRUNCATE))

    with pytest.raises(IncompleteRead) as caught:
        ask(proxy, "GET", target)

    assert 0 < len(caught.value.partial) < len(BODY)


def test_a_truncated_answer_without_body_is_no_answer(proxy: Proxy) -> None:
    proxy.begin(always(Fault.TRUNCATE))

    with pytest.raises(BadStatusLine):
        ask(proxy, "HEAD", "/k")


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.BUSY, 503), (Fault.THROTTLE, 429), (Fault.BREAK, 500)]
)
def test_a_refusal_is_not_forwarded_and_the_connection_goes_on(
    server: Server, proxy: Proxy, fault: Fault, status: int
) -> None:
    proxy.begin(lambda number, method, target: fault if number <= 2 else None)

    with connected(proxy) as connection:
        assert answer(connection, "PUT", "/k", BODY)[0] == status
        assert answer(connection, "HEAD", "/k") == (status, b"")
        assert answer(connection, "PUT", "/k", BODY) == (200, b"1")

    assert len(server.seen) == 1


def test_a_repeated_request_arrives_twice_and_the_second_answer_is_passed_on(
    server: Server, proxy: Proxy
) -> None:
    proxy.begin(always(Fault.REPEAT))

    assert ask(proxy, "PUT", "/k", BODY) == (200, b"2")

    assert [body for _, _, body in server.seen] == [BODY, BODY]


def test_a_hanging_request_ends_with_the_clients_patience(server: Server, proxy: Proxy) -> None:
    proxy.begin(always(Fault.HANG))

    connection = HTTPConnection("127.0.0.1", proxy.port, timeout=0.1)
    with closing(connection), pytest.raises(TimeoutError):
        answer(connection, "PUT", "/k", BODY)

    assert server.seen == []


def test_a_hanging_request_ends_with_the_proxy(server: Server) -> None:
    with Proxy(server.server_address[1], always(Fault.HANG)) as proxy:
        connection = HTTPConnection("127.0.0.1", proxy.port)
        connection.request("PUT", "/k", BODY)

    with closing(connection), pytest.raises(ConnectionError):
        connection.getresponse()


def test_who_expects_to_be_told_to_continue_is_told_so(proxy: Proxy) -> None:
    with connected(proxy) as connection:
        connection.connect()
        connection.sock.sendall(
            b"PUT /k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert connection.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sock.sendall(b"ok")
        assert connection.sock.recv(100).startswith(b"HTTP/1.1 200 ")


def test_requests_that_do_not_wait_for_each_other_are_one_round_trip(proxy: Proxy) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            list(pool.map(lambda _: ask(proxy, "GET", MEETING), range(8)))

    assert len(proxy.exchanges) == 16
    assert len(longest_chain(proxy.exchanges)) == 2


def test_a_delayed_request_is_forwarded_later(server: Server) -> None:
    with Proxy(server.server_address[1], always(Fault.DELAY), delay_s=0.2) as proxy:
        assert ask(proxy, "GET", "/k") == (200, BODY)

    (exchange,) = proxy.exchanges
    assert exchange.end_s - exchange.start_s >= 0.2


def test_the_longest_chain_leaves_out_what_overlaps() -> None:
    def exchange(number: int, start_s: float, end_s: float) -> Exchange:
        return Exchange(number, "GET", "/", start_s, end_s, 200, None)

    long = exchange(1, 0, 9)
    short = [exchange(2, 0, 1), exchange(3, 1, 2), exchange(4, 8, 10), exchange(5, 12, 13)]

    assert longest_chain([long, *reversed(short)]) == short
    assert longest_chain([]) == []


def test_a_seed_gives_the_same_faults_again_and_another_seed_others() -> None:
    def faults(seed: int) -> list[Fault | None]:
        schedule = seeded(seed)
        return [schedule(number, "GET", "/") for number in range(1, 200)]

    assert [faults(seed) for seed in range(50)] == [faults(seed) for seed in range(50)]
    assert len({tuple(faults(seed)) for seed in range(50)}) == 50
    assert {fault for seed in range(50) for fault in faults(seed)} == {None, *Fault}
