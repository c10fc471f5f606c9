"""Parallel: calls to one store that are under way at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from artifacts.storage.store import ObjectStore

T = TypeVar("T")
_FEW = 32  # small requests of which the last must not wait for the first


class Parallel:
    """Threads that are made when they are first needed, and anew in a forked child."""

    def __init__(self, store: ObjectStore) -> None:
        self._most = max(_FEW, store.concurrency)
        self._pool: ThreadPoolExecutor | None = None
        self._pid = 0
        self._lock = Lock()

    @classmethod
    def over(cls, store: ObjectStore) -> Parallel | None:
        """None where each request is answered at once."""
        return cls(store) if store.concurrency > 1 else None

    def begin(self, call: Callable[[], T]) -> Future[T]:
        """Its result, or what it raises, is the future's. The process waits for it to end."""
        with self._lock:
            if self._pool is None or self._pid != os.getpid():
                self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="art-ask")
                self._pid = os.getpid()
            return self._pool.submit(call)
