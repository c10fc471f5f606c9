"""Journal: what a run says, written ahead of its store. It outlives the process."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

from artifacts.runs.journal.files import Files
from artifacts.runs.journal.line import MOST_ROW_BYTES, encoded, row_bytes
from artifacts.runs.journal.overflow import Overflow

_RETRY_S = 1.0  # after the disk was full
_HURRY_BYTES = 2**20  # in memory, from which on they are sent without delay
_log = logging.getLogger(__name__)

About: TypeAlias = Mapping[str, Any]
"""What the first line says: entity, project, run and store."""


class Journal:
    """Any number of threads may write; each record is whole, or not there.

    Where the disk has no room, records are kept in memory until it has, or until `release` says
    that they are sent.
    """

    def __init__(
        self,
        folder: Path,
        about: About,
        clock: Callable[[], float] = time.time,
        *,
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        """A new one in a folder of its own, which is made if that can be.

        `hurry` is called when much is in memory. Raises BlockingIOError if somebody has the folder.
        """
        self.folder = folder
        self.id = secrets.token_hex(16)
        self.about: dict[str, Any] = {"journal": 1, "id": self.id, **about}
        """What the first line of a file says, but for the number of its first record."""
        self._clock, self._hurry = clock, hurry
        self._lock = RLock()  # a signal's handler may write, too
        self._pid = os.getpid()
        self._files = Files(folder, self.about)
        self._put_in_file = self._files.put
        self._retry_at = 0.0
        self._is_losing = self._has_hurried = False
        self._overflow: Overflow | None = None  # while the disk is full
        self._waiting: deque[bytes] = deque()
        self._is_open, self._is_putting, self._is_closing = True, False, False
        try:
            self._files.take()
        except BlockingIOError:
            raise
        except OSError as error:
            self._fill_up(error)
        self._begin_file()

    def row(self, step: int, values: Mapping[str, Any]) -> float:
        """Of `history`, and its time. Not written by a process that was forked.

        Raises InvalidError for one that is too long; then nothing is written.
        """
        now = self._clock()
        line = encoded((now, step, values))
        if len(line) > MOST_ROW_BYTES:
            row_bytes(values)
        self.write(line)
        return now

    def write(self, line: bytes) -> None:
        """One record, as `encoded` gave it."""
        with self._lock:
            self._waiting.append(line)
            self._put_waiting()

    def close(self) -> None:
        """Nothing can be written any more; the file is as long as what it holds."""
        with self._lock:
            if self._is_putting:
                self._is_closing = True  # once the write is done that was interrupted by this
                return
            self._put_waiting()
            if self.is_open:
                self._save_overflow()
                self._files.stop()
                self._is_open = False
            if self._pid == os.getpid():
                self._files.close()

    @property
    def count(self) -> int:
        """Records so far, without those that are lost."""
        overflow = self._overflow
        there = self._files.next if overflow is None else overflow.next
        return there + len(self._waiting)

    @property
    def is_open(self) -> bool:
        return self._is_open and self._pid == os.getpid()

    @property
    def has_overflow(self) -> bool:
        """Whether there are records that are in memory alone."""
        return bool(self._overflow)

    def kept(self, position: int, most: int, records: int) -> list[bytes]:
        """Records from that number on that are in memory alone, of about so many bytes."""
        with self._lock:
            return self._overflow.lines(position, most, records) if self._overflow else []

    def release(self, position: int) -> None:
        """All before that record is in the store: where the disk is full, it need not be kept."""
        with self._lock:
            if self._overflow is None or self._is_putting or not self.is_open:
                return
            self._is_putting = True
            try:
                self._overflow.forget(position)
                self._has_hurried = False
                self._is_losing = self._is_losing and bool(self._overflow)
                if position >= self._files.next:
                    self._files.empty()
                self._retry_at = 0.0
                self._begin_file()
            finally:
                self._is_putting = False
            self._put_waiting()

    def leave(self) -> None:
        """In a forked child: from now on nothing is written, and nothing held."""
        self._lock = RLock()  # the parent's may be held by a thread that is not here
        self._is_open = False
        self._waiting.clear()
        self._overflow = None
        self._is_putting = False
        self._files.leave()

    def _put_waiting(self) -> None:
        """All in order; what a signal's handler writes meanwhile comes after."""
        while self._waiting and not self._is_putting:
            self._is_putting = True
            try:
                while self._waiting:
                    line = self._waiting[0]
                    if self._put_in_file(line):
                        self._waiting.popleft()
                    else:
                        self._put_elsewhere(line)
            finally:
                self._is_putting = False
        if self._is_closing and not self._is_putting:
            self._is_closing = False
            self.close()

    def _put_elsewhere(self, line: bytes) -> None:
        """In memory, unless there is a new file for it. Interrupted by an error, it is done again.

        No call comes between the keeping and the end of the waiting, so nothing does.
        """
        if self._begin_file(len(line)):
            return
        overflow, now = self._overflow, self._clock()
        if not self.is_open or overflow is None:
            self._waiting.popleft()
            return
        has_room = overflow.keep(line, now)
        self._waiting.popleft()
        self._tell_of(overflow, has_room=has_room)

    def _tell_of(self, overflow: Overflow, *, has_room: bool) -> None:
        """What has no room in memory either is lost, which is told again when there is room."""
        if not has_room and not self._is_losing:
            self._is_losing = True
            told = "what run %s logs is lost: neither %s nor memory has room for it"
            _log.error(told, self.about["run"], self.folder)
        if overflow.size > _HURRY_BYTES and not self._has_hurried:
            self._has_hurried = True
            self._hurry()

    def _begin_file(self, length: int = 0) -> bool:
        """All that is in memory goes there, and so many bytes more; whether the disk takes it."""
        if not self.is_open or self._clock() < self._retry_at:
            return False
        overflow = self._overflow
        try:
            if overflow is None:
                self._files.begin(self._files.next, [], length)
            else:
                self._files.begin(overflow.first, overflow.all(), length)
        except OSError as error:
            self._fill_up(error)
            return False
        self._overflow = None  # no call comes between, or an interrupt could keep it twice
        self._is_losing = self._has_hurried = False
        if overflow is not None:
            _log.error("there is room in %s again", self.folder)
        return True

    def _fill_up(self, error: OSError) -> None:
        """Interrupted by an error, it is done again."""
        retry_at = self._clock() + _RETRY_S
        if self._overflow is None:
            self._files.stop()
            self._overflow = Overflow(self._files.next)
            told = "%s takes no more of run %s (%s): what it logs is in memory until it is sent"
            _log.error(told, self.folder, self.about["run"], error.strerror)
        self._retry_at = retry_at

    def _save_overflow(self) -> None:
        """The disk is asked a last time; what it does not take is lost."""
        self._retry_at = 0.0
        if (overflow := self._overflow) and not self._begin_file():
            told = "%d records of run %s are lost: neither %s nor its store took them"
            _log.error(told, len(overflow), self.about["run"], self.folder)
