"""Linked: an artifact as portfolios show it is the same artifact under another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifact.samples import FILES, draft, logged, read
from artifacts import Api, Artifact, Settings, init
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError, ArtifactNotLoggedError
from artifacts.names import CollectionName

pytestmark = pytest.mark.usefixtures("store")


def linked(target: str = "best", aliases: list[str] | None = None) -> Artifact:
    """The first version of `data`, which is the second link of its portfolio."""
    logged({"x": b"x"}, "other").link(target)
    logged().link(target, aliases)
    return Api().artifact(target)


def test_names_are_the_portfolios_and_source_names_the_collections() -> None:
    artifact = linked("others/shelf/best")

    assert artifact.name == "best:v1"
    assert (artifact.entity, artifact.project, artifact.version) == ("others", "shelf", "v1")
    assert artifact.qualified_name == "others/shelf/best:v1"
    source = Api().artifact("data")
    assert (artifact.source_entity, artifact.source_project) == (source.entity, source.project)
    assert (artifact.source_name, artifact.source_version) == ("data:v0", "v0")
    assert artifact.source_qualified_name == source.qualified_name
    assert (artifact.id, artifact.digest, artifact.type) == (source.id, source.digest, source.type)
    assert not source.is_link
    assert source.source_name == source.name


def test_content_is_delivered_where_the_source_would_be(tmp_path: Path) -> None:
    artifact = linked()

    assert artifact.download() == str(tmp_path / "artifacts" / "data:v0")
    assert read(artifact.download()) == dict(FILES)
    artifact.verify()


def test_saved_aliases_are_the_portfolios_and_all_else_the_versions() -> None:
    artifact = linked(aliases=["a"])
    artifact.aliases.append("b")
    artifact.aliases.remove("a")
    artifact.description, artifact.metadata["k"] = "good", 1
    artifact.tags.append("t")
    artifact.save()

    again, source = Api().artifact("best:b"), Api().artifact("data")
    assert sorted(again.aliases) == ["b", "latest"]
    assert source.aliases == ["latest"]
    assert (source.description, source.metadata, source.tags) == ("good", {"k": 1}, ["t"])
    assert not Api().artifact_exists("best:a")


def test_unlinking_leaves_the_source() -> None:
    linked().unlink()

    assert Api().artifact("best").version == "v0"
    with pytest.raises(ArtifactNotFoundError):
        Api().artifact("best:v1")
    assert Api().artifact("data").version == "v0"


def test_what_is_not_linked_cannot_be_unlinked() -> None:
    with pytest.raises(ValueError, match="is not linked"):
        logged().unlink()


def test_a_draft_has_no_links() -> None:
    artifact = draft()
    for act in (
        lambda: artifact.link("best"),
        artifact.unlink,
        lambda: artifact.is_link,
        artifact.logged_by,
        artifact.used_by,
    ):
        with pytest.raises(ArtifactNotLoggedError):
            act()
    assert not hasattr(artifact, "is_link")


def test_a_new_draft_of_a_linked_version_belongs_to_its_source() -> None:
    artifact = linked().new_draft()
    with artifact.new_file("more") as file:
        file.write("more")
    artifact.save()

    assert artifact.name == "data:v1"


def test_a_target_is_completed_from_the_run_and_without_one_from_the_artifact() -> None:
    with init("team", "proj"):
        artifact = draft()
        artifact.save()
    artifact.link("best")
    with init("other", "place"):
        artifact.link("best")

    assert Api().artifact("team/proj/best").is_link
    assert Api().artifact("other/place/best").source_qualified_name == "team/proj/data:v0"


def test_runs_that_used_it_are_told_in_order_each_once() -> None:
    artifact = logged()
    with init(id="a", name="first") as one:
        one.use_artifact(artifact)
        one.use_artifact("data:latest")
    with init(id="b") as two:
        two.use_artifact("data:v0", use_as="input")
    with init(id="c") as three:
        three.log_artifact(draft({"x": b"x"}, "other"))

    assert [(run.id, run.name, run.state) for run in artifact.used_by()] == [
        ("a", "first", "finished"),
        ("b", two.name, "finished"),
    ]
    assert Api().artifact("other").used_by() == []


def test_the_run_that_logged_it_first_is_its_logger() -> None:
    with init(id="a", config={"lr": 1}) as one:
        one.log_artifact(draft())
    with init(id="b") as two:
        artifact = two.log_artifact(draft())

    by = artifact.logged_by()
    assert by is not None
    assert (by.id, by.project, by.config) == ("a", one.project, {"lr": 1})
    assert logged(name="alone").logged_by() is None


def test_a_renamed_collection_keeps_the_runs_that_used_it() -> None:
    artifact = logged()
    with init(id="a") as run:
        run.use_artifact(artifact)
    home = CollectionName(artifact.entity, artifact.project, "data")
    Session(Settings.load()).writable.rename(home, "renamed")

    assert [each.id for each in Api().artifact("renamed").used_by()] == ["a"]


def test_deleting_what_a_portfolio_shows_takes_it_out_of_there_alone() -> None:
    linked().delete()

    assert not Api().artifact_exists("best:v1")
    assert Api().artifact("data").version == "v0"
