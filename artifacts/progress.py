"""Progress: how far long work has come, told to whoever wants to show it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self


class Progress(Protocol):
    """Told of every file; what it does with that costs nothing beside reading the file.

    Any number of threads may tell it.
    """

    def advance(self, size: int) -> None:
        """One more file of `size` bytes is done, or that much more of a large one."""

    def __enter__(self) -> Self:
        """Work begins."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Work has ended, well or badly."""


class Silent:
    """Shows nothing."""

    def advance(self, size: int) -> None:
        """Nobody is watching."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Nothing was opened."""


class Bar:
    """A tqdm bar on standard error that appears once the work has lasted two seconds."""

    _STEP = 2**22  # bytes between two calls of tqdm, which would cost more than a small file
    _CALLS = 256  # calls between two of them, so that many empty files are seen to go by

    def __init__(self, label: str, total: int | None = None) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            desc=label,
            total=total,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
            delay=2,
            leave=False,
        )
        self._untold = self._calls = 0

    def advance(self, size: int) -> None:
        self._untold += size
        self._calls += 1
        if self._untold >= self._STEP or self._calls >= self._CALLS:
            self._bar.update(self._untold)
            self._untold = self._calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.close()


def bar_of(label: str, total: int | None = None, *, is_quiet: bool = False) -> Progress:
    """A bar, if somebody is watching and did not ask for silence."""
    return Silent() if is_quiet or not sys.stderr.isatty() else Bar(label, total)
