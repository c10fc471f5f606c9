"""Steps: which row is open, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from artifacts.runs.journal.line import MOST_ROW_BYTES, row_bytes
from artifacts.runs.rows.segments import TIMESTAMP, Row

Put: TypeAlias = Callable[[int, Row], float]
"""Gives the row's time, in seconds since 1970."""

_are_short = frozenset((float, int, bool, type(None))).issuperset
_log = logging.getLogger(__name__)


class Steps:
    """Rows go forward only. What is logged to the open row's step is merged into it.

    A row for a step that is over is put as a row of its own, under that step, at once; the first
    one is told of. Whoever calls holds the run's lock.
    """

    def __init__(self, put: Put, first: int = 0) -> None:
        self.step = first  # that the next values without one belong to
        self.put = put
        self.last_step: int | None = None  # of the row that was put last, and was not late
        self.last_time = 0.0  # of that row
        self._open: Row | None = None
        self.is_open = False  # whether a row waits for more
        self._was_late = False
        self._most_bytes = 0  # of the open row, but for numbers

    def add(self, values: Row, step: int | None, commit: bool | None) -> bool:
        """Takes the values over. Whether they are no later than what was logged before.

        Without a step, or with `commit`, the row is over when this returns. Raises InvalidError
        where the row became too long; then it stays as it was.
        """
        size = self._grown(values, step)
        if step is not None and step != self.step:
            if step < self.step:
                self._put_late(values, step)
                return False
            self.close()
            self.step = step
        if self._open is None:
            self._open, self.is_open = values, True
        else:
            self._open.update(values)
        self._most_bytes = size
        if commit or (commit is None and step is None):
            self.close()
            self.step += 1
        return True

    def close(self) -> None:
        """Put the open row, if there is one that says anything."""
        row, self._open, self.is_open = self._open, None, False
        if row:
            time = self.put(self.step, row)
            self.last_step, self.last_time = self.step, row.get(TIMESTAMP, time)

    def _grown(self, values: Row, step: int | None) -> int:
        """Bytes that the row has then at most. Raises InvalidError."""
        is_more = self._open is not None and step in (None, self.step)
        before = self._most_bytes if is_more else 0
        if _are_short(map(type, values.values())):
            return before
        size = before + row_bytes(values)
        return size if size <= MOST_ROW_BYTES else row_bytes(self.open_row | values)

    @property
    def open_row(self) -> Row:
        """What the open row says so far."""
        return self._open or {}

    def _put_late(self, row: Row, step: int) -> None:
        if not self._was_late:
            self._was_late = True
            told = "step %d is over, the run is at %d: what is logged to it is kept as another row"
            _log.warning(f"{told} of that step", step, self.step)
        if row:
            self.put(step, row)
