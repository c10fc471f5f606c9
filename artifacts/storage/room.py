"""Room: how many bytes may be in memory at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Room:
    """Any number of threads may ask for some. What is larger than all of it has it alone."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._given_back = Condition()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Wait until so many bytes are free, and have them until the end."""
        wanted = min(size, self._size)
        with self._given_back:
            self._given_back.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._given_back:
                self._free += wanted
                self._given_back.notify_all()
