"""Lasting: how long an artifact is there, and how it ends, as W&B's users say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from artifact.samples import draft, logged
from artifacts import Api, ArtifactTTL, CommError
from artifacts.artifact import Artifact
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError, ArtifactNotLoggedError
from artifacts.settings import Settings

pytestmark = pytest.mark.usefixtures("store")

DAY = timedelta(days=1)


def get(name: str, ago: timedelta = timedelta(0)) -> Artifact:
    """As somebody sees it who comes so much later."""
    session = Session(Settings.load())
    session.catalog.logs.clock = lambda: datetime.now(UTC) + ago
    return Artifact.of_version(session.resolve(name), session)


def test_ttl_is_set_before_logging_and_kept() -> None:
    artifact = draft()
    artifact.ttl = timedelta(days=30, milliseconds=10)
    assert artifact.ttl == timedelta(days=30)

    artifact.save()

    assert artifact.ttl == get("data").ttl == timedelta(days=30)


def test_ttl_is_changed_by_save() -> None:
    artifact = logged()
    assert artifact.ttl is None

    artifact.ttl = DAY
    assert get("data").ttl is None
    artifact.save()
    assert get("data").ttl == DAY

    artifact.ttl = None
    artifact.save()
    assert get("data").ttl is None


def test_inherited_ttl_is_what_the_collection_says() -> None:
    artifact = logged()
    Session(Settings.load()).writable.retain("default", "uncategorized", 3600, "data")

    assert get("data").ttl == timedelta(hours=1)
    artifact.ttl = None  # which is stronger
    artifact.save()
    assert get("data").ttl is None
    artifact.ttl = ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl
    artifact.save()
    assert get("data").ttl == timedelta(hours=1)


def test_ttl_of_a_draft_is_not_known_while_it_is_inherited() -> None:
    with pytest.raises(ArtifactNotLoggedError):
        _ = draft().ttl


def test_new_draft_takes_no_ttl_along() -> None:
    artifact = logged()
    artifact.ttl = DAY
    artifact.save()

    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.new_draft().ttl


@pytest.mark.parametrize("ttl", [timedelta(0), -DAY, 5, "1d"])
def test_what_is_no_time_is_refused(ttl: object) -> None:
    with pytest.raises(ValueError, match="ttl"):
        draft().ttl = ttl  # type: ignore[assignment]


def test_what_is_over_is_gone_for_all_who_read() -> None:
    artifact = logged()
    artifact.ttl = DAY
    artifact.save()

    assert get("data", DAY / 2).version == "v0"
    with pytest.raises(ArtifactNotFoundError, match="is over"):
        get("data:v0", 2 * DAY)


def test_version_with_aliases_is_deleted_only_with_them() -> None:
    artifact = logged()

    with pytest.raises(CommError, match="latest"):
        artifact.delete()
    assert (artifact.state, Api().artifact("data").version) == ("COMMITTED", "v0")

    artifact.delete(delete_aliases=True)

    assert artifact.state == "DELETED"
    assert not Api().artifact_exists("data:v0")
    assert not Api().artifact_exists("data:latest")


def test_number_of_a_deleted_version_is_not_used_again() -> None:
    first, second = logged(), logged({"a": b"2"})

    first.delete()

    assert [each.name for each in Api().artifacts("dataset", "data")] == ["data:v1"]
    assert second.state == "COMMITTED"
    assert logged().version == "v2"


def test_what_was_found_in_a_portfolio_is_only_unlinked() -> None:
    artifact = logged()
    artifact.link("shown")

    Api().artifact("shown:v0").delete()

    assert not Api().artifact_exists("shown:v0")
    assert Api().artifact_exists("data:v0")


def test_what_is_not_logged_cannot_be_deleted() -> None:
    with pytest.raises(ArtifactNotLoggedError):
        draft().delete()
