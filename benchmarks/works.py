"""Works: what is measured, against whom, and what the product may take at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import data, far, growth, history, peers, product
from benchmarks.bench import Bench, Source
from benchmarks.contender import Contender
from benchmarks.process import OUTPUT, ProgramFailedError
from benchmarks.race import Race, Rival, wall_of
from benchmarks.report import Report, peak, rows
from benchmarks.table import Figure

_ENTRIES, _FEW_ENTRIES = 1_000_000, 50_000

_MANIFEST_FIGURES = (
    ("finalize_s", "finalize", 1, "s", 3),
    ("entry_s", "one entry of a committed one", 1e3, "ms", 20),
    ("change_bytes", "written for one changed file", 1e-6, "MB", 1),
    ("stored_bytes", "stored", 1e-6, "MB", 40),
)
_VERSIONS, _FEW_VERSIONS = 10_000, 300
_COLLECTION_FIGURES = (
    ("resolve_s", "resolve an alias", 1e3, "ms", 50),
    ("commit_s", "commit, over one into an empty collection", 1e3, "ms", 50),
    ("versions_s", "first page of its versions", 1e3, "ms", 100),
    ("collections_s", "first page of as many collections", 1e3, "ms", 100),
)


@dataclass(frozen=True, slots=True)
class Work:
    """How many rounds it takes unless somebody says otherwise, and what measures it."""

    rounds: int
    measure: Callable[[Bench], Report]


def add(bench: Bench) -> Report:
    """Small files to a fresh local store, and the same again."""
    source = bench.small_files()
    folder, size = source.folder, source.size
    twice = (folder, folder)
    race = Race(
        steps=(f"add {source.title}", "add the same again"),
        ours=product.add(twice, size),
        rivals=(
            Rival(peers.restic(twice, size), cpu_bars={0: 0.35, 1: 0.3}, wall_bars={0: 0.5}),
            Rival(peers.copy(folder, size), wall_bars={0: 1.0}),
            Rival(peers.borg(twice, size)),
            Rival(peers.xet(twice, size)),
            Rival(peers.dvc(twice, size, bench.scratch.root / "dvc")),
            Rival(peers.wandb(twice, size)),
        ),
        inputs=(folder,),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), [peak(race, duels, 150 * data.MIB)])


def verify(bench: Bench) -> Report:
    """A downloaded folder of small files."""
    source = bench.small_files()
    return _verify(bench, source, f"verify {source.title}", 1.5)


def download(bench: Bench) -> Report:
    """Small files into a fresh folder."""
    source = bench.small_files()
    store = bench.store_of(source)
    race = Race(
        steps=(f"download {source.title}",),
        ours=product.download(store, source.size),
        rivals=(Rival(peers.copy(source.folder, source.size), wall_bars={0: 1.1}),),
        inputs=(source.folder, store),
    )
    return Report(rows(race, bench.run(race)), [])


def add_big(bench: Bench) -> Report:
    """One big file to a fresh local store."""
    source = bench.big_file()
    file, size = source.folder / "big.bin", source.size
    race = Race(
        steps=(f"add one file of {source.title}",),
        ours=product.add([source.folder], size),
        rivals=(
            Rival(peers.copy_and_sync(file, size), wall_bars={0: 1.25}),
            Rival(peers.copy_and_hash(file, size), cpu_bars={0: 1.2}),
        ),
        inputs=(source.folder,),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), [peak(race, duels, 200 * data.MIB)])


def verify_big(bench: Bench) -> Report:
    """A downloaded folder with one big file."""
    source = bench.big_file()
    return _verify(bench, source, f"verify one file of {source.title}", 1.2)


def download_big(bench: Bench) -> Report:
    """One big file into a fresh folder."""
    source = bench.big_file()
    copy = peers.copy_file(source.folder / "big.bin", source.size)
    store = bench.store_of(source)
    race = Race(
        steps=(f"download one file of {source.title}",),
        ours=product.download(store, source.size),
        rivals=(Rival(copy, wall_bars={0: 1.1}),),
        inputs=(source.folder, store),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), [peak(race, duels, 200 * data.MIB)])


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
    title = f"manifest of {entries:,} entries"
    return _figures(bench, title, product.manifest(entries), _MANIFEST_FIGURES)


def collection(bench: Bench) -> Report:
    """A collection of very many versions, in one process."""
    versions = _FEW_VERSIONS if bench.is_small else _VERSIONS
    title = f"collection of {versions:,} versions"
    return _figures(bench, title, product.collection(versions), _COLLECTION_FIGURES)


WORKS = {
    "add": Work(5, add),
    "verify": Work(5, verify),
    "download": Work(5, download),
    "add-big": Work(3, add_big),
    "verify-big": Work(3, verify_big),
    "download-big": Work(3, download_big),
    "start": Work(21, start),
    "manifest": Work(3, manifest),
    "collection": Work(1, collection),  # which takes the median of many by itself
    "edited": Work(3, growth.edited),
    "table": Work(3, growth.table),
    "wheel": Work(3, growth.wheel),
    "log": Work(3, history.log),
    "s3": Work(3, far.add),
    "s3-big": Work(3, far.big),
}


def _verify(bench: Bench, source: Source, title: str, bar: float) -> Report:
    place = bench.store_of(source)
    product.download(place, source.size).run_at(place)
    folder = place / "copy"
    rival = Rival(peers.hash_files(folder), cpu_bars={0: bar})
    race = Race((title,), product.verify(folder), (rival,), inputs=(folder,))
    return Report(rows(race, bench.run(race)), [])


def _figures(
    bench: Bench,
    title: str,
    contender: Contender,
    figures: Sequence[tuple[str, str, float, str, float]],
) -> Report:
    """What a program of ours measured inside itself: key, title, scale, unit and bar of each."""
    rounds: list[dict[str, float]] = []
    note = ""
    try:
        rounds = [_figures_round(bench, contender) for _ in range(bench.rounds)]
    except ProgramFailedError as error:
        note = f"failed, {error}"
    return Report(
        figures=[
            Figure(f"{title}: {what}", unit, bar, [each[key] * scale for each in rounds], note)
            for key, what, scale, unit, bar in figures
        ]
    )


def _figures_round(bench: Bench, contender: Contender) -> dict[str, float]:
    place = bench.scratch.place("figures")
    try:
        contender.run_at(place)
        *_, figures = (place / OUTPUT).read_text().splitlines()
    finally:
        bench.scratch.release(place)
    found: dict[str, float] = json.loads(figures)
    return found
