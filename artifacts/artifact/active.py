"""Active: the run that artifacts belong to which are told of no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from artifacts.catalog import Session
from artifacts.settings import Settings

Log: TypeAlias = Callable[[Any], object]
"""How the run logs an artifact."""
Link: TypeAlias = Callable[[Any, str, list[str] | None], object]
"""How it shows one at a target path, under aliases."""
_active: list[tuple[Session, Log, Link]] = []


def current_session() -> Session:
    """That of the active run, or one of the settings as they are."""
    return _active[-1][0] if _active else Session(Settings.load())


def current_log() -> Log | None:
    """None without an active run."""
    return _active[-1][1] if _active else None


def current_link() -> Link | None:
    """None without an active run."""
    return _active[-1][2] if _active else None


@contextmanager
def use_session(session: Session, log: Log, link: Link) -> Iterator[None]:
    """Until the end, artifacts that are told of no other session belong to this one.

    What is saved without being logged is logged by `log`, and what is linked is by `link`.
    """
    active = session, log, link
    _active.append(active)
    try:
        yield
    finally:
        _active.remove(active)
