"""Api: questions to a store, answered without a run, or with where nothing was found."""

from __future__ import annotations

from pathlib import Path

import pytest
from artifact.samples import FILES, logged, read

from artifacts import Api, CommError
from artifacts.errors import ArtifactNotFoundError, StoreNotFoundError

OTHER = {"a.txt": b"other"}


@pytest.fixture
def two(store: Path) -> list[str]:
    """The digests of two versions of one collection, the first of them called best."""
    first, second = logged(), logged(OTHER)
    first.aliases.append("best")
    first.save()
    return [first.digest, second.digest]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("data", 1),
        ("data:latest", 1),
        ("data:v0", 0),
        ("data:best", 0),
        ("uncategorized/data:v1", 1),
        ("default/uncategorized/data", 1),
    ],
)
def test_artifact_is_found_by_name(two: list[str], name: str, version: int) -> None:
    found = Api().artifact(name)

    assert (found.name, found.digest) == (f"data:v{version}", two[version])
    assert Api().artifact_exists(name)


def test_artifact_is_found_by_digest(two: list[str]) -> None:
    for name in (two[0], f"uncategorized/{two[0]}", f"data@{two[0]}", f"data@{two[0][:8]}"):
        assert Api().artifact(name).name == "data:v0"


@pytest.mark.parametrize(
    "name",
    [
        *("absent", "data:v2", "data:absent", "other/data", "team/uncategorized/data"),
        *("0" * 64, "data@00000000"),
    ],
)
def test_what_is_not_found_is_named_with_its_store(two: list[str], name: str, store: Path) -> None:
    with pytest.raises(CommError) as caught:
        Api().artifact(name)

    assert isinstance(caught.value, ArtifactNotFoundError)
    assert isinstance(caught.value, LookupError)
    assert str(store) in str(caught.value)
    assert name in str(caught.value)
    assert not Api().artifact_exists(name)


@pytest.mark.parametrize(
    "name", ["data:v1:x", "a/b/c/data", "", "da ta", "data:", "/data", "data@"]
)
def test_what_is_no_name_is_refused(two: list[str], name: str) -> None:
    for ask in (Api().artifact, Api().artifact_exists):
        with pytest.raises(ValueError, match="invalid name"):
            ask(name)


def test_artifact_of_another_type_is_refused(two: list[str]) -> None:
    assert Api().artifact("data", "dataset").type == "dataset"
    assert Api().artifact_exists("data", type="dataset")
    with pytest.raises(
        CommError, match="data:latest: its type is 'dataset', not 'model'"
    ) as caught:
        Api().artifact("data", type="model")
    assert isinstance(caught.value, ValueError)
    assert not Api().artifact_exists("data", type="model")


@pytest.mark.local
def test_absent_store_is_named_and_not_made(tmp_path: Path) -> None:
    for api, store in (
        (Api(), tmp_path / "store"),
        (Api(store=str(tmp_path / "other")), tmp_path / "other"),
    ):
        with pytest.raises(CommError, match=str(store)) as caught:
            api.artifact("data")
        assert isinstance(caught.value, StoreNotFoundError)
        assert not api.artifact_exists("data")
        assert not store.exists()


def test_store_that_is_made_later_is_found(store: Path) -> None:
    api = Api()
    assert not api.artifact_exists("data")
    logged()

    assert api.artifact("data").name == "data:v0"
    logged(OTHER)
    assert api.artifact("data").name == "data:v1"


def test_overrides_say_where_names_begin(two: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ART_ENTITY", "team")
    monkeypatch.setenv("ART_PROJECT", "proj")
    api = Api({"entity": "default", "project": "uncategorized"})

    assert api.artifact("data").name == "data:v1"
    assert (api.default_entity, api.settings) == (
        "default",
        {"entity": "default", "project": "uncategorized"},
    )
    assert Api().settings == {"entity": "team", "project": "proj"}
    assert not Api({"entity": "default"}).artifact_exists("data")
    with pytest.raises(ValueError, match="project"):
        Api({"project": "a/b"})


@pytest.mark.parametrize("as_url", [str, Path, "file://{}".format])
def test_store_is_given_as_a_folder_or_a_url(
    two: list[str], store: Path, tmp_path: Path, as_url: type
) -> None:
    store.rename(tmp_path / "moved")

    found = Api(store=as_url(tmp_path / "moved")).artifact("data:best")
    assert read(found.download()) == FILES


def test_artifact_is_another_object_each_time(two: list[str]) -> None:
    api = Api()
    first, second = api.artifact("data"), api.artifact("data")
    first.aliases.append("mine")

    assert second.aliases == ["latest"]


def test_timeout_and_key_mean_nothing_here(two: list[str]) -> None:
    assert Api(None, 3, "key").artifact("data").name == "data:v1"


@pytest.mark.parametrize("name", ["project", "projects", "run", "runs", "sweep"])
def test_what_cannot_be_asked_yet_is_said(name: str, store: Path) -> None:
    assert not hasattr(Api(), name)
    with pytest.raises(AttributeError, match=rf"yet, so no Api\(\)\.{name}: `art run ls`"):
        getattr(Api(), name)


def test_unknown_name_is_an_attribute_error(store: Path) -> None:
    with pytest.raises(AttributeError, match="'Api' object has no attribute 'rnu'"):
        getattr(Api(), "rnu")  # noqa: B009 - as a user's program that no checker has seen


def test_a_name_that_is_none_is_a_mistake(two: list[str]) -> None:
    with pytest.raises(ValueError, match="an artifact's name must be text, not NoneType"):
        Api().artifact(None)  # type: ignore[arg-type]
    assert two
