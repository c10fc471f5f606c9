"""Registries: what they show is found by what is said of it."""

from __future__ import annotations

import pytest
from artifact.samples import logged

from artifacts import Api
from artifacts.errors import InvalidError

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def api() -> Api:
    """Two registries; the models' has two collections, one with two versions."""
    small = logged({"m": b"1"}, name="run-1", type="model", metadata={"accuracy": 0.5})
    large = logged({"m": b"2"}, name="run-2", type="model", metadata={"accuracy": 0.9})
    data = logged({"d": b"1"}, name="digits")
    large.tags = ["prod"]
    large.save()
    small.link("wandb-registry-model/Classifier")
    large.link("wandb-registry-model/Classifier", ["best"])
    large.link("wandb-registry-model/Large")
    data.link("wandb-registry-dataset/Digits")
    return Api()


def test_registries_are_listed_by_name(api: Api) -> None:
    registries = api.registries()

    assert [each.name for each in registries] == ["dataset", "model"]
    assert (len(registries), bool(registries)) == (2, True)
    registry = next(registries)
    assert registry.full_name == "wandb-registry-dataset"
    assert (registry.entity, registry.organization) == ("default", "default")
    assert registry.path == ["default", "wandb-registry-dataset"]
    assert registry.artifact_types == ["dataset"]
    assert registry.allow_all_artifact_types
    assert registry.description == ""
    assert registry.created_at <= registry.updated_at
    assert not api.registries("team")


@pytest.mark.parametrize(
    "wanted",
    [{"name": "model"}, {"name": "wandb-registry-model"}, {"name": {"$regex": "mod"}}],
)
def test_registries_are_filtered(api: Api, wanted: dict[str, object]) -> None:
    assert [each.name for each in api.registries(filter=wanted)] == ["model"]


def test_collections_of_registries_are_filtered(api: Api) -> None:
    collections = api.registries().collections()
    assert [each.name for each in collections] == ["Digits", "Classifier", "Large"]
    assert not any(each.is_sequence() for each in collections)

    tagged = next(iter(api.registries(filter={"name": "model"}).collections()))
    tagged.tags = ["kept"]
    tagged.save()

    assert [each.name for each in api.registries().collections({"tag": "kept"})] == ["Classifier"]
    [registry] = api.registries(filter={"name": "model"})
    assert [each.name for each in registry.collections({"name": {"$regex": "^L"}})] == ["Large"]


def test_versions_in_registries_are_filtered(api: Api) -> None:
    models = api.registries(filter={"name": {"$regex": "model"}})

    assert [each.name for each in models.versions()] == [
        "Classifier:v1",
        "Classifier:v0",
        "Large:v0",
    ]
    wanted = {"$or": [{"tag": "prod"}, {"alias": "best"}]}
    assert [each.source_name for each in models.versions(wanted)] == ["run-2:v0"] * 2
    best = models.collections({"name": "Classifier"}).versions({"alias": "best"})
    assert [(each.name, each.source_name) for each in best] == [("Classifier:v1", "run-2:v0")]
    [registry] = models
    accurate = registry.versions({"metadata.accuracy": {"$lt": 0.6}})
    assert [each.name for each in accurate] == ["Classifier:v0"]


def test_bad_filter_is_refused_before_anything_is_read(api: Api) -> None:
    for ask in (
        lambda: api.registries(filter={"$like": 1}),
        lambda: api.registries().collections({"name": {"$like": 1}}),
        lambda: api.registries().versions({"tag": {"$in": "x"}}),
    ):
        with pytest.raises(InvalidError):
            ask()
