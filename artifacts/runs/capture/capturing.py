"""Capture: all that is recorded of one run beside what it logs, in one thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from artifacts.runs.capture.console import Console
from artifacts.runs.capture.description import Description
from artifacts.runs.capture.piece import NEVER, Piece, Recorder
from artifacts.runs.capture.redirected import Redirected, can_redirect
from artifacts.runs.capture.system import System
from artifacts.runs.capture.wrapped import Tap, Wrapped
from artifacts.settings import Settings

_FAREWELL_S = 30.0  # that work which is under way is waited for
_log = logging.getLogger(__name__)


class Capture:
    """Begun by `start_capture`, ended by `stop`. Nothing that fails here reaches the run."""

    def __init__(self, pieces: Sequence[Piece], console: Console | None = None) -> None:
        self._pieces = [*pieces]
        self._console = console
        self._owner = os.getpid()
        self._is_started = False
        self._end = Event()
        self._thread = Thread(target=self._work, name="art-capture", daemon=True)

    def start(self, writer: Recorder) -> None:
        """What was printed since the capture began to listen comes first."""
        self._is_started = True
        for piece in self._pieces:
            piece.start(writer)
        if self._pieces:
            self._thread.start()

    def listen(self) -> None:
        """Hear what is printed; nothing else happens, and nothing is kept, before it is started."""
        if self._console:
            self._console.listen()

    def stop(self, exit_code: int = 0, error: BaseException | None = None) -> None:
        """Everything is recorded, and nothing listens any more; the traceback of an error as well.

        Again, or in a process that was forked from the run's, it does nothing.
        """
        if self._owner != os.getpid() or self._end.is_set():
            return
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(_FAREWELL_S)
        if not self._is_started:
            if self._console:
                self._console.stop()
            return
        if error is not None and self._console:
            self._console.fail(error)
        for piece in self._pieces:
            self._do(piece.stop)

    def _work(self) -> None:
        due = dict.fromkeys(self._pieces, 0.0)
        while not self._end.is_set():
            for piece, when in due.items():
                if when <= monotonic() and not self._end.is_set():
                    due[piece] = monotonic() + self._do(piece.work)
            soonest = min(due.values())
            self._end.wait(None if soonest == NEVER else max(soonest - monotonic(), 0.0))

    @staticmethod
    def _do(act: Callable[[], float | None]) -> float:
        try:
            return act() or 0.0
        except Exception:  # noqa: BLE001 - the thread's outermost line: recording ends no run
            _log.warning("a part of what is recorded of the run is missing", exc_info=True)
            return NEVER


def start_capture(settings: Settings, writer: Recorder, folder: Path) -> Capture:
    """Record what the settings want of this process, from now on."""
    capture = begin_capture(settings, folder)
    capture.start(writer)
    return capture


def begin_capture(settings: Settings, folder: Path) -> Capture:
    """Listens; it records as soon as it is started. `folder` holds the run's files.

    The caller waits for next to nothing: all else happens in a thread.
    """
    console = _console(settings, folder)
    pieces: list[Piece] = [console] if console else []
    pieces.append(Description(settings, folder))
    if not settings.x_disable_stats:
        pieces.append(_system(settings))
    capture = Capture(pieces, console)
    capture.listen()
    return capture


def _console(settings: Settings, folder: Path) -> Console | None:
    if settings.console == "off":
        return None
    wants_all = settings.console in ("redirect", "wrap_emu")
    tap: Tap = Redirected(folder.parent) if wants_all and can_redirect() else Wrapped()
    return Console(tap, folder)


def _system(settings: Settings) -> System:
    gpus = settings.x_stats_gpu_device_ids
    return System(
        settings.x_stats_sampling_interval,
        int(settings.x_stats_pid) if settings.x_stats_pid else None,
        settings.x_stats_disk_paths or ("/",),
        [int(gpu) for gpu in gpus] if gpus else None,
    )
