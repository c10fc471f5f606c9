"""Diff: what turns one manifest's entries into another's, from the pages that differ alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from artifacts.content.digest import Digest
from artifacts.content.entry import Entry, Row
from artifacts.content.manifest import Manifest, PageRow
from artifacts.content.page import Page

ReadPage: TypeAlias = Callable[[PageRow], Page]


class Diff(Struct, frozen=True):
    """Each tuple in path order; `changed` holds pairs of the old and the new entry."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def apply(self, rows: dict[str, Row]) -> dict[str, Row]:
        """The newer side's rows, given the older side's."""
        gone = {entry.path for entry in self.removed}
        kept = {path: row for path, row in rows.items() if path not in gone}
        for entry in (*self.added, *(new for _, new in self.changed)):
            kept[entry.path] = entry.row
        return kept


def diff(old: Manifest, new: Manifest, read_old: ReadPage, read_new: ReadPage) -> Diff:
    """Pages that both sides have are never read."""
    shared = {row.digest for row in old.rows} & {row.digest for row in new.rows}
    before = _entries(old, shared, read_old)
    after = _entries(new, shared, read_new)
    return Diff(
        added=tuple(after[path] for path in after if path not in before),
        removed=tuple(before[path] for path in before if path not in after),
        changed=tuple(
            (entry, after[path])
            for path, entry in before.items()
            if path in after and after[path] != entry
        ),
    )


def _entries(manifest: Manifest, shared: set[Digest], read: ReadPage) -> dict[str, Entry]:
    return {
        entry.path: entry
        for row in manifest.rows
        if row.digest not in shared
        for entry in read(row)
    }
