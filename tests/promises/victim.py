"""Victim: somebody who wants files from a store that was forged, and what must not befall them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from scene import Scene, everything_below

from artifacts.artifact import Artifact
from artifacts.cache import RECEIPT
from artifacts.catalog import Session
from artifacts.errors import ArtifactsError
from artifacts.storage import LocalStore


@dataclass(frozen=True, slots=True)
class Victim:
    """Downloads into `root`, which has a file already; beside it lies what nobody may touch."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, new_store: Path) -> Victim:
        victim = cls(folder / "victim")
        shutil.copytree(new_store, victim.scene.folder / "store")
        for place, name in ((victim.root, "mine"), (victim.outside, "secret")):
            place.mkdir()
            (place / name).write_bytes(name.encode())
        return victim

    @property
    def scene(self) -> Scene:
        return Scene(self.folder)

    @property
    def store(self) -> LocalStore:
        return self.scene.store

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def outside(self) -> Path:
        return self.folder / "outside"

    def everything(self) -> Sequence[tuple[str, bytes]]:
        """All files, links and folders, except the receipt of a download."""
        return [each for each in everything_below(self.folder) if not each[0].endswith(RECEIPT)]

    def use(self) -> None:
        """All that a reader of the newest version may do."""
        session = Session(self.scene.settings)
        artifact = Artifact.of_version(session.resolve("data"), session)
        assert artifact.aliases
        assert artifact.version
        assert artifact.metadata == {}
        artifact.download(self.root)

    def assert_refused(self, *, is_found: bool = True) -> None:
        """Who wants the files gets a typed error and no file; a reading of the store tells why."""
        before = self.everything()
        with pytest.raises(ArtifactsError):
            self.use()
        assert self.everything() == before
        assert bool(self.scene.problems()) is is_found
