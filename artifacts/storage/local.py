"""LocalStore: one file per object below a folder of this machine."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from artifacts.errors import (
    AlreadyExistsError,
    NotAStoreError,
    ObjectNotFoundError,
    StorageError,
    UnsupportedStoreError,
)
from artifacts.storage.keys import check_key, check_prefix, is_key
from artifacts.storage.store import Read, Tell, silent
from artifacts.storage.transfer import TO_MAKE, TO_READ, take_stream, write_all

_SPOOL = "tmp~"  # no key has a '~': none leads into the spool, and `list` passes it by
_ATTEMPTS = 100
_ON_WINDOWS = os.name == "nt"
_TO_SYNC = os.O_RDWR if _ON_WINDOWS else os.O_RDONLY  # there, only a writer may flush
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}

_Move = Callable[[str, str], None]


class LocalStore:
    """A FileStore that any number of threads and processes may write to.

    A file is finished and durable in the spool before it gets its name. Folders come
    with their first object and go with their last. Both respect the umask. It may be pickled
    and survives a fork.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._landmark = ""

    @property
    def url(self) -> str:
        return self._root

    @property
    def concurrency(self) -> int:
        return 1

    def spool(self) -> Path:
        spool = self._locate(_SPOOL)
        with suppress(OSError, StorageError):  # whoever writes there is told what is wrong
            self._make_folder(spool)
        return Path(spool)

    def rely_on(self, key: str) -> None:
        """From now on no folder is made in a root without this object, as its disk is unmounted."""
        self._landmark = key

    def root_names(self) -> Sequence[str]:
        """All that lies in the root folder, be it an object or not, except the spool.

        Raises NotAStoreError if the root is something else than a folder.
        """
        try:
            return [name for name in os.listdir(self._root) if name != _SPOOL]
        except FileNotFoundError:
            return []
        except NotADirectoryError as error:
            raise NotAStoreError(self.url, "it is not a folder") from error
        except OSError as error:
            raise self._failure(self.url, error) from error

    def path(self, key: str) -> Path:
        check_key(key)
        return Path(self._locate(key))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        check_key(key)
        try:
            return _read_file(self._locate(key), start, length)
        except OSError as error:
            raise self._unreadable(key, error) from error

    def size(self, key: str) -> int:
        check_key(key)
        try:
            return _size_of_file(os.stat(self._locate(key)))
        except OSError as error:
            raise self._unreadable(key, error) from error

    def write(self, key: str, data: bytes) -> None:
        check_key(key)
        try:
            self._make(key, lambda partial: _write_file(partial, data), os.replace)
        except OSError as error:
            raise self._failure(key, error) from error

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        if os.path.lexists(self._locate(key)):
            raise AlreadyExistsError(key)  # most losers lose here, without an fsync
        try:
            self._make(key, lambda partial: _write_file(partial, data), self._move_if_absent)
        except FileExistsError:
            raise AlreadyExistsError(key) from None
        except OSError as error:
            raise self._failure(key, error) from error

    def take(self, key: str, path: Path) -> None:
        """A file on the store's disk is moved, with its mode; any other is copied."""
        check_key(key)
        try:
            if not self._take_by_move(key, path):
                self._take_by_copy(key, path)
        except OSError as error:
            raise self._failure(key, error) from error

    def stream(self, key: str, size: int, read: Read) -> None:
        check_key(key)
        take_stream(self, key, read)

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        size = self.size(key)  # absent? or a FIFO, which would block the copy
        try:
            shutil.copyfile(self._locate(key), path)
        except OSError as error:
            raise self._failure(key, error) from error
        tell(size)

    def list(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        return self._walk(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        return (f"{key}/" for key, is_folder in self._entries(prefix) if is_folder)

    def delete(self, key: str) -> None:
        check_key(key)
        target = self._locate(key)
        try:
            os.unlink(target)
        except OSError as error:
            if error.errno not in _ABSENT and not os.path.isdir(target):
                raise self._failure(key, error) from error
        else:
            self._remove_empty_folders(os.path.dirname(target))

    def _locate(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _unreadable(self, key: str, error: OSError) -> ObjectNotFoundError | StorageError:
        return ObjectNotFoundError(key) if error.errno in _ABSENT else self._failure(key, error)

    def _failure(self, key: str, error: OSError) -> StorageError:
        return StorageError(key, f"{error.strerror or error} in the store at {self._root}")

    def _make(self, key: str, fill: Callable[[str], None], move: _Move) -> None:
        """`fill` a file in the spool, which must leave it durable, and `move` it."""
        spool = self._locate(_SPOOL)
        partial = f"{spool}/{secrets.token_hex(16)}"
        try:
            self._in_folder(spool, lambda: fill(partial))
            self._place(key, partial, move)
        finally:
            with suppress(FileNotFoundError):  # moved away, or never made
                os.unlink(partial)

    def _place(self, key: str, source: str, move: _Move) -> None:
        """Give a durable file its name, durably."""
        target = self._locate(key)
        folder = os.path.dirname(target)
        self._in_folder(folder, lambda: move(source, target))
        _sync_folder(folder)

    def _in_folder(self, folder: str, act: Callable[[], None]) -> None:
        """Act; if the folder turns out to be missing, which is rare, make it and act again."""
        for _ in range(_ATTEMPTS):  # a deleter may remove it as long as it is empty
            with suppress(FileNotFoundError):
                return act()
            self._make_folder(folder)
        return act()

    def _make_folder(self, folder: str) -> None:
        if self._landmark and not os.path.lexists(self._locate(self._landmark)):
            raise StorageError(self.url, f"{self._landmark} is gone; was its disk unmounted?")
        _make_folder(folder)

    def _move_if_absent(self, source: str, target: str) -> None:
        if _ON_WINDOWS:
            os.rename(source, target)  # there, unlike replace, fails if the name is taken
            return
        try:
            os.link(source, target)  # unlike replace, fails if the name is taken
        except OSError as error:
            if os.stat(source).st_nlink == 2:
                return  # NFS lost the answer, not the link
            if error.errno in _NO_HARD_LINKS:
                reason = f"its disk has no hard links ({error.strerror}); use a folder elsewhere"
                raise UnsupportedStoreError(self.url, reason) from error
            raise

    def _take_by_move(self, key: str, path: Path) -> bool:
        """Whether it could be done: not across disks, nor if the file has another name."""
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            return False
        try:
            _sync_file(path)
            self._place(key, str(path), os.replace)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        return True

    def _take_by_copy(self, key: str, path: Path) -> None:
        self._make(key, lambda partial: _copy_file(path, partial), os.replace)
        os.unlink(path)

    def _walk(self, prefix: str) -> Iterator[str]:
        """Only folders that the prefix can match."""
        prefixes = [prefix]
        while prefixes:
            for key, is_folder in self._entries(prefixes.pop()):
                if is_folder:
                    prefixes.append(f"{key}/")
                else:
                    yield key

    def _entries(self, prefix: str) -> Iterator[tuple[str, bool]]:
        """Of one folder what starts so, and whether it is one; what vanishes is passed by."""
        folder = prefix[: prefix.rfind("/") + 1]
        try:
            with os.scandir(self._locate(folder)) as entries:
                for entry in entries:
                    key = folder + entry.name
                    if not key.startswith(prefix) or not is_key(key):
                        continue
                    if (is_folder := entry.is_dir()) or entry.is_file():
                        yield key, is_folder
        except OSError as error:
            if error.errno not in _ABSENT:
                raise self._failure(folder or self.url, error) from error

    def _remove_empty_folders(self, folder: str) -> None:
        with suppress(OSError):  # the first that is not empty
            while folder != self._root:
                os.rmdir(folder)
                folder = os.path.dirname(folder)


def _make_folder(folder: str) -> None:
    """With its parents, durably; or not, where somebody removes one meanwhile."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    _make_folder(parent)
    with suppress(FileExistsError, FileNotFoundError):
        os.mkdir(folder)
        _sync_folder(parent)


def _sync_folder(folder: str) -> None:
    """Make the names in it durable, where the system can."""
    if _ON_WINDOWS:
        return
    with suppress(FileNotFoundError):  # deleted since, and all its names with it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


def _sync_file(path: str | Path) -> None:
    descriptor = os.open(path, _TO_SYNC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_file(path: str, data: bytes) -> None:
    """A new file, durable when this returns."""
    descriptor = os.open(path, TO_MAKE, 0o666)
    try:
        write_all(descriptor, memoryview(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_file(source: Path, target: str) -> None:
    """A new file, durable when this returns; its mode comes from the umask."""
    shutil.copyfile(source, target)
    _sync_file(target)


def _read_file(path: str, start: int, length: int | None) -> bytes:
    descriptor = os.open(path, TO_READ)
    try:
        left = max(0, _size_of_file(os.fstat(descriptor)) - start)
        wanted = left if length is None else min(left, length)
        if start and wanted:
            os.lseek(descriptor, start, os.SEEK_SET)  # Windows has no pread
        data = os.read(descriptor, wanted)
        while len(data) < wanted and (more := os.read(descriptor, wanted - len(data))):
            data += more  # one call reads at most 2 GiB
        return data
    finally:
        os.close(descriptor)


def _size_of_file(status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "not a regular file")
    return status.st_size
