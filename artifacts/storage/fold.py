"""Fold: a log together with what its events add up to."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from artifacts.errors import LostRaceError, MalformedError
from artifacts.storage.checkpoint import Checkpoints, Rows
from artifacts.storage.log import Change, Event, Log, Proposal, Tail

_EVENTS_A_CHECKPOINT = 64
_PATIENT_AFTER = 2  # lost races; from then on a constant jitter, growing waits would be slower
_JITTER_S = 0.03


class State(Protocol):
    """What events add up to. The same events give the same state, on every machine."""

    @classmethod
    def load(cls, head: Mapping[str, Any], checkpoints: Checkpoints) -> Self:
        """As `save` gave it. Raises ValueError, KeyError or TypeError if it did not."""

    def save(self, checkpoints: Checkpoints) -> Mapping[str, Any]:
        """JSON from which `load` makes this state again."""

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
    """Read with `refresh`, written with `append`. Not shared by threads."""

    def __init__(
        self, log: Log, new: Callable[[], S], load: type[S], *, has_checkpoints: bool = True
    ) -> None:
        self.log = log
        self.tail = Tail.start(log.name)
        self.state = new()
        self._new = new
        self._load = load
        self._checkpoints = Checkpoints(log.store)
        self._has_checkpoints = has_checkpoints
        self._is_fresh = True

    @property
    def is_empty(self) -> bool:
        return self.tail.number == 0

    def refresh(self) -> Self:
        """Take in what others appended. Raises BrokenLogError, UnknownEventError."""
        if self._is_fresh:
            self._is_fresh = False
            self._resume()
        for event in self.log.after(self.tail):
            self._take(event)
        return self

    def append(self, proposal: Proposal) -> Event:
        """Append after whatever else was appended; the fold decides what it comes to.

        Raises MalformedError, UnknownEventError for what no reader could take in.
        """
        if self._is_fresh:
            self.refresh()  # whoever has not looked for a gap might fill it
        self._refuse_unreadable(proposal)
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
            if event.number % _EVENTS_A_CHECKPOINT == _EVENTS_A_CHECKPOINT - 1:
                self._checkpoints.save(self.log, self.tail, self.state.save)
            return event

    def _refuse_unreadable(self, proposal: Proposal) -> None:
        """Nothing is ever taken out of a log, and one change that is wrong would end it."""
        said = {"changes": proposal.changes, "epoch": proposal.epoch, "critical": True, "time": ""}
        trial = Event(0, self.tail.previous, said, {})
        self._new().apply(trial, f"what was to be appended to {self.log.name}")

    def _take(self, event: Event) -> None:
        self.state.apply(event, self.log.key(event.number))
        self.tail = event.tail

    def _resume(self) -> None:
        """Start from the checkpoint, where there is one that can be used."""
        if self._has_checkpoints and (found := self._checkpoints.load(self.log)):
            tail, head = found
            try:
                state = self._load.load(head, self._checkpoints)
            except (ValueError, KeyError, TypeError):
                return
            self.tail, self.state = tail, state
            state.rows.recover = self._folded_rows

    def _folded_rows(self) -> Rows:
        """The rows as the log alone gives them, up to this fold's tail."""
        state = self._new()
        for event in self.log.after(Tail.start(self.log.name)):
            if event.number == self.tail.number:
                break
            state.apply(event, self.log.key(event.number))
        return state.rows
