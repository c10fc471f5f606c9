"""Crash: whoever dies while writing leaves a store that is whole, and loses nothing of others."""

from __future__ import annotations

import shutil
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import pytest
from dying import Moment, at_store_call, at_system_call, count_system_calls, dies, spread
from folders import write_tree
from scene import (
    Scene,
    Tree,
    inserted,
    memory_disk,
    noise,
    page_starts,
    read_tree,
    scene_with,
    table,
)

from artifacts.cache import Receipt, audit
from artifacts.cache import Tree as FolderTree
from artifacts.errors import NotFoundError

SMALL: Tree = {f"labels/{n}.txt": b"label %d" % n for n in range(4)} | {"empty": b""}
LARGE: Tree = {"table": table(10_000, seed=5), "weights": noise(100_000, seed=6)}
EDITED = {path: inserted(data, b"new") for path, data in LARGE.items()}
FIRST = SMALL
SECOND = {**SMALL, **LARGE, "labels/1.txt": b"corrected", "notes.md": noise(5_000, seed=2)}
WITHIN = {**SMALL, **EDITED, "labels/2.txt": b"changed", "a/b/c": noise(9, 3)}
WITHIN |= {"solo": noise(2**22, 1)}
BESIDE = {  # names so long that pages and manifest do not fit into the event
    **WITHIN,
    **{start: start.encode() for start in islice(page_starts(), 3)},
    **{f"many/{urlsafe_b64encode(noise(189, n)).decode()}": b"many %d" % n for n in range(80)},
}
OFTEN = 30


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with memory_disk(tmp_path) as folder:
        yield folder


@pytest.fixture
def begun(disk: Path) -> Scene:
    """A store with two versions."""
    return scene_with(disk / "begun", FIRST, SECOND)


@pytest.fixture
def grown(begun: Scene) -> Scene:
    """A store with three versions."""
    begun.log(write_tree(begun.folder / "2", BESIDE))
    assert len([*begun.store.list("pages/")]) > 2, "its pages should be too large for the event"
    return begun


@pytest.mark.parametrize(
    ("tree", "moment"),
    [(WITHIN, "after"), (BESIDE, "before"), (BESIDE, "after")],
    ids=["within its event, after", "beside its event, before", "beside its event, after"],
)
def test_logging_dies_at_any_store_call(
    begun: Scene, disk: Path, tree: Tree, moment: Moment
) -> None:
    source = write_tree(disk / "source", tree)
    for at in count(1):
        scene = begun.copied(disk / "scene")
        is_dead = dies(at_store_call, at, moment, scene.log, source)
        assert_whole_and_retried(scene, source, [FIRST, SECOND], tree)
        if not is_dead:
            break
    assert at > 50


def test_logging_dies_at_any_system_call(begun: Scene, disk: Path) -> None:
    source = write_tree(disk / "source", BESIDE)
    calls = count_system_calls(disk / "calls", begun.copied(disk / "counted").log, source)
    for at in spread(calls, 2 * OFTEN):
        scene = begun.copied(disk / "scene")
        dies(at_system_call, at, scene.log, source)
        assert_whole_and_retried(scene, source, [FIRST, SECOND], BESIDE)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_first_write_ever_dies_at_a_store_call(disk: Path, moment: Moment) -> None:
    """Most of them try whether the place can be a store, eight writers at once."""
    source = write_tree(disk / "source", SMALL)
    for at in spread(120, OFTEN):
        scene = Scene(disk / "scene")
        dies(at_store_call, at, moment, scene.log, source)
        assert_whole_and_retried(scene, source, [], SMALL)


def test_the_first_write_ever_dies_at_a_system_call(disk: Path) -> None:
    source = write_tree(disk / "source", SMALL)
    calls = count_system_calls(disk / "calls", Scene(disk / "counted").log, source)
    for at in spread(calls, OFTEN):
        scene = Scene(disk / "scene")
        dies(at_system_call, at, scene.log, source)
        assert_whole_and_retried(scene, source, [], SMALL)


def test_a_download_dies_at_any_system_call(grown: Scene, disk: Path) -> None:
    calls = count_system_calls(disk / "calls", grown.download, 2, disk / "counted")
    for at in spread(calls, 2 * OFTEN):
        folder = disk / str(at)
        folder.mkdir()
        assert dies(at_system_call, at, grown.download, 2, folder)
        assert read_tree(folder).items() <= BESIDE.items()
        assert {path for path, _, _ in FolderTree(str(folder))} <= BESIDE.keys()
        assert_downloaded(grown, folder)


def test_an_update_of_a_download_dies_at_any_system_call(grown: Scene, disk: Path) -> None:
    grown.download(1, disk / "counted")
    calls = count_system_calls(disk / "calls", grown.download, 2, disk / "counted")
    for at in spread(calls, OFTEN):
        folder = disk / str(at)
        grown.download(1, folder)
        assert dies(at_system_call, at, grown.download, 2, folder)
        assert read_tree(folder).items() <= SECOND.items() | BESIDE.items()
        assert_downloaded(grown, folder)


def assert_whole_and_retried(
    scene: Scene, source: Path, before: Sequence[Tree], tree: Tree
) -> None:
    assert_whole(scene, before, tree)
    assert scene.log(source).version == f"v{len(before)}"
    assert scene.download(len(before), scene.folder / "retried") == tree
    assert [version.row.number for version in scene.versions()] == [*range(len(before) + 1)]
    assert scene.problems() == []
    shutil.rmtree(scene.folder)


def assert_whole(scene: Scene, before: Sequence[Tree], tree: Tree) -> None:
    """Earlier versions are as they were, the one that was interrupted is there whole or not."""
    try:
        found = contents(scene)
    except NotFoundError:  # of the collection, or of the very store
        found = []
    else:
        assert scene.problems() == []
    assert found in ([*before], [*before, tree])


def contents(scene: Scene) -> list[Tree]:
    """Files of all versions, which are numbered without gap."""
    numbers = [version.row.number for version in scene.versions()]
    assert numbers == [*range(len(numbers))]
    return [scene.download(number, scene.folder / f"found-{number}") for number in numbers]


def assert_downloaded(scene: Scene, folder: Path) -> None:
    """A second download completes the first, whose remains are taken for nobody's data."""
    assert scene.download(2, folder) == BESIDE
    assert audit(folder, Receipt.read(folder).files()).is_clean
    shutil.rmtree(folder)
