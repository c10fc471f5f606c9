"""Heartbeat: that a run lives, told to a cache object, which costs its log nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from artifacts.errors import ArtifactsError
from artifacts.runs.journal.pending import Pending
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

    @property
    def own_journal(self) -> str: ...


class Standing(Struct, frozen=True):
    """How a run stands by now: its state, when it was heard of last, in seconds since 1970.

    `waits_in` is where on this machine its process, which is gone, left what is not in the store.
    """

    state: str
    heard_s: float
    waits_in: Path | None = None

    @property
    def heard_at(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.heard_s, UTC).isoformat(timespec="milliseconds")

    def is_silent(self, now: datetime) -> bool:
        """Whether it should have been heard of since."""
        return self.state == "running" and now.timestamp() - self.heard_s > 2 * BEAT_S


def heartbeat_key(log: str) -> str:
    """By the name of the run's log."""
    return f"cache/heartbeats/{log.removeprefix('run/')}"


def beat(store: ObjectStore, log: str, clock: Callable[[], float] = time.time) -> None:
    """Raises StorageError."""
    store.write(heartbeat_key(log), json.dumps({"time": clock()}).encode())


def standing_of(
    state: Heard,
    store: ObjectStore,
    log: str,
    left: Iterable[Pending] = (),
    clock: Callable[[], float] = time.time,
) -> Standing:
    """As told; one that did not end is `running`, or `crashed` if nothing is heard of it.

    So it is at once if its journal is among those that are `left`, by processes that are gone; and
    if one of these began after it had ended, to go on with it.
    """
    heard_s = datetime.fromisoformat(state.heard_at).astimezone(UTC).timestamp()
    if state.told_state != "running":
        for pending in left:
            if pending.journal != state.own_journal and pending.began_s > heard_s:
                return Standing("crashed", heard_s, pending.folder)
        return Standing(state.told_state, heard_s)
    over = "preempted" if state.is_preempting else "crashed"
    for pending in left:
        if state.own_journal in ("", pending.journal):
            return Standing(over, heard_s, pending.folder)
    if clock() - heard_s > 2 * BEAT_S:
        heard_s = max(heard_s, _last_beat_s(store, log))
    return Standing("running" if clock() - heard_s <= SILENCE_S else over, heard_s)


def _last_beat_s(store: ObjectStore, log: str) -> float:
    """The beginning of time, if nobody knows."""
    try:
        return float(json.loads(store.read(heartbeat_key(log)))["time"])
    except (ArtifactsError, ValueError, KeyError, TypeError):
        return 0.0
