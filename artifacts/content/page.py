"""Page: up to some thousand entries in path order, in canonical bytes, named by its digest."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import lt

from msgspec import Struct, field

from artifacts.content.cut import MAX_ENTRIES, MAX_PATH_BYTES
from artifacts.content.digest import LENGTH, Digest
from artifacts.content.entry import MAX_SIZE, Detail, Entry, Kind, Row, row_fault
from artifacts.content.path import check_no_file_is_a_folder, check_paths, end_of_prefix
from artifacts.errors import InvalidError, MalformedError

MAGIC = b"artpage1"
MAX_BYTES = 2**27  # of canonical bytes: more than 8192 entries with the longest details have
_HEAD = struct.Struct("<8sIII")
_DETAIL = struct.Struct("<II")
_FIELD = struct.Struct("<BH")
_UNKNOWN = 2**64 - 1  # the size of a reference whose far side would not tell
_MODE = struct.Struct("<H")
_TEXTS = ("uri", "etag", "version", "target")
_TAGS = dict(enumerate(("kind", "mode", *_TEXTS, "is_content"), start=1))


class Page(Struct, frozen=True):
    """Columns of equal length; entry objects are made only for who asks for one.

    `digests` is 32 bytes an entry; `details` has an item only for what is not a plain file.
    """

    paths: Sequence[str]
    sizes: Sequence[int | None]
    digests: bytes
    details: Mapping[int, Detail] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[str], rows: Sequence[Row]) -> Page:
        """A page of rows whose paths ascend and were checked before."""
        return cls(
            paths,
            [row[1] for row in rows],
            b"".join([row[0] for row in rows]),
            {i: row[2] for i, row in enumerate(rows) if row[2] is not None},
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Entry:
        return Entry(
            self.paths[index], self.digest_at(index), self.sizes[index], self.details.get(index)
        )

    def __iter__(self) -> Iterator[Entry]:
        return map(self.__getitem__, range(len(self)))

    def digest_at(self, index: int) -> Digest:
        return Digest(self.digests[index * LENGTH : (index + 1) * LENGTH])

    def digests_at(self, wanted: range) -> list[bytes]:
        """Of each entry at those indices, raw."""
        starts = range(wanted.start * LENGTH, wanted.stop * LENGTH, LENGTH)
        return [self.digests[start : start + LENGTH] for start in starts]

    def index_of(self, path: str) -> int | None:
        index = bisect_left(self.paths, path)
        return index if index < len(self.paths) and self.paths[index] == path else None

    def range_of(self, prefix: str) -> range:
        """Indices of the paths that start with `prefix`, as a string."""
        start = bisect_left(self.paths, prefix)
        return range(start, end_of_prefix(self.paths, prefix, start))

    def rows(self, wanted: range) -> Iterator[tuple[str, bytes, int | None]]:
        """Path, digest and size of each entry at those indices."""
        part = slice(wanted.start, wanted.stop)
        return zip(self.paths[part], self.digests_at(wanted), self.sizes[part], strict=True)

    @property
    def content_size(self) -> int:
        """Bytes of all entries whose size is known, duplicates counted each time."""
        try:
            return sum(self.sizes)  # type: ignore[arg-type]  # nearly always all known
        except TypeError:
            return sum(size for size in self.sizes if size is not None)

    def encode(self) -> bytes:
        """Canonical bytes. Source: docs/format.md, Pages."""
        paths = ("\0".join(self.paths) + "\0").encode()
        sizes = self.sizes
        if None in sizes:
            sizes = [_UNKNOWN if size is None else size for size in sizes]
        return b"".join(
            (
                _HEAD.pack(MAGIC, len(self), len(paths), len(self.details)),
                paths,
                struct.pack(f"<{len(self)}Q", *sizes),
                self.digests,
                *(_pack_detail(i, self.details[i]) for i in sorted(self.details)),
            )
        )

    @classmethod
    def decode(cls, data: bytes, name: str) -> Page:
        """Raises MalformedError for anything that encode would not have made."""
        try:
            page = _unpack(data)
        except (struct.error, ValueError, LookupError) as error:
            raise MalformedError(name, str(error)) from error
        if reason := _fault(page, data):
            raise MalformedError(name, reason)
        return page


def _unpack(data: bytes) -> Page:
    magic, count, path_bytes, detail_count = _HEAD.unpack_from(data)
    if magic != MAGIC or not 1 <= count <= MAX_ENTRIES or path_bytes > MAX_PATH_BYTES:
        raise InvalidError("it does not start like a page of this version")
    at = _HEAD.size
    paths = data[at : at + path_bytes].decode().split("\0")
    at += path_bytes
    sizes: list[int | None] = [*struct.unpack_from(f"<{count}Q", data, at)]
    at += 8 * count
    digests = data[at : at + LENGTH * count]
    at += LENGTH * count
    details: dict[int, Detail] = {}
    for _ in range(detail_count):
        index, detail, at = _unpack_detail(data, at)
        details[index] = detail
        if sizes[index] == _UNKNOWN and detail.kind is Kind.REFERENCE:
            sizes[index] = None
    if at != len(data) or len(digests) != LENGTH * count or paths.pop() != "":
        raise InvalidError("its length does not fit its counts")
    return Page(paths, sizes, digests, details)


def _fault(page: Page, data: bytes) -> str | None:
    if len(page.paths) * LENGTH != len(page.digests):
        return f"{len(page.paths)} paths, {len(page.digests) // LENGTH} digests"
    if not all(map(lt, page.paths, islice(page.paths, 1, None))):
        return "its paths do not ascend, or one stands twice"
    if reason := _row_fault(page):
        return reason
    try:
        check_paths(page.paths)
        check_no_file_is_a_folder(page.paths, {*page.paths})
    except InvalidError as error:
        return str(error)
    return None if page.encode() == data else "it is not in canonical form"


def _row_fault(page: Page) -> str | None:
    """Looks closely at the few rows that are not those of an ordinary plain file."""
    odd = {*page.details}
    sizes = page.sizes
    if 0 in sizes or max(filter(None, sizes), default=0) > MAX_SIZE:
        odd |= {i for i, size in enumerate(sizes) if not size or size > MAX_SIZE}
    for i in odd:
        if reason := row_fault(page.digest_at(i), sizes[i], page.details.get(i)):
            return f"{page.paths[i]!r} {reason}"
    return None


def _pack_detail(index: int, detail: Detail) -> bytes:
    values = (
        bytes([detail.kind]) if detail.kind else b"",
        b"" if detail.mode is None else _MODE.pack(detail.mode),
        *(
            (text or "").encode()
            for text in (detail.uri, detail.etag, detail.version, detail.target)
        ),
        b"\1" if detail.is_content else b"",
    )
    fields = [_FIELD.pack(tag, len(v)) + v for tag, v in enumerate(values, start=1) if v]
    return _DETAIL.pack(index, sum(map(len, fields))) + b"".join(fields)


def _unpack_detail(data: bytes, at: int) -> tuple[int, Detail, int]:
    index, length = _DETAIL.unpack_from(data, at)
    at += _DETAIL.size
    stop = at + length
    values: dict[str, bytes] = {}
    while at < stop:
        tag, size = _FIELD.unpack_from(data, at)
        at += _FIELD.size
        values[_TAGS[tag]] = data[at : at + size]
        at += size
    return index, _detail(values), at


def _detail(values: Mapping[str, bytes]) -> Detail:
    """Raises ValueError, of which InvalidError is one."""
    return Detail(
        kind=Kind(values["kind"][0]) if "kind" in values else Kind.FILE,
        mode=_MODE.unpack(values["mode"])[0] if "mode" in values else None,
        is_content="is_content" in values,
        **{key: values[key].decode() for key in _TEXTS if key in values},
    )
