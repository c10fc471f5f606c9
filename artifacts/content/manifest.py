"""Manifest: the list of an artifact's pages; its digest is the artifact's digest."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from operator import attrgetter

from msgspec import Struct

from artifacts.content.cut import MAX_ENTRIES, cut
from artifacts.content.digest import LENGTH, Digest
from artifacts.content.entry import MAX_SIZE, Row
from artifacts.content.page import MAX_BYTES, Page
from artifacts.content.path import check_no_file_is_a_folder, check_paths, end_of_prefix
from artifacts.errors import DigestMismatchError, InvalidError, MalformedError

MAGIC = b"artmani1"
MAX_PAGES = 2**20
MAX_MANIFEST_BYTES = 2**28  # of canonical bytes
_HEAD = struct.Struct("<8sII")


class PageRow(Struct, frozen=True):
    """What a manifest says of one page."""

    digest: Digest
    entries: int
    length: int  # bytes of the page's canonical form
    size: int  # bytes of the entries' content
    first: str
    last: str

    @classmethod
    def of(cls, page: Page, data: bytes) -> PageRow:
        return cls(
            Digest.of(data), len(page), len(data), page.content_size, page.paths[0], page.paths[-1]
        )

    def check(self, data: bytes) -> Page:
        """The page whose canonical bytes these are.

        Raises DigestMismatchError, or MalformedError if the page is not what this row says.
        """
        if (actual := Digest.of(data)) != self.digest:
            raise DigestMismatchError(f"page {self.digest}", self.digest.hex(), actual.hex())
        page = Page.decode(data, f"page {self.digest}")
        if PageRow.of(page, data) != self:
            raise MalformedError(f"page {self.digest}", "it differs from its row in the manifest")
        return page


class Manifest:
    """Rows of pages in path order. Equal entries give equal manifests, however they came.

    Raises InvalidError for what no reader would believe.
    """

    def __init__(self, rows: tuple[PageRow, ...] = ()) -> None:
        if reason := _fault(rows):
            raise InvalidError(f"a manifest cannot be so: {reason}")
        self.rows = rows
        self.data = _encode(rows)
        if len(self.data) > MAX_MANIFEST_BYTES:
            raise InvalidError(f"a manifest of {len(self.data)} bytes, at most 2**28 can be read")
        self.digest = Digest.of(self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __len__(self) -> int:
        """Entries of all pages."""
        return sum(row.entries for row in self.rows)

    @property
    def size(self) -> int:
        """Bytes of all entries' content, duplicates counted each time."""
        return sum(row.size for row in self.rows)

    @cached_property
    def _firsts(self) -> list[str]:
        return [row.first for row in self.rows]

    def position_of(self, path: str) -> int | None:
        """Index of the one row whose page can hold `path`."""
        index = bisect_right(self._firsts, path) - 1
        return index if index >= 0 and path <= self.rows[index].last else None

    def positions_under(self, prefix: str) -> range:
        """Indices of the rows whose pages can hold paths that start with `prefix`."""
        start = bisect_left(self.rows, prefix, key=attrgetter("last"))
        return range(start, end_of_prefix(self._firsts, prefix, start))

    @classmethod
    def decode(cls, data: bytes, name: str) -> Manifest:
        """Raises MalformedError for anything that no writer of this format makes."""
        try:
            manifest = cls(tuple(_unpack(data)))
            check_paths([path for row in manifest.rows for path in (row.first, row.last)])
        except (struct.error, ValueError, LookupError) as error:
            raise MalformedError(name, str(error)) from error
        if manifest.data != data:
            raise MalformedError(name, "it is not in canonical form")
        return manifest


def build(rows: Mapping[str, Row]) -> Iterator[tuple[PageRow, Page, bytes]]:
    """Pages of entries given in any order, and their canonical bytes, in path order.

    Raises InvalidPathError if a file is also a folder. The paths were checked before.
    """
    paths = sorted(rows)
    check_no_file_is_a_folder(paths, rows)
    encoded = "\0".join(paths).encode().split(b"\0") if paths else []
    for start, stop in cut(encoded):
        part = paths[start:stop]
        page = Page.of(part, [rows[path] for path in part])
        data = page.encode()
        yield PageRow.of(page, data), page, data


def _encode(rows: tuple[PageRow, ...]) -> bytes:
    paths = "".join(f"{row.first}\0{row.last}\0" for row in rows).encode()
    count = len(rows)
    return b"".join(
        (
            _HEAD.pack(MAGIC, count, len(paths)),
            struct.pack(f"<{count}I", *(row.entries for row in rows)),
            struct.pack(f"<{count}I", *(row.length for row in rows)),
            struct.pack(f"<{count}Q", *(row.size for row in rows)),
            *(row.digest for row in rows),
            paths,
        )
    )


def _unpack(data: bytes) -> Iterator[PageRow]:
    magic, count, path_bytes = _HEAD.unpack_from(data)
    if magic != MAGIC or count > MAX_PAGES:
        raise InvalidError("it does not start like a manifest of this version")
    if len(data) != _HEAD.size + count * (16 + LENGTH) + path_bytes:
        raise InvalidError("its length does not fit its counts")
    numbers = struct.unpack_from(f"<{count}I{count}I{count}Q", data, _HEAD.size)
    digests = _HEAD.size + 16 * count
    paths = data[digests + LENGTH * count :].decode().split("\0")
    for i in range(count):
        at = digests + LENGTH * i
        entries, length, size = numbers[i::count]
        digest = Digest(data[at : at + LENGTH])
        yield PageRow(digest, entries, length, size, paths[2 * i], paths[2 * i + 1])


def _fault(rows: tuple[PageRow, ...]) -> str | None:
    if len(rows) > MAX_PAGES:
        return f"it has {len(rows)} pages"
    if sum(row.size for row in rows) > MAX_SIZE:
        return "its files add up to an impossible size"
    after = ""
    for row in rows:
        if not 1 <= row.entries <= MAX_ENTRIES or row.length > MAX_BYTES:
            return "a page has an impossible number of entries or bytes"
        if not after < row.first <= row.last or (row.first == row.last) != (row.entries == 1):
            return "its pages overlap, repeat or do not ascend"
        after = row.last
    return None
