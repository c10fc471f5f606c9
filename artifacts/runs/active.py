"""Active: the one run of a process, and what becomes of it when the process ends."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable, Collection
from types import TracebackType
from typing import NoReturn
from weakref import WeakSet

from artifacts.errors import UsageError
from artifacts.runs.run import Run

_INTERRUPTED = 255  # W&B's exit code of a run that Ctrl-C ended
_active: list[Run] = []
"""W&B promises one run in a process at most; this is where it is."""

_left: list[Run] = []
"""Of the parent, in a forked child."""

_unlike: WeakSet[Run] = WeakSet()
"""Those that `init` returned though another was asked for, and said so."""

_log = logging.getLogger(__name__)


def active_run() -> Run | None:
    """The run that `init` began and nobody finished; in a forked child there is none."""
    return _active[-1] if _active and _active[-1].is_here else None


def known_run() -> Run | None:
    """The active run; in a forked child without one of its own that of its parent."""
    return active_run() or (_left[-1] if _left else None)


def require_run(method: str) -> Run:
    """As `known_run`. Raises UsageError if there is none."""
    run = known_run()
    if run is None:
        raise UsageError(f"You must call artifacts.init() before artifacts.{method}()")
    return run


def activate(run: Run) -> None:
    """Until it is finished, which the end of the process sees to."""
    _active.append(run)
    run.ended.append(lambda: _active.remove(run))
    _ending.install()


def tell_unlike(run: Run, others: Collection[str]) -> None:
    """That `init` returns the active run, although it was given `others`; once for each run."""
    if others and run not in _unlike:
        _unlike.add(run)
        told = (
            "init() returns the run %s, which is active: %s of the call count for nothing; "
            "reinit='finish_previous' finishes it and begins another"
        )
        _log.warning(told, run.path, ", ".join(others))


class Ending:
    """How the process ends: with which exit code, and by which error."""

    def __init__(self) -> None:
        self._exit_code = 0
        self._error: BaseException | None = None
        self._is_installed = False

    def install(self) -> None:
        """From now on; again does nothing."""
        if self._is_installed:
            return
        self._is_installed = True
        self._hook, self._exit = sys.excepthook, sys.exit
        sys.excepthook = self._raised
        sys.exit = self._exited
        # before threads end: afterwards nothing can be stored by several any more
        register: Callable[[Callable[[], None]], object]
        register = getattr(threading, "_register_atexit", atexit.register)
        register(self._over)

    def _raised(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self._exit_code = _INTERRUPTED if issubclass(kind, KeyboardInterrupt) else 1
        self._error = error
        self._hook(kind, error, trace)

    def _exited(self, code: object = None) -> NoReturn:
        self._exit_code = code if isinstance(code, int) else int(code is not None)
        self._exit(code)  # type: ignore[arg-type]

    def _over(self) -> None:
        run = active_run()
        if run is not None:
            run.end(self._exit_code, self._error)


_ending = Ending()


def _leave() -> None:
    for run in _active:
        run.leave()
    _left.extend(_active)
    _active.clear()


os.register_at_fork(after_in_child=_leave)
