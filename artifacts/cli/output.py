"""Output: numbers, times and tables as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_AGES = ((86400, "days"), (3600, "h"), (60, "min"))
_LONG_AGO_S = 30 * 86400  # from here on the date says more


def size_text(size: int | None) -> str:
    """1.2 GiB; `size` is in bytes."""
    if size is None:
        return "?"
    if size < 1024:
        return f"{size} B"
    value, unit = size / 1024, 0
    while value >= 999.95 and unit + 1 < len(_UNITS):  # would be written with four digits
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {_UNITS[unit]}"


def count_text(count: int, noun: str) -> str:
    """1 file, 2 files."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration_text(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{seconds:.1f} s"


def time_text(time: datetime | None) -> str | None:
    """2026-11-22T19:38:16+00:00; None without a time."""
    return time.isoformat(timespec="seconds") if time else None


def age_text(written: str, now: datetime) -> str:
    """3 min ago, for a time in ISO 8601; later the date, and as it is what is no past time."""
    try:
        time = datetime.fromisoformat(written).astimezone(UTC)
    except ValueError:
        return written
    age_s = (now - time).total_seconds()
    if age_s < 0:
        return written
    if age_s >= _LONG_AGO_S:
        return f"{time:%Y-%m-%d}"
    for length_s, unit in _AGES:
        if age_s >= length_s:
            count = int(age_s // length_s)
            return f"{count} {unit.removesuffix('s') if count == 1 else unit} ago"
    return f"{age_s:.0f} s ago"


def shown(text: str) -> str:
    """The text, or where it would garble a terminal the same as a JSON string."""
    return text if text.isprintable() else json.dumps(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Aligned lines. A column whose head begins with '>' is aligned right."""
    names = [head.removeprefix(">") for head in heads]
    cells = [names, *([shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = (
            cell.rjust(width) if head[:1] == ">" else cell.ljust(width)
            for head, cell, width in zip(heads, row, widths, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def facts(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Aligned lines of a word and what it says; those that say nothing are left out."""
    told = [(word, text) for word, text in pairs if text]
    width = max((len(word) for word, _ in told), default=0)
    for word, text in told:
        first, *rest = map(shown, text.splitlines())
        yield f"{word.ljust(width)}  {first}"
        yield from (f"{' ' * width}  {line}" for line in rest)
