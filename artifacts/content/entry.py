"""Entry: one path of an artifact, what it holds, and how long that is.

Whatever follows from something else has one value only, so equal entries have equal bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

from msgspec import Struct

from artifacts.content.digest import Digest
from artifacts.content.path import check_path
from artifacts.errors import InvalidError

MAX_SIZE = 2**63 - 1  # bytes
MAX_URI = 8192  # bytes
MAX_TAG = 1024  # bytes of an etag or a version
MAX_TARGET = 4096  # bytes of where a symlink leads
_NOTHING = Digest.of(b"")


class Kind(IntEnum):
    """What lies at a path. The numbers are part of the format."""

    FILE = 0
    REFERENCE = 1
    SYMLINK = 2
    FOLDER = 3


class Detail(Struct, frozen=True):
    """What an entry has beyond path, digest and size; every field of it is identity.

    A plain file has no detail. `is_content` says that a reference's digest is that of the bytes
    which lay at its uri; otherwise it is the digest of what the far side told about them.
    """

    kind: Kind = Kind.FILE
    mode: int | None = None  # permission bits, 0 to 0o7777
    uri: str | None = None
    etag: str | None = None
    version: str | None = None
    target: str | None = None
    is_content: bool = False

    def __post_init__(self) -> None:
        if reason := self._fault():
            raise InvalidError(f"{self.kind.name.lower()} entry {reason}")

    def derive(self, size: int | None = None) -> tuple[Digest, int | None] | None:
        """The entry's digest and size; None if they are those of content.

        `size` is what a reference's far side told. Source: docs/format.md, Entries.
        """
        if self.kind is Kind.FOLDER:
            return _NOTHING, 0
        if self.target is not None:
            target = self.target.encode()
            return Digest.of(target), len(target)
        if self.uri is None or self.is_content:
            return None
        told = (self.uri, self.etag or "", self.version or "", "" if size is None else str(size))
        return Digest.of("\0".join(told).encode()), size

    def _fault(self) -> str | None:
        if (self.uri is not None) != (self.kind is Kind.REFERENCE):
            return "must have a uri if, and only if, it is a reference"
        if (self.target is not None) != (self.kind is Kind.SYMLINK):
            return "must have a target if, and only if, it is a symlink"
        if self.uri is None and (self.etag or self.version or self.is_content):
            return "has facts of a reference, but is none"
        if self.mode is None and self.kind is Kind.FILE:
            return "has a detail that says nothing"
        if self.mode is not None and (self.target is not None or not 0 <= self.mode <= 0o7777):
            return f"must not have mode {self.mode:#o}"
        return self._fault_of_texts()

    def _fault_of_texts(self) -> str | None:
        limits = {"uri": MAX_URI, "etag": MAX_TAG, "version": MAX_TAG, "target": MAX_TARGET}
        for name, most in limits.items():
            text = getattr(self, name)
            if text is not None and not 0 < _length(text) <= most:
                return f"must have 1 to {most} bytes of UTF-8 without NUL as its {name}"
        return None


Row: TypeAlias = tuple[bytes, int | None, Detail | None]
"""An entry without its path: digest, size, detail. A million of these are affordable."""


def row_fault(digest: bytes, size: int | None, detail: Detail | None) -> str | None:
    """Why no entry has this row, if that is so."""
    if size is not None and not 0 <= size <= MAX_SIZE:
        return f"has size {size}"
    if detail is not None and (derived := detail.derive(size)) is not None:
        return None if (digest, size) == derived else "has a digest or size that is not its own"
    if size is None:
        return "has no size"
    return "has no bytes, but the digest of some" if not size and digest != _NOTHING else None


class Entry(Struct, frozen=True):
    """`size` is in bytes; None only for a reference whose far side would not tell."""

    path: str
    digest: Digest
    size: int | None
    detail: Detail | None = None

    def __post_init__(self) -> None:
        check_path(self.path)
        if reason := row_fault(self.digest, self.size, self.detail):
            raise InvalidError(f"{self.path!r} {reason}")

    @property
    def kind(self) -> Kind:
        return self.detail.kind if self.detail else Kind.FILE

    @property
    def row(self) -> Row:
        return (self.digest, self.size, self.detail)


def _length(text: str) -> int:
    """In bytes of UTF-8; 0 if it cannot be one text among others that are parted by NUL."""
    try:
        return 0 if "\0" in text else len(text.encode())
    except UnicodeEncodeError:
        return 0
