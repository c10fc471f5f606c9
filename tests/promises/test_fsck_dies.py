"""A check of a store is killed: the next one goes on where it was, and finds what it would have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from dying import at_store_call, dies
from folders import write_tree
from scene import Scene, memory_disk, noise, table

from artifacts.cache import Checked
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.upkeep.mending import checkup
from artifacts.storage import now
from artifacts.testing import CountingStore

TREES: Final = {
    "many": {f"many/{number}": noise(30_000, number) for number in range(40)},
    "mixed": {"big": noise(2**21, seed=91), "table": table(100_000, seed=92)},
    "large": {f"{number}": noise(2**21, seed=200 + number) for number in range(6)},
}


def check(scene: Scene) -> list[tuple[str, str]]:
    return found_by(scene, scene.catalog)


def found_by(scene: Scene, catalog: Catalog) -> list[tuple[str, str]]:
    """What is found where, by a check that knows what one before it found right."""
    url, cache = scene.settings.store, scene.settings.cache_dir
    checked = Checked(cache, catalog.identity.id, url, now())
    return [(each.kind, each.where) for each in checkup(catalog, checked=checked).findings]


def reads_of(scene: Scene) -> Counter[str]:
    """How often each blob is read, in pieces, by a check as it goes on now."""
    store = CountingStore(scene.store)
    found_by(scene, Catalog(store))
    return Counter(key for operation, key in store.calls if operation == "read" and "blobs/" in key)


def harm(scene: Scene) -> str:
    """The key of a blob in which a bit was flipped."""
    folder = scene.folder / "store"
    path = max(each for each in (folder / "blobs").rglob("*") if each.is_file())
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return str(path.relative_to(folder))


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Scene]:
    with memory_disk(tmp_path) as disk:
        scene = Scene(disk / "begun")
        for name, tree in TREES.items():
            scene.log(write_tree(disk / name, tree), name)
        yield scene


@pytest.mark.local
def test_a_check_that_dies_anywhere_is_gone_on_with_and_finds_what_is_wrong(begun: Scene) -> None:
    harmed = harm(begun)
    for at in count(1, 29):
        scene = begun.copied(begun.folder.parent / f"scene{at}")
        is_dead = dies(at_store_call, at, "before", check, scene)
        assert check(scene) == [("damaged", harmed)]
        assert not [*(scene.folder / "cache" / "checked").iterdir()]
        if not is_dead:
            break
    assert at > 50


@pytest.mark.local
def test_what_was_read_and_right_is_not_read_again(begun: Scene) -> None:
    disk = begun.folder.parent
    all_reads = reads_of(begun.copied(disk / "whole"))
    saved = 0
    for at in count(60, 90):
        scene = begun.copied(disk / f"scene{at}")
        if not dies(at_store_call, at, "before", check, scene):
            break
        again = reads_of(scene)
        assert again.keys() <= all_reads.keys()
        saved = all_reads.total() - again.total()
    assert saved > 0.9 * all_reads.total(), "the last one died when little was left"


@pytest.mark.local
def test_what_is_damaged_before_it_was_read_is_found_by_whoever_goes_on(begun: Scene) -> None:
    dies(at_store_call, 12, "before", check, begun)

    harmed = harm(begun)

    assert ("damaged", harmed) in check(begun)
