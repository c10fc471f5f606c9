"""Result: what a work gave when it was last measured, kept so that works can run one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.table import render


@dataclass(frozen=True, slots=True)
class Result:
    """The lines that it adds to the tables, and where they come from."""

    work: str
    rounds: int
    date: str
    machine: str
    product: str
    rows: Sequence[str]
    figures: Sequence[str]
    stored: Sequence[str] = ()

    @classmethod
    def load(cls, folder: Path, work: str, machine: str) -> Result | None:
        """None if it was not measured yet, or on another machine."""
        file = folder / f"{work}.json"
        if not file.exists():
            return None
        result = cls(**json.loads(file.read_text()))
        return result if result.machine == machine else None

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.work}.json").write_text(json.dumps(asdict(self), indent=1))

    @property
    def origin(self) -> str:
        return f"{self.product}, {self.date}, rounds: {self.rounds}"


def document(results: Sequence[Result], absent: Sequence[str], versions: dict[str, str]) -> str:
    """Markdown: the tables of all results of one machine, and how they came about."""
    origins: dict[str, list[str]] = {}
    for result in results:
        origins.setdefault(result.origin, []).append(result.work)
    measured = [f"{', '.join(works)} ({origin})" for origin, works in origins.items()]
    if absent:
        measured.append(f"not measured here yet: {', '.join(absent)}")
    tables = render(
        [line for result in results for line in result.rows],
        [line for result in results for line in result.stored],
        [line for result in results for line in result.figures],
    )
    notes = (
        f"Machine: {results[0].machine}.",
        f"Measured: {'; '.join(measured)}.",
        f"Peers: {', '.join(f'{name} {number}' for name, number in versions.items())}.",
        "Each run is a whole process; ours and a rival's follow each other, each first in turn;"
        " before, the page cache is emptied, and what they read brought into it. Times are medians;"
        " a ratio is the median of what each round gives, with its extremes.",
        "Stored is what a step adds to the store's folder: data, names, indexes and caches in it."
        " S3 is Ceph's gateway with all data in memory and TCP_NODELAY, as other servers have it,"
        " on the same cores, empty before each run;"
        " our download verifies and fills an empty cache of this machine.",
    )
    return "\n\n".join((tables, "\n".join(f"- {note}" for note in notes)))
