"""Log: an append-only, totally ordered, hash-chained series of events in the store."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from threading import RLock
from typing import Any, TypeAlias

from msgspec import Struct, field

from artifacts.content import Digest
from artifacts.errors import (
    AlreadyExistsError,
    BrokenLogError,
    DigestMismatchError,
    LostRaceError,
    MalformedError,
    ObjectNotFoundError,
    StorageError,
    UnknownEventError,
)
from artifacts.storage.frame import Frame
from artifacts.storage.name import Name
from artifacts.storage.parallel import Parallel, PerProcess
from artifacts.storage.store import ObjectStore

FOLD_VERSION = 1
_AHEAD = (1, 2, 3, 4, 8, 16, 32, 64, 128)  # numbers beyond the tail: to tell an end from a gap
_FAR = (2, 4, 16, 64)  # as well, where each number costs a request
FEW_EVENTS, _MOST_EVENTS = 2, 64  # asked for at once: where none is expected, and at most
_RECENT, _RECENT_BYTES = 4, 2**17  # of events that are kept
_TRIES = 5  # of one create whose answer never came

_Reads: TypeAlias = dict[int, Future[bytes | None]]
Clock: TypeAlias = Callable[[], datetime]
Change: TypeAlias = Mapping[str, Any]
"""One thing that happened: JSON with a "kind"."""


def now() -> datetime:
    return datetime.now(UTC)


class Tail(Struct, frozen=True):
    """How far a log was read: the number of the next event, the digest of the last."""

    number: int
    previous: Digest

    @classmethod
    def start(cls, log: str) -> Tail:
        """Before the first event, whose `previous` names the log, so no log passes for another."""
        return cls(0, Digest.of(log.encode()))


class Proposal(Struct, frozen=True):
    """What a writer wants to append; `transaction` is the same in every attempt at it.

    `objects` are stored pages, layouts and manifests small enough to ride along; `adds` and
    `drops` are the roots that become reachable, or no longer are.
    """

    changes: Sequence[Change]
    objects: Mapping[str, bytes] = field(default_factory=dict)
    adds: Sequence[Name] = ()
    drops: Sequence[Name] = ()
    epoch: int = 0
    transaction: str = field(default_factory=lambda: secrets.token_hex(16))


class Event(Struct, frozen=True):
    """A proposal that won its number. Its changes happened together; its time is advisory."""

    number: int
    digest: Digest
    header: Mapping[str, Any]
    objects: Mapping[str, bytes]

    @property
    def changes(self) -> Sequence[Change]:
        return self.header["changes"]  # type: ignore[no-any-return]  # checked by _parse

    @property
    def transaction(self) -> str:
        return str(self.header["transaction"])

    @property
    def time(self) -> str:
        return str(self.header["time"])

    @property
    def epoch(self) -> int:
        return int(self.header["epoch"])

    @property
    def is_critical(self) -> bool:
        return bool(self.header["critical"])

    @property
    def tail(self) -> Tail:
        return Tail(self.number + 1, self.digest)

    def unknown(self, key: str, kind: str) -> None:
        """What a fold calls for a change it has no rule for. Raises UnknownEventError."""
        if self.is_critical:
            raise UnknownEventError(key, kind)


class Log:
    """Any number of processes may append; every reader sees the same order.

    With `parallel`, numbers are asked for several at once, and one thread at a time reads `after`
    a tail or appends; any number of threads may `read` single events meanwhile.
    """

    def __init__(
        self,
        store: ObjectStore,
        name: str,
        clock: Clock = now,
        parallel: Parallel | None = None,
    ) -> None:
        self.store = store
        self.name = name
        self.parallel = parallel
        self.recent: Mapping[int, bytes] = {}
        """The last events that were read or appended, where reading them again has a price."""
        self._lock = PerProcess(RLock)  # of what is replaced as a whole, or asked for once
        self._clock = clock
        self._asked: PerProcess[_Reads] = PerProcess(dict)
        self._expected: PerProcess[_Reads] = PerProcess(dict)
        self._has_looked_far = False

    def key(self, number: int) -> str:
        return f"logs/{self.name}/{number:012}"

    def ask(self, first: int, count: int = FEW_EVENTS) -> None:
        """Have so many events under way when `after` wants them; the answers are used once."""
        if self.parallel is not None:
            numbers = [*range(first, first + count)]
            if not self._has_looked_far:
                self._has_looked_far = True
                numbers += [first + far for far in _FAR if far >= count]
            self.forget()
            self._asked.mine.update(self._begin(numbers))

    def expect(self, number: int) -> None:
        """Have one event under way when `read` wants it. Events never change, so it may wait."""
        if self.parallel is not None:
            expected = self._expected.mine
            with self._lock.mine:
                if len(expected) >= _RECENT:
                    expected.clear()
                expected.update(self._begin({number} - expected.keys()))

    def forget(self) -> None:
        """What was asked for and not wanted is no answer to what is asked later."""
        self._asked.mine.clear()

    def recall(self, tail: Tail, events: Mapping[int, bytes]) -> None:
        """Take over `recent` events, of which those count that lead to this tail."""
        recent: dict[int, bytes] = {}
        number, wanted = tail.number - 1, tail.previous.hex()
        while (data := events.get(number)) and Digest.of(data).hex() == wanted:
            recent[number] = data
            number, wanted = number - 1, self._parse(number, data).header["previous"]
        with self._lock.mine:
            self.recent = recent

    def after(self, tail: Tail) -> Iterator[Event]:
        """Events from the tail to the end, in order, each checked against the one before.

        Raises BrokenLogError for a gap, a broken chain or a damaged event.
        """
        count = FEW_EVENTS
        try:
            while True:
                if tail.number not in self._asked.mine:
                    self.ask(tail.number, count)
                count = min(_MOST_EVENTS, 2 * max(count, len(self._asked.mine)))
                while (event := self._next(tail)) is not None:
                    yield event
                    tail = event.tail
                    if self.parallel is not None and tail.number not in self._asked.mine:
                        break
                else:
                    break
            self._refuse_gap(tail)
        finally:
            self._asked.mine.clear()

    def read(self, number: int) -> Event:
        """One event, checked by itself alone. Raises BrokenLogError, ObjectNotFoundError."""
        if (data := self.recent.get(number)) is not None:
            return self._parse(number, data)
        return self.prove(number)

    def prove(self, number: int) -> Event:
        """As `read`, from the store itself."""
        asked = self._expected.mine.pop(number, None)
        data = asked.result() if asked else None
        if data is None:
            data = self.store.read(self.key(number))
        event = self._parse(number, data)
        self._remember(number, data)
        return event

    def append(self, tail: Tail, proposal: Proposal) -> Event:
        """Make the event after `tail`, whole and durable, or raise.

        Raises LostRaceError if another event has that number: fold it, then append again;
        MalformedError for a change that no reader would take.
        """
        header = {
            "log": self.name,
            "number": tail.number,
            "previous": tail.previous.hex(),
            "nonce": secrets.token_hex(16),
            "transaction": proposal.transaction,
            "writer": f"{socket.gethostname()}:{os.getpid()}",
            "time": self._clock().isoformat(timespec="milliseconds"),
            "epoch": proposal.epoch,
            "fold": FOLD_VERSION,
            "critical": True,
            "adds": [str(name) for name in proposal.adds],
            "drops": [str(name) for name in proposal.drops],
            "changes": list(proposal.changes),
        }
        data = Frame(header, proposal.objects).encode()
        event = self._decode(tail.number, data)  # as readers will: what they refuse stops here
        self._create(self.key(tail.number), data)
        self._remember(tail.number, data)
        return event

    def _create(self, key: str, data: bytes) -> None:
        """Source: of a lost answer only the bytes tell whose event it is (docs/format.md, Logs)."""
        for attempt in range(_TRIES):
            try:
                self.store.create(key, data)
            except (AlreadyExistsError, StorageError) as error:
                try:
                    found = self.store.read(key)
                except ObjectNotFoundError:
                    if attempt + 1 == _TRIES:
                        raise error from None
                    continue  # not there, or not yet: the same bytes at the same number again
                if found != data:
                    raise LostRaceError(key) from error
            return

    def _begin(self, numbers: Iterable[int]) -> _Reads:
        assert self.parallel is not None
        return {each: self.parallel.begin(partial(self._data, each)) for each in numbers}

    def _data(self, number: int) -> bytes | None:
        try:
            return self.store.read(self.key(number))
        except ObjectNotFoundError:
            return None

    def _remember(self, number: int, data: bytes) -> None:
        if self.parallel is not None:
            with self._lock.mine:
                recent = {**self.recent, number: data}
                while len(recent) > 1 and (
                    len(recent) > _RECENT or sum(map(len, recent.values())) > _RECENT_BYTES
                ):
                    del recent[min(recent)]
                self.recent = recent

    def _next(self, tail: Tail) -> Event | None:
        asked = self._asked.mine.pop(tail.number, None)
        data = asked.result() if asked else self._data(tail.number)
        if data is None:
            return None
        event = self._parse(tail.number, data)
        if event.header["previous"] != tail.previous.hex():
            raise BrokenLogError(self.key(tail.number), "it does not follow the event before it")
        self._remember(tail.number, data)
        return event

    def _parse(self, number: int, data: bytes) -> Event:
        key = self.key(number)
        try:
            event = self._decode(number, data)
        except (DigestMismatchError, MalformedError) as error:
            raise BrokenLogError(key, _what_is_wrong(error)) from error
        if event.header["fold"] > FOLD_VERSION:
            event.unknown(key, f"fold {event.header['fold']}")
        return event

    def _decode(self, number: int, data: bytes) -> Event:
        """Raises DigestMismatchError, MalformedError."""
        frame = Frame.decode(data, self.key(number))
        event = Event(number, Digest.of(data), frame.header, frame.objects)
        _check(event, self.name)
        return event

    def _refuse_gap(self, tail: Tail) -> None:
        """An event beyond the end means that one was removed, unless it was only just written."""
        if any(map(self._exists, self._beyond(tail.number))) and not self._exists(tail.number):
            raise BrokenLogError(self.key(tail.number), "it is missing, later events are there")

    def _beyond(self, end: int) -> Iterable[int]:
        if self.parallel is None:
            return [end + ahead for ahead in _AHEAD]
        return {end + 1, *(number for number in self._asked.mine if number > end)}

    def _exists(self, number: int) -> bool:
        if asked := self._asked.mine.pop(number, None):
            return asked.result() is not None
        try:
            self.store.size(self.key(number))
        except ObjectNotFoundError:
            return False
        return True


def _what_is_wrong(error: DigestMismatchError | MalformedError) -> str:
    if isinstance(error, MalformedError):
        return error.reason
    return f"its digest is {error.actual}, it says {error.expected}"


_TYPES: Mapping[str, type] = {
    "log": str,
    "number": int,
    "previous": str,
    "nonce": str,
    "transaction": str,
    "writer": str,
    "time": str,
    "epoch": int,
    "fold": int,
    "critical": bool,
    "adds": list,
    "drops": list,
    "changes": list,
}


def _check(event: Event, log: str) -> None:
    """Raises MalformedError if the envelope is not whole, or belongs elsewhere."""
    name = f"event {event.number} of {log}"
    for key, kind in _TYPES.items():
        if not isinstance(event.header.get(key), kind):
            raise MalformedError(name, f"{key!r} is {event.header.get(key)!r}")
    if (event.header["log"], event.header["number"]) != (log, event.number):
        raise MalformedError(name, f"it is {event.header['log']} {event.header['number']}")
    for change in event.changes:
        if not isinstance(change, dict) or not isinstance(change.get("kind"), str):
            raise MalformedError(name, f"it has a change {change!r}")
