"""Heartbeat: that a run lives, told to a cache object, which costs its log nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from artifacts.errors import ArtifactsError
from artifacts.storage import ObjectStore

BEAT_S = 30.0
SILENCE_S = 300.0
"""After which a run that is not finished counts as crashed."""


class Heard(Protocol):
    """What a run's log says of how it stands: a RunState, or a part of one."""

    @property
    def told_state(self) -> str: ...

    @property
    def heard_at(self) -> str: ...

    @property
    def is_preempting(self) -> bool: ...


def heartbeat_key(log: str) -> str:
    """By the name of the run's log."""
    return f"cache/heartbeats/{log.removeprefix('run/')}"


def beat(store: ObjectStore, log: str, clock: Callable[[], float] = time.time) -> None:
    """Raises StorageError."""
    store.write(heartbeat_key(log), json.dumps({"time": clock()}).encode())


def state_of(
    state: Heard, store: ObjectStore, log: str, clock: Callable[[], float] = time.time
) -> str:
    """As told; of a run that did not end `running`, or `crashed` if nothing is heard of it."""
    if state.told_state != "running":
        return state.told_state
    now = clock()
    heard_s = datetime.fromisoformat(state.heard_at).astimezone(UTC).timestamp()
    if now - heard_s <= SILENCE_S or now - _last_beat_s(store, log) <= SILENCE_S:
        return "running"
    return "preempted" if state.is_preempting else "crashed"


def _last_beat_s(store: ObjectStore, log: str) -> float:
    """The beginning of time, if nobody knows."""
    try:
        return float(json.loads(store.read(heartbeat_key(log)))["time"])
    except (ArtifactsError, ValueError, KeyError, TypeError):
        return 0.0
