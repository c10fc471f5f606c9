"""Hostile folders: what lies in a download's way is neither followed nor written through."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest
from folders import write_tree
from forging import (
    Forgery,
    file,
)
from scene import everything_below
from victim import Victim

from artifacts.cache import RECEIPT
from artifacts.catalog import Manner, download
from artifacts.errors import (
    ArtifactsError,
)

Prepare: TypeAlias = Callable[[Victim], None]


@pytest.fixture
def victim(tmp_path: Path, new_store: Path) -> Victim:
    return Victim.of(tmp_path, new_store)


def link_as_folder(victim: Victim) -> None:
    (victim.root / "folder").symlink_to(victim.outside, target_is_directory=True)


def link_as_folder_within(victim: Victim) -> None:
    (victim.root / "elsewhere").mkdir()
    (victim.root / "folder").symlink_to("elsewhere", target_is_directory=True)


def link_as_file(victim: Victim) -> None:
    (victim.root / "folder").mkdir()
    (victim.root / "folder" / "file").symlink_to(victim.outside / "secret")


def link_to_nothing(victim: Victim) -> None:
    (victim.root / "folder").mkdir()
    (victim.root / "folder" / "file").symlink_to(victim.outside / "new")


def file_as_folder(victim: Victim) -> None:
    (victim.root / "folder").write_bytes(b"mine")


def folder_as_file(victim: Victim) -> None:
    (victim.root / "folder" / "file" / "mine").mkdir(parents=True)


def fifo_as_file(victim: Victim) -> None:
    (victim.root / "folder").mkdir()
    os.mkfifo(victim.root / "folder" / "file")


def file_as_root(victim: Victim) -> None:
    (victim.root / "mine").unlink()
    victim.root.rmdir()
    victim.root.write_bytes(b"mine")


TARGETS = [
    link_as_folder,
    link_as_folder_within,
    link_as_file,
    link_to_nothing,
    file_as_folder,
    folder_as_file,
    fifo_as_file,
    file_as_root,
]


@pytest.mark.parametrize("prepare", TARGETS)
def test_what_lies_in_a_files_way_is_not_followed(victim: Victim, prepare: Prepare) -> None:
    Forgery([file("folder/file")]).write(victim.store)
    prepare(victim)

    victim.assert_refused(is_found=False)


@pytest.mark.parametrize("prepare", TARGETS)
def test_nothing_outside_is_written_by_force(victim: Victim, prepare: Prepare) -> None:
    Forgery([file("folder/file")]).write(victim.store)
    prepare(victim)
    before = everything_below(victim.outside)

    with suppress(ArtifactsError):
        download(victim.scene.versions()[0], victim.root, manner=Manner(force=True))

    assert everything_below(victim.outside) == before


@pytest.mark.parametrize("prepare", [link_as_folder, link_as_file, link_to_nothing])
def test_what_an_earlier_download_left_is_not_deleted_through_links(
    victim: Victim, prepare: Prepare
) -> None:
    (victim.outside / "file").write_bytes(b"data")
    Forgery([file("folder/file")]).write(victim.store)
    download(victim.scene.versions()[0], victim.root)
    shutil.rmtree(victim.root / "folder")
    prepare(victim)
    before = everything_below(victim.outside)
    victim.scene.log(write_tree(victim.scene.folder / "source", {"other": b"other"}))

    download(victim.scene.versions()[1], victim.root)

    assert everything_below(victim.outside) == before
    assert (victim.root / "other").read_bytes() == b"other"


def test_a_receipt_that_is_a_folder_is_refused(victim: Victim) -> None:
    Forgery().write(victim.store)
    (victim.root / RECEIPT).mkdir()

    with pytest.raises(ArtifactsError):
        download(victim.scene.versions()[0], victim.root)
