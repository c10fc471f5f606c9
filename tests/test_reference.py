"""Reference: every name of W&B's that has to do with artifacts is in the docs with its test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import pytest
from named_tests import ROOT, functions, rows_of

ROWS = rows_of((ROOT / "docs" / "reference.md").read_text())
REFERENCE = json.loads((ROOT / "tests" / "artifact" / "reference.json").read_text())
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


def test_every_name_of_theirs_is_in_the_table_or_said_to_come() -> None:
    wanted = {name for name in names() if is_ours(name)}

    assert ROWS.keys() == wanted - COMING.keys()
    assert COMING.keys() <= wanted


@pytest.mark.parametrize("name", sorted(ROWS))
def test_test_that_is_named_is_there_and_speaks_of_it(name: str) -> None:
    file, test = ROWS[name]

    assert test in functions(file)
    member = name.rpartition(".")[2]
    if member not in SPECIAL:
        assert re.search(rf"\b{member}\b", functions(file)[test])
