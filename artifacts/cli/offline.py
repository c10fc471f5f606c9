"""Offline: runs below the working directory of which this machine does not know that they wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from artifacts.runs import Pending, folders_below


def offline_here(known: Iterable[Pending]) -> Iterator[Path]:
    """Their folders."""
    folders = {each.folder.resolve() for each in known}
    return (each for each in folders_below(Path.cwd()) if each.resolve() not in folders)
