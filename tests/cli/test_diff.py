"""`art diff` tells all that turns one side into the other."""

import os
from pathlib import Path
from typing import Any

import pytest
from folders import write_tree

from artifacts.content import Digest
from cli.shell import Shell


def side(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "digest": Digest.of(data).hex()}


@pytest.fixture
def versions(art: Shell, mnist: str, data: Path) -> tuple[str, str]:
    """One file added, one removed, one changed."""
    write_tree(data, {"a.txt": b"changed\n", "new.txt": b"new\n"})
    (data / "sub" / "b c.txt").unlink()
    art.ok("put", str(data), "mnist")
    return mnist, "mnist:v1"


def test_versions_are_compared(art: Shell, versions: tuple[str, str]) -> None:
    answer = art("diff", *versions, "--json")

    assert answer.code == 1
    assert answer.json == {
        "old": "default/proj/mnist:v0",
        "new": "default/proj/mnist:v1",
        "added": [{"path": "new.txt", **side(b"new\n")}],
        "removed": [{"path": "sub/b c.txt", **side(b"beta\n")}],
        "changed": [{"path": "a.txt", "old": side(b"alpha\n"), "new": side(b"changed\n")}],
    }


def test_sizes_and_totals_are_told(art: Shell, versions: tuple[str, str]) -> None:
    answer = art("diff", *versions)

    assert [" ".join(line.split()) for line in answer.lines] == [
        "+ 4 B new.txt",
        "- 5 B sub/b c.txt",
        "~ 6 B → 8 B a.txt",
        "default/proj/mnist:v0 → default/proj/mnist:v1: 1 added, 1 removed, 1 changed, +1 B",
    ]
    assert answer.err == ""


def test_folder_is_compared_as_it_is_now(art: Shell, versions: tuple[str, str]) -> None:
    there = art("diff", versions[0], "./data", "--json").json
    back = art("diff", "./data", versions[0], "--json").json

    unread = {"path": "new.txt", "size": 4, "digest": None}
    assert there["added"] == back["removed"] == [unread]
    assert there["removed"] == back["added"] == [{"path": "sub/b c.txt", **side(b"beta\n")}]
    assert there["changed"][0]["new"] == back["changed"][0]["old"] == side(b"changed\n")
    assert (there["new"], back["new"]) == ("./data", "default/proj/mnist:v0")


@pytest.mark.parametrize("sides", [("mnist", "mnist:v1"), ("mnist", "./data"), ("./data", "mnist")])
def test_equal_sides_have_no_difference(
    art: Shell, versions: tuple[str, str], sides: tuple[str, str]
) -> None:
    answer = art.ok("diff", *sides)

    assert len(answer.lines) == 1
    assert "0 added, 0 removed, 0 changed, +0 B" in answer.lines[0]
    assert versions


def test_file_that_became_a_fifo_has_no_size(art: Shell, mnist: str, data: Path) -> None:
    (data / "a.txt").unlink()
    os.mkfifo(data / "a.txt")

    [changed] = art("diff", mnist, "./data", "--json").json["changed"]

    assert changed["new"]["size"] is None
