"""Race: any number of processes commit to one collection, and its versions come out in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from dying import FORKS
from scene import DATA, Scene, memory_disk

import artifacts
from artifacts.catalog import Version
from artifacts.errors import NotFoundError
from artifacts.names import CollectionName

WRITERS = 8
EACH = 50
BEST = CollectionName(DATA.entity, DATA.project, "best")
SHARED = bytes(range(256)) * 20


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with memory_disk(tmp_path) as folder:
        yield Scene(folder)


def test_versions_of_eight_writers_have_neither_gap_nor_double(scene: Scene) -> None:
    with racing(commit, scene, EACH) as racers:
        seen = watch(scene, racers)
    said = [dict(racer.result()) for racer in racers]

    versions = scene.versions()
    assert [version.row.number for version in versions] == [*range(WRITERS * EACH)]
    contents = [content_of(version) for version in versions]
    assert Counter(contents) == Counter(offers(EACH))
    for writer, numbers in enumerate(said):
        own = [offer(writer, turn) for turn in range(EACH)]
        assert [contents[numbers[content]] for content in own] == own
        assert sorted(numbers.values()) == [numbers[content] for content in own]
    assert versions[-1].aliases == ["latest"]
    assert all(not version.aliases for version in versions[:-1])
    assert seen == sorted(seen)
    assert scene.problems() == []


def test_eight_writers_make_one_collection_of_one_project_of_one_store(scene: Scene) -> None:
    with racing(commit, scene, 1) as racers:
        pass
    said = [numbers for racer in racers for _, numbers in racer.result()]

    assert sorted(said) == [*range(WRITERS)]
    catalog = scene.catalog
    assert [*catalog.projects()] == [(DATA.entity, DATA.project)]
    assert [*catalog.collections(DATA.entity, DATA.project)] == [(DATA.collection, "dataset")]
    assert Counter(map(content_of, scene.versions())) == Counter(offers(1))
    assert scene.problems() == []


def test_eight_processes_that_link_at_once_make_one_portfolio_of_all_their_versions(
    scene: Scene,
) -> None:
    with racing(link, scene, 5) as racers:
        pass
    said = [racer.result() for racer in racers]

    links = [*scene.catalog.links(BEST)]
    assert [each.row.number for each in links] == [*reversed(range(WRITERS))]
    shown = {each.version.source_name: each.row.number for each in links if each.version}
    for writer, told in enumerate(said):
        assert {number for _, number in told} == {shown[f"own-{writer}:v0"]}
    aliases = sorted(alias for each in links for alias in each.aliases)
    assert aliases == sorted([*(f"of-{writer}" for writer in range(WRITERS)), "latest", "prod"])
    [last] = [each for each in links if "latest" in each.aliases]
    assert "prod" in last.aliases
    assert scene.problems() == []


@contextmanager
def racing(
    act: Callable[[Scene, int, int], list[tuple[str, int]]], scene: Scene, turns: int
) -> Iterator[list[Future[list[tuple[str, int]]]]]:
    """Processes that begin at once; they are done at the end."""
    start = FORKS.Barrier(WRITERS, timeout=300)
    with ProcessPoolExecutor(WRITERS, FORKS, initializer=wait, initargs=(start,)) as pool:
        yield [pool.submit(act, scene, writer, turns) for writer in range(WRITERS)]


def wait(start: Barrier) -> None:
    start.wait()


def commit(scene: Scene, writer: int, turns: int) -> list[tuple[str, int]]:
    """What was logged, and the numbers of the versions that it became."""
    said = []
    with artifacts.init(settings=scene.settings) as run:
        for turn in range(turns):
            artifact = artifacts.Artifact(DATA.collection, "dataset")
            with artifact.new_file("offer") as file:
                file.write(offer(writer, turn))
            with artifact.new_file("shared", "wb") as file:
                file.write(SHARED)
            version = run.log_artifact(artifact).version
            said.append((offer(writer, turn), int(version.removeprefix("v"))))
    return said


def link(scene: Scene, writer: int, turns: int) -> list[tuple[str, int]]:
    """A version of its own, linked again and again; the numbers that it was told."""
    said = []
    with artifacts.init(settings=scene.settings) as run:
        artifact = artifacts.Artifact(f"own-{writer}", "dataset")
        with artifact.new_file("offer") as file:
            file.write(offer(writer, 0))
        run.log_artifact(artifact)
        for _ in range(turns):
            run.link_artifact(artifact, BEST.collection, [f"of-{writer}", "prod"])
            api = artifacts.Api(store=scene.settings.store)
            found = api.artifact(f"{BEST.qualified}:of-{writer}")
            said.append((found.source_name, int(found.version.removeprefix("v"))))
    return said


def watch(scene: Scene, racers: list[Future[list[tuple[str, int]]]]) -> list[int]:
    """Whatever a reader finds meanwhile is whole; the numbers of `latest`, as they were met."""
    seen: list[int] = []
    while not all(racer.done() for racer in racers):
        try:
            version = scene.versions()[-1]
        except NotFoundError:
            continue
        found = scene.download(version.row.number, scene.folder / f"reader-{len(seen)}")
        assert found == {"offer": found["offer"], "shared": SHARED}
        assert found["offer"].decode() in offers(EACH)
        seen.append(version.row.number)
    return seen


def offer(writer: int, turn: int) -> str:
    return f"offer {turn} of {writer}"


def offers(turns: int) -> list[str]:
    return [offer(writer, turn) for writer in range(WRITERS) for turn in range(turns)]


def content_of(version: Version) -> str:
    assert b"".join(version.read("shared")) == SHARED
    return b"".join(version.read("offer")).decode()
