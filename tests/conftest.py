"""Fixtures: for every test a home, a store, a cache and a working directory of its own."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from servers.fleet import STORES, Fleet
from servers.place import copy_store

from artifacts.runs import active_run
from artifacts.storage import Address, open_store

pytest.register_assert_rewrite("artifacts.testing.contract")
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"  # else gcsfs asks emulators for a minute
settings.register_profile("unhurried", deadline=None)  # machines that run tests are busy
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store",
        choices=[*STORES],
        help="have the tests of the engine work with a real object store, not a folder",
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    """Where the store of the settings is, or will be: a folder, or a place on --store's server."""
    name = request.config.getoption("--store")
    if name is None or request.node.get_closest_marker("local"):
        yield Address(str(tmp_path / "store"))
        return
    server = request.getfixturevalue("fleet").server(name)
    url = server.place()
    yield Address(url, server.options)
    server.clear(url)


@pytest.fixture(autouse=True)
def alone(place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that a test does is seen by another, or by whoever runs them."""
    for variable in os.environ:
        if variable.startswith(("ART_", "WANDB_", "XDG_")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ART_STORE", place.url)
    if place.options:
        monkeypatch.setenv("ART_STORAGE_OPTIONS", json.dumps(place.options))
    monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield
    while (run := active_run()) is not None:
        run.finish()


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with nothing in it, to be copied: probing a disk for each test takes longer."""
    folder = tmp_path_factory.mktemp("new") / "store"
    open_store(str(folder), create=True)
    return folder


@pytest.fixture
def store(request: pytest.FixtureRequest, new_store: Path, place: Address) -> Path:
    """The folder of the settings' store, there already; who asks for it needs it on this disk."""
    wanted = inspect.signature(request.function).parameters
    if "://" in place.url and "store" in wanted:
        pytest.skip("looks into the folder of its store")
    copy_store(new_store, place)
    return Path(place.url)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Real object stores, started as they are asked for."""
    fleet = Fleet(tmp_path_factory.mktemp)
    yield fleet
    fleet.close()


@pytest.fixture
def depths(tmp_path: Path) -> Iterator[Path]:
    """A folder that goes in time: nobody else can remove what lies so deep."""
    (tmp_path / "depths").mkdir()
    yield tmp_path / "depths"
    subprocess.run(["rm", "-rf", tmp_path / "depths"], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:  # noqa: PLW1510
        pytest.skip("a small disk can be mounted by root on Linux only")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
