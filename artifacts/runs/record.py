"""RunRecord: the log of one run, which nobody but the run writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artifacts.errors import LostRaceError
from artifacts.storage import Log, Proposal, Tail


class RunRecord:
    """Appends what the run did, in order. A resumed run goes on where the log ends."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tail = Tail.start(log.name)

    def add(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Durable when this returns."""
        proposal = Proposal([{"kind": kind, **facts}])
        while True:
            try:
                self._tail = self._log.append(self._tail, proposal).tail
            except LostRaceError:
                for event in self._log.after(self._tail):
                    self._tail = event.tail
            else:
                return
