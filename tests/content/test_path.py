"""Path: a place inside an artifact, on every system or on none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from content_strategies import is_path
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import (
    check_no_file_is_a_folder,
    check_path,
    check_paths,
)
from artifacts.content.path import MAX_BYTES
from artifacts.errors import InvalidPathError

HOSTILE = [
    # nowhere
    "",
    ".",
    "./a",
    "a/.",
    "a/./b",
    "a//b",
    "a/",
    "//",
    # outside
    "..",
    "../a",
    "../../etc/passwd",
    "a/..",
    "a/../b",
    "a/../../b",
    "/",
    "/etc/passwd",
    "//server/share/a",
    "///a",
    # outside where the backslash parts folders
    "\\",
    "\\a",
    "\\\\server\\share\\a",
    "\\\\?\\C:\\a",
    "..\\a",
    "a\\..\\b",
    "a/..\\..\\b",
    "a\\../b",
    ".\\a",
    "a\\\\b",
    "a\\",
    # another drive
    "C:",
    "C:a",
    "c:/a",
    "C:\\a",
    "z:/../a",
    # cut short by a system that ends names at NUL
    "\0",
    "a\0",
    "a\0b",
    "a/\0/b",
    # not files, whatever folder they are in
    "con",
    "CON",
    "Prn",
    "aux",
    "NUL",
    "a/nul",
    "a/Aux/b",
    "a\\con",
    "com1",
    "COM9",
    "com¹",
    "lpt1",
    "LPT³",
    "CONIN$",
    "a/conout$/b",
    # not UTF-8
    "\ud800",
    "a/\udcff",
    "\udc80b",
    # too long
    "a" * (MAX_BYTES + 1),
    "ä" * (MAX_BYTES // 2 + 1),
    "a/" * (MAX_BYTES // 2) + "a",
]

FINE = [
    "a",
    "a/b/c",
    "hello.txt",
    ".hidden",
    "...",
    "a/..b/c..",
    "..a",
    "a b",
    " ",
    "a\nb",
    "a\\b",
    "con.txt",
    "icon",
    "com0",
    "com10",
    "console/nuller/auxiliary",
    "-rf",
    "~",
    "$HOME",
    "%2e%2e",
    "10:30",
    "a/C:b",
    "ab:c",
    "*?<>|\"'",
    "\x7f",
    "ä",
    "a\u0308",
    "日本語/ファイル",
    "🐍",
    "\uffff\U0010ffff",
    "\ufeffa",
    "a" * MAX_BYTES,
    "ä" * (MAX_BYTES // 2),
    "a/" * (MAX_BYTES // 2 - 1) + "ab",
]

fragments = st.sampled_from(
    ["/", "\\", ".", "..", ":", "C:", "\0", "con", "NUL", "COM", "1", "¹", "a", "ä", "\udcff", "$"]
)
shards = st.lists(fragments, max_size=6).map("".join)


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidPathError) as caught:
        check_path(path)

    assert caught.value.path == path
    assert refuses(check_paths, ["a", path, "z"])


@pytest.mark.parametrize("path", FINE)
def test_fine_path_is_taken_as_it_is(path: str) -> None:
    assert check_path(path) is path
    assert not refuses(check_paths, ["a", path, "z"])


@given(st.lists(shards | st.text(max_size=9) | st.sampled_from(HOSTILE + FINE), max_size=5))
def test_many_are_refused_if_one_is(paths: Sequence[str]) -> None:
    assert refuses(check_paths, paths) == (not all(map(is_path, paths)))


@given(st.text("abcCONnulx/.:1$\\", min_size=1, max_size=8))
def test_one_is_refused_among_many_as_it_is_alone(path: str) -> None:
    assert refuses(check_paths, ["a", path, "z"]) == (not is_path(path))


@pytest.mark.parametrize(
    ("paths", "culprit"),
    [
        (["a", "a/b"], "a"),
        (["a/b", "a/b/c/d", "a/c"], "a/b"),
        (["a", "a!", "a-b", "a/b"], "a"),
    ],
)
def test_file_that_is_a_folder_is_refused(paths: list[str], culprit: str) -> None:
    with pytest.raises(InvalidPathError, match="is a file and also a folder") as caught:
        check_no_file_is_a_folder(paths, paths)

    assert caught.value.path == culprit


@pytest.mark.parametrize("paths", [[], ["a"], ["a", "ab/c", "a!/b"], ["a/b", "a/bc", "b"]])
def test_files_beside_folders_are_fine(paths: list[str]) -> None:
    check_no_file_is_a_folder(paths, paths)


def refuses(check: Callable[[Sequence[str]], None], paths: Sequence[str]) -> bool:
    try:
        check(paths)
    except InvalidPathError:
        return True
    return False
