"""Scaffold: a hidden folder in which files come together, moved to where they belong in the end."""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from artifacts.cache.auditing import files_below
from artifacts.errors import ArtifactsError, InvalidPathError, ObstructedError, StorageError
from artifacts.storage import TO_MAKE

_P = ParamSpec("_P")
_T = TypeVar("_T")
_NO_NAME = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EEXIST, errno.ENOTDIR}


class Scaffold:
    """One thread at a time. Paths are those of an artifact; what a disk cannot name is refused."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._folders: set[str] = set()

    def begin(self) -> None:
        """Make the folder."""
        os.mkdir(self.folder)
        self._folders.add("")

    def place(self, path: str) -> str:
        """Where in the folder a path goes; its folders are made. Raises InvalidPathError."""
        missing, folder = [], path.rpartition("/")[0]
        while folder not in self._folders:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for each in reversed(missing):
            made(path, os.mkdir, f"{self.folder}/{each}")
            self._folders.add(each)
        return f"{self.folder}/{path}"

    def place_new(self, path: str) -> str:
        """As `place`. Raises InvalidPathError also for a name that another file has here."""
        place = self.place(path)
        if os.path.lexists(place):
            raise InvalidPathError(path, "has the name of another file on this disk")
        return place

    def create(self, path: str) -> int:
        """A new file. Raises InvalidPathError for a name that this disk does not take."""
        return made(path, os.open, self.place(path), TO_MAKE, 0o666)

    def aside(self, index: int) -> str:
        """Where something that becomes a file may lie until then: no path leads there."""
        return f"{self.folder}~{index}"

    def move_to(self, root: str, report: Callable[[ArtifactsError], None]) -> int:
        """Move everything below `root`, but nothing through a link, nor over a folder.

        A folder that is new there is moved whole, which costs a fraction of moving its files one
        by one. What lies in the way is told to `report`; so many files are left.
        """
        folders, is_clear = [""], True
        for prefix in folders:  # which grows meanwhile
            with os.scandir(f"{self.folder}/{prefix}") as found:
                entries = [*found]
            for entry in entries:
                path = prefix + entry.name
                try:
                    if not _move(entry, path, f"{root}/{path}"):
                        folders.append(f"{path}/")
                except ArtifactsError as error:
                    report(error)
                    is_clear = False
        for prefix in reversed(folders):
            with suppress(OSError):  # it still has what could not be moved
                os.rmdir(f"{self.folder}/{prefix}")
        return 0 if is_clear else sum(1 for _ in files_below(self.folder))


def made(path: str, make: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
    """What `make` returns. Raises InvalidPathError if the disk does not take the path's name."""
    try:
        return make(*arguments, **options)
    except OSError as error:
        if error.errno in _NO_NAME:
            raise InvalidPathError(path, f"is no name for this disk: {error.strerror}") from error
        raise


def remove(path: str) -> None:
    """A file, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _move(entry: os.DirEntry[str], path: str, place: str) -> bool:
    """False for a folder that is there already: then what lies in it is to be moved.

    Raises ObstructedError, StorageError.
    """
    is_folder = entry.is_dir(follow_symlinks=False)
    try:
        os.replace(entry.path, place)
    except OSError as error:
        is_folder_there = _is_folder(place)
        if is_folder_there and is_folder:
            return False
        if is_folder_there:
            raise ObstructedError(path, "folder", "file") from None
        if is_folder and os.path.lexists(place):
            found = "link" if os.path.islink(place) else "file"
            raise ObstructedError(path, found, "folder") from None
        raise StorageError(place, error.strerror or str(error)) from error
    return True


def _is_folder(place: str) -> bool:
    try:
        return modes.S_ISDIR(os.lstat(place).st_mode)
    except OSError:
        return False
