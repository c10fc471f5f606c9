"""Works: what is measured, against whom, and what the product may take at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import data, peers, product
from benchmarks.process import OUTPUT, ProgramFailedError
from benchmarks.race import Duel, Race, Rival, cpu_of, progress, wall_of
from benchmarks.scratch import Scratch
from benchmarks.table import Figure, Report, Row

_FOLDERS, _FEW_FOLDERS = 500, 20
_SIZE, _SMALL_SIZE = 4 * data.GIB, 64 * data.MIB
_ENTRIES, _FEW_ENTRIES = 1_000_000, 50_000

_MANIFEST_FIGURES = (
    ("finalize_s", "finalize", 1, "s", 3),
    ("entry_s", "one entry of a committed one", 1e3, "ms", 20),
    ("change_bytes", "written for one changed file", 1e-6, "MB", 1),
    ("stored_bytes", "stored", 1e-6, "MB", 40),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A data set on this disk."""

    title: str
    folder: Path
    size: int

    @classmethod
    def of(cls, data_set: data.DataSet, root: Path) -> Source:
        progress(f"  data set {data_set.name}: {data_set.title}")
        folder = data_set.make(root)
        data.read(folder)
        return cls(data_set.title, folder, data.size_of(folder)[1])


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the data and the scratch folders are, and how much is done."""

    root: Path
    scratch: Scratch
    rounds: int
    is_small: bool

    def small_files(self) -> Source:
        return Source.of(data.small_files(_FEW_FOLDERS if self.is_small else _FOLDERS), self.root)

    def big_file(self) -> Source:
        return Source.of(data.big_file(_SMALL_SIZE if self.is_small else _SIZE), self.root)

    def run(self, race: Race) -> list[Duel]:
        return race.run(self.rounds, self.scratch)

    def store_of(self, source: Source) -> Path:
        """A place with a store that holds the data set as the product adds it."""
        place = self.scratch.place("store")
        product.add(source.folder, source.size).run_at(place)
        return place


@dataclass(frozen=True, slots=True)
class Work:
    """How many rounds it takes unless somebody says otherwise, and what measures it."""

    rounds: int
    measure: Callable[[Bench], Report]


def add(bench: Bench) -> Report:
    """Small files to a fresh local store, and the same again."""
    source = bench.small_files()
    folder, size = source.folder, source.size
    race = Race(
        steps=(f"add {source.title}", "add the same again"),
        ours=product.add(folder, size, times=2),
        rivals=(
            Rival(peers.restic(folder, size), cpu_bars={0: 0.35, 1: 0.3}, wall_bars={0: 0.5}),
            Rival(peers.copy(folder, size), wall_bars={0: 1.0}),
            Rival(peers.borg(folder, size)),
            Rival(peers.xet(folder, size)),
            Rival(peers.dvc(folder, size, bench.scratch.root / "dvc")),
            Rival(peers.wandb(folder, size)),
        ),
    )
    duels = bench.run(race)
    return Report(_rows(race, duels), [_peak(race.steps[0], duels, 150 * data.MIB)])


def verify(bench: Bench) -> Report:
    """A downloaded folder of small files."""
    source = bench.small_files()
    return _verify(bench, source, f"verify {source.title}", 1.5)


def download(bench: Bench) -> Report:
    """Small files into a fresh folder."""
    source = bench.small_files()
    race = Race(
        steps=(f"download {source.title}",),
        ours=product.download(bench.store_of(source), source.size),
        rivals=(Rival(peers.copy(source.folder, source.size), wall_bars={0: 1.1}),),
    )
    return Report(_rows(race, bench.run(race)), [])


def add_big(bench: Bench) -> Report:
    """One big file to a fresh local store."""
    source = bench.big_file()
    file, size = source.folder / "big.bin", source.size
    race = Race(
        steps=(f"add one file of {source.title}",),
        ours=product.add(source.folder, size),
        rivals=(
            Rival(peers.copy_and_sync(file, size), wall_bars={0: 1.25}),
            Rival(peers.copy_and_hash(file, size), cpu_bars={0: 1.2}),
        ),
    )
    duels = bench.run(race)
    return Report(_rows(race, duels), [_peak(race.steps[0], duels, 200 * data.MIB)])


def verify_big(bench: Bench) -> Report:
    """A downloaded folder with one big file."""
    source = bench.big_file()
    return _verify(bench, source, f"verify one file of {source.title}", 1.2)


def download_big(bench: Bench) -> Report:
    """One big file into a fresh folder."""
    source = bench.big_file()
    copy = peers.copy_file(source.folder / "big.bin", source.size)
    race = Race(
        steps=(f"download one file of {source.title}",),
        ours=product.download(bench.store_of(source), source.size),
        rivals=(Rival(copy, wall_bars={0: 1.1}),),
    )
    duels = bench.run(race)
    return Report(_rows(race, duels), [_peak(race.steps[0], duels, 200 * data.MIB)])


def start(bench: Bench) -> Report:
    """What the import and the command take over bare Python."""
    race = Race(
        ("import artifacts", "art --version"), product.start(), (Rival(product.bare_python()),)
    )
    [duel] = bench.run(race)
    return Report(
        figures=[
            Figure(
                f"{title}, over bare Python",
                "s",
                0.1,
                [wall_of(ours[step]) - wall_of(theirs[step]) for ours, theirs in duel.rounds],
                duel.note,
            )
            for step, title in enumerate(race.steps)
        ]
    )


def manifest(bench: Bench) -> Report:
    """A manifest of very many entries, in one process."""
    entries = _FEW_ENTRIES if bench.is_small else _ENTRIES
    rounds: list[dict[str, float]] = []
    note = ""
    try:
        rounds = [_manifest_round(bench, entries) for _ in range(bench.rounds)]
    except ProgramFailedError as error:
        note = f"failed, {error}"
    return Report(
        figures=[
            Figure(
                f"manifest of {entries:,} entries: {title}",
                unit,
                bar,
                [each[key] * scale for each in rounds],
                note,
            )
            for key, title, scale, unit, bar in _MANIFEST_FIGURES
        ]
    )


WORKS = {
    "add": Work(5, add),
    "verify": Work(5, verify),
    "download": Work(5, download),
    "add-big": Work(3, add_big),
    "verify-big": Work(3, verify_big),
    "download-big": Work(3, download_big),
    "start": Work(21, start),
    "manifest": Work(3, manifest),
}


def _verify(bench: Bench, source: Source, title: str, bar: float) -> Report:
    place = bench.store_of(source)
    product.download(place, source.size).run_at(place)
    folder = place / "copy"
    race = Race(
        (title,), product.verify(folder), (Rival(peers.hash_files(folder), cpu_bars={0: bar}),)
    )
    return Report(_rows(race, bench.run(race)), [])


def _rows(race: Race, duels: Sequence[Duel]) -> list[Row]:
    return [
        _row(duel, step, title)
        for step, title in enumerate(race.steps)
        for duel in duels
        if step < len(duel.rival.contender.steps)
    ]


def _row(duel: Duel, step: int, title: str) -> Row:
    return Row(
        title,
        duel.rival.contender.name,
        cpu=duel.compare(step, cpu_of),
        cpu_bar=duel.rival.cpu_bars.get(step),
        wall=duel.compare(step, wall_of),
        wall_bar=duel.rival.wall_bars.get(step),
        note=duel.note,
    )


def _peak(title: str, duels: Sequence[Duel], bar_bytes: int) -> Figure:
    """The highest of all rounds."""
    name, bar = f"peak memory, {title}", bar_bytes / data.MIB
    peaks = [ours[0].peak_bytes / data.MIB for duel in duels for ours, _ in duel.rounds]
    if not peaks:
        return Figure(name, "MiB", bar, note=duels[0].note)
    return Figure(name, "MiB", bar, [max(peaks)])


def _manifest_round(bench: Bench, entries: int) -> dict[str, float]:
    place = bench.scratch.place("manifest")
    try:
        product.manifest(entries).run_at(place)
        *_, figures = (place / OUTPUT).read_text().splitlines()
    finally:
        bench.scratch.release(place)
    found: dict[str, float] = json.loads(figures)
    return found
