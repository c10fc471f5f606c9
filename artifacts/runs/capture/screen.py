"""Screen: what a terminal would show of a stream, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WIDEST = 2**14  # cells of a line; what has no line breaks is broken there
_CODE = r"\[[0-9;:?<=>]{0,64}[ -/]{0,8}"  # CSI without its end, ECMA-48 5.4
_TITLE = r"\][^\x07\x1b]{0,4096}"  # OSC, likewise
_OTHER = r"[^\[\]\x00-\x1f]"
_CONTROL = re.compile(
    rf"(\x1b(?:{_CODE}[@-~]|{_TITLE}(?:\x07|\x1b\\)|{_OTHER})|[\x00-\x08\x0a-\x1f\x7f])"
)
_BEGUN = re.compile(rf"\x1b(?:{_CODE}|{_TITLE}\x1b?)?\Z")


class Line:
    """One line, which may still change. Its number tells when it was begun, over all streams."""

    __slots__ = ("cells", "is_over", "number", "stream", "tail")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.number = 0  # until something is written
        self.cells: list[str] = []  # a character each, after the colours that begin there
        self.tail = ""  # colours that end with the line
        self.is_over = False  # the cursor has left it

    @property
    def text(self) -> str:
        """Without the spaces at its end, which nobody sees."""
        text = "".join(self.cells).rstrip(" ") + self.tail
        return text if text.isascii() else text.encode("utf-8", "replace").decode()

    def put(self, column: int, cells: list[str]) -> None:
        """Over what is there."""
        missing = column - len(self.cells)
        self.cells.extend([" "] * missing)
        self.cells[column : column + len(cells)] = cells


class Screen:
    """Carriage returns, backspaces and moves of the cursor are followed, colours kept.

    So a progress bar is one line, as it looked last.
    """

    def __init__(self, stream: str, numbers: Iterator[int]) -> None:
        self._stream = stream
        self._numbers = numbers
        self._row = self._column = 0
        self._colours = ""
        self._half = ""  # a code of which the rest is still to come
        self.lines = [Line(stream)]

    def feed(self, text: str) -> None:
        """What was written to the stream, cut anywhere."""
        text = self._half + text
        begun = _BEGUN.search(text)
        self._half = begun[0] if begun else ""
        whole = text[: begun.start()] if begun else text
        for place, piece in enumerate(_CONTROL.split(whole)):
            if not piece:
                continue
            if place % 2:
                self._control(piece)
            else:
                self._print(piece)

    def settle(self, before: int) -> list[Line]:
        """Takes away the lines with smaller numbers, which then no cursor reaches any more."""
        kept = [line for line in self.lines if not 0 < line.number < before]
        settled = [line for line in self.lines if 0 < line.number < before]
        if settled:
            here = self.lines[self._row]
            self.lines = kept or [Line(self._stream)]
            is_gone = here not in kept
            self._row = len(self.lines) - 1 if is_gone else self.lines.index(here)
            self._column = 0 if is_gone else self._column
        return settled

    def _print(self, text: str) -> None:
        while text:
            if self._column >= _WIDEST:
                self._break()
            cells = list(text[: _WIDEST - self._column])
            text = text[len(cells) :]
            cells[0] = self._colours + cells[0]
            self._colours = ""
            self._here().put(self._column, cells)
            self._column += len(cells)

    def _here(self) -> Line:
        """The cursor's line, which is begun with that."""
        line = self.lines[self._row]
        if not line.number:
            line.number = next(self._numbers)
        return line

    def _break(self) -> None:
        here = self._here()
        here.is_over = True
        if self._column >= len(here.cells):
            here.tail, self._colours = self._colours, ""
        self._move(1)
        self._column = 0

    def _control(self, code: str) -> None:
        if code == "\n":
            self._break()
        elif code == "\r":
            self._column = 0
        elif code == "\b":
            self._column = max(self._column - 1, 0)
        elif code[:2] == "\x1b[":
            first = re.match(r"[0-9]+", code[2:])
            self._command(code, int(first[0][:5]) if first else 0)

    def _command(self, code: str, count: int) -> None:
        match code[-1]:
            case "m":
                self._colours += code
            case "A" | "F":
                self._move(-max(count, 1))
            case "B" | "E":
                self._move(max(count, 1))
            case "C":
                self._column = min(self._column + max(count, 1), _WIDEST - 1)
            case "D":
                self._column = max(self._column - max(count, 1), 0)
            case "G":
                self._column = min(max(count, 1), _WIDEST) - 1
            case "K":
                self._erase(count)
        if code[-1] in "EF":
            self._column = 0

    def _move(self, rows: int) -> None:
        """Up as far as there are lines, down to new ones."""
        self._row = max(self._row + min(rows, 1000), 0)
        while self._row >= len(self.lines):
            last = self.lines[-1]
            last.number = last.number or next(self._numbers)
            last.is_over = True
            self.lines.append(Line(self._stream))

    def _erase(self, which: int) -> None:
        line = self.lines[self._row]
        if which == 0:
            del line.cells[self._column :]
        elif which == 1:
            line.cells[: self._column + 1] = [" "] * min(self._column + 1, len(line.cells))
        else:
            line.cells.clear()
        line.tail = ""
