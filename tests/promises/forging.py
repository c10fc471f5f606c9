"""Forging: a store written by hand, where every digest is right and anything else may be a lie."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import zstandard

from artifacts.content import Digest, Page, PageRow
from artifacts.storage import (
    BLOBS,
    LAYOUTS,
    MANIFESTS,
    PAGES,
    Change,
    Frame,
    Layout,
    LocalStore,
    Log,
    Name,
    PageLayout,
    Proposal,
    Tail,
    encode,
)

PROJECT_ID, COLLECTION_ID = "1" * 32, "2" * 32
DATA = Name(BLOBS, Digest.of(b"data"))
_CREATED = {"kind": "created", "name": "data", "type": "dataset", "first": 0}
_LISTED = {"kind": "added", "name": "data", "id": COLLECTION_ID, "type": "dataset"}
_PROJECT = {"kind": "added", "name": "team/proj", "id": PROJECT_ID}

PATHS = {
    "parent": "../x",
    "parent further on": "a/../../x",
    "parent at the end": "a/..",
    "parent alone": "..",
    "itself": ".",
    "itself in between": "a/./b",
    "absolute": "/tmp/x",
    "absolute twice": "//server/x",
    "empty part": "a//b",
    "slash at the end": "a/",
    "nothing": "",
    "drive": "C:/x",
    "drive with backslash": "C:\\x",
    "drive without slash": "c:x",
    "backslash to parent": "..\\..\\x",
    "backslash in between": "a\\..\\x",
    "backslash first": "\\\\server\\x",
    "device": "con",
    "device in a folder": "a/NUL/b",
    "port": "COM1",
    "null": "a\0b",
    "too long": "a/" * 2_048 + "a",
}
"""Such as no artifact has."""


def page_of(*files: tuple[str, int, bytes], digests: Mapping[str, Digest] | None = None) -> Page:
    """Paths, sizes and contents, in the order given; `digests` has those that lie."""
    lies = digests or {}
    return Page(
        [path for path, _, _ in files],
        [size for _, size, _ in files],
        b"".join(lies.get(path, Digest.of(data)) for path, _, data in files),
    )


def file(path: str, data: bytes = b"data") -> Page:
    """A page of one file."""
    return page_of((path, len(data), data))


def manifest_of(rows: Sequence[PageRow], count: int | None = None) -> bytes:
    """Source: docs/format.md, Manifest."""
    paths = "".join(f"{row.first}\0{row.last}\0" for row in rows).encode("utf-8", "surrogatepass")
    return b"".join(
        (
            struct.pack("<8sII", b"artmani1", len(rows) if count is None else count, len(paths)),
            struct.pack(f"<{len(rows)}I", *(row.entries for row in rows)),
            struct.pack(f"<{len(rows)}I", *(row.length for row in rows)),
            struct.pack(f"<{len(rows)}Q", *(row.size for row in rows)),
            *(row.digest for row in rows),
            paths,
        )
    )


def row_of(page: Page) -> PageRow:
    data = page.encode()
    size = sum(size or 0 for size in page.sizes)
    return PageRow(
        Digest.of(data), len(page), len(data), size % 2**64, page.paths[0], page.paths[-1]
    )


def bomb(size: int, *, is_declared: bool = True) -> bytes:
    """A stored object of a few bytes that decode to `size` zeros."""
    compressor = zstandard.ZstdCompressor(level=3)
    if is_declared:
        return b"\1" + compressor.compress(bytes(size))
    stream = compressor.compressobj()
    return b"\1" + stream.compress(bytes(size)) + stream.flush()


@dataclass(frozen=True, slots=True)
class Forgery:
    """A version of team/proj/data, of pages that are what they should be unless told otherwise.

    Where a page is given as bytes, `rows` must say what the manifest says of it.
    """

    pages: Sequence[Page | bytes] = (file("a"),)
    rows: Sequence[PageRow] | None = None
    manifest: bytes | None = None
    layouts: Sequence[PageLayout | bytes] | None = None
    layout: bytes | None = None
    blobs: Sequence[bytes] = (b"data",)
    birth: Mapping[str, object] = field(default_factory=dict)
    change: Mapping[str, object] = field(default_factory=dict)
    replaced: Mapping[str, bytes] = field(default_factory=dict)
    """Bytes to lie in the place of the "manifest", the "layout", a "page" or a "blob"."""

    def write(self, store: LocalStore) -> None:
        for data in self.blobs:
            store.write(Name(BLOBS, Digest.of(data)).key, self.replaced.get("blob", data))
        append_change(store, "directory/root", _PROJECT)
        append_change(store, f"directory/{PROJECT_ID}", _LISTED)
        append_change(store, f"collection/{COLLECTION_ID}", {**_CREATED, **self.birth})
        append_change(store, f"collection/{COLLECTION_ID}", self._committed(store))

    def _committed(self, store: LocalStore) -> Change:
        datas = [page if isinstance(page, bytes) else page.encode() for page in self.pages]
        rows = self.rows
        if rows is None:
            pages = [page for page in self.pages if isinstance(page, Page)]
            rows = [*map(row_of, pages)]
        layouts = self.layouts
        if layouts is None:
            layouts = [PageLayout(row.entries, ()) for row in rows]
        pieces = [each if isinstance(each, bytes) else each.encode() for each in layouts]
        manifest = manifest_of(rows) if self.manifest is None else self.manifest
        page_names = [self._put(store, PAGES, data, "page") for data in datas]
        layout_names = [self._put(store, LAYOUTS, data, "") for data in pieces]
        root = Layout(Digest.of(manifest), page_names, layout_names).encode()
        layout = root if self.layout is None else self.layout
        return {
            "kind": "committed",
            "manifest": str(self._put(store, MANIFESTS, manifest, "manifest")),
            "layout": str(self._put(store, LAYOUTS, layout, "layout")),
            "size": sum(row.size for row in rows),
            "entries": sum(row.entries for row in rows),
            "aliases": ["latest"],
            **self.change,
        }

    def _put(self, store: LocalStore, kind: str, data: bytes, role: str) -> Name:
        name = Name(kind, Digest.of(data))
        store.write(name.key, self.replaced.get(role, encode(data)))
        return name


def append_change(store: LocalStore, name: str, change: object) -> None:
    """One more event of a log, with a change that may be anything."""
    log = Log(store, name)
    tail = Tail.start(name)
    for event in log.after(tail):
        tail = event.tail
    event = log.append(tail, Proposal([]))
    forge_event(store, name, event.number, {"changes": [change]})


def forge_event(store: LocalStore, name: str, number: int, lies: Mapping[str, object]) -> None:
    """Rewrite an event with other fields, under a digest that is right; None leaves one out."""
    key = Log(store, name).key(number)
    frame = Frame.decode(store.read(key), key)
    header = {each: value for each, value in {**frame.header, **lies}.items() if value is not None}
    write_line(store, key, json.dumps(header).encode())


def write_line(store: LocalStore, key: str, line: bytes) -> None:
    """An event of this one line, under a digest that is right."""
    body = line + b"\n"
    store.write(key, Digest.of(body).hex().encode() + b"\n" + body)
