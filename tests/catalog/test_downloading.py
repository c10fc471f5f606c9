"""Download: what a download leaves, the next one can begin with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import artifacts
from artifacts.cache import CachedStore, Copies, Receipt, audit
from artifacts.catalog import Catalog, Version, download
from artifacts.errors import MissingBlobError
from artifacts.names import CollectionName
from artifacts.testing import SlowStore

NAME = CollectionName("team", "proj", "data")


def log(store: Path, *names: str) -> None:
    settings = artifacts.Settings.load(store=store, entity=NAME.entity, project=NAME.project)
    with artifacts.init(settings=settings) as run:
        artifact = artifacts.Artifact(NAME.collection, "dataset")
        for name in names:
            with artifact.new_file(name) as file:
                file.write(name)
        run.log_artifact(artifact)


@pytest.fixture
def version(store: Path) -> Version:
    log(store, "a", "c")
    [version] = Catalog.open(str(store)).versions(NAME)
    return version


@pytest.mark.parametrize("prefix", ["b", "cc", "0"])
def test_a_prefix_of_no_file_leaves_a_receipt_of_no_file(
    version: Version, tmp_path: Path, prefix: str
) -> None:
    root = tmp_path / "root"
    download(version, root, prefix)
    assert Receipt.read(root).files() == {}

    download(version, root)

    assert audit(root, Receipt.read(root).files()).is_clean
    assert (root / "a").read_text() == "a"


def lay_out_anew(store: Path) -> None:
    """As a repacking does: the same files in another blob, and the old one is gone."""
    for path in (store / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    log(store, "c", "a")


def test_what_was_laid_out_anew_meanwhile_is_delivered(
    version: Version, store: Path, tmp_path: Path
) -> None:
    lay_out_anew(store)

    outcome = download(version, tmp_path / "root")

    assert (outcome.written, outcome.kept) == (2, 0)
    assert audit(tmp_path / "root", Receipt.read(tmp_path / "root").files()).is_clean


def test_what_was_laid_out_anew_meanwhile_is_read(version: Version, store: Path) -> None:
    lay_out_anew(store)

    assert b"".join(version.read("a")) == b"a"


def test_what_is_gone_for_good_is_told_of(version: Version, store: Path, tmp_path: Path) -> None:
    lay_out_anew(store)
    for path in (store / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()

    with pytest.raises(MissingBlobError):
        download(version, tmp_path / "root")
    with pytest.raises(MissingBlobError):
        [*version.read("a")]


class Cached:
    """The version read through a cache, of which every copy can be damaged."""

    def __init__(self, version: Version, copies: Copies) -> None:
        self.copies = copies
        far = SlowStore(version.store, 0)
        del far.path  # or it would be read in place
        self.version = Version(
            CachedStore(far, copies), version.collection_name, version.collection, version.row
        )

    def damage(self) -> None:
        for copy in self.copies:
            data = bytearray(Path(copy.path).read_bytes())
            data[0] ^= 1
            Path(copy.path).chmod(0o644)
            Path(copy.path).write_bytes(data)


def test_a_file_that_is_read_heals_too(store: Path, tmp_path: Path) -> None:
    data = os.urandom(9 * 2**20)
    (tmp_path / "data").write_bytes(data)
    settings = artifacts.Settings.load(store=store, entity=NAME.entity, project=NAME.project)
    with artifacts.init(settings=settings) as run:
        run.log_artifact(tmp_path / "data", NAME.collection, "dataset")
    [logged] = Catalog.open(str(store)).versions(NAME)
    cached = Cached(logged, Copies(tmp_path / "copies", 10**9))

    for _ in range(3):
        assert b"".join(cached.version.read("data")) == data
        cached.damage()
