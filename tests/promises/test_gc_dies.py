"""A collector dies: whoever comes next ends its work, and nothing that is needed is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from dying import Moment, at_store_call, at_system_call, count_system_calls, dies, spread
from folders import write_tree
from scene import Scene, Tree, memory_disk, noise, table

from artifacts.catalog.upkeep.gc import collect
from artifacts.names import CollectionName

GONE: Tree = {f"{n}": noise(1000, seed=n) for n in range(20)} | {"table": table(4000, seed=1)}
KEPT: Tree = {"a/7": noise(1000, seed=98), "b": noise(500, seed=99)}
LONG: Tree = {noise(90, n).hex(): noise(9, n) for n in range(150)}  # pages beside their event


def collect_all(scene: Scene) -> None:
    collect(scene.catalog, timedelta(0))


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Scene]:
    """A deleted version, a deleted collection, and a version that is kept."""
    with memory_disk(tmp_path) as disk:
        scene = Scene(disk / "begun")
        scene.log(write_tree(disk / "long", LONG), "other")
        scene.log(write_tree(disk / "gone", GONE))
        scene.log(write_tree(disk / "kept", KEPT))
        catalog = scene.catalog
        catalog.drop(scene.versions()[0])
        catalog.delete(CollectionName("team", "proj", "other"))
        yield scene


@pytest.mark.local
@pytest.mark.parametrize("moment", ["before", "after"])
def test_collecting_dies_at_any_store_call(begun: Scene, moment: Moment) -> None:
    disk = begun.folder.parent
    for at in count(1):
        scene = begun.copied(disk / "scene")
        is_dead = dies(at_store_call, at, moment, collect_all, scene)
        assert_ends_well(scene, disk)
        if not is_dead:
            break
    assert at > 60


@pytest.mark.local
def test_collecting_dies_at_any_system_call(begun: Scene) -> None:
    disk = begun.folder.parent
    calls = count_system_calls(disk / "calls", collect_all, begun.copied(disk / "counted"))
    for at in spread(calls, 40):
        scene = begun.copied(disk / "scene")
        dies(at_system_call, at, collect_all, scene)
        assert_ends_well(scene, disk)


def assert_ends_well(scene: Scene, disk: Path) -> None:
    assert scene.problems() == []
    assert scene.download(0, disk / "found") == KEPT
    collect_all(scene)
    assert scene.problems() == []
    assert scene.download(0, disk / "again") == KEPT
    left = [key for kind in ("blobs", "pages", "layouts") for key in scene.store.list(f"{kind}/")]
    assert len(left) == 1, left
    assert scene.catalog.logs.generations.refresh().state.open is None
    scene.log(write_tree(disk / "once more", GONE))
    assert scene.download(1, disk / "more") == GONE
    for folder in ("scene", "found", "again", "once more", "more"):
        shutil.rmtree(disk / folder)
