"""Repacking dies: whoever is killed while repacking leaves every version as it was, or moved."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
from dying import Moment, at_store_call, dies
from folders import write_tree
from scene import DATA, Scene, Tree, memory_disk, noise

from artifacts.catalog.upkeep.repack import repack
from artifacts.names import CollectionName

MOST: Tree = {f"{n}": noise(1000, seed=n) for n in range(50)}
KEPT: Tree = {"a/7": MOST["7"], "a/8": MOST["8"], "31": MOST["31"]}


def repack_store(scene: Scene) -> None:
    repack(scene.catalog)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_repacking_dies_at_any_store_call(tmp_path: Path, moment: Moment) -> None:
    with memory_disk(tmp_path) as disk:
        begun = Scene(disk / "begun")
        begun.log(write_tree(disk / "most", MOST), "most")
        begun.log(write_tree(disk / "kept", KEPT))
        begun.catalog.delete(CollectionName(DATA.entity, DATA.project, "most"))
        for at in count(1):
            scene = begun.copied(disk / "scene")
            is_dead = dies(at_store_call, at, moment, repack_store, scene)
            assert scene.problems() == []
            assert scene.download(0, disk / "found") == KEPT
            repack_store(scene)
            assert scene.download(0, disk / "again") == KEPT
            assert scene.problems() == []
            assert repack(scene.catalog).blobs == 0
            for folder in ("scene", "found", "again"):
                shutil.rmtree(disk / folder)
            if not is_dead:
                break
        assert at > 20
