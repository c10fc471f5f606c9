"""Dying: processes that are killed at a chosen moment of their work, as by a power cut."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import Literal, ParamSpec, TypeAlias, TypeVar

import pytest

from artifacts.storage import LocalStore, opening
from artifacts.testing import KillingStore

P = ParamSpec("P")
T = TypeVar("T")
Act: TypeAlias = Callable[..., object]
Moment: TypeAlias = Literal["before", "after"]

FORKS = get_context("forkserver")  # imports once, then forks: a process costs some milliseconds
FORKS.set_forkserver_preload(["artifacts.runs", "artifacts.testing", "tempfile", "zstandard"])
_CHANGES = ("fsync", "link", "mkdir", "rename", "replace", "rmdir", "unlink")


def dies(act: Act, *arguments: object) -> bool:
    """Whether a process that does this is killed before it has done it."""
    process = FORKS.Process(target=act, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"it failed: {process.exitcode}"
    return process.exitcode != 0


def at_store_call(at: int, moment: Moment, act: Act, *arguments: object) -> None:
    """Act, but die before or after the call number `at` of the store."""

    def open_to_die(path: str) -> KillingStore:
        return KillingStore(LocalStore(Path(path)), at, before=moment == "before")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_at_path", open_to_die)
        act(*arguments)


def at_system_call(at: int, act: Act, *arguments: object) -> None:
    """Act, but die at the change number `at` of the disk: before it, or in the midst of a write."""
    _act_watched(_Moments(at), act, *arguments)


def count_system_calls(answer: Path, act: Act, *arguments: object) -> int:
    """How many changes of the disk it takes to act; a file in which to answer is needed."""
    assert not dies(_count, answer, act, *arguments)
    return int(answer.read_text())


def spread(total: int, most: int) -> Sequence[int]:
    """The numbers from 1 to `total`, or `most` of them, evenly."""
    count = min(total, most)
    return [1 + i * total // count for i in range(count)]


def _count(answer: Path, act: Act, *arguments: object) -> None:
    moments = _Moments(0)
    _act_watched(moments, act, *arguments)
    answer.write_text(str(moments.count))


def _act_watched(moments: _Moments, act: Act, *arguments: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in _CHANGES:
            patch.setattr(os, name, moments.watched(getattr(os, name)))
        patch.setattr(os, "write", moments.watched_write(os.write))
        patch.setattr(os, "open", moments.watched_open(os.open))
        act(*arguments)


class _Moments:
    """Counts over all threads, and kills at the one that was asked for."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at
        self._lock = Lock()

    def watched(self, call: Callable[P, T]) -> Callable[P, T]:
        def act(*arguments: P.args, **options: P.kwargs) -> T:
            if self._is_due():
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return act

    def watched_write(self, write: Callable[[int, memoryview], int]) -> Act:
        def act(descriptor: int, data: memoryview) -> int:
            if self._is_due():
                write(descriptor, data[: len(data) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return write(descriptor, data)

        return act

    def watched_open(self, call: Callable[..., int]) -> Act:
        """To open for reading changes nothing."""
        create = self.watched(call)

        def act(path: str, flags: int, *mode: int, **options: int | None) -> int:
            wanted = create if flags & os.O_CREAT else call
            return wanted(path, flags, *mode, **options)

        return act

    def _is_due(self) -> bool:
        with self._lock:
            self.count += 1
            return self.count == self._at
