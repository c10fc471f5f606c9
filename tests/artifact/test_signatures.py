"""Signatures: what has the reference's name has its parameters, in order, with their defaults."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import artifacts
from artifacts.artifact import (
    ArtifactCollection,
    ArtifactFiles,
    ArtifactManifest,
    ArtifactManifestEntry,
    Artifacts,
    File,
)
from artifacts.query import (
    ArtifactCollections,
    ArtifactType,
    ArtifactTypes,
    Collections,
    Registries,
    Registry,
    Versions,
)

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())
OURS: Mapping[str, type] = {
    "Artifact": artifacts.Artifact,
    "Api": artifacts.Api,
    "Run": artifacts.Run,
    "File": File,
    "ArtifactCollection": ArtifactCollection,
    "ArtifactCollections": ArtifactCollections,
    "ArtifactFiles": ArtifactFiles,
    "ArtifactManifest": ArtifactManifest,
    "ArtifactManifestEntry": ArtifactManifestEntry,
    "ArtifactType": ArtifactType,
    "ArtifactTypes": ArtifactTypes,
    "Artifacts": Artifacts,
    "Collections": Collections,
    "Registries": Registries,
    "Registry": Registry,
    "Versions": Versions,
}
FUNCTIONS = {name: getattr(artifacts, name) for name in REFERENCE["functions"]}

ISSUE_5 = "issue 5, runs"
LATER = "a later issue"
THEIRS = "how their SDK talks to their server, and no business of its users"
PAGED = {"convert_objects update_variables": THEIRS}
ABSENT: Mapping[str, Mapping[str, str]] = {
    "Api": {
        "create_run flush from_path project projects run runs": ISSUE_5,
        "create_run_queue job list_jobs queued_run run_queue upsert_run_queue": LATER,
        "create_team create_user reports sweep sync_tensorboard team user users viewer": LATER,
        "api_key client user_agent": LATER,
    },
    "File": {
        "delete path_uri": ISSUE_5,
        "display snake_to_camel to_html": THEIRS,
    },
    "ArtifactManifest": {
        "add_entry remove_entry": "a draft is changed by Artifact.add_file and its like",
        "from_manifest_json": THEIRS,
    },
    **dict.fromkeys(
        (
            *("ArtifactCollections", "ArtifactFiles", "ArtifactTypes", "Artifacts"),
            *("Collections", "Registries", "Versions"),
        ),
        PAGED,
    ),
}
NOT_SETTABLE: Mapping[tuple[str, str], str] = {}
PARAMETERS_LATER: Mapping[str, Mapping[str, str]] = {}
NAMES_LATER = {
    "plot_table": LATER,
    "sweep controller agent": LATER,
    "Graph Image Plotly Video Audio Table Html box3d Object3D Molecule Histogram": LATER,
}


def listed(reasons: Mapping[str, str]) -> set[str]:
    return {name for names in reasons for name in names.split()}


def members(kind: type) -> list[tuple[str, str, Any]]:
    """Class, name and what the reference says of each member that ours has."""
    return [
        (owner, name, told)
        for owner, facts in REFERENCE["classes"].items()
        for name, told in facts["members"].items()
        if hasattr(OURS[owner], name) and isinstance(told, kind)
    ]


def parameters(call: object) -> list[inspect.Parameter]:
    """Without the object itself, which a call on it does not name."""
    if isinstance(call, classmethod):
        call = call.__func__
    found = inspect.signature(call).parameters  # type: ignore[arg-type]
    return [each for each in found.values() if each.name not in ("self", "cls")]


def is_function(default: str | None) -> bool:
    """Ours is another one, with another name."""
    return default is not None and default.startswith("<function ")


def compare(call: object, reference: Mapping[str, str | None], missing: set[str]) -> None:
    ours = parameters(call)
    expected = [*reference.items()]
    shared = [
        (each.name, None if each.default is each.empty else repr(each.default))
        for each in ours
        if each.name in reference
    ]
    shared = [
        (name, reference[name] if is_function(default) else default) for name, default in shared
    ]
    assert shared == [fact for fact in expected if fact[0] not in missing]
    positional = [
        fact for fact, each in zip(shared, ours, strict=False) if each.kind != each.KEYWORD_ONLY
    ]
    assert positional == expected[: len(positional)]
    added = [each for each in ours if each.name not in reference]
    assert all(each.kind == each.KEYWORD_ONLY for each in added)


@pytest.mark.parametrize(("owner", "name", "reference"), members(dict))
def test_method_takes_what_theirs_takes(owner: str, name: str, reference: dict[str, Any]) -> None:
    compare(inspect.getattr_static(OURS[owner], name), reference, set())


@pytest.mark.parametrize(("owner", "name", "reference"), members(str))
def test_property_is_one_and_set_if_theirs_is(owner: str, name: str, reference: str) -> None:
    ours = inspect.getattr_static(OURS[owner], name)

    assert isinstance(ours, property)
    is_settable = reference == "settable" and (owner, name) not in NOT_SETTABLE
    assert (ours.fset is not None) == is_settable


@pytest.mark.parametrize("owner", ["Artifact", "Api"])
def test_it_is_made_as_theirs_is(owner: str) -> None:
    compare(OURS[owner], REFERENCE["classes"][owner]["init"], set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_takes_what_theirs_takes(name: str) -> None:
    missing = listed(PARAMETERS_LATER.get(name, {}))

    compare(FUNCTIONS[name], REFERENCE["functions"][name], missing)


@pytest.mark.parametrize("owner", OURS)
def test_what_is_absent_is_listed_with_its_reason(owner: str) -> None:
    theirs = REFERENCE["classes"][owner]["members"]

    assert {name for name in theirs if not hasattr(OURS[owner], name)} == listed(
        ABSENT.get(owner, {})
    )


def test_public_name_that_is_absent_is_listed_with_its_reason() -> None:
    theirs = {name for name in REFERENCE["names"] if not name.startswith("__")}

    assert {name for name in theirs if not hasattr(artifacts, name)} == listed(NAMES_LATER)


def test_function_and_method_of_a_run_are_the_same() -> None:
    for name in FUNCTIONS.keys() - {"init"}:
        method = parameters(getattr(artifacts.Run, name))
        assert parameters(FUNCTIONS[name]) == method


@pytest.mark.parametrize("owner", OURS)
def test_every_public_member_says_what_it_is_for(owner: str) -> None:
    public = [name for name in dir(OURS[owner]) if not name.startswith("_")]
    silent = [name for name in public if inspect.getdoc(getattr(OURS[owner], name)) is None]

    assert set(silent) <= {"skip_cache", "birth_artifact_id"}
