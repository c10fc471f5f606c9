"""Stage: a page's files, put together out of sight, checked, and then moved into place.

A folder that is new at its destination is moved whole, which costs a fraction of moving its
files one by one.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from artifacts.cache.audit import files_below
from artifacts.content import Digest, Page
from artifacts.errors import (
    ArtifactsError,
    DigestMismatchError,
    InvalidPathError,
    MalformedError,
    MissingBlobError,
    StorageError,
)
from artifacts.progress import Progress
from artifacts.storage import (
    Extent,
    FileStore,
    ObjectStore,
    PageLayout,
    Span,
    copy_file,
    read_extent,
    read_spans,
    write_all,
)

_BATCH_BYTES = 4 * 2**20  # read at once from a pack
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a FIFO in a blob's place must not hang
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_NO_NAME = {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.EEXIST, errno.ENOTDIR}


class Stage:
    """One thread at a time. A file that cannot be had is told to `report`, and left out."""

    def __init__(
        self,
        store: ObjectStore,
        folder: str,
        page: Page,
        report: Callable[[ArtifactsError], None],
        progress: Progress,
    ) -> None:
        self.store = store
        self.folder = folder
        self.page = page
        self.written = 0
        self._report = report
        self._progress = progress
        self._folders: set[str] = set()

    def write(self, indices: Collection[int], layout: PageLayout) -> None:
        """Put the page's files of these indices together, whichever can be had."""
        os.mkdir(self.folder)
        self._folders.add("")
        for extent in layout.extents(self.page, range(min(indices), max(indices) + 1)):
            for part in _batches(extent, self.page, indices):
                self._write_extent(part)
        for index, spans in layout.pieces.items():
            if index in indices:
                self._write_spans(index, spans)
        for index in indices:
            if not self.page.sizes[index]:
                self._write_empty(index)

    def publish(self, root: str) -> None:
        """Move everything below `root`, but nothing through a link, nor over a folder.

        What lies in the way is told to `report`, and left.
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
                    self._report(error)
                    is_clear = False
        for prefix in reversed(folders):
            with suppress(OSError):  # it still has what could not be moved
                os.rmdir(f"{self.folder}/{prefix}")
        if not is_clear:
            self.written -= sum(1 for _ in files_below(self.folder))

    def _write_extent(self, extent: Extent) -> None:
        length = sum(self.page.sizes[index] or 0 for index in extent.indices)
        if len(extent.indices) == 1 and length > _BATCH_BYTES:
            self._write_large(extent, length)
            return
        paths = self.page.paths
        try:
            path = paths[extent.indices.start]
            data = memoryview(read_extent(self.store, extent.blob, extent.offset, length, path))
        except (MissingBlobError, StorageError) as error:
            for index in extent.indices:
                self._report(_of_file(error, paths[index]))
            return
        self._write_contents(extent, data)

    def _write_contents(self, extent: Extent, data: memoryview) -> None:
        """The inner loop of a download of small files: two digests are compared as raw bytes."""
        page, start = self.page, 0
        digests = page.digests
        for index in extent.indices:
            stop = start + (page.sizes[index] or 0)
            content = data[start:stop]
            digest = blake3(content).digest()
            if digest == digests[32 * index : 32 * index + 32] and stop <= len(data):
                self._write_content(page.paths[index], content)
            elif stop > start:
                self._mismatch(index, Digest(digest), len(content), extent.blob.key)
            start = stop

    def _write_content(self, path: str, content: memoryview) -> None:
        try:
            fd = self._create(path)
        except InvalidPathError as error:
            self._report(error)
            return
        try:
            write_all(fd, content)
        finally:
            os.close(fd)
        self._done(len(content))

    def _write_large(self, extent: Extent, length: int) -> None:
        """A blob that is a file of this machine is copied by as few hands as possible."""
        index = extent.indices.start
        if not isinstance(self.store, FileStore) or extent.offset:
            self._write_spans(index, [Span(extent.blob, extent.offset, length, length)])
            return
        path = self.page.paths[index]
        try:
            source = os.open(self.store.path(extent.blob.key), _READ)
        except FileNotFoundError:
            self._report(MissingBlobError(path, extent.blob.key, self.store.url))
            return
        except OSError as error:
            reason = f"{error.strerror or error} in {extent.blob.key} of {self.store.url}"
            self._report(StorageError(path, reason))
            return
        try:
            target = self._place(path)
            digest, size = copy_file(source, Path(target), self._progress.advance, length)
        except (InvalidPathError, StorageError) as error:
            self._report(_of_file(error, path))
            return
        finally:
            os.close(source)
        self._accept(index, digest, size, target, extent.blob.key)

    def _write_spans(self, index: int, spans: Sequence[Span]) -> None:
        path = self.page.paths[index]
        target = f"{self.folder}/{path}"
        hasher, size = blake3(), 0
        try:
            fd = self._create(path)
        except InvalidPathError as error:
            self._report(error)
            return
        try:
            for data in read_spans(self.store, spans, path):
                hasher.update(data)
                size += len(data)
                write_all(fd, memoryview(data))
                self._progress.advance(len(data))
        except ArtifactsError as error:
            os.unlink(target)
            self._report(_of_file(error, path))
            return
        finally:
            os.close(fd)
        self._accept(index, Digest(hasher.digest()), size, target, spans[0].blob.key)

    def _accept(self, index: int, digest: Digest, size: int, target: str, key: str) -> None:
        if digest == self.page.digest_at(index) and size == self.page.sizes[index]:
            self.written += 1
        else:
            os.unlink(target)
            self._mismatch(index, digest, size, key)

    def _write_empty(self, index: int) -> None:
        """An empty file, or a folder that has nothing in it."""
        path = self.page.paths[index]
        try:
            if index in self.page.details and self.page[index].kind:
                self._place(f"{path}/")
            else:
                os.close(self._create(path))
        except InvalidPathError as error:
            self._report(error)
        else:
            self._done(0)

    def _done(self, size: int) -> None:
        self.written += 1
        self._progress.advance(size)

    def _mismatch(self, index: int, found: Digest, size: int, key: str) -> None:
        name = f"{self.page.paths[index]} (in {key} of {self.store.url})"
        expected = self.page.digest_at(index)
        if found == expected:
            reason = f"it has {size} bytes, not the {self.page.sizes[index]} of its entry"
            self._report(MalformedError(name, reason))
        else:
            self._report(DigestMismatchError(name, expected.hex(), found.hex()))

    def _create(self, path: str) -> int:
        """A new file. Raises InvalidPathError for a name that this disk does not take."""
        target = self._place(path)
        try:
            return os.open(target, _NEW, 0o666)
        except OSError as error:
            _refuse_name(error, path)
            raise

    def _place(self, path: str) -> str:
        """Where in the stage a path goes; its folders are made. Raises InvalidPathError."""
        missing, folder = [], path.rpartition("/")[0]
        while folder not in self._folders:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for each in reversed(missing):
            try:
                os.mkdir(f"{self.folder}/{each}")
            except OSError as error:
                _refuse_name(error, path)
                raise
            self._folders.add(each)
        return f"{self.folder}/{path}"


def _batches(extent: Extent, page: Page, indices: Collection[int]) -> Iterator[Extent]:
    """The parts of an extent that are wanted, each short enough to be read at once."""
    offset = start = extent.offset
    first: int | None = None
    for index in extent.indices:
        size = page.sizes[index] or 0
        is_wanted = index in indices
        if first is not None and (not is_wanted or offset + size - start > _BATCH_BYTES):
            yield Extent(extent.blob, start, range(first, index))
            first = None
        if first is None and is_wanted:
            first, start = index, offset
        offset += size
    if first is not None:
        yield Extent(extent.blob, start, range(first, extent.indices.stop))


def _move(entry: os.DirEntry[str], path: str, place: str) -> bool:
    """False for a folder that is there already: then what lies in it is to be moved.

    Raises InvalidPathError, StorageError.
    """
    is_folder = entry.is_dir(follow_symlinks=False)
    try:
        os.replace(entry.path, place)
    except OSError as error:
        is_folder_there = _is_folder(place)
        if is_folder_there and is_folder:
            return False
        if is_folder_there:
            raise InvalidPathError(path, "is a folder here: remove it") from None
        if is_folder and os.path.lexists(place):
            reason = "would be written through a link or a file that lies in its way"
            raise InvalidPathError(path, f"{reason}: remove it") from None
        raise StorageError(place, error.strerror or str(error)) from error
    return True


def _is_folder(place: str) -> bool:
    try:
        return modes.S_ISDIR(os.lstat(place).st_mode)
    except OSError:
        return False


def _of_file(error: ArtifactsError, path: str) -> ArtifactsError:
    """What reading a blob raised, told of one of the files that lie in it."""
    if isinstance(error, MissingBlobError):
        return MissingBlobError(path, error.key, error.store)
    if isinstance(error, StorageError):
        return StorageError(f"{path} (in {error.key})", error.reason)
    return error


def _refuse_name(error: OSError, path: str) -> None:
    """Raises InvalidPathError if it is the name that the disk does not take."""
    if error.errno in _NO_NAME:
        raise InvalidPathError(path, f"is no name for this disk: {error.strerror}") from error
