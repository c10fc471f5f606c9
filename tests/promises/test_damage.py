"""Damage: whatever is stored, if it changes or goes, is named, and given to nobody."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TypeAlias

import pytest
from folders import write_tree
from forging import forge_event
from scene import (
    DATA,
    Scene,
    Tree,
    inserted,
    memory_disk,
    noise,
    page_starts,
    read_tree,
    table,
)

import artifacts
from artifacts.catalog import Version, download
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import ArtifactsError, BrokenLogError, NotAStoreError, StoreNotFoundError
from artifacts.names import CollectionName
from artifacts.storage import Log, Span, Tail, fold

Damage: TypeAlias = Callable[[bytes], bytes | None]
Truth: TypeAlias = Mapping[str, Tree]
"""The files of every version, by its qualified name."""

MODEL = CollectionName("team", "other", "model")
SMALL = {f"labels/{n}.txt": b"label %d" % n for n in range(3)} | {"empty": b""}
CORRECTED = {**SMALL, "labels/1.txt": b"corrected"}
SOLO = noise(2**22, seed=1)
LARGE = {"table": table(10_000, seed=5), "weights": noise(100_000, seed=6)}
EDITED = {path: inserted(data, b"new") for path, data in LARGE.items()}
MANY = {  # too much for its event
    **{start: start.encode() for start in islice(page_starts(), 2)},
    **{urlsafe_b64encode(noise(189, n)).decode(): b"many %d" % n for n in range(90)},
}
LOGGED: list[tuple[CollectionName, Tree]] = [
    (DATA, SMALL),
    (DATA, CORRECTED),
    (DATA, {**CORRECTED, **LARGE, "solo": SOLO}),
    (DATA, {**EDITED, "labels/2.txt": b"label 2", "copy of solo": SOLO}),
    (MODEL, {"weights": noise(5_000, seed=2)}),
    (MODEL, {"weights": noise(6_000, seed=3), "labels/0.txt": b"label 0"}),
    (MODEL, MANY),
]


def halve(data: bytes) -> bytes:
    return data[: len(data) // 2]


def empty(_data: bytes) -> bytes:
    return b""


def remove(_data: bytes) -> None:
    return None


def flip_first(data: bytes) -> bytes:
    return flip(data, 0)


def flip_middle(data: bytes) -> bytes:
    return flip(data, len(data) // 2)


def flip_last(data: bytes) -> bytes:
    return flip(data, len(data) - 1)


def flip(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


every_damage = pytest.mark.parametrize(
    "damage", [halve, empty, remove, flip_first, flip_middle, flip_last]
)


@dataclass(frozen=True, slots=True)
class Sound:
    """A store as it should be."""

    scene: Scene
    truth: Truth

    def damaged(self, key: str, damage: Damage, folder: Path) -> Scene:
        """A copy of which one object is damaged."""
        scene = self.scene.copied(folder)
        replace(scene, key, damage(scene.store.read(key)))
        return scene

    def keys(self, *prefixes: str) -> list[str]:
        keys = [key for prefix in prefixes for key in self.scene.store.list(prefix)]
        assert keys, f"there is none of {prefixes}"
        return sorted(keys)

    def logs(self) -> Mapping[str, int]:
        """How many events each log has."""
        names = [key.rpartition("/")[0] for key in self.keys("logs/")]
        return {name: names.count(name) for name in sorted({*names})}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sound]:
    """Packs, a solo blob, files in pieces, objects within events and beside them, runs, caches."""
    with memory_disk(tmp_path_factory.mktemp("sound")) as folder, pytest.MonkeyPatch.context() as p:
        p.setattr(fold, "_EVENTS_A_CHECKPOINT", 3)
        scene = Scene(folder / "scene")
        for number, (name, tree) in enumerate(LOGGED):
            source = write_tree(folder / str(number), tree)
            with artifacts.init(settings=scene.settings, project=name.project) as run:
                artifact = artifacts.Artifact(name.collection, "dataset")
                artifact.add_dir(str(source))
                run.log_artifact(artifact, aliases=[f"number-{number}"])
        newest = scene.versions()[-1]
        assert all(len(spans_of(newest, path)) > 1 for path in EDITED)
        truth = {version.qualified_name: contents(version) for version in versions_of(scene)}
        assert [*truth.values()] == [tree for _, tree in LOGGED]
        yield Sound(scene, truth)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with memory_disk(tmp_path) as folder:
        yield folder


@every_damage
def test_a_damaged_object_is_named_and_not_delivered(
    sound: Sound, disk: Path, damage: Damage
) -> None:
    for key in sound.keys("blobs/", "layouts/", "manifests/", "pages/"):
        scene = sound.damaged(key, damage, disk / key)

        [problem] = verify_store(scene.catalog).problems

        assert problem.where == key
        for version in versions_of(scene):
            name = version.qualified_name
            arrived, error = delivered(version, disk / key / "root")
            assert arrived.items() <= sound.truth[name].items()
            is_named = any(
                each == name or each.startswith(f"{name}: ") for each in problem.affected
            )
            assert is_named is (error is not None) is (arrived != sound.truth[name])


@every_damage
def test_a_damaged_blob_takes_no_other_files_with_it(
    sound: Sound, disk: Path, damage: Damage
) -> None:
    for key in sound.keys("blobs/"):
        scene = sound.damaged(key, damage, disk / key)
        expected = {
            f"{version.qualified_name}: {path}"
            for version in versions_of(sound.scene)
            for path in files_in(version, key, damage)
        }

        [problem] = verify_store(scene.catalog).problems

        assert {*problem.affected} == expected
        for version in versions_of(scene):
            name = version.qualified_name
            arrived, error = delivered(version, disk / key / "root")
            assert arrived.keys() == {
                path for path in sound.truth[name] if f"{name}: {path}" not in expected
            }
            assert error is None or key in str(error)


@every_damage
def test_a_damaged_page_takes_no_other_pages_with_it(
    sound: Sound, disk: Path, damage: Damage
) -> None:
    many = [*versions_of(sound.scene)][-1]
    assert len(many.layout.pages) > 1
    for position, names in enumerate(zip(many.layout.pages, many.layout.layouts, strict=True)):
        lost = {*many.page(position).paths}
        for name in names:
            scene = sound.damaged(name.key, damage, disk / name.key)
            arrived, _ = delivered([*versions_of(scene)][-1], disk / name.key / "root")

            assert arrived.keys() == MANY.keys() - lost


@every_damage
def test_a_damaged_event_stops_the_reader(sound: Sound, disk: Path, damage: Damage) -> None:
    for name, count in sound.logs().items():
        for number in range(count):
            key = f"{name}/{number:012}"
            scene = sound.damaged(key, damage, disk / key)
            if damage is remove and number == count - 1:
                told = {problem.partition(": ")[0] for problem in scene.problems()}
                assert told == told_by_others(sound, name)
            else:
                assert_broken(scene, name, key)
            assert_nothing_false(scene, sound.truth)


def test_swapped_events_stop_the_reader(sound: Sound, disk: Path) -> None:
    for name, count in sound.logs().items():
        for one, other in pairwise(f"{name}/{number:012}" for number in range(count)):
            scene = sound.scene.copied(disk / one)
            first, second = scene.store.read(one), scene.store.read(other)
            replace(scene, one, second)
            replace(scene, other, first)

            assert_broken(scene, name, one)
            assert_nothing_false(scene, sound.truth)


def test_an_earlier_event_that_was_rewritten_stops_the_reader(sound: Sound, disk: Path) -> None:
    for name, count in sound.logs().items():
        for number in range(count - 1):
            scene = sound.scene.copied(disk / name / str(number))
            forge_event(scene.store, name.removeprefix("logs/"), number, {"writer": "somebody"})

            assert_broken(scene, name, f"{name}/{number + 1:012}")
            assert_nothing_false(scene, sound.truth)


def test_an_event_of_another_log_stops_the_reader(sound: Sound, disk: Path) -> None:
    for one, other in pairwise(sound.logs()):
        key = f"{one}/{0:012}"
        scene = sound.scene.copied(disk / one)
        replace(scene, key, scene.store.read(f"{other}/{0:012}"))

        assert_broken(scene, one, key)
        assert_nothing_false(scene, sound.truth)


@every_damage
def test_damage_to_a_cache_changes_nothing(sound: Sound, disk: Path, damage: Damage) -> None:
    for key in sound.keys("cache/"):
        scene = sound.damaged(key, damage, disk / key)

        assert scene.problems() == []
        assert {each.qualified_name: contents(each) for each in versions_of(scene)} == sound.truth
        new = {path: inserted(data, b"newer") for path, data in EDITED.items()}
        assert scene.log(write_tree(disk / "new" / key, new)).version == "v4"
        assert contents(scene.versions()[-1]) == new


def test_the_whole_cache_may_go(sound: Sound, disk: Path) -> None:
    scene = sound.scene.copied(disk / "copy")
    for key in sound.keys("cache/"):
        scene.store.delete(key)

    assert scene.problems() == []
    assert {each.qualified_name: contents(each) for each in versions_of(scene)} == sound.truth


@pytest.mark.parametrize("damage", [halve, empty, remove])
def test_without_a_whole_store_json_there_is_no_store(
    sound: Sound, disk: Path, damage: Damage
) -> None:
    scene = sound.damaged("store.json", damage, disk / "copy")

    with pytest.raises((NotAStoreError, StoreNotFoundError), match=scene.store.url):
        scene.versions()


@pytest.mark.parametrize("bit", range(8))
def test_any_bit_of_store_json_matters(sound: Sound, disk: Path, bit: int) -> None:
    scene = sound.scene.copied(disk / "copy")
    good = scene.store.read("store.json")
    for at in range(len(good)):
        replace(scene, "store.json", flip(good, at, 1 << bit))

        with pytest.raises(NotAStoreError, match=scene.store.url):
            scene.versions()


def replace(scene: Scene, key: str, data: bytes | None) -> None:
    """Unlike a write, leaves the files alone that the store shares with others; None removes."""
    path = scene.store.path(key)
    path.unlink()
    if data is not None:
        path.write_bytes(data)


def versions_of(scene: Scene) -> Iterator[Version]:
    """All that can be found."""
    for name in (DATA, MODEL):
        with suppress(ArtifactsError):
            yield from scene.versions(name)


def contents(version: Version) -> Tree:
    return {entry.path: b"".join(version.read(entry.path)) for entry in version.entries()}


def delivered(version: Version, folder: Path) -> tuple[Tree, ArtifactsError | None]:
    """What is in a folder of its own after a download, and what the download said."""
    root = folder / version.qualified_name
    root.mkdir(parents=True)
    try:
        download(version, root)
    except ArtifactsError as error:
        return read_tree(root), error
    return read_tree(root), None


def files_in(version: Version, key: str, damage: Damage) -> Iterator[str]:
    """The files of which bytes lie where the blob was damaged."""
    good = version.store.read(key)
    bad = damage(good)
    for entry in version.entries():
        for span in spans_of(version, entry.path):
            place = slice(span.offset, span.offset + span.stored)
            if span.blob.key == key and (bad is None or bad[place] != good[place]):
                yield entry.path


def spans_of(version: Version, path: str) -> Sequence[Span]:
    placed = version.placed(path)
    assert placed is not None
    return placed[1]


def assert_broken(scene: Scene, name: str, key: str) -> None:
    """The log says where it ends to make sense, and so does a reading of the whole store."""
    log = Log(scene.store, name.removeprefix("logs/"))
    with pytest.raises(BrokenLogError) as caught:
        [*log.after(Tail.start(log.name))]
    assert caught.value.key == key
    assert any(key in problem for problem in scene.problems())


def told_by_others(sound: Sound, name: str) -> set[str]:
    """The end of a log leaves no trace, unless it named another log, which is there."""
    last = [
        *Log(sound.scene.store, name.removeprefix("logs/")).after(
            Tail.start(name.removeprefix("logs/"))
        )
    ][-1]
    added = [change["id"] for change in last.changes if change["kind"] in ("added", "opened")]
    is_root = name == "logs/directory/root"
    return {name if is_root else f"logs/collection/{id_}" for id_ in added}


def assert_nothing_false(scene: Scene, truth: Truth) -> None:
    """Whatever can still be read is right."""
    for version in versions_of(scene):
        with suppress(ArtifactsError):
            assert contents(version) == truth[version.qualified_name]
