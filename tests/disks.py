"""Disks: file systems of one's own, made in a file, where a test may mount them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: int, make: Sequence[str]) -> Iterator[Path]:
    """A disk of so many bytes, made by a command that is given its file; skips without one."""
    image, disk = folder / "image", folder / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(size)
    for command in ([*make, str(image)], ["mount", "-o", "loop", str(image), str(disk)]):
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no such disk: {error}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
