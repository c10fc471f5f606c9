"""Round trips: how often who uses a store that is far away waits for it, one after the other.

All of them count, from a new process on: store.json, directories, the run's own log, and what
happens in the background while there is something to wait for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from artifact.samples import read, write

import artifacts
from artifacts import Api, Artifact
from artifacts.catalog import Catalog, Draft, Session
from artifacts.content import Digest
from artifacts.errors import StorageError, UnsupportedStoreError
from artifacts.runs import record as record_module
from artifacts.runs.delivery.recovery import recover
from artifacts.settings import Settings
from artifacts.storage import MemoryStore, Tail, opening
from artifacts.testing import CountingStore, TimelineStore

DELAY_S = 0.1  # many times what one request takes of the processor
COUNTS = [1, 8, 9, 300]  # of versions: around the first checkpoints, and many


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


def test_nothing_lists_the_store(file: Path, tmp_path: Path, far: TimelineStore) -> None:
    versions(far, 70, tmp_path / "other")

    far.measure(0)
    log(file)
    shutil.rmtree(tmp_path / "cache")
    log(file)
    Api().artifact("data:v3").download()
    Api().artifact("data:latest").get_entry("file.bin").download()

    assert "list" not in {request.operation for request in far.requests}


def test_nothing_lists_a_near_store_either(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CountingStore(MemoryStore("near"))
    # the only address of a store that keeps a record
    monkeypatch.setitem(opening._memory_stores, "near", store)  # noqa: SLF001
    monkeypatch.setenv("ART_STORE", "memory://near")
    log(file)

    store.calls.clear()
    file.write_bytes(b"changed")
    log(file)
    Api().artifact("data:v0").download()
    Api().artifact("data:latest").get_entry("file.bin").download()

    assert "list" not in {operation for operation, _ in store.calls}


def test_what_a_run_does_is_told_in_order_and_told_when_it_ends(
    far: TimelineStore, file: Path
) -> None:
    with artifacts.init(id="run") as run:
        for number in range(3):
            file.write_bytes(b"%d" % number)
            run.log_artifact(Artifact(f"data-{number}", "dataset"))
            run.use_artifact(f"data-{number}")

    assert record("run") == ["started", *3 * ["logged", "used"], "finished"]
    with artifacts.init(id="run"):
        pass
    assert record("run")[-3:] == ["finished", "started", "finished"]


def test_what_a_run_cannot_tell_when_it_ends_waits_on_its_machine(
    far: TimelineStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    create = TimelineStore.create

    def refuse(store: TimelineStore, key: str, data: bytes) -> None:
        if key.startswith("logs/run/"):
            raise StorageError(key, "no space left")
        create(store, key, data)

    pools: list[ThreadPoolExecutor] = []

    def pool_of(*arguments: Any) -> ThreadPoolExecutor:  # noqa: ANN401
        pools.append(ThreadPoolExecutor(*arguments))
        return pools[-1]

    with monkeypatch.context() as patch:
        patch.setattr(TimelineStore, "create", refuse)
        patch.setattr(record_module, "ThreadPoolExecutor", pool_of)
        with artifacts.init(id="run") as run:
            run.log_artifact(Artifact("data", "dataset"))
        [pool] = pools
        pool.shutdown()  # the run's log may be tried once more while the run ends
    assert artifacts.run is None
    assert "no space left" in caplog.text
    assert Api().artifact("data").version == "v0"

    assert recover(Session(Settings.load()))

    assert record("run") == ["delivered", "started", "delivered", "logged", "finished"]


def record(run: str) -> list[str]:
    """What the run's own log says, in order."""
    settings = Settings.load()
    key = Digest.of(run.encode()).hex()[:32]
    log = Catalog.open(settings.store).run_log(settings.entity, settings.project, key)
    return [change["kind"] for event in log.after(Tail.start(log.name)) for change in event.changes]


def test_a_process_that_never_finishes_its_run_has_told_all_of_it(tmp_path: Path) -> None:
    script = """\
from artifacts.storage import Log, MemoryStore, Tail, opening
from artifacts.testing import TimelineStore
import artifacts, atexit
store = TimelineStore(MemoryStore("far"), 0.01)
opening._memory_stores["far"] = store
artifacts.init().log_artifact(artifacts.Artifact("data", "dataset"))
def tell():
    [key] = [key for key in store.list("logs/") if key.startswith("logs/run/")]
    log = Log(store, key[5:-13])
    events = log.after(Tail.start(log.name))
    print(*[change["kind"] for event in events for change in event.changes])
atexit.register(tell)
"""
    environment = {**os.environ, "ART_STORE": "memory://far"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=True, text=True
    )

    assert done.stdout == "started logged finished\n"
