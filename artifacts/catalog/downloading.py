"""Downloading: a version's files put into a folder, with the receipt that lets it be audited."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from artifacts.cache import (
    Checkout,
    Copies,
    Delivered,
    Expected,
    Outcome,
    Part,
    Receipt,
    References,
    check_not_ours,
)
from artifacts.catalog.others import SCHEME, Others
from artifacts.catalog.version import Version
from artifacts.content import Leaves, Page
from artifacts.errors import (
    ArtifactsError,
    EntryNotFoundError,
    IntegrityError,
    MissingBlobError,
    UnavailableError,
)
from artifacts.progress import Progress, Silent
from artifacts.storage import Ahead, Places, alone

_DECODED = 32  # pages that are kept between checking and writing their files: memory is bounded


class Manner(Struct, frozen=True):
    """How files get into a folder.

    With `force` edited ones are overwritten; with `links` large ones become read-only hard links
    to copies that are kept there; with `skip_cache` all is read from the store itself.
    References are followed through `places`; of those that lead to nothing, with
    `allow_missing_references`, there is only a warning. Links that may lead out of the folder
    are only made with `outside_links`.
    """

    force: bool = False
    links: Copies | None = None
    skip_cache: bool = False
    places: Places | None = None
    allow_missing_references: bool = False
    outside_links: bool = False


AS_EVER = Manner()


def download(
    version: Version,
    root: Path,
    prefix: str = "",
    *,
    only: Sequence[str] = (),
    manner: Manner = AS_EVER,
    progress: Progress | None = None,
) -> Outcome:
    """Every file whose path starts with `prefix` is below `root`, checked, or an error says not.

    If `only` lists paths, then these and no others. Raises EntryNotFoundError for one too many.
    Files that are right are kept, edited ones too unless that is forced. Unedited files of an
    earlier delivery of the collection that this version does not have are deleted.

    What can be delivered is delivered before anything is raised: LocalChangesError,
    ObstructedError, DigestMismatchError, MissingBlobError, InvalidPathError, StorageError, and for
    references MissingReferenceError, ChangedReferenceError. But nothing at all is,
    if what the store says of the files is no artifact: MalformedError, InvalidPathError.
    """
    outcome = download_most(version, root, prefix, only=only, manner=manner, progress=progress)
    outcome.raise_problems()
    return outcome


def download_most(
    version: Version,
    root: Path,
    prefix: str = "",
    *,
    only: Sequence[str] = (),
    manner: Manner = AS_EVER,
    progress: Progress | None = None,
) -> Outcome:
    """As `download`, but what could not be delivered is told by the outcome, and not raised."""
    destination = _Destination(root, version, manner, progress or Silent())

    def attempt(version: Version) -> tuple[_Pages, Checkout]:
        pages = _Pages(version, prefix, only)
        return pages, destination.take(pages)

    pages, checkout = _as_laid_out_now(
        version.uncached() if manner.skip_cache else version, attempt
    )
    if not pages.damage:  # a receipt has to have them all
        pages.version.keep_carried()
        destination.settle(pages, checkout)
    return checkout.outcome


def _as_laid_out_now(
    version: Version, attempt: Callable[[Version], tuple[_Pages, Checkout]]
) -> tuple[_Pages, Checkout]:
    """Once more, if something is missing since a collector or a repacking laid it out anew."""
    try:
        pages, checkout = attempt(version)
    except MissingBlobError:
        if (renewed := version.renewed()) is None:
            raise
        return attempt(renewed)
    outcome = checkout.outcome
    is_missing = any(isinstance(problem, MissingBlobError) for problem in outcome.problems)
    if not is_missing or (renewed := version.renewed()) is None:
        return pages, checkout
    pages, checkout = attempt(renewed)
    checkout.outcome.written += outcome.written
    checkout.outcome.kept -= outcome.written
    return pages, checkout


class _Destination:
    """A folder as earlier deliveries left it, and how files get into it now."""

    def __init__(self, root: Path, version: Version, manner: Manner, progress: Progress) -> None:
        receipt = Receipt.find(root)
        self._root, self._manner, self._progress = root, manner, progress
        self._files, self._details = receipt.files(), receipt.details()
        others = Others(version.store, version.collection.log.parallel)
        self._references = References(
            manner.places or Places(),
            {SCHEME: others.fetch},
            receipt.referred(),
            manner.allow_missing_references,
        )

    def take(self, pages: _Pages) -> Checkout:
        """Have in it what can be had of the pages' files."""
        checkout = Checkout(
            pages.version.store,
            self._root,
            self._files,
            force=self._manner.force,
            links=self._manner.links,
            progress=self._progress,
            references=self._references,
            details=self._details,
            outside_links=self._manner.outside_links,
        )
        checkout.run(pages.parts()).problems += pages.damage
        checkout.outcome.lacked = self._references.lacked
        return checkout

    def settle(self, pages: _Pages, checkout: Checkout) -> None:
        """Leave the receipt there, and nothing that was delivered before and is in none now."""
        with alone(os.fspath(self._root)):
            now = Receipt.find(self._root)  # others may have added theirs
            renewed = now.adding(pages.delivered(self._references.delivered))
            if before := self._files.keys() | self._details.keys():
                kept = renewed.files().keys() | renewed.details().keys()
                checkout.delete_stale(sorted(before - kept), kept)
            renewed.write(self._root)


class _Pages:
    """Those that are needed, read and checked before the first file is written.

    `damage` says which could not be had. Raises MalformedError, InvalidPathError for what no
    honest writer makes; EntryNotFoundError.
    """

    def __init__(self, version: Version, prefix: str, only: Sequence[str]) -> None:
        self.version, self.prefix, self.only = version, prefix, sorted({*only})
        self.damage: list[ArtifactsError] = []
        self._data: dict[int, bytes] = {}
        self._decoded: dict[int, Page] = {}
        leaves = Leaves()
        with suppress(IntegrityError, UnavailableError):
            _ = version.layout  # once, and not in each thread
        with Ahead(version.store) as ahead:
            positions = [*self._positions()]
            reads = ahead.each(partial(version.page_bytes, each) for each in positions)
            for position, read in zip(positions, reads, strict=True):
                if page := self._check(position, read):
                    leaves.take(page.paths)

    def parts(self) -> Iterator[Part]:
        for position, data in self._data.items():
            page = self._decoded.pop(position, None) or Page.decode(data, str(position))
            for wanted in self._wanted(position, page):
                yield page, wanted, partial(self.version.page_layout, position, page)

    def delivered(self, references: Mapping[str, Expected]) -> Delivered:
        manifest = self.version.manifest
        return Delivered(
            name=self.version.source_qualified_name,
            type=self.version.type,
            store=self.version.store.url,
            prefix=self.prefix,
            manifest=manifest,
            pages={manifest.rows[each].digest: data for each, data in self._data.items()},
            only=tuple(self.only),
            references=references,
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

    def _check(self, position: int, read: Callable[[], bytes]) -> Page | None:
        row = self.version.manifest.rows[position]
        try:
            data = read()
        except (IntegrityError, UnavailableError) as error:
            error.add_note(f"without it, there is nothing from {row.first} to {row.last}")
            self.damage.append(error)
            return None
        page = row.check(data)
        check_not_ours(page.paths)
        [*self._wanted(position, page)]
        self._data[position] = data
        if len(self._decoded) < _DECODED:
            self._decoded[position] = page
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
