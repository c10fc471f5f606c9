"""Folder: a place on this machine, made to hold nothing but an artifact's files."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import suppress

from artifacts.cache import files_below, is_ours


def delete_strangers(folder: str, paths: Container[str]) -> None:
    """Delete every file below a folder that is at none of `paths`, then what folders are empty.

    What a link leads to is left alone, as is what a download keeps for its own use.
    """
    for path, on_disk in [*files_below(folder)]:
        if path not in paths:
            os.unlink(on_disk)
    for place in reversed([*_folders_below(folder)]):
        with suppress(OSError):  # not empty, or a link
            os.rmdir(place)


def _folders_below(folder: str) -> Iterator[str]:
    """Each before those within it."""
    for place, names, _ in os.walk(folder):
        names[:] = [name for name in names if not is_ours(name)]
        yield from (os.path.join(place, name) for name in names)
