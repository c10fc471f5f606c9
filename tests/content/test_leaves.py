"""Leaves: a file that a later page takes for a folder is found without having all pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from artifacts.content import Leaves, check_no_file_is_a_folder
from artifacts.errors import InvalidPathError

parts = st.text("a-/0", min_size=1, max_size=6).filter(lambda path: "//" not in f"/{path}/")


@given(st.sets(parts, min_size=1, max_size=12), st.sets(st.integers(1, 11)))
@example({"a", "a-", "a-/a", "a/a"}, {1, 2})
@example({"a", "a-", "a/a/a"}, {1, 2})
def test_pages_are_refused_exactly_if_the_whole_would_be(paths: set[str], cuts: set[int]) -> None:
    ordered = sorted(paths)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(ordered)), len(ordered)]
    pages = [ordered[start:stop] for start, stop in pairwise(bounds)]
    assume(all(map(is_sound, pages)))

    assert are_taken(pages) is is_sound(ordered)


def are_taken(pages: Sequence[Sequence[str]]) -> bool:
    leaves = Leaves()
    try:
        for page in pages:
            leaves.take(page)
    except InvalidPathError:
        return False
    return True


def is_sound(paths: Sequence[str]) -> bool:
    try:
        check_no_file_is_a_folder(paths, {*paths})
    except InvalidPathError:
        return False
    return True


def test_the_refusal_names_the_file() -> None:
    leaves = Leaves()
    leaves.take(["a", "train"])

    with pytest.raises(InvalidPathError) as caught:
        leaves.take(["train-more", "train/1"])

    assert caught.value.path == "train"
