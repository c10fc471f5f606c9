"""Console: what a run prints, as rows of stream `console` and as `output.log`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from traceback import format_exception

from artifacts.runs.capture.piece import Recorder
from artifacts.runs.capture.transcript import Transcript
from artifacts.runs.capture.wrapped import Tap

OUTPUT = "output.log"
_PAUSE_S = 1.0


class Console:
    """Everything that a tap hears, with progress bars as they looked last."""

    def __init__(self, tap: Tap, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._tap, self._path = tap, folder / OUTPUT
        self._transcript = Transcript(self._path, int(now() * 1000), now)
        self._writer: Recorder | None = None
        self._is_named = False

    def listen(self) -> None:
        """What was printed before is not recorded."""
        self._tap.open()

    def start(self, writer: Recorder) -> None:
        """What was heard so far is recorded with the first work."""
        self._writer = writer

    def work(self) -> float:
        """The file is named with the first output."""
        self._take(is_last=False)
        return _PAUSE_S

    def fail(self, error: BaseException) -> None:
        """Record the traceback that the interpreter will print when nobody listens any more."""
        if self._writer:
            self._transcript.feed("stderr", "".join(format_exception(error)), self._writer)

    def stop(self) -> None:
        """Streams and descriptors are what they were before."""
        self._tap.close()
        self._take(is_last=True)

    def _take(self, *, is_last: bool) -> None:
        if self._writer is None:
            return
        for stream, text in self._tap.take():
            self._transcript.feed(stream, text, self._writer)
        self._transcript.tell(self._writer, is_last=is_last)
        if not self._is_named and self._path.exists():
            self._writer.file(OUTPUT, self._path, "end")
            self._is_named = True
