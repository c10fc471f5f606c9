"""Tree: the files of a folder on this machine, in path order."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator
from typing import TypeAlias

from artifacts.cache.receipt import is_ours
from artifacts.content import check_paths
from artifacts.errors import UnsupportedFileError

Found: TypeAlias = tuple[str, str, os.stat_result]
"""Path below the root, path for the operating system, and what the disk says of the file."""

_Inode: TypeAlias = tuple[int, int]
_Folder: TypeAlias = tuple[Iterator["os.DirEntry[str]"], str, tuple[_Inode, ...]]
"""What of it is still to come, its path with a slash, and the folders that it lies in."""

_KINDS = (
    (modes.S_ISFIFO, "a FIFO"),
    (modes.S_ISSOCK, "a socket"),
    (modes.S_ISBLK, "a device"),
    (modes.S_ISCHR, "a device"),
)


class Tree:
    """Links are followed; what a download left for its own use is passed over at any depth.

    Without recursion, as folders may lie as deep as a path is long.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def __iter__(self) -> Iterator[Found]:
        """Raises UnsupportedFileError, at the end, with all that cannot be versioned.

        Raises InvalidPathError for a name that no artifact can hold.
        """
        faults: list[str] = []
        open_folders: list[_Folder] = [(_entries(self.root, ""), "", (_inode(os.stat(self.root)),))]
        while open_folders:
            entries, prefix, above = open_folders[-1]
            for entry in entries:
                path = prefix + entry.name
                if fault := _fault(entry, above):
                    faults.append(f"{path} ({fault})")
                elif entry.is_dir():
                    below = f"{path}/"
                    inodes = (*above, _inode(entry.stat()))
                    open_folders.append((_entries(entry.path, below), below, inodes))
                    break
                else:
                    yield path, entry.path, entry.stat()
            else:
                open_folders.pop()
        if faults:
            raise UnsupportedFileError(faults)


def _entries(folder: str, prefix: str) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, in path order. Raises InvalidPathError."""
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not is_ours(entry.name)]
    if entries:
        check_paths([prefix + entry.name for entry in entries])
        entries.sort(key=_order)
    return iter(entries)


def _order(entry: os.DirEntry[str]) -> str:
    """Puts a folder among its siblings where its files stand among theirs."""
    return (
        f"{entry.name}/" if entry.is_dir(follow_symlinks=False) or _is_folder(entry) else entry.name
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False  # a circle, of which _fault will tell


def _inode(stat: os.stat_result) -> _Inode:
    return stat.st_dev, stat.st_ino


def _fault(entry: os.DirEntry[str], above: tuple[_Inode, ...]) -> str | None:
    """Why this is neither a file nor a folder that can be walked into."""
    if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
        return None
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return f"a link to {os.readlink(entry.path)!r}, where nothing is"
    except OSError:
        return "a link to itself"
    if modes.S_ISDIR(stat.st_mode) and _inode(stat) in above:
        return "a link to a folder that it lies in"
    return next((kind for is_kind, kind in _KINDS if is_kind(stat.st_mode)), None)
