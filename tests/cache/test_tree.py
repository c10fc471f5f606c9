"""Tree: every file below a folder once, in path order, and a name for all that is none."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import dig

from artifacts.cache import Tree
from artifacts.errors import InvalidPathError, UnsupportedFileError

PARTS = st.text("ab.-0ä~", min_size=1, max_size=3).filter(lambda part: part not in (".", ".."))
PATHS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=12, unique=True)


def fill(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def paths_of(root: Path) -> list[str]:
    return [path for path, _, _ in Tree(str(root))]


def faults_of(root: Path) -> tuple[list[str], tuple[str, ...]]:
    """The files that are found all the same, and what is said of the others."""
    found: list[str] = []
    with pytest.raises(UnsupportedFileError) as caught:
        found.extend(path for path, _, _ in Tree(str(root)))
    return found, caught.value.paths


@given(PATHS)
@settings(deadline=None)
def test_files_come_in_the_order_of_their_paths(paths: list[str]) -> None:
    leaves = [p for p in paths if not any(other.startswith(f"{p}/") for other in paths)]
    with TemporaryDirectory() as folder:
        fill(Path(folder), *leaves)

        assert paths_of(Path(folder)) == sorted(leaves, key=str.encode)


def test_each_file_comes_with_where_it_lies_and_what_it_is(tmp_path: Path) -> None:
    fill(tmp_path, "a", "sub/b")

    for path, source, status in Tree(str(tmp_path)):
        assert Path(source) == tmp_path / path
        assert Path(source).read_text() == path
        assert os.path.samestat(status, os.stat(source))
        assert status.st_size == len(path)


def test_folders_without_files_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)

    assert paths_of(tmp_path) == []


def test_links_are_followed_and_stand_where_they_lie(tmp_path: Path) -> None:
    fill(tmp_path / "far", "x/1", "x/2", "file")
    fill(tmp_path / "root", "b", "x.y")
    (tmp_path / "root" / "x").symlink_to("../far/x")
    (tmp_path / "root" / "a").symlink_to(tmp_path / "far" / "file")
    (tmp_path / "root" / "c").symlink_to("a")

    assert paths_of(tmp_path / "root") == ["a", "b", "c", "x.y", "x/1", "x/2"]
    sizes = {path: status.st_size for path, _, status in Tree(str(tmp_path / "root"))}
    assert sizes["a"] == sizes["c"] == len("file")


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    fill(tmp_path / "far", "a")
    (tmp_path / "root").symlink_to("far")

    assert paths_of(tmp_path / "root") == ["a"]


def test_a_folder_may_be_reached_twice(tmp_path: Path) -> None:
    fill(tmp_path, "a/1")
    (tmp_path / "b").symlink_to("a")

    assert paths_of(tmp_path) == ["a/1", "b/1"]


@pytest.mark.parametrize("target", [".", "..", "../..", "../../sub", "../../..", "../../../root"])
def test_a_link_to_a_folder_that_it_lies_in_is_named(tmp_path: Path, target: str) -> None:
    fill(tmp_path / "root", "sub/deep/file")
    (tmp_path / "root" / "sub" / "deep" / "circle").symlink_to(target)

    found, faults = faults_of(tmp_path / "root")

    assert "sub/deep/file" in found
    assert len(faults) == 1
    assert faults[0].endswith("circle (a link to a folder that it lies in)")


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "self").symlink_to("self")

    assert faults_of(tmp_path) == (
        [],
        ("one (a link to itself)", "self (a link to itself)", "two (a link to itself)"),
    )


def test_a_link_to_nothing_is_named_with_where_it_leads(tmp_path: Path) -> None:
    fill(tmp_path, "sub/a")
    (tmp_path / "sub" / "b").symlink_to("gone")

    assert faults_of(tmp_path) == (["sub/a"], ("sub/b (a link to 'gone', where nothing is)",))


@pytest.mark.parametrize(
    ("kind", "name"), [(stat.S_IFIFO, "a FIFO"), (stat.S_IFSOCK, "a socket")], ids=["fifo", "sock"]
)
def test_what_is_no_file_is_named(tmp_path: Path, kind: int, name: str) -> None:
    fill(tmp_path, "a", "c")
    os.mknod(tmp_path / "b", kind | 0o600)

    assert faults_of(tmp_path) == (["a", "c"], (f"b ({name})",))


def test_a_link_to_a_device_is_named(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")

    assert faults_of(tmp_path) == ([], ("full (a device)",))


def test_all_that_cannot_be_versioned_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "a", "z")
    for number in range(10):
        (tmp_path / "sub" / f"{number}").mkdir(parents=True)
        os.mkfifo(tmp_path / "sub" / f"{number}" / "fifo")
        (tmp_path / f"link{number}").symlink_to("gone")

    found, faults = faults_of(tmp_path)

    assert found == ["a", "z"]
    assert len(faults) == 20
    with pytest.raises(UnsupportedFileError) as caught:
        paths_of(tmp_path)
    assert "sub/9/fifo" in str(caught.value)


@pytest.mark.parametrize("folder", ["", "sub/", "sub/deep/"])
def test_what_a_download_left_is_passed_over_at_any_depth(tmp_path: Path, folder: str) -> None:
    fill(tmp_path, *(f"{folder}{name}" for name in (".artifact-receipt", "a")))
    fill(tmp_path, f"{folder}.artifact-receipt-0123abcd", f"{folder}.artifact-partial-0123abcd/b")
    (tmp_path / folder / ".artifact-partial").symlink_to("gone")

    assert paths_of(tmp_path) == [f"{folder}a"]


def test_names_that_only_look_like_a_downloads_are_files(tmp_path: Path) -> None:
    names = [".artifact-receipts", ".artifact-receipt-x", "artifact-receipt", ".hidden"]
    fill(tmp_path, *names)

    assert paths_of(tmp_path) == sorted(names)


def test_a_name_that_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    fill(tmp_path, "sub/a")
    os.rename(tmp_path / "sub" / "a", os.fsencode(tmp_path) + b"/sub/caf\xe9")

    with pytest.raises(InvalidPathError) as caught:
        paths_of(tmp_path)

    assert "'sub/caf\\udce9'" in str(caught.value)
    assert "UTF-8" in str(caught.value)


@pytest.mark.parametrize("name", ["con", "AUX", "c:x"])
def test_a_name_that_other_systems_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    fill(tmp_path, f"sub/{name}/a" if name == "con" else name)

    with pytest.raises(InvalidPathError):
        paths_of(tmp_path)


def test_a_file_that_came_after_the_walk_began_is_no_fault(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b")
    walk = iter(Tree(str(tmp_path)))
    next(walk)
    fill(tmp_path, "c")

    assert [path for path, _, _ in walk] == ["b"]


def test_folders_may_lie_as_deep_as_a_path_is_long(depths: Path) -> None:
    path = dig(depths, 1500)

    assert paths_of(depths) == [path]
