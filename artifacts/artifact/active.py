"""Active: the run that artifacts belong to which are told of no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from artifacts.catalog import Session
from artifacts.settings import Settings

Log: TypeAlias = Callable[[Any], object]
"""How the run logs an artifact."""
_active: list[tuple[Session, Log]] = []


def current_session() -> Session:
    """That of the active run, or one of the settings as they are."""
    return _active[-1][0] if _active else Session(Settings.load())


def current_log() -> Log | None:
    """None without an active run."""
    return _active[-1][1] if _active else None


@contextmanager
def use_session(session: Session, log: Log) -> Iterator[None]:
    """Until the end, artifacts that are told of no other session belong to this one.

    What is saved without being logged is logged by `log`.
    """
    _active.append((session, log))
    try:
        yield
    finally:
        _active.remove((session, log))
