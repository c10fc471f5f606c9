"""Many machines: a real cluster verifies, adds and repacks as one process does, even if it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from cluster import Cluster, cluster
from folders import write_tree
from scene import DATA, Scene, Tree, noise
from servers.fleet import Fleet

import artifacts
from artifacts.catalog import Session
from artifacts.catalog.upkeep.reindex import reindex
from artifacts.catalog.upkeep.repack import repack
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.names import CollectionName
from artifacts.progress import Silent
from artifacts.settings import Settings
from artifacts.workers import workers_at

FILES: Tree = {f"{n % 7}/{n}": noise(3000, seed=n) for n in range(2500)}
KEPT: Tree = {path: data for path, data in FILES.items() if path.startswith("3/")}


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "dask").mkdir()
    with cluster(tmp_path / "dask") as found:
        yield found


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def art(scene: Scene, *arguments: str) -> str:
    command = [sys.executable, "-m", "artifacts.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=scene.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Killing(Silent):
    """Kills a worker as soon as some work is done."""

    def __init__(self, worker: subprocess.Popen[bytes]) -> None:
        self._worker = worker

    def advance(self, size: int) -> None:
        self._worker.kill()


def test_a_cluster_adds_verifies_and_repacks(scene: Scene, dask: Cluster) -> None:
    write_tree(scene.folder / "data", FILES)
    where = ("--store", scene.settings.store, "--entity", DATA.entity, "--project", DATA.project)
    art(scene, "put", "data", "all", "--executor", dask.url, *where)
    art(scene, "put", "data/3", DATA.collection, "--executor", dask.url, *where)
    scene.catalog.delete(CollectionName(DATA.entity, DATA.project, "all"))

    assert "1 blob of" in art(scene, "store", "repack", "--executor", dask.url, *where)
    art(scene, "store", "index", "--executor", dask.url, *where)
    art(scene, "verify", "--all", "--executor", dask.url, *where)
    art(scene, "verify", f"{DATA.collection}:v0", "--executor", dask.url, *where)
    art(scene, "get", f"{DATA.collection}:v0", "./out", *where)
    answer = art(scene, "verify", "./out", "--executor", dask.url, *where)

    assert f"{len(KEPT)} files" in answer
    assert scene.problems() == []


def test_a_worker_killed_while_a_store_is_verified_hides_nothing(
    scene: Scene, dask: Cluster
) -> None:
    for number in range(9):
        scene.log(write_tree(scene.folder / str(number), {"solo": noise(2**22 + number, number)}))
    [*_, blob] = scene.store.list("blobs/")
    data = scene.store.read(blob)
    scene.store.write(blob, data[:-1] + bytes([data[-1] ^ 1]))
    here = verify_store(scene.catalog)

    with workers_at(dask.url) as executor:
        found = verify_store(scene.catalog, Killing(dask.workers[0]), executor=executor)

    assert dask.workers[0].poll() is not None
    assert not found.is_clean
    assert (found.problems, found.size) == (here.problems, here.size)


def test_a_worker_killed_while_a_folder_is_added_changes_nothing(
    scene: Scene, dask: Cluster
) -> None:
    source = write_tree(scene.folder / "data", FILES)
    expected = scene.log(source).digest
    before = {*scene.store.list("blobs/")}
    other = Scene(scene.folder / "other")
    other.folder.mkdir()
    os.symlink(scene.folder / "store", other.folder / "store")

    killer = Thread(target=dask.workers[0].send_signal, args=(signal.SIGKILL,))
    with workers_at(dask.url) as executor, artifacts.init(settings=other.settings) as run:
        killer.start()
        artifact = artifacts.Artifact("again", "dataset")
        artifact.add_dir(str(source), executor=executor)
        run.log_artifact(artifact)
    killer.join()

    assert artifact.digest == expected
    assert {*scene.store.list("blobs/")} == before


def test_a_cluster_all_of_whose_workers_die_is_done_without(scene: Scene, dask: Cluster) -> None:
    scene.log(write_tree(scene.folder / "data", FILES), "all")
    scene.log(write_tree(scene.folder / "kept", KEPT))
    scene.catalog.delete(CollectionName(DATA.entity, DATA.project, "all"))

    with pytest.MonkeyPatch.context() as patch, workers_at(dask.url) as executor:
        patch.setattr("artifacts.workers._PATIENCE_S", 1.0)
        for worker in dask.workers:
            worker.kill()
            worker.wait()
        done = repack(scene.catalog, executor=executor)

    assert (done.blobs, done.versions) == (1, 1)
    assert scene.download(0, scene.folder / "out") == KEPT
    assert scene.problems() == []


def test_workers_reach_a_bucket_as_this_process_does(
    tmp_path: Path, fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """Their stores come with its options, and without its cache."""
    server = fleet.server("ministack")
    settings = Settings.load(
        store=server.place(), storage_options=server.options, cache_dir=tmp_path / "cache"
    )
    session = Session(settings)
    artifact = artifacts.Artifact("data", "dataset")
    artifact.add_dir(str(write_tree(tmp_path / "data", FILES)))
    artifact.log(session)

    with workers_at("processes://1") as executor:
        found = verify_store(Session(settings).catalog, executor=executor)
        index = reindex(Session(settings).catalog, executor=executor)

    assert (found.problems, index.rows) == ([], len(FILES))
    assert "done here" not in caplog.text
