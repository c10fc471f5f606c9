"""Manifest: the same entries give the same digest, and no lie about them is believed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from content_strategies import (
    artifacts,
    cutting_names,
    digests,
    is_path,
    manifest_of,
    pages_of,
    pairs,
    paths,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from artifacts.content import Digest, Manifest, Page, PageRow, Row, build
from artifacts.content.cut import MAX_ENTRIES
from artifacts.content.entry import MAX_SIZE
from artifacts.content.manifest import MAX_MANIFEST_BYTES, MAX_PAGES
from artifacts.content.page import MAX_BYTES
from artifacts.errors import (
    DigestMismatchError,
    InvalidError,
    InvalidPathError,
    MalformedError,
)

SOME = Digest.of(b"some")
ROW = PageRow(SOME, 2, 100, 10, "b", "d")


def between(firsts_and_lasts: Sequence[str], seed: int) -> tuple[PageRow, ...]:
    """Rows of made-up pages, each from one path to the next."""
    random = Random(seed)
    ordered = iter(sorted(firsts_and_lasts))
    rows = []
    for first in ordered:
        last = next(ordered, first) if random.random() < 0.8 else first
        entries = 1 if first == last else random.randint(2, MAX_ENTRIES)
        digest = Digest(random.randbytes(32))
        rows.append(PageRow(digest, entries, random.randint(60, 2**20), entries * 9, first, last))
    return tuple(rows)


manifests = st.builds(
    lambda names, seed: Manifest(between(names, seed)),
    st.lists(paths, unique=True, max_size=12),
    st.integers(0, 2**32),
)


@given(artifacts, st.randoms(use_true_random=False))
def test_order_of_adding_does_not_matter(rows: dict[str, Row], random: Random) -> None:
    shuffled = [*rows.items()]
    random.shuffle(shuffled)

    assert manifest_of(dict(shuffled)).digest == manifest_of(rows).digest


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_order_of_adding_thousands_does_not_matter(seed: int) -> None:
    names = [*cutting_names()[:20], *(f"{i:06}x" for i in range(3_000))]
    shuffled = Random(seed).sample(names, len(names))

    assert manifest_of(dict.fromkeys(shuffled, (SOME, 1, None))) == manifest_of(
        dict.fromkeys(names, (SOME, 1, None))
    )


@given(pairs)
def test_artifacts_are_equal_if_and_only_if_their_digests_are(
    pair: tuple[dict[str, Row], dict[str, Row]],
) -> None:
    one, other = pair
    assert (manifest_of(one).digest == manifest_of(other).digest) == (one == other)


@given(artifacts)
def test_pages_and_manifest_hold_exactly_what_was_added(rows: dict[str, Row]) -> None:
    manifest = Manifest.decode(manifest_of(rows).data, "manifest")
    pages = pages_of(rows)
    entries = [entry for row in manifest.rows for entry in row.check(pages[row.digest])]

    assert {entry.path: entry.row for entry in entries} == rows
    assert [entry.path for entry in entries] == sorted(rows)
    assert len(manifest) == len(rows)
    assert manifest.size == sum(entry.size or 0 for entry in entries)


@given(manifests)
def test_manifest_is_read_back_the_same(manifest: Manifest) -> None:
    again = Manifest.decode(manifest.data, "manifest")

    assert (again, again.rows, again.data) == (manifest, manifest.rows, manifest.data)
    assert hash(again) == hash(manifest)


@given(manifests, st.data())
def test_changed_bytes_are_refused_or_are_another_manifest(
    manifest: Manifest, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(manifest.data)))
    junk = data.draw(st.binary(max_size=8))
    length = data.draw(st.integers(0, 8))

    assert_refused_or_canonical(manifest.data[:at] + junk + manifest.data[at + length :])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_are_a_manifest(junk: bytes) -> None:
    assert_refused_or_canonical(junk)
    assert_refused_or_canonical(b"artmani1" + junk)


def test_each_part_alone_is_refused() -> None:
    good = Manifest((ROW, replace(ROW, first="e", last="f"))).data
    for stop in range(len(good)):
        for bad in (good[:stop], good[stop + 1 :], good[:stop] + b"\0" + good[stop:]):
            with pytest.raises(MalformedError):
                Manifest.decode(bad, "manifest")


def test_each_bit_counts() -> None:
    good = Manifest((ROW, replace(ROW, first="e", last="f"))).data
    for at in range(len(good)):
        for bit in range(8):
            flipped = bytearray(good)
            flipped[at] ^= 1 << bit
            assert_refused_or_canonical(bytes(flipped))


@pytest.mark.parametrize(
    "lies",
    [
        [{"first": "d", "last": "b"}],  # backwards
        [{"first": "b", "last": "b"}],  # two entries, one path
        [{"entries": 1}],  # one entry, two paths
        [{"entries": 0}],
        [{"entries": MAX_ENTRIES + 1}],
        [{"length": MAX_BYTES + 1}],
        [{"size": MAX_SIZE + 1}],
        [{"size": 2**64 - 1}],
        [{}, {}],  # twice
        [{}, {"first": "d", "last": "e"}],  # overlapping
        [{}, {"first": "c", "last": "e"}],
        [{"first": "x", "last": "y"}, {}],  # not in order
        [{"size": MAX_SIZE}, {"first": "e", "last": "f", "size": 1}],
    ],
)
def test_lie_about_pages_is_refused(lies: Sequence[dict[str, Any]]) -> None:
    rows = tuple(replace(ROW, **lie) for lie in lies)

    with pytest.raises(MalformedError):
        Manifest.decode(encoded(rows), "manifest")
    with pytest.raises(InvalidError):
        Manifest(rows)


@pytest.mark.parametrize(
    "lie",
    [{"first": ""}, {"first": "../b"}, {"last": "d/.."}, {"last": "d\\.."}, {"last": "d" * 4097}],
)
def test_hostile_path_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        Manifest.decode(encoded([replace(ROW, **lie)]), "manifest")


@pytest.mark.parametrize("count", [1, 2, 4, MAX_PAGES, MAX_PAGES + 1, 2**32 - 1])
def test_lie_about_how_many_pages_is_refused(count: int) -> None:
    rows = (ROW, replace(ROW, first="e", last="f"), replace(ROW, first="g", last="h"))

    with pytest.raises(MalformedError):
        Manifest.decode(encoded(rows, count=count), "manifest")


@pytest.mark.parametrize(
    "lie",
    [
        {"entries": 1},
        {"entries": 3},
        {"length": 1},
        {"size": 0},
        {"size": MAX_SIZE},
        {"first": "a"},
        {"first": "b!"},
        {"last": "e"},
        {"last": "c"},
    ],
)
def test_lie_about_a_page_is_found_when_it_is_read(lie: dict[str, Any]) -> None:
    [(row, _, data)] = build({"b": (SOME, 5, None), "d": (SOME, 5, None)})
    assert list(row.check(data))

    with pytest.raises(MalformedError, match="differs from its row"):
        replace(row, **lie).check(data)


@given(artifacts.filter(bool), digests)
def test_page_of_another_digest_is_refused(rows: dict[str, Row], digest: Digest) -> None:
    [(row, _, data), *_] = build(rows)

    with pytest.raises(DigestMismatchError) as caught:
        replace(row, digest=digest).check(data)

    assert (caught.value.expected, caught.value.actual) == (digest.hex(), row.digest.hex())


def test_canonical_page_of_other_entries_is_refused() -> None:
    [(row, page, _)] = build({"b": (SOME, 5, None), "d": (SOME, 5, None)})
    other = Page(page.paths, [4, 6], page.digests).encode()

    with pytest.raises(DigestMismatchError):
        row.check(other)


def test_file_that_is_a_folder_makes_no_artifact() -> None:
    with pytest.raises(InvalidPathError, match="'a' is a file and also a folder"):
        list(build(dict.fromkeys(["a", "a!", "a/b"], (SOME, 5, None))))


def test_more_than_a_reader_would_believe_is_not_written() -> None:
    long = [f"{i:06}".ljust(4096, "a") for i in range(MAX_MANIFEST_BYTES // 8192)]
    with pytest.raises(InvalidError, match="at most"):
        Manifest(tuple(replace(ROW, first=path, last=f"{path[:-1]}b") for path in long))

    with pytest.raises(InvalidError, match="pages"):
        Manifest((ROW,) * (MAX_PAGES + 1))


@given(manifests, paths)
def test_path_can_only_be_where_it_is_said_to_be(manifest: Manifest, path: str) -> None:
    for each in (path, *(row.first for row in manifest.rows), *(r.last for r in manifest.rows)):
        holders = [i for i, row in enumerate(manifest.rows) if row.first <= each <= row.last]
        assert ([] if (at := manifest.position_of(each)) is None else [at]) == holders


@given(manifests, st.text(max_size=3) | paths)
def test_paths_under_a_prefix_can_only_be_where_they_are_said_to_be(
    manifest: Manifest, prefix: str
) -> None:
    known = [path for row in manifest.rows for path in (row.first, row.last)]
    for each in (prefix, "", *known, *(path[:-1] for path in known)):
        holders = [i for i, row in enumerate(manifest.rows) if can_hold(row, each)]
        assert list(manifest.positions_under(each)) == holders


def can_hold(row: PageRow, prefix: str) -> bool:
    """Whether some text from `first` to `last` starts with `prefix`."""
    return row.first.startswith(prefix) or row.first <= prefix <= row.last


def encoded(rows: Sequence[PageRow], *, count: int | None = None) -> bytes:
    """docs/format.md, word by word, whatever the rows."""
    names = b"".join(name.encode() + b"\0" for row in rows for name in (row.first, row.last))
    return b"".join(
        [
            struct.pack("<8sII", b"artmani1", len(rows) if count is None else count, len(names)),
            *(struct.pack("<I", row.entries) for row in rows),
            *(struct.pack("<I", row.length) for row in rows),
            *(struct.pack("<Q", row.size) for row in rows),
            *(row.digest for row in rows),
            names,
        ]
    )


@given(manifests)
def test_encoding_is_that_of_the_specification(manifest: Manifest) -> None:
    assert manifest.data == encoded(manifest.rows)
    assert manifest.digest == Digest.of(encoded(manifest.rows))


def assert_refused_or_canonical(data: bytes) -> None:
    try:
        manifest = Manifest.decode(data, "manifest")
    except MalformedError:
        return
    assert manifest.data == data
    assert all(is_path(row.first) and is_path(row.last) for row in manifest.rows)
