"""Uploads: files of the spool on their way into the store, several at a time where that pays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock

from artifacts.storage.claiming import claimed
from artifacts.storage.store import ObjectStore, Read

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
            held.enter_context(claimed(str(path)))
            with self._lock:
                self._make_room()
                kept = held.pop_all()
                self._begin(partial(self._take_held, kept, key, path, unless), kept)

    def stream(self, key: str, size: int, read: Read) -> None:
        """Store what is read, all of which was read when this returns.

        Raises what `read` raises, for which nothing was stored; StorageError, as `add`.
        """
        if self._store.concurrency == 1:
            self._store.stream(key, size, read)
            return
        reading = _Reading(read)

        def upload() -> None:
            try:
                self._store.stream(key, size, reading)
            except BaseException as error:
                if error is not reading.error:  # which is raised by whoever reads
                    raise

        with self._lock:
            self._make_room()
            future = self._begin(upload, ExitStack())
        wait([future, reading.end], return_when=FIRST_COMPLETED)
        if future.done():
            future.result()
        reading.end.result()

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

    def _begin(self, upload: Callable[[], None], held: ExitStack) -> Future[None]:
        if self._pool is None:
            workers = min(_MOST, self._store.concurrency)
            self._pool = ThreadPoolExecutor(workers, thread_name_prefix="art-upload")
        future = self._pool.submit(upload)
        self._waiting.append((future, held))
        return future

    def _make_room(self) -> None:
        while len(self._waiting) >= _MOST_WAITING:
            self._finish_first()

    def _finish_first(self) -> None:
        self._waiting[0][0].result()  # one that failed stays the first
        self._waiting.popleft()

    def _take_held(
        self, held: ExitStack, key: str, path: Path, unless: Callable[[], bool] | None
    ) -> None:
        with held:
            self._take(key, path, unless)

    def _take(self, key: str, path: Path, unless: Callable[[], bool] | None) -> None:
        if unless is None or not unless():
            self._store.take(key, path)


class _Reading:
    """A stream's `read` that tells when all of it was read, and is not asked for more."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.end: Future[None] = Future()
        self.error: BaseException | None = None

    def __call__(self, buffer: memoryview) -> int:
        if self.end.done():
            return 0
        try:
            count = self._read(buffer)
        except BaseException as error:
            self.error = error
            self.end.set_exception(error)
            raise
        if not count:
            self.end.set_result(None)
        return count
