"""Redirected: file descriptors 1 and 2, listened to by a process of their own.

A thread that passed the bytes on would need the interpreter: a C library that prints while it
holds it would wait for ever, and what a dying process says last would be lost with it. So `tee`
passes them on, into a file that is read from time to time.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
from codecs import getincrementaldecoder
from contextlib import ExitStack, suppress
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from artifacts.runs.capture.wrapped import STREAMS

_FAREWELL_S = 1.0  # that children which still print are waited for
_LONGEST = 2**26  # bytes of a file, after which another is begun
_READ = 2**20
_GROUP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTOU", "SIGTSTP")  # not meant for a listener
_log = logging.getLogger(__name__)


def can_redirect() -> bool:
    """Whether this system has what it takes."""
    return hasattr(os, "posix_spawn") and shutil.which("tee") is not None


class Redirected:
    """Hears this process, its children and C libraries, and what they say as they die."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tees: list[_Tee] = []
        self._owner = 0
        self._begun = 0  # files

    def open(self) -> None:
        """A descriptor that is closed is left alone."""
        self._owner = os.getpid()
        self._folder.mkdir(parents=True, exist_ok=True)
        _flush()
        for place, name in enumerate(STREAMS):
            with suppress(OSError):
                self._tees.append(_Tee.on(name, place + 1, self._path(name)))

    def take(self) -> list[tuple[str, str]]:
        """A file that grew too long is followed by another, which is read after it."""
        heard: list[tuple[str, str]] = []
        unfinished: set[str] = set()
        for tee in [*self._tees]:
            if tee.name in unfinished:
                continue
            is_last = tee.is_over() or not self._owner
            heard.append((tee.name, tee.read(is_last=is_last)))
            if is_last:
                self._tees.remove(tee)
            elif tee.is_ending():
                unfinished.add(tee.name)
            elif tee.is_open and tee.size > max(tee.least, _LONGEST):
                try:
                    self._tees.append(tee.followed_by(self._path(tee.name)))
                except OSError:  # there can be no other now: this one goes on
                    tee.least = 2 * tee.size
        return [(name, text) for name, text in heard if text]

    def close(self) -> None:
        """Both descriptors lead where they did. What children go on printing is passed on."""
        if self._owner != os.getpid():
            return
        self._owner = 0
        _flush()
        for tee in self._tees:
            tee.close()
        until = monotonic() + _FAREWELL_S
        while not all([tee.is_over() for tee in self._tees]):  # noqa: C419 - each is asked
            if monotonic() > until:
                _log.info("a child process still prints: what follows is not recorded")
                return
            sleep(0.002)

    def _path(self, name: str) -> Path:
        self._begun += 1
        return self._folder / f".{name}-{os.getpid()}-{self._begun}"


class _Tee:
    """One descriptor, and the process that passes on what is written to it."""

    def __init__(self, name: str, descriptor: int, original: int, path: Path) -> None:
        """What is written to `descriptor` from now on is passed on to `original`."""
        self.name, self.descriptor = name, descriptor
        self.size, self.least = 0, 0
        self._path = path
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self.is_open, self._is_over = True, False
        self._ended_s = -inf
        self._original = original
        with ExitStack() as failed:
            self._file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
            failed.callback(path.unlink)
            failed.callback(os.close, self._file)
            far, near = _terminal_like(original) if os.isatty(original) else os.pipe()
            try:
                self._process = _spawn_tee(far, original, path)
                os.dup2(near, descriptor)  # which children inherit
            finally:
                os.close(near)
                os.close(far)
            failed.pop_all()

    @classmethod
    def on(cls, name: str, descriptor: int, path: Path) -> Self:
        """Raises OSError."""
        original = os.dup(descriptor)
        try:
            return cls(name, descriptor, original, path)
        except OSError:
            os.close(original)
            raise

    def followed_by(self, path: Path) -> _Tee:
        """Another takes its place, and not a byte passes between them. Raises OSError."""
        after = _Tee(self.name, self.descriptor, self._original, path)
        self.is_open, self._ended_s = False, monotonic()
        return after

    def is_ending(self) -> bool:
        """Whether what was said before another took its place may still be on its way.

        No longer than it takes: a child may hold the place for ever.
        """
        return monotonic() - self._ended_s < _FAREWELL_S

    def is_over(self) -> bool:
        """Whether nobody writes any more, and all of it can be read."""
        if not self._is_over:
            try:
                self._is_over = os.waitpid(self._process, os.WNOHANG)[0] != 0
            except ChildProcessError:  # somebody waited for any child, and got this one
                self._is_over = True
        return self._is_over

    def read(self, *, is_last: bool) -> str:
        """What is there by now. The file goes with the last of it."""
        parts = []
        while data := os.read(self._file, _READ):
            self.size += len(data)
            parts.append(self._decoder.decode(data))
        if is_last:
            parts.append(self._decoder.decode(b"", final=True))
            os.close(self._file)
            self._path.unlink(missing_ok=True)
        return "".join(parts)

    def close(self) -> None:
        """The descriptor leads where it did."""
        if self.is_open:
            self.is_open = False
            os.dup2(self._original, self.descriptor)
            os.close(self._original)


def _spawn_tee(source: int, destination: int, path: Path) -> int:
    """In a group of its own, so that an interrupt of ours is not its end."""
    return os.posix_spawn(
        str(shutil.which("tee")),
        ["tee", "-a", str(path)],
        {},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, source, 0),
            (os.POSIX_SPAWN_DUP2, destination, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,
        setsigmask=[getattr(signal, name) for name in _GROUP_SIGNALS],
    )


def _terminal_like(descriptor: int) -> tuple[int, int]:
    """A terminal in place of one, of its size: what is printed looks as it would there."""
    import fcntl
    import termios

    far, near = os.openpty()
    size = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(near, termios.TIOCSWINSZ, size)
    modes = termios.tcgetattr(near)
    modes[1] &= ~termios.OPOST  # the real one puts a carriage return before each line feed
    termios.tcsetattr(near, termios.TCSANOW, modes)
    return far, near


def _flush() -> None:
    """What Python and C hold back belongs before, or after."""
    import ctypes

    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    ctypes.CDLL(None).fflush(None)
