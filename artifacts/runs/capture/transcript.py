"""Transcript: the lines of a console as rows of a stream and as a file, and back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path

from artifacts.runs.capture.piece import Recorder
from artifacts.runs.capture.screen import Line, Screen

STREAM = "console"
_WITHIN_REACH = 200  # lines above the last, which a cursor may still go back to and change
_PAUSE_S = 15.0  # between two rows of a line that keeps changing
_ROOM = 2**20  # characters fed before settled lines are let go
_log = logging.getLogger(__name__)


class Transcript:
    """Each line is told when it is over, and again when it changed since.

    The file is in the lines' order and holds all that was fed when `tell` returns, unless its disk
    is full.
    """

    def __init__(self, path: Path, session: int, now: Callable[[], float]) -> None:
        self._path, self._session, self._now = path, session, now
        numbers = count(1)
        self._screens = {name: Screen(name, numbers) for name in ("stdout", "stderr")}
        self._told: dict[
            int, tuple[float, str | None]
        ] = {}  # of lines within reach: when, and what
        self._settled_bytes = 0
        self._is_begun, self._has_file = False, True

    def feed(self, stream: str, text: str, writer: Recorder) -> None:
        """What was written to it."""
        for start in range(0, len(text), _ROOM):
            self._screens[stream].feed(text[start : start + _ROOM])
            if len(text) > _ROOM:
                self.tell(writer)

    def tell(self, writer: Recorder, *, is_last: bool = False) -> None:
        """Rows of what changed. Only the last time all of it, if it keeps changing."""
        lines = [line for screen in self._screens.values() for line in screen.lines if line.number]
        lines.sort(key=lambda line: line.number)
        if not lines:
            return
        before = lines[-1].number + 1 if is_last else lines[-1].number - _WITHIN_REACH
        changed = [self._tell(line, writer, before) for line in lines]
        if (any(changed) or is_last) and self._has_file:
            self._has_file = self._writes(lines, before)
        for screen in self._screens.values():
            for line in screen.settle(before):
                del self._told[line.number]

    def _tell(self, line: Line, writer: Recorder, before: int) -> bool:
        """Whether the line changed, told or not."""
        text, now = line.text, self._now()
        if line.number not in self._told:
            if not line.is_over and line.number >= before:
                self._told[line.number] = (now, None)
                return True
        else:
            last, told = self._told[line.number]
            if text == told:
                return False
            is_first = line.is_over and told is None
            if not is_first and line.number >= before and now < last + _PAUSE_S:
                return True
        self._told[line.number] = (now, text)
        row = {"session": self._session, "line": line.number, "stream": line.stream, "text": text}
        writer.line(STREAM, row)
        return True

    def _writes(self, lines: list[Line], before: int) -> bool:
        """Whether the disk takes them. If it does not, what was written so far is the file."""
        try:
            self._write(lines, before)
        except OSError as error:
            _log.warning("%s ends here, the stream goes on: %s", self._path, error.strerror)
            return False
        return True

    def _write(self, lines: list[Line], before: int) -> None:
        """The lines within reach, over what the file had of them."""
        settled = b"".join(f"{line.text}\n".encode() for line in lines if line.number < before)
        others = b"".join(f"{line.text}\n".encode() for line in lines if line.number >= before)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "r+b" if self._is_begun else "wb") as file:
            file.seek(self._settled_bytes)
            file.write(settled + others)
            file.truncate()
        self._is_begun = True
        self._settled_bytes += len(settled)


def console_lines(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """The console as it looked, of the rows in any order that keeps those of one line."""
    last: dict[tuple[int, int], str] = {}
    for row in rows:
        last[int(str(row["session"])), int(str(row["line"]))] = str(row["text"])
    return [last[key] for key in sorted(last)]
