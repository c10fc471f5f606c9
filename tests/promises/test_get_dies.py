"""A download dies: the next one there is whole, and after a minute nothing of the first is left."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dying import at_system_call, count_system_calls, dies, spread
from folders import write_tree
from scene import Scene, Tree, memory_disk, noise, read_tree

from artifacts.cache import is_ours

FILES: Tree = {f"sub/{n}": noise(2000, n) for n in range(30)} | {"big": noise(2**21, seed=99)}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with memory_disk(tmp_path) as disk:
        scene = Scene(disk / "scene")
        scene.log(write_tree(disk / "source", FILES))
        yield scene


def get(scene: Scene, root: Path) -> None:
    scene.download(0, root)


@pytest.mark.local
def test_nothing_of_a_download_that_died_is_left_by_the_next(scene: Scene) -> None:
    disk = scene.folder.parent
    calls = count_system_calls(disk / "calls", get, scene, disk / "counted")
    left = 0
    for at in spread(calls, 25):
        root = disk / f"root{at}"
        dies(at_system_call, at, get, scene, root)
        for path in filter(Path.is_dir, root.glob(".*")):
            left += is_ours(path.name)
            os.utime(path, (time.time() - 61,) * 2)

        get(scene, root)

        assert read_tree(root) == FILES
        assert [path.name for path in root.glob(".*")] == [".artifact-receipt"]
        shutil.rmtree(root)
    assert left > 5, "no death left anything behind"
