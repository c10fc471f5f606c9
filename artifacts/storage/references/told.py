"""Told: what the far side says of an object, and how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from artifacts.storage.bucket import Cursor


class Told(Struct, frozen=True):
    """`size` in bytes. What the far side does not tell is None."""

    size: int | None = None
    etag: str | None = None
    version: str | None = None


class ToldPage(Struct, frozen=True):
    """Part of a listing: keys and what is told of them, and where it goes on, if it does."""

    found: Sequence[tuple[str, Told]]
    after: Cursor | None


class Source(Protocol):
    """One attempt at each question; what a client raises comes through as it is.

    Of a bucket that keeps versions the version is told, and can be asked for.
    """

    def look(self, key: str, version: str | None) -> Told:
        """Raises what classify calls ABSENT if nothing is there."""

    def page(self, prefix: str, cursor: Cursor | None) -> ToldPage:
        """Objects whose key starts with `prefix`, but for what only stands for a folder."""

    def part(self, key: str, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        """The bytes from `start`, and what is told of the whole object with them."""


def bare(etag: object) -> str | None:
    """An ETag without the quotes that some answers put around it, and others do not."""
    text = str(etag).strip('"') if etag else ""
    return text or None
