"""Contender: a program that does a work in steps, each a whole process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import size_of
from benchmarks.process import Command, ProgramFailedError, Usage, measure
from benchmarks.scratch import Scratch, settle

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contender:
    """What it runs: `before` unmeasured, then each of `steps` measured, in a new folder.

    `{place}` in a word stands for that folder, which is also the working and the home folder.
    `writes` is what the first step leaves there at least, in bytes. `missing` is why it cannot
    take part, if it cannot.
    """

    name: str
    steps: tuple[Argv, ...]
    before: tuple[Argv, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    writes: int = 0
    missing: str = ""

    def run(self, scratch: Scratch) -> list[Usage]:
        """Usage of each step; nothing remains. Raises ProgramFailedError."""
        place = scratch.place(self.name)
        try:
            return self.run_at(place)
        finally:
            scratch.release(place)

    def run_at(self, place: Path) -> list[Usage]:
        """Usage of each step, in a `place` that remains. Raises ProgramFailedError."""
        try:
            for argv in self.before:
                measure(self._command(argv, place))
            return [self._step(argv, place) for argv in self.steps]
        except ProgramFailedError as error:
            raise ProgramFailedError(f"{self.name}: {error}") from None

    def _step(self, argv: Argv, place: Path) -> Usage:
        """A program that wrote less than the data did not do the work, whatever it says."""
        settle()
        usage = measure(self._command(argv, place))
        _, written = size_of(place)
        if written < self.writes:
            raise ProgramFailedError(f"wrote {written:,} bytes, expected {self.writes:,}")
        return usage

    def _command(self, argv: Argv, place: Path) -> Command:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {"HOME": str(place), "TMPDIR": f"{place}/tmp"}
        environment |= {name: _at(place, value) for name, value in self.environment.items()}
        return Command(tuple(_at(place, word) for word in argv), place, environment)


def without(*programs: str) -> str:
    """Why something that needs these programs cannot run; empty if it can."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"{', '.join(absent)} not installed" if absent else ""


def _at(place: Path, word: str) -> str:
    return word.replace("{place}", str(place))
