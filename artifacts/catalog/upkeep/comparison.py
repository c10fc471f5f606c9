"""Comparison: the files of versions compared with the digests of their pages, each place once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from msgspec import Struct

from artifacts.cache import Checked, checked_key
from artifacts.catalog.upkeep.evidence import (
    Found,
    Packed,
    Pieced,
    Place,
    are_right,
    check_objects,
    read_places,
)
from artifacts.catalog.upkeep.report import Report
from artifacts.catalog.version import Version
from artifacts.content import Digest, Kind, Page
from artifacts.errors import ArtifactsError, BrokenLogError
from artifacts.progress import Progress
from artifacts.storage import Extent, Layout, Name, ObjectStore, PageLayout, Span, threads_of
from artifacts.workers import batched, spread

T = TypeVar("T")


class _Part(Struct, frozen=True):
    """A page, where its files lie, and which versions have it."""

    page: Page
    layout: PageLayout
    users: Sequence[Version]

    def named(self, *indices: int) -> Iterator[str]:
        """Paths in each version that has them."""
        for user in self.users:
            yield from (f"{user.qualified_name}: {self.page.paths[index]}" for index in indices)


class _Item(Struct, frozen=True):
    """Files of a page whose bytes are to be read in one place; in none if they were already."""

    part: _Part
    blob: Name
    indices: Sequence[int]
    offset: int = 0
    place: Place | None = None

    @property
    def size(self) -> int:
        return sum(self.part.page.sizes[index] or 0 for index in self.indices) if self.place else 0

    @property
    def key(self) -> bytes:
        """Of these places, compared with these digests."""
        digests = b"".join(map(self.part.page.digest_at, self.indices))
        return checked_key(self.place, Digest.of(digests))


class Comparison:
    """Pages that versions share are read once, and so is each file that lies in one place."""

    def __init__(
        self,
        store: ObjectStore,
        report: Report,
        progress: Progress,
        executor: Executor | None,
        sound: Mapping[Name, int] | None = None,
        checked: Checked | None = None,
    ) -> None:
        self._store = store
        self._report = report
        self._progress = progress
        self._executor = executor
        self._sound = sound or {}
        self._checked = checked
        self._seen: dict[int, object] = {}  # what is wrong with the bytes in a place, if anything

    def check(self, versions: Iterable[Version]) -> None:
        work = (
            ((self._store, [each.place for each in batch if each.place]), batch)
            for batch in batched(
                filter(self._is_new, self._items(versions)), lambda each: each.size
            )
        )
        for found, batch in spread(
            read_places, work, self._executor, threads=threads_of(self._store)
        ):
            results, right = iter(found), []
            for item in batch:
                if item.place is None:
                    self._repeat(item)
                elif self._judge(item, item.place, next(results)):
                    right.append((item.key, item.size))
            if self._checked:
                self._checked.add(right)

    def _is_new(self, item: _Item) -> bool:
        """Whether it has to be read, as far as is known."""
        if self._checked is None or item.place is None:
            return True
        size = self._checked.get(item.key)
        if size is not None:
            self._report.size += size
            self._progress.advance(size)
        return size is None

    def _items(self, versions: Iterable[Version]) -> Iterator[_Item]:
        """Each page once, though a fault in it affects every version that has it."""
        pages: dict[tuple[Name, Name], list[tuple[Version, int]]] = {}
        for version in versions:
            layout = self._layout_of(version)
            if layout is None:
                continue
            for position, names in enumerate(zip(layout.pages, layout.layouts, strict=True)):
                pages.setdefault(names, []).append((version, position))
        for users in pages.values():
            if part := self._part(*users[0], [version for version, _ in users]):
                self._count(part.page)
                for extent in part.layout.extents(part.page, range(len(part.page))):
                    yield from self._stretches(part, extent)
                for index in part.layout.pieces:
                    spans = part.layout.spans(part.page, index)
                    pieced = Pieced(part.page.paths[index], spans)
                    yield _Item(part, self._suspect(spans), [index], place=pieced)

    def _count(self, page: Page) -> None:
        kinds = [detail.kind for detail in page.details.values()]
        self._report.references += kinds.count(Kind.REFERENCE)
        self._report.files += len(page) - len(kinds) + kinds.count(Kind.FILE)

    def _suspect(self, spans: Sequence[Span]) -> Name:
        """The blob to blame if a file is wrong: one that is not sound, if that is known."""
        blobs = [span.blob for span in spans]
        return next((blob for blob in blobs if blob not in self._sound), blobs[0])

    def _layout_of(self, version: Version) -> Layout | None:
        row, affected = version.row, [version.qualified_name]
        manifest = self._read(lambda: version.manifest, row.manifest, affected)
        if manifest is None:
            return None
        return self._read(lambda: version.layout, row.layout, affected)

    def _part(self, version: Version, position: int, users: Sequence[Version]) -> _Part | None:
        row, names = version.manifest.rows[position], version.layout
        affected = [f"{user.qualified_name}: {row.first} to {row.last}" for user in users]
        page = self._read(lambda: version.page(position), names.pages[position], affected)
        if page is None:
            return None
        layout = self._read(
            lambda: version.page_layout(position, page), names.layouts[position], affected
        )
        return None if layout is None else _Part(page, layout, users)

    def _read(self, read: Callable[[], T], name: Name, affected: Iterable[str]) -> T | None:
        """What is read; nothing if it cannot be, which is reported."""
        try:
            return read()
        except ArtifactsError as error:
            where = error.key if isinstance(error, BrokenLogError) else name.key
            self._report.add(where, error, *affected)
            return None

    def _stretches(self, part: _Part, extent: Extent) -> Iterator[_Item]:
        """The files of an extent, without those whose bytes are known already."""
        page, offset = part.page, extent.offset
        new: list[int] = []
        start = offset
        for index in extent.indices:
            size, digest = page.sizes[index] or 0, page.digest_at(index)
            key = _key(extent.blob, offset, digest, size)
            is_sound = extent.blob.digest == digest and self._sound.get(extent.blob) == size
            if (is_sound and not offset) or key in self._seen:
                yield from _stretch(part, extent.blob, start, new)
                if not is_sound or offset:
                    yield _Item(part, extent.blob, [index], offset)
                new, start = [], offset + size
            else:
                self._seen[key] = None
                new.append(index)
            offset += size
        yield from _stretch(part, extent.blob, start, new)

    def _judge(self, item: _Item, place: Place, found: Sequence[Found]) -> bool:
        """Report what is wrong; whether nothing is.

        What a worker finds wrong is read again here, which may see better.
        """
        page, offset = item.part.page, item.offset
        if self._executor and not are_right(found, map(page.digest_at, item.indices)):
            found = place.read(self._store)
        is_right = True
        for index, each in zip(item.indices, found, strict=True):
            if fault := self._fault(page, index, each):
                is_right = False
                self._report.add(self._blame(item, place).key, fault, *item.part.named(index))
                if isinstance(place, Packed):
                    key = _key(item.blob, offset, page.digest_at(index), page.sizes[index])
                    self._seen[key] = fault
            offset += page.sizes[index] or 0
        return is_right

    def _blame(self, item: _Item, place: Place) -> Name:
        """The blob in which the fault lies, so that nobody deletes another one."""
        if isinstance(place, Pieced) and not self._sound:
            blobs = [*dict.fromkeys(span.blob for span in place.spans)]
            for blob, found in zip(blobs, check_objects((self._store, blobs)), strict=True):
                if isinstance(found, ArtifactsError):
                    return blob
        return item.blob

    def _fault(self, page: Page, index: int, found: Found) -> object:
        """What is wrong with a file's bytes, if anything."""
        if isinstance(found, ArtifactsError):
            return found
        digest, length = found
        self._report.size += length
        self._progress.advance(length)
        path, expected = page.paths[index], page.digest_at(index)
        if digest != expected:
            return f"{path}: digest is {digest}, expected {expected}"
        if length != page.sizes[index]:
            return f"{path}: has {length} bytes, expected {page.sizes[index]}"
        return None

    def _repeat(self, item: _Item) -> None:
        """What was wrong with bytes when they were read still is."""
        page, index = item.part.page, item.indices[0]
        key = _key(item.blob, item.offset, page.digest_at(index), page.sizes[index])
        if fault := self._seen[key]:
            self._report.add(item.blob.key, fault, *item.part.named(index))


def _stretch(part: _Part, blob: Name, offset: int, indices: Sequence[int]) -> Iterator[_Item]:
    if indices:
        sizes = [part.page.sizes[index] or 0 for index in indices]
        yield _Item(part, blob, indices, offset, Packed(blob, offset, sizes))


def _key(blob: Name, offset: int, digest: bytes, size: int | None) -> int:
    """A small key for where bytes lie: there may be millions of them."""
    return hash((blob, offset, digest, size))
