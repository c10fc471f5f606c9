"""Watching: files of a run that are stored when they are there, when they change, or at the end."""

from __future__ import annotations

import os
from pathlib import Path
from threading import RLock
from typing import Literal, TypeAlias

from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.line import encoded

Policy: TypeAlias = Literal["live", "now", "end"]
"""When a file of the run is stored: whenever it changed, at once, when the run is over."""
_Seen: TypeAlias = tuple[int, int]


class Watching:
    """Says in the journal when a file has to be stored, with what it has then."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._files: dict[str, tuple[Path, Policy, _Seen | None]] = {}
        self._lock = RLock()  # a signal's handler may end the run, too

    def add(self, name: str, path: Path, policy: Policy) -> None:
        """The file of that name is this one, from now on.

        What lies in the journal's folder is found there again wherever that is moved.
        """
        with self._lock:
            self._files[name] = (path.absolute(), policy, None)
        if policy == "now":
            self.look()

    def look(self, *, is_end: bool = False) -> None:
        """Say of each that changed what it is now; at the end, of those that waited for it."""
        with self._lock:
            for name, (path, policy, seen) in [*self._files.items()]:
                is_due = policy == "live" or (seen is None and (is_end or policy == "now"))
                now = _look(path) if is_due else None
                if now is not None and now != seen:
                    self._journal.write(encoded({"file": name, "path": self._told(path)}))
                    self._files[name] = (path, policy, now)

    def _told(self, path: Path) -> str:
        folder = self._journal.folder.absolute()
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _look(path: Path) -> _Seen | None:
    """None for what is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
