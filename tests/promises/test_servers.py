"""Servers: atomicity and order, in object stores that run, with processes that die and race."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from dying import FORKS, dies, spread
from folders import write_tree
from scene import Tree, noise, read_tree
from servers.fleet import STORES, Fleet
from servers.server import Server

import artifacts
from artifacts.catalog import Catalog, Version
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.names import CollectionName
from artifacts.settings import Settings
from artifacts.storage import Address, ObjectStore, RemoteStore, opening
from artifacts.testing import CountingStore, KillingStore

FIRST: Tree = {f"labels/{n}.txt": b"label %d" % n for n in range(4)} | {"empty": b""}
SECOND: Tree = {**FIRST, "labels/1.txt": b"corrected", "solo": noise(5 * 2**20, seed=1)}
WRITERS = 8
IS_SOAK = int(os.environ.get("SEEDS", "0")) >= 100
EACH = 50 if IS_SOAK else 4
MOMENTS = ["before", "after"] if IS_SOAK else ["before or after"]  # a call: which, in turn
DEATHS = 1_000 if IS_SOAK else 8  # at most: all calls are fewer


@dataclass(frozen=True, slots=True)
class Machine:
    """Somebody's computer, with a cache of its own, that works with the store of all."""

    server: Server
    url: str
    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            store=self.url,
            entity="team",
            project="proj",
            cache_dir=self.folder / "cache",
            artifact_dir=self.folder / "artifacts",
            quiet=True,
            storage_options=self.server.options,
        )

    @property
    def catalog(self) -> Catalog:
        return Catalog.open(Address(self.url, self.server.options))

    def log(self, source: Path, name: str = "data") -> str:
        """The version that the folder became."""
        os.environ.update(self.server.environment)
        with artifacts.init(settings=self.settings) as run:
            artifact = artifacts.Artifact(name, "dataset")
            artifact.add_dir(str(source))
            return run.log_artifact(artifact).version

    def versions(self, name: str = "data") -> list[Version]:
        """Oldest first."""
        return [*self.catalog.versions(CollectionName("team", "proj", name))][::-1]

    def download(self, name: str, folder: Path) -> dict[str, bytes]:
        with artifacts.init(settings=self.settings) as run:
            return read_tree(Path(run.use_artifact(name).download(str(folder))))

    def problems(self) -> list[str]:
        return [f"{found.where}: {found.reason}" for found in verify_store(self.catalog).problems]


@pytest.fixture(params=STORES)
def machine(request: pytest.FixtureRequest, fleet: Fleet, tmp_path: Path) -> Iterator[Machine]:
    server = fleet.server(request.param)
    url = server.place()
    yield Machine(server, url, tmp_path / "machine")
    server.clear(url)


def test_what_was_logged_is_used_elsewhere(machine: Machine, tmp_path: Path) -> None:
    source = write_tree(tmp_path / "source", FIRST)
    assert [machine.log(source), machine.log(source)] == ["v0", "v0"]
    write_tree(source, SECOND)
    assert machine.log(source) == "v1"

    other = Machine(machine.server, machine.url, tmp_path / "other")
    assert other.download("data:v0", tmp_path / "0") == FIRST
    assert other.download("data:latest", tmp_path / "1") == SECOND
    assert other.problems() == []


@pytest.mark.parametrize("moments", MOMENTS)
def test_whoever_dies_while_logging_leaves_a_store_that_is_whole(
    machine: Machine, tmp_path: Path, moments: str
) -> None:
    first, second = (write_tree(tmp_path / f"{n}", t) for n, t in enumerate((FIRST, SECOND)))
    machine.log(first, "counted")
    for at in spread(calls_of(machine, second, "counted"), DEATHS):
        name = f"data-{at}"
        machine.log(first, name)
        moment = moments.split(" or ")[at % 2 - 1]
        dies(log_and_die, at, moment, machine, second, name)

        found = [version.row.number for version in machine.versions(name)]
        assert found in ([0], [0, 1])
        assert machine.download(f"{name}:v0", tmp_path / name / "first") == FIRST
        assert machine.log(second, name) == "v1"
        assert machine.download(f"{name}:v1", tmp_path / name / "second") == SECOND
        assert [version.row.number for version in machine.versions(name)] == [0, 1]
    assert machine.problems() == []


def calls_of(machine: Machine, source: Path, name: str) -> int:
    """How often a store is asked when the folder is logged."""
    counting = CountingStore(RemoteStore(machine.url, machine.server.options))
    log_through(counting, machine, source, name)
    assert len(counting.calls) > 8
    return len(counting.calls)


def log_and_die(at: int, moment: str, machine: Machine, source: Path, name: str) -> None:
    os.environ.update(machine.server.environment)
    store = RemoteStore(machine.url, machine.server.options)
    log_through(KillingStore(store, at, before=moment == "before"), machine, source, name)


def log_through(store: ObjectStore, machine: Machine, source: Path, name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_resolve", lambda _: store)
        machine.log(source, name)


def test_versions_of_eight_writers_have_neither_gap_nor_double(
    machine: Machine, tmp_path: Path
) -> None:
    with ProcessPoolExecutor(WRITERS, FORKS) as pool:
        writers = range(WRITERS)
        said = [*pool.map(commit, WRITERS * [machine], writers, WRITERS * [tmp_path])]

    versions = machine.versions()
    assert [version.row.number for version in versions] == [*range(WRITERS * EACH)]
    contents = [b"".join(version.read("offer")) for version in versions]
    assert Counter(contents) == Counter(
        offer(writer, turn) for writer in writers for turn in range(EACH)
    )
    for writer, names in enumerate(said):
        numbers = [int(name.removeprefix("v")) for name in names]
        assert [contents[number] for number in numbers] == [offer(writer, n) for n in range(EACH)]
        assert numbers == sorted(numbers)
    assert machine.problems() == []


def commit(machine: Machine, writer: int, folder: Path) -> list[str]:
    """The versions that this writer's offers became, each from a machine of its own."""
    own = Machine(machine.server, machine.url, folder / f"machine-{writer}")
    source = folder / f"source-{writer}"
    return [own.log(write_tree(source, {"offer": offer(writer, turn)})) for turn in range(EACH)]


def offer(writer: int, turn: int) -> bytes:
    return b"offer %d of %d" % (turn, writer)
