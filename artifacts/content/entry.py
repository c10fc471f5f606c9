"""Entry: one path of an artifact, what it holds, and how long that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from artifacts.content.digest import Digest
from artifacts.content.path import check_path
from artifacts.errors import InvalidError

MAX_SIZE = 2**63 - 1  # bytes
MAX_URI = 8192  # bytes
MAX_TAG = 1024  # bytes of an etag or a version


class Kind(IntEnum):
    """What lies at a path. The numbers are part of the format."""

    FILE = 0
    REFERENCE = 1
    SYMLINK = 2
    FOLDER = 3


@dataclass(frozen=True, slots=True)
class Detail:
    """What an entry has beyond path, digest and size; every field of it is identity.

    A plain file has none. `is_content` says that a reference's digest is that of the bytes
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

    def _fault(self) -> str | None:
        if (self.uri is not None) != (self.kind is Kind.REFERENCE):
            return "must have a uri if, and only if, it is a reference"
        if (self.target is not None) != (self.kind is Kind.SYMLINK):
            return "must have a target if, and only if, it is a symlink"
        if self.uri is None and (self.etag or self.version or self.is_content):
            return "has facts of a reference, but is none"
        if self.mode is not None and not 0 <= self.mode <= 0o7777:
            return f"has mode {self.mode:#o}"
        limits = ((self.uri, MAX_URI), (self.etag, MAX_TAG), (self.version, MAX_TAG))
        if any(text is not None and not 0 < len(text.encode()) <= most for text, most in limits):
            return "has a uri, etag or version that is empty or too long"
        return None


Row: TypeAlias = tuple[bytes, int | None, Detail | None]
"""An entry without its path: digest, size, detail. A million of these are affordable."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`size` is in bytes; None only for a reference whose far side would not tell."""

    path: str
    digest: Digest
    size: int | None
    detail: Detail | None = None

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.size is None and self.kind is not Kind.REFERENCE:
            raise InvalidError(f"{self.path!r} has no size")
        if self.size is not None and not 0 <= self.size <= MAX_SIZE:
            raise InvalidError(f"{self.path!r} has size {self.size}")

    @property
    def kind(self) -> Kind:
        return self.detail.kind if self.detail else Kind.FILE

    @property
    def row(self) -> Row:
        return (self.digest, self.size, self.detail)
