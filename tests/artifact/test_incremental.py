"""Incremental: entries laid over those of the latest version, whoever else commits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from artifact.samples import content, draft, logged, size_of
from artifacts.catalog import Catalog, Draft, commit_over_latest
from artifacts.errors import InvalidPathError
from artifacts.names import CollectionName
from artifacts.storage import Address

HOME = ("default", "uncategorized")


def test_incremental_artifact_adds_to_the_latest_version() -> None:
    first = logged({"a": b"1", "b": b"2"})

    second = logged({"b": b"changed", "c": b"3"}, incremental=True)

    whole = logged({"a": b"1", "b": b"changed", "c": b"3"}, name="whole")
    assert second.version == "v1"
    assert content(second) == content(whole)
    assert second.digest == whole.digest
    assert content(first).keys() == {"a", "b"}


def test_first_incremental_artifact_is_a_version_like_any() -> None:
    artifact = logged({"a": b"1"}, incremental=True)

    assert artifact.version == "v0"
    assert content(artifact).keys() == {"a"}


def test_incremental_is_what_is_being_put_together() -> None:
    artifact = draft({"a": b"1"}, incremental=True)
    assert artifact.incremental

    artifact.save()

    assert not artifact.incremental


def test_what_latest_names_is_what_is_added_to() -> None:
    logged({"a": b"1"})
    logged({"b": b"2"})
    logged({"a": b"1"})  # v0 again, to which latest comes back

    assert content(logged({"c": b"3"}, incremental=True)).keys() == {"a", "c"}


def test_nothing_that_is_there_is_stored_again(tmp_path: Path) -> None:
    blobs = tmp_path / "store" / "blobs"
    logged({"large.bin": bytes(range(256)) * 40_000})
    before = size_of(blobs)

    logged({"small": b"x"}, incremental=True)

    assert size_of(blobs) - before < 100


def test_file_does_not_take_the_place_of_a_folder() -> None:
    logged({"a/b": b"1"})

    with pytest.raises(InvalidPathError):
        logged({"a": b"2"}, incremental=True)


def test_nobody_is_lost_of_many_who_add_at_once(place: Address, tmp_path: Path) -> None:
    logged({"start": b"0"}, name="shared")

    def add(number: int) -> None:
        catalog = Catalog.open(place)
        made = Draft("shared", "dataset", catalog.intake(tmp_path / f"cache{number}"))
        made.add_bytes(b"%d" % number, f"part-{number}")
        commit_over_latest(catalog, made, *HOME)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(add, number) for number in range(16)]:
            done.result()

    latest = Catalog.open(place).latest(CollectionName(*HOME, "shared"))
    assert latest is not None
    assert latest.row.number == 16
    wanted = {"start", *(f"part-{number}" for number in range(16))}
    assert {entry.path for entry in latest.entries()} == wanted
