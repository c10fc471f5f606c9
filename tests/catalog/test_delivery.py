"""Delivery: what a download leaves, the next one can begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

import artifacts
from artifacts.cache import Receipt, audit
from artifacts.catalog import Catalog, Version, deliver
from artifacts.names import CollectionName

NAME = CollectionName("team", "proj", "data")


@pytest.fixture
def version(store: Path) -> Version:
    settings = artifacts.Settings.load(store=store, entity=NAME.entity, project=NAME.project)
    with artifacts.init(settings=settings) as run:
        artifact = artifacts.Artifact(NAME.collection, "dataset")
        for name in ("a", "c"):
            with artifact.new_file(name) as file:
                file.write(name)
        run.log_artifact(artifact)
    [version] = Catalog.open(str(store)).versions(NAME)
    return version


@pytest.mark.parametrize("prefix", ["b", "cc", "0"])
def test_a_prefix_of_no_file_leaves_a_receipt_of_no_file(
    version: Version, tmp_path: Path, prefix: str
) -> None:
    root = tmp_path / "root"
    deliver(version, root, prefix)
    assert Receipt.read(root).files() == {}

    deliver(version, root)

    assert audit(root, Receipt.read(root).files()).is_clean
    assert (root / "a").read_text() == "a"
