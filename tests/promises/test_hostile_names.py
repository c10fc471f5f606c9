"""Hostile names: what users type is refused at the door, if it can mean no place of theirs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from folders import write_tree
from forging import PATHS, Forgery
from scene import read_tree
from victim import Victim

import artifacts
from artifacts.catalog import Session
from artifacts.errors import (
    InvalidError,
    InvalidNameError,
    InvalidPathError,
    InvalidSettingError,
)

NORMALISED = {  # by W&B's interface, which takes them for what was meant
    "itself",
    "itself in between",
    "empty part",
    "slash at the end",
    "nothing",
}
NO_PATHS = {name: path for name, path in PATHS.items() if name not in NORMALISED}


@pytest.fixture
def victim(tmp_path: Path, new_store: Path) -> Victim:
    return Victim.of(tmp_path, new_store)


VERSIONS = {
    "parent": "../x",
    "parents": "../../x",
    "four parts": "a/b/c/d",
    "no name": "",
    "no version": "data:",
    "no collection": ":v0",
    "version leads out": "data:../y",
    "alias with slash": "data:a/b",
    "two versions": "data:a:b",
    "absolute": "/data",
    "slash at the end": "data/",
    "empty part": "team//data",
    "parent alone": "..",
    "itself": ".",
    "parent as project": "../data",
    "parent as entity": "../proj/data",
    "null": "da\0ta",
    "line end": "data\n",
    "space": "da ta",
    "backslash": "..\\data",
    "not ascii": "dätä",
    "too long": "d" * 129,
    "version with a zero before it": "data:v00",
    "version of no digits": "data:v٣",
    "half a surrogate": "data:\ud800",
    "digest too short": "data@abc",
    "digest is none": "data@../../etc",
}


@pytest.mark.parametrize("text", VERSIONS.values(), ids=VERSIONS)
def test_a_name_that_is_none_is_refused(victim: Victim, text: str) -> None:
    Forgery().write(victim.store)
    before = victim.everything()

    with pytest.raises(InvalidNameError):
        Session(victim.scene.settings).resolve(text)

    assert victim.everything() == before


COLLECTIONS = ["../x", "a/b", "..", ".", "", " ", "a:b", "a b", "a\0b", "a\\b", "ä", "a" * 129]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_an_artifact_cannot_be_called_anything(name: str) -> None:
    with pytest.raises(InvalidNameError):
        artifacts.Artifact(name, "dataset")


@pytest.mark.parametrize("alias", ["a/b", "a:b", "../x", "v0", "v3", "v007", "", " ", "a\n"])
def test_an_alias_cannot_be_anything(victim: Victim, alias: str) -> None:
    Forgery().write(victim.store)
    with artifacts.init(settings=victim.scene.settings) as run:
        artifact = artifacts.Artifact("data", "dataset")
        with artifact.new_file("new") as new:
            new.write("new")
        with pytest.raises(InvalidNameError):
            run.log_artifact(artifact, aliases=[alias])

    assert [version.aliases for version in victim.scene.versions()] == [["latest"]]


@pytest.mark.parametrize("id_", ["../x", "a/b", "..", "a:b", "a\0b", "\ud800", "a" * 129])
def test_a_run_cannot_have_any_id(victim: Victim, id_: str) -> None:
    with pytest.raises(InvalidSettingError):
        artifacts.init(settings=victim.scene.settings, id=id_)


@pytest.mark.parametrize("what", ["name", "notes", "group", "job_type"])
def test_a_run_cannot_be_told_what_is_no_text(victim: Victim, what: str) -> None:
    begin: Callable[..., artifacts.Run] = partial(artifacts.init, settings=victim.scene.settings)

    with pytest.raises(InvalidError):
        begin(**{what: "\ud800"})
    with pytest.raises(TypeError):
        begin(**{what: 5})


def test_an_artifact_cannot_be_described_by_what_is_no_text() -> None:
    with pytest.raises(InvalidError):
        artifacts.Artifact("data", "dataset", description="\ud800")
    with pytest.raises(TypeError):
        artifacts.Artifact("data", "dataset", description=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", NO_PATHS.values(), ids=NO_PATHS)
def test_a_path_that_leads_elsewhere_cannot_be_added(victim: Victim, path: str) -> None:
    source = write_tree(victim.scene.folder / "source", {"new": b"new"})
    with artifacts.init(settings=victim.scene.settings):
        artifact = artifacts.Artifact("data", "dataset")
        with pytest.raises(InvalidPathError):
            artifact.add_file(str(source / "new"), path)
        with pytest.raises(InvalidPathError):
            artifact.add_dir(str(source), path)
        with pytest.raises(InvalidPathError), artifact.new_file(path) as new:
            new.write("new")
        assert not artifact.manifest.entries

    assert read_tree(source) == {"new": b"new"}
    assert not [*victim.scene.store.list("blobs/")]
