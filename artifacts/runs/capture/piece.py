"""Piece: one thing that is recorded of a run beside what it logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from artifacts.runs.delivery.watching import Policy

NEVER = float("inf")


class Recorder(Protocol):
    """What of a run's writer is needed here. No call of it waits for the store."""

    def line(self, stream: str, values: dict[str, Any]) -> None:
        """One more row of a stream."""

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """What the run's own log says."""

    def file(self, name: str, path: Path, policy: Policy) -> None:
        """A file of the run, by its name there."""


class Piece(Protocol):
    """Begun and ended where the run is, at work in the capture's thread between the two."""

    def start(self, writer: Recorder) -> None:
        """Costs the caller next to nothing."""

    def work(self) -> float:
        """Seconds after which it is to be called again, or NEVER."""

    def stop(self) -> None:
        """What is left is recorded when this returns; no `work` comes after."""
