"""Digest: the name of some bytes, computed from those bytes alone."""

from __future__ import annotations

import re
from typing import Self

from blake3 import blake3

from artifacts.errors import InvalidDigestError, MalformedError

LENGTH = 32  # bytes
_HEX = re.compile(r"[0-9a-f]{64}")


class Digest(bytes):
    """BLAKE3, 32 bytes, written as 64 lower-case hex digits. Equal digests mean equal bytes."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if len(raw) != LENGTH:
            raise MalformedError("digest", f"has {len(raw)} bytes, expected {LENGTH}")
        return super().__new__(cls, raw)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Self:
        """Digest of bytes in memory. Source: the BLAKE3 specification, default hash mode."""
        return cls(blake3(data).digest())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidDigestError."""
        if not _HEX.fullmatch(text):
            raise InvalidDigestError(text)
        return cls(bytes.fromhex(text))

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"Digest({self.hex()})"
