"""Entry: one thing is said in one way, and nothing is said that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from content_strategies import NOTHING, entries, row_of
from hypothesis import given

from artifacts.content import Detail, Digest, Entry, Kind
from artifacts.content.entry import MAX_SIZE, MAX_TAG, MAX_TARGET, MAX_URI, Row
from artifacts.errors import InvalidError

SOME = Digest.of(b"some")
REFERENCE = Detail(kind=Kind.REFERENCE, uri="s3://bucket/key")
READ = Detail(kind=Kind.REFERENCE, uri="s3://bucket/key", is_content=True)
SYMLINK = Detail(kind=Kind.SYMLINK, target="../ä")
FOLDER = Detail(kind=Kind.FOLDER)


@given(entries)
def test_entry_is_its_path_and_its_row(entry: Entry) -> None:
    digest, size, detail = entry.row
    assert Entry(entry.path, Digest(digest), size, detail) == entry
    assert entry.kind == (detail.kind if detail else Kind.FILE)


def test_numbers_of_the_kinds_are_those_of_the_format() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "FILE": 0,
        "REFERENCE": 1,
        "SYMLINK": 2,
        "FOLDER": 3,
    }


@pytest.mark.parametrize(
    ("detail", "size", "expected"),
    [
        (FOLDER, None, (NOTHING, 0)),
        (SYMLINK, None, (Digest.of("../ä".encode()), 5)),
        (REFERENCE, None, (Digest.of(b"s3://bucket/key\0\0\0"), None)),
        (REFERENCE, 0, (Digest.of(b"s3://bucket/key\0\0\0" + b"0"), 0)),
        (
            Detail(kind=Kind.REFERENCE, uri="http://a/b", etag='W/"7"', version="v1", mode=0),
            12,
            (Digest.of(b'http://a/b\0W/"7"\0v1\0' + b"12"), 12),
        ),
        (READ, 7, None),
        (Detail(mode=0o644), 7, None),
    ],
)
def test_digest_that_is_not_of_content_follows_from_the_detail(
    detail: Detail, size: int | None, expected: tuple[Digest, int | None] | None
) -> None:
    assert detail.derive(size) == expected


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"kind": Kind.REFERENCE},
        {"kind": Kind.SYMLINK},
        {"uri": "s3://a/b"},
        {"target": "a"},
        {"kind": Kind.FOLDER, "uri": "s3://a/b"},
        {"kind": Kind.FOLDER, "target": "a"},
        {"kind": Kind.REFERENCE, "uri": "s3://a/b", "target": "a"},
        {"kind": Kind.SYMLINK, "target": "a", "mode": 0o777},
        {"mode": 0, "etag": "a"},
        {"mode": 0, "etag": ""},
        {"mode": 0, "version": "a"},
        {"mode": 0, "is_content": True},
        {"kind": Kind.FOLDER, "is_content": True},
        {"mode": -1},
        {"mode": 0o10000},
        {"kind": Kind.REFERENCE, "uri": ""},
        {"kind": Kind.REFERENCE, "uri": "a\0b"},
        {"kind": Kind.REFERENCE, "uri": "\ud800"},
        {"kind": Kind.REFERENCE, "uri": "a" * (MAX_URI + 1)},
        {"kind": Kind.REFERENCE, "uri": "a", "etag": ""},
        {"kind": Kind.REFERENCE, "uri": "a", "etag": "ä" * (MAX_TAG // 2 + 1)},
        {"kind": Kind.REFERENCE, "uri": "a", "version": ""},
        {"kind": Kind.REFERENCE, "uri": "a", "version": "a" * (MAX_TAG + 1)},
        {"kind": Kind.SYMLINK, "target": ""},
        {"kind": Kind.SYMLINK, "target": "a\0"},
        {"kind": Kind.SYMLINK, "target": "a" * (MAX_TARGET + 1)},
    ],
)
def test_detail_that_makes_no_sense_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match=r"entry (must|has)"):
        Detail(**facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"mode": 0},
        {"mode": 0o7777},
        {"kind": Kind.FOLDER, "mode": 0o755},
        {"kind": Kind.REFERENCE, "uri": "a" * MAX_URI},
        {"kind": Kind.REFERENCE, "uri": "a", "etag": "ä" * (MAX_TAG // 2), "mode": 0o600},
        {"kind": Kind.REFERENCE, "uri": "a", "version": "a" * MAX_TAG, "is_content": True},
        {"kind": Kind.SYMLINK, "target": "/" + "a" * (MAX_TARGET - 1)},
    ],
)
def test_detail_up_to_its_limits_is_fine(facts: dict[str, Any]) -> None:
    Detail(**facts)


@pytest.mark.parametrize(
    "row",
    [
        (SOME, -1, None),
        (SOME, MAX_SIZE + 1, None),
        (SOME, None, None),
        (SOME, 0, None),
        (SOME, None, Detail(mode=0o644)),
        (SOME, 0, Detail(mode=0o644)),
        (SOME, None, READ),
        (NOTHING, None, None),
        (NOTHING, None, READ),
        (SOME, 0, READ),
        (SOME, 4, REFERENCE),
        (*row_of(REFERENCE, 4)[:1], 5, REFERENCE),
        (SOME, 5, SYMLINK),
        (*row_of(SYMLINK)[:1], 4, SYMLINK),
        (*row_of(SYMLINK)[:1], None, SYMLINK),
        (SOME, 0, FOLDER),
        (NOTHING, 1, FOLDER),
        (NOTHING, None, FOLDER),
    ],
)
def test_digest_or_size_that_cannot_be_is_refused(row: Row) -> None:
    digest, size, detail = row
    with pytest.raises(InvalidError, match="'a' has"):
        Entry("a", Digest(digest), size, detail)


@pytest.mark.parametrize("path", ["", "../a", "/a", "a\\..\\b"])
def test_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidError):
        Entry(path, NOTHING, 0)
