"""Companion: a process of ours beside this one, for work that keeps an interpreter busy.

Threads of one interpreter take turns at all but the kernel's work; for small files that is most
of it. A companion sees nothing of the user's program, nor of the terminal, asks nobody anything,
and ends with its owner. It is a help and never needed: what it does not do is done without it.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from artifacts.answering import receive, send

Task: TypeAlias = Callable[[bytes], bytes]
"""What a request is answered with: a function of a module that loads fast."""

_START = (
    "import sys; _, task, *sys.path = sys.argv; from artifacts.answering import serve; serve(task)"
)
_PATIENCE_S = 300.0  # with one answer


class Companion:
    """Answers one request after the other. One thread of its owner uses it at a time."""

    def __init__(self, task: Task) -> None:
        """Raises OSError."""
        name = f"{task.__module__}:{task.__qualname__}"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _START, name, *map(str, sys.path)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what Ctrl-C means its owner decides
        )
        self._owner = os.getpid()
        self.is_lost = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def answer(self, request: bytes) -> bytes | None:
        """None if it has ended, or is silent for minutes: then it is lost."""
        if self.is_lost:
            return None
        reading, writing = self._process.stdout, self._process.stdin
        assert reading is not None
        assert writing is not None
        found = None
        with suppress(OSError):  # as it has ended
            send(writing.fileno(), request)
            if _is_readable(reading.fileno()):
                found = receive(reading.fileno())
        if found is None:
            self.close()
        return found

    def close(self) -> None:
        """It ends at once, whatever it is doing. A forked child leaves it to its owner."""
        self.is_lost = True
        if os.getpid() == self._owner:
            with self._process:  # closes the pipes, and waits
                self._process.kill()


def companions(task: Task, most: int) -> list[Companion]:
    """As many as there are processors that would otherwise do nothing; none where none can be."""
    found: list[Companion] = []
    if _can_be():
        with suppress(OSError):  # no memory, or no more processes
            while len(found) < min(most, len(os.sched_getaffinity(0)) - 1):
                found.append(Companion(task))
    return found


def _can_be() -> bool:
    """Only on Linux, and only where what runs this process would run another one likewise."""
    is_python = os.path.basename(sys.executable or "").startswith("python")
    return sys.platform == "linux" and is_python and not hasattr(sys, "frozen")


def _is_readable(fd: int) -> bool:
    """Also when nothing will come."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(_PATIENCE_S * 1000))
