"""Crash: whoever dies while writing leaves a store that is whole, and loses nothing of others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from dying import (
    Moment,
    at_store_call,
    at_system_call,
    dies,
    spread,
    system_calls,
    without_waiting_for_the_disk,
)
from scene import Scene, Tree, delivered, noise, page_starts, read_tree

from artifacts.cache import Receipt, audit
from artifacts.catalog import deliver
from artifacts.errors import NotFoundError

SMALL: Tree = {f"labels/{n}.txt": b"label %d" % n for n in range(4)} | {"empty": b""}
FIRST = SMALL
SECOND = {**SMALL, "labels/1.txt": b"corrected", "notes.md": noise(5_000, seed=2)}
WITHIN = {**SMALL, "labels/2.txt": b"changed", "a/b/c": noise(9, 3), "solo": noise(2**22, 1)}
BESIDE = {  # names so long that pages and manifest do not fit into the event
    **WITHIN,
    **{f"{start}/of a page": start.encode() for start in islice(page_starts(), 3)},
    **{f"many/{n:02}-{noise(110, seed=n).hex()}": b"of many %d" % n for n in range(60)},
}
MOMENTS: list[Moment] = ["before", "after"]


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk() -> Iterator[None]:
    with without_waiting_for_the_disk():
        yield


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store with two versions."""
    scene = Scene(tmp_path_factory.mktemp("begun"))
    for tree in (FIRST, SECOND):
        scene.log(scene.write(tree))
    return scene


@pytest.fixture(scope="module")
def grown(begun: Scene, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store with three versions."""
    scene = begun.copied(tmp_path_factory.mktemp("grown") / "scene")
    scene.log(scene.write(BESIDE))
    return scene


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("tree", [WITHIN, BESIDE], ids=["within its event", "beside its event"])
def test_logging_dies_at_any_store_call(
    begun: Scene, tmp_path: Path, tree: Tree, moment: Moment
) -> None:
    source = begun.write(tree)
    for at in count(1):
        scene = begun.copied(tmp_path / str(at))
        is_dead = dies(at_store_call, at, moment, log, scene, source)
        assert_whole(scene, [FIRST, SECOND], tree)
        assert_retried(scene, source, [FIRST, SECOND, tree])
        if not is_dead:
            break
    assert at > 50


def test_logging_dies_at_any_system_call(begun: Scene, tmp_path: Path) -> None:
    source = begun.write(BESIDE)
    counted = begun.copied(tmp_path / "counted")
    for at in spread(system_calls(tmp_path / "calls", log, counted, source), 60):
        scene = begun.copied(tmp_path / str(at))
        assert dies(at_system_call, at, log, scene, source)
        assert_whole(scene, [FIRST, SECOND], BESIDE)
        assert_retried(scene, source, [FIRST, SECOND, BESIDE])


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_first_write_ever_dies_at_any_store_call(tmp_path: Path, moment: Moment) -> None:
    source = Scene(tmp_path).write(SMALL)
    for at in count(1):
        scene = Scene(tmp_path / str(at))
        is_dead = dies(at_store_call, at, moment, log, scene, source)
        assert_whole(scene, [], SMALL)
        assert_retried(scene, source, [SMALL])
        if not is_dead:
            break
    assert at > 100


def test_the_first_write_ever_dies_at_any_system_call(tmp_path: Path) -> None:
    source = Scene(tmp_path).write(SMALL)
    counted = Scene(tmp_path / "counted")
    for at in spread(system_calls(tmp_path / "calls", log, counted, source), 60):
        scene = Scene(tmp_path / str(at))
        assert dies(at_system_call, at, log, scene, source)
        assert_whole(scene, [], SMALL)
        assert_retried(scene, source, [SMALL])


def test_a_download_dies_at_any_system_call(grown: Scene, tmp_path: Path) -> None:
    calls = system_calls(tmp_path / "calls", download, grown, 2, tmp_path / "counted")
    for at in spread(calls, 60):
        folder = tmp_path / str(at)
        assert dies(at_system_call, at, download, grown, 2, folder)
        assert read_tree(folder).items() <= BESIDE.items()
        assert_downloaded(grown, folder, BESIDE)


def test_an_update_of_a_download_dies_at_any_system_call(grown: Scene, tmp_path: Path) -> None:
    download(grown, 1, tmp_path / "counted")
    calls = system_calls(tmp_path / "calls", download, grown, 2, tmp_path / "counted")
    for at in spread(calls, 40):
        folder = tmp_path / str(at)
        download(grown, 1, folder)
        assert dies(at_system_call, at, download, grown, 2, folder)
        assert read_tree(folder).items() <= SECOND.items() | BESIDE.items()
        assert_downloaded(grown, folder, {**SECOND, **BESIDE})


def log(scene: Scene, source: Path) -> None:
    scene.log(source)


def download(scene: Scene, number: int, folder: Path) -> None:
    deliver(scene.versions()[number], folder)


def assert_whole(scene: Scene, before: list[Tree], tree: Tree) -> None:
    """Earlier versions are as they were, the one that was interrupted is there whole or not."""
    try:
        versions = scene.versions()
    except NotFoundError:
        versions = []
    if scene.has_store:
        assert scene.problems() == []
    assert [version.row.number for version in versions] == [*range(len(versions))]
    found = [
        delivered(each, scene.folder / f"found-{each.row.number}") for each in versions
    ]
    assert found in (before, [*before, tree])


def assert_retried(scene: Scene, source: Path, trees: list[Tree]) -> None:
    """To log the same again comes to the version that it would have come to."""
    assert scene.log(source).version == f"v{len(trees) - 1}"
    assert scene.problems() == []
    assert len(scene.versions()) == len(trees)
    assert delivered(scene.versions()[-1], scene.folder / "retried") == trees[-1]


def assert_downloaded(scene: Scene, folder: Path, tree: Tree) -> None:
    """A second download completes the first, whose remains are taken for nobody's data."""
    download(scene, 2, folder)
    assert read_tree(folder) == tree
    wanted = Receipt.read(folder).files()
    assert audit(folder, wanted).is_clean is (wanted.keys() == tree.keys())
