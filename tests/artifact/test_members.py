"""Members of a logged artifact that W&B's users know: how it is named, where, in what."""

from __future__ import annotations

import pytest

from artifact.samples import draft, logged
from artifacts.artifact import Artifact
from artifacts.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    ArtifactStatusError,
    UsageError,
    WaitTimeoutError,
)


def test_it_is_encoded_as_w_and_b_names_one() -> None:
    artifact = logged()
    artifact.used_as("train")

    assert artifact.json_encode() == {
        "_type": "artifactVersion",
        "_version": "v0",
        "id": artifact.id,
        "version": "v0",
        "sequenceName": "data",
        "usedAs": "train",
    }


def test_its_url_is_the_store_and_its_name() -> None:
    artifact = logged()

    store, _, name = artifact.url.partition("#")
    assert name == artifact.qualified_name
    assert store


def test_it_knows_its_collection() -> None:
    artifact = logged()

    collection = artifact.collection
    assert (collection.entity, collection.project) == (artifact.entity, artifact.project)
    assert (collection.name, collection.type) == ("data", "dataset")
    assert artifact.source_collection.id == collection.id
    assert [each.name for each in collection.artifacts()] == ["data:v0"]


def test_distributed_id_is_its_writers_word() -> None:
    artifact = Artifact("data", "dataset")
    assert artifact.distributed_id is None

    artifact.distributed_id = "shared"

    assert artifact.distributed_id == "shared"


def test_media_object_is_refused_until_there_are_any() -> None:
    artifact = draft()

    with pytest.raises(UsageError, match="media objects come with a later version"):
        artifact.add(object(), "table")
    with pytest.raises(UsageError, match="media objects come with a later version"):
        artifact["table"] = object()
    artifact.finalize()
    with pytest.raises(ArtifactFinalizedError):
        artifact.add(object(), "table")


def test_what_is_no_media_object_is_none() -> None:
    artifact = logged({"plain.txt": b"text", "scores.table.json": b"{}"})

    assert artifact.get("plain.txt") is None
    assert artifact["nothing"] is None
    with pytest.raises(UsageError, match=r"get_entry\('scores\.table\.json'\)"):
        artifact.get("scores")
    with pytest.raises(ArtifactNotLoggedError):
        draft().get("plain.txt")


def test_files_are_gone_through_by_next() -> None:
    files = logged({"a": b"1", "b": b"2", "c": b"3"}).files()

    assert (files.cursor, files.length, files.more) == (None, 3, True)
    assert [next(files).name, files.next().name] == ["a", "b"]
    assert files.cursor == "2"
    assert next(files).name == "c"
    assert not files.more
    with pytest.raises(StopIteration):
        next(files)
    assert [file.name for file in files] == ["a", "b", "c"]


def test_wrong_moment_is_an_attribute_error_as_theirs_is() -> None:
    final = draft()
    final.finalize()

    with pytest.raises(ArtifactFinalizedError) as refused:
        final.remove("a.txt")
    with pytest.raises(ArtifactNotLoggedError) as absent:
        final.wait()
    for error in (refused.value, absent.value):
        assert isinstance(error, ArtifactStatusError)
        assert isinstance(error, AttributeError)


def test_waiting_takes_no_time_as_logging_has_ended() -> None:
    artifact = logged()

    assert artifact.wait(timeout=0) is artifact
    assert issubclass(WaitTimeoutError, TimeoutError)  # which whoever waits for theirs catches


def test_members_are_had_and_set_by_brackets_as_by_their_methods() -> None:
    artifact = logged({"plain.txt": b"text"})

    assert artifact["plain.txt"] is artifact.get("plain.txt") is None
    with pytest.raises(ArtifactFinalizedError):
        artifact["more"] = object()
