"""Fixtures: a shell to run `art` in, and data to run it on."""

from dataclasses import replace
from pathlib import Path

import pytest
from folders import write_tree
from servers.place import copy_store

from artifacts.cache import Tree
from artifacts.catalog import Session
from artifacts.progress import Silent
from artifacts.settings import Settings
from artifacts.storage import Address
from cli.shell import FILES, Shell


@pytest.fixture
def art(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Shell:
    monkeypatch.setenv("ART_PROJECT", "proj")
    return Shell(tmp_path, capsysbinary)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of three files, the largest of 2 MiB."""
    return write_tree(tmp_path / "data", FILES)


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one version of the data, for others to copy: each copy saves many syncs."""
    folder = tmp_path_factory.mktemp("stored")
    settings = Settings.load(store=folder / "store", cache_dir=folder / "cache")
    session = Session(replace(settings, entity="default", project="proj"))
    draft = session.draft("mnist", "dataset")
    draft.add_tree(Tree(str(write_tree(folder / "data", FILES))), "", Silent())
    session.writable.commit(draft, "default", "proj")
    return folder / "store"


@pytest.fixture
def mnist(art: Shell, data: Path, stored: Path, place: Address) -> str:
    """The name of a version that holds the data."""
    assert data.exists()
    copy_store(stored, place)
    return "mnist:v0"
