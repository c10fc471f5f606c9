"""Placement: which way, for every file there can be."""

from __future__ import annotations

import pytest
from desk import noise, text
from hypothesis import given
from hypothesis import strategies as st

from artifacts.cache.placement import (
    CUT_BYTES,
    SOLO_BYTES,
    Placement,
    is_worth_compressing,
    placement,
    samples,
)

PACKED, SOLO = Placement.PACKED, Placement.SOLO
STRETCHED, CHUNKED = Placement.STRETCHED, Placement.CHUNKED


@pytest.mark.parametrize(
    ("compresses", "has_base", "is_far", "middling", "large"),
    [
        (False, False, False, PACKED, SOLO),
        (False, False, True, PACKED, SOLO),
        (False, True, False, STRETCHED, STRETCHED),
        (False, True, True, CHUNKED, CHUNKED),
        (True, False, False, CHUNKED, CHUNKED),
        (True, False, True, CHUNKED, CHUNKED),
        (True, True, False, CHUNKED, CHUNKED),
        (True, True, True, CHUNKED, CHUNKED),
    ],
)
def test_each_file_has_its_way(
    *, compresses: bool, has_base: bool, is_far: bool, middling: Placement, large: Placement
) -> None:
    def way(size: int) -> Placement:
        return placement(size, compresses=compresses, has_base=has_base, is_far=is_far)

    assert way(CUT_BYTES - 1) is PACKED
    assert {way(CUT_BYTES), way(SOLO_BYTES - 1)} == {middling}
    assert {way(SOLO_BYTES), way(2**50)} == {large}


@given(st.integers(CUT_BYTES, 2**63 - 1))
def test_samples_are_of_the_beginning_the_middle_and_the_end(size: int) -> None:
    taken = samples(size)

    assert taken[0][0] == 0
    assert size - sum(taken[-1]) in (0, 1)
    assert all(start >= 0 and length > 0 and start + length <= size for start, length in taken)


def test_text_is_worth_compressing_and_noise_is_not() -> None:
    assert is_worth_compressing(text(CUT_BYTES))
    assert not is_worth_compressing(noise(CUT_BYTES))
