"""Part: one file of a journal, which has its room on the disk before it has its name."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path


def part(folder: Path, run: str, number: int) -> Path:
    """One of the journal's files."""
    return folder / f"run-{run}.wandb{f'.{number}' if number else ''}"


def is_part_of(journal: str, path: Path) -> bool:
    """Whether there is such a file, and its head has the journal's id."""
    try:
        with path.open("rb") as file:
            return journal.encode() in file.readline(2**16)
    except OSError:
        return False


def make_part(path: Path, content: bytes, size: int, least: int) -> int:
    """A file that has its content and its room, or none; how large it is, if need be only `least`.

    Raises OSError.
    """
    try:
        _make(path, content, size)
    except OSError:
        if least >= size:
            raise
        _make(path, content, least)
        return least
    return size


def _make(path: Path, content: bytes, size: int) -> None:
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    beside = path.with_name(f"{path.name}.new")
    fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        _allocate(fd, size)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, content)
    except OSError:
        beside.unlink()
        raise
    finally:
        os.close(fd)
    os.replace(beside, path)


def mapped(path: Path, size: int) -> mmap.mmap:
    """Its bytes, to be written. Raises OSError."""
    fd = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def _allocate(fd: int, size: int) -> None:
    """Or a full disk would end the process when it writes to what is mapped."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:  # macOS, Windows
        os.write(fd, bytes(size))
