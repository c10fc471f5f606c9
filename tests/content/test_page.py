"""Page: one encoding for the same entries, and nothing else is taken for one."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import pytest
from content_strategies import NOTHING, paths, row_of, some_pages, texts
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Detail, Digest, Kind, Page
from artifacts.content.cut import MAX_ENTRIES, MAX_PATH_BYTES
from artifacts.content.entry import MAX_SIZE, MAX_TAG, MAX_URI
from artifacts.content.page import MAX_BYTES
from artifacts.content.path import MAX_BYTES as MAX_PATH
from artifacts.errors import MalformedError

SOME = Digest.of(b"some")
MODE = Detail(mode=0o644)
FOLDER = Detail(kind=Kind.FOLDER)
SYMLINK = Detail(kind=Kind.SYMLINK, target="b")
UNKNOWN = 2**64 - 1


@given(some_pages)
def test_page_is_read_back_the_same(page: Page) -> None:
    data = page.encode()
    again = Page.decode(data, "page")
    assert again == page
    assert list(again) == list(page)
    assert again.encode() == data


@given(some_pages, some_pages)
def test_pages_are_equal_if_and_only_if_their_bytes_are(one: Page, other: Page) -> None:
    assert (one.encode() == other.encode()) == (one == other)


@given(some_pages, st.data())
def test_changed_bytes_are_refused_or_are_another_page(page: Page, data: st.DataObject) -> None:
    good = page.encode()
    at = data.draw(st.integers(0, len(good) - 1))
    junk = data.draw(st.binary(max_size=8))
    length = data.draw(st.integers(0, 8))

    assert_refused_or_canonical(good[:at] + junk + good[at + length :])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_are_a_page(junk: bytes) -> None:
    assert_refused_or_canonical(junk)
    assert_refused_or_canonical(b"artpage1" + junk)


def test_each_bit_counts() -> None:
    good = every_kind().encode()
    for at in range(len(good)):
        for bit in range(8):
            flipped = bytearray(good)
            flipped[at] ^= 1 << bit
            assert_refused_or_canonical(bytes(flipped))


def test_each_part_alone_is_refused() -> None:
    good = every_kind().encode()
    for stop in range(len(good)):
        with pytest.raises(MalformedError):
            Page.decode(good[:stop], "page")
        with pytest.raises(MalformedError):
            Page.decode(good[stop + 1 :], "page")
        with pytest.raises(MalformedError):
            Page.decode(good[:stop] + b"\0" + good[stop:], "page")


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        ([], "does not start like a page"),
        (["b", "a"], "do not ascend"),
        (["a", "a"], "stands twice"),
        (["\uffff", "\U00010000", "ä"], "do not ascend"),
        (["../a"], "bad path"),
        (["/a"], "bad path"),
        (["a", "a//b"], "bad path"),
        (["", "a"], "bad path"),
        (["a\\..\\b"], "bad path"),
        (["a" * (MAX_PATH + 1)], "bad path"),
        (["a", "a/b"], "is a file and also a folder"),
        (["a", "a!", "a/b/c"], "is a file and also a folder"),
        ([f"{i:05}" for i in range(MAX_ENTRIES + 1)], "does not start like a page"),
        ([f"{i:03}".ljust(MAX_PATH, "a") for i in range(256)], "does not start like a page"),
    ],
)
def test_paths_that_no_page_has_are_refused(paths: Sequence[str], reason: str) -> None:
    assert reason in refusal(Page.of(paths, [(SOME, 1, None) for _ in paths]).encode())


@pytest.mark.parametrize(
    ("digest", "size", "details"),
    [
        (SOME, MAX_SIZE + 1, {}),
        (SOME, UNKNOWN, {}),
        (SOME, 0, {}),
        (SOME, 0, {0: MODE}),
        (SOME, UNKNOWN, {0: MODE}),
        (SOME, 1, {0: SYMLINK}),
        (row_of(SYMLINK)[0], 2, {0: SYMLINK}),
        (SOME, 0, {0: FOLDER}),
        (NOTHING, 1, {0: FOLDER}),
        (SOME, 1, {0: Detail(kind=Kind.REFERENCE, uri="a")}),
        (SOME, UNKNOWN, {0: Detail(kind=Kind.REFERENCE, uri="a", is_content=True)}),
        (SOME, 1, {1: MODE}),
        (SOME, 1, {2**32 - 1: MODE}),
    ],
)
def test_row_that_no_entry_has_is_refused(
    digest: Digest, size: int, details: Mapping[int, Detail]
) -> None:
    refusal(Page(["a"], [size], digest, details).encode())


@pytest.mark.parametrize(
    "detail",
    [
        b"",  # a plain file's
        b"\x01\x01\x00\x00",  # its kind said, though it is the usual one
        b"\x01\x01\x00\x04",  # no kind
        b"\x01\x01\x00\x01",  # a reference without uri
        b"\x01\x02\x00\x03\x00",  # too long
        b"\x01\x00\x00",
        b"\x02\x01\x00\x07",  # too short
        b"\x02\x02\x00\x00\x10",  # beyond 0o7777
        b"\x02\x02\x00\x07\x00\x02\x02\x00\x07\x00",  # twice
        b"\x03\x01\x00a\x01\x01\x00\x01",  # not in order
        b"\x01\x01\x00\x01\x03\x01\x00\xff",  # not UTF-8
        b"\x01\x01\x00\x01\x03\x00\x00",
        b"\x01\x01\x00\x01\x03\x01\x00\x00",
        b"\x01\x01\x00\x01\x03\x01\x00a\x07\x01\x00\x02",
        b"\x01\x01\x00\x01\x03\x01\x00a\x07\x01\x00\x00",
        b"\x02\x02\x00\x07\x00\x08\x01\x00a",  # unknown field
        b"\x02\x02\x00\x07\x00\x00\x01\x00a",
        b"\x02\x02",
    ],
)
def test_detail_written_in_another_way_is_refused(detail: bytes) -> None:
    page = Page(["a"], [1], SOME).encode()
    head = page[:16] + struct.pack("<I", 1)
    refusal(head + page[20:] + struct.pack("<II", 0, len(detail)) + detail)


def test_details_are_in_order_of_their_entries() -> None:
    page = Page(["a", "b"], [1, 1], SOME + SOME, {0: MODE, 1: MODE}).encode()
    first, second = page[-26:-13], page[-13:]
    Page.decode(page[:-26] + first + second, "page")
    refusal(page[:-26] + second + first)
    refusal(page[:-26] + first + first)


def test_longest_details_fit() -> None:
    detail = Detail(
        kind=Kind.REFERENCE,
        mode=0,
        uri="a" * MAX_URI,
        etag="a" * MAX_TAG,
        version="a" * MAX_TAG,
        is_content=True,
    )
    without = len(Page(["a"], [1], SOME).encode())
    longest = len(Page(["a"], [1], SOME, {0: detail}).encode()) - without

    assert without - 2 + MAX_PATH_BYTES + (MAX_ENTRIES - 1) * 40 + MAX_ENTRIES * longest < MAX_BYTES


def test_full_page_is_fine() -> None:
    many = [f"{i:05}" for i in range(MAX_ENTRIES)]
    long = [f"{i:03}".ljust(MAX_PATH - 1, "a") for i in range(MAX_PATH_BYTES // MAX_PATH)]
    for names in (many, long):
        page = Page.of(names, [(SOME, MAX_SIZE, None) for _ in names])
        assert Page.decode(page.encode(), "page") == page


@given(some_pages, paths)
def test_path_is_found_where_it_is(page: Page, path: str) -> None:
    for each in (path, *page.paths):
        expected = page.paths.index(each) if each in page.paths else None
        assert page.index_of(each) == expected
    for index, entry in enumerate(page):
        assert (entry.path, entry.digest) == (page.paths[index], page.digest_at(index))


@given(some_pages, st.data())
def test_rows_are_entries_without_their_details(page: Page, data: st.DataObject) -> None:
    ends = st.integers(0, len(page))
    start, stop = sorted([data.draw(ends), data.draw(ends)])
    expected = [(e.path, e.digest, e.size) for e in [*page][start:stop]]
    assert [*page.rows(range(start, stop))] == expected


@given(some_pages, st.text(max_size=3) | paths)
def test_range_of_a_prefix_is_all_that_start_with_it(page: Page, prefix: str) -> None:
    for each in (prefix, page.paths[-1][:2], ""):
        expected = [i for i, path in enumerate(page.paths) if path.startswith(each)]
        assert list(page.range_of(each)) == expected


@given(some_pages)
def test_content_size_is_what_is_known_of_it(page: Page) -> None:
    assert page.content_size == sum(entry.size or 0 for entry in page)


@given(texts)
def test_error_names_the_page_and_is_typed(junk: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Page.decode(junk.encode(), "pages/abc")

    assert caught.value.name == "pages/abc"


def every_kind() -> Page:
    details: list[Callable[[], Detail | None]] = [
        lambda: None,
        lambda: Detail(mode=0o755),
        lambda: Detail(kind=Kind.REFERENCE, uri="s3://a/b", etag="c", version="d", mode=0),
        lambda: Detail(kind=Kind.REFERENCE, uri="s3://a/b", is_content=True),
        lambda: SYMLINK,
        lambda: FOLDER,
    ]
    rows = []
    for detail in (make() for make in details):
        derived = detail.derive() if detail else None
        rows.append((*(derived or (SOME, 4)), detail))
    return Page.of(list("abcdef"), rows)


def assert_refused_or_canonical(data: bytes) -> None:
    try:
        page = Page.decode(data, "page")
    except MalformedError:
        return
    assert page.encode() == data
    list(page)  # each of its entries is whole


def refusal(data: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        Page.decode(data, "page")
    return caught.value.reason
