"""Ahead: results come in order, some are worked on before they are asked for, never too many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier, Lock

import pytest

from artifacts.storage import Ahead, MemoryStore
from artifacts.testing import SlowStore

FAR = SlowStore(MemoryStore(), 0)


def test_results_come_in_the_order_of_their_jobs() -> None:
    for store in (MemoryStore(), FAR):
        with Ahead(store) as ahead:
            assert [result() for result in ahead.each(partial(int, n) for n in range(100))] == [
                *range(100)
            ]


def test_a_near_store_is_asked_when_the_result_is_wanted() -> None:
    done: list[int] = []
    with Ahead(MemoryStore()) as ahead:
        results = ahead.each(partial(done.append, n) for n in range(3))
        next(results)()
        assert done == [0]


def test_a_far_store_is_asked_as_much_at_once_as_it_likes() -> None:
    meet = Barrier(FAR.concurrency, timeout=300)
    with Ahead(FAR) as ahead:
        jobs = FAR.concurrency * [meet.wait]
        assert sorted(result() for result in ahead.each(jobs)) == [*range(FAR.concurrency)]


@pytest.mark.parametrize("streams", [1, 2, 5, 100])
def test_no_more_is_begun_than_memory_is_for(streams: int) -> None:
    lock, begun, taken, most = Lock(), 0, 0, 0

    def job() -> None:
        nonlocal begun, most
        with lock:
            begun += 1
            most = max(most, begun - taken)

    with Ahead(FAR, streams) as ahead:
        for result in ahead.each(200 * [job]):
            result()
            taken += 1

    assert most <= max(1, FAR.concurrency // streams)


def test_an_error_comes_in_its_place_and_ends_nothing() -> None:
    jobs: list[Callable[[], int]] = [partial(int, text) for text in ("1", "x", "3")]
    with Ahead(FAR) as ahead:
        one, wrong, three = ahead.each(jobs)
        with pytest.raises(ValueError, match="x"):
            wrong()
        assert (one(), three()) == (1, 3)


def test_what_was_not_begun_never_is_once_nobody_wants_it() -> None:
    done: list[int] = []
    with Ahead(FAR) as ahead:
        for result in ahead.each(partial(done.append, n) for n in range(1000)):
            result()
            break

    assert len(done) <= FAR.concurrency
