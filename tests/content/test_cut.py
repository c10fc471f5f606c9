"""Cut: pages depend on paths alone, are bounded whatever the paths, and change only locally."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from zlib import crc32

import pytest
from blake3 import blake3
from content_strategies import (
    cutting_names,
    manifest_of,
    pages_of,
    plain_names,
    starts_a_page,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.content.cut import MAX_ENTRIES, MAX_PATH_BYTES, cut

SOME, OTHER = Digest.of(b"some"), Digest.of(b"other")
seeds = st.integers(0, 2**32)
few = st.integers(0, 9)
many = st.sampled_from([1, 2, 100, 3_000, 8_000])


def never_cutting(count: int, name: Callable[[int], bytes]) -> list[bytes]:
    """Paths that the rule never cuts at, as somebody would choose who wants one endless page."""
    names: list[bytes] = []
    for i in range(2 * count):
        if not starts_a_page(path := name(i)):
            names.append(path)
    return sorted(names[:count])


def with_a_half_of(count: int) -> list[bytes]:
    """A run that does not fit, whose smallest hash comes after so many paths."""
    names = never_cutting(100_000, lambda i: b"%08d" % i)
    middle = min(range(count, len(names)), key=lambda i: blake3(names[i]).digest())
    return names[middle - count : middle + 10]


ADVERSARIAL = {
    "none": [],
    "one": [b"a"],
    "never cutting": never_cutting(100_000, lambda i: b"%08d" % i),
    "never cutting and long": never_cutting(2_000, lambda i: b"%04d" % i + b"a" * 4092),
    "long and equal but for the end": never_cutting(2_000, lambda i: b"a" * 4092 + b"%04d" % i),
    "of all lengths": never_cutting(9_000, lambda i: b"%04d" % i + b"a" * (i * 7 % 4093)),
    "always cutting": [name.encode() for name in cutting_names()],
    "deep": never_cutting(9_000, lambda i: b"a/" * (i % 2_000) + b"%05d" % i),
    "as many as fit": never_cutting(MAX_ENTRIES, lambda i: b"%06d" % i),
    "one more than fit": never_cutting(MAX_ENTRIES + 1, lambda i: b"%06d" % i),
    "a half with as many as fit": with_a_half_of(MAX_ENTRIES),
    "a half with one more": with_a_half_of(MAX_ENTRIES + 1),
    "as many bytes as fit": never_cutting(256, lambda i: b"%03d" % i + b"a" * 4092),
    "a path more than fits": never_cutting(257, lambda i: b"%03d" % i + b"a" * 4092),
}


@pytest.mark.parametrize("paths", ADVERSARIAL.values(), ids=ADVERSARIAL.keys())
def test_pages_are_bounded_whatever_the_paths(paths: Sequence[bytes]) -> None:
    ranges = list(cut(paths))

    assert [i for start, stop in ranges for i in range(start, stop)] == [*range(len(paths))]
    assert all(fits(paths[start:stop]) for start, stop in ranges)


@pytest.mark.parametrize("paths", ADVERSARIAL.values(), ids=ADVERSARIAL.keys())
def test_cut_is_that_of_the_specification(paths: Sequence[bytes]) -> None:
    assert list(cut(paths)) == specified(paths)


@given(seeds, few, many)
@settings(max_examples=50)
def test_ordinary_paths_are_cut_where_they_start_a_page(
    seed: int, cutting: int, plain: int
) -> None:
    paths = draw(seed, cutting, plain)
    pages = cut_into_pages(paths)

    assert [path for page in pages for path in page] == paths
    for number, page in enumerate(pages):
        assert number == 0 or starts_a_page(page[0])
        assert not any(map(starts_a_page, page[1:]))


@given(seeds, st.integers(1, 9), st.sampled_from([0, 1, 1_000, 19_000]))
@settings(max_examples=25)
def test_pages_before_and_after_a_boundary_do_not_depend_on_each_other(
    seed: int, cutting: int, plain: int
) -> None:
    paths = draw(seed, cutting, plain)
    at = Random(seed).choice([i for i, path in enumerate(paths) if starts_a_page(path)])

    assert cut_into_pages(paths) == cut_into_pages(paths[:at]) + cut_into_pages(paths[at:])


@given(seeds)
def test_pages_depend_on_paths_alone(seed: int) -> None:
    names = [path.decode() for path in draw(seed, 5, 50)]
    there = dict.fromkeys(names, (SOME, 1, None))
    manifests = manifest_of(there), manifest_of(dict.fromkeys(names, (OTHER, 2**40, None)))
    bounds = [[(row.first, row.last, row.entries) for row in each.rows] for each in manifests]
    assert bounds[0] == bounds[1]
    assert manifests[0] != manifests[1]


@given(seeds, few, many)
@settings(max_examples=20)
def test_changed_file_rewrites_exactly_one_page(seed: int, cutting: int, plain: int) -> None:
    names = [path.decode() for path in draw(seed, cutting, plain)]
    rows = dict.fromkeys(names, (SOME, 1, None))
    before = pages_of(rows)
    after = pages_of(rows | {Random(seed).choice(names): (OTHER, 1, None)})

    assert len(after.keys() - before.keys()) == len(before.keys() - after.keys()) == 1


@given(seed=seeds, cutting=few, plain=many, starts=st.booleans())
@settings(max_examples=50)
def test_added_path_changes_at_most_two_pages(
    seed: int, cutting: int, plain: int, *, starts: bool
) -> None:
    paths, added = draw_and_one_more(seed, cutting, plain, starts=starts)
    before, after = set(cut_into_pages(paths)), set(cut_into_pages(sorted([*paths, added])))

    assert 1 <= len(after - before) <= 2
    assert len(before - after) <= 1


@given(seed=seeds, cutting=few, plain=st.integers(9_000, 18_000), starts=st.booleans())
@settings(max_examples=25)
def test_path_added_to_a_long_run_leaves_all_other_runs_alone(
    seed: int, cutting: int, plain: int, *, starts: bool
) -> None:
    paths, added = draw_and_one_more(seed, cutting, plain, starts=starts)
    groups = runs(paths)
    *_, run = [groups[0], *(group for group in groups if group[0] <= added)]
    before, after = set(cut_into_pages(paths)), set(cut_into_pages(sorted([*paths, added])))

    assert before - after <= {*cut_into_pages(run)}


def test_path_added_to_a_long_run_seldom_changes_more_than_one_page() -> None:
    names = [name.encode() for name in plain_names()]
    paths, spare = names[::2], Random(0).sample(names[1::2], 30)
    before = set(cut_into_pages(paths))
    changes = [len(set(cut_into_pages(sorted([*paths, each]))) - before) for each in spare]

    assert len(before) > 1
    assert sorted(changes)[len(changes) // 2] == 1


def test_constants_are_those_of_the_format() -> None:
    assert (MAX_ENTRIES, MAX_PATH_BYTES) == (8192, 2**20)
    assert crc32(b"123456789") == 0xCBF43926


def specified(paths: Sequence[bytes]) -> list[tuple[int, int]]:
    """docs/format.md, word by word and slowly."""
    starts = [i for i, path in enumerate(paths) if i == 0 or starts_a_page(path)]
    ranges: list[tuple[int, int]] = []
    for start, stop in pairwise([*starts, len(paths)]):
        split(paths, start, stop, ranges)
    return ranges


def split(paths: Sequence[bytes], start: int, stop: int, into: list[tuple[int, int]]) -> None:
    if fits(paths[start:stop]):
        into.append((start, stop))
        return
    middle = min(range(start + 1, stop), key=lambda i: blake3(paths[i]).digest())
    split(paths, start, middle, into)
    split(paths, middle, stop, into)


def fits(page: Sequence[bytes]) -> bool:
    return len(page) <= 8192 and sum(len(path) + 1 for path in page) <= 2**20


def draw(seed: int, cutting: int, plain: int) -> list[bytes]:
    """So many paths that start a page and so many that do not, in order."""
    random = Random(seed)
    chosen = random.sample(cutting_names(), cutting) + random.sample(plain_names(), plain)
    return sorted(name.encode() for name in chosen)


def draw_and_one_more(
    seed: int, cutting: int, plain: int, *, starts: bool
) -> tuple[list[bytes], bytes]:
    """As `draw`, and another path that `starts` a page or does not."""
    paths = draw(seed, cutting + starts, plain + (not starts))
    added = Random(seed).choice([path for path in paths if starts_a_page(path) == starts])
    paths.remove(added)
    return paths, added


def cut_into_pages(paths: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    return [tuple(paths[start:stop]) for start, stop in cut(paths)]


def runs(paths: Sequence[bytes]) -> list[list[bytes]]:
    found: list[list[bytes]] = []
    for path in paths:
        if not found or starts_a_page(path):
            found.append([])
        found[-1].append(path)
    return found
