"""Workers: bulk work in batches, done by threads of this process or by any executor."""

from __future__ import annotations

import logging
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, TypeVar

from artifacts.errors import UnavailableError, UsageError

T = TypeVar("T")
R = TypeVar("R")
C = TypeVar("C")

BATCH_ITEMS, BATCH_BYTES = 1024, 2**26  # enough that sending a batch costs nothing beside its work
_MOST_UNDER_WAY = 256  # batches that others work on, of which descriptions are held and no bytes
_MOST_A_THREAD = 4
_PATIENCE_S = 300.0  # with a batch, after which it is done here as well
_ANSWER_S, _WORKER_S = 10.0, 30.0  # that a scheduler, and its first worker, may take
_log = logging.getLogger(__name__)


def spread(
    task: Callable[[T], R],
    work: Iterable[tuple[T, C]],
    executor: Executor | None = None,
    *,
    threads: int = 0,
    patience_s: float | None = None,
) -> Iterator[tuple[R, C]]:
    """What `task` makes of each batch, in order, and what was given beside the batch.

    The task is a function of a module, since an executor's workers may be processes or machines;
    what is beside a batch never leaves this process. A bounded number is under way. What a worker
    fails to do, is killed over, or does not answer, is done here: nothing is left out, and
    an error that is raised is the work's own. Without an executor, so many threads do it.
    """
    if executor is not None:
        patience_s = _PATIENCE_S if patience_s is None else patience_s
        others = _Others(executor, task, patience_s)
        yield from _in_order(others.begin, others.finish, work, _MOST_UNDER_WAY)
        return
    threads = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(threads, thread_name_prefix="art-work") as pool:
        yield from _in_order(
            lambda batch: pool.submit(task, batch),
            lambda future, _: future.result(),
            work,
            _MOST_A_THREAD * threads,
        )


def batched(
    items: Iterable[T], size_of: Callable[[T], int], most: int = BATCH_ITEMS
) -> Iterator[list[T]]:
    """In order, cut so that each batch is worth sending, and ends with what fills it."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += size_of(item)
        if len(batch) >= most or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def workers_at(url: str) -> AbstractContextManager[Executor]:
    """An executor as a user writes it: threads://4, processes://4 or dask://host:port.

    Raises UsageError, and UnavailableError if nobody answers there.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "threads":
        return ThreadPoolExecutor(_count(url, rest))
    if scheme == "processes":
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # unlike a fork, does not copy the locks that other threads hold
        return ProcessPoolExecutor(_count(url, rest), mp_context=get_context("spawn"))
    if scheme == "dask" and rest:
        return _dask(url, rest)
    raise UsageError(f"{url!r} is no executor: threads://4, processes://4 or dask://host:port is")


def _count(url: str, text: str) -> int:
    if not text:
        return os.cpu_count() or 1
    if not text.isascii() or not text.isdigit() or not int(text):
        raise UsageError(f"{url!r} is no executor: expected a number of workers, found {text!r}")
    return int(text)


@contextmanager
def _dask(url: str, address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        reason = "needs the package distributed: pip install 'artifact-store[dask]'"
        raise UsageError(f"{url} {reason}") from None
    try:
        client = Client(  # type: ignore[no-untyped-call]
            f"tcp://{address}", timeout=_ANSWER_S, set_as_default=False
        )
    except (OSError, ValueError) as error:
        raise UnavailableError(f"no Dask scheduler answers at {url}: start it first") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_WORKER_S)
        except TimeoutError as error:
            reason = "has no worker: start `dask worker` where the same files can be seen"
            raise UnavailableError(f"the Dask scheduler at {url} {reason}") from error
        yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]


def _in_order(
    begin: Callable[[T], Future[R]],
    finish: Callable[[Future[R], T], R],
    work: Iterable[tuple[T, C]],
    most: int,
) -> Iterator[tuple[R, C]]:
    waiting: deque[tuple[Future[R], T, C]] = deque()
    try:
        for batch, beside in work:
            waiting.append((begin(batch), batch, beside))
            if len(waiting) >= most:
                first, sent, its = waiting.popleft()
                yield finish(first, sent), its
        while waiting:
            first, sent, its = waiting.popleft()
            yield finish(first, sent), its
    finally:
        for future, _, _ in waiting:
            future.cancel()


class _Others(Generic[T, R]):
    """Somebody's executor, of which nothing is believed but results."""

    def __init__(self, executor: Executor, task: Callable[[T], R], patience_s: float) -> None:
        self._executor, self._task, self._patience_s = executor, task, patience_s
        self._is_lost = False

    def begin(self, batch: T) -> Future[R]:
        """One that is never done, if the executor takes nothing."""
        if not self._is_lost:
            try:
                return self._executor.submit(_call, self._task, batch, secrets.token_hex(8))
            except Exception as error:  # noqa: BLE001 - executors' errors have no common base
                self._lose(error)
        return Future()

    def finish(self, future: Future[R], batch: T) -> R:
        try:
            return future.result(0 if self._is_lost else self._patience_s)
        except Exception as error:  # noqa: BLE001 - if it is the work's own, it comes again here
            is_silent = not future.done() and not self._is_lost
            if not self._is_lost:
                _log.warning("a worker failed, its part is done here: %r", error)
            result = self._task(batch)
        if is_silent and not future.done():
            self._lose(TimeoutError(f"no answer in {self._patience_s} s"))
        future.cancel()
        return result

    def _lose(self, error: Exception) -> None:
        _log.warning("the executor is lost, all that is left is done here: %r", error)
        self._is_lost = True


def _call(task: Callable[[T], R], batch: T, _nonce: str) -> R:
    """An executor that remembers results by their arguments must not do so here."""
    return task(batch)
