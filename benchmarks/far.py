"""Far: works against a store that is not on a disk of this machine, but behind S3."""

from __future__ import annotations

from benchmarks import peers, product
from benchmarks.bench import Bench
from benchmarks.data import MIB
from benchmarks.race import Race, Rival
from benchmarks.report import Report, peak, rows
from benchmarks.server import URL, served

_PEAK = 400 * MIB


def add(bench: Bench) -> Report:
    """Many small files to a fresh store on S3."""
    source = bench.far_files()
    race = Race(
        steps=(f"add {source.title} to S3",),
        ours=served(product.add([source.folder], 0, URL)),
        rivals=(Rival(served(peers.s3_put(source.folder)), wall_bars={0: 0.1}),),
        inputs=(source.folder,),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), [peak(race, duels, _PEAK)])


def big(bench: Bench) -> Report:
    """One big file to a fresh store on S3, and from there to a machine that never saw it."""
    source = bench.far_file()
    peer = served(peers.s3_put_and_get(source.folder / "big.bin", source.size))
    race = Race(
        steps=(f"add one file of {source.title} to S3", "download it"),
        ours=served(product.add_and_download(source.folder, source.size, URL)),
        rivals=(Rival(peer, wall_bars={0: 0.85, 1: 0.85}),),
        inputs=(source.folder,),
    )
    duels = bench.run(race)
    return Report(rows(race, duels), [peak(race, duels, _PEAK, step) for step in (0, 1)])
