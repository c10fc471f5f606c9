"""Uploads: files of the spool on their way into the store, several at a time where that pays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from artifacts.storage.store import ObjectStore

_MOST = 4  # under way; each of them may be many requests at once
_MOST_WAITING = 8  # beyond these whoever adds waits, so that the spool's disk stays free


class Uploads:
    """A file is in the store once `finish` returned. Any number of threads may add.

    Where a store answers at once, each is there when `add` returns.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[None]] = deque()
        self._lock = Lock()

    def add(self, key: str, path: Path, *, unless: Callable[[], bool] | None = None) -> None:
        """Use up a file of the spool; if `unless` then says so, without storing it.

        Raises StorageError, of any file that was added before too.
        """
        if self._store.concurrency == 1:
            self._take(key, path, unless)
            return
        with self._lock:
            if self._pool is None:
                workers = min(_MOST, self._store.concurrency)
                self._pool = ThreadPoolExecutor(workers, thread_name_prefix="art-upload")
            while len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft().result()
            self._waiting.append(self._pool.submit(self._take, key, path, unless))

    def finish(self) -> None:
        """Raises StorageError."""
        with self._lock:
            while self._waiting:
                self._waiting.popleft().result()

    def discard(self) -> None:
        """Nothing more is begun."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _take(self, key: str, path: Path, unless: Callable[[], bool] | None) -> None:
        try:
            if unless is None or not unless():
                self._store.take(key, path)
        finally:
            path.unlink(missing_ok=True)
