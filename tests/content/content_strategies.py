"""Strategies: paths, rows and whole artifacts as hypothesis draws them, and long lists of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from zlib import crc32

from hypothesis import strategies as st
from msgspec.structs import replace

from artifacts.content import Detail, Digest, Entry, Kind, Manifest, Page, Row, build, check_path
from artifacts.content.entry import MAX_SIZE
from artifacts.errors import InvalidPathError

NOTHING = Digest.of(b"")


def is_path(text: str) -> bool:
    try:
        check_path(text)
    except InvalidPathError:
        return False
    return True


def starts_a_page(path: bytes) -> bool:
    """The cut rule, spelled as docs/format.md spells it."""
    return (crc32(path) * 0x9E3779B1) % 2**32 < 2**21


@cache
def cutting_names() -> Sequence[str]:
    """Some five hundred names, in order, each of which starts a page wherever it comes."""
    return [name for i in range(2**20) if starts_a_page((name := f"{i:06x}").encode())]


@cache
def plain_names() -> Sequence[str]:
    """20,000 names, in order, none of which starts a page."""
    names = (f"{i:06x}" for i in range(0, 2**20, 50))
    return [name for name in names if not starts_a_page(name.encode())][:20_000]


def row_of(detail: Detail, size: int | None = None) -> Row:
    """Of an entry that has no content of its own."""
    derived = detail.derive(size)
    assert derived is not None
    return (*derived, detail)


def without_folders_among_files(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows without those below another one."""
    parents = {path: {path[:i] for i, c in enumerate(path) if c == "/"} for path in rows}
    return {path: row for path, row in rows.items() if not parents[path] & rows.keys()}


def pages_of(rows: Mapping[str, Row]) -> dict[Digest, bytes]:
    """Canonical bytes of an artifact's pages, by digest."""
    return {row.digest: data for row, _, data in build(rows)}


def manifest_of(rows: Mapping[str, Row]) -> Manifest:
    return Manifest(tuple(row for row, _, _ in build(rows)))


def page_of(rows: Mapping[str, Row]) -> Page:
    """All of the rows in one page."""
    paths = sorted(rows)
    return Page.of(paths, [rows[path] for path in paths])


parts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
paths = st.lists(parts, min_size=1, max_size=3).map("/".join).filter(is_path)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6
)
sizes = st.integers(1, 2**40) | st.just(1) | st.just(MAX_SIZE // 64)
modes = st.none() | st.integers(0, 0o7777)
digests = st.binary(min_size=32, max_size=32).map(Digest)

told_references = st.builds(
    Detail,
    kind=st.just(Kind.REFERENCE),
    mode=modes,
    uri=texts,
    etag=st.none() | texts,
    version=st.none() | texts,
)
content_references = told_references.map(lambda detail: replace(detail, is_content=True))
symlinks = st.builds(Detail, kind=st.just(Kind.SYMLINK), target=texts)
folders = st.builds(Detail, kind=st.just(Kind.FOLDER), mode=modes)
files_with_mode = st.builds(Detail, mode=st.integers(0, 0o7777))

rows: st.SearchStrategy[Row] = st.one_of(
    st.tuples(digests, sizes, st.none()),
    st.just((NOTHING, 0, None)),
    st.tuples(digests, sizes, files_with_mode | content_references),
    st.builds(lambda detail: (NOTHING, 0, detail), files_with_mode | content_references),
    st.builds(row_of, symlinks | folders),
    st.builds(row_of, told_references, st.none() | sizes | st.just(0)),
)
entries = st.builds(lambda path, row: Entry(path, Digest(row[0]), row[1], row[2]), paths, rows)
artifacts = st.dictionaries(paths, rows, max_size=8).map(without_folders_among_files)
some_pages = artifacts.filter(bool).map(page_of)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[dict[str, Row], dict[str, Row]]:
    old, more = draw(artifacts), draw(artifacts)
    again = draw(st.lists(st.sampled_from(sorted(old)), unique=True)) if old else []
    gone = draw(st.lists(st.sampled_from(sorted(old)), unique=True)) if old else []
    new = old | more | {path: draw(rows) for path in again}
    return old, without_folders_among_files({p: new[p] for p in new if p not in gone})


pairs = _pairs()
"""An artifact, and what it may have become: entries changed, added and removed."""
