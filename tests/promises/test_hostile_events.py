"""Hostile events: whatever a log says that it cannot mean is refused, and stays out of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from forging import (
    COLLECTION_ID,
    DATA,
    PROJECT_ID,
    Forgery,
    append_change,
    forge_event,
    write_line,
)
from victim import Victim

from artifacts.errors import (
    IntegrityError,
)
from artifacts.storage import Log, Proposal

COLLECTION = f"collection/{COLLECTION_ID}"
DIRECTORY = f"directory/{PROJECT_ID}"


def added(name: object, **lies: object) -> dict[str, object]:
    """What a directory says of one more name."""
    return {"kind": "added", "name": name, "id": "3" * 32, "type": "dataset", **lies}


def added_project(name: object, id: object = "3" * 32) -> dict[str, object]:
    return {"kind": "added", "name": name, "id": id}


CHANGES: Mapping[str, tuple[str, object]] = {
    "change that is text": (COLLECTION, "committed"),
    "change without a kind": (COLLECTION, {"version": 0}),
    "change of a kind that is a list": (COLLECTION, {"kind": ["updated"]}),
    "change of an unknown kind": (COLLECTION, {"kind": "exploded"}),
    "update without a version": (COLLECTION, {"kind": "updated"}),
    "update of version 'v0'": (COLLECTION, {"kind": "updated", "version": "v0"}),
    "update of version infinity": (COLLECTION, {"kind": "updated", "version": float("inf")}),
    "update of version NaN": (COLLECTION, {"kind": "updated", "version": float("nan")}),
    "metadata is a list": (COLLECTION, {"kind": "updated", "version": 0, "metadata": ["x"]}),
    "metadata is text": (COLLECTION, {"kind": "updated", "version": 0, "metadata": "x"}),
    "tags is a number": (COLLECTION, {"kind": "updated", "version": 0, "tags": 5}),
    "tags are numbers": (COLLECTION, {"kind": "updated", "version": 0, "tags": [5]}),
    "description is a number": (COLLECTION, {"kind": "updated", "version": 0, "description": 5}),
    "description is half a surrogate": (
        COLLECTION,
        {"kind": "updated", "version": 0, "description": "\ud800"},
    ),
    "metadata is half a surrogate": (
        COLLECTION,
        {"kind": "updated", "version": 0, "metadata": {"\ud800": 1}},
    ),
    "alias of no version": (COLLECTION, {"kind": "aliased", "alias": "a", "version": "x"}),
    "alias is a list": (COLLECTION, {"kind": "aliased", "alias": ["a"], "version": 0}),
    "fence at infinity": (COLLECTION, {"kind": "fenced", "epoch": float("inf")}),
    "new name is a list": (COLLECTION, {"kind": "renamed", "name": ["x"]}),
    "collection's id leads out": (DIRECTORY, added("x", id="../../../x")),
    "collection's id is empty": (DIRECTORY, added("x", id="")),
    "collection's id is a number": (DIRECTORY, added("x", id=5)),
    "collection's id is null": (DIRECTORY, added("x", id=None)),
    "collection's name leads out": (DIRECTORY, added("../x")),
    "collection's name has parts": (DIRECTORY, added("a/b")),
    "collection's name is a number": (DIRECTORY, added(5)),
    "collection's name is a list": (DIRECTORY, added(["x"])),
    "collection's type is a list": (DIRECTORY, added("x", type=["x"])),
    "project's name leads out": ("directory/root", added_project("../..")),
    "project's name has no entity": ("directory/root", added_project("x")),
    "project's name has three parts": ("directory/root", added_project("a/b/c")),
    "project's name is a number": ("directory/root", added_project(5)),
    "project's id leads out": ("directory/root", added_project("a/b", id="../x")),
}

COMMITS: Mapping[str, Mapping[str, object]] = {
    "manifest's name leads out": {"manifest": "manifests/../../../../etc/passwd"},
    "manifest's name is a number": {"manifest": 5},
    "manifest's name is a list": {"manifest": ["manifests"]},
    "manifest is of another kind": {"manifest": str(DATA)},
    "manifest's epoch is huge": {"manifest": f"manifests/{DATA.digest}.{10**30}"},
    "layout's name is missing": {"layout": None},
    "layout is of another kind": {"layout": str(DATA)},
    "size is text": {"size": "4"},
    "size is null": {"size": None},
    "size is infinity": {"size": float("inf")},
    "size is NaN": {"size": float("nan")},
    "size is a fraction": {"size": 4.5},
    "size is negative": {"size": -4},
    "size is huge": {"size": 10**40},
    "entries is a list": {"entries": [1]},
    "aliases is a number": {"aliases": 5},
    "aliases are numbers": {"aliases": [5]},
    "aliases are lists": {"aliases": [["latest"]]},
    "aliases is text": {"aliases": "latest"},
    "tags is a number": {"tags": 5},
    "tags are numbers": {"tags": [5]},
    "metadata is a list": {"metadata": [1]},
    "description is a list": {"description": [1]},
    "run is a number": {"run": 5},
}

BIRTHS: Mapping[str, Mapping[str, object]] = {
    "first number is negative": {"first": -5},
    "first number is text": {"first": "0"},
    "first number is infinity": {"first": float("inf")},
    "first number is huge": {"first": 10**30},
    "type is a number": {"type": 5},
    "name is a list": {"name": ["data"]},
}

HEADERS: Mapping[str, Mapping[str, object]] = {
    "number of another": {"number": 0},
    "number is text": {"number": "1"},
    "previous of another": {"previous": "0" * 64},
    "previous is missing": {"previous": None},
    "log is another": {"log": "collection/x"},
    "fold is newer": {"fold": 2},
    "fold is text": {"fold": "1"},
    "critical is text": {"critical": "yes"},
    "epoch is text": {"epoch": "0"},
    "time is a number": {"time": 5},
    "transaction is a list": {"transaction": ["x"]},
    "adds is a number": {"adds": 5},
    "changes is an object": {"changes": {}},
    "objects is a number": {"objects": 5},
    "objects are longer than the event": {"objects": [["pages/x", 2**63]]},
    "objects are negative": {"objects": [["pages/x", -1]]},
}

LINES: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "not UTF-8": b'{"log": "\xff"}',
    "deeply nested": b'{"changes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of a million digits": b'{"number": ' + b"9" * 10**6 + b"}",
}


@pytest.fixture
def victim(tmp_path: Path, new_store: Path) -> Victim:
    return Victim.of(tmp_path, new_store)


@pytest.mark.parametrize("change", COMMITS.values(), ids=COMMITS)
def test_a_commit_that_lies_is_refused(victim: Victim, change: Mapping[str, object]) -> None:
    Forgery(change=change).write(victim.store)

    victim.assert_refused()


@pytest.mark.parametrize("change", BIRTHS.values(), ids=BIRTHS)
def test_a_birth_that_lies_is_refused(victim: Victim, change: Mapping[str, object]) -> None:
    Forgery(birth=change).write(victim.store)

    victim.assert_refused()


@pytest.mark.parametrize(("log", "change"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_lies_is_refused(victim: Victim, log: str, change: object) -> None:
    Forgery().write(victim.store)
    append_change(victim.store, log, change)

    victim.assert_refused()


@pytest.mark.parametrize("log", [COLLECTION, DIRECTORY, "directory/root"])
@pytest.mark.parametrize("lies", HEADERS.values(), ids=HEADERS)
def test_an_event_that_lies_is_refused(
    victim: Victim, log: str, lies: Mapping[str, object]
) -> None:
    Forgery().write(victim.store)
    append_change(victim.store, log, {"kind": "fenced", "epoch": 0})
    forge_event(victim.store, log, 1, lies)

    victim.assert_refused()


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_an_event_that_is_none_is_refused(victim: Victim, line: bytes) -> None:
    Forgery().write(victim.store)
    write_line(victim.store, Log(victim.store, COLLECTION).key(1), line)

    victim.assert_refused()


def test_a_change_that_no_reader_takes_in_is_not_appended(victim: Victim) -> None:
    Forgery().write(victim.store)
    before = victim.everything()
    [version] = victim.scene.versions()

    for change in ({"kind": "exploded"}, {"kind": "updated", "version": 0, "description": 5}):
        with pytest.raises(IntegrityError):
            version.collection.append(Proposal([change]))

    assert victim.everything() == before
