"""Scaffold: what comes together in it leaves it for where it belongs, or is told of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from artifacts.cache.scaffold import Scaffold
from artifacts.errors import ArtifactsError, InvalidPathError, ObstructedError


@pytest.fixture
def scaffold(tmp_path: Path) -> Scaffold:
    scaffold = Scaffold(str(tmp_path / "scaffold"))
    scaffold.begin()
    return scaffold


def fill(scaffold: Scaffold, *paths: str) -> None:
    for path in paths:
        os.close(scaffold.create(path))


def refuse(error: ArtifactsError) -> None:
    raise error


def test_a_folder_that_is_new_is_moved_whole(scaffold: Scaffold, tmp_path: Path) -> None:
    fill(scaffold, "a/b/file")
    (tmp_path / "root").mkdir()
    before = os.stat(scaffold.place("a/")).st_ino

    assert scaffold.move_to(str(tmp_path / "root"), refuse) == 0

    assert (tmp_path / "root" / "a").stat().st_ino == before
    assert (tmp_path / "root" / "a" / "b" / "file").is_file()
    assert not (tmp_path / "scaffold").exists()


def test_what_cannot_be_moved_is_told_and_counted(scaffold: Scaffold, tmp_path: Path) -> None:
    fill(scaffold, "a/one", "a/two", "b")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(tmp_path)
    told: list[ArtifactsError] = []

    assert scaffold.move_to(str(tmp_path / "root"), told.append) == 2

    assert [type(error) for error in told] == [ObstructedError]
    assert (tmp_path / "root" / "b").is_file()
    assert not (tmp_path / "one").exists()


def test_a_name_that_is_taken_is_refused(scaffold: Scaffold) -> None:
    fill(scaffold, "a")

    with pytest.raises(InvalidPathError, match="another file"):
        scaffold.place_new("a")
    with pytest.raises(InvalidPathError, match="no name for this disk"):
        scaffold.create("a/b")
