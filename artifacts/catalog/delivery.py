"""Delivery: a version's files put into a folder, with the receipt that lets it be audited."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from artifacts.cache import Checkout, Delivery, Outcome, Part, Receipt, check_not_ours
from artifacts.catalog.version import Version
from artifacts.content import Leaves, Page
from artifacts.errors import (
    ArtifactsError,
    EntryNotFoundError,
    IntegrityError,
    UnavailableError,
)
from artifacts.progress import Progress
from artifacts.storage import alone


def deliver(
    version: Version,
    root: Path,
    prefix: str = "",
    *,
    only: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Every file whose path starts with `prefix` is below `root`, checked, or an error says not.

    If `only` lists paths, then these and no others. Raises EntryNotFoundError for one too many.
    Files that are right are kept, edited ones too unless `force`. Unedited files of an earlier
    delivery of the collection that this version does not have are deleted.

    What can be delivered is delivered before anything is raised: LocalChangesError,
    DigestMismatchError, MissingBlobError, InvalidPathError, StorageError. But nothing at all is,
    if what the store says of the files is no artifact: MalformedError, InvalidPathError.
    """
    pages = _Pages(version, prefix, only)
    receipt = Receipt.find(root)
    before = receipt.files()
    checkout = Checkout(version.store, root, before, force=force, progress=progress)
    outcome = checkout.run(pages.parts())
    outcome.problems += pages.damage
    if not pages.damage:  # a receipt has to have them all
        with alone(os.fspath(root)):
            renewed = Receipt.find(root).adding(pages.delivery())  # others may have added theirs
            if before:
                kept = renewed.files().keys()
                checkout.delete_stale(sorted(before.keys() - kept), kept)
            renewed.write(root)
    outcome.raise_problems()
    return outcome


class _Pages:
    """Those that are needed, read and checked before the first file is written.

    `damage` says which could not be had. Raises MalformedError, InvalidPathError for what no
    honest writer makes; EntryNotFoundError.
    """

    def __init__(self, version: Version, prefix: str, only: Sequence[str]) -> None:
        self.version, self.prefix, self.only = version, prefix, sorted({*only})
        self.damage: list[ArtifactsError] = []
        self._data: dict[int, bytes] = {}
        leaves = Leaves()
        for position in self._positions():
            if page := self._read(position):
                leaves.take(page.paths)

    def parts(self) -> Iterator[Part]:
        for position, data in self._data.items():
            page = Page.decode(data, str(position))
            for wanted in self._wanted(position, page):
                yield page, wanted, partial(self.version.page_layout, position, page)

    def delivery(self) -> Delivery:
        manifest = self.version.manifest
        return Delivery(
            name=self.version.qualified_name,
            type=self.version.type,
            store=self.version.store.url,
            prefix=self.prefix,
            manifest=manifest,
            pages={manifest.rows[each].digest: data for each, data in self._data.items()},
            only=tuple(self.only),
        )

    def _positions(self) -> Iterable[int]:
        if not self.only:
            return self.version.manifest.positions_under(self.prefix)
        return dict.fromkeys(map(self._position_of, self.only))

    def _position_of(self, path: str) -> int:
        position = self.version.manifest.position_of(path)
        if position is None:
            raise EntryNotFoundError(path)
        return position

    def _read(self, position: int) -> Page | None:
        row = self.version.manifest.rows[position]
        try:
            data = self.version.page_bytes(position)
        except (IntegrityError, UnavailableError) as error:
            error.add_note(f"without it, there is nothing from {row.first} to {row.last}")
            self.damage.append(error)
            return None
        page = row.check(data)
        check_not_ours(page.paths)
        [*self._wanted(position, page)]
        self._data[position] = data
        return page

    def _wanted(self, position: int, page: Page) -> Iterator[range]:
        """Indices of what is to be delivered of a page."""
        if not self.only:
            yield page.range_of(self.prefix)
        for path in self.only:
            if self._position_of(path) == position:
                index = page.index_of(path)
                if index is None:
                    raise EntryNotFoundError(path)
                yield range(index, index + 1)
