"""Tree: the files of a folder on this machine, in path order."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct

from artifacts.cache.ignore import IGNORE_FILE, Ignore
from artifacts.cache.receipt import is_ours
from artifacts.content import Detail, Kind, check_paths
from artifacts.errors import InvalidError, UnsupportedFileError

Found: TypeAlias = tuple[str, str, os.stat_result]
"""Path below the root, path for the operating system, and what the disk says of the file."""

_Inode: TypeAlias = tuple[int, int]
_Folder: TypeAlias = tuple[Iterator["os.DirEntry[str]"], str, tuple[_Inode, ...], Ignore | None]
"""What of it is still to come, its path with a slash, the folders that it lies in, its rules."""

_NAME = attrgetter("name")
_KINDS = (
    (modes.S_ISFIFO, "a FIFO"),
    (modes.S_ISSOCK, "a socket"),
    (modes.S_ISBLK, "a device"),
    (modes.S_ISCHR, "a device"),
)


class Keep(Struct, frozen=True):
    """What of a folder is versioned beside its files' bytes.

    With `symlinks` links are entries, wherever they lead, and are not followed.
    """

    modes: bool = False
    symlinks: bool = False
    empty_folders: bool = False


FILES_ONLY = Keep()


class Tree:
    """Links are followed; what a download left for its own use is passed over at any depth.

    What `ignore` leaves out is not looked at; None heeds not even the ignore files on the way.
    After it was walked, `details` has what there is beside files' bytes, as far as that is kept.
    Without recursion, as folders may lie as deep as a path is long.
    """

    def __init__(self, root: str, ignore: Ignore | None = None, keep: Keep = FILES_ONLY) -> None:
        self.root = root
        self.keep = keep
        self.details: dict[str, Detail] = {}
        self._ignore = ignore
        self._of_mode: dict[tuple[Kind, int], Detail] = {}

    def __iter__(self) -> Iterator[Found]:
        """As `entries`, and asks the disk for each file's state."""
        return ((path, entry.path, entry.stat()) for path, entry in self.entries())

    def entries(self) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Raises UnsupportedFileError, at the end, with all that cannot be versioned.

        Raises InvalidPathError for a name that no artifact can hold, InvalidError for an ignore
        file that is none.
        """
        faults: list[str] = []
        has_links, has_modes = self.keep.symlinks, self.keep.modes
        open_folders = [self._open(self.root, "", (_inode(os.stat(self.root)),), self._ignore)]
        while open_folders:
            entries, prefix, above, ignore = open_folders[-1]
            for entry in entries:
                path = prefix + entry.name
                if not entry.is_file(follow_symlinks=False):
                    if has_links and entry.is_symlink():
                        self._add_link(path, os.readlink(entry.path), faults)
                        continue
                    if fault := _fault(entry, above):
                        faults.append(f"{path} ({fault})")
                        continue
                    if entry.is_dir():
                        inodes = (*above, _inode(entry.stat()))
                        open_folders.append(self._open(entry.path, f"{path}/", inodes, ignore))
                        break
                if has_modes:
                    self.details[path] = self._mode(Kind.FILE, entry.stat())
                yield path, entry
            else:
                open_folders.pop()
        if faults:
            raise UnsupportedFileError(faults)

    def _open(
        self, folder: str, prefix: str, above: tuple[_Inode, ...], ignore: Ignore | None
    ) -> _Folder:
        """Raises InvalidPathError, InvalidError."""
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not is_ours(entry.name)]
        if not entries and prefix and self.keep.empty_folders:
            has_mode = self.keep.modes
            detail = self._mode(Kind.FOLDER, os.stat(folder)) if has_mode else Detail(Kind.FOLDER)
            self.details[prefix[:-1]] = detail
        if ignore is not None:
            if IGNORE_FILE in map(_NAME, entries):
                ignore = ignore.within(folder, prefix)
            if ignore.leaves_anything_out:
                entries = [each for each in entries if not _is_left_out(each, prefix, ignore)]
        if entries:
            check_paths([prefix + entry.name for entry in entries])
            entries.sort(key=_order_of_links if self.keep.symlinks else _order)
        return iter(entries), prefix, above, ignore

    def _add_link(self, path: str, target: str, faults: list[str]) -> None:
        try:
            self.details[path] = Detail(Kind.SYMLINK, target=target)
        except InvalidError:
            faults.append(f"{path} (a link to {target!r}, which is not UTF-8)")

    def _mode(self, kind: Kind, stat: os.stat_result) -> Detail:
        """One for all of a mode: of a million files there are few."""
        mode = modes.S_IMODE(stat.st_mode)
        detail = self._of_mode.get((kind, mode))
        if detail is None:
            detail = self._of_mode[kind, mode] = Detail(kind, mode=mode)
        return detail


def _is_left_out(entry: os.DirEntry[str], prefix: str, ignore: Ignore) -> bool:
    return ignore.leaves_out(prefix + entry.name, is_folder=_is_folder(entry))


def _order_of_links(entry: os.DirEntry[str]) -> str:
    """As `_order`, where a link is no folder."""
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _order(entry: os.DirEntry[str]) -> str:
    """Puts a folder among its siblings where its files stand among theirs."""
    return f"{entry.name}/" if _is_folder(entry) else entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a circle, of which _fault will tell


def _inode(stat: os.stat_result) -> _Inode:
    return stat.st_dev, stat.st_ino


def _fault(entry: os.DirEntry[str], above: tuple[_Inode, ...]) -> str | None:
    """Why what is no plain file is neither a file nor a folder that can be walked into."""
    if entry.is_dir(follow_symlinks=False):
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
