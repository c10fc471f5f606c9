"""Companion: a process of ours beside this one, for work that keeps an interpreter busy.

Threads of one interpreter take turns at all but the kernel's work; for small files that is most
of it. A companion sees nothing of the user's program, nor of the terminal, asks nobody anything,
and ends with its owner. It is a help and never needed: what it does not do is done without it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import TypeAlias

from artifacts.answering import message, received

Task: TypeAlias = Callable[[bytes], bytes]
"""What a request is answered with: a function of a module that loads fast."""

_START = (
    "import sys; _, task, *sys.path = sys.argv; from artifacts.answering import serve; serve(task)"
)
_PATIENCE_S = 300.0  # with a request, and with each part of an answer
_ENDING_S = 10.0  # for the kernel to end what was killed: on a disk that hangs it cannot
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # which might end a program, if one has ended


class Companion:
    """Answers one request after the other. One thread of its owner uses it at a time."""

    def __init__(self, task: Task) -> None:
        """Raises OSError."""
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(_PATIENCE_S)
        name = f"{task.__module__}:{task.__qualname__}"
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _START, name, *map(str, sys.path)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # what Ctrl-C means its owner decides
                )
        except OSError:
            self._socket.close()
            raise
        self._owner = os.getpid()
        self._asking = Lock()
        self.is_lost = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def answer(self, request: bytes) -> bytes | None:
        """None if it has ended, or is silent for minutes: then it is lost."""
        found = None
        with self._asking, suppress(OSError):
            self._socket.sendall(message(request), _NO_SIGNAL)
            found = received(self._socket.recv)
        if found is None:
            self.close()
        return found

    def close(self) -> None:
        """End it, whatever it is doing. A forked child leaves it to its owner."""
        self.is_lost = True
        if os.getpid() == self._owner:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDING_S)
        with self._asking:  # whoever is, hears of its end
            self._socket.close()


def companions(task: Task, most: int) -> Iterator[Companion]:
    """As many as there are processors that would otherwise do nothing; none where none can be."""
    if _can_be():
        with suppress(OSError):  # no memory, or no more processes
            for _ in range(min(most, len(os.sched_getaffinity(0)) - 1)):
                yield Companion(task)


def _can_be() -> bool:
    """Only on Linux, and only where what runs this process would run another one likewise."""
    is_python = os.path.basename(sys.executable or "").startswith("python")
    return sys.platform == "linux" and is_python and not hasattr(sys, "frozen")
