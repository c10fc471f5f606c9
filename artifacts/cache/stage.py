"""Stage: a page's files, put together out of sight, checked, and then moved into place."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress

from blake3 import blake3

from artifacts.cache.dereference import References
from artifacts.cache.details import permissions
from artifacts.cache.faults import listed, mismatch, of_file
from artifacts.cache.scaffold import Scaffold, made, remove
from artifacts.cache.supply import Supply
from artifacts.cache.writing import left_out, request
from artifacts.companion import Companion
from artifacts.content import Digest, Kind, Page
from artifacts.errors import (
    ArtifactsError,
    IntegrityError,
    InvalidPathError,
    MissingBlobError,
    StorageError,
)
from artifacts.progress import Progress
from artifacts.storage import (
    RAW,
    READ_BYTES,
    Extent,
    FileStore,
    PageLayout,
    Span,
    forget,
    write_all,
)

_SEVERAL = 16  # files, whose writing keeps the interpreter busy
_LINK_BYTES = 2**20  # from here on a link saves more than it costs


class Stage:
    """One thread at a time. A file that cannot be had is told to `report`, and left out."""

    def __init__(
        self,
        supply: Supply,
        folder: str,
        page: Page,
        report: Callable[[ArtifactsError], None],
        progress: Progress,
        references: References | None = None,
    ) -> None:
        self._scaffold = Scaffold(folder)
        self.page = page
        self._references = references
        self.written = 0
        self._supply = supply
        self._store = supply.store
        self._report = report
        self._progress = progress

    def write(self, indices: Collection[int], layout: PageLayout) -> None:
        """Put the page's files of these indices together, whichever can be had."""
        self._scaffold.begin()
        if self._references is not None and self.page.details:
            indices = self._write_references(indices, self._references)
        if self.page.details:
            indices = self._write_symlinks(indices)
        if self._supply.links is not None:
            indices = self._link_all(indices, layout)
        if not indices:
            return
        self._write_extents(indices, layout)
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
        self._set_permissions(self._scaffold.folder, Kind.FILE)
        self.written -= self._scaffold.move_to(root, self._report)
        self._set_permissions(root, Kind.FOLDER)  # a folder that is read-only could not be moved

    def _set_permissions(self, root: str, kind: Kind) -> None:
        """Of what is there, and not through a link, of files or of folders."""
        for index, detail in self.page.details.items():
            wanted = permissions(detail)
            if wanted is not None and detail.kind is kind:
                path = self.page.paths[index].split("/")
                place = os.path.join(root, *path)
                is_itself = os.path.realpath(place) == os.path.join(os.path.realpath(root), *path)
                if is_itself and os.path.lexists(place):
                    os.chmod(place, wanted)

    def _write_symlinks(self, indices: Collection[int]) -> Collection[int]:
        """Links are made and never followed; the indices that are left."""
        details = self.page.details
        found = [i for i in indices if i in details and details[i].target is not None]
        for index in found:
            path = self.page.paths[index]
            try:
                made(path, os.symlink, details[index].target or "", self._scaffold.place(path))
            except InvalidPathError as error:
                self._report(error)
            except OSError as error:
                self._report(StorageError(path, error.strerror or str(error)))
            else:
                self._done(self.page.sizes[index] or 0)
        return {*indices}.difference(found)

    def _write_references(
        self, indices: Collection[int], references: References
    ) -> Collection[int]:
        """What leads elsewhere is had from there; the indices that are left."""
        details = self.page.details
        found = [i for i in indices if i in details and details[i].kind is Kind.REFERENCE]
        wanted = []
        for entry in map(self.page.__getitem__, found):
            try:
                wanted.append((entry, self._scaffold.place_new(entry.path)))
            except InvalidPathError as error:
                self._report(error)
        for _, outcome in references.fetch_all(wanted, self._progress.advance):
            if isinstance(outcome, ArtifactsError):
                self._report(outcome)
            else:
                self.written += outcome
        return {*indices}.difference(found)

    def _link_all(self, indices: Collection[int], layout: PageLayout) -> Collection[int]:
        """Large files become names of copies; the indices that are left."""
        sizes = self.page.sizes
        plain = {*indices}.difference(self.page.details)  # permissions are those of every link
        large = [index for index in plain if (sizes[index] or 0) >= _LINK_BYTES]
        for index in large:
            self._write_linked(index, layout.spans(self.page, index))
        return {*indices}.difference(large)

    def _write_linked(self, index: int, spans: Sequence[Span]) -> None:
        path, digest = self.page.paths[index], self.page.digest_at(index)
        try:
            target = self._scaffold.place(path)
        except InvalidPathError as error:
            self._report(error)
            return
        if self._supply.link(digest, target, self._progress.advance):
            self.written += 1
            return
        if self._is_alone(index, spans):
            self._write_large(index, spans[0])
        else:
            self._write_spans(index, spans)
        if os.path.exists(target):
            self._supply.lend(digest, target)

    def _write_extents(self, indices: Collection[int], layout: PageLayout) -> None:
        """Files that lie raw in blobs: many at once, and those that are blobs one by one."""
        small: list[tuple[Extent, Span]] = []
        large: list[tuple[int, Span]] = []
        sizes = self.page.sizes
        for extent in layout.extents(self.page, range(min(indices), max(indices) + 1)):
            for part in _batches(extent, self.page, indices):
                first = part.indices.start
                length = sum(sizes[index] or 0 for index in part.indices)
                span = Span(part.blob, part.offset, length, length)
                if length <= READ_BYTES:
                    small.append((part, span))
                elif self._is_alone(first, [span]):
                    large.append((first, span))
                else:
                    self._write_spans(first, [span])
        paths = self.page.paths
        reads = self._supply.extents([(span, paths[part.indices.start]) for part, span in small])
        for (part, _), data in zip(small, reads, strict=True):
            self._write_extent(part, data)
        blobs = self._supply.blobs([(span, self._scaffold.aside(index)) for index, span in large])
        for (index, span), bring in zip(large, blobs, strict=True):
            self._write_large(index, span, bring)

    def _is_alone(self, index: int, spans: Sequence[Span]) -> bool:
        """Whether a file is a blob by itself."""
        digest = self.page.digest_at(index)
        return len(spans) == 1 and spans[0].blob.digest == digest and spans[0].codec == RAW

    def _write_extent(self, extent: Extent, read: Callable[[], bytes]) -> None:
        if len(extent.indices) < _SEVERAL:
            self._write_read(extent, self._read_extent(extent, read))
            return
        if not isinstance(self._store, FileStore):
            data = self._read_extent(extent, read)  # several threads may wait for a network
            with self._supply.hands.one():
                self._write_read(extent, data)
            return
        with self._supply.hands.one() as companion:
            if companion is None or not self._write_there(companion, extent, self._store):
                self._write_read(extent, self._read_extent(extent, read))

    def _read_extent(self, extent: Extent, read: Callable[[], bytes]) -> memoryview | None:
        try:
            return memoryview(read())
        except (MissingBlobError, StorageError) as error:
            for index in extent.indices:
                self._report(of_file(error, self._store.url, self.page.paths[index]))
            return None

    def _write_there(self, companion: Companion, extent: Extent, store: FileStore) -> bool:
        """False if nothing was written; what a file lacks is tried once more, which tells why."""
        page, wanted = self.page, extent.indices
        try:
            targets = [*map(self._scaffold.place, page.paths[wanted.start : wanted.stop])]
        except (InvalidPathError, OSError):
            return False
        sizes = [size or 0 for size in page.sizes[wanted.start : wanted.stop]]
        digests = page.digests[32 * wanted.start : 32 * wanted.stop]
        source = os.fspath(store.path(extent.blob.key))
        answer = companion.answer(request(source, extent.offset, targets, sizes, digests))
        if answer is None:
            for target in targets:
                with suppress(OSError):  # some were never made, or could not be
                    os.unlink(target)
            return False
        lacking, offset = {*left_out(answer)}, extent.offset
        for at, (index, size) in enumerate(zip(wanted, sizes, strict=True)):
            if at in lacking:
                self._write_spans(index, [Span(extent.blob, offset, size, size)])
            else:
                self._done(size)
            offset += size
        return True

    def _write_read(self, extent: Extent, data: memoryview | None) -> None:
        if data is None:
            return
        wrong = self._write_contents(extent, data)
        is_renewed = bool(wrong) and forget(self._store, extent.blob.key)
        for index, start, found in wrong:
            if is_renewed:
                size = self.page.sizes[index] or 0
                self._write_spans(index, [Span(extent.blob, extent.offset + start, size, size)])
            else:
                digest = Digest(blake3(found).digest())
                self._report(self._mismatch(index, digest, len(found), extent.blob.key))

    def _write_contents(
        self, extent: Extent, data: memoryview
    ) -> list[tuple[int, int, memoryview]]:
        """The inner loop of a download of small files: two digests are compared as raw bytes.

        Of those that are wrong the index, where it begins, and what was found.
        """
        page, start, wrong = self.page, 0, []
        digests, sizes, paths = page.digests, page.sizes, page.paths
        for index in extent.indices:
            stop = start + (sizes[index] or 0)
            content = data[start:stop]
            if blake3(content).digest() == digests[32 * index : 32 * index + 32] and stop <= len(
                data
            ):
                self._write_content(paths[index], content)
            elif stop > start:
                wrong.append((index, start, content))
            start = stop
        return wrong

    def _write_content(self, path: str, content: memoryview) -> None:
        try:
            fd = self._scaffold.create(path)
        except InvalidPathError as error:
            self._report(error)
            return
        try:
            write_all(fd, content)
        finally:
            os.close(fd)
        self._done(len(content))

    def _write_large(
        self, index: int, blob: Span, bring: Callable[[], None] = lambda: None
    ) -> None:
        """A blob that is a file of this machine is copied by as few hands as possible."""

        def attempt(target: str) -> tuple[Digest, int]:
            bring()
            advance = self._progress.advance
            return made(path, self._supply.copy, blob, self._scaffold.aside(index), target, advance)

        path = self.page.paths[index]
        self._put_together(index, [blob], attempt)

    def _write_spans(self, index: int, spans: Sequence[Span]) -> None:
        def attempt(target: str) -> tuple[Digest, int]:
            hasher, size = blake3(), 0
            fd = self._scaffold.create(path)
            try:
                for data in self._supply.spans(spans, path):
                    hasher.update(data)
                    size += len(data)
                    write_all(fd, memoryview(data))
                    self._progress.advance(len(data))
            finally:
                os.close(fd)
            return Digest(hasher.digest()), size

        path = self.page.paths[index]
        self._put_together(index, spans, attempt)

    def _put_together(
        self, index: int, spans: Sequence[Span], attempt: Callable[[str], tuple[Digest, int]]
    ) -> None:
        """One file by itself, once more if it is wrong and that may be the fault of a copy."""
        path, keys = self.page.paths[index], {span.blob.key: None for span in spans}
        target, key = f"{self._scaffold.folder}/{path}", listed([*keys])
        try:
            self._scaffold.place_new(path)
            try:
                self._check(index, *attempt(target), key)
            except IntegrityError:
                if not forget(self._store, *keys):
                    raise
                remove(target)
                self._check(index, *attempt(target), key)
        except InvalidPathError as error:
            self._report(error)
        except ArtifactsError as error:
            remove(target)
            self._report(of_file(error, self._store.url, path))
        else:
            self.written += 1

    def _write_empty(self, index: int) -> None:
        """An empty file, or a folder that has nothing in it."""
        path = self.page.paths[index]
        try:
            if index in self.page.details and self.page[index].kind:
                self._scaffold.place(f"{path}/")
            else:
                os.close(self._scaffold.create(path))
        except InvalidPathError as error:
            self._report(error)
        else:
            self._done(0)

    def _done(self, size: int) -> None:
        self.written += 1
        self._progress.advance(size)

    def _check(self, index: int, found: Digest, size: int, key: str) -> None:
        """Raises DigestMismatchError, MalformedError."""
        if found != self.page.digest_at(index) or size != self.page.sizes[index]:
            raise self._mismatch(index, found, size, key)

    def _mismatch(self, index: int, found: Digest, size: int, key: str) -> IntegrityError:
        return mismatch(self.page, index, found, size, f"{key} of {self._store.url}")


def _batches(extent: Extent, page: Page, indices: Collection[int]) -> Iterator[Extent]:
    """The parts of an extent that are wanted, each short enough to be read at once."""
    offset = start = extent.offset
    first: int | None = None
    for index in extent.indices:
        size = page.sizes[index] or 0
        is_wanted = index in indices
        if first is not None and (not is_wanted or offset + size - start > READ_BYTES):
            yield Extent(extent.blob, start, range(first, index))
            first = None
        if first is None and is_wanted:
            first, start = index, offset
        offset += size
    if first is not None:
        yield Extent(extent.blob, start, range(first, extent.indices.stop))
