"""Segment: what a run's log says of rows that lie in the store."""

from __future__ import annotations

from typing import Any, Self

from msgspec import Struct
from msgspec.structs import asdict, replace

from artifacts.catalog.fields import number_of, text_of
from artifacts.content import MAX_SIZE
from artifacts.storage import BLOBS, Change, Name

FORMATS = ("parquet", "jsonl")


class Segment(Struct, frozen=True):
    """Rows of a stream, immutable; of it count those up to step `until`, if that is said."""

    name: Name
    format: str
    rows: int
    size: int
    first: int | None = None
    last: int | None = None
    until: int | None = None

    @classmethod
    def of(cls, change: Change) -> Self:
        """Raises KeyError, TypeError or ValueError."""
        if change["format"] not in FORMATS:
            raise ValueError(f"'format' is {change['format']!r}")
        sizes = number_of(change, "rows", MAX_SIZE), number_of(change, "size", MAX_SIZE)
        steps = (whole_of(change, key) for key in ("first", "last", "until"))
        return cls(blob_of(change, "segment"), change["format"], *sizes, *steps)

    def told(self) -> dict[str, Any]:
        """As a change says it."""
        said = {"segment": str(self.name), **asdict(self)}
        return {key: value for key, value in said.items() if key != "name" and value is not None}

    @property
    def end(self) -> int | None:
        """The greatest step that may count."""
        steps = [step for step in (self.last, self.until) if step is not None]
        return min(steps, default=None)

    @property
    def is_empty(self) -> bool:
        """Whether no row of it counts."""
        return self.until is not None and self.first is not None and self.first > self.until

    def cut(self, step: int) -> Segment:
        return replace(self, until=step if self.until is None else min(step, self.until))


def blob_of(change: Change, key: str) -> Name:
    name = Name.parse(text_of(change, key))
    if name.kind != BLOBS:
        raise ValueError(f"{key!r} is {name}")
    return name


def whole_of(change: Change, key: str) -> int | None:
    number = change.get(key)
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise TypeError(f"{key!r} is {number!r}")
    return number
