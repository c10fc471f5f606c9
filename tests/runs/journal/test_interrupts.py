"""Interrupts: Ctrl-C at any call of a journal, while its disk fills and empties, harms no row."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType

import pytest

from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.reading import OwnReading, Reading

ABOUT = {"entity": "e", "project": "p", "run": "abc", "store": "s"}
TURNS = (1, 2, 7)  # of each place in the code, those at which it is interrupted


class Interrupt:
    """Raises once, as a signal's handler does: when a function begins, or one of C has ended."""

    def __init__(self, at: int = 0) -> None:
        """At the call of that number; 0 for none, and `places` then tells where each was."""
        self._at, self._count = at, 0
        self.places: list[tuple[CodeType, int, str]] = []

    def during(self, act: Callable[[], None]) -> bool:
        """Whether it came then."""
        sys.setprofile(self._hear)
        try:
            act()
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(None)
        return False

    def _hear(self, frame: FrameType, event: str, _: object) -> None:
        if event not in ("call", "c_return") or "journal" not in frame.f_code.co_filename:
            return
        self._count += 1
        if not self._at:
            self.places.append((frame.f_code, frame.f_lineno, event))
        elif self._count == self._at:
            raise KeyboardInterrupt


class Disk:
    """Has room, or has none."""

    def __init__(self) -> None:
        self.is_full, self.now_s = False, 0.0
        self._allocate = os.posix_fallocate

    def allocate(self, fd: int, start: int, length: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._allocate(fd, start, length)

    def becomes(self, *, full: bool) -> None:
        """And a journal that waits for it asks anew."""
        self.is_full, self.now_s = full, self.now_s + 2


class Life:
    """A journal, what was written to it, and what a store that takes all of it has."""

    def __init__(self, folder: Path, disk: Disk, interrupt: Interrupt) -> None:
        self._folder, self._interrupt = folder, interrupt
        self._journal = Journal(folder, ABOUT, lambda: disk.now_s)
        self._reading, self._position = OwnReading(self._journal), 0
        self.written, self.doubtful = 0, set[int]()
        self.stored: list[int] = []

    def write(self, count: int, size: int = 2**13) -> None:
        for number in range(self.written, self.written + count):
            line = b"%04d" % number + b"x" * size
            if self._interrupt.during(lambda line=line: self._journal.write(line)):  # type: ignore[misc]
                self.doubtful.add(number)
        self.written += count

    def deliver(self) -> None:
        self._reading.seek(self._position)
        self._take(self._reading)
        self._reading.delete_before(self._position)
        self._interrupt.during(lambda: self._journal.release(self._position))

    def end(self) -> None:
        while self._journal.is_open:
            self._interrupt.during(self._journal.close)
        self._reading.close()
        rest = Reading(self._folder, "abc")
        rest.seek(self._position)
        self._take(rest)
        rest.close()

    def _take(self, reading: Reading) -> None:
        while lines := reading.next():
            self.stored += [int(line[:4]) for line in lines]
            self._position += len(lines)


def test_each_row_is_stored_once_wherever_an_interrupt_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    never = Interrupt()
    assert lived(tmp_path / "0", monkeypatch, never).stored

    turns: Counter[tuple[CodeType, int, str]] = Counter()
    for at, place in enumerate(never.places, 1):
        turns[place] += 1
        if turns[place] in TURNS:
            life = lived(tmp_path / str(at), monkeypatch, Interrupt(at))
            wanted = {*range(life.written)} - life.doubtful
            assert life.stored == sorted({*life.stored}), place
            assert wanted <= {*life.stored}, place


def lived(folder: Path, monkeypatch: pytest.MonkeyPatch, interrupt: Interrupt) -> Life:
    disk = Disk()
    monkeypatch.setattr(os, "posix_fallocate", disk.allocate)
    life = Life(folder, disk, interrupt)
    life.write(3)
    life.deliver()
    life.write(2)
    disk.becomes(full=True)
    life.write(9)
    life.write(2, size=10)
    life.deliver()
    life.write(7)
    life.deliver()
    disk.becomes(full=False)
    life.write(2)
    disk.becomes(full=True)
    life.write(40)
    life.deliver()
    life.write(2)
    disk.becomes(full=False)
    life.deliver()
    life.write(12)
    life.end()
    monkeypatch.undo()
    return life
