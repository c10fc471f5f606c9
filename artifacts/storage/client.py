"""Client: a bucket in this process, asked again where a second answer may be another."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from artifacts.errors import AlreadyExistsError, ObjectNotFoundError, StorageError
from artifacts.storage.bucket import Bucket
from artifacts.storage.connect import connect
from artifacts.storage.failure import RETRIED, Failure, classify, describe
from artifacts.storage.room import Room

_TRIES = 8
_FIRST_PAUSE_S = 0.1  # twice as long each time, of which half at random
_PATIENCE_S = 60.0  # after which nothing is tried a third time
_AT_LEAST = 2  # tries, however long the first took
_AT_ONCE = 8  # parts of large files, of all transfers together
_ROOM_BYTES = 64 * 2**20  # for these parts: they are what takes memory

_T = TypeVar("_T")


class Client:
    """Any number of threads may call it. A forked or unpickled one connects anew.

    The clients' own retries are off where they can be, so that one place knows how often a
    request was made, waits, and gives up: `_TRIES` times or when `_PATIENCE_S` are over.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._options = dict(options)
        self._sleep, self._clock = sleep, clock
        self._connections: dict[int, _Connection] = {}  # one for each process, by its id

    def __reduce__(self) -> tuple[type[Client], tuple[str, dict[str, Any]]]:
        return Client, (self.url, self._options)

    def connect(self) -> None:
        """Raises InvalidSettingError, StorageError."""
        self._connection  # noqa: B018

    @property
    def bucket(self) -> Bucket:
        return self._connection.bucket

    @property
    def parts(self) -> ThreadPoolExecutor:
        """Where the parts of large files are moved, a few at a time."""
        return self._connection.parts

    @property
    def room(self) -> Room:
        """Which each of these parts takes while it is in memory."""
        return self._connection.room

    def call(self, doing: str, key: str, act: Callable[[Bucket], _T]) -> _T:
        """What `act` returns; it may be called again, after an attempt that may have worked.

        Raises ObjectNotFoundError, AlreadyExistsError, StorageError that says what was `doing`;
        where it is the first to connect, what `connect` does.
        """
        started, tries, renewed = self._clock(), 0, False
        before = sys.exception()
        while True:
            connection = self._connection
            tries += 1
            try:
                return act(connection.bucket)
            except Exception as error:  # noqa: BLE001  # the clients' have no common base
                failure = classify(error, before)
                if failure is Failure.ABSENT:
                    raise ObjectNotFoundError(key) from None
                if failure is Failure.EXISTS:
                    raise AlreadyExistsError(key) from None
                found = describe(error, before)
            elapsed_s = self._clock() - started
            if failure is Failure.EXPIRED and not renewed:
                renewed = True
                self._renew(connection)
            elif failure in RETRIED and self._is_worth_it(tries, elapsed_s):
                pause_s = _FIRST_PAUSE_S * 2 ** (tries - 1)
                self._sleep(pause_s * random.uniform(0.5, 1))
            else:  # raised here, out of reach of the client's error, which may hold an address
                raise StorageError(key, self._reason(doing, failure, found, tries))

    def _is_worth_it(self, tries: int, elapsed_s: float) -> bool:
        return tries < _AT_LEAST or (tries < _TRIES and elapsed_s < _PATIENCE_S)

    @property
    def alone(self) -> Lock:
        """For what only one thread of the process may do at a time."""
        return self._connection.alone

    @property
    def _connection(self) -> _Connection:
        """No lock: one that another thread holds at a fork would never be free again."""
        process = os.getpid()
        found = self._connections.get(process)
        return found or self._connections.setdefault(process, self._new())

    def _new(self) -> _Connection:
        return _Connection(self.url, self._options)

    def _renew(self, expired: _Connection) -> None:
        """Connect anew, which reads credentials again, unless another thread just did."""
        if self._connections.get(os.getpid()) is expired:
            self._connections[os.getpid()] = self._new()

    def _reason(self, doing: str, failure: Failure, found: str, tries: int) -> str:
        often = f", {tries} times" if tries > 1 else ""
        advice = _ADVICE.get(failure, "")
        return f"{doing} failed at {self.url}: {failure.value} ({found}){often}{advice}"


_ADVICE = {
    Failure.EXPIRED: "; log in again",
    Failure.REFUSED: "; look at the bucket's name, the credentials and storage_options",
    Failure.UNKNOWN: "; try again when the store can be reached",
    Failure.BUSY: "; try again later",
}


class _Connection:
    """What one process holds of a store."""

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.bucket = connect(url, options)
        self.parts = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="art-part")
        self.room = Room(_ROOM_BYTES)
        self.alone = Lock()
