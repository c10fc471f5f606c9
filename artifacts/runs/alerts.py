"""Alerts: what a run has to say to somebody at once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Protocol

from msgspec import Struct

_WAIT_S = 60.0
_MOST_WAITING = 100  # for a sink that does not keep up
_TRIES, _PAUSE_S = 3, 2.0
_FAREWELL_S = 10.0
_log = logging.getLogger(__name__)


class AlertLevel(Enum):
    """How bad it is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Alert(Struct, frozen=True):
    """One message about a run. `held_back` like it were not sent, as they followed too closely."""

    title: str
    text: str
    level: AlertLevel
    time: float  # seconds since 1970
    run: str  # entity/project/id
    held_back: int = 0

    def facts(self) -> dict[str, object]:
        """As it is written down."""
        facts = {"title": self.title, "text": self.text, "level": self.level.value}
        held_back = {"held_back": self.held_back} if self.held_back else {}
        return {**facts, "time": self.time, **held_back}


class Noting(Protocol):
    """Where a run's log is written."""

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """What the log says."""


class Sink(Protocol):
    """Where alerts go beside the store."""

    name: str

    def send(self, alert: Alert) -> None:
        """May raise what it likes, and take as long as it likes."""


class Alerts:
    """Every alert is in the run's log, and at each sink if that takes it.

    A sink that fails or hangs disturbs neither the run nor another sink.
    """

    def __init__(
        self, run: str, sinks: Sequence[Sink] = (), now: Callable[[], float] = time.time
    ) -> None:
        self._run, self._now = run, now
        self._last: dict[str, float] = {}
        self._held_back: dict[str, int] = {}
        self._deliveries = [_Delivery(sink) for sink in sinks]
        self._writer: Noting | None = None

    def start(self, writer: Noting) -> None:
        """Nothing runs before the first alert."""
        self._writer = writer

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Returns at once. One of the same title within `wait_duration` (a minute) is held back.

        Raises ValueError for another level than INFO, WARN, ERROR; TypeError for another duration,
        or what is no text.
        """
        title, text = _text(title, "title"), _text(text, "text")
        level = _level(level)
        now, wait_s = self._now(), _seconds(wait_duration)
        if title in self._last and now < self._last[title] + wait_s:
            self._held_back[title] = self._held_back.get(title, 0) + 1
            return
        self._last[title] = now
        self._send(Alert(title, text, level, now, self._run, self._held_back.pop(title, 0)))

    def stop(self) -> None:
        """Sinks have a few seconds for what is still on its way."""
        until = time.monotonic() + _FAREWELL_S
        for delivery in self._deliveries:
            delivery.stop(until)

    def _send(self, alert: Alert) -> None:
        if self._writer is not None:
            self._writer.note("alert", alert.facts())
        for delivery in self._deliveries:
            delivery.send(alert)


class _Delivery:
    """One sink and its thread, which is begun with the first alert, in each process anew."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: Queue[Alert | None] = Queue(_MOST_WAITING)
        self._thread: Thread | None = None
        self._owner = 0
        self._end = Event()

    def send(self, alert: Alert) -> None:
        """Never waits."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._queue = Queue(_MOST_WAITING)
            self._thread = Thread(target=self._work, name="art-alert", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait(alert)
        except Full:
            _log.warning("%s does not keep up: an alert is only in the store", self._sink.name)

    def stop(self, until: float) -> None:
        """What is on its way is waited for, nothing is tried again."""
        if self._thread is None or self._owner != os.getpid():
            return
        self._end.set()
        try:
            self._queue.put_nowait(None)
        except Full:
            pass
        self._thread.join(max(until - time.monotonic(), 0.0))
        if self._thread.is_alive():
            _log.warning("%s takes too long: an alert is only in the store", self._sink.name)

    def _work(self) -> None:
        while True:
            try:
                alert = self._queue.get(timeout=0.0 if self._end.is_set() else None)
            except Empty:
                return
            if alert is not None:
                self._deliver(alert)

    def _deliver(self, alert: Alert) -> None:
        for left in range(_TRIES - 1, -1, -1):
            try:
                self._sink.send(alert)
            except Exception as error:  # noqa: BLE001 - a sink is anybody's code, and this a thread
                # without what it says, which may hold the address and so its secret
                kind = type(error).__name__
                if not left or self._end.wait(_PAUSE_S):
                    _log.warning("%s took no alert: %s", self._sink.name, kind)
                    return
            else:
                return


def _text(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"an alert's {what} is text, not {type(given).__name__}")
    return given


def _level(level: str | AlertLevel | None) -> AlertLevel:
    if level is None:
        return AlertLevel.INFO
    try:
        return AlertLevel(level)
    except ValueError:
        raise ValueError(f"level must be one of INFO, WARN, ERROR, not {level!r}") from None


def _seconds(duration: float | timedelta | None) -> float:
    if duration is None:
        return _WAIT_S
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, int | float):
        return float(duration)
    raise TypeError(f"wait_duration must be seconds or a timedelta, not {duration!r}")
