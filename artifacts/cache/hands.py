"""Hands: who writes small files, of the threads of this process and its companions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from artifacts.cache.writing import write_files
from artifacts.companion import Companion, companions

_MOST_COMPANIONS = 3  # more would only wait for one another in the kernel


class Hands:
    """Threads that make small files would only pass the interpreter on to one another.

    So one of them does at a time, while the others wait for companions to do so.
    """

    def __init__(self) -> None:
        self._companions: list[Companion] = []
        self._has_grown = False
        self._free: SimpleQueue[Companion | None] = SimpleQueue()
        self._free.put(None)

    def __len__(self) -> int:
        """How many are free."""
        return self._free.qsize()

    def grow(self) -> None:
        """There is more to write than for one. One thread says so, as often as it finds that."""
        if self._has_grown:
            return
        self._has_grown = True
        for companion in companions(write_files, _MOST_COMPANIONS):
            self._companions.append(companion)
            self._free.put(companion)

    def close(self) -> None:
        for companion in self._companions:
            companion.close()

    @contextmanager
    def one(self) -> Iterator[Companion | None]:
        """A companion, or None for the interpreter: till the end nobody else has the same."""
        companion = self._free.get()
        try:
            yield companion
        finally:
            if companion is None or not companion.is_lost:
                self._free.put(companion)
