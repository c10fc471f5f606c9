"""Offline: what this machine had of a store is used and downloaded when nobody can reach it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from far import FarScene
from scene import Scene, noise, read_tree, scene_with
from servers.fleet import Fleet

from artifacts.artifact import Artifact
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError, StorageError, WrongTypeError
from artifacts.settings import Settings
from artifacts.storage import client
from artifacts.testing import Proxy

FIRST = {"a.txt": b"alpha", "sub/b.txt": b"beta"}
SECOND = {**FIRST, "large.bin": noise(2**22, seed=1)}


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store with two versions, of which the second is called latest."""
    return scene_with(tmp_path_factory.mktemp("begun"), FIRST, SECOND)


@pytest.fixture
def far(fleet: Fleet, begun: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FarScene:
    """A machine that used both, and from where now nobody reaches the store any more."""
    monkeypatch.setattr(client, "_FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(client, "_TRIES", 2)
    scene = FarScene.copied_to(fleet.server("ceph"), begun, tmp_path / "machine")
    with Proxy(scene.port) as proxy:
        behind = scene.behind(proxy)
        for number in range(2):
            behind.deliver(number, tmp_path / f"online{number}")
    return behind  # whose proxy is closed


def artifact(settings: Settings, name: str) -> Artifact:
    session = Session(settings)
    return Artifact.of_version(session.resolve(name), session)


def test_what_was_downloaded_is_had_again(
    far: FarScene, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, tree in (("data:v0", FIRST), ("data:latest", SECOND)):
        found = artifact(far.settings, name)

        root = tmp_path / name
        found.download(root)

        assert read_tree(root) == tree
        found.verify(str(root))
        assert "cannot be reached" in caplog.text
        assert found.qualified_name in caplog.text


def test_nobody_is_asked_where_that_is_wished(far: FarScene, tmp_path: Path) -> None:
    with Proxy(far.port) as proxy:
        offline = replace(far.behind(proxy).settings, offline=True)
        found = artifact(offline, "data:latest")
        found.download(tmp_path / "again")

        assert not proxy.exchanges
    assert read_tree(tmp_path / "again") == SECOND
    assert (found.version, found.aliases, found.type) == ("v1", ["latest"], "dataset")


def test_what_this_machine_never_had_is_told(far: FarScene, tmp_path: Path) -> None:
    stranger = replace(far.settings, cache_dir=tmp_path / "empty", offline=True)
    with pytest.raises(StorageError, match="this machine has no copy"):
        artifact(stranger, "data")

    known = replace(far.settings, offline=True)
    with pytest.raises(ArtifactNotFoundError):
        artifact(known, "data:v7")
    with pytest.raises(WrongTypeError):
        Session(known).resolve("data", "model")
    with pytest.raises(StorageError):
        artifact(far.settings, "elsewhere")


def test_what_is_no_longer_here_is_told(far: FarScene, tmp_path: Path) -> None:
    settings = replace(far.settings, offline=True)
    found = artifact(settings, "data:latest")
    for copy in Path(Session(settings).copies.folder).rglob("blobs/**/*"):
        if copy.is_file():
            copy.unlink()

    with pytest.raises(StorageError, match="this machine has no copy"):
        found.download(tmp_path / "again")
    assert not any((tmp_path / "again").glob("**/*.bin"))
