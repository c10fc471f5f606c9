"""Access: which store this is, and whether it may be written to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import RLock
from typing import Generic, TypeVar

from artifacts.errors import StoreNotFoundError
from artifacts.storage import (
    ObjectStore,
    Parallel,
    PerProcess,
    StoreIdentity,
    begin_writing,
    identify,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Answer(Generic[T]):
    """Of a call that is made once, where that pays before anybody waits for it.

    Again after an error, and in a forked child that has no answer yet.
    """

    def __init__(self, call: Callable[[], T], parallel: Parallel | None) -> None:
        self._call = call
        self._parallel = parallel
        self._lock = PerProcess(RLock)
        self._asked: PerProcess[list[Future[T]]] = PerProcess(list)
        self._known: list[T] = []

    def begin(self) -> None:
        """Raises what the call does where nothing is asked ahead."""
        with self._lock.mine:
            if self._known or self._asked.mine:
                return
            if self._parallel is None:
                self._known.append(self._call())
            else:
                self._asked.mine.append(self._parallel.begin(self._call))

    def get(self) -> T:
        """Raises what the call does."""
        with self._lock.mine:
            self.begin()
            asked = [*self._asked.mine]
        for future in asked:
            try:
                self._known = [future.result()]
            finally:
                with self._lock.mine:
                    if self._asked.mine == asked:
                        self._asked.mine.clear()
        return self._known[0]


class Access:
    """Asked while other work goes on, where that pays. Any number of threads may want to know."""

    def __init__(
        self,
        store: ObjectStore,
        parallel: Parallel | None,
        make: Callable[[bool], object] | None = None,
    ) -> None:
        """`make` says what is wrong where no store is, or makes one if it may."""
        self.may_create = False
        self._make = make
        self._store = store
        self.parallel = parallel
        self._making = PerProcess(RLock)
        self._identity = _Answer(partial(identify, store), parallel)
        self._identity.begin()
        self._writing = _Answer(self._begin_writing, parallel)

    @property
    def identity(self) -> StoreIdentity:
        """Raises StoreNotFoundError unless it may be made, NotAStoreError."""
        try:
            return self._identity.get()
        except StoreNotFoundError:
            if self._make is None:
                raise
            with self._making.mine:
                self._make(self.may_create)
                _log.warning("made a store at %s", self._store.url)
            return self._identity.get()

    def begin_writing(self) -> None:
        """Once a session: have it under way to see that the store refuses to create twice."""
        self._writing.begin()

    def check_writing(self) -> None:
        """Until this returned, nothing may be appended. Raises UnsupportedStoreError."""
        self._writing.get()

    def _begin_writing(self) -> StoreIdentity:
        return begin_writing(self._store, self.identity if self.parallel else None)
