"""Ignore: what is left out of a folder is what git itself would leave out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artifacts.cache import IGNORE_FILE, Ignore, Tree
from artifacts.errors import InvalidError

PATHS = [
    *("a.log", "b.txt", "keep.log", "build/a.log", "build/x/b.txt", "src/build/c.txt"),
    *("src/a.log", "src/deep/er/b.txt", "src/deep/keep.log", "docs/a b.txt", "docs/build"),
]
PATTERNS = [
    *(
        "*.log",
        "!keep.log",
        "build",
        "build/",
        "/build",
        "/src/",
        "src/*",
        "!src/deep",
        "!src/deep/",
    ),
    *(
        "**/deep",
        "src/**/b.txt",
        "deep/**",
        "*",
        "!*.txt",
        "# nothing",
        "",
        "?.log",
        "[ab].*",
    ),
    *("a\\ b.txt", "docs/a b.txt", "!build/x/b.txt", "/*", "!/docs", "**/build/**", "src/deep/er/"),
    *("!*/", "!deep/**", "!deep", "!er/"),
]
some_patterns = st.lists(st.sampled_from(PATTERNS), max_size=4)


def walked(root: Path, ignore: Ignore) -> set[str]:
    return {path for path, _, _ in Tree(str(root), ignore)}


def kept_by_git(root: Path) -> set[str]:
    """What git would add of a folder that is no repository yet."""
    subprocess.run(["git", "init", "-q", root], check=True)
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout.decode()
    return {path for path in listed.split("\0") if path}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=40, derandomize=True)
@given(above=some_patterns, below=some_patterns)
@example([], ["**/build/**", "!*.txt"])
@example(["*.log"], ["!*/"])
@example(["*.log"], ["!deep", "!er/"])
@example(["*.log"], ["!deep/**"])
@example(["*.txt"], ["!deep/**"])
def test_ignore_files_mean_what_they_mean_to_git(above: list[str], below: list[str]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for path in PATHS:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path)
        for place, lines in (("", above), ("src/", below)):
            for name in (IGNORE_FILE, ".gitignore"):
                (root / f"{place}{name}").write_text("\n".join(lines))
        ours = {path for path in walked(root, Ignore()) if path in PATHS}

        assert ours == {path for path in kept_by_git(root) if path in PATHS}


def test_without_rules_all_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("1")
    (tmp_path / IGNORE_FILE).write_text("*")

    assert {path for path, _, _ in Tree(str(tmp_path))} == {"a.log", IGNORE_FILE}
    assert walked(tmp_path, Ignore()) == set()


def test_what_is_no_ignore_file_is_no_rule(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "sub" / IGNORE_FILE).mkdir(parents=True)

    assert walked(tmp_path, Ignore()) == {"a"}


def test_ignore_file_of_megabytes_is_none(tmp_path: Path) -> None:
    (tmp_path / IGNORE_FILE).write_bytes(b"a\n" * 2**20)

    with pytest.raises(InvalidError, match=r"\.artignore has more than"):
        walked(tmp_path, Ignore())


@pytest.mark.parametrize(("exclude", "line"), [(None, "!keep.log"), ("!keep.log", "# none")])
def test_no_negation_adds_to_what_include_names(
    tmp_path: Path, exclude: str | None, line: str
) -> None:
    (tmp_path / IGNORE_FILE).write_text(f"{line}\nb.txt")
    for name in ("a.txt", "b.txt", "keep.log"):
        (tmp_path / name).write_text("1")

    assert walked(tmp_path, Ignore.of(exclude, "*.txt")) == {"a.txt"}
