"""RunRecord: the log of one run, which nobody but the run writes to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

from artifacts.errors import ArtifactsError, LostRaceError
from artifacts.storage import Change, Log, Proposal, Tail

_PAUSE_S = 0.5  # in which more may happen that one event can tell
_log = logging.getLogger(__name__)


class RunRecord:
    """Appends what the run did, in order. A resumed run goes on where the log ends.

    Where the store is far away nobody waits for an append: it happens soon, with what else
    happens meanwhile, and the process does not end before.
    """

    def __init__(
        self, log: Log, check_writing: Callable[[], None], first: Sequence[Change] = ()
    ) -> None:
        """`first` is told before all that is added."""
        self._log = log
        self._check_writing = check_writing
        self._tail = Tail.start(log.name)
        self._waiting = [*first]
        self._proposal: Proposal | None = None
        self._is_given_up = False
        self._lock, self._appending = Lock(), Lock()
        self._hurry = Event()
        self._later = ThreadPoolExecutor(1, "art-run") if log.store.concurrency > 1 else None

    def add(self, kind: str, facts: Mapping[str, Any]) -> bool:
        """Durable when this returns, or, where the store is far away, when `flush` does.

        False once it was given up: somebody else has to tell.
        """
        with self._lock:
            if self._is_given_up:
                return False
            self._waiting.append({"kind": kind, **facts})
        self.begin()
        return True

    def begin(self) -> None:
        """As `add`, of what it began with."""
        if self._later is None:
            self.flush()
        else:
            self._later.submit(self._flush_soon)

    def flush(self) -> None:
        """All that was added is durable. What was not yet is tried again, or its error raised."""
        self._hurry.set()
        with self._appending:
            while proposal := self._next():
                self._check_writing()
                self._append(proposal)
        self._hurry.clear()

    def give_up(self) -> Sequence[Change]:
        """What is not known to be told, which somebody else will tell; nothing is tried again.

        What is under way may be told all the same: who tells it again changes nothing by that.
        """
        with self._lock:
            self._is_given_up = True
            under_way = self._proposal.changes if self._proposal is not None else ()
            waiting = [*under_way, *self._waiting]
            self._waiting.clear()
            return waiting

    def _flush_soon(self) -> None:
        if not self._is_behind():  # an earlier one told of it
            return
        self._hurry.wait(_PAUSE_S)
        try:
            self.flush()
        except ArtifactsError as error:
            _log.warning("what the run did is not recorded yet: %s", error)

    def _is_behind(self) -> bool:
        with self._lock:
            return bool(self._waiting or self._proposal)

    def _next(self) -> Proposal | None:
        """The same again, as long as nobody knows what became of it."""
        with self._lock:
            if self._is_given_up:
                return None
            if self._proposal is None and self._waiting:
                self._proposal = Proposal([*self._waiting])
                self._waiting.clear()
            return self._proposal

    def _append(self, proposal: Proposal) -> None:
        is_there = False
        while not is_there and not self._is_given_up:
            try:
                self._tail = self._log.append(self._tail, proposal).tail
                is_there = True
            except LostRaceError:
                for event in self._log.after(self._tail):
                    self._tail = event.tail
                    is_there |= event.transaction == proposal.transaction
        if is_there:
            with self._lock:
                self._proposal = None
