"""Fold: a log together with what its events add up to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from functools import partial
from threading import RLock
from typing import Any, Generic, Protocol, Self, TypeVar

from artifacts.errors import (
    IntegrityError,
    LostRaceError,
    MalformedError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.storage.checkpoint import Checkpoints, Head, Put, Rows
from artifacts.storage.log import FEW_EVENTS, Change, Event, Log, Proposal, Tail
from artifacts.storage.machine import MachineHeads
from artifacts.storage.parallel import Parallel, PerProcess

_EVENTS_A_CHECKPOINT = 64
_FAR_EVENTS_A_CHECKPOINT = 8  # so few that all of them are asked for at once
_MANY_EVENTS = 1024  # of a log whose heads are too long to be written that often
_PATIENT_AFTER = 2  # lost races; from then on a constant jitter, growing waits would be slower
_JITTER_S = 0.03


class State(Protocol):
    """What events add up to. The same events give the same state, on every machine."""

    @classmethod
    def load(cls, head: Mapping[str, Any], checkpoints: Checkpoints) -> Self:
        """As `save` gave it. Raises ValueError, KeyError or TypeError if it did not."""

    def save(self, put: Put | None = None) -> Mapping[str, Any]:
        """JSON from which `load` makes this state again; see Rows.save."""

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError for a critical change without a rule."""

    @property
    def rows(self) -> Rows:
        """What is too long for the head; may be empty."""


S = TypeVar("S", bound=State)
T = TypeVar("T")


def apply_rules(
    state: T, rules: Mapping[str, Callable[[T, Event, Change], None]], event: Event, key: str
) -> None:
    """What State.apply does where each kind of change has a rule of its own.

    Raises UnknownEventError before anything is applied, and MalformedError for a change that
    its rule cannot read.
    """
    for kind in (change["kind"] for change in event.changes):
        if kind not in rules:
            event.unknown(key, kind)
    for change in event.changes:
        if rule := rules.get(kind := change["kind"]):
            try:
                rule(state, event, change)
            except (KeyError, TypeError, ValueError) as error:
                raise MalformedError(f"{kind!r} in {key}", repr(error)) from error


class Fold(Generic[S]):
    """Read with `refresh`, written with `append`, by any number of threads, one at a time.

    `state` may be read meanwhile; who needs two things of one moment holds `lock`.

    Where the log's store is far away, a request is not waited for before the next is made that
    does not depend on it, and `machine` may say where the log ended when it was read last.
    """

    def __init__(
        self,
        log: Log,
        kind: type[S],
        *,
        machine: MachineHeads | None = None,
        has_checkpoints: bool = True,
        is_offline: bool = False,
    ) -> None:
        """Offline, what the machine knew of the log last is all there is of it."""
        self.is_offline = is_offline
        self.log = log
        self.tail = Tail.start(log.name)
        self.state = kind()
        self._kind = kind
        self._machine = machine if log.parallel or is_offline else None
        self._checkpoints = Checkpoints(log.store, log.parallel)
        self._has_checkpoints = has_checkpoints
        self._is_fresh = True
        self._is_whole = True  # False while an event is being taken in
        self._lock = PerProcess(RLock)
        self._begun: PerProcess[list[Future[Head | None] | None]] = PerProcess(list)  # empty: not
        self._candidate: tuple[Head, S] | None = None
        self._has_recalled = False
        self._kept = 0  # number of events that the machine's head covers

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """While a thread holds it, no other one changes the state."""
        return self._lock.mine

    @property
    def is_empty(self) -> bool:
        return self.tail.number == 0

    @property
    def guess(self) -> S:
        """The state as far as is known without asking. May be old, or of a log that is gone."""
        with self.lock:
            if not self._is_fresh:
                return self.state
            self._recall()
            return self._candidate[1] if self._candidate else self.state

    def begin(self) -> None:
        """Have under way what `refresh` will want, where that pays."""
        parallel = self.log.parallel
        if parallel is None:
            return
        with self.lock:
            if not self._begun.mine:
                self._begun.mine.append(self._begin(parallel))

    def _begin(self, parallel: Parallel) -> Future[Head | None] | None:
        """What the store has of a head, if that is asked for."""
        stored = None
        self._recall()
        if not self._is_fresh:
            self.log.ask(self.tail.number)
        elif self._candidate:
            self._ask_for_proof(FEW_EVENTS)
        else:
            if self._has_checkpoints:
                stored = parallel.begin(partial(self._checkpoints.load, self.log.name))
            self.log.ask(0, _FAR_EVENTS_A_CHECKPOINT + 1)
        return stored

    def forget(self) -> None:
        """Nothing that is under way is an answer to a later `refresh`."""
        with self.lock:
            self._begun.mine.clear()
            self.log.forget()

    def refresh(self, foresee: Callable[[], None] = lambda: None) -> Self:
        """Take in what others appended. Raises BrokenLogError, UnknownEventError.

        `foresee` is called whenever `guess` became a better one, to begin what will follow.
        """
        with self.lock:
            if self.is_offline:
                return self._stay()
            self._drop_half()
            self.begin()
            foresee()
            try:
                if self._is_fresh:
                    self._resume(foresee)
                for event in self.log.after(self.tail):
                    self._take(event)
            finally:
                self.forget()
            self._keep()
            return self

    def first(self) -> Self:
        """As `refresh`, of a log whose name this process has chosen just now: it is not asked for.

        Whoever was faster to write there is found when something is appended.
        """
        with self.lock:
            self._is_fresh = False
            return self

    def _stay(self) -> Self:
        """At what the machine knew last. Raises StorageError if that is nothing."""
        if self._is_fresh:
            self._recall()
            if self._candidate is None:
                self.log.store.read(self.log.key(0))  # which tells why it cannot be had
                raise StorageError(self.log.key(0), "this machine does not know its log")
            (head, self.state), self._candidate = self._candidate, None
            self.tail, self._is_fresh = head.tail, False
            self.state.rows.recover = self._folded_rows
        return self

    def append(self, proposal: Proposal) -> Event:
        """Append after whatever else was appended; the fold decides what it comes to.

        Raises MalformedError, UnknownEventError for what no reader could take in.
        """
        with self.lock:
            if self._is_fresh or not self._is_whole:
                self.refresh()  # whoever has not looked for a gap might fill it
            self.check(proposal.changes, proposal.epoch)
            return self._append(proposal)

    def _append(self, proposal: Proposal) -> Event:
        lost = 0
        while True:
            try:
                event = self.log.append(self.tail, proposal)
            except LostRaceError:
                lost += 1
                if lost > _PATIENT_AFTER:
                    time.sleep(random.random() * _JITTER_S)
                self.refresh()
                continue
            self._take(event)
            self._keep()
            if self._is_due(event.number + 1):
                self._checkpoints.save(self.log, self.tail, self.state.save)
            return event

    def check(self, changes: Sequence[Change], epoch: int = 0) -> None:
        """Raises MalformedError, UnknownEventError for what no reader could take in.

        Nothing is ever taken out of a log, and one change that is wrong would end it.
        """
        alone = [[change] for change in changes]  # what follows may count later only
        for each in (changes, *alone):
            said = {
                "changes": each,
                "epoch": epoch,
                "critical": True,
                "time": "2000-01-01T00:00:00+00:00",
            }
            trial = Event(0, self.tail.previous, said, {})
            self._kind().apply(trial, f"what was to be appended to {self.log.name}")

    def _take(self, event: Event) -> None:
        self._is_whole = False
        self.state.apply(event, self.log.key(event.number))
        self.tail = event.tail
        self._is_whole = True

    def _drop_half(self) -> None:
        """Begin anew, if somebody was interrupted or this process forked within an event."""
        if not self._is_whole:
            self.forget()
            self.tail, self.state = Tail.start(self.log.name), self._kind()
            self._candidate, self._has_recalled, self._kept = None, False, 0
            self._is_fresh = self._is_whole = True

    def _is_due(self, events: int) -> bool:
        is_often = self.log.parallel is not None and events <= _MANY_EVENTS
        return events % (_FAR_EVENTS_A_CHECKPOINT if is_often else _EVENTS_A_CHECKPOINT) == 0

    def _keep(self) -> None:
        if self._machine is not None and self._kept != self.tail.number:
            self._kept = self.tail.number
            self._machine.save(
                Head(self.log.name, self.tail, self.state.save(), {**self.log.recent})
            )

    def _recall(self) -> None:
        if self._machine is not None and not self._has_recalled:
            self._has_recalled = True
            self._consider(self._machine.load(self.log.name))

    def _resume(self, foresee: Callable[[], None]) -> None:
        """Start from a head, where there is one that belongs to the log as it is now."""
        if self._accept():
            self._kept = self.tail.number
        elif self._has_checkpoints:
            asked = next(iter(self._begun.mine), None)
            self._consider(asked.result() if asked else self._checkpoints.load(self.log.name))
            if self._candidate:
                self._ask_for_proof(_FAR_EVENTS_A_CHECKPOINT + 1)
                foresee()
            self._accept()
        self._is_fresh = False

    def _consider(self, head: Head | None) -> None:
        """Make it the guess, if this software can have written it."""
        self._candidate = None
        if head is not None:
            try:
                self._candidate = head, self._kind.load(head.state, self._checkpoints)
            except (ValueError, KeyError, TypeError, AttributeError):
                return
            self.log.recall(head.tail, head.events)

    def _ask_for_proof(self, events: int) -> None:
        if self._candidate:
            tail = self._candidate[0].tail
            self.log.expect(tail.number - 1)
            self.log.ask(tail.number, events)

    def _accept(self) -> bool:
        """Go on from the candidate, if the event that it ends with is the log's."""
        if self._candidate is None:
            return False
        (head, state), self._candidate = self._candidate, None
        try:
            is_proven = self.log.prove(head.tail.number - 1).digest == head.tail.previous
        except (IntegrityError, ObjectNotFoundError):
            is_proven = False
        if is_proven:
            self._is_whole = False
            self.tail, self.state = head.tail, state
            self._is_whole = True
            state.rows.recover = self._folded_rows
        else:
            self.log.recall(self.tail, {})
        return is_proven

    def _folded_rows(self) -> Rows:
        """The rows as the log alone gives them, up to this fold's tail."""
        state = self._kind()
        with self.lock:
            for event in self.log.after(Tail.start(self.log.name)):
                if event.number == self.tail.number:
                    break
                state.apply(event, self.log.key(event.number))
        return state.rows
