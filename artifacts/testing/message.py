"""Message: a request or an answer of HTTP/1.1, in the bytes that were sent."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedIOBase

from msgspec import Struct


class HangUpError(ConnectionError):
    """One side has closed its connection, or it is to be closed."""


class Head(Struct, frozen=True):
    """The first line of a message and its headers, as they were sent."""

    data: bytes

    @classmethod
    def read(cls, stream: BufferedIOBase) -> Head | None:
        """None at the end of the connection. Raises HangUpError if that comes in its midst."""
        lines = []
        while line := stream.readline():
            lines.append(line)
            if not line.strip():
                return cls(b"".join(lines))
        if lines:
            raise HangUpError
        return None

    @property
    def method(self) -> str:
        return self._words[0]

    @property
    def target(self) -> str:
        return self._words[1]

    @property
    def status(self) -> int:
        return int(self._words[1])

    @property
    def length(self) -> int | None:
        """Bytes of the body, where they were said."""
        value = self.value(b"content-length")
        return None if value is None else int(value)

    @property
    def is_chunked(self) -> bool:
        return (self.value(b"transfer-encoding") or b"").lower() == b"chunked"

    @property
    def closes(self) -> bool:
        return (self.value(b"connection") or b"").lower() == b"close"

    def value(self, name: bytes) -> bytes | None:
        for line in self.data.splitlines()[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip()
        return None

    def without(self, name: bytes) -> bytes:
        lines = self.data.splitlines(keepends=True)
        return b"".join(line for line in lines if line.partition(b":")[0].lower() != name)

    def body(self, stream: BufferedIOBase) -> bytes:
        """As it is framed; empty where no length is said."""
        if self.is_chunked:
            return b"".join(_chunks(stream))
        return _exactly(stream, self.length or 0)

    @property
    def _words(self) -> list[str]:
        return self.data.partition(b"\r\n")[0].decode("latin-1").split(" ")


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    size = 1
    while size:
        line = stream.readline()
        size = int(line.partition(b";")[0], 16)
        yield line + _exactly(stream, size + 2)


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise HangUpError
    return data


class Reply(Struct, frozen=True):
    """What is passed on, and whether the connection ends with it."""

    status: int
    head: bytes
    body: bytes
    is_last: bool = False

    @classmethod
    def refusing(cls, method: str, status: int, code: str) -> Reply:
        """As S3 says it, and Azure."""
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message/></Error>'.encode()
        head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        return cls(status, head.encode(), b"" if method == "HEAD" else body)

    def halved(self) -> Reply:
        head = self.head if self.body else self.head[: self.head.index(b"\n") // 2]
        return Reply(self.status, head, self.body[: len(self.body) // 2], is_last=True)
