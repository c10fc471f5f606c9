"""Reindex: the store's index and chunk lists made anew from what its live versions reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct, field

from artifacts.cache import CUT_BYTES, uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.upkeep.listing import Unlisted, list_chunks, listed
from artifacts.catalog.upkeep.live import Complain, Placed, live_pages, located
from artifacts.catalog.upkeep.shards import Shards
from artifacts.catalog.upkeep.stretches import Stretch, Stretches
from artifacts.catalog.version import Version
from artifacts.errors import IntegrityError
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    RAW,
    ZSTD,
    ChunkLists,
    Index,
    Located,
    Name,
    ObjectStore,
    Span,
    claimed,
)
from artifacts.workers import batched, spread

_LISTS = 256  # that one batch reads


class Reindexing(Struct):
    """What the index has now."""

    rows: int = 0
    lists: int = 0  # of chunks, that were missing or damaged, and are there again
    problems: list[str] = field(default_factory=list)
    """What is damaged, and so is not in the index."""


def reindex(
    catalog: Catalog, progress: Progress | None = None, *, executor: Executor | None = None
) -> Reindexing:
    """Afterwards any machine finds what live versions have, whatever the index was before.

    What others add meanwhile may be forgotten until the next time. Blobs of large files that
    have no list of their chunks are read. Memory: some 100 bytes for each page and each pack, of
    a far store for each large file too. Raises BrokenLogError, StorageError.
    """
    store = uncached(catalog.store)
    ours = Catalog(store)  # folds are not shared by threads
    ours.check_writing()
    done = Reindexing()
    with TemporaryDirectory(prefix="index-", dir=store.spool()) as folder, claimed(folder):
        shards = Shards(Path(folder))
        survey = _Survey(shards, _read_lists(store, shards), is_far=store.concurrency > 1)
        for placed in live_pages(ours, _noted(done)):
            survey.take(placed)
        sizes = catalog.identity.chunks
        work = (
            ((store, sizes, batch), batch)
            for batch in batched(survey.unlisted(), lambda each: each.size)
        )
        for lists, batch in spread(list_chunks, work, executor):
            for rows, each in zip(lists, batch, strict=True):
                (progress or Silent()).advance(each.size)
                shards.add(rows)
                shards.mark(each.blob)
                done.lists += 1
        Index(store).replace(_counted(shards.parts(), done))
    return done


def _noted(done: Reindexing) -> Complain:
    def complain(version: Version, error: IntegrityError) -> None:
        done.problems.append(f"{version.qualified_name}: {error}")

    return complain


def _counted(parts: Iterable[list[Located]], done: Reindexing) -> Iterator[list[Located]]:
    for part in parts:
        done.rows += len(part)
        yield part


def _read_lists(store: ObjectStore, shards: Shards) -> set[int]:
    """Hashes of the names of the blobs that have a list, whose rows are taken in."""
    known: set[int] = set()
    batches = batched(ChunkLists(store).blobs(), lambda _: 0, _LISTS)
    work = (((store, batch), batch) for batch in batches)
    for found, batch in spread(listed, work, threads=store.concurrency):
        for name, rows in zip(batch, found, strict=True):
            if rows is not None:
                known.add(hash(name))
                shards.add(rows)
    return known


class _Missing(Struct):
    """Of one blob, what a list of its chunks would be made of."""

    frames: Stretches = field(default_factory=Stretches)
    raw: dict[Stretch, None] = field(default_factory=dict)


class _Survey:
    """Rows of all files that lie raw in packs, and where those lie that no list tells of."""

    def __init__(self, shards: Shards, known: set[int], *, is_far: bool) -> None:
        self._shards, self._known, self._is_far = shards, known, is_far
        self._missing: dict[Name, _Missing] = {}

    def take(self, placed: Placed) -> None:
        page, packs = placed.page, {*placed.layout.blobs}
        for extent in placed.extents():
            if extent.blob in packs:  # what is solo is found by its name
                self._shards.add(located(placed, extent))
            self._shards.mark(extent.blob)
            offset = extent.offset
            for index in extent.indices:
                size = page.sizes[index] or 0
                if self._is_far and size >= CUT_BYTES:
                    self._want(Span(extent.blob, offset, size, size))
                offset += size
        for span in chain.from_iterable(placed.layout.pieces.values()):
            self._shards.mark(span.blob)
            if self._is_far or span.codec == ZSTD:
                self._want(span)

    def unlisted(self) -> Iterator[Unlisted]:
        for blob, missing in self._missing.items():
            yield Unlisted(blob, missing.frames.merged(), [*missing.raw])

    def _want(self, span: Span) -> None:
        if hash(span.blob) in self._known:
            return
        missing = self._missing.setdefault(span.blob, _Missing())
        stop = span.offset + span.stored
        if span.codec == RAW:
            missing.raw[Stretch(span.offset, stop)] = None
        else:
            missing.frames.add(span.offset, stop)
