"""Listings: collections, types and versions of a project, as far as they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from artifact.samples import logged

from artifacts import Api, CommError
from artifacts.catalog import Catalog, Draft
from artifacts.errors import ArtifactNotFoundError, InvalidNameError, WrongTypeError
from artifacts.storage import Address, LocalStore

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def api() -> Api:
    """Of a store with two datasets, one of them with two versions, and a model."""
    logged({"a": b"1"}, metadata={"accuracy": 0.5})
    second = logged({"a": b"2"}, metadata={"accuracy": 0.95, "by": {"name": "ann"}})
    second.tags = ["good", "small"]
    second.aliases.append("best")
    second.save()
    logged({"b": b"1"}, name="other")
    model = logged({"m": b"1"}, name="net", type="model", metadata={"accuracy": 0.99})
    model.tags = ["good"]
    model.save()
    return Api()


def test_versions_come_newest_first(api: Api) -> None:
    versions = api.artifacts("dataset", "data")

    assert [each.name for each in versions] == ["data:v1", "data:v0"]
    assert (len(versions), versions[0].name, versions[-1].name) == (2, "data:v1", "data:v0")
    assert [each.name for each in versions[:1]] == ["data:v1"]
    assert [each.name for each in api.artifact_versions("dataset", "data")] == [
        "data:v1",
        "data:v0",
    ]
    assert next(api.artifacts("dataset", "default/uncategorized/data", per_page=1)).version == "v1"


def test_versions_are_found_by_tag_and_by_what_is_said_of_them(api: Api) -> None:
    assert [each.name for each in api.artifacts("dataset", "data", tags=["good"])] == ["data:v1"]
    assert not api.artifacts("dataset", "data", tags=["good", "large"])
    for wanted in (
        {"metadata.accuracy": {"$gt": 0.9}},
        {"metadata.by.name": "ann"},
        {"alias": "best"},
        {"tag": {"$in": ["small"]}},
    ):
        found = api.artifacts("dataset", "data", filters=wanted)
        assert [each.name for each in found] == ["data:v1"]


def test_versions_of_all_collections_are_found(api: Api) -> None:
    found = api.find_artifacts({"metadata.accuracy": {"$gt": 0.9}})

    assert [each.name for each in found] == ["data:v1", "net:v0"]
    models = api.find_artifacts({"tag": "good"}, type_name="model", project="uncategorized")
    assert [each.name for each in models] == ["net:v0"]
    assert not api.find_artifacts({}, project="team/nothing")


def test_versions_of_no_collection_are_an_error_when_they_are_asked_for(api: Api) -> None:
    absent, other = api.artifacts("dataset", "absent"), api.artifacts("model", "data")

    with pytest.raises(ArtifactNotFoundError):
        len(absent)
    with pytest.raises(WrongTypeError):
        next(other)
    with pytest.raises(InvalidNameError):
        api.artifacts("dataset", "a/b/c/d")


def test_collections_are_listed_by_type_in_order(api: Api) -> None:
    datasets = api.artifact_collections("uncategorized", "dataset")

    assert [each.name for each in datasets] == ["data", "other"]
    assert len(datasets) == 2
    assert [each.name for each in api.artifact_collections("default/uncategorized", "model")] == [
        "net"
    ]
    assert not api.artifact_collections("nowhere", "dataset")


def test_registered_models_are_listed_like_any_collection(api: Api) -> None:
    api.artifact("net").link("model-registry/Classifier")

    [found] = api.artifact_collections("model-registry", "model")
    assert (found.name, found.is_sequence()) == ("Classifier", False)
    assert [each.name for each in found.artifacts()] == ["Classifier:v0"]
    assert [each.name for each in api.artifact_types("model-registry")] == ["model"]


def test_collection_is_found_by_its_name_and_type(api: Api) -> None:
    found = api.artifact_collection("dataset", "uncategorized/data")

    assert (found.name, found.type, found.is_sequence()) == ("data", "dataset", True)
    assert [each.version for each in found.artifacts()] == ["v1", "v0"]
    assert sorted(found.aliases) == ["best", "latest"]
    assert found.created_at == api.artifact("data:v0").created_at
    assert api.artifact_collection_exists("data", "dataset")
    assert not api.artifact_collection_exists("data", "model")
    assert not api.artifact_collection_exists("absent", "dataset")
    with pytest.raises(CommError):
        api.artifact_collection("model", "data")


def test_types_are_those_of_the_collections(api: Api) -> None:
    assert [each.name for each in api.artifact_types()] == ["dataset", "model"]
    assert [each.name for each in api.artifact_types("default/uncategorized")] == [
        "dataset",
        "model",
    ]
    assert [each.name for each in api.artifact_type("model").collections()] == ["net"]
    assert api.artifact_type("model").collection("net").name == "net"
    assert api.artifact_type("model").id == "default/uncategorized/model"
    api.artifact_type("model").load()
    with pytest.raises(CommError):
        api.artifact_type("absent")
    with pytest.raises(WrongTypeError):
        api.artifact_type("model").collection("data")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys that are read from now on."""
    read: list[str] = []
    real = LocalStore.read

    def spy(self: LocalStore, key: str, *args: object, **options: object) -> bytes:
        read.append(key)
        return real(self, key, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "read", spy)
    return read


@pytest.mark.local
def test_first_page_of_many_versions_reads_none_of_the_others(
    tmp_path: Path, place: Address, read: list[str]
) -> None:
    catalog = Catalog.open(place, create=True)
    for number in range(600):
        draft = Draft("many", "dataset", catalog.intake(tmp_path / "cache"))
        draft.add_bytes(b"%d" % number, "file")
        catalog.commit(draft, "default", "uncategorized")
    read.clear()

    versions = Api().artifacts("dataset", "many")[:50]

    assert [each.version for each in versions] == [f"v{number}" for number in range(599, 549, -1)]
    assert len([key for key in read if key.startswith("logs/collection/")]) <= 65
    assert len([key for key in read if key.startswith("cache/rows/")]) <= 1
    assert not [key for key in read if key.startswith(("manifests/", "pages/", "blobs/"))]


@pytest.mark.local
def test_listing_collections_opens_none_of_them(api: Api, read: list[str]) -> None:
    read.clear()

    assert len(Api().artifact_collections("uncategorized", "dataset")) == 2
    assert [key for key in read if key.startswith("logs/directory/")]
    assert not [key for key in read if key.startswith("logs/collection/")]


def test_project_is_made_once(api: Api) -> None:
    api.create_project("new", "team")
    api.create_project("new", "team")

    assert not api.artifact_types("team/new")
    with pytest.raises(InvalidNameError):
        api.create_project("a/b", "team")


def test_what_is_said_of_a_collection_is_changed_and_saved(api: Api) -> None:
    collection = api.artifact_collection("dataset", "data")
    collection.description = "*digits*"
    collection.tags = ["one", "two"]
    collection.save()

    collection.tags.remove("one")
    collection.name, collection.type = "digits", "samples"
    collection.save()

    found = api.artifact_collection("samples", "digits")
    assert (found.description, found.tags, found.id) == ("*digits*", ["two"], collection.id)
    assert api.artifact("digits:v1").type == "samples"
    assert not api.artifact_collection_exists("data", "dataset")


def test_what_others_change_of_a_collection_stays(api: Api) -> None:
    mine, theirs = (api.artifact_collection("dataset", "data") for _ in range(2))
    mine.tags.append("mine")
    theirs.tags.append("theirs")
    theirs.description = "theirs"
    theirs.save()

    mine.save()
    mine.load()

    assert (mine.tags, mine.description) == (["theirs", "mine"], "theirs")


def test_type_of_a_collection_changes_at_once(api: Api) -> None:
    api.artifact_collection("dataset", "other").change_type("table")

    assert api.artifact_collection("table", "other").type == "table"
    with pytest.raises(InvalidNameError):
        api.artifact_collection("dataset", "data").change_type("wandb-history")


def test_collection_that_is_deleted_is_gone(api: Api) -> None:
    collection = api.artifact_collection("dataset", "other")

    collection.delete()

    assert not api.artifact_collection_exists("other", "dataset")
    assert [each.name for each in api.artifact_collections("uncategorized", "dataset")] == ["data"]
