"""Stage: a page's files, put together out of sight, checked, and then moved into place.

A folder that is new at its destination is moved whole, which costs a fraction of moving its
files one by one.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from blake3 import blake3

from artifacts.content import Digest, Page
from artifacts.errors import (
    ArtifactsError,
    DigestMismatchError,
    InvalidPathError,
    MalformedError,
    MissingBlobError,
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
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY


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
        """Move everything below `root`. Raises InvalidPathError rather than leave that folder."""
        _move(self.folder, root, "")

    def _write_extent(self, extent: Extent) -> None:
        length = sum(self.page.sizes[index] or 0 for index in extent.indices)
        if len(extent.indices) == 1 and length > _BATCH_BYTES:
            self._write_large(extent, length)
            return
        paths = self.page.paths
        try:
            path = paths[extent.indices.start]
            data = memoryview(read_extent(self.store, extent.blob, extent.offset, length, path))
        except MissingBlobError as error:
            for index in extent.indices:
                self._report(MissingBlobError(paths[index], error.key, error.store))
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
                fd = os.open(self._place(page.paths[index]), _NEW, 0o666)
                try:
                    write_all(fd, content)
                finally:
                    os.close(fd)
                self._done(stop - start)
            elif stop > start:
                self._mismatch(index, Digest(digest), len(content), extent.blob.key)
            start = stop

    def _write_large(self, extent: Extent, length: int) -> None:
        """A blob that is a file of this machine is copied by as few hands as possible."""
        index = extent.indices.start
        if not isinstance(self.store, FileStore) or extent.offset:
            self._write_spans(index, [Span(extent.blob, extent.offset, length, length)])
            return
        path = self.page.paths[index]
        try:
            source = os.open(self.store.path(extent.blob.key), os.O_RDONLY)
        except FileNotFoundError:
            self._report(MissingBlobError(path, extent.blob.key, self.store.url))
            return
        target = self._place(path)
        try:
            digest, size = copy_file(source, Path(target), self._progress.advance)
        finally:
            os.close(source)
        self._accept(index, digest, size, target, extent.blob.key)

    def _write_spans(self, index: int, spans: Sequence[Span]) -> None:
        path = self.page.paths[index]
        target = self._place(path)
        hasher, size = blake3(), 0
        fd = os.open(target, _NEW, 0o666)
        try:
            for data in read_spans(self.store, spans, path):
                hasher.update(data)
                size += len(data)
                write_all(fd, memoryview(data))
                self._progress.advance(len(data))
        except ArtifactsError as error:
            os.unlink(target)
            self._report(error)
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
        target = self._place(self.page.paths[index])
        if index in self.page.details and self.page[index].kind:
            os.mkdir(target)
        else:
            os.close(os.open(target, _NEW, 0o666))
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

    def _place(self, path: str) -> str:
        """Where in the stage a path goes; its folders are made."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
            self._folders.add(folder)
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


def _move(source: str, target: str, prefix: str) -> None:
    with os.scandir(source) as entries:
        found = [*entries]
    for entry in found:
        path, place = prefix + entry.name, os.path.join(target, entry.name)
        if not entry.is_dir(follow_symlinks=False):
            _refuse_folder(place, path)
            os.replace(entry.path, place)
            continue
        try:
            os.rename(entry.path, place)
        except OSError:
            if not modes.S_ISDIR(os.lstat(place).st_mode):
                reason = "would be written through a link or a file that lies in its way"
                raise InvalidPathError(path, f"{reason}: remove it") from None
            _move(entry.path, place, f"{path}/")


def _refuse_folder(place: str, path: str) -> None:
    try:
        is_folder = modes.S_ISDIR(os.lstat(place).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        raise InvalidPathError(path, "is a folder here: remove it")
