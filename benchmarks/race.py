"""Race: one work, done by the product and by each rival in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.contender import Contender
from benchmarks.data import read
from benchmarks.process import ProgramFailedError, Usage
from benchmarks.scratch import Scratch, forget


@dataclass(frozen=True, slots=True)
class Rival:
    """A peer, and for some steps how much the product may take or store of what it does."""

    contender: Contender
    cpu_bars: dict[int, float] = field(default_factory=dict)
    wall_bars: dict[int, float] = field(default_factory=dict)
    stored_bars: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians of both sides, and the median and extremes of the rounds' ratios."""

    ours: float
    theirs: float
    ratio: float
    low: float
    high: float


@dataclass(slots=True)
class Duel:
    """What ours and one rival's steps took in each round; `note` says why there are no more."""

    rival: Rival
    rounds: list[tuple[list[Usage], list[Usage]]] = field(default_factory=list)
    note: str = ""

    def compare(self, step: int, measure: Callable[[Usage], float]) -> Comparison | None:
        """None if no round was run."""
        pairs = [(measure(ours[step]), measure(theirs[step])) for ours, theirs in self.rounds]
        if not pairs:
            return None
        ours, theirs = zip(*pairs, strict=True)
        ratios = [our / their for our, their in pairs]
        return Comparison(median(ours), median(theirs), median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True, slots=True)
class Race:
    """`steps` says what each step of the contenders does; a rival may do the first ones only.

    All of `inputs`, and nothing else, is in the page cache when a contender begins.
    """

    steps: tuple[str, ...]
    ours: Contender
    rivals: Sequence[Rival]
    inputs: Sequence[Path] = ()

    def run(self, rounds: int, scratch: Scratch) -> list[Duel]:
        """Ours, rival; rival, ours; …: the runs of a pair follow each other, each first in turn.

        Whoever runs first may find the machine otherwise than whoever follows: a virtual machine
        that gave its free memory back pays for it anew, up to a second a GiB.
        """
        absent = self.ours.missing
        duels = [Duel(rival, note=absent or rival.contender.missing) for rival in self.rivals]
        for number in range(1, rounds + 1):
            for duel in duels:
                if not duel.note:
                    self._fight(duel, scratch, ours_first=number % 2 == 1)
                    progress(f"  {number}/{rounds} {_summary(duel)}")
        return duels

    def _fight(self, duel: Duel, scratch: Scratch, *, ours_first: bool) -> None:
        """A round of both sides; a note and nothing else if one of them fails."""
        pair = (self.ours, duel.rival.contender)
        try:
            if ours_first:
                ours, theirs = (self._run(each, scratch) for each in pair)
            else:
                theirs, ours = (self._run(each, scratch) for each in reversed(pair))
            duel.rounds.append((ours, theirs))
        except ProgramFailedError as error:
            duel.note = f"failed, {error}"

    def _run(self, contender: Contender, scratch: Scratch) -> list[Usage]:
        if self.inputs:
            forget()
        for folder in self.inputs:
            read(folder)
        return contender.run(scratch)


def cpu_of(usage: Usage) -> float:
    return usage.cpu_s


def wall_of(usage: Usage) -> float:
    return usage.wall_s


def stored_mb_of(usage: Usage) -> float:
    return usage.stored_bytes / 1e6


def progress(line: str) -> None:
    """Say on the error stream how far it is."""
    print(line, file=sys.stderr, flush=True)


def _summary(duel: Duel) -> str:
    name = duel.rival.contender.name
    if duel.note:
        return f"{name} {duel.note}"
    ours, theirs = duel.rounds[-1]
    return f"product {_times(ours)}; {name} {_times(theirs)}"


def _times(usages: Sequence[Usage]) -> str:
    return ", then ".join(
        f"{each.cpu_s:.2f} s CPU {each.wall_s:.2f} s wall {stored_mb_of(each):.1f} MB"
        for each in usages
    )
