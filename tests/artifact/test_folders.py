"""Folders: what of one is added, and what becomes of what is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artifact.samples import content, write
from artifacts.artifact import Artifact
from artifacts.errors import InvalidError, InvalidPathError

TREE = {
    "a.py": b"1",
    "a.log": b"2",
    "keep.log": b"3",
    "build/out.bin": b"4",
    "src/build/out.bin": b"5",
    "src/b.py": b"6",
}


def added(folder: str, name: str | None = None, **options: Any) -> set[str]:  # noqa: ANN401
    artifact = Artifact("data", "dataset")
    artifact.add_dir(folder, name, **options)
    return {*content(artifact)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"exclude": "*.log"}, {"a.py", "build/out.bin", "src/build/out.bin", "src/b.py"}),
        ({"exclude": ["*.log", "!keep.log", "/build/"]}, {*TREE} - {"a.log", "build/out.bin"}),
        ({"exclude": ["build/"]}, {"a.py", "a.log", "keep.log", "src/b.py"}),
        ({"include": ["*.py"]}, {"a.py", "src/b.py"}),
        ({"include": ["src/"], "exclude": ["*.bin"]}, {"src/b.py"}),
        ({"exclude": []}, {*TREE}),
        ({"include": []}, set()),
    ],
)
def test_patterns_say_what_is_added(
    tmp_path: Path, options: dict[str, Any], expected: set[str]
) -> None:
    assert added(write(tmp_path / "in", TREE), **options) == expected


def test_patterns_are_of_the_folder_not_of_its_place_in_the_artifact(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", TREE)

    assert added(folder, "build", include="/a.py") == {"build/a.py"}


def test_ignore_file_says_what_is_left_out(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {**TREE, ".artignore": b"*.log\n# all\nbuild/\n"})

    assert added(folder) == {".artignore", "a.py", "src/b.py"}


def test_deeper_ignore_file_counts_more_and_exclude_most(tmp_path: Path) -> None:
    files = {"x/a.log": b"1", "x/b.log": b"2", "c.log": b"3"}
    ignores = {".artignore": b"*.log\n.artignore\n", "x/.artignore": b"!*.log\n"}
    folder = write(tmp_path / "in", files | ignores)

    assert added(folder) == {"x/a.log", "x/b.log"}
    assert added(folder, exclude="b.log") == {"x/a.log"}


def test_what_is_left_out_may_be_whatever_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder, {"a": b"1"})
    (folder / "nowhere").symlink_to("missing")
    (folder / "loop").symlink_to(folder)
    (folder / "con").write_bytes(b"no name for an artifact")

    assert added(str(folder), exclude=["nowhere", "loop", "con"]) == {"a"}


@pytest.mark.parametrize("options", [{"exclude": "!"}, {"include": [1]}, {"exclude": b"x"}])
def test_bad_pattern_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        added(write(tmp_path / "in", TREE), **options)


def test_damaged_ignore_file_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"a": b"1", ".artignore": b"\xff"})

    with pytest.raises(InvalidError, match=r"\.artignore"):
        added(folder)


def test_other_content_is_refused_merged_or_replaced(tmp_path: Path) -> None:
    before = write(tmp_path / "before", {"same": b"1", "changed": b"2", "gone": b"3"})
    after = write(tmp_path / "after", {"same": b"1", "changed": b"new", "more": b"4"})
    artifact = Artifact("data", "dataset")
    artifact.add_dir(before, "in")
    with artifact.new_file("beside") as file:
        file.write("not below")

    with pytest.raises(InvalidPathError, match="other content"):
        artifact.add_dir(after, "in")
    assert content(artifact).keys() == {"beside", "in/same", "in/changed", "in/gone"}

    artifact.add_dir(after, "in", merge=True)
    assert content(artifact).keys() == {"beside", "in/same", "in/changed", "in/gone", "in/more"}
    assert artifact.get_entry("in/changed").size == 3

    artifact.add_dir(after, "in", overwrite=True)
    assert content(artifact).keys() == {"beside", "in/same", "in/changed", "in/more"}
