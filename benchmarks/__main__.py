"""Command: measure works and write the tables, `python -m benchmarks [WORK ...] [--small]`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, peers
from benchmarks.bench import Bench
from benchmarks.process import ProgramFailedError, adopt_orphans
from benchmarks.product import CHECKOUT
from benchmarks.race import progress
from benchmarks.report import Report
from benchmarks.results import Result, document
from benchmarks.scratch import Scratch
from benchmarks.table import Row, write
from benchmarks.works import WORKS


def main() -> None:
    """Measure works, print their tables; at full size put all of this machine into README.md."""
    arguments = _parse()
    names: Sequence[str] = arguments.works or list(WORKS)
    folder = Path(os.environ.get("ART_BENCH_DATA") or CHECKOUT / "benchmarks" / ".data").absolute()
    root = folder / ("small" if arguments.small else "full")
    peers.find()
    adopt_orphans()
    _measure_all(names, root, arguments)
    _publish(root, names if arguments.small else list(WORKS), is_small=arguments.small)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"all, or of {', '.join(WORKS)}")
    parser.add_argument("--small", action="store_true", help="little data; leaves README.md alone")
    parser.add_argument("--rounds", type=int, help="instead of each work's own number")
    parser.add_argument(
        "--no-wait", dest="wait", action="store_false", help="even if the disk has not settled"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.works) - set(WORKS):
        parser.error(f"no such work: {', '.join(sorted(unknown))}; expected {', '.join(WORKS)}")
    return arguments


def _measure_all(names: Sequence[str], root: Path, arguments: argparse.Namespace) -> None:
    scratch = Scratch(root / "scratch")
    try:
        if arguments.wait and not arguments.small and (seconds := scratch.unsettled_s()):
            progress(f"waiting {seconds:.0f} s for the disk to settle after the last clean-up")
            time.sleep(seconds)
        for name in names:
            progress(f"{name}: {WORKS[name].measure.__doc__}")
            rounds = arguments.rounds or WORKS[name].rounds
            _measure(name, Bench(root, scratch, rounds, arguments.small)).save(root / "results")
    finally:
        scratch.remove()


def _measure(name: str, bench: Bench) -> Result:
    try:
        report = WORKS[name].measure(bench)
    except ProgramFailedError as error:
        report = Report([Row(name, "", note=f"failed, {error}")])
    return Result(
        work=name,
        rounds=bench.rounds,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine.describe(bench.root),
        product=machine.product_version(),
        rows=[row.line() for row in report.rows],
        figures=[figure.line() for figure in report.figures],
        stored=[stored.line() for stored in report.stored],
    )


def _publish(root: Path, names: Sequence[str], *, is_small: bool) -> None:
    found = {name: Result.load(root / "results", name, machine.describe(root)) for name in names}
    results = [result for result in found.values() if result]
    absent = [name for name, result in found.items() if not result]
    text = document(results, absent, peers.versions())
    print(text)
    readme = CHECKOUT / "README.md"
    if not is_small and not write(readme, text):
        sys.exit(f"{readme} has no place marked for the table; it was only printed")


if __name__ == "__main__":
    main()
