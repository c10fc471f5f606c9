"""The rules of collecting garbage lose nothing in any state, and each of them is needed."""

from __future__ import annotations

import os
from typing import Any

import pytest
from gc_model import Model, Rules, Size, explore, without

IS_SOAK = int(os.environ.get("SEEDS", "0")) >= 100
ONE = {"needs": ((0,),), "has_new_log": False}
SMALL = {
    "two writers, late requests": Size(has_new_log=False),
    "two writers, a new log": Size(needs=((0,), (0,)), has_late_put=False),
    "a new log that moves between directories": Size(moves=True, needs=((0,),)),
    "readers, and commits of content that is there": Size(
        reads=True, merges=True, needs=((0,),), first=(0,)
    ),
    "events that are appended twice": Size(repeats=True, needs=((0,), (0,)), has_late_put=False),
    "a second generation": Size(generations=2, **ONE),  # type: ignore[arg-type]
    "a second collector": Size(collectors=2, **ONE),  # type: ignore[arg-type]
    "second ones of both": Size(generations=2, collectors=2, **ONE),  # type: ignore[arg-type]
    "readers, and a second generation": Size(
        generations=2, reads=True, merges=True, needs=((0,),), first=(0,), has_new_log=False
    ),
}
LARGE = {
    "two writers, a new log, late requests": Size(),
    "two generations, two writers": Size(generations=2, has_new_log=False),
    "two collectors, two writers, a new log": Size(collectors=2),
    "two generations, two collectors": Size(generations=2, collectors=2, needs=((0,),)),
    "two writers, moves": Size(moves=True),
    "two generations, readers": Size(
        generations=2, reads=True, merges=True, needs=((0,), (0,)), first=(0,), has_new_log=False
    ),
    "two generations, events twice": Size(generations=2, repeats=True, needs=((0,), (0,))),
}


@pytest.mark.parametrize("size", SMALL.values(), ids=SMALL)
def test_no_committed_version_ever_loses_a_byte(size: Size) -> None:
    found = explore(Model(size=size))

    assert found.loss is None
    assert found.is_whole
    assert found.states > 700


@pytest.mark.parametrize("too", [0b01, 0b10, 0b11])
@pytest.mark.parametrize("size", ["a second generation", "a second collector"])
def test_heeding_more_names_than_were_condemned_loses_nothing(size: str, too: int) -> None:
    """Keys of names may be shared by others, and whose keys are gone heeds all names."""
    found = explore(Model(without(heeds_too=too), SMALL[size]))

    assert found.loss is None
    assert found.is_whole
    assert found.states > 700


@pytest.mark.skipif(not IS_SOAK, reason="takes minutes: `make soak`")
@pytest.mark.parametrize("size", LARGE.values(), ids=LARGE)
def test_none_does_in_larger_worlds(size: Size) -> None:
    found = explore(Model(size=size), most=1_500_000, most_s=240)

    assert found.loss is None
    assert found.is_whole or found.states > 100_000


@pytest.mark.parametrize(
    ("left_out", "size"),
    [
        ({"heeds": "none"}, ONE),
        ({"heeds": "last"}, {**ONE, "generations": 2}),
        ({"names": "same"}, ONE),
        ({"fences": False}, ONE),
        ({"marks_again": "before"}, ONE),
        ({"lists": "before"}, {"needs": ((0,),)}),
        ({"new_log_starts_fenced": False}, {"needs": ((0,), (0,))}),
        ({"directory_checks": False}, {"needs": ((0,),)}),
        ({"drops_references": False}, ONE),
        ({"epoch": "last"}, ONE),
        ({"fence_rises": False}, {**ONE, "generations": 2, "collectors": 2}),
        ({"resumes": "unfenced"}, ONE),
        ({"resumes": "unmarked"}, ONE),
        ({"adopts": "blindly"}, {**ONE, "first": (0,)}),
        ({"forgets_moved": True}, {"moves": True, "needs": ((0,),)}),
    ],
    ids=str,
)
def test_without_any_of_its_rules_bytes_are_lost(
    left_out: dict[str, Any], size: dict[str, Any]
) -> None:
    assert explore(Model(without(**left_out), Size(**size))).loss is not None
    assert left_out.items().isdisjoint(vars(Rules()).items())
