"""Ahead: results that are worked on before they are asked for, where waiting costs more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Self, TypeVar

from artifacts.storage.store import ObjectStore

T = TypeVar("T")


class Ahead:
    """Threads for the requests to one store, none where each is answered at once.

    Shared by any number of streams, each of which takes its own results in order. As many jobs
    as `streams` leaves to each are done or under way ahead of what was taken, so that memory is
    bounded by the store's `concurrency`.
    """

    def __init__(self, store: ObjectStore, streams: int = 1) -> None:
        self._threads = store.concurrency
        self._window = max(1, self._threads // streams)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = Lock()

    def each(self, jobs: Iterable[Callable[[], T]]) -> Iterator[Callable[[], T]]:
        """For each job, in order, what gives its result or raises its error.

        Jobs are begun in order, and a job waits for no other one that is begun later.
        """
        if self._threads <= 1:
            yield from jobs
            return
        waiting: deque[Future[T]] = deque()
        try:
            for job in jobs:
                waiting.append(self._begin(job))
                if len(waiting) >= self._window:
                    yield waiting.popleft().result
            while waiting:
                yield waiting.popleft().result
        finally:
            for future in waiting:
                future.cancel()

    def _begin(self, job: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="art-read")
            return self._pool.submit(job)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """What is under way ends; what was not begun never is."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
