"""Immutability: a version's content never changes, and its history shows any tampering."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from artifacts.errors import BrokenLogError
from artifacts.storage import LocalStore

Tamper = Callable[[Path, Path], None]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def version(tmp_path: Path) -> Artifact:
    settings = artifacts.Settings.load(store=tmp_path / "store", project="p")
    with artifacts.init(settings=settings) as run:
        artifact = Artifact("x", "dataset", metadata={"n": 1})
        with artifact.new_file("a.txt", "w") as file:
            file.write("one")
        return run.log_artifact(artifact)


def test_what_is_said_of_a_version_leaves_its_content_alone(
    version: Artifact, store: LocalStore, tmp_path: Path
) -> None:
    before = (version.digest, version.id, version.version, version.created_at)
    version.aliases.append("best")
    version.tags.append("good")
    version.metadata["n"] = 2
    version.description = "new words"
    version.save()

    again = Api({"project": "p"}, store=store.url).artifact("x:best")
    assert (again.digest, again.id, again.version, again.created_at) == before
    assert Path(again.download(tmp_path / "copy"), "a.txt").read_text() == "one"


def test_no_event_is_ever_written_again(version: Artifact, store: LocalStore) -> None:
    before = {key: store.read(key) for key in store.list("logs/")}
    version.aliases.append("best")
    version.save()

    after = {key: store.read(key) for key in store.list("logs/")}
    assert before.items() < after.items()


def change(event: Path, _: Path) -> None:
    event.write_bytes(event.read_bytes().replace(b"latest", b"stolen"))


def swap(event: Path, other: Path) -> None:
    first, second = event.read_bytes(), other.read_bytes()
    event.write_bytes(second)
    other.write_bytes(first)


def remove(event: Path, _: Path) -> None:
    event.unlink()


@pytest.mark.parametrize("tamper", [change, swap, remove])
def test_a_changed_history_stops_its_reader(
    version: Artifact, store: LocalStore, tamper: Tamper
) -> None:
    for alias in ("b", "c"):
        version.aliases.append(alias)
        version.save()
    first, second, _ = [store.path(key) for key in sorted(store.list("logs/collection/"))]
    tamper(first, second)

    with pytest.raises(BrokenLogError):
        Api({"project": "p"}, store=store.url).artifact("x")
