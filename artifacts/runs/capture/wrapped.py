"""Wrapped: Python's standard streams, listened to by whoever writes to them."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable
from typing import Protocol, TextIO

_MOST_WAITING = 2**25  # characters; what is written faster than it is recorded is left out
STREAMS = ("stdout", "stderr")
_log = logging.getLogger(__name__)


class Tap(Protocol):
    """What hears what a process writes to its console, and lets it through at once."""

    def open(self) -> None:
        """From now on."""

    def take(self) -> list[tuple[str, str]]:
        """What came since the last time: stream, text."""

    def close(self) -> None:
        """Everything is as it was before; what is still to be taken stays."""


class Wrapped:
    """Hears `sys.stdout` and `sys.stderr` as they are now, tracebacks and logging included.

    Nothing of child processes or C libraries, and nothing of processes forked from this one.
    """

    def __init__(self) -> None:
        self._heard: deque[tuple[str, str]] = deque()
        self._waiting = self._left_out = 0  # characters
        self._owner = 0  # no process
        self._unwrap: list[Callable[[], None]] = []

    def open(self) -> None:
        """Any number of listeners may do so one over the other."""
        self._owner = os.getpid()
        for name in STREAMS:
            if (stream := getattr(sys, name)) is not None:
                self._wrap(name, stream)

    def take(self) -> list[tuple[str, str]]:
        """Of what came too fast only how much it was."""
        heard = []
        while self._heard:
            heard.append(self._heard.popleft())
        self._waiting = 0
        if self._left_out:
            heard.append(("stderr", f"\n… {self._left_out} characters were not recorded\n"))
            self._left_out = 0
        return heard

    def close(self) -> None:
        """Where somebody else listens over this one, it only hears no more."""
        self._owner = 0
        for unwrap in self._unwrap:
            unwrap()
        self._unwrap.clear()

    def _wrap(self, name: str, stream: TextIO) -> None:
        original = stream.write

        def write(text: str) -> int:
            written: int = original(text)
            if self._owner == os.getpid():
                self._hear(name, text)
            return written

        def unwrap() -> None:
            if getattr(stream, "write", None) is write:
                del stream.write
                if stream.write != original:  # others had wrapped it before
                    stream.write = original  # type: ignore[method-assign]

        try:
            stream.write = write  # type: ignore[method-assign]
        except AttributeError:
            _log.debug("sys.%s cannot be listened to", name)
        else:
            self._unwrap.append(unwrap)

    def _hear(self, name: str, text: str) -> None:
        """Never waits, and never holds more than it may."""
        if not isinstance(text, str):
            return  # the stream has refused it
        if self._waiting > _MOST_WAITING:
            self._left_out += len(text)
        else:
            self._waiting += len(text)
            self._heard.append((name, text))
