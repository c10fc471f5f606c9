"""Idle: who asks returns when every other thread waits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

import pytest

from artifacts.testing import wait_until_idle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nobody else tells")


@contextmanager
def beside(target: Callable[[], object]) -> Iterator[None]:
    thread = Thread(target=target)
    thread.start()
    yield
    thread.join()


def spin(until: Event) -> None:
    while not until.is_set():
        pass


def test_it_waits_for_who_computes() -> None:
    done = Event()
    timer = Timer(0.1, done.set)

    with beside(lambda: spin(done)):
        timer.start()
        wait_until_idle()

        assert done.is_set()


def test_it_waits_for_nobody_who_waits() -> None:
    done = Event()

    with beside(done.wait):
        wait_until_idle(most_s=3600)  # longer than any test may take
        done.set()


def test_it_waits_for_who_wants_the_interpreter() -> None:
    """Of many that compute only one is at it; the others sleep until it lets them."""
    done = [Event() for _ in range(8)]

    def compute(end: Event) -> None:
        sum(range(2_000_000))
        end.set()

    for each in done:
        Thread(target=compute, args=(each,)).start()
    wait_until_idle()

    assert all(each.is_set() for each in done)


def test_it_has_an_end() -> None:
    done = Event()

    with beside(lambda: spin(done)):
        wait_until_idle(most_s=0.01)
        done.set()
