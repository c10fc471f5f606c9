"""Recorder: a writer that only remembers what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.runs.delivery.watching import Policy


class Remembering:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, tuple[Path, Policy]] = {}

    def line(self, stream: str, values: dict[str, Any]) -> None:
        self.lines.append((stream, values))

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.notes.append((kind, dict(facts)))

    def file(self, name: str, path: Path, policy: Policy) -> None:
        self.files[name] = (path, policy)

    def of(self, stream: str) -> list[dict[str, Any]]:
        return [values for name, values in self.lines if name == stream]
