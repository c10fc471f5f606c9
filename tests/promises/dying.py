"""Dying: processes that are killed at a chosen moment of their work, as by a power cut."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

import pytest

from artifacts.storage import LocalStore, opening
from artifacts.testing import KillingStore

Act: TypeAlias = Callable[..., object]
Moment: TypeAlias = Literal["before", "after"]

_FORKS = get_context("forkserver")  # imports once, then forks: a process costs some milliseconds
_FORKS.set_forkserver_preload(["artifacts.runs", "artifacts.testing", "tempfile", "zstandard"])
_CHANGES = ("fsync", "link", "mkdir", "rename", "replace", "rmdir", "unlink", "write")


def dies(act: Act, *arguments: object) -> bool:
    """Whether a process that does this is killed before it has done it."""
    process = _FORKS.Process(target=act, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"it failed: {process.exitcode}"
    return process.exitcode != 0


def at_store_call(at: int, moment: Moment, act: Act, *arguments: object) -> None:
    """Act, but die before or after the call number `at` of the store."""

    def open_to_die(path: str) -> KillingStore:
        return KillingStore(LocalStore(Path(path)), at, before=moment == "before")

    with without_waiting_for_the_disk() as patch:
        patch.setattr(opening, "_at_path", open_to_die)
        act(*arguments)


def at_system_call(at: int, act: Act, *arguments: object) -> None:
    """Act, but die at the change number `at` of the disk: before it, or in the midst of a write."""
    _act_watched(_Moments(at), act, *arguments)


def system_calls(answer: Path, act: Act, *arguments: object) -> int:
    """How many changes of the disk it takes to act; a file in which to answer is needed."""
    assert not dies(_count, answer, act, *arguments)
    return int(answer.read_text())


def spread(total: int, most: int) -> Sequence[int]:
    """The numbers from 1 to `total`, or `most` of them, evenly."""
    count = min(total, most)
    return [1 + i * total // count for i in range(count)]


@contextmanager
def without_waiting_for_the_disk() -> Iterator[pytest.MonkeyPatch]:
    """Whoever is killed loses nothing that the system was given, synced or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield patch


def _count(answer: Path, act: Act, *arguments: object) -> None:
    moments = _Moments(0)
    _act_watched(moments, act, *arguments)
    answer.write_text(str(moments.count))


def _act_watched(moments: _Moments, act: Act, *arguments: object) -> None:
    with without_waiting_for_the_disk() as patch:
        for name in _CHANGES:
            patch.setattr(os, name, moments.watched(getattr(os, name)))
        patch.setattr(os, "open", moments.watched_open(os.open))
        act(*arguments)


class _Moments:
    """Counts over all threads, and kills at the one that was asked for."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at
        self._lock = Lock()
        self._write = os.write

    def watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            if self._is_due():
                if call is self._write:
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return act

    def watched_open(self, call: Callable[..., int]) -> Callable[..., int]:
        """To open for reading changes nothing."""
        create = self.watched(call)

        def act(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            wanted = create if flags & os.O_CREAT else call
            return int(wanted(path, flags, *arguments, **options))

        return act

    def _is_due(self) -> bool:
        with self._lock:
            self.count += 1
            return self.count == self._at
