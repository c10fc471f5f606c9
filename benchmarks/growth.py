"""Growth: what a store takes for data, and for its next version."""

from __future__ import annotations

from benchmarks import peers, product
from benchmarks.bench import Bench, Pair
from benchmarks.race import Race, Rival
from benchmarks.report import Report, rows, stored

_COMPRESSED = 8  # a program that stores less than this share did not do the work


def edited(bench: Bench) -> Report:
    """Many files of 1 MiB to a fresh local store, then the same with 5 % inserted into each."""
    pair = first, second = bench.edited_files()
    folders, size = (first.folder, second.folder), first.size
    rivals = (
        Rival(peers.mlflow(first.folder, size), cpu_bars={0: 1.3}),
        Rival(peers.xet(folders, size), cpu_bars={1: 1.0}, stored_bars={1: 0.75}),
        Rival(peers.restic(folders, size)),
        Rival(peers.borg(folders, size)),
        Rival(peers.dvc(folders, size, bench.scratch.root / "dvc")),
    )
    return _run(bench, pair, size, rivals)


def table(bench: Bench) -> Report:
    """A CSV file to a fresh local store, then the same with 100 rows inserted."""
    pair = first, second = bench.tables()
    folders, least = (first.folder, second.folder), first.size // _COMPRESSED
    rivals = (
        Rival(peers.restic(folders, least), cpu_bars={0: 0.5}, stored_bars={0: 1.05}),
        Rival(peers.xet(folders, least), stored_bars={1: 1.0}),
        Rival(peers.borg(folders, least)),
        Rival(peers.dvc(folders, least, bench.scratch.root / "dvc")),
    )
    return _run(bench, pair, least, rivals)


def wheel(bench: Bench) -> Report:
    """Two releases of a package with much machine code, unpacked."""
    pair = first, second = bench.wheels()
    folders, least = (first.folder, second.folder), first.size // _COMPRESSED
    rivals = (
        Rival(peers.xet(folders, least)),
        Rival(peers.restic(folders, least)),
        Rival(peers.borg(folders, least)),
        Rival(peers.dvc(folders, least, bench.scratch.root / "dvc")),
    )
    return _run(bench, pair, least, rivals)


def _run(bench: Bench, pair: Pair, least: int, rivals: tuple[Rival, ...]) -> Report:
    first, second = pair
    race = Race(
        steps=(f"add {first.title}", f"then {second.title}"),
        ours=product.add((first.folder, second.folder), least),
        rivals=rivals,
        inputs=(first.folder, second.folder),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), stored=stored(race, duels))
