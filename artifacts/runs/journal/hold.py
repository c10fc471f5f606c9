"""Hold: the right to write a run's journal, or to deliver it. It ends with its process."""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "journal.lock"
_PROCESS = secrets.token_hex(8)  # for pids come again, in a container at once


class Hold:
    """Of one run's folder. Raises BlockingIOError if another process has it.

    Where the disk has no locks, the file says who has it, and only whether a process of this
    machine is alive is known: one of another machine keeps nobody out.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self.is_sure = self._is_locked()
            """Whether no machine at all has it besides."""
            if not self.is_sure:
                self._claim()
        except OSError:
            os.close(self._fd)
            raise

    def close(self, *, is_child: bool = False) -> None:
        """In a forked child the parent's hold lasts."""
        if self._fd >= 0:
            if not is_child:
                with suppress(OSError):
                    self._release()
            fd, self._fd = self._fd, -1
            os.close(fd)

    def _is_locked(self) -> bool:
        """False if it cannot be."""
        if fcntl is None:
            return False
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return False
        return True

    def _claim(self) -> None:
        mine: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid()}
        mine["process"] = _PROCESS
        holder = self._holder()
        is_another = holder.get("host") == mine["host"] and holder.get("pid") != mine["pid"]
        if holder == mine or (is_another and can_ask() and is_alive(holder["pid"])):
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self._say(json.dumps(mine).encode())

    def _holder(self) -> dict[str, Any]:
        """Nobody, if the file says nothing that has a meaning."""
        try:
            found = json.loads(os.read(self._fd, 2**12))
        except (ValueError, RecursionError):
            return {}
        pid = found.get("pid") if isinstance(found, dict) else None
        return found if isinstance(pid, int) and 0 < pid < 2**31 else {}

    def _say(self, holder: bytes) -> None:
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, holder)

    def _release(self) -> None:
        if self.is_sure:
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # also where a child has it open
        else:
            self._say(b"")


def is_held(folder: Path) -> bool:
    """Whether a process has it now, because it writes the journal or delivers it."""
    if not (folder / LOCK).exists():
        return False
    try:
        Hold(folder).close()
    except BlockingIOError:
        return True
    return False


def can_ask() -> bool:
    """Whether a process can be asked if it is alive: on Windows that would be a signal."""
    return os.name != "nt"


def is_alive(pid: int) -> bool:
    """Of this machine, as far as can be known."""
    if not pid or not can_ask():
        return bool(pid)
    try:
        os.kill(pid, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # or it is somebody else's
    return True
