"""Members of a logged artifact that W&B's users know: how it is named, where, in what."""

from __future__ import annotations

import pytest

from artifact.samples import draft, logged
from artifacts.artifact import Artifact
from artifacts.errors import ArtifactFinalizedError, ArtifactNotLoggedError, UsageError

OF_A_VERSION = [
    *("aliases", "collection", "commit_hash", "created_at", "entity", "file_count"),
    *("project", "qualified_name", "source_collection", "source_entity", "source_project"),
    *("source_qualified_name", "source_version", "tags", "updated_at", "url", "version"),
]
CALLS_OF_A_VERSION = ["files", "json_encode", "new_draft", "wait", "file", "checkout", "verify"]


@pytest.mark.parametrize("name", OF_A_VERSION)
def test_what_only_a_version_has_is_absent_in_a_draft(name: str) -> None:
    artifact = draft()

    with pytest.raises(ArtifactNotLoggedError, match=rf"Artifact\.{name}"):
        getattr(artifact, name)
    assert not hasattr(artifact, name)


@pytest.mark.parametrize("name", CALLS_OF_A_VERSION)
def test_what_only_a_version_does_a_draft_refuses(name: str) -> None:
    with pytest.raises(ArtifactNotLoggedError, match=rf"Artifact\.{name}"):
        getattr(draft(), name)()


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
