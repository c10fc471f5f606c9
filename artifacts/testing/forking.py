"""Forking: what a forked child does, while threads of its parent wait for their store."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from threading import Event

from artifacts.storage import MemoryStore

_HUNG_S = 20


def is_true_in_child(statement: Callable[[], bool]) -> bool:
    """Whether a forked child finds it true. False, too, for one that raises or hangs."""
    if not (child := os.fork()):
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_HUNG_S)
            os._exit(0 if statement() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


class GatedStore(MemoryStore):
    """Far away. While `gate` is clear, reads in the process that made it wait: `waiting` counts."""

    def __init__(self, name: str = "gated") -> None:
        super().__init__(name)
        self.gate = Event()
        self.gate.set()
        self.waiting = 0
        self._pid = os.getpid()

    @property
    def concurrency(self) -> int:
        return 8

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if os.getpid() == self._pid and not self.gate.is_set():
            self.waiting += 1
            self.gate.wait()
        return super().read(key, start, length)
