"""Verify: the same is found whoever reads, and nobody is believed who finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import pytest

from artifacts.catalog.upkeep.report import Problem, Report
from artifacts.catalog.upkeep.verify import verify_store, verify_version
from artifacts.errors import StorageError
from artifacts.storage import LocalStore
from catalog.machines import Machines

SMALL = {f"{n:03}": Random(n).randbytes(1000 + n) for n in range(60)}
TABLE = b"".join(b"%d,%d,%d\n" % (n, n * n, n % 7) for n in range(30_000))
SOLO = Random(0).randbytes(5 * 2**20)
FILES = {**SMALL, "table.csv": TABLE, "solo": SOLO}


@pytest.fixture
def machines(tmp_path: Path, store: Path) -> Machines:
    """Versions that share pages, packs and files."""
    machines = Machines(tmp_path, LocalStore(store))
    machines.put("one", FILES)
    machines.put("one", {**FILES, "013": b"changed"})
    machines.put("two", {f"again/{path}": data for path, data in SMALL.items()})
    return machines


def flip(machines: Machines, data: bytes) -> None:
    """A bit of these bytes, wherever they are stored."""
    for blob in machines.blobs():
        stored = bytearray(machines.store.read(blob.key))
        if (at := stored.find(data)) >= 0:
            stored[at] ^= 1
            machines.store.write(blob.key, bytes(stored))


def lose(machines: Machines, _: bytes) -> None:
    for blob in machines.blobs():
        if machines.store.size(blob.key) != len(SOLO):
            machines.store.delete(blob.key)


def none(_: Machines, __: bytes) -> None:
    """Everything is as it should be."""


def told(report: Report) -> tuple[int, int, list[Problem]]:
    return report.objects, report.size, report.problems


DAMAGES = pytest.mark.parametrize(
    ("damage", "data"),
    [(none, b""), (flip, SMALL["007"]), (flip, SOLO), (lose, b"")],
    ids=["none", "a small file", "a solo file", "packs"],
)


@DAMAGES
def test_processes_find_what_this_one_finds(
    machines: Machines, damage: Callable[[Machines, bytes], None], data: bytes
) -> None:
    damage(machines, data)
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        for version in (*machines.versions("one"), *machines.versions("two")):
            here = verify_version(version)
            assert told(verify_version(version, executor=pool)) == told(here)
        here = verify_store(machines.catalog)
        assert told(verify_store(machines.catalog, executor=pool)) == told(here)

    assert here.is_clean == (damage is none)


class Mistaken(Executor):
    """Its workers cannot reach the store."""

    def submit(self, *arguments: Any, **_: Any) -> Future[Any]:  # noqa: ANN401 - an executor's own
        _, task, (_, batch), _ = arguments
        error = StorageError("store", "no route to host")
        future: Future[Any] = Future()
        is_objects = task.__name__ == "check_objects"
        sizes = [len(getattr(each, "sizes", [0])) for each in batch]
        future.set_result([error if is_objects else [error] * size for size in sizes])
        return future


@DAMAGES
def test_what_workers_find_wrong_is_read_again_here(
    machines: Machines, damage: Callable[[Machines, bytes], None], data: bytes
) -> None:
    damage(machines, data)
    here = verify_store(machines.catalog)

    assert told(verify_store(machines.catalog, executor=Mistaken())) == told(here)


def test_damage_is_told_of_in_every_version_that_has_it(machines: Machines) -> None:
    flip(machines, SMALL["007"])

    [problem] = [each for each in verify_store(machines.catalog).problems if each.affected]

    assert {*problem.affected} == {
        "team/proj/one:v0: 007",
        "team/proj/one:v1: 007",
        "team/proj/two:v0: again/007",
    }


def test_of_a_version_each_file_is_read_once(machines: Machines) -> None:
    [version] = machines.versions("two")

    assert verify_version(version).size == sum(map(len, SMALL.values()))


def test_of_a_file_in_several_blobs_the_damaged_one_is_named(
    machines: Machines, tmp_path: Path
) -> None:
    noise, inserted = Random(101).randbytes(200_000), Random(102).randbytes(20_000)
    draft = machines.draft("edited")
    draft.intake.base = machines.put("edited", {"file": noise}).placed
    (tmp_path / "file").write_bytes(noise[:100_000] + inserted + noise[100_000:])
    draft.add_file(tmp_path / "file", "file")
    version = machines.commit(draft)

    for data in (noise[:100], inserted[:100]):
        before = {blob: machines.store.read(blob.key) for blob in machines.blobs()}
        flip(machines, data)
        [changed] = [blob for blob in before if machines.store.read(blob.key) != before[blob]]
        [problem] = verify_version(version).problems
        assert problem.where == changed.key
        machines.store.write(changed.key, before[changed])
