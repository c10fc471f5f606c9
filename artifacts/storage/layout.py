"""Layout: where the bytes of a version's files lie, page by page. No part of any identity.

Files packed end to end in path order need one record for all of them; a file that is a blob by
itself under its own digest needs none.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct, field

from artifacts.content import Digest, Kind, Page
from artifacts.errors import InvalidError, MalformedError
from artifacts.storage import codec
from artifacts.storage.name import BLOBS, LAYOUTS, PAGES, Name

MAGIC_PAGE = b"artspan1"
MAGIC_ROOT = b"artlayo1"
MAX_OFFSET = 2**63 - 1
SOLO = -1  # in a place: the blob is named by the content itself
_HEAD = struct.Struct("<8sIIII")
_BLOB = struct.Struct("<32sI")
_RUN = struct.Struct("<IIIQ")
_PIECE = struct.Struct("<II")
_SPAN = struct.Struct("<IQQQB")
_ROOT = struct.Struct("<8s32sI")
_ROOT_ROW = struct.Struct("<I32sI")

Place: TypeAlias = tuple[int, int]
"""Index into a list of blobs (or SOLO) and an offset, for bytes that lie there raw."""


class Span(Struct, frozen=True):
    """A piece of a file: `stored` bytes of a blob that decode to `size` bytes."""

    blob: Name
    offset: int
    stored: int
    size: int
    codec: int = codec.RAW


class Run(Struct, frozen=True):
    """`count` entries from index `first` lie raw, end to end, from `offset` of one blob."""

    first: int
    count: int
    blob: int
    offset: int


class Extent(Struct, frozen=True):
    """Entries of a page whose bytes lie raw, end to end, from `offset` of one blob."""

    blob: Name
    offset: int
    indices: range


class PageLayout(Struct, frozen=True):
    """Spans of one page's files. Indices in runs and pieces are those of the page."""

    entries: int
    blobs: Sequence[Name]
    runs: Sequence[Run] = ()
    pieces: Mapping[int, Sequence[Span]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        page: Page,
        places: Mapping[bytes, Place],
        blobs: Sequence[Name],
        pieces: Mapping[bytes, Sequence[Span]],
    ) -> PageLayout:
        """Where `places` and `pieces`, both by content, put the files of a page."""
        used: dict[int, int] = {}
        runs: list[Run] = []
        cut_up: dict[int, Sequence[Span]] = {}
        first = count = blob = 0
        offset = end = -1
        found = map(places.get, page.digests_at(range(len(page))))
        for index, (size, place) in enumerate(zip(_sizes(page), found, strict=True)):
            if not size:
                continue
            if place == (blob, end) and index == first + count:
                count, end = count + 1, end + size
            elif place is None:
                cut_up[index] = pieces[page.digest_at(index)]
            elif place[0] != SOLO:
                if count:
                    runs.append(Run(first, count, used.setdefault(blob, len(used)), offset))
                first, count, (blob, offset) = index, 1, place
                end = offset + size
        if count:
            runs.append(Run(first, count, used.setdefault(blob, len(used)), offset))
        return cls(len(page), _in_order([blobs[i] for i in used], cut_up), runs, cut_up)

    def extents(self, page: Page, wanted: range) -> Iterator[Extent]:
        """Where the wanted entries' bytes lie, those end to end together; pieces left out."""
        after = wanted.start
        near = max(bisect_right(self.runs, after, key=attrgetter("first")) - 1, 0)
        for run in islice(self.runs, near, None):
            start, stop = max(run.first, after), min(run.first + run.count, wanted.stop)
            if start < stop:
                yield from self._solos(page, range(after, start))
                offset = run.offset + _bytes_of(page, run.first, start)
                yield Extent(self.blobs[run.blob], offset, range(start, stop))
                after = stop
            elif run.first >= wanted.stop:
                break
        yield from self._solos(page, range(after, wanted.stop))

    def _solos(self, page: Page, between_runs: range) -> Iterator[Extent]:
        for index in between_runs:
            if page.sizes[index] and index not in self.pieces:
                detail = page.details.get(index)
                if detail is None or detail.kind is Kind.FILE:
                    blob = Name(BLOBS, page.digest_at(index))
                    yield Extent(blob, 0, range(index, index + 1))

    def spans(self, page: Page, index: int) -> Sequence[Span]:
        """Where one entry's bytes lie, in their order; none if it has no bytes."""
        if index in self.pieces:
            return self.pieces[index]
        return [
            Span(extent.blob, extent.offset, size, size)
            for extent in self.extents(page, range(index, index + 1))
            if (size := page.sizes[index])
        ]

    def names(self, page: Page) -> set[Name]:
        """Every blob that the page's files need."""
        return {*self.blobs} | {extent.blob for extent in self.extents(page, range(len(page)))}

    def encode(self) -> bytes:
        """Canonical bytes. Source: docs/format.md, Layouts."""
        position = {name: i for i, name in enumerate(self.blobs)}
        parts = [
            _HEAD.pack(MAGIC_PAGE, self.entries, len(self.blobs), len(self.runs), len(self.pieces))
        ]
        parts += [_BLOB.pack(name.digest, name.epoch) for name in self.blobs]
        parts += [_RUN.pack(run.first, run.count, run.blob, run.offset) for run in self.runs]
        for index, spans in sorted(self.pieces.items()):
            parts.append(_PIECE.pack(index, len(spans)))
            parts += [
                _SPAN.pack(position[s.blob], s.offset, s.stored, s.size, s.codec) for s in spans
            ]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes, page: Page, name: str) -> PageLayout:
        """Raises MalformedError if it is damaged, or is not a layout of this page."""
        try:
            layout = _unpack(data, len(page))
            _check(layout, page)
        except (struct.error, ValueError, LookupError, MalformedError) as error:
            raise MalformedError(name, str(error)) from error
        if layout.encode() != data:
            raise MalformedError(name, "it is not in canonical form")
        return layout


class Layout(Struct, frozen=True):
    """For each page of a manifest, the names of the page and of its page layout."""

    manifest: Digest
    pages: Sequence[Name]
    layouts: Sequence[Name]

    def encode(self) -> bytes:
        rows = zip(self.pages, self.layouts, strict=True)
        return _ROOT.pack(MAGIC_ROOT, self.manifest, len(self.pages)) + b"".join(
            _ROOT_ROW.pack(page.epoch, layout.digest, layout.epoch) for page, layout in rows
        )

    @classmethod
    def decode(cls, data: bytes, manifest: Digest, pages: Sequence[Digest], name: str) -> Layout:
        """Raises MalformedError if it is damaged, or is not a layout of this manifest."""
        if len(data) != _ROOT.size + len(pages) * _ROOT_ROW.size:
            raise MalformedError(name, "its length does not fit the manifest")
        if _ROOT.unpack_from(data) != (MAGIC_ROOT, manifest, len(pages)):
            raise MalformedError(name, "it belongs to another manifest")
        rows = [*_ROOT_ROW.iter_unpack(data[_ROOT.size :])]
        return cls(
            manifest,
            [Name(PAGES, page, row[0]) for page, row in zip(pages, rows, strict=True)],
            [Name(LAYOUTS, Digest(row[1]), row[2]) for row in rows],
        )


def _bytes_of(page: Page, start: int, stop: int) -> int:
    return sum(filter(None, page.sizes[start:stop]))


def _in_order(in_runs: Sequence[Name], pieces: Mapping[int, Sequence[Span]]) -> Sequence[Name]:
    """Blobs as a layout lists them: those of the runs as they come, then the others sorted."""
    in_pieces = {span.blob for spans in pieces.values() for span in spans}
    return [*in_runs, *sorted(in_pieces - {*in_runs}, key=str)]


def _unpack(data: bytes, entries: int) -> PageLayout:
    magic, count, blob_count, run_count, piece_count = _HEAD.unpack_from(data)
    if magic != MAGIC_PAGE or count != entries:
        raise InvalidError(f"it does not start like a layout of {entries} entries")
    if run_count + piece_count > entries or blob_count * _BLOB.size > len(data):
        raise InvalidError("it has more runs, pieces or blobs than can be")
    at = _HEAD.size
    blobs = []
    for _ in range(blob_count):
        digest, epoch = _BLOB.unpack_from(data, at)
        blobs.append(Name(BLOBS, Digest(digest), epoch))
        at += _BLOB.size
    runs = [Run(*_RUN.unpack_from(data, at + i * _RUN.size)) for i in range(run_count)]
    at += run_count * _RUN.size
    pieces: dict[int, Sequence[Span]] = {}
    for _ in range(piece_count):
        index, count = _PIECE.unpack_from(data, at)
        at += _PIECE.size
        stop = at + count * _SPAN.size
        pieces[index] = [Span(blobs[row[0]], *row[1:]) for row in _SPAN.iter_unpack(data[at:stop])]
        at = stop
    return PageLayout(entries, blobs, runs, pieces)


def _check(layout: PageLayout, page: Page) -> None:
    """Raises InvalidError unless the layout is as `of` makes them."""
    left = _sizes(page)
    _check_runs(layout, left)
    for index, spans in layout.pieces.items():
        if index >= len(left) or not left[index]:
            raise InvalidError("it places an entry twice, or one that has no bytes")
        raw = all(s.stored == s.size for s in spans if s.codec == codec.RAW)
        bounded = all(0 < s.size <= MAX_OFFSET and s.offset + s.stored <= MAX_OFFSET for s in spans)
        if sum(s.size for s in spans) != left[index] or not raw or not bounded:
            raise InvalidError("the spans of a file do not add up to it")
    in_runs = [layout.blobs[i] for i in dict.fromkeys(run.blob for run in layout.runs)]
    if layout.blobs != _in_order(in_runs, layout.pieces):
        raise InvalidError("it lists blobs that it does not need, or not in order")


def _check_runs(layout: PageLayout, left: list[int]) -> None:
    """Ascending, apart, and over files of `left` only, which they take out of it."""
    after, end = 0, (-1, -1)
    for run in layout.runs:
        stop = run.first + run.count
        if not after <= run.first < stop <= len(left) or run.blob >= len(layout.blobs):
            raise InvalidError("its runs are empty, overlap or are out of bounds")
        if run.first == after and end == (run.blob, run.offset):
            raise InvalidError("it has two runs for what is one")
        sizes = left[run.first : stop]
        after, end = stop, (run.blob, run.offset + sum(sizes))
        if 0 in sizes or end[1] > MAX_OFFSET:
            raise InvalidError("a run has an entry without bytes, or ends out of bounds")
        left[run.first : stop] = [0] * run.count


def _sizes(page: Page) -> list[int]:
    """Of each entry; 0 where no bytes lie in blobs."""
    sizes = [size or 0 for size in page.sizes]
    for index, detail in page.details.items():
        if detail.kind is not Kind.FILE:
            sizes[index] = 0
    return sizes
