"""Reference: every name of W&B's that has to do with artifacts is in the docs with its test."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference.md"
REFERENCE = json.loads((ROOT / "tests" / "artifact" / "reference.json").read_text())
ROW = re.compile(r"\| `(?P<name>[\w.]+)` \| `(?P<file>tests/[\w/]+\.py)::(?P<test>\w+)` \|")
OF_ARTIFACTS = re.compile(r"artifact|registr|_model|create_project")  # members of Api and Run
SPECIAL = {"__getitem__", "__setitem__", "__iter__", "__len__", "__next__", "__bool__", "__eq__"}

COMING: Mapping[str, str] = {}
"""What others build now: each goes into the table when it lands, and leaves this set."""
NOT_OURS: Mapping[str, str] = {
    name: reason
    for names, reason in {
        "convert_objects update_variables from_manifest_json snake_to_camel display to_html": (
            "how their SDK talks to their server or a notebook"
        ),
        "add_entry remove_entry": "a draft is changed by Artifact.add_file and its like",
        "delete path_uri": "of a run's own files, with issue 5",
    }.items()
    for name in names.split()
}
"""Members of a listing, a manifest or a File that have no use without their server."""
SKIPPED_OF = ("ArtifactManifest", "File")


def names() -> Iterator[str]:
    """`Class.member`, and functions, classes and errors by their own names."""
    yield from ("Artifact", "ArtifactTTL")
    yield from REFERENCE["exceptions"]
    yield from (name for name in REFERENCE["functions"] if OF_ARTIFACTS.search(name))
    for owner, facts in REFERENCE["classes"].items():
        for member in facts["members"]:
            if owner not in ("Api", "Run") or OF_ARTIFACTS.search(member):
                yield f"{owner}.{member}"


def is_ours(name: str) -> bool:
    owner, _, member = name.partition(".")
    if member in ("convert_objects", "update_variables"):
        return False
    return not (owner in SKIPPED_OF and member in NOT_OURS)


def rows() -> dict[str, tuple[str, str]]:
    found = [each.groupdict() for each in ROW.finditer(PAGE.read_text())]
    table = {each["name"]: (each["file"], each["test"]) for each in found}
    assert len(table) == len(found), "a name is in the table twice"
    return table


@cache
def functions(file: str) -> Mapping[str, str]:
    """Source of each test of a module, by its name."""
    source = (ROOT / file).read_text()
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def test_every_name_of_theirs_is_in_the_table_or_said_to_come() -> None:
    wanted = {name for name in names() if is_ours(name)}

    assert rows().keys() == wanted - COMING.keys()
    assert COMING.keys() <= wanted


@pytest.mark.parametrize("name", sorted(rows()))
def test_test_that_is_named_is_there_and_speaks_of_it(name: str) -> None:
    file, test = rows()[name]

    assert test in functions(file)
    member = name.rpartition(".")[2]
    if member not in SPECIAL:
        assert re.search(rf"\b{member}\b", functions(file)[test])
