"""Lasting: time to live and deletion, as W&B's users know them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact, ArtifactTTL
from artifacts.errors import ArtifactNotLoggedError, CommError


def log(content: bytes, ttl: timedelta | ArtifactTTL | None = ArtifactTTL.INHERIT) -> Artifact:
    artifact = Artifact("data", "dataset")
    with artifact.new_file("file", "wb") as file:
        file.write(content)
    if ttl is not ArtifactTTL.INHERIT:
        artifact.ttl = ttl
    artifact.save()
    return artifact


def test_a_draft_inherits_what_is_not_known_before_it_is_logged() -> None:
    artifact = Artifact("data", "dataset")

    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl

    artifact.ttl = timedelta(days=30, microseconds=5)
    assert artifact.ttl == timedelta(days=30)
    artifact.ttl = None
    assert artifact.ttl is None
    artifact.ttl = ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(days=-1)])
def test_no_time_is_no_ttl(ttl: timedelta) -> None:
    with pytest.raises(ValueError, match="has to be positive"):
        Artifact("data", "dataset").ttl = ttl


@pytest.mark.parametrize("ttl", [timedelta(days=3), None])
def test_it_is_logged_saved_and_read_again(ttl: timedelta | None) -> None:
    assert log(b"it", ttl).ttl == ttl
    artifact = Api().artifact("data:latest")
    assert artifact.ttl == ttl

    artifact.ttl = timedelta(days=9)
    artifact.save()

    assert Api().artifact("data:latest").ttl == timedelta(days=9)


def test_it_is_inherited_again_once_that_is_saved() -> None:
    artifact = log(b"it", timedelta(days=3))

    artifact.ttl = ArtifactTTL.INHERIT
    with pytest.raises(ArtifactNotLoggedError):
        _ = artifact.ttl
    artifact.save()

    assert artifact.ttl is None
    assert Api().artifact("data:latest").ttl is None


def test_a_new_draft_does_not_take_it_over() -> None:
    draft = log(b"it", timedelta(days=3)).new_draft()

    with pytest.raises(ArtifactNotLoggedError):
        _ = draft.ttl


def test_what_has_aliases_is_deleted_only_with_them() -> None:
    artifact = log(b"it")

    with pytest.raises(CommError, match="latest"):
        artifact.delete()
    assert artifact.state == "COMMITTED"
    artifact.delete(delete_aliases=True)

    assert artifact.state == "DELETED"
    assert not Api().artifact_exists("data:v0")
    assert log(b"it").version == "v1"


def test_who_held_it_learns_of_its_end() -> None:
    log(b"it")
    log(b"other")
    held = Api().artifact("data:v0")
    Api().artifact("data:v0").delete()

    held.save()

    assert held.state == "DELETED"


def test_a_draft_cannot_be_deleted() -> None:
    with pytest.raises(ArtifactNotLoggedError):
        Artifact("data", "dataset").delete()


def test_a_run_logs_it_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"it")
    with artifacts.init() as run:
        artifact = Artifact("data", "dataset")
        artifact.ttl = timedelta(hours=1)
        artifact.add_file(str(tmp_path / "file"))
        assert run.log_artifact(artifact).ttl == timedelta(hours=1)
