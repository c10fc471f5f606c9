"""Report: what one work gave, as lines of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.data import MIB
from benchmarks.race import Duel, Race, cpu_of, stored_mb_of, wall_of
from benchmarks.table import Figure, Row, Stored


@dataclass(frozen=True, slots=True)
class Report:
    """What goes into each table."""

    rows: Sequence[Row] = ()
    figures: Sequence[Figure] = ()
    stored: Sequence[Stored] = ()


def rows(race: Race, duels: Sequence[Duel]) -> list[Row]:
    """CPU and wall time of each step, against each rival that takes it."""
    return [
        Row(
            title,
            duel.rival.contender.name,
            cpu=duel.compare(step, cpu_of),
            cpu_bar=duel.rival.cpu_bars.get(step),
            wall=duel.compare(step, wall_of),
            wall_bar=duel.rival.wall_bars.get(step),
            note=duel.note,
        )
        for step, title in enumerate(race.steps)
        for duel in duels
        if step < len(duel.rival.contender.steps)
    ]


def stored(race: Race, duels: Sequence[Duel]) -> list[Stored]:
    """What each step adds to the store, against each rival that ran."""
    return [
        Stored(title, duel.rival.contender.name, size, duel.rival.stored_bars.get(step))
        for step, title in enumerate(race.steps)
        for duel in duels
        if step < len(duel.rival.contender.steps) and (size := duel.compare(step, stored_mb_of))
    ]


def peak(race: Race, duels: Sequence[Duel], bar_bytes: int, step: int = 0) -> Figure:
    """The most memory that the product held in a step, of all rounds."""
    name, bar = f"peak memory, {race.steps[step]}", bar_bytes / MIB
    peaks = [ours[step].peak_bytes / MIB for duel in duels for ours, _ in duel.rounds]
    if not peaks:
        return Figure(name, "MiB", bar, note=duels[0].note)
    return Figure(name, "MiB", bar, [max(peaks)])
