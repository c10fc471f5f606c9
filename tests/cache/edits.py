"""Edits: what people do to large files, as strategies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk import noise, text
from hypothesis import strategies as st

Make = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Edit:
    """`data` takes the place of the `cut` bytes from `at` on, which go to `to`, if anywhere."""

    at: int
    cut: int
    data: bytes
    to: int | None = None

    def __call__(self, before: bytes) -> bytes:
        at = self.at % (len(before) + 1)
        after = before[:at] + self.data + before[at + self.cut :]
        if self.to is None:
            return after
        to = self.to % (len(after) + 1)
        return after[:to] + before[at : at + self.cut] + after[to:]


def edited(before: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        before = edit(before)
    return before


PLACES = st.integers(0, 2**20)
MAKES: st.SearchStrategy[Make] = st.sampled_from([noise, text])
PIECES = st.builds(
    lambda make, size, seed: make(size, seed),
    MAKES,
    st.sampled_from([1, 10, 500, 20_000, 150_000]),
    st.integers(1, 5),
)
CUTS = st.sampled_from([1, 10, 500, 20_000, 150_000])
EDITS = st.lists(
    st.one_of(
        st.builds(Edit, PLACES, st.just(0), PIECES),
        st.builds(Edit, PLACES, CUTS, st.just(b"")),
        st.builds(Edit, PLACES, CUTS, PIECES),
        st.builds(Edit, PLACES, CUTS, st.just(b""), PLACES),
    ),
    max_size=4,
)
FILES = st.builds(
    lambda make, size, seed: make(size, seed),
    MAKES,
    st.sampled_from([1000, 70_000, 300_000, 600_000]),
    st.integers(0, 9),
)
