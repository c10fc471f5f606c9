"""Diff: exactly what turns one artifact into another, without reading what both have."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from content_strategies import artifacts, cutting_names, manifest_of, pages_of, pairs
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Diff, Digest, Manifest, Page, PageRow, Row, diff

SOME, OTHER = Digest.of(b"some"), Digest.of(b"other")
THOUSANDS = dict.fromkeys([*cutting_names(), *(f"{i:06}x" for i in range(3_000))], (SOME, 1, None))


class Side:
    """An artifact whose pages tell that they were read; cut where a seed says, or by the rule."""

    def __init__(self, rows: Mapping[str, Row], seed: int | None = None) -> None:
        self.read_pages: list[Digest] = []
        if seed is None:
            self.manifest = manifest_of(rows)
            self._data = pages_of(rows)
        else:
            made = [(PageRow.of(page, page.encode()), page) for page in arbitrary(rows, seed)]
            self.manifest = Manifest(tuple(row for row, _ in made))
            self._data = {row.digest: page.encode() for row, page in made}

    def read(self, row: PageRow) -> Page:
        self.read_pages.append(row.digest)
        return row.check(self._data[row.digest])

    @property
    def digests(self) -> set[Digest]:
        return {row.digest for row in self.manifest.rows}


def arbitrary(rows: Mapping[str, Row], seed: int) -> list[Page]:
    random = Random(seed)
    groups: list[list[str]] = []
    for path in sorted(rows):
        if not groups or random.random() < 0.4:
            groups.append([])
        groups[-1].append(path)
    return [Page.of(group, [rows[path] for path in group]) for group in groups]


def difference(old: Side, new: Side) -> Diff:
    return diff(old.manifest, new.manifest, old.read, new.read)


seeds = st.none() | st.integers(0, 99)


@given(pairs, seeds, seeds)
def test_diff_turns_the_older_into_the_newer(
    pair: tuple[dict[str, Row], dict[str, Row]], old_seed: int | None, new_seed: int | None
) -> None:
    old, new = pair
    change = difference(Side(old, old_seed), Side(new, new_seed))

    assert change.apply(old) == new
    assert bool(change) == (old != new)


@given(pairs, seeds, seeds)
def test_diff_says_each_change_once_and_in_order(
    pair: tuple[dict[str, Row], dict[str, Row]], old_seed: int | None, new_seed: int | None
) -> None:
    old, new = pair
    change = difference(Side(old, old_seed), Side(new, new_seed))

    assert [each.path for each in change.added] == sorted(new.keys() - old.keys())
    assert [each.path for each in change.removed] == sorted(old.keys() - new.keys())
    both = sorted(path for path in old.keys() & new.keys() if old[path] != new[path])
    assert [(was.path, now.path) for was, now in change.changed] == [(p, p) for p in both]


@given(pairs, seeds, seeds)
def test_diff_reads_each_page_that_differs_once_and_no_other(
    pair: tuple[dict[str, Row], dict[str, Row]], old_seed: int | None, new_seed: int | None
) -> None:
    old, new = Side(pair[0], old_seed), Side(pair[1], new_seed)
    difference(old, new)

    assert sorted(old.read_pages) == sorted(old.digests - new.digests)
    assert sorted(new.read_pages) == sorted(new.digests - old.digests)


@given(artifacts, seeds)
def test_equal_artifacts_differ_in_nothing_and_nothing_is_read(
    rows: dict[str, Row], seed: int | None
) -> None:
    old, new = Side(rows, seed), Side(rows, seed)

    assert not difference(old, new)
    assert not old.read_pages + new.read_pages


def test_changed_file_among_thousands_reads_one_page_of_each_side() -> None:
    old, new = Side(THOUSANDS), Side(THOUSANDS | {"001500x": (OTHER, 2, None)})
    change = difference(old, new)

    assert [(was.path, now.digest) for was, now in change.changed] == [("001500x", OTHER)]
    assert (len(old.read_pages), len(new.read_pages)) == (1, 1)
