"""Uploads: files of the spool on their way into the store, several at a time where that pays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

from artifacts.storage.claim import claimed
from artifacts.storage.store import ObjectStore

_MOST = 4  # under way; each of them may be many requests at once
_MOST_WAITING = 8  # beyond these whoever adds waits, so that the spool's disk stays free


class Uploads:
    """A file is in the store once `finish` returned. Any number of threads may add.

    Where a store answers at once, each is there when `add` returns. Where one could not be stored
    there is no `finish` any more.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[Future[None], ExitStack]] = deque()
        self._lock = Lock()

    def add(self, key: str, path: Path, *, unless: Callable[[], bool] | None = None) -> None:
        """Use up a file of the spool; if `unless` then says so, without storing it.

        Raises StorageError, of any file that was added before too.
        """
        with ExitStack() as held:
            held.callback(path.unlink, missing_ok=True)
            if self._store.concurrency == 1:
                self._take(key, path, unless)
                return
            with self._lock:
                while len(self._waiting) >= _MOST_WAITING:
                    self._finish_first()
                held.enter_context(claimed(str(path)))
                self._begin(key, path, unless, held.pop_all())

    def finish(self) -> None:
        """Raises StorageError."""
        with self._lock:
            while self._waiting:
                self._finish_first()

    def discard(self) -> None:
        """Nothing more is begun, and nothing is left in the spool."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for _, held in self._waiting:
            held.close()

    def _begin(
        self, key: str, path: Path, unless: Callable[[], bool] | None, held: ExitStack
    ) -> None:
        if self._pool is None:
            workers = min(_MOST, self._store.concurrency)
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="art-upload")

        def upload() -> None:
            with held:
                self._take(key, path, unless)

        self._waiting.append((self._pool.submit(upload), held))

    def _finish_first(self) -> None:
        self._waiting[0][0].result()  # one that failed stays the first
        self._waiting.popleft()

    def _take(self, key: str, path: Path, unless: Callable[[], bool] | None) -> None:
        if unless is None or not unless():
            self._store.take(key, path)
