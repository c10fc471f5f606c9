"""Hands: one thread has the interpreter, others a companion each; who is lost is left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from artifacts.cache.hands import Hands
from artifacts.testing.idle import wait_until_idle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are none elsewhere")


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    hands = Hands()
    yield hands
    hands.close()


def test_at_first_there_is_the_interpreter_alone(hands: Hands) -> None:
    with hands.one() as companion:
        assert companion is None


def test_one_thread_at_a_time_has_it(hands: Hands) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        with hands.one():
            inside.append(number)
            most.append(len(inside))
            wait_until_idle()
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        [*pool.map(enter, range(8))]
    assert max(most) == 1


def test_then_there_are_companions_too(hands: Hands) -> None:
    hands.grow()
    hands.grow()
    assert len(hands) == 3
    with ExitStack() as held:
        found = [held.enter_context(hands.one()) for _ in range(3)]

        assert found[0] is None
        assert len({*found}) == 3


def test_who_is_lost_is_not_asked_again(hands: Hands) -> None:
    hands.grow()
    assert len(hands) == 3
    with hands.one(), hands.one() as first, hands.one() as second:
        assert first is not None
        assert second is not None
        assert first.answer(b"no request") is None
    assert len(hands) == 2
    with hands.one() as one, hands.one() as other:
        assert {one, other} == {None, second}


def test_an_error_gives_back_what_was_had(hands: Hands) -> None:
    with pytest.raises(KeyError), hands.one():
        raise KeyError
    with hands.one() as companion:
        assert companion is None


def test_companions_end_with_them(hands: Hands) -> None:
    hands.grow()
    assert len(hands) == 3
    with hands.one(), hands.one() as companion:
        assert companion is not None
    hands.close()

    assert companion.answer(b"") is None
