"""Faults: stores that are what they wrap, but die, fail, lag or keep a record."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from operator import attrgetter
from pathlib import Path
from threading import Event, Lock

from msgspec import Struct

from artifacts.storage import FileStore, ObjectStore, Read, Tell, silent
from artifacts.testing.idle import wait_until_idle

_STILL_S = 0.1  # without a request, after which nobody is about to begin one


class _Wrapper(ABC):
    """Passes each operation on, within `_around`. Over a FileStore it is one itself."""

    path: Callable[[str], Path]  # only over a FileStore; a local address is no operation

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        if isinstance(store, FileStore):
            self.path = store.path

    @abstractmethod
    def _around(self, operation: str, key: str) -> AbstractContextManager[None]:
        """What surrounds the wrapped store's operation."""

    @property
    def url(self) -> str:
        return self._store.url

    @property
    def concurrency(self) -> int:
        return self._store.concurrency

    def spool(self) -> Path:
        return self._store.spool()

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        with self._around("read", key):
            return self._store.read(key, start, length)

    def write(self, key: str, data: bytes) -> None:
        with self._around("write", key):
            self._store.write(key, data)

    def create(self, key: str, data: bytes) -> None:
        with self._around("create", key):
            self._store.create(key, data)

    def take(self, key: str, path: Path) -> None:
        with self._around("take", key):
            self._store.take(key, path)

    def stream(self, key: str, size: int, read: Read) -> None:
        with self._around("stream", key):
            self._store.stream(key, size, read)

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        with self._around("fetch", key):
            self._store.fetch(key, path, tell)

    def size(self, key: str) -> int:
        with self._around("size", key):
            return self._store.size(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        with self._around("list", prefix):
            return self._store.list(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        with self._around("folders", prefix):
            return self._store.folders(prefix)

    def delete(self, key: str) -> None:
        with self._around("delete", key):
            self._store.delete(key)


class _FaultAt(_Wrapper):
    """Strikes once: before or after the operation number `at`, counted from 1 over all threads."""

    def __init__(self, store: ObjectStore, at: int, *, before: bool) -> None:
        super().__init__(store)
        self._at, self._before = at, before
        self._calls = 0
        self._lock = Lock()

    @abstractmethod
    def _strike(self) -> None:
        """The fault."""

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        with self._lock:
            self._calls += 1
            is_struck = self._calls == self._at
        if is_struck and self._before:
            self._strike()
        try:
            yield
        finally:
            if is_struck and not self._before:
                self._strike()


class KillingStore(_FaultAt):
    """Kills the process with SIGKILL, as a power cut or the kernel would."""

    def _strike(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class FailingStore(_FaultAt):
    """Raises `error`; after the operation, it is an answer lost on its way."""

    def __init__(
        self, store: ObjectStore, at: int, error: Exception, *, before: bool = True
    ) -> None:
        super().__init__(store, at, before=before)
        self._error = error

    def _strike(self) -> None:
        raise self._error


class EchoingStore(_Wrapper):
    """Does a put or a delete once more when it is told to, as a network that kept a request.

    What was put stays in `puts`, what was deleted in `deletes`.
    """

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.puts: dict[str, bytes] = {}
        self.deletes: dict[str, None] = {}

    def put_again(self, key: str) -> None:
        self._store.write(key, self.puts[key])

    def delete_again(self, key: str) -> None:
        self._store.delete(key)

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        yield
        if operation in ("write", "take", "stream"):
            self.puts[key] = self._store.read(key)
        elif operation == "delete":
            self.deletes[key] = None


class CountingStore(_Wrapper):
    """Records its operations in `calls`, as (operation, key or prefix), in order."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(store)
        self.calls: list[tuple[str, str]] = []

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        self.calls.append((operation, key))
        yield


class SlowStore(_Wrapper):
    """Waits before each operation, as a store on the other side of the world."""

    def __init__(
        self, store: ObjectStore, delay_s: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(store)
        self._delay_s, self._sleep = delay_s, sleep

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        self._sleep(self._delay_s)
        yield

    @property
    def concurrency(self) -> int:
        return 16


class Request(Struct, frozen=True):
    """One operation, from when to when by a clock that never goes back."""

    operation: str
    key: str
    started_s: float
    ended_s: float


class TimelineStore(_Wrapper):
    """Takes a while for each operation, any number at once, and records when in `requests`.

    A while is some time, and until everybody else in this process waits.
    """

    def __init__(self, store: ObjectStore, delay_s: float) -> None:
        super().__init__(store)
        self.requests: list[Request] = []
        self._delay_s = delay_s
        self._lock = Lock()
        self._waiting: list[Event] = []

    @property
    def concurrency(self) -> int:
        return 16

    def measure(self, delay_s: float) -> None:
        """Begin anew, with operations that take so long, once nothing is asked for any more."""
        before = -1
        while before != len(self.requests):
            before = len(self.requests)
            time.sleep(_STILL_S)
            wait_until_idle()
        self._delay_s = delay_s
        self.requests.clear()

    def chain(self) -> list[Request]:
        """As many requests as can be found of which each started after the one before ended.

        At least as many as the serial round trips, whatever waited for what.
        """
        chain: list[Request] = []
        for request in sorted(self.requests, key=attrgetter("ended_s")):
            if not chain or request.started_s >= chain[-1].ended_s:
                chain.append(request)
        return chain

    @contextmanager
    def _around(self, operation: str, key: str) -> Iterator[None]:
        started_s = time.perf_counter()
        try:
            if self._delay_s:
                self._wait()
            yield
        finally:
            self.requests.append(Request(operation, key, started_s, time.perf_counter()))

    def _wait(self) -> None:
        """Until who was about to ask beside this one has, and then go on with all who wait here.

        Only the first looks: of many each would see another at work.
        """
        time.sleep(self._delay_s)
        may_go = Event()
        with self._lock:
            self._waiting.append(may_go)
            is_first = len(self._waiting) == 1
        if is_first:
            wait_until_idle()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.set()
        may_go.wait()
