"""Round trips: how often who uses a store that is far away waits for it, one after the other.

All of them count, from a new process on: store.json, directories, the run's own log, and what
happens in the background while there is something to wait for.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from artifact.samples import read, write

import artifacts
from artifacts import Api, Artifact
from artifacts.catalog import Catalog, Draft
from artifacts.errors import UnsupportedStoreError
from artifacts.storage import MemoryStore, opening
from artifacts.testing import TimelineStore

DELAY_S = 0.1  # many times what one request takes of the processor
COUNTS = [1, 7, 8, 9, 300]  # of versions: around the first checkpoints, and many


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> TimelineStore:
    """The store of the settings, from now on."""
    store = TimelineStore(MemoryStore("far"), 0)
    # the only address of a store that waits for nobody
    monkeypatch.setitem(opening._memory_stores, "far", store)  # noqa: SLF001
    monkeypatch.setenv("ART_STORE", "memory://far")
    return store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(b"new" + bytes(4093))
    return path


def log(file: Path) -> str:
    """As a new process does."""
    with artifacts.init() as run:
        artifact = Artifact("data", "dataset")
        artifact.add_file(str(file))
        return run.log_artifact(artifact).version


def versions(store: TimelineStore, count: int, cache: Path, first: int = 0) -> None:
    """Made by another machine."""
    catalog = Catalog.open(store.url, create=True, cache=cache)
    for number in range(first, first + count):
        draft = Draft("data", "dataset", catalog.intake(cache))
        draft.add_bytes(b"%d" % number, "file.bin")
        catalog.commit(draft, "default", "uncategorized")


@pytest.mark.parametrize("count", COUNTS)
def test_a_small_file_is_logged_from_a_warm_machine_in_four(
    far: TimelineStore, file: Path, tmp_path: Path, count: int
) -> None:
    versions(far, count - 1, tmp_path / "other")
    log(file)
    file.write_bytes(b"changed" + bytes(4089))

    far.measure(DELAY_S)
    assert log(file) == f"v{count}"

    assert len(far.chain()) <= 4, far.chain()


@pytest.mark.parametrize("count", COUNTS)
def test_a_small_artifact_is_read_from_a_cold_machine_in_five(
    far: TimelineStore, tmp_path: Path, count: int
) -> None:
    versions(far, count, tmp_path / "other")

    far.measure(DELAY_S)
    folder = Api().artifact("data:latest").download()

    assert read(folder) == {"file.bin": b"%d" % (count - 1)}
    assert len(far.chain()) <= 5, far.chain()


def test_pages_and_layouts_of_a_large_artifact_are_read_at_once(
    far: TimelineStore, tmp_path: Path
) -> None:
    files = {f"{number}-{'x' * 90}": b"%d" % number for number in range(20_000)}
    with artifacts.init() as run:
        artifact = Artifact("data", "dataset")
        artifact.add_dir(write(tmp_path / "many", files))
        run.log_artifact(artifact)
    assert len([*far.list("pages/")]) > 8
    shutil.rmtree(tmp_path / "cache")

    far.measure(DELAY_S)
    Api().artifact("data:latest").download()

    kinds = [request.key.partition("/")[0] for request in far.chain()]
    assert kinds.count("pages") + kinds.count("layouts") <= 3
    assert kinds.count("manifests") <= 1


@pytest.mark.parametrize("version", ["v0", "prod", "v299"])
def test_an_old_version_among_hundreds_is_read_in_five(
    far: TimelineStore, tmp_path: Path, version: str
) -> None:
    versions(far, 290, tmp_path / "other")
    artifact = Api().artifact("data:v7")
    artifact.aliases.append("prod")
    artifact.save()
    versions(far, 10, tmp_path / "other", 290)
    shutil.rmtree(tmp_path / "cache")

    far.measure(DELAY_S)
    Api().artifact(f"data:{version}").download()

    assert len(far.chain()) <= 5, far.chain()


def test_a_machine_that_knows_an_old_end_only_reads_the_rest(
    far: TimelineStore, file: Path, tmp_path: Path
) -> None:
    versions(far, 3, tmp_path / "other")
    log(file)
    shutil.copytree(tmp_path / "cache", tmp_path / "old")
    for number in range(5):
        file.write_bytes(b"new %d" % number)
        log(file)
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "old").rename(tmp_path / "cache")

    file.write_bytes(b"last")
    assert log(file) == "v9"


def test_a_machine_that_knows_another_store_at_the_same_place_believes_the_store(
    far: TimelineStore, file: Path, tmp_path: Path
) -> None:
    versions(far, 3, tmp_path / "other")
    log(file)
    for key in [*far.list()]:
        far.delete(key)

    versions(far, 1, tmp_path / "third")

    assert log(file) == "v1"
    assert read(Api().artifact("data:v1").download()) == {"file.bin": file.read_bytes()}


def test_nothing_is_appended_to_a_store_that_creates_twice(
    far: TimelineStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(file)
    logs = sorted(far.list("logs/"))
    monkeypatch.setattr(TimelineStore, "create", TimelineStore.write)

    with pytest.raises(UnsupportedStoreError):
        log(file)

    assert sorted(far.list("logs/")) == logs
    assert artifacts.run is None
