"""Listener: what hears of all that a run does, be it to write it down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from artifacts.runs.backlog import Backlog
from artifacts.runs.delivery.watching import Policy

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Heard of it whatever the store does, unless it says otherwise."""

    @property
    def row(self) -> Callable[[int, Mapping[str, Any]], float]:
        """Writes a row of `history` and returns its time; what it was asked for writes the next."""

    @property
    def has_rows(self) -> bool:
        """Whether anything but artifacts was ever told of, in a journal."""

    @property
    def backlog(self) -> Backlog:
        """How far what it was told is from the store."""

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """What the run did with artifacts: in the store when this returns, if that is near.

        Raises ArtifactsError if it is not; then it waits in the journal.
        """

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """As `Writer.note`."""

    def artifact(self, what: str, facts: Mapping[str, Any]) -> None:
        """As `Writer.artifact`."""

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """As `Writer.file`."""

    def flush(self) -> None:
        """As `Writer.flush`, of what is in the journal."""

    def warn(self) -> None:
        """Say that nothing is logged, where that is so."""

    def close(self, exit_code: int, state: str | None = None) -> None:
        """All that was told is in the store, or waits in the journal, which is said."""


class Silent:
    """A listener that hears nothing, and says so once if it is given the words."""

    has_rows = False
    backlog = Backlog()

    def __init__(self, warning: str = "") -> None:
        self._warning = warning

    def row(self, step: int, values: Mapping[str, Any]) -> float:
        self.warn()
        return 0.0

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.warn()

    note = artifact = tell

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        self.warn()

    def flush(self) -> None:
        """There is nothing."""

    def warn(self) -> None:
        if self._warning:
            _log.warning(self._warning)
            self._warning = ""

    def close(self, exit_code: int, state: str | None = None) -> None:
        """There is nothing."""
