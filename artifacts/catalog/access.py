"""Access: which store this is, and whether it may be written to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import RLock
from typing import TypeVar

from artifacts.errors import StoreNotFoundError
from artifacts.storage import (
    ObjectStore,
    Parallel,
    StoreIdentity,
    begin_writing,
    identify,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)


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
        self._lock = RLock()
        self._identity = self._begin(partial(identify, store))
        self._writing: Callable[[], StoreIdentity] | None = None

    @property
    def identity(self) -> StoreIdentity:
        """Raises StoreNotFoundError unless it may be made, NotAStoreError."""
        try:
            return self._identity()
        except StoreNotFoundError:
            if self._make is None:
                raise
            with self._lock:
                self._make(self.may_create)
                _log.warning("made a store at %s", self._store.url)
                self._identity = self._begin(partial(identify, self._store))
            return self._identity()

    def begin_writing(self) -> None:
        """Once a session: have it under way to see that the store refuses to create twice."""
        with self._lock:
            if self._writing is None:
                self._writing = self._begin(self._begin_writing)

    def check_writing(self) -> None:
        """Until this returned, nothing may be appended. Raises UnsupportedStoreError."""
        self.begin_writing()
        try:
            if self._writing is not None:
                self._writing()
        except BaseException:
            self._writing = None
            raise

    def _begin_writing(self) -> StoreIdentity:
        return begin_writing(self._store, self.identity if self.parallel else None)

    def _begin(self, call: Callable[[], T]) -> Callable[[], T]:
        if self.parallel is not None:
            return self.parallel.begin(call).result
        result = call()
        return lambda: result
