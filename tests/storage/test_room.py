"""Room: never more at a time than there is, and all who wait come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from artifacts.storage.room import Room


def test_never_more_at_a_time_than_there_is() -> None:
    room, lock = Room(10), Lock()
    inside: list[int] = []

    def work(size: int) -> int:
        with room.take(size):
            with lock:
                inside.append(size)
                most = sum(inside)
            with lock:
                inside.remove(size)
            return most

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(work, [3, 7, 1, 10, 5] * 100)) <= 10


def test_what_is_larger_than_all_of_it_comes_in_too() -> None:
    room = Room(10)

    with ThreadPoolExecutor(2) as pool:

        def work(size: int) -> int:
            with room.take(size):
                return size

        assert [*pool.map(work, [1000, 3] * 50)] == [1000, 3] * 50


def test_what_failed_gives_it_back() -> None:
    room = Room(10)

    with pytest.raises(ZeroDivisionError), room.take(10):
        1 / 0  # noqa: B018

    with room.take(10):
        pass
