"""RunRecord: the log of one run, to which it writes as long as it has no journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, RLock
from typing import Any

from artifacts.errors import ArtifactsError, LostRaceError
from artifacts.runs.backlog import Backlog
from artifacts.storage import Change, Log, Proposal, Tail

_PAUSE_S = 0.5  # in which more may happen that one event can tell
_log = logging.getLogger(__name__)


class RunRecord:
    """Appends what the run did, in order, each thing once, after what is there already.

    Where the store is far away nobody waits for an append: it happens soon, with what else
    happens meanwhile, and the process does not end before. A signal's handler may add and flush
    while what it interrupts does.
    """

    def __init__(
        self, log: Log, check_writing: Callable[[], None], first: Sequence[Change] = ()
    ) -> None:
        """`first` is told before all that is added."""
        self._log = log
        self._check_writing = check_writing
        self._tail = Tail.start(log.name)
        self._waiting: tuple[Change, ...] = (*first,)
        self._proposal: Proposal | None = None
        self._is_given_up = False
        self._appended = Backlog()
        self._lock, self._appending = RLock(), RLock()  # a signal's handler may tell, too
        self._hurry = Event()
        self._later = ThreadPoolExecutor(1, "art-run") if log.store.concurrency > 1 else None

    def add(self, kind: str, facts: Mapping[str, Any]) -> bool:
        """Durable when this returns, or, where the store is far away, when `flush` does.

        False once it was given up: somebody else has to tell.
        """
        if not self._adds({"kind": kind, **facts}):
            return False
        self.begin()
        return True

    def end(self, facts: Mapping[str, Any]) -> None:
        """That the run is over. All is durable when this returns, unless it was given up."""
        self._adds({"kind": "finished", **facts})
        self.flush()

    def begin(self) -> None:
        """As `add`, of what it began with."""
        if self._later is None:
            self._flush()
        else:
            self._later.submit(self._flush_soon)

    def flush(self) -> None:
        """All that was added is durable. What was not yet is tried again, or its error raised."""
        self._hurry.set()
        try:
            self._flush()
        finally:
            self._hurry.clear()

    def give_up(self) -> Sequence[Change]:
        """What is not known to be told, which somebody else will tell; nothing is tried again.

        What is under way may be told all the same: who tells it again changes nothing by that.
        """
        with self._lock:
            self._is_given_up = True
            under_way = self._proposal.changes if self._proposal is not None else ()
            waiting = [*under_way, *self._waiting]
            self._waiting = ()
            return waiting

    @property
    def backlog(self) -> Backlog:
        """Of the changes that were added; once it was given up, of those that were told by it."""
        with self._lock:
            if self._is_given_up:
                return self._appended
            under_way = len(self._proposal.changes) if self._proposal is not None else 0
            waiting = under_way + len(self._waiting)
            return self._appended + Backlog(waiting, waiting)

    def _adds(self, change: Change) -> bool:
        with self._lock:
            if not self._is_given_up:
                self._waiting = (*self._waiting, change)
            return not self._is_given_up

    def _flush_soon(self) -> None:
        if not self._is_behind():  # an earlier one told of it
            return
        self._hurry.wait(_PAUSE_S)
        try:
            self._flush()
        except ArtifactsError as error:
            _log.warning("what the run did is not recorded yet: %s", error)

    def _flush(self) -> None:
        with self._appending:
            while proposal := self._next():
                self._check_writing()
                self._append(proposal)

    def _is_behind(self) -> bool:
        with self._lock:
            return bool(self._waiting or self._proposal)

    def _next(self) -> Proposal | None:
        """The same again, as long as nobody knows what became of it."""
        while self._proposal is None and (waiting := self._waiting):
            proposal = Proposal(waiting)
            with self._lock:
                if self._waiting is waiting:  # or there is more by now, or it is told
                    self._proposal, self._waiting = proposal, ()
        return None if self._is_given_up else self._proposal

    def _append(self, proposal: Proposal) -> None:
        """Unless it was given up, or a signal's handler did it meanwhile."""
        tail, is_there = self._tail, False
        while self._proposal is proposal and not is_there and not self._is_given_up:
            try:
                tail = self._log.append(tail, proposal).tail
                is_there = True
            except LostRaceError:
                for event in self._log.after(tail):
                    tail = event.tail
                    is_there |= event.transaction == proposal.transaction
        appended = Backlog(len(proposal.changes), stored_at=time.time())
        with self._lock:
            if is_there and self._proposal is proposal:
                self._tail, self._proposal = tail, None
                self._appended += appended
