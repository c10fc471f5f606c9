"""Away: a store that refuses everything, or answers nothing, until it is there again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from artifacts.errors import StorageError
from artifacts.storage import ObjectStore
from artifacts.testing import FailingStore

GONE = StorageError("a key", "the store is gone")


class AwayStore(FailingStore):
    """Answers nothing until it is let go, or refuses everything."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store, 0, GONE)
        self.is_there, self.is_refusing, self.asked = Event(), False, Event()
        self.last = ""
        """Of what key it is asked before it answers no more, if any."""

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        self.asked.set()
        if self.is_refusing:
            raise GONE
        if self.last and key.startswith(self.last):
            self.is_there.clear()
        self.is_there.wait()
        yield
