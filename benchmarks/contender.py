"""Contender: a program that does a work in steps, each a whole process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.data import size_of, stored_in
from benchmarks.process import Command, ProgramFailedError, Usage, measure
from benchmarks.scratch import Scratch, settle

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")

Argv = tuple[str, ...]
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contender:
    """What it runs: `before` unmeasured, then each of `steps` measured, in a new folder.

    `{place}` in a word stands for that folder, which is also the working and the home folder;
    `{place}/store` is where its store is, if it has one on this disk. `writes` is what the steps
    leave in the folder at least, in bytes. `beside` runs meanwhile, and says where it is to be
    found. `missing` is why the contender cannot take part, if it cannot.
    """

    name: str
    steps: tuple[Argv, ...]
    before: tuple[Argv, ...] = ()
    environment: Environment = field(default_factory=dict)
    writes: int = 0
    beside: Callable[[], AbstractContextManager[Environment]] = lambda: nullcontext({})
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
            with self.beside() as added:
                for argv in self.before:
                    measure(self._command(argv, place, added))
                usages = [self._step(argv, place, added) for argv in self.steps]
            self._check(place)
        except ProgramFailedError as error:
            raise ProgramFailedError(f"{self.name}: {error}") from None
        return usages

    def _step(self, argv: Argv, place: Path, added: Environment) -> Usage:
        settle()
        store = place / "store"
        before = stored_in(store)
        usage = measure(self._command(argv, place, added))
        return replace(usage, stored_bytes=stored_in(store) - before)

    def _check(self, place: Path) -> None:
        """A program that wrote less than the data did not do the work, whatever it says."""
        _, written = size_of(place)
        if written < self.writes:
            raise ProgramFailedError(f"wrote {written:,} bytes, expected {self.writes:,}")

    def _command(self, argv: Argv, place: Path, added: Environment) -> Command:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {"HOME": str(place), "TMPDIR": f"{place}/tmp", **added}
        environment |= {name: _at(place, value) for name, value in self.environment.items()}
        return Command(tuple(_at(place, word) for word in argv), place, environment)


def without(*programs: str) -> str:
    """Why something that needs these programs cannot run; empty if it can."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"{', '.join(absent)} not installed" if absent else ""


def _at(place: Path, word: str) -> str:
    return word.replace("{place}", str(place))
