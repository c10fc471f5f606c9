"""Parallel: calls to one store that are under way at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from artifacts.storage.store import ObjectStore

T = TypeVar("T")
_FEW = 32  # small requests of which the last must not wait for the first


def threads_of(store: ObjectStore) -> int:
    """As many as a far store answers at once; 0 for what the machine has."""
    return store.concurrency if store.concurrency > 1 else 0


class PerProcess(Generic[T]):
    """What a forked child must not take over, made anew in it: locks, futures, threads.

    In a child the threads of its parent are gone, and with them whoever would have released a
    lock or brought a result.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    @property
    def mine(self) -> T:
        """This process's own, the same for all of its threads."""
        made = self._made.get(pid := os.getpid())
        return self._made.setdefault(pid, self._make()) if made is None else made

    def __reduce__(self) -> tuple[type[PerProcess[T]], tuple[Callable[[], T]]]:
        """Whoever unpickles it makes its own."""
        return PerProcess, (self._make,)


class Parallel:
    """Threads that are made when they are first needed, and anew in a forked child."""

    def __init__(self, store: ObjectStore) -> None:
        most = max(_FEW, store.concurrency)
        self._pool = PerProcess(partial(ThreadPoolExecutor, most, thread_name_prefix="art-ask"))

    @classmethod
    def over(cls, store: ObjectStore) -> Parallel | None:
        """None where each request is answered at once."""
        return cls(store) if store.concurrency > 1 else None

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Its result, or what it raises, is the future's. The process waits for it to end."""
        return self._pool.mine.submit(call)
